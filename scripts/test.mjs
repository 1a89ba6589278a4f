// Everything: the quick loop, the build with its budgets, the packed package in other people's
// projects, the contract suites and the stories in three browsers. `npm test -- contract browser` runs only those parts, PANNIER_ENGINES=firefox the
// stories only there.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { BROWSER_LOST, engines } from "./lib/browsers.mjs";
import { browserCrates } from "./lib/cargo.mjs";
import { contractSuite } from "./lib/contract.mjs";
import { at } from "./lib/paths.mjs";
import { packed } from "./lib/packed.mjs";
import { Parts, cargoCounts, nodeTests } from "./lib/parts.mjs";
import { Failure, isMain, main, must, options, run } from "./lib/run.mjs";
import { build } from "./build.mjs";
import { check } from "./check.mjs";
import { simulated } from "./sim.mjs";
import { ensure, wasmBindgenFolder } from "./setup.mjs";
import { broken, size } from "./size.mjs";

const kinds = ["native", "simulation", "packaging", "contract", "browser"];
const DAYS = 2_000;

async function buildAll() {
  // Beside the modules, whose last step keeps one core busy and leaves the other idle.
  const servers = must("cargo", ["build", "--release", "-p", "pannier-sandbox", "-p", "desk-rescue"]);
  servers.catch(() => undefined);
  await build();
  const report = await size();
  const over = broken(report);
  for (const line of over) console.error(line);
  await servers;
  return { passed: report.budgets.length - over.length, failed: over.length };
}

/** The native command's own tests, on the command that the npm package brings. */
async function packedCommand() {
  const { folder, remove } = await packed();
  try {
    return cargoCounts(await run("cargo", ["test", "-p", "pannier-cli", "--test", "command"], { env: { PANNIER_COMMAND: join(folder, "bin", "pannier.mjs") } }));
  } finally {
    remove();
  }
}

async function contract(engine) {
  const runner = join(await wasmBindgenFolder(), "wasm-bindgen-test-runner");
  const counts = cargoCounts(await contractSuite(engine, { runner, packages: browserCrates }));
  if (counts.passed + counts.failed === 0) throw new Failure(`no contract suite ran in ${engine}: core/wasm has no browser tests`);
  return counts;
}

function testsIn(name) {
  const folder = at("tests", name);
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".test.mjs")).sort() : [];
  if (files.length === 0) throw new Failure(`there is no test in tests/${name}`);
  return files.map((file) => join(folder, file));
}

// A story waits for its browser more than it works: two at once take little more than half the time.
const stories = (engine) => nodeTests(testsIn("browser"), { together: 2, again: BROWSER_LOST, env: { PANNIER_ENGINES: engine } });

if (isMain(import.meta)) {
  await main(async () => {
    const { words } = options(process.argv.slice(2), {}, { usage: "npm test -- [native] [simulation] [packaging] [contract] [browser]", words: kinds });
    const wanted = (kind) => words.length === 0 || words.includes(kind);
    const onBuild = wanted("packaging") || wanted("browser");
    const inBrowser = onBuild || wanted("contract");
    const parts = new Parts();
    // Without its tools no part means anything: a failure here ends the run, in plain words.
    await ensure({ lint: wanted("native"), tests: inBrowser });

    let built = false;
    if (onBuild) built = await parts.run("build and budgets", buildAll) || existsSync(at("dist", "sw.js"));
    if (wanted("native")) await check(parts);
    for (const [name, work] of wanted("packaging") ? [["the packed package's command", packedCommand], ["the packed package in other projects", () => nodeTests(testsIn("packaging"))]] : []) {
      if (built) await parts.run(name, work); else parts.skip(name, "the build failed");
    }
    if (wanted("simulation")) {
      await parts.run("the simulation's own tests", async () => cargoCounts(await run("cargo", ["test", "--release", "-p", "pannier-sim"])));
      await parts.run(`${DAYS} days from their seeds`, () => simulated(DAYS));
    }
    if (wanted("contract")) for (const engine of engines) await parts.run(`contract suites in ${engine}`, () => contract(engine));
    if (wanted("browser")) {
      for (const engine of process.env.PANNIER_ENGINES?.split(",") ?? engines) {
        if (built) await parts.run(`stories in ${engine}`, () => stories(engine)); else parts.skip(`stories in ${engine}`, "the build failed");
      }
    }
    return parts.finish();
  });
}
