// A phone changes hands, on the courier's screens: a shift is closed, a sign-out leaves nothing
// behind, another courier sees that something is here, and one operation's history can be read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { all, evaluate, find, gone, ready, says, tap, text, until } from "./lib/index.mjs";
import { allSent, at, choice, engines, note, on, outbox, readError, shownStops, signIn, toRoute, withCourier } from "./stories/courier.mjs";
import { operations } from "./stories/store.mjs";

const tab = async (courier, name) => {
  await toRoute(courier);
  await tap(courier.driver, on(`tab-${name}`));
  await at(courier, `#/${name}`);
};
const closeShift = async (courier) => {
  await tab(courier, "more");
  await tap(courier.driver, on("close-shift"));
  await at(courier, "#/shift");
};
/** Everything that lies in the database, as text. */
const everything = (driver) => evaluate(driver, `() => new Promise((resolve, reject) => {
  const open = indexedDB.open("pannier");
  open.onsuccess = () => {
    const stores = [...open.result.objectStoreNames].filter((name) => name !== "profiles");
    const transaction = open.result.transaction(stores);
    const answers = stores.map((store) => transaction.objectStore(store).getAll());
    transaction.oncomplete = () => { open.result.close(); resolve(JSON.stringify(answers.map(({ result }) => result.map(({ b, d }) => b ?? d?.byteLength)))); };
    transaction.onabort = () => reject(transaction.error);
  };
})`);
/** Fingers need 48 points. */
const thumbSized = async (driver, selector) => {
  const low = await driver.executeScript("return [...document.querySelectorAll(arguments[0])].filter((one) => one.getBoundingClientRect().height < 48).map((one) => one.innerText)", selector);
  assert.deepEqual(low, [], selector);
};

for (const engine of engines) {
  const story = (name, work) => test(`${engine}: ${name}`, { timeout: 150_000 }, withCourier({ engine }, work));

  story("a shift with nothing unsent is closed, and the phone keeps nothing of it", async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await note(courier, "st-01", "for the neighbour at 2B");
    await closeShift(courier);
    await says(driver, on("shift-clear"), /Nothing unsent/u, { ms: 20_000 });
    await allSent(courier);
    assert.match(await everything(driver), /neighbour at 2B/u);
    await tap(driver, on("shift-sign-out"));
    await ready(driver, on("username"));
    await until(async () => !/neighbour|Anna|st-0/u.test(await everything(driver)), { what: "everything of the shift to be gone" });
    assert.equal((await all(driver, on("left-behind"))).length, 0);
    await signIn(courier);
  });

  story("a shift that leaves work says by stop what, why and what to do, and lets it out as a file", async (courier) => {
    const { driver, faults } = courier;
    await signIn(courier);
    await faults.set({ fault: "status", status: 422, path: "/api/stops/st-02/notes" }, { fault: "status", status: 503, path: "/api/stops/st-03/notes" });
    await note(courier, "st-03", "the backend has trouble");
    await note(courier, "st-02", "the backend does not want it");
    await note(courier, "st-01", "goes out");
    await closeShift(courier);
    await says(driver, on("shift-left"), /2 recordings not sent/u, { ms: 20_000 });
    const [first, second] = (await operations(driver)).filter(({ state }) => state.is !== "settled").sort((one, other) => (one.lane < other.lane ? -1 : 1));
    const words = await text(driver, ".content");
    assert.ok(words.indexOf("1. ") < 0 && words.indexOf("2. ") < words.indexOf("3. "), words);
    assert.match(await text(driver, on(`left-${first.id}`)), /discard it with a reason/iu);
    assert.match(await text(driver, on(`left-${second.id}`)), /wait a minute/iu);
    await thumbSized(driver, ".content .button, .actions .button, .content a.title");

    await tap(driver, on("export"));
    await says(driver, on("export-what"), /2 items, 0 photos/u);
    const name = await (await find(driver, on("export-save"))).getAttribute("download");
    assert.match(name, /^pannier-.*\.zip$/u);
    assert.match(await (await find(driver, on("export-save"))).getAttribute("href"), /^blob:/u);
    await tap(driver, on("export-close"));

    await tap(driver, on("shift-sign-out"));
    await says(driver, on("sign-out-why"), /2 recordings not sent yet/u);
    await tap(driver, on("sign-out-stay"));
    await faults.clear();
    await tap(driver, on("shift-again"));
    // What waits out its backoff goes by itself, and the screen looks again.
    await says(driver, on("shift-left"), /1 recording not sent/u, { ms: 60_000 });
  });

  story("the history of an operation is read from the outbox, every attempt of it", async (courier) => {
    const { driver, faults } = courier;
    await signIn(courier);
    await faults.set({ fault: "status", status: 503, path: "/api/stops/st-02/notes", method: "POST", times: 2 });
    await note(courier, "st-02", "third time lucky");
    await tab(courier, "outbox");
    await tap(driver, on("send-now"));
    await allSent(courier);
    const [line] = await outbox(courier, 1, { all: true });
    await tap(driver, choice("history", line.id));
    await find(driver, `${on("state")}[data-state=settled]`);
    const [{ attempts }] = await operations(driver);
    assert.ok(attempts.length >= 3);
    for (const { number, status } of attempts) {
      const shown = await (await find(driver, on(`attempt-${number}`))).getAttribute("data-status");
      assert.equal(shown, status === undefined || status === null ? null : String(status));
    }
    assert.match(await text(driver, on("attempt-1")), /problem of its own/u);
    assert.match(await text(driver, on(`attempt-${attempts.length}`)), /said yes|had it already|is there/iu);
    await tap(driver, on("back"));
    await at(courier, "#/outbox");
  });

  story("another courier sees that work is here, not what it is, and cannot take it out in clear", async (courier) => {
    const { driver, faults } = courier;
    await signIn(courier);
    await faults.dead();
    await note(courier, "st-01", "Anna's own words");
    await tab(courier, "more");
    await tap(driver, on("sign-out"));
    await says(driver, on("sign-out-why"), /1 recording not sent yet/u);
    await tap(driver, on("sign-out-anyway"));
    await faults.alive();
    await says(driver, on("left-behind"), /1 item of another account/u);
    await tap(driver, on("others"));
    await at(courier, "#/others");
    await says(driver, "li.item", /Anna/u);
    assert.equal((await text(driver, "main.outlet")).includes("own words"), false);
    await tap(driver, on("back"));
    await signIn(courier, { username: "omar", stops: 2 });
    assert.equal((await shownStops(courier)).length, 2);
    await tab(courier, "outbox");
    await tap(driver, on("others"));
    await at(courier, "#/others");
    await thumbSized(driver, ".content .button, .actions .button");
    await tap(driver, "li.item .button");
    await readError(courier, /office has given this app no key/u);
    await tap(driver, on("hand-back"));
    await ready(driver, on("username"));
    await gone(driver, on("sign-out-dialog"));
    await signIn(courier);
    await allSent(courier);
  });
}
