// Builds everything that the phone downloads into dist/, and the npm package, in release mode.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assemble } from "./lib/bundles.mjs";
import { cache } from "./lib/paths.mjs";
import { isMain, main, options, seconds, timed } from "./lib/run.mjs";
import { compileModule, modules } from "./lib/wasm.mjs";
import { ensure, wasmBindgenFolder } from "./setup.mjs";

/** Only the wasm modules with their glue and types: what `tsc` has to see. `only` names some of them. */
export async function buildModules(say = console.log, only = modules.map(({ file }) => file)) {
  const bindgen = await wasmBindgenFolder();
  const finishing = [];
  for (const module of modules.filter(({ file }) => only.includes(file))) {
    const compiled = await timed(() => compileModule(module, { bindgen }));
    const finished = timed(compiled.value).then(({ value, ms }) => {
      say(`${module.file}: ${value.skipped ? "unchanged" : `compiled in ${seconds(compiled.ms)}, made small in ${seconds(ms)}`}`);
      return [module.file, value];
    });
    // Told at the end, like the others.
    finished.catch(() => undefined);
    finishing.push(finished);
  }
  return Object.fromEntries(await Promise.all(finishing));
}

/** The whole build; leaves what it is made of for `npm run size`. `say` takes each line. */
export async function build({ say = console.log } = {}) {
  mkdirSync(join(cache, "build"), { recursive: true });
  await ensure();
  const wasm = await buildModules(say);
  const { value: { packages, precache }, ms } = await timed(assemble);
  say(`npm package, page, workers and shell: built in ${seconds(ms)}`);
  const list = (key) => Object.fromEntries(Object.entries(wasm).map(([file, one]) => [file, one[key]]));
  writeFileSync(join(cache, "build", "made-of.json"), JSON.stringify({ packages, precache, crates: list("crates"), functions: list("functions"), heavy: list("heavy") }));
}

if (isMain(import.meta)) {
  await main(async () => {
    options(process.argv.slice(2), {}, { usage: "npm run build" });
    const { ms } = await timed(() => build());
    console.log(`\nbuilt in ${seconds(ms)}: dist/, core/js/lib; npm run size says what it weighs`);
  });
}
