// What a screen reader, a keyboard, weak eyes and a thumb in a glove would stumble over: axe-core finds
// nothing on any screen and in no dialog, light and dark, nothing is too small to be met, nothing is
// pushed sideways on what is narrow, low, wide or read with large letters, and where a phone wants it
// nothing moves. In Swedish, whose words are longest; and none of them says a word that is not Swedish.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { find, sideways } from "./lib/index.mjs";
import { engines, on, withCourier } from "./stories/courier.mjs";
import { door, prepare, shapes, speaks, walk } from "./stories/screens.mjs";
import { dayOf, strange, vocabulary } from "./stories/words.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Rules and the elements that break them. The page's policy forbids scripts from elsewhere, so the driver brings it. */
async function violations(driver) {
  if (!await driver.executeScript("return typeof window.axe === 'object'")) await driver.executeScript(axe);
  return driver.executeAsyncScript(`
    const done = arguments[arguments.length - 1];
    window.axe.run(document, { resultTypes: ["violations"] })
      .then(({ violations }) => done(violations.map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 160) + " (" + failureSummary.split("\\n")[1]?.trim() + ")").join(" | "))), (error) => done([String(error)]));`);
}

/** What a thumb in a glove would miss: less than 48 points either way, its label counted in. */
const tooSmall = (driver) => driver.executeScript(`
  const found = [];
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) look(element.shadowRoot);
      if (!element.matches("a[href], button, input, select, textarea, [role=button]") || !element.checkVisibility({ visibilityProperty: true })) continue;
      const { width, height } = (element.closest("label") ?? element).getBoundingClientRect();
      if (width > 0 && height > 0 && Math.min(width, height) < 47.5) found.push(element.outerHTML.slice(0, 120) + " is " + Math.round(width) + " x " + Math.round(height));
    }
  };
  look(document);
  return found;`);

/** What moves although the phone says not to; beside what is there, what turns while something is on its way. */
const moving = (driver) => driver.executeScript(`
  const spinner = document.body.appendChild(Object.assign(document.createElement("span"), { className: "spinner" }));
  const found = [];
  const look = (root) => {
    for (const { effect } of root.getAnimations()) found.push(effect.target.outerHTML.slice(0, 120));
    for (const element of root.querySelectorAll("*")) {
      for (const part of [null, "::before", "::after"]) {
        const { animationName, transitionDuration } = getComputedStyle(element, part);
        if (animationName !== "none" || !/^0s(, 0s)*$/.test(transitionDuration)) found.push(element.outerHTML.slice(0, 120) + (part ?? ""));
      }
      if (element.shadowRoot) look(element.shadowRoot);
    }
  };
  look(document);
  spinner.remove();
  return [...new Set(found)];`);

/** Chromium's screen takes another shape while one looks. */
async function pushedSideways({ browser, driver }) {
  const found = [];
  for (const { label, width, height, text } of shapes) {
    await browser.cdp("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: true });
    for (const what of await sideways(driver, { width, text })) found.push(`${label}: ${what}`);
  }
  await driver.executeScript("document.documentElement.style.fontSize = ''");
  await browser.cdp("Emulation.clearDeviceMetricsOverride");
  return found;
}

const isDark = (driver) => driver.executeScript("return matchMedia('(prefers-color-scheme: dark)').matches");

/** Chromium's phone changes its theme while one looks; WebKit is told at its start. */
async function themed({ browser, driver }, dark) {
  if (browser.engine === "chromium") {
    await browser.cdp("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }, { name: "prefers-reduced-motion", value: "reduce" }] });
  }
  assert.equal(await isDark(driver), dark);
}

/** What `prepare` and `walk` type. */
const typedByHand = ["Lämnat hos grannen i 2B", "Portkoden har ändrats", "anna"];

async function nothingIsFound(courier, themes) {
  const { driver } = courier;
  const known = vocabulary("sv", await dayOf(courier.server), typedByHand);
  const found = [];
  const look = async (name) => {
    for (const text of await strange(driver, known)) found.push(`${name} says ${text}`);
    for (const small of await tooSmall(driver)) found.push(`${name}: ${small}`);
    for (const dark of themes) {
      await themed(courier, dark);
      for (const violation of await violations(driver)) found.push(`${dark ? "dark" : "light"} ${name}: ${violation}`);
    }
    if (courier.engine === "chromium") {
      for (const moves of await moving(driver)) found.push(`${name} moves: ${moves}`);
      for (const wide of await pushedSideways(courier)) found.push(`${name}, ${wide}`);
    }
  };
  await find(driver, on("username"));
  await speaks(courier, "sv");
  await door(courier, look);
  await prepare(courier);
  await walk(courier, look);
  assert.deepEqual(found, []);
}

const story = (engine, name, options, themes) => {
  if (!engines.includes(engine)) return;
  test(`${engine}: no screen and no dialog has anything that axe finds, or a word that is not Swedish, ${name}`, { timeout: 400_000 }, withCourier({ engine, ...options }, (courier) => nothingIsFound(courier, themes)));
};

story("chromium", "light and dark", {}, [false, true]);
story("webkit", "light", {}, [false]);
story("webkit", "dark", { browser: { args: ["--dark-mode"] } }, [true]);
