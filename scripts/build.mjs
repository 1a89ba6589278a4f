// Builds everything that the phone downloads into dist/, in release mode, and says how big it is.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assemble, distFiles } from "./lib/bundles.mjs";
import { cache } from "./lib/paths.mjs";
import { Failure, isMain, main, options, seconds, timed } from "./lib/run.mjs";
import { judge, kb, measure } from "./lib/sizes.mjs";
import { table } from "./lib/table.mjs";
import { buildModule, modules } from "./lib/wasm.mjs";
import { ensure, wasmBindgenFolder } from "./setup.mjs";

/** Only the wasm modules with their glue and types: what `tsc` has to see. `only` names some of them. */
export async function buildModules(say = console.log, only = modules.map(({ file }) => file)) {
  const bindgen = await wasmBindgenFolder();
  const built = {};
  for (const module of modules.filter(({ file }) => only.includes(file))) {
    const { value, ms } = await timed(() => buildModule(module, { bindgen }));
    built[module.file] = value;
    say(`${module.file}: ${value.skipped ? "unchanged" : `built in ${seconds(ms)}`}`);
  }
  return built;
}

/** The whole build. `say` takes each line, so that `--json` can keep its output clean. */
export async function build({ say = console.log } = {}) {
  mkdirSync(join(cache, "build"), { recursive: true });
  await ensure();
  const wasm = await buildModules(say);
  const { value: { packages, precache }, ms } = await timed(assemble);
  say(`page, workers and shell: built in ${seconds(ms)}`);
  const report = { unit: "bytes; KB are 1024 bytes; gzip level 9", ...measure(distFiles(), precache), packages };
  report.crates = Object.fromEntries(Object.entries(wasm).map(([file, { crates }]) => [file, crates]));
  report.functions = Object.fromEntries(Object.entries(wasm).map(([file, { functions }]) => [file, functions]));
  report.budgets = judge(report);
  writeFileSync(join(cache, "build", "sizes.json"), `${JSON.stringify(report, undefined, 1)}\n`);
  return report;
}

export const broken = (report) => report.budgets.filter(({ kept }) => !kept)
  .map(({ label, gzip, limit, key }) => (gzip === undefined
    ? `budget of ${label}: dist/${key} is not there`
    : `budget broken: ${label} is ${kb(gzip)} gzipped, ${kb(gzip - limit)} over its ${limit / 1024} KB`));

function print(report, { crates, functions }) {
  console.log("\nin dist (gzipped; 1 KB = 1024 bytes; * precached)");
  const shown = report.files.filter(({ file }) => !file.endsWith(".map"));
  console.log(table([...shown.map(({ file, raw, gzip, precached }) => [`${precached ? "*" : " "} ${file}`, kb(gzip), `raw ${kb(raw)}`]),
    ["* together", kb(report.precache.gzip), `raw ${kb(report.precache.raw)}`]]));
  for (const [file, packages] of Object.entries(report.packages)) {
    console.log(`\nin ${file}, by package (minified, before gzip)\n${table(packages.map(({ name, raw }) => [name, kb(raw)]))}`);
  }
  for (const [file, list] of Object.entries(report.crates)) {
    const many = crates ? list : list.slice(0, 8);
    const rest = list.slice(many.length).reduce((sum, { raw }) => sum + raw, 0);
    console.log(`\nin ${file}, by crate (before gzip)\n${table([...many.map(({ name, raw }) => [name, kb(raw)]), ...(rest ? [["others (--crates lists all)", kb(rest)]] : [])])}`);
  }
  for (const [file, list] of Object.entries(functions ? report.functions : {})) {
    console.log(`\nin ${file}, the largest functions (before gzip; copies: the same generic code for several types)\n${table(list.map(({ name, raw, copies }) => [name.slice(0, 110), String(copies), kb(raw)]))}`);
  }
  console.log("\nbudgets");
  console.log(table(report.budgets.map(({ label, gzip, limit, kept }) => [label, gzip === undefined ? "missing" : kb(gzip), `of ${limit / 1024} KB`, kept ? "kept" : "BROKEN"])));
}

if (isMain(import.meta)) {
  await main(async () => {
    const given = options(process.argv.slice(2), {
      json: { help: "the sizes as JSON on standard output" },
      crates: { help: "every crate in the wasm modules, not only the largest" },
      functions: { help: "the hundred largest functions in each wasm module" },
      sizes: { help: "only the sizes of the last build" },
    }, { usage: "npm run build -- [options]" });
    const { value: report, ms } = await timed(async () => {
      const last = join(cache, "build", "sizes.json");
      if (!given.sizes) return build({ say: given.json ? console.error : console.log });
      if (!existsSync(last)) throw new Failure("nothing was built yet: npm run build");
      return JSON.parse(readFileSync(last, "utf8"));
    });
    if (given.json) console.log(JSON.stringify(report, undefined, 1)); else print(report, given);
    const failures = broken(report);
    if (failures.length) throw new Failure(failures.join("\n"));
    if (!given.json) console.log(`\nbuilt in ${seconds(ms)}: dist/`);
  });
}
