// docs/shell.md, done as it says: the package from its archive beside Capacitor's packages, a build,
// and a delivery in a browser, where the plugins' own web implementations stand for the phone.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { at } from "../../scripts/lib/paths.mjs";
import { says, startSandbox, until } from "../browser/lib/index.mjs";
import { exactlyOnce } from "../browser/stories/backend.mjs";
import { done } from "../browser/stories/client-page.mjs";
import { allSent, networkIsBack, withCourier } from "../browser/stories/courier.mjs";
import { operations } from "../browser/stories/store.mjs";
import { endOfPacking, project } from "./lib/project.mjs";
import { files, filesOf } from "./lib/tutorial.mjs";

const capacitor = ["app", "core", "local-notifications", "network"].map((name) => `@capacitor/${name}`);
/** How the test gets hold of what the page opened. */
const LENT = `Object.assign(globalThis, { pannier });\ndocument.body.textContent = "ready";\n`;

after(endOfPacking);

async function deliver(stopId) {
  const { pannier } = globalThis;
  const stop = (await pannier.route()).stops.find(({ id }) => id === stopId);
  await pannier.record({ kind: "arrive", stop: stopId });
  for (const { code } of stop.parcels) await pannier.record({ kind: "scan", stop: stopId, code, source: "typed" });
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  canvas.getContext("2d").fillText(stopId, 20, 20);
  for (const [kind, type] of [["photo", "image/jpeg"], ["signature", "image/png"]]) {
    const picture = await new Promise((resolve) => { canvas.toBlob(resolve, type); });
    const { handle } = await pannier.stage(await picture.arrayBuffer(), type);
    await pannier.record({ kind, stop: stopId, blob: handle, ...(kind === "signature" ? { signer: "Karin Ekholm" } : {}) });
  }
  const outcomes = stop.parcels.map(({ id: parcel }) => ({ parcel, outcome: "delivered" }));
  await pannier.record({ kind: "deliver", stop: stopId, recipient: "Karin Ekholm", outcomes });
}

test("capacitor: the shell's app, in a browser, delivers a parcel without a network, once", { timeout: 180_000 }, async (context) => {
  const main = filesOf("shell.md", "An app of your own")["src/main.ts"];
  const here = main.replace(`"https://api.example.com"`, "location.origin");
  assert.notEqual(here, main, "the page names the backend's address");
  const { "tsconfig.json": tsconfig } = files("Its worker");
  const app = await project({
    tools: ["vite", ...capacitor],
    files: {
      "tsconfig.json": tsconfig,
      "index.html": `<!doctype html><meta charset="utf-8"><title>shell</title><body>opening<script type="module" src="/src/main.ts"></script>`,
      "src/main.ts": here + LENT,
      "src/profile.json": readFileSync(at("profiles", "sandbox.json"), "utf8"),
    },
  });
  try {
    await app.run("typescript/bin/tsc");
    await app.run("vite/bin/vite.js", "build");
    const built = readdirSync(join(app.folder, "dist"), { recursive: true });
    const core = readFileSync(join(app.folder, "node_modules", "pannier", "lib", "shell", "core-shell.wasm"));
    assert.ok(WebAssembly.Module.imports(await WebAssembly.compile(core)).some((one) => /_handOver_/.test(one.name)), "it can hand over");
    const modules = built.filter((file) => file.endsWith(".wasm"));
    assert.equal(modules.length, 1, "one module");
    assert.ok(readFileSync(join(app.folder, "dist", modules[0])).equals(core), "that of shells");
    assert.deepEqual(built.filter((file) => /scan/.test(file)), [], "and nothing of the scanner");
    const server = await startSandbox({ static: join(app.folder, "dist") });
    try {
      await withCourier({ engine: "chromium", server }, async (courier) => {
        const { driver, faults } = courier;
        await says(driver, "body", "ready", { ms: 15_000 });
        await done(driver, `async () => { await pannier.signIn({ username: "anna", password: "packet123" }); await pannier.refreshRoute(); }`);
        await faults.dead();
        await done(driver, deliver.toString(), "st-01");
        assert.equal((await operations(driver)).length, 5, "arrival, scan, photo, signature and delivery are in the store");
        await until(async () => (await done(driver, "() => pannier.status()")).reachability === "unreachable", { what: "a try without a network" });
        await faults.alive();
        await networkIsBack(courier);
        await allSent(courier);
        const [, , photo] = await exactlyOnce(courier);
        assert.equal(photo.intent.kind, "photo", "its bytes were compared");
      })(context);
    } finally {
      await server.stop();
    }
  } finally {
    app.remove();
  }
});
