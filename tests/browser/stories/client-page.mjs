// A page with nothing but the public API on it, bundled as an app would bundle it.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { at, dist } from "../../../scripts/lib/paths.mjs";
import { evaluate, says, startSandbox } from "../lib/index.mjs";
import { withCourier } from "./courier.mjs";

/** Fills `folder` with what a sandbox serves as the page. */
async function clientPage(folder) {
  mkdirSync(folder, { recursive: true });
  const built = process.env.PANNIER_DIST ?? dist;
  for (const file of ["core.wasm", "profile.json"]) copyFileSync(join(built, file), join(folder, file));
  await build({
    absWorkingDir: at(), entryPoints: ["tests/browser/pages/client.mjs"], outfile: join(folder, "client.js"),
    bundle: true, format: "esm", target: "safari16.4", logLevel: "silent",
  });
  writeFileSync(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><title>client</title><body>opening<script type="module" src="/client.js"></script>`);
  // Takes the lock of Anna's drains and never lets go.
  writeFileSync(join(folder, "keeper.js"), `navigator.locks.request("pannier:pannier:drain:c-anna", () => { postMessage("held"); return new Promise(() => {}); });`);
  return folder;
}

/** How a call of the page ended: its value, or the error's name, code and message. */
export const call = (driver, work, ...parameters) => evaluate(driver, `async (...given) => {
  try { return { value: await (${work})(...given) }; }
  catch (error) { return { name: error.name, code: error.code, message: error.message }; }
}`, ...parameters);

/** The value of a call that has to succeed. */
export async function done(driver, work, ...parameters) {
  const { value, name, message } = await call(driver, work, ...parameters);
  assert.equal(name, undefined, message);
  return value;
}

/** A courier who is signed in and has the route, in `pannier` of such a page. */
export const withClient = (options, work) => async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "pannier-client-"));
  const server = await startSandbox({ static: await clientPage(folder) });
  try {
    await withCourier({ ...options, server }, async (courier) => {
      await says(courier.driver, "body", "ready", { ms: 15_000 });
      await done(courier.driver, `async () => { await pannier.signIn({ username: "anna", password: "packet123" }); await pannier.refreshRoute(); }`);
      await work(courier);
    })(context);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};
