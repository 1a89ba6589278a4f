// Runs the benches: every tests/bench/*.mjs, one after the other, on an idle machine if possible.

import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { at } from "./lib/paths.mjs";
import { Parts, command } from "./lib/parts.mjs";
import { Failure, isMain, main, must } from "./lib/run.mjs";
import { build } from "./build.mjs";
import { ensure } from "./setup.mjs";

if (isMain(import.meta)) {
  await main(async () => {
    const folder = at("tests", "bench");
    const found = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".mjs")).sort() : [];
    if (found.length === 0) { console.log("there is no bench yet: they go to tests/bench/*.mjs"); return 0; }
    const wanted = process.argv.slice(2);
    const known = found.map((file) => basename(file, ".mjs"));
    const unknown = wanted.find((name) => !known.includes(name));
    if (unknown) throw new Failure(`there is no bench called ${unknown}: ${known.join(", ")}`);
    await ensure({ tests: true });
    await build();
    await must("cargo", ["build", "--release", "-p", "pannier-sandbox"]);
    const parts = new Parts();
    for (const name of wanted.length ? wanted : known) await parts.run(name, () => command("node", [join(folder, `${name}.mjs`)]));
    return parts.finish();
  });
}
