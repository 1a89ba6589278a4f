// Two windows of the app record and send at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { find, log } from "./lib/index.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { allSent, engines, notesAtOnce, on, shellIsCached, signIn, withCourier } from "./stories/courier.mjs";
import { operations } from "./stories/store.mjs";

const EACH = 15;
/** Three stops in turn, of which one belongs to both windows. */
const plan = (name, own) => Array.from({ length: EACH }, (_, index) => ({ stop: [own, "st-10", own][index % 3], words: `${name} ${index + 1}` }));

for (const engine of engines) {
  test(`${engine}: two windows record and send at once`, { timeout: 180_000 }, withCourier({ engine }, async (courier) => {
    const { driver, server, faults } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    const first = await driver.getWindowHandle();
    await driver.switchTo().newWindow("window");
    const second = await driver.getWindowHandle();
    await driver.get(courier.page);
    await find(driver, on("stop-st-01"));
    await faults.set({ fault: "latency", method: "POST", ms: 50 });

    const secondDone = await notesAtOnce(courier, plan("second window", "st-11"));
    await driver.switchTo().window(first);
    const firstDone = await notesAtOnce(courier, plan("first window", "st-09"));
    await firstDone();
    await driver.switchTo().window(second);
    await secondDone();

    const recorded = await operations(driver);
    assert.equal(recorded.length, 2 * EACH);
    // Really at once: the two windows took turns in the order of recording.
    const windows = recorded.map(({ intent }) => intent.text.split(" ")[0]);
    const turns = windows.filter((window, index) => index > 0 && window !== windows[index - 1]).length;
    assert.ok(turns >= 4, `${turns} turns: ${windows}`);
    await allSent(courier);
    await exactlyOnce(courier);
    // Each window's own order is kept too.
    for (const name of ["first", "second"]) {
      const numbers = recorded.filter(({ intent }) => intent.text.startsWith(name)).map(({ intent }) => Number(intent.text.split(" ").at(-1)));
      assert.deepEqual(numbers, Array.from({ length: EACH }, (_, index) => index + 1), `${name} window in order`);
    }
    const posts = (await log(server)).filter(({ method, path }) => method === "POST" && path.endsWith("/notes"));
    assert.equal(posts.length, 2 * EACH, "nothing was even sent twice");
  }));
}
