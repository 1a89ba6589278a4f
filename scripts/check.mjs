// The quick loop: format, lint, types, tidiness, native tests. Runs all of it and tells every
// failure at the end.

import { existsSync, readdirSync } from "node:fs";
import { wasmCrates, wasmTarget } from "./lib/cargo.mjs";
import { compilePackage, hostScript } from "./lib/package.mjs";
import { at } from "./lib/paths.mjs";
import { Parts, cargoCounts, command, nodeTests } from "./lib/parts.mjs";
import { isMain, main, options, run } from "./lib/run.mjs";
import { modules } from "./lib/wasm.mjs";
import { buildModules } from "./build.mjs";
import { ensure } from "./setup.mjs";
import { simulated } from "./sim.mjs";
import { tidy } from "./tidy.mjs";

const strictly = ["--", "-D", "warnings"];
const native = ["--workspace", ...wasmCrates.flatMap((name) => ["--exclude", name])];
// The module for shells has all that the browser's has.
const browser = [...wasmCrates.flatMap((name) => ["-p", name]), "--features", "pannier-wasm/shell", "--target", wasmTarget];

const days = 100;

async function types() {
  // tsc has to see the types that wasm-bindgen writes. The last build's will do for a quick loop;
  // `npm test` builds first.
  const built = modules.every(({ out, name }) => existsSync(at(out, `${name}.d.ts`)));
  if (!built) await buildModules();
  // Page and workers use the package as it ships, so it is compiled first.
  await compilePackage();
  return command("node", [at("node_modules", "typescript", "bin", "tsc"), "--noEmit", "-p", at("tsconfig.json")]);
}

const selfTests = () => readdirSync(at("scripts")).filter((file) => file.endsWith(".test.mjs")).sort().map((file) => at("scripts", file));

/** Runs the quick parts. */
export async function check(parts) {
  await parts.run("format", () => command("cargo", ["fmt", "--all", "--check"]));
  await parts.run("tidy", tidy);
  await parts.run("the menu's own tests", () => nodeTests(selfTests()));
  await parts.run("types", types);
  await parts.run("lint", () => command("cargo", ["clippy", ...native, "--all-targets", ...strictly]));
  await parts.run("documentation", () => command("cargo", ["doc", ...native, "--no-deps"], { env: { RUSTDOCFLAGS: "-D warnings" } }));
  await hostScript();
  await parts.run("lint for the browser", () => command("cargo", ["clippy", ...browser, "--all-targets", ...strictly]));
  // Whole days take minutes without optimisation: the simulation runs in a build made for speed.
  await parts.run("native tests", async () => cargoCounts(await run("cargo", ["test", ...native, "--exclude", "pannier-sim"])));
  await parts.run(`${days} days from their seeds`, () => simulated(days));
}

if (isMain(import.meta)) {
  await main(async () => {
    options(process.argv.slice(2), {}, { usage: "npm run check" });
    await ensure({ lint: true });
    const parts = new Parts();
    await check(parts);
    return parts.finish();
  });
}
