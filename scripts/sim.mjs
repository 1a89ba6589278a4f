// The deterministic simulation: `npm run sim -- --seeds N [--seed S]`. What the flags mean, and
// which of them are wrong, is the command's own to say; see tests/sim/README.md.

import { isMain, main, must, run } from "./lib/run.mjs";
import { ensure } from "./setup.mjs";

/** Runs the command, built for speed; resolves as `run` does. */
export async function simulate(args) {
  await must("cargo", ["build", "--profile", "sim", "-q", "-p", "pannier-sim"]);
  return run("cargo", ["run", "--profile", "sim", "-q", "-p", "pannier-sim", "--", ...args]);
}

/** So many days as a part of the tests: the first that breaks a promise ends it. */
export async function simulated(days) {
  const { ok } = await simulate(["--seeds", String(days)]);
  return { passed: ok ? days : 0, failed: ok ? 0 : 1 };
}

if (isMain(import.meta)) {
  await main(async () => {
    await ensure({});
    return (await simulate(process.argv.slice(2))).code;
  });
}
