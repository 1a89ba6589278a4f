// The courier's day without signal, end to end: what the app is for.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { find, log, peek, says, showDevice, showLabel, startSandbox, tap, type, until } from "./lib/index.mjs";
import { ableAsExpected, seesThroughTheDevice } from "./stories/abilities.mjs";
import { applied, exactlyOnce } from "./stories/backend.mjs";
import {
  allSent, arrive, at, comeBack, confirmDelivery, couldNotDeliver, deliver, drawSignature, engines, fillDelivery, keepPhoto, keepSignature, note, on,
  openPhone, outbox, photograph, scanByCamera, scanTyped, shellIsCached, shownStops, signIn, stateOf, takePhoto, toRoute, toStop, toldSaved, typed, withCourier,
} from "./stories/courier.mjs";
import { labelPicture, labelVideo } from "./stories/labels.mjs";
import { drafts, operations, storedPictures } from "./stories/store.mjs";

/** Three parcels of stop 2, seen by the camera one after the other. */
const codes = ["PN-7H2K-0002", "PN-7H2K-0003", "PN-7H2K-0004"];

const value = ({ driver }, selector) => driver.executeScript("return document.querySelector(arguments[0])?.value", selector);
const draftOf = async ({ driver }, stop) => (await drafts(driver)).find((draft) => draft.stop === stop);

async function sameAsBefore(courier, before) {
  const now = await operations(courier.driver);
  assert.deepEqual(now.map(({ id, seq }) => [id, seq]), before.map(({ id, seq }) => [id, seq]), "every operation as left");
  assert.deepEqual(now.map(({ intent }) => intent), before.map(({ intent }) => intent));
}

async function nothingIsConfirmedByTheBackend(courier) {
  const recorded = await operations(courier.driver);
  const lines = await outbox(courier, recorded.length);
  assert.deepEqual(lines.map(({ id }) => id), recorded.map(({ id }) => id), "the outbox lists everything in the order of recording");
  assert.deepEqual(lines.map(({ kind }) => kind), recorded.map(({ intent }) => intent.kind));
  for (const { seq, state } of lines) assert.ok(["waiting", "in_flight", "in_doubt"].includes(state), `item ${seq} is ${state}`);
  return recorded;
}

/** Under its driver WebKit keeps nothing, so there its day goes on without the kill, and a second one without its driver has it. */
const phones = engines.flatMap((engine) => [
  { name: engine, engine, keeps: engine !== "webkit" },
  ...(engine === "webkit" ? [{ name: "webkit without its driver", engine, keeps: true }] : []),
]);

for (const { name, engine, keeps } of phones) {
  test(`${name}: a courier's day without signal`, { timeout: 420_000 }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "pannier-day-"));
    const server = await startSandbox();
    try {
      const pictures = new Map(await Promise.all(codes.map(async (code) => [code, await labelPicture(server, code)])));
      const camera = engine === "chromium" ? await labelVideo(server, codes, { out: join(folder, "labels.y4m") }) : undefined;
      const hold = async ({ driver }, code) => { if (!camera) await showLabel(driver, pictures.get(code)); };
      const profileDir = keeps ? join(folder, "profile") : undefined;
      await withCourier({ engine, server, browser: { camera, profileDir } }, (courier) => day(courier, { keeps, hold: (code) => hold(courier, code) }))(t);
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}

