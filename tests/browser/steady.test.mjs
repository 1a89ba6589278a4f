// What is under the thumb stays there: a screen whose parts come one after the other is shown when it has them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, find, tap } from "./lib/index.mjs";
import { engines, on, signIn, withCourier } from "./stories/courier.mjs";

for (const engine of engines) {
  test(`${engine}: More does not move once it is there`, { timeout: 60_000 }, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await evaluate(driver, `() => {
      const place = (name) => document.querySelector("courier-more [data-test=" + name + "]")?.getBoundingClientRect().top;
      const began = new Map();
      window.pannierPlaces = () => [...began].map(([name, top]) => ({ name, began: top, is: place(name) }));
      new MutationObserver(() => {
        for (const name of ["switch-sound", "language-sv", "sign-out"]) {
          const top = place(name);
          if (top !== undefined && !began.has(name)) began.set(name, top);
        }
      }).observe(document.body, { childList: true, subtree: true });
    }`);
    // Without a finger: where a browser scrolls to what is tapped is its own.
    await driver.executeScript("location.hash = '#/more'");
    await find(driver, on("thresholds-never"));
    // The others have no push under a driver.
    if (engine === "chromium") await find(driver, on("switch-push"));
    const places = await driver.executeScript("return window.pannierPlaces()");
    assert.equal(places.length, 3);
    for (const { name, began, is } of places) assert.equal(is, began, `${name} is where it began`);
    await tap(driver, on("language-sv"));
  }));
}
