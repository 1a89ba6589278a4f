// What the last build weighs: every file of dist, and what each entry of the npm package costs who
// imports it. Fails when a budget is broken.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { distFiles } from "./lib/bundles.mjs";
import { cache } from "./lib/paths.mjs";
import { Failure, isMain, main, options } from "./lib/run.mjs";
import { entryCosts, judge, kb, measure } from "./lib/sizes.mjs";
import { table } from "./lib/table.mjs";
import { namesFile } from "./lib/wasm.mjs";

/** The sizes of the last build, judged. */
export async function size() {
  const made = join(cache, "build", "made-of.json");
  if (!existsSync(made)) throw new Failure("nothing was built yet: npm run build");
  const { packages, precache, crates, functions, heavy } = JSON.parse(readFileSync(made, "utf8"));
  const report = { unit: "bytes; KB are 1024 bytes; gzip level 9", ...measure(distFiles(), precache), entries: await entryCosts(), packages, crates, functions, heavy };
  return { ...report, budgets: judge(report) };
}

/** A sentence for each budget that is broken, and for each heavy thing that came back. */
export const broken = (report) => [...report.budgets.filter(({ kept }) => !kept)
  .map(({ label, gzip, limit, key }) => (gzip === undefined
    ? `budget of ${label}: there is no ${key}`
    : `budget broken: ${label} is ${kb(gzip)} gzipped, ${kb(gzip - limit)} over its ${limit / 1024} KB`)),
...Object.entries(report.heavy).flatMap(([file, list]) => list.map(({ what, name }) => `${file} has ${name}: ${what}`))];

function print(report, { crates, functions }) {
  console.log("\nin dist (gzipped; 1 KB = 1024 bytes; * precached)");
  const shown = report.files.filter(({ file }) => !file.endsWith(".map"));
  console.log(table([...shown.map(({ file, raw, gzip, precached }) => [`${precached ? "*" : " "} ${file}`, kb(gzip), `raw ${kb(raw)}`]),
    ["* together", kb(report.precache.gzip), `raw ${kb(report.precache.raw)}`]]));
  console.log("\nin an app's shell, in the place of core.wasm");
  console.log(table(report.apart.map(({ file, raw, gzip }) => [file, kb(gzip), `raw ${kb(raw)}`])));
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
  console.log("\nwhat an entry of the npm package costs (gzipped; with what it imports)");
  console.log(table([["", "script", "wasm", "loaded when used"], ...report.entries.map(({ entry, script, wasm, later }) => [entry, kb(script), wasm ? kb(wasm) : "-", later ? kb(later) : "-"])]));
  console.log("\nbudgets");
  console.log(table(report.budgets.map(({ label, gzip, limit, kept }) => [label, gzip === undefined ? "missing" : kb(gzip), `of ${limit / 1024} KB`, kept ? "kept" : "BROKEN"])));
}

if (isMain(import.meta)) {
  await main(async () => {
    const given = options(process.argv.slice(2), {
      json: { help: "as JSON on standard output" },
      crates: { help: "every crate in the wasm modules, not only the largest" },
      functions: { help: "the hundred largest functions in each wasm module" },
      place: { value: "number", help: "the name of this function of core.wasm and of core-shell.wasm, as a trap tells its number" },
    }, { usage: "npm run size -- [options]" });
    if (given.place !== undefined) {
      const found = ["core.wasm", "core-shell.wasm"].flatMap((file) => {
        const name = JSON.parse(readFileSync(namesFile(file), "utf8"))[given.place];
        return name ? [`${file}: ${name}`] : [];
      });
      if (found.length === 0) throw new Failure(`neither core.wasm nor core-shell.wasm has a function ${given.place}`);
      console.log(found.join("\n"));
      return;
    }
    const report = await size();
    if (given.json) console.log(JSON.stringify(report, undefined, 1)); else print(report, given);
    const failures = broken(report);
    if (failures.length) throw new Failure(failures.join("\n"));
  });
}
