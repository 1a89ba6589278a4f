// TypeScript to what the browser loads: the page and the workers, from the npm package as an app
// of somebody else's would use it.

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { compilePackage } from "./package.mjs";
import { at, cache, dist, root } from "./paths.mjs";
import { Failure } from "./run.mjs";

/** file: name in dist; classic scripts run where a module worker may not be had */
export const bundles = [
  // What few ask for stands in files of its own, loaded by `import()`.
  { file: "app.js", entry: "web/src/main.ts", format: "esm", splitting: true },
  { file: "selfcheck.js", entry: "selfcheck/src/main.ts", format: "esm" },
  { file: "selfcheck-worker.js", entry: "selfcheck/src/selfcheck-worker.ts", format: "iife" },
  { file: "sw.js", entry: "service-worker/src/sw.ts", format: "iife" },
];

/** What the package's scripts look for beside the bundle they end up in. */
const beside = ["core.wasm", "scanner/scan.wasm", "scanner/scanner-worker.js"];

const profile = "profiles/sandbox.json";

/** Everything the shell needs to open without a network. */
const precached = ["**/*.{html,css,js,wasm,json,webmanifest,svg,png,ico,woff2}"];

function present(path, what) {
  if (!existsSync(at(path))) throw new Failure(`${path} is missing: ${what}`);
  return at(path);
}

/** What a build is called: page and worker of one build by one name, those of another source by another. */
function stamp() {
  const files = ["web/src", "service-worker/src", "capacitor/src", "static", "core/js/src", "core/js/wasm"].flatMap((folder) => readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)))).sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(at(file)));
  return hash.digest("hex").slice(0, 8);
}

async function bundle({ file, entry, format, splitting = false }, outfile) {
  const esbuild = await import("esbuild");
  try {
    const { metafile } = await esbuild.build({
      absWorkingDir: root,
      entryPoints: [present(entry, `${file} is made of it`)],
      ...(splitting ? { splitting, outdir: dirname(outfile), entryNames: basename(outfile, ".js"), chunkNames: "[name]-[hash]" } : { outfile }),
      format, bundle: true, minify: true, metafile: true,
      target: "safari16.4",
      sourcemap: format === "esm" ? "linked" : false,
      legalComments: "none",
      logLevel: "silent",
      define: {
        "process.env.NODE_ENV": '"production"',
        PANNIER_BUILD: JSON.stringify(stamp()),
        // Where the package looks for its files when nobody says where they are; a classic script
        // has no import.meta, and its own address is the same.
        ...(format === "iife" ? { "import.meta.url": "self.location.href" } : {}),
      },
    });
    return Object.values(metafile.outputs).find((output) => output.entryPoint === entry);
  } catch (error) {
    if (!error.errors) throw error;
    const text = await esbuild.formatMessages(error.errors, { kind: "error", color: process.stdout.isTTY });
    throw new Failure(`${file} cannot be bundled:\n${text.join("")}`);
  }
}

/** The npm package or workspace folder that a source file belongs to. */
export function packageOf(path) {
  const inside = path.match(/^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/);
  if (inside) return inside[1];
  if (path.startsWith("core/js/wasm/")) return "pannier (wasm glue)";
  if (path.startsWith("core/js/")) return "pannier";
  return path.split("/")[0];
}

function byPackage({ inputs }) {
  const sums = new Map();
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const name = packageOf(path);
    sums.set(name, (sums.get(name) ?? 0) + bytesInOutput);
  }
  return [...sums].map(([name, raw]) => ({ name, raw })).filter(({ raw }) => raw > 0).sort((a, b) => b.raw - a.raw);
}

/** The page's script for the Capacitor shell, which no browser ever loads. */
export const shell = (outfile) => bundle({ file: "the shell's app.js", entry: "capacitor/src/main.ts", format: "esm", splitting: true }, outfile);

/** Fills dist from scratch; gives the packages in each script and the list that is precached. */
export async function assemble() {
  present("static/index.html", "the page's shell");
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  cpSync(at("static"), dist, { recursive: true });
  cpSync(present(profile, "the profile that the page starts with"), join(dist, "profile.json"));
  await compilePackage();
  for (const file of beside) cpSync(at("core", "js", "lib", file), join(dist, basename(file)));

  const unlisted = join(cache, "build", "sw.js");
  const packages = {};
  for (const one of bundles) {
    packages[one.file] = byPackage(await bundle(one, one.file === "sw.js" ? unlisted : join(dist, one.file)));
  }

  const { injectManifest } = (await import("workbox-build")).default;
  const { warnings } = await injectManifest({
    swSrc: unlisted, swDest: join(dist, "sw.js"),
    globDirectory: dist, globPatterns: precached,
    maximumFileSizeToCacheInBytes: 8 * 1024 * 1024,
  }).catch((error) => { throw new Failure(`the list of files to precache cannot be put into sw.js: ${error.message}`); });
  for (const warning of warnings) console.warn(`precache: ${warning}`);
  return { packages, precache: listed() };
}

/** Every file of dist, relative. */
export function distFiles(folder = dist) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? distFiles(path) : [relative(dist, path)];
  }).sort();
}

/** What injectManifest wrote, read back from the worker that ships. */
function listed() {
  const text = readFileSync(join(dist, "sw.js"), "utf8");
  return distFiles().filter((file) => text.includes(`"url":"${file}"`) || text.includes(`url:"${file}"`));
}

