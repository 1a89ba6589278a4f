// What a screen reader, a keyboard and weak eyes would stumble over: axe-core finds nothing on any
// screen, light and dark, in both languages.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { find } from "./lib/index.mjs";
import { engines, on, withCourier } from "./stories/courier.mjs";
import { prepare, speaks, walk } from "./stories/screens.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Rules and the elements that break them. The page's policy forbids scripts from elsewhere, so the driver brings it. */
async function violations(driver) {
  if (!await driver.executeScript("return typeof window.axe === 'object'")) await driver.executeScript(axe);
  return driver.executeAsyncScript(`
    const done = arguments[arguments.length - 1];
    window.axe.run(document, { resultTypes: ["violations"] })
      .then(({ violations }) => done(violations.map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 160) + " (" + failureSummary.split("\\n")[1]?.trim() + ")").join(" | "))), (error) => done([String(error)]));`);
}

async function theme(browser, scheme) {
  if (browser.engine === "chromium") await browser.cdp("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
}

// Chromium alone can be told which theme its phone has.
const themesOf = (engine) => (engine === "chromium" ? ["light", "dark"] : ["light"]);

for (const engine of engines.filter((one) => one !== "firefox")) {
  test(`${engine}: no screen has anything that axe finds`, { timeout: 400_000 }, withCourier({ engine }, async (courier) => {
    const { driver, browser } = courier;
    const found = [];
    const look = (where) => async (name) => {
      for (const violation of await violations(driver)) found.push(`${where} ${name}: ${violation}`);
    };
    await find(driver, on("username"));
    await look("light")("sign-in");
    await prepare(courier);
    for (const [place, scheme] of themesOf(engine).entries()) {
      await theme(browser, scheme);
      await speaks(courier, place === 0 ? "sv" : "en");
      await walk(courier, look(scheme));
    }
    assert.deepEqual(found, []);
  }));
}
