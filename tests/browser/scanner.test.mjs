// What the scanner says about pictures and about itself, with nothing of the courier's page around it.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";
import { at, dist } from "../../scripts/lib/paths.mjs";
import { says, startSandbox, until } from "./lib/index.mjs";
import { done } from "./stories/client-page.mjs";
import { engines, withCourier } from "./stories/courier.mjs";

async function scannerPage(folder) {
  mkdirSync(folder, { recursive: true });
  const built = process.env.PANNIER_DIST ?? dist;
  for (const file of ["scan.wasm", "scanner-worker.js"]) copyFileSync(join(built, file), join(folder, file));
  await build({
    absWorkingDir: at(), entryPoints: ["tests/browser/pages/scanner.mjs"], outfile: join(folder, "scanner.js"),
    bundle: true, format: "esm", target: "safari16.4", logLevel: "silent",
  });
  writeFileSync(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><title>scanner</title><body>opening<script type="module" src="/scanner.js"></script>`);
  return folder;
}

for (const engine of engines) {
  const story = (name, work) => test(`${engine}: ${name}`, { timeout: 120_000 }, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), "pannier-scanner-"));
    const server = await startSandbox({ static: await scannerPage(folder) });
    try {
      await withCourier({ engine, server }, async (courier) => {
        await says(courier.driver, "body", "ready", { ms: 15_000 });
        await work(courier);
      })(context);
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  story("a picture by itself is judged: sharp, soft, dark, white", async ({ driver }) => {
    const [sharp, soft, dark, white, codes] = await done(driver, `async () => {
      const scanner = window.scanner = new Scanner({});
      const out = [];
      for (const look of [{}, { blur: 4 }, { light: 0.15 }, { text: "", light: 9 }]) out.push(await scanner.judge(label(look)));
      const large = Object.assign(document.createElement("canvas"), { width: 5120, height: 2880 });
      large.getContext("2d").drawImage(label(), 0, 0, 5120, 2880);
      out.push((await scanner.scanStill(large)).map(({ text, corners }) => ({ text, corners: [...corners] })));
      return out;
    }`);
    assert.equal(sharp.advice, undefined);
    assert.equal(soft.advice, "still");
    assert.equal(dark.advice, "light");
    assert.ok(sharp.sharpness > soft.sharpness * 3, JSON.stringify([sharp, soft]));
    assert.ok(sharp.exposure > 0.3 && sharp.exposure < 0.7 && dark.exposure < 0.12, JSON.stringify([sharp, dark]));
    assert.equal(white.advice, "shade");
    // Larger than the module takes: the places are the picture's own all the same.
    assert.deepEqual(codes.map(({ text }) => text), ["PN-7H2K-0001"]);
    const xs = codes[0].corners.filter((_, index) => index % 2 === 0);
    assert.ok(Math.min(...xs) > 1900 && Math.max(...xs) < 3220, JSON.stringify(xs));
  });

  story("a video's figures are told: pictures a second, time, the try that succeeded, what would help", async ({ driver }) => {
    await done(driver, `async () => {
      window.seen = { codes: [], stats: [] };
      window.scanner = new Scanner({ onCodes: (codes) => seen.codes.push(...codes), onStats: (stats) => seen.stats.push(stats) });
      scanner.start(await video({}));
    }`);
    const last = (what, told) => until(async () => {
      const stats = await done(driver, "() => seen.stats.at(-1)");
      return stats && told(stats) && stats;
    }, { what, ms: 30_000 });
    const found = await last("a code and its try", (stats) => stats.foundBy && stats.fps > 0);
    assert.match(found.foundBy, /^(again )?(full|half)/);
    assert.deepEqual([found.width, found.height, found.restarts], [1280, 720, 0]);
    assert.ok(found.decodeMs > 0, String(found.decodeMs));
    // Once it was out of sight for two seconds, as on a machine that is busy elsewhere, it is new again.
    const codes = await until(async () => {
      const told = await done(driver, "() => seen.codes.map(({ text, isNew }) => [text, isNew])");
      return told.some(([, isNew]) => !isNew) && told;
    }, { what: "the code to be seen again, and not as a new one", ms: 30_000 });
    assert.deepEqual(codes[0], ["PN-7H2K-0001", true]);
    assert.ok(codes.every(([text]) => text === "PN-7H2K-0001"), String(codes));
    await done(driver, `() => show({ text: "PN-7H2K-0002", reversed: true })`);
    await last("the inverted code's try", (stats) => stats.foundBy.includes("inverted"));
    await done(driver, `() => show({ text: "", light: 0.1 })`);
    const { advice } = await last("advice on the dark", (stats) => stats.advice);
    assert.equal(advice, "light");
    // A second picture would have to wait for the video.
    const refused = await done(driver, "() => scanner.judge(label()).then(() => undefined, ({ code }) => code)");
    assert.equal(refused, "scanner_unavailable");
  });
}
