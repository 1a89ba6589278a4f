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
  copyFileSync(at("core", "js", "lib", "shell", "core-shell.wasm"), join(folder, "core-shell.wasm"));
  const bundled = { absWorkingDir: at(), bundle: true, format: "esm", target: "safari16.4", logLevel: "silent" };
  await build({ ...bundled, entryPoints: ["tests/browser/pages/client.mjs"], outfile: join(folder, "client.js") });
  // Once more by itself: what a page found out about its storage it goes by as long as it lives.
  await build({ ...bundled, entryPoints: ["core/js/lib/storage.js"], outfile: join(folder, "storage.js") });
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

/** A note. */
export const write = (driver, text, stop = "st-07") => done(driver, `(stop, text) => pannier.record({ kind: "note", stop, text })`, stop, text);
/** A picture of its own colour and of many bytes, staged and recorded at a stop. */
export const photograph = (driver, stop, hue) => done(driver, `async (stop, hue) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  const paint = canvas.getContext("2d");
  for (let x = 0; x < 640; x += 4) { paint.fillStyle = "hsl(" + (hue + x * 7) % 360 + " 80% " + (20 + x % 60) + "%)"; paint.fillRect(x, 0, 4, 480 - x / 2); }
  const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
  const { handle } = await pannier.stage(await png.arrayBuffer(), "image/jpeg");
  return pannier.record({ kind: "photo", stop, blob: handle });
}`, stop, hue);
/** A file that the page made, with what it was told of it. */
export async function file(driver, make, ...given) {
  const told = await done(driver, `async (...given) => {
    const made = await (${make})(...given);
    const address = await new Promise((resolve) => { const reader = new FileReader(); reader.onload = () => resolve(reader.result); reader.readAsDataURL(made.blob); });
    const { blob: _, ...rest } = made;
    return { ...rest, type: made.blob.type, base64: address.slice(address.indexOf(",") + 1) };
  }`, ...given);
  return { ...told, bytes: Buffer.from(told.base64, "base64") };
}

/** A pair of the office's, the public one as an app is given it. */
export const officeKeys = async () => {
  const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
  const jwk = await crypto.subtle.exportKey("jwk", publicKey);
  const spki = Buffer.from(await crypto.subtle.exportKey("spki", publicKey)).toString("base64");
  const raw = Buffer.from(await crypto.subtle.exportKey("raw", publicKey));
  const privatePem = async () => {
    const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", privateKey)).toString("base64");
    return `-----BEGIN PRIVATE KEY-----\n${pkcs8.match(/.{1,64}/gu).join("\n")}\n-----END PRIVATE KEY-----\n`;
  };
  return { jwk, pem: `-----BEGIN PUBLIC KEY-----\n${spki.match(/.{1,64}/gu).join("\n")}\n-----END PUBLIC KEY-----\n`, raw, privateKey, privatePem };
};