async function day(courier, { keeps, hold }) {
  const { server, faults } = courier;

  // Morning, with a network: the route arrives.
  await signIn(courier);
  const route = await shownStops(courier);
  assert.ok(route.length >= 10, `${route.length} stops`);
  assert.deepEqual(new Set(route.map(({ state }) => state)), new Set(["open"]));
  await shellIsCached(courier);
  assert.equal((await log(server)).filter(({ path }) => path === "/api/route").length, 1, "the route is fetched once");
  await ableAsExpected(courier);
  await showDevice(courier.driver);

  // From here on there is none.
  await faults.dead();
  await tap(courier.driver, on("tab-load"));
  // Not counted: the camera may see another label at the same moment.
  await typed(courier, "PN-7H2K-0001");
  await find(courier.driver, `${on("parcel-p-01")}[data-ticked=true]`);
  assert.ok((await operations(courier.driver)).some(({ intent }) => intent.kind === "load" && intent.code === "PN-7H2K-0001"), "confirmed and in the store");

  // Stop 1: typed code, photo, delivered.
  await arrive(courier, "st-01");
  await toldSaved(courier);
  await scanTyped(courier, "st-01", ["PN-7H2K-0001"]);
  await photograph(courier, "st-01", { look: (video) => seesThroughTheDevice(courier, video) });
  await deliver(courier, "st-01", { recipient: "Karin Ekholm" });
  await toldSaved(courier);
  assert.equal(await stateOf(courier, "st-01"), "waiting");

  // Stop 2: three parcels by camera, one of them damaged. The page is reloaded over the half-filled form.
  await arrive(courier, "st-02");
  await scanByCamera(courier, "st-02", codes, { hold });
  await showDevice(courier.driver);
  await photograph(courier, "st-02", { look: (video) => seesThroughTheDevice(courier, video) });
  await photograph(courier, "st-02");
  await fillDelivery(courier, "st-02", { recipient: "Bo at the till", outcomes: { "p-03": "failed:damaged" } });
  await until(async () => (await draftOf(courier, "st-02"))?.fields.outcomes?.["p-03"]?.reason === "damaged", { what: "the half-filled form to be kept" });
  const beforeReload = await operations(courier.driver);
  await comeBack(courier);
  await at(courier, "#/deliver/st-02");
  await find(courier.driver, on("recipient"));
  await until(async () => (await value(courier, on("recipient"))) === "Bo at the till", { what: "the recipient as left" });
  assert.equal(await value(courier, on("parcel-reason-p-03")), "damaged");
  assert.equal(await courier.driver.executeScript("return document.querySelector(arguments[0]).checked", on("outcome-p-03-failed")), true);
  await sameAsBefore(courier, beforeReload);
  await confirmDelivery(courier, "st-02");
  assert.equal(await stateOf(courier, "st-02"), "waiting");

  // Stop 3: nobody opens.
  await arrive(courier, "st-03");
  await note(courier, "st-03", "Rang twice. Ö på dörren, \"tredje våningen\" & so on.");
  await couldNotDeliver(courier, "st-03", { reason: "nobody_home", words: "Dark windows" });

  // Stop 5 wants a signature. The app is killed with a photo just taken and the name half typed.
  await arrive(courier, "st-05");
  await scanTyped(courier, "st-05", ["PN-7H2K-0010"]);
  await drawSignature(courier, "st-05", "Elin Sandström");
  await keepSignature(courier, "st-05");
  await takePhoto(courier, "st-05");
  const beforeKill = await nothingIsConfirmedByTheBackend(courier);
  if (keeps) {
    await toStop(courier, "st-05");
    await tap(courier.driver, on("note"));
    await type(courier.driver, on("note-text"), "Killed while writing th");
    await until(async () => (await draftOf(courier, "st-05"))?.fields.note === "Killed while writing th", { what: "the half-written note to be kept" });
    await courier.browser.kill();
    await openPhone(courier, "/#/note/st-05");
    await find(courier.driver, on("note-text"), { ms: 20_000 });
    assert.equal(await value(courier, on("note-text")), "Killed while writing th");
    await sameAsBefore(courier, beforeKill);
    await ableAsExpected(courier);
    assert.equal((await courier.driver.executeScript("return document.querySelector('[data-test=status-bar]').dataset.waiting")), String(beforeKill.length));
    await type(courier.driver, on("note-text"), "Killed while writing this");
    await tap(courier.driver, on("save-note"));
    await at(courier, "#/stop/st-05");
  }
  assert.deepEqual((await shownStopsOf(courier)).map(({ id }) => id), route.map(({ id }) => id), "the route as left");
  // The photo taken before the kill waits for a yes.
  await toStop(courier, "st-05");
  await tap(courier.driver, on("photo"));
  await find(courier.driver, on("photo-preview"));
  await keepPhoto(courier, "st-05");
  await deliver(courier, "st-05", { recipient: "Elin Sandström" });

  const recorded = await nothingIsConfirmedByTheBackend(courier);
  const pictures = await storedPictures(courier.driver);
  for (const { blob } of recorded.filter((one) => one.blob)) assert.equal(pictures[blob.handle], blob.sha256, "what lies in the store is what was recorded");
  assert.equal(recorded.filter(({ intent }) => intent.kind === "photo").length, 4);
  assert.equal((await applied(server)).length, 0, "the backend knows of nothing yet");
  await find(courier.driver, `${on("status-bar")}[data-reachability=unreachable]`);
  assert.equal(await peek(courier.driver, "[part=parked]"), null);

  // Evening: the network is back, and nobody touches the phone. Where neither sync nor push can
  // wake it, the page's own triggers are all there is.
  await toRoute(courier);
  await faults.alive();
  await allSent(courier);
  for (const stop of ["st-01", "st-02", "st-03", "st-05"]) {
    await until(async () => (await stateOf(courier, stop)) === "done", { what: `${stop} to be done` });
  }
  await says(courier.driver, on("state-st-01"), "Delivered");
  await says(courier.driver, on("state-st-02"), "Partly delivered");
  await says(courier.driver, on("state-st-03"), "Not delivered");
  await find(courier.driver, `${on("status-bar")}[data-reachability=reachable]`);
  const sent = await exactlyOnce(courier);
  const lines = await outbox(courier, sent.length, { all: true });
  assert.deepEqual(lines.map(({ id }) => id), sent.map(({ id }) => id));
  assert.deepEqual(new Set(lines.map(({ state }) => state)), new Set(["settled"]));
}

async function shownStopsOf(courier) {
  await toRoute(courier);
  await find(courier.driver, on("stop-st-01"));
  return shownStops(courier);
}
