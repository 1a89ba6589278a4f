// The npm package in core/js: TypeScript to ES modules with types and maps, the scanner's worker in
// one file, and the wasm modules beside the scripts that load them, where bundlers look for them.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { at, root } from "./paths.mjs";
import { Failure, must } from "./run.mjs";
import { modules } from "./wasm.mjs";

const folder = (...parts) => at("core", "js", ...parts);

/** Classic, so that every browser and every bundler starts it, and whole, so that it can be copied. */
const worker = { entry: "src/scanner/scanner-worker.ts", file: "lib/scanner/scanner-worker.js" };

const copies = [
  ...modules.filter(({ beside }) => beside).map(({ beside, out, name }) => ({ from: at(out, `${name}_bg.wasm`), to: folder(beside) })),
  { from: at("static", "pannier-probe.txt"), to: folder("lib", "pannier-probe.txt") },
  ...["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"].map((name) => ({ from: at(name), to: folder(name) })),
];

/** As many as the watch has named: a list of them for each call would cost more than most calls. */
const PARAMETERS_MAX = 8;
const WATCH_BEGINS = "\n// What watches the exports.\n";
const watch = {
  js: `${WATCH_BEGINS}let trapped = () => undefined;

/** Tells of a trap in this module, and of no other module's. */
export function onTrap(listener) { trapped = listener; }

function watched(exports) {
  return Object.fromEntries(Object.entries(exports).map(([name, value]) => [name, typeof value !== "function" ? value : (a, b, c, d, e, f, g, h) => {
    try {
      return value(a, b, c, d, e, f, g, h);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) trapped(error);
      throw error;
    }
  }]));
}
`,
  types: `
/** Tells of a trap in this module, and of no other module's. */
export function onTrap(listener: (error: WebAssembly.RuntimeError) => void): void;
`,
};

const named = (file) => modules.find((module) => module.file === file);

/** Holds the browser's module to the glue of the shell's: the same exports, and no import that the other has not. */
async function sharesGlue() {
  const [browser, shell] = await Promise.all(["core.wasm", "core-shell.wasm"].map((file) => {
    const { out, name } = named(file);
    return WebAssembly.compile(readFileSync(at(out, `${name}_bg.wasm`)));
  }));
  const doors = (list) => list.map(({ module = "", name, kind }) => [module, name, kind].join(" ")).sort();
  const known = new Set(doors(WebAssembly.Module.imports(shell)));
  const missing = doors(WebAssembly.Module.imports(browser)).filter((one) => !known.has(one));
  const [own, other] = [browser, shell].map((module) => doors(WebAssembly.Module.exports(module)).join("\n"));
  if (missing.length || own !== other) throw new Failure(`core.wasm does not go with the glue of core-shell.wasm: ${missing.join(", ") || "other exports"}`);
}

/**
 * Whatever enters the core goes through its exports: there its traps are seen, and nobody else's. Its
 * glue is changed where wasm-bindgen left it, once.
 */
function watchCore() {
  const module = named("core-shell.wasm");
  const glue = at(module.out, `${module.name}.js`), types = at(module.out, `${module.name}.d.ts`);
  const text = readFileSync(glue, "utf8");
  if (text.endsWith(watch.js)) return;
  // An older watch goes before the newer one comes.
  const bare = text.split(WATCH_BEGINS)[0].replace(/\bwasm = watched\((\w+\.exports)\);/g, "wasm = $1;");
  const places = bare.match(/\bwasm = \w+\.exports;/g) ?? [];
  // Where it is instantiated first, and where anew.
  if (places.length !== 2) throw new Failure(`${module.name}.js is not as expected: ${places.length} places take the exports`);
  const typed = readFileSync(types, "utf8");
  const most = Math.max(...[...typed.matchAll(/^ +readonly \w+: \((.*)\) => /gm)].map(([, list]) => list.split(",").length));
  if (!(most <= PARAMETERS_MAX)) throw new Failure(`an export of ${module.name} has ${most} parameters, its watch hands on ${PARAMETERS_MAX}`);
  if (!typed.includes(watch.types)) writeFileSync(types, typed + watch.types);
  writeFileSync(glue, bare.replace(/\bwasm = (\w+\.exports);/g, "wasm = watched($1);") + watch.js);
}

/** The host that the package ships, as a script that the tests of core/wasm hold in their own module. */
export async function hostScript() {
  const { build } = await import("esbuild");
  await build({ entryPoints: [at("core/js/src/host/index.ts")], outfile: at("core/js/wasm/host.js"), bundle: true, format: "iife", globalName: "host", target: "safari16.4", logLevel: "error" });
}

/** Fills core/js/lib from scratch. The wasm modules and their types have to be there. */
export async function compilePackage() {
  rmSync(folder("lib"), { recursive: true, force: true });
  await sharesGlue();
  watchCore();
  await must("node", [at("node_modules", "typescript", "bin", "tsc"), "-p", folder("tsconfig.json")], { quiet: true });
  const esbuild = await import("esbuild");
  await esbuild.build({
    absWorkingDir: folder(), entryPoints: [worker.entry], outfile: worker.file, allowOverwrite: true,
    bundle: true, format: "iife", minify: true, sourcemap: "linked", target: "safari16.4", legalComments: "none", logLevel: "error",
  });
  for (const { from, to } of copies) {
    if (!existsSync(from)) throw new Failure(`${relative(root, from)} is missing: npm run build`);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, to);
  }
}
