// What the courier sees when WebKit has its ways with the phone: each is recognised, told in words
// that help, and costs nothing that was recorded.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { control, evaluate, find, peek, says, screenshot, tap, text, type, until } from "./lib/index.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { allSent, arrive, comeBack, engines, on, readError, shellIsCached, signIn, toRoute, withCourier } from "./stories/courier.mjs";
import { withSpoiledApp } from "./stories/spoiled-app.mjs";
import { operations, session } from "./stories/store.mjs";

const shots = process.env.PANNIER_SHOTS;
async function shot({ browser }, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  const file = (kind) => join(shots, `${browser.engine}-${name}-${kind}.png`);
  if (browser.engine === "chromium") for (const dark of [false, true]) await screenshot(browser, file(dark ? "dark" : "light"), { dark });
  else writeFileSync(file("light"), await browser.driver.takeScreenshot(), "base64");
}
const way = ({ driver }, name, ...given) => evaluate(driver, "(name, given) => window.ways[name](...given)", name, given);

for (const engine of engines) {
  const spoiled = (name, spoil, story) => test(`${engine}: ${name}`, { timeout: 120_000 }, withSpoiledApp({ engine }, spoil, story));

  spoiled("a phone without storage says so at the door, and what would help", `ways.noStorage("undefined");`, async (courier) => {
    const { driver } = courier;
    await says(driver, "[role=alert]", /gives no storage/, { ms: 15_000 });
    await says(driver, "[role=alert]", /private one.*Lockdown Mode/);
    await says(driver, "h1", "The app could not open its storage");
    await says(driver, on("open-again"), "Try again");
    await shot(courier, "no-storage");
  });

  spoiled("a store that only a fresh page can open offers one, and nothing is lost by it", "", async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    await arrive(courier, "st-01");
    // From here on no fresh connection helps, as on iOS before 26.5.
    await tap(driver, on("note"));
    await find(driver, on("note-text"));
    // In this order: a connection opened between the two would be a sound one.
    await way(courier, "badOpenings", "thrown", Number.MAX_SAFE_INTEGER);
    await way(courier, "deadConnection", "lost");
    // By script: whatever else reads the store meanwhile may have put its own words before the field.
    await evaluate(driver, `(selector) => {
      const field = document.querySelector(selector);
      field.value = "Not to be had";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }`, on("note-text"));
    await until(async () => (await text(driver, on("error"))).includes("could not be kept on the phone"), { what: "the form to say that it could not be kept" });
    await readError(courier, /could not be kept on the phone/);
    await tap(driver, on("save-note"));
    await says(driver, `dialog${on("error")}[open]`, /storage was lost/);
    await shot(courier, "storage-lost");
    await driver.executeScript("window.pannierOldDocument = true");
    await tap(driver, on("error-restart"));
    await until(async () => {
      try { return await driver.executeScript("return window.pannierOldDocument === undefined && document.readyState === 'complete'"); } catch { return false; }
    }, { what: "the page to be loaded anew" });
    await find(driver, "main.outlet h1", { ms: 15_000 });
    // Where the courier was is where he is again.
    await find(driver, on("note-text"));
    await type(driver, on("note-text"), "written after the restart");
    await tap(driver, on("save-note"));
    await until(async () => (await operations(driver)).length === 2, { what: "the note to be in the store" });
    await allSent(courier);
    await exactlyOnce(courier);
  });

  spoiled("no space is told, the half-filled form stays, and the same tap works when there is some", "", async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await arrive(courier, "st-01");
    await allSent(courier);
    await tap(driver, on("note"));
    const field = await find(driver, on("note-text"));
    await field.sendKeys("No room for this");
    await way(courier, "noSpace", "aborted");
    await tap(driver, on("save-note"));
    await readError(courier, /phone is full/);
    assert.equal(await driver.executeScript("return document.querySelector(arguments[0]).value", on("note-text")), "No room for this");
    await way(courier, "spaceAgain");
    await tap(driver, on("save-note"));
    await until(async () => (await operations(driver)).length === 2, { what: "the note to be in the store" });
    await allSent(courier);
    await exactlyOnce(courier);
  });

  test(`${engine}: a worker whose registration vanished is registered again when the app comes back`, { timeout: 120_000 }, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    await shellIsCached(courier);
    const registered = () => evaluate(driver, "async () => (await navigator.serviceWorker.getRegistration())?.active?.state ?? null");
    await evaluate(driver, "async () => { await (await navigator.serviceWorker.getRegistration()).unregister(); }");
    await comeBack(courier, { signedIn: false });
    await until(async () => (await registered()) === "activated", { what: "the worker after a launch" });
    // The page lives on; only its worker is gone.
    await evaluate(driver, "async () => { await (await navigator.serviceWorker.getRegistration()).unregister(); }");
    await evaluate(driver, "() => { document.dispatchEvent(new Event('visibilitychange')); }");
    await until(async () => (await registered()) === "activated", { what: "the worker after coming back" });
  }));

  // The worker comes when the story says so.
  const gate = `
    const plain = ServiceWorkerContainer.prototype.register;
    const opened = new Promise((resolve) => { window.letRegister = resolve; });
    ServiceWorkerContainer.prototype.register = function (...given) { return opened.then(() => plain.apply(this, given)); };`;
  spoiled("a worker is activated though a page's renewal of the token is under way", gate, async (courier) => {
    const { driver, server } = courier;
    await control(server, "token-life", { seconds: 8 });
    await signIn(courier);
    // A page in the middle of a renewal, whose request will wait for the worker; the worker's own drain needs one, too.
    const { account, expiresAt } = await session(driver);
    await evaluate(driver, `(name) => new Promise((resolve) => {
      void navigator.locks.request(name, () => { resolve(); return new Promise(() => {}); });
    })`, `pannier:pannier:renew:${account}`);
    await until(() => Date.now() > expiresAt - 4_000, { what: "the token to be about to end" });
    await evaluate(driver, "() => { window.letRegister(); }");
    await shellIsCached(courier);
  });

  test(`${engine}: a private window is recognised where the browser lets it be, and told on every screen`, { timeout: 120_000 }, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    // WebKit under its driver is a private window; the other two have a profile of their own here.
    if (engine === "webkit") {
      await says(driver, on("storage-warning"), /private window/);
      await says(driver, on("temporary"), /gone when it closes/);
      await shot(courier, "private");
    }
    await signIn(courier);
    await toRoute(courier);
    await tap(driver, on("tab-more"));
    const kind = await until(() => driver.executeScript("return document.querySelector(arguments[0])?.dataset.kind", on("storage")), { what: "the storage's kind" });
    if (engine === "webkit") {
      assert.equal(kind, "temporary");
      assert.notEqual(await peek(driver, on("temporary")), null);
    } else {
      assert.ok(["persistent", "evictable"].includes(kind), kind);
      assert.equal(await peek(driver, on("temporary")), null);
    }
    await shot(courier, "more");
  }));
}
