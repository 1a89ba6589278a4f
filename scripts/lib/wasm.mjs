// Rust to WebAssembly: cargo, then wasm-bindgen for the glue, then wasm-opt for the size. Skipped
// when nothing that goes in has changed.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { wasmTarget } from "./cargo.mjs";
import { at, cache, root } from "./paths.mjs";
import { Failure, must } from "./run.mjs";
import { withShortDoors } from "./wasm-doors.mjs";
import { numbered } from "./wasm-locals.mjs";
import { namedByKinship } from "./wasm-order.mjs";
import { heavy, trapping } from "./wasm-panics.mjs";
import { crates, functions, namesOf, stripped } from "./wasm-sections.mjs";

// What rustc's smallest level still trades size for: loops rewritten for fewer registers, what is
// partly computed already computed on the other ways too, tails of blocks copied to save a jump,
// what is computed twice kept in a local instead (wasm-opt does that where it is shorter).
const small = ["-disable-lsr", "-enable-pre=false", "-enable-load-pre=false", "-disable-tail-duplicate", "-disable-early-taildup", "-disable-machine-cse"]
  .map((option) => `-Cllvm-args=${option}`).join(" ");

// The same crate and options for both, and one glue: what differs is what a shell's system is asked.
const core = { crate: "pannier-wasm", name: "pannier_core", optimize: ["--flatten", "--rereloop", "-Os", "--gufa-optimizing", "-Os", "--converge"], bindgen: ["--experimental-reset-state-function"], lean: true, rustflags: small, inputs: ["core", "profiles"], except: ["core/js", "core/scan", "core/scan-wasm"] };

/** file: its name; beside: its place in the npm package, where the script that loads it is, and from there in dist (or in the shell's files); without, it is the command's; features: of the crate; optimize: small, or fast; profile: in Cargo.toml, if not wasm; bindgen: further options (a trapped core is started anew); lean: a panic is a trap, what is heavy is told, locals are numbered alike; rustflags: vector instructions where they pay, Safari has them since 16.4; inputs: what its bytes depend on besides the files for all */
export const modules = [
  { ...core, file: "core.wasm", beside: "lib/core.wasm", out: "core/js/wasm/core" },
  { ...core, file: "core-shell.wasm", beside: "lib/shell/core-shell.wasm", out: "core/js/wasm/core-shell", features: ["shell"] },
  { file: "scan.wasm", beside: "lib/scanner/scan.wasm", crate: "pannier-scan-wasm", out: "core/js/wasm/scan", name: "pannier_scan", profile: "wasm-vectors", optimize: ["-O3"], rustflags: "-Ctarget-feature=+simd128", inputs: ["core/scan/src", "core/scan/Cargo.toml", "core/scan-wasm"] },
  { file: "command.wasm", crate: "pannier-cli-wasm", out: "core/js/wasm/command", name: "pannier_command", optimize: ["-Os"], rustflags: small, inputs: ["core", "check", "cli", "cli-wasm"], except: ["core/js", "core/scan", "core/scan-wasm", "core/wasm"] },
];
const inputsOfAll = ["Cargo.toml", "Cargo.lock", "scripts/lib/wasm.mjs", "scripts/lib/wasm-doors.mjs", "scripts/lib/wasm-locals.mjs", "scripts/lib/wasm-order.mjs", "scripts/lib/wasm-panics.mjs", "scripts/lib/wasm-sections.mjs"];

// Everything here is in Safari 16.4; Rust emits it by default, wasm-opt only has to know.
const features = ["bulk-memory", "bulk-memory-opt", "nontrapping-float-to-int", "sign-ext", "mutable-globals", "reference-types", "multivalue", "simd"];

// For the core, -Os gives a larger module than -Oz and a smaller download; blocks and loops made anew
// from the plain flow of control take another half percent off, and so does going on until nothing
// becomes smaller.
// Inlining what is called once makes the module smaller and its gzip a tenth larger: functions of
// different kinds run into each other and the repetition that gzip lives on is gone.
const inlining = ["--one-caller-inline-max-function-size=0"];
// The stack lies lowest, and its first kilobyte is the last to be used: offsets may be folded.
const memory = ["--low-memory-unused"];

function* files(path, except) {
  if (!existsSync(path) || except.some((one) => path === at(one))) return;
  if (statSync(path).isFile()) { yield path; return; }
  for (const name of readdirSync(path).sort()) {
    if (name !== "target" && name !== "node_modules") yield* files(join(path, name), except);
  }
}

