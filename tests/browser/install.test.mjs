// The way onto the Home Screen: a tab of iOS explains it and begins no work, and Chromium takes the
// app for one that can be installed.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { find, gone, peek, reload, says, screenshot, tap, until } from "./lib/index.mjs";
import { allSent, arrive, at, engines, on, shellIsCached, signIn, withCourier } from "./stories/courier.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { withSpoiledApp } from "./stories/spoiled-app.mjs";
import { operations } from "./stories/store.mjs";

const shots = process.env.PANNIER_SHOTS;
async function shot({ browser }, name) {
  if (!shots || browser.engine !== "chromium") return;
  mkdirSync(shots, { recursive: true });
  for (const dark of [false, true]) await screenshot(browser, join(shots, `${name}-${dark ? "dark" : "light"}.png`), { dark });
}

// Only iOS has the word: false is a tab, true the Home Screen. The story says which by what it leaves in the session.
const ios = `
  Object.defineProperty(navigator, "standalone", { get: () => sessionStorage.getItem("standalone") === "true" });
  window.persistAsked = 0;
  const ask = async () => { window.persistAsked += 1; return sessionStorage.getItem("standalone") === "true"; };
  if (navigator.storage) navigator.storage.persist = ask;
  else Object.defineProperty(navigator, "storage", { get: () => ({ persist: ask, persisted: async () => false }) });`;

const opened = ({ driver }, standalone) => driver.executeScript("sessionStorage.setItem('standalone', arguments[0])", String(standalone));

for (const engine of engines) {
  const spoiled = (name, story) => test(`${engine}: ${name}`, { timeout: 120_000 }, withSpoiledApp({ engine }, ios, story));

  spoiled("a tab of iOS explains the Home Screen in pictures and lets no work begin", async (courier) => {
    const { driver } = courier;
    await says(driver, "h1", "Put Pannier on the Home Screen", { ms: 15_000 });
    await says(driver, ".install", /seven days/);
    for (const step of [/Tap Share/, /Add to Home Screen/, /Open as Web App/, /Open Pannier from the Home Screen/]) await says(driver, ".how-to", step);
    const drawn = await driver.executeScript(`return [...document.querySelectorAll(".how-to svg.how")].map((picture) => {
      const box = picture.getBBox();
      return { shapes: picture.querySelectorAll("path, rect, circle").length, wide: box.width > 50, hidden: picture.getAttribute("aria-hidden") };
    })`);
    assert.equal(drawn.length, 4);
    for (const { shapes, wide, hidden } of drawn) assert.ok(shapes > 3 && wide && hidden === "true", "each step has its picture, and the words beside it say the same");
    assert.ok(await driver.executeScript("return document.documentElement.scrollWidth <= innerWidth"));
    // No way around it by the address.
    for (const address of ["#/sign-in", "#/route", "#/load", "#/scan/st-01", "#/more"]) {
      await driver.executeScript("location.hash = arguments[0]", address);
      await until(() => driver.executeScript("return location.hash === arguments[0]", address), { what: address });
      await find(driver, on("copy-address"));
      assert.equal(await peek(driver, on("username")), null);
    }
    assert.equal(await driver.executeScript("return window.persistAsked"), 1, "kept as well as it can be, at every launch");
    await shot(courier, "install");

    // The same phone, from the Home Screen.
    await opened(courier, true);
    await driver.executeScript("location.hash = ''");
    await reload(driver);
    await find(driver, on("username"), { ms: 15_000 });
    assert.equal(await driver.executeScript("return window.persistAsked"), 1);
    await signIn(courier);
  });

  spoiled("work that was begun in a tab can be sent there, and no more is begun", async (courier) => {
    const { driver, faults } = courier;
    await opened(courier, true);
    await reload(driver);
    await signIn(courier);
    await faults.dead();
    await arrive(courier, "st-01");
    await opened(courier, false);
    await driver.executeScript("location.hash = '#/route'");
    await says(driver, on("left-here"), /1 item is not sent/);
    await shot(courier, "install-left");
    await tap(driver, on("finish"));
    await at(courier, "#/outbox");
    await tap(driver, on("tab-load"));
    await find(driver, on("left-here"));
    await faults.alive();
    await tap(driver, on("finish"));
    await tap(driver, on("send-now"));
    await until(async () => (await operations(driver)).every(({ state }) => state.is === "settled"), { what: "the work to be sent" });
    await allSent(courier);
    await exactlyOnce(courier);
    await tap(driver, on("tab-route"));
    await says(driver, on("left-here"), /Nothing waits here/);
    await tap(driver, on("finish"));
    await tap(driver, on("sign-out"));
    await gone(driver, on("sign-out"));
    await find(driver, on("copy-address"));
    assert.equal(await peek(driver, on("left-here")), null);
  });
}

const chromium = engines.includes("chromium") ? test : test.skip;
chromium("chromium: nothing keeps the app from being installed", { timeout: 60_000 }, withCourier({ engine: "chromium" }, async (courier) => {
  await shellIsCached(courier);
  const { installabilityErrors } = await courier.browser.cdp("Page.getInstallabilityErrors");
  assert.deepEqual(installabilityErrors, []);
  const { data, errors } = await courier.browser.cdp("Page.getAppManifest");
  assert.deepEqual(errors, []);
  assert.equal(JSON.parse(data).display, "standalone");
}));
