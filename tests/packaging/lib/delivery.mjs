// One parcel delivered with an app that somebody else built: recorded without a network, sent when
// there is one, and once.

import assert from "node:assert/strict";
import { all, draw, find, gone, log, reload, says, tap, text, type, until } from "../../browser/lib/index.mjs";
import { exactlyOnce, taken } from "../../browser/stories/backend.mjs";
import { allSent, networkIsBack, shellIsCached } from "../../browser/stories/courier.mjs";
import { operations } from "../../browser/stories/store.mjs";
import { closeTheApp } from "../../browser/stories/worker.mjs";

const recorded = (courier, kinds) => until(async () => {
  const found = (await operations(courier.driver)).map(({ intent }) => intent.kind);
  return found.join() === kinds.join();
}, { what: `${kinds.join(", ")} in the store`, ms: 20_000 })
  .catch(async (error) => { throw new Error(`${error.message}; the app says: ${await text(courier.driver, "#message")}`); });

const requested = (driver) => driver.executeScript("return performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)");

/** In the app of docs/embedding.md. */
export async function deliverAParcel(courier) {
  const { driver, faults, server } = courier;
  await type(driver, "[name=username]", "anna");
  await type(driver, "[name=password]", "packet123");
  await tap(driver, "#sign-in button");
  await until(async () => (await text(driver, "#stops"))?.includes("open"), { what: "the route", ms: 20_000 });
  await shellIsCached(courier);
  assert.deepEqual((await requested(driver)).filter((path) => /scan/.test(path)), [], "nothing of the scanner before there is anything to scan");
  await tap(driver, "[data-stop=st-01]");
  await faults.dead();
  await tap(driver, "#arrive");
  await recorded(courier, ["arrive"]);
  await type(driver, "input[name=code]", "PN-7H2K-0001");
  await tap(driver, "[part=typed-button]");
  await recorded(courier, ["arrive", "scan"]);
  await tap(driver, "[part=shutter]", { ms: 20_000 });
  await recorded(courier, ["arrive", "scan", "photo"]);
  // The page is gone and comes back, from its worker's cache alone.
  await reload(driver);
  await tap(driver, "[data-stop=st-01]", { ms: 20_000 });
  await draw(driver, ".pad canvas", [[0.1, 0.7], [0.2, 0.2], [0.3, 0.7], [0.5, 0.6]]);
  await tap(driver, "#sign");
  await recorded(courier, ["arrive", "scan", "photo", "signature"]);
  await type(driver, "[name=recipient]", "Karin Ekholm");
  await tap(driver, "#deliver button");
  await recorded(courier, ["arrive", "scan", "photo", "signature", "deliver"]);
  assert.equal((await log(server, { applied: true })).length, 0, "nothing can have been sent");
  await until(async () => (await all(driver, "[part~=item]")).length === 5, { what: "five operations in the outbox" });
  await says(driver, "pannier-sync-bar", "5 waiting");
  await faults.alive();
  await networkIsBack(courier);
  await allSent(courier);
  await exactlyOnce(courier);
  await says(driver, "pannier-sync-bar", "Everything is sent");
  await find(driver, "pannier-sync-bar[reachability=reachable][waiting='0']");
  await find(driver, "[part=empty]");
}

/** What needs a person is tried again, or set aside with a reason, in the outbox element. */
export async function chosenInTheOutbox(courier) {
  const { driver, faults, server } = courier;
  const before = (await operations(driver)).length;
  const arriveAt = async (stop, count) => {
    await tap(driver, `[data-stop=${stop}]`);
    await tap(driver, "#arrive");
    await until(async () => (await all(driver, "[part~=item-parked]")).length === count, { what: `${count} operations that need a person` });
  };
  await faults.set({ fault: "status", status: 422, method: "POST", path: "/api/stops/" });
  await arriveAt("st-07", 1);
  await arriveAt("st-08", 2);
  await find(driver, "pannier-sync-bar[parked='2']");
  await faults.clear();
  const [again, aside] = (await operations(driver)).slice(before).map(({ id }) => id);
  await tap(driver, `[data-operation="${again}"] [part=retry]`);
  await taken(server, before + 1);
  await tap(driver, `[data-operation="${aside}"] [part=discard]`);
  await type(driver, "[part=dialog-reason]", "Was never there");
  await tap(driver, "[part=dialog-confirm]");
  await gone(driver, "[part~=item-parked]");
  const discarded = (await operations(driver)).find(({ id }) => id === aside);
  assert.deepEqual([discarded.state.is, discarded.state.reason], ["discarded", "Was never there"]);
  await exactlyOnce(courier, { without: [aside] });
  return [aside];
}

/** Recorded without a network; then the app is closed, and its worker hears of a sync. Chromium only. */
export async function sentByTheWorker(courier, { without = [] } = {}) {
  const { driver, faults, server } = courier;
  await faults.dead();
  const before = (await operations(driver)).length;
  await tap(driver, "[data-stop=st-02]");
  await tap(driver, "#arrive");
  await until(async () => (await operations(driver)).length === before + 1, { what: "the arrival in the store" });
  const worker = await closeTheApp(courier);
  await worker.stop();
  await faults.alive();
  // The attempt that was cut may still arrive: it is left alone until that is settled.
  await worker.sync("pannier");
  await taken(server, before + 1 - without.length);
  await driver.get(courier.page);
  await allSent(courier);
  await exactlyOnce(courier, { without });
}