export function hashOf(paths, except = []) {
  const hash = createHash("sha256");
  for (const path of paths) {
    for (const file of files(at(path), except)) hash.update(`${relative(root, file)}\0`).update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** Where the names of a module's functions are kept, by number: a trap tells numbers. */
export const namesFile = (file) => join(cache, "build", `${file}.names.json`);
const stampOf = (module) => join(cache, "build", `${module.file}.json`);

function upToDate(module, hash) {
  const output = [`${module.name}.js`, `${module.name}_bg.wasm`, `${module.name}.d.ts`].map((file) => at(module.out, file));
  if (![stampOf(module), namesFile(module.file), ...output].every((path) => existsSync(path))) return undefined;
  const stamp = JSON.parse(readFileSync(stampOf(module), "utf8"));
  return stamp.hash === hash ? stamp : undefined;
}

/**
 * Compiles one module into core/js/wasm and gives what makes it small and says which crates its bytes come from. That takes
 * one core, and nothing of cargo's: other modules are compiled meanwhile.
 */
export async function compileModule(module, { bindgen }) {
  const hash = hashOf([...inputsOfAll, ...module.inputs], module.except);
  const done = upToDate(module, hash);
  if (done) return () => Promise.resolve({ ...done, skipped: true });
  // Names stay until the crates are summed; `stripped` takes them off what is shipped.
  const profile = module.profile ?? "wasm";
  // A library for tests beside it, in the same run, would keep alive what only that one exports: 3 KB.
  await must("cargo", ["rustc", "--lib", "--crate-type", "cdylib", "--profile", profile, "--target", wasmTarget, "-p", module.crate, ...(module.features ? ["--features", module.features.join()] : [])], {
    env: { [`CARGO_PROFILE_${profile.toUpperCase().replaceAll("-", "_")}_STRIP`]: "none", ...(module.rustflags ? { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: module.rustflags } : {}) },
  });
  const compiled = at("target", wasmTarget, profile, `${module.crate.replaceAll("-", "_")}.wasm`);
  if (!existsSync(compiled)) throw new Failure(`cargo built ${module.crate} but ${relative(root, compiled)} is not there: is its crate-type cdylib?`);
  await must(join(bindgen, "wasm-bindgen"), [compiled, "--target", "web", "--omit-default-module-path", "--out-dir", at(module.out), "--out-name", module.name, ...(module.bindgen ?? [])], { quiet: true });
  const made = (end) => at(module.out, `${module.name}${end}`);
  const { bytes, inGlue } = withShortDoors(readFileSync(made("_bg.wasm")));
  writeFileSync(made("_bg.wasm"), bytes);
  for (const glue of [".js", ".d.ts", "_bg.wasm.d.ts"].map(made)) writeFileSync(glue, inGlue(readFileSync(glue, "utf8")));
  return () => finish(module, hash);
}

async function finish(module, hash) {
  const glue = at(module.out, `${module.name}_bg.wasm`);
  const optimize = (options) => must("node", [at("node_modules/binaryen/bin/wasm-opt"), ...options, "-g", ...features.map((name) => `--enable-${name}`), glue, "-o", glue], { quiet: true });
  if (module.lean) writeFileSync(glue, trapping(readFileSync(glue)));
  await optimize([...module.optimize, ...inlining, ...memory]);
  const bytes = readFileSync(glue);
  const stamp = { hash, crates: crates(bytes), functions: functions(bytes).slice(0, 100), heavy: module.lean ? heavy(bytes) : [] };
  // Twice: kin are found by their locals' numbers, and wasm-opt declares locals in an order of its own.
  const numbers = module.lean ? numbered : (as) => as;
  writeFileSync(glue, namedByKinship(numbers(bytes)));
  // The levels of -Os, whose passes have run: what it saves while writing would be lost otherwise.
  await optimize(["--reorder-functions-by-name", "--optimize-level=2", "--shrink-level=1"]);
  const placed = numbers(readFileSync(glue));
  writeFileSync(glue, stripped(placed));
  mkdirSync(join(cache, "build"), { recursive: true });
  writeFileSync(namesFile(module.file), JSON.stringify(Object.fromEntries([...namesOf(placed)].map(([index, name]) => [index, name.replace(/^own \d+ /, "")]))));
  writeFileSync(stampOf(module), JSON.stringify(stamp));
  return { ...stamp, skipped: false };
}
