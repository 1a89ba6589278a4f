// The service worker does the work while no page of the app is open. DevTools dispatches what a
// phone's browser would: Chromium only; the other engines have no Background Sync, and no push
// service can be reached from a test.

import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, log, until } from "./lib/index.mjs";
import { applied, exactlyOnce, taken } from "./stories/backend.mjs";
import { allSent, arrive, engines, note, notesAtOnce, photograph, shellIsCached, signIn, withCourier } from "./stories/courier.mjs";
import { operations } from "./stories/store.mjs";
import { closeTheApp, inWorker, notifications, shown, watchShown } from "./stories/worker.mjs";

const engine = "chromium";
const story = engines.includes(engine) ? test : test.skip;
const TAG = "pannier";

/**
 * The app is closed, and its worker ended as browsers end idle ones. An attempt that was cut may
 * still arrive at the backend, so for a while nobody repeats it: unless told otherwise that is
 * waited out first.
 */
async function close(courier, { soon = false } = {}) {
  if (!soon) {
    await until(async () => (await operations(courier.driver)).every(({ state }) => state.is !== "in_flight" && (state.floor_at ?? 0) <= Date.now()),
      { what: "cut attempts to be out of doubt's way" });
  }
  const worker = await closeTheApp(courier);
  await worker.stop();
  return worker;
}

/** Recorded without a network, then the app is closed. */
async function recordAndClose(courier, plan, how) {
  await courier.faults.dead();
  const saved = await notesAtOnce(courier, plan);
  await saved();
  return close(courier, how);
}

const some = (stop, count, words) => Array.from({ length: count }, (_, index) => ({ stop, words: `${words} ${index + 1}` }));

async function openAgain(courier) {
  await courier.driver.get(courier.page);
}

story("a sync with every page closed sends what waits, pictures too", withCourier({ engine }, async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  await courier.faults.dead();
  await arrive(courier, "st-01");
  await photograph(courier, "st-01");
  await note(courier, "st-01", "Waits for a sync");
  const recorded = await operations(courier.driver);
  const worker = await close(courier);
  assert.equal((await applied(courier.server)).length, 0);
  await courier.faults.alive();
  await worker.sync(TAG);
  await taken(courier.server, recorded.length);
  await openAgain(courier);
  await allSent(courier);
  await exactlyOnce(courier);
}));

story("a sync while the backend is out of reach loses nothing, and the next one sends it", withCourier({ engine }, async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  const worker = await recordAndClose(courier, some("st-07", 3, "Not yet"));
  const before = (await log(courier.server)).length;
  await worker.sync(TAG);
  await until(async () => (await log(courier.server)).length > before, { what: "the worker to try" });
  assert.equal((await applied(courier.server)).length, 0);
  await worker.stop();
  await courier.faults.alive();
  await worker.sync(TAG, { lastChance: true });
  await taken(courier.server, 3);
  await openAgain(courier);
  await allSent(courier);
  await exactlyOnce(courier);
}));

const pushes = [
  ["with words", JSON.stringify({ title: "Route changed", body: "Stop 4 was moved to the afternoon" }), { title: "Route changed", body: "Stop 4 was moved to the afternoon" }],
  ["with words in the declarative form", JSON.stringify({ web_push: 8030, notification: { title: "New stop", navigate: "/" } }), { title: "New stop", body: "Sending what waits" }],
  ["without data", "", { title: "Pannier", body: "Sending what waits" }],
  ["with text that is not JSON", "<b>hello</b> {\"title\":", { title: "Pannier", body: "Sending what waits" }],
  ["with JSON that says nothing", "[null, 3, {\"title\": 7}]", { title: "Pannier", body: "Sending what waits" }],
];

story("a push with every page closed tells the courier and sends what waits", { timeout: 180_000 }, withCourier({ engine }, async (courier, t) => {
  await signIn(courier);
  await shellIsCached(courier);
  let count = 0;
  for (const [name, data, expected] of pushes) {
    await t.test(name, async () => {
      await openAgain(courier);
      const worker = await recordAndClose(courier, some("st-10", 2, `Before a push ${name}`));
      await courier.faults.alive();
      await worker.push(data);
      count += 2;
      await taken(courier.server, count);
      assert.deepEqual(await notifications(courier), [expected]);
      await worker.close();
    });
  }
  await openAgain(courier);
  await allSent(courier);
  await exactlyOnce(courier);
}));

