// A camera's ways: torch and zoom, a stream that dies or stands still, the background, and a visit
// that opens it once.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { evaluate, find, gone, peek, says, screenshot, showLabel, tap, until } from "./lib/index.mjs";
import { allSent, arrive, at, engines, on, signIn, toRoute, toScanner, toStop, verdict } from "./stories/courier.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { labelPicture } from "./stories/labels.mjs";
import { withSpoiledApp } from "./stories/spoiled-app.mjs";

const shots = process.env.PANNIER_SHOTS;
async function shot({ browser }, name) {
  if (!shots || browser.engine !== "chromium") return;
  mkdirSync(shots, { recursive: true });
  for (const dark of [false, true]) await screenshot(browser, join(shots, `${name}-${dark ? "dark" : "light"}.png`), { dark });
}
const hold = async (courier, code) => showLabel(courier.driver, await labelPicture(courier.server, code));
const opened = ({ driver }) => driver.executeScript("return window.openings.length");
const lastTrack = ({ driver }) => driver.executeScript("return window.openings.at(-1)?.getVideoTracks()[0].readyState ?? null");
const reads = (courier, code) => find(courier.driver, `${on(`parcel-p-${code.slice(-2)}`)}[data-ticked=true]`, { ms: 30_000 });

// Every opening is on record. The moment that a stream lingers is over at once here; what keeps it longer still does.
const watched = `
  window.openings = [];
  const plain = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.recordOpenings = (open) => async (wanted) => { const stream = await open(wanted); window.openings.push(stream); return stream; };
  navigator.mediaDevices.getUserMedia = window.recordOpenings(plain);
  const timer = window.setTimeout.bind(window);
  window.setTimeout = (work, ms, ...given) => timer(work, ms === 3000 ? 0 : ms, ...given);
  window.away = false;
  Object.defineProperty(document, "hidden", { get: () => window.away });`;

/** The camera's light, and how far it sees. */
const gifted = `
  window.asked = [];
  MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true, zoom: { min: 1, max: 5 } });
  MediaStreamTrack.prototype.applyConstraints = async ({ advanced }) => { window.asked.push(...advanced); };`;

/** The lens of showLabel wraps whatever opens the camera: it is put on before, so that its streams are on record too. */
async function withLens(courier, code) {
  await hold(courier, code);
  await evaluate(courier.driver, "() => { navigator.mediaDevices.getUserMedia = window.recordOpenings(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)); window.openings.length = 0; }");
}
async function turnAway({ driver }, away) {
  await evaluate(driver, "(away) => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); }", away);
}

for (const engine of engines) {
  const spoiled = (name, spoil, story) => test(`${engine}: ${name}`, { timeout: 180_000 }, withSpoiledApp({ engine }, watched + spoil, story));

  spoiled("torch and zoom are there where the camera has them", gifted, async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await arrive(courier, "st-01");
    await withLens(courier, "PN-7H2K-0001");
    await toScanner(courier, "st-01");
    await tap(driver, "[part=torch]", { ms: 20_000 });
    await find(driver, "[part=torch][aria-pressed=true]");
    await tap(driver, "[part=torch]");
    await find(driver, "[part=torch][aria-pressed=false]");
    for (const zoom of [2, 4, 1]) {
      await tap(driver, "[part=zoom]");
      await says(driver, "[part=zoom]", `${zoom}×`);
    }
    await shot(courier, "scan-torch-zoom");
    assert.deepEqual(await driver.executeScript("return window.asked"), [{ torch: true }, { torch: false }, { zoom: 2 }, { zoom: 4 }, { zoom: 1 }]);
  });

  spoiled("a camera that died is opened anew, and one that stands still", "", async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await arrive(courier, "st-02");
    await withLens(courier, "PN-7H2K-0002");
    await toScanner(courier, "st-02");
    await reads(courier, "PN-7H2K-0002");
    assert.equal(await opened(courier), 1);
    // A camera has neither: nothing to tap that does nothing.
    assert.equal(await peek(driver, "[part=torch]"), null);

    // Its track is over and no event says so.
    await evaluate(driver, "() => { window.openings.at(-1).getVideoTracks()[0].stop(); }");
    await until(async () => await opened(courier) === 2 && await lastTrack(courier) === "live", { what: "another stream", ms: 20_000 });
    await hold(courier, "PN-7H2K-0003");
    await reads(courier, "PN-7H2K-0003");

    // The same grey for ever, as after the background.
    await evaluate(driver, "() => { const { table } = window.pannierLens; window.pannierLens.draw = () => { const pen = table.getContext('2d'); pen.resetTransform(); pen.fillStyle = '#555'; pen.fillRect(0, 0, table.width, table.height); }; }");
    await until(async () => await opened(courier) === 3, { what: "a stream instead of the one that stands still", ms: 30_000 });
    await hold(courier, "PN-7H2K-0004");
    await reads(courier, "PN-7H2K-0004");
    await allSent(courier);
    await exactlyOnce(courier);
  });

  spoiled("the camera is given back in the background, and is there again in front", "", async (courier) => {
    await signIn(courier);
    await arrive(courier, "st-01");
    await withLens(courier, "PN-7H2K-0005");
    await toScanner(courier, "st-01");
    await verdict(courier, "bad", "belongs to stop 3", { ms: 30_000 });
    await turnAway(courier, true);
    await until(async () => await lastTrack(courier) === "ended", { what: "the camera to be given back" });
    await hold(courier, "PN-7H2K-0001");
    await turnAway(courier, false);
    await reads(courier, "PN-7H2K-0001");
    assert.equal(await opened(courier), 2);
  });

  spoiled("a visit opens the camera once, and leaves it behind at the door", "", async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await arrive(courier, "st-02");
    await withLens(courier, "PN-7H2K-0002");
    await toScanner(courier, "st-02");
    await reads(courier, "PN-7H2K-0002");
    await tap(driver, on("scan-done"));
    await at(courier, "#/stop/st-02");
    await tap(driver, on("photo"));
    await find(driver, "[part=shutter]", { ms: 20_000 });
    await tap(driver, on("back"));
    await gone(driver, "[part=shutter]");
    await toStop(courier, "st-02");
    await toScanner(courier, "st-02");
    await verdict(courier, "known", "already scanned", { ms: 30_000 });
    assert.deepEqual([await opened(courier), await lastTrack(courier)], [1, "live"]);
    await toRoute(courier);
    await until(async () => await lastTrack(courier) === "ended", { what: "the camera to be given back" });
  });
}
