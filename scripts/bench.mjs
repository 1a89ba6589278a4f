// Runs the benches: the native ones below and every tests/bench/*.mjs, one after the other, on an
// idle machine if possible.

import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { at } from "./lib/paths.mjs";
import { Parts, command } from "./lib/parts.mjs";
import { Failure, isMain, main, must } from "./lib/run.mjs";
import { build } from "./build.mjs";
import { ensure } from "./setup.mjs";

/** Measured natively, by an example of a crate; it fails where it is over its own budget. */
const native = { profile: ["-p", "pannier-check", "--example", "profile"], day: ["-p", "pannier", "--features", "testing", "--example", "day"] };

if (isMain(import.meta)) {
  await main(async () => {
    const folder = at("tests", "bench");
    const found = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".mjs")).sort() : [];
    const wanted = process.argv.slice(2);
    const known = [...Object.keys(native), ...found.map((file) => basename(file, ".mjs"))];
    const unknown = wanted.find((name) => !known.includes(name));
    if (unknown) throw new Failure(`there is no bench called ${unknown}: ${known.join(", ")}`);
    const chosen = wanted.length ? wanted : known, inBrowser = chosen.filter((name) => !native[name]);
    await ensure({ tests: inBrowser.length > 0 });
    if (inBrowser.length) {
      await build();
      await must("cargo", ["build", "--release", "-p", "pannier-sandbox"]);
    }
    const parts = new Parts();
    for (const name of chosen) await parts.run(name, () => (native[name] ? command("cargo", ["run", "--release", "-q", ...native[name]]) : command("node", [join(folder, `${name}.mjs`)])));
    return parts.finish();
  });
}