story("a push shows its notification before anything is asked of the network", withCourier({ engine }, async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  const worker = await recordAndClose(courier, some("st-07", 2, "Told first"));
  await courier.faults.alive();
  // The worker's own two ways out, watched.
  await inWorker(courier, `{
    self.pannierSeen = [];
    const show = ServiceWorkerRegistration.prototype.showNotification;
    ServiceWorkerRegistration.prototype.showNotification = async function (...words) {
      pannierSeen.push("notification asked for");
      await show.apply(this, words);
      pannierSeen.push("notification shown");
    };
    const send = self.fetch;
    self.fetch = (...request) => { pannierSeen.push("request"); return send(...request); };
  }`);
  await worker.push(JSON.stringify({ title: "First of all" }));
  await taken(courier.server, 2);
  const seen = await inWorker(courier, "self.pannierSeen");
  assert.deepEqual(seen.slice(0, 3), ["notification asked for", "notification shown", "request"]);
  await openAgain(courier);
  await allSent(courier);
  await exactlyOnce(courier);
}));

/** DevTools has no hand on these; the event is the engine's kind, and what it waits for is let go. */
const happens = (courier, made) => inWorker(courier, `{
  const event = ${made};
  Object.defineProperty(event, "waitUntil", { value: () => {} });
  self.dispatchEvent(event);
}`);

story("the words of a declarative push that come as a notification, as WebKit gives them, are the ones that are shown", withCourier({ engine }, async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  await closeTheApp(courier);
  await watchShown(courier);
  await happens(courier, `Object.defineProperty(new PushEvent("push"), "notification", { value: { title: "Route changed", body: "Stop 4 was moved" } })`);
  await until(async () => (await shown(courier)).length === 1, { what: "the notification" });
  assert.deepEqual(await shown(courier), [{ title: "Route changed", body: "Stop 4 was moved" }]);
}));

const wakes = ({ driver }) => evaluate(driver, "() => document.querySelector('courier-app').api.diagnostics().then(({ wakes }) => wakes.filter(({ context }) => context === 'worker').map(({ reason, settled }) => [reason, settled]))");

story("a tap on a notification where no page comes, and a word from a page, make the worker send", withCourier({ engine }, async (courier) => {
  const { driver } = courier;
  await signIn(courier);
  await shellIsCached(courier);
  const worker = await recordAndClose(courier, some("st-07", 2, "Sent by a tap"));
  await courier.faults.alive();
  await inWorker(courier, `(async () => {
    self.clients.openWindow = () => Promise.reject(new Error("no window"));
    await registration.showNotification("Pannier");
    [self.pannierShown] = await registration.getNotifications();
  })()`);
  await happens(courier, `new NotificationEvent("notificationclick", { notification: pannierShown })`);
  await taken(courier.server, 2);
  await worker.close();
  await openAgain(courier);
  await allSent(courier);
  const sent = await wakes(courier);
  // At once, or when the pause after the cut attempt is over.
  assert.deepEqual([sent[0][0], sent.reduce((sum, [, settled]) => sum + settled, 0)], ["click", 2], sent.join("; "));
  await evaluate(driver, "async () => (await navigator.serviceWorker.ready).active.postMessage({ type: 'pannier:drain' })");
  await until(async () => (await wakes(courier)).some(([reason]) => reason === "message"), { what: "a wake by a word" });
  await exactlyOnce(courier);
}));

story("a push without a network shows its notification and loses nothing", withCourier({ engine }, async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  const worker = await recordAndClose(courier, some("st-07", 2, "No network at the push"));
  const before = (await log(courier.server)).length;
  await worker.push(JSON.stringify({ title: "Call the office", body: "Before noon" }));
  // Its try comes after the notification; asked sooner, DevTools would meet a worker that is still starting.
  await until(async () => (await log(courier.server)).length > before, { what: "the worker to try" });
  assert.deepEqual(await notifications(courier), [{ title: "Call the office", body: "Before noon" }]);
  assert.equal((await applied(courier.server)).length, 0);
  await openAgain(courier);
  assert.equal((await operations(courier.driver)).length, 2);
  await courier.faults.alive();
  await allSent(courier);
  await exactlyOnce(courier);
}));

story("a push that comes right after a cut attempt has time enough to send it", withCourier({ engine }, async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  // The first one goes out, so that the app believes in its backend and tries the next ones at once.
  const saved = await notesAtOnce(courier, some("st-07", 1, "Sent"));
  await saved();
  await allSent(courier);
  const worker = await recordAndClose(courier, some("st-07", 1, "Cut"), { soon: true });
  await courier.faults.alive();
  await worker.push("");
  await taken(courier.server, 2, { ms: 15_000 });
  await openAgain(courier);
  await allSent(courier);
  await exactlyOnce(courier);
}));

story("a worker that is stopped in the middle of sending repeats nothing", { timeout: 180_000 }, withCourier({ engine }, async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  const worker = await recordAndClose(courier, [...some("st-07", 4, "Stopped"), ...some("st-10", 4, "Stopped")]);
  await courier.faults.set({ fault: "latency", method: "POST", ms: 400 });
  await worker.sync(TAG);
  await taken(courier.server, 2);
  await worker.stop();
  const midway = (await applied(courier.server)).length;
  assert.ok(midway < 8, `stopped after ${midway} of 8`);
  await openAgain(courier);
  await allSent(courier);
  await exactlyOnce(courier);
}));
