// Loading the van: what is in, what is missing, what does not belong, and several parcels at once.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { burst, evaluate, find, gone, peek, says, screenshot, showLabel, tap, text, until } from "./lib/index.mjs";
import { allSent, engines, on, signIn, typed, verdict, withCourier } from "./stories/courier.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { labelPicture } from "./stories/labels.mjs";
import { operations } from "./stories/store.mjs";

const shots = process.env.PANNIER_SHOTS;
async function shot({ browser }, name) {
  if (!shots || browser.engine !== "chromium") return;
  mkdirSync(shots, { recursive: true });
  for (const dark of [false, true]) await screenshot(browser, join(shots, `${name}-${dark ? "dark" : "light"}.png`), { dark });
}

const tally = ({ driver }) => driver.executeScript("const { loaded, missing, wrong } = document.querySelector(arguments[0])?.dataset ?? {}; return [loaded, missing, wrong].map(Number);", on("tally"));
const tallied = (courier, expected) => until(async () => JSON.stringify(await tally(courier)) === JSON.stringify(expected), { what: `${expected} loaded, missing, wrong` });
const loads = async ({ driver }) => (await operations(driver)).filter(({ intent }) => intent.kind === "load").map(({ intent }) => intent.code).sort();

/** What the phone does for the ear and for the hand: the tones' pitches, and the buzzes. */
const listen = ({ driver }) => evaluate(driver, `() => {
  window.tones = [];
  window.buzzes = [];
  const of = AudioContext.prototype.createOscillator;
  AudioContext.prototype.createOscillator = function () {
    const oscillator = of.call(this);
    const start = oscillator.start.bind(oscillator);
    oscillator.start = (when) => { window.tones.push(oscillator.frequency.value); start(when); };
    return oscillator;
  };
  navigator.vibrate = (pattern) => { window.buzzes.push(String(pattern)); return true; };
}`);
const heard = ({ driver }) => driver.executeScript("return window.tones.splice(0)");
/** This machine has no loudspeaker: Firefox's way to one stays shut. */
const sound = async (courier) => courier.engine === "firefox" || until(async () => {
  const tones = await heard(courier);
  return tones.length > 0 && tones;
}, { what: "a sound" });
const felt = ({ driver }) => driver.executeScript("return window.buzzes.splice(0)");

for (const engine of engines) {
  test(`${engine}: the van is loaded: in, missing, wrong`, { timeout: 180_000 }, withCourier({ engine }, async (courier) => {
    const { driver, server } = courier;
    await signIn(courier);
    const route = await (await fetch(new URL("/api/route", server.page), { headers: { authorization: `Bearer ${await token(server)}` } })).json();
    const deliveries = route.stops.filter(({ kind }) => kind === "delivery").flatMap(({ parcels }) => parcels);
    const [pickup] = route.stops.filter(({ kind }) => kind === "pickup");
    await tap(driver, on("tab-load"));
    await tallied(courier, [0, deliveries.length, 0]);
    await says(driver, on("scan-count"), `0 of ${deliveries.length}`);
    assert.equal(await peek(driver, on(`parcel-${pickup.parcels[0].id}`)), null, "what is picked up later is not missing now");
    await listen(courier);

    const [first, second] = deliveries;
    await typed(courier, first.code);
    await verdict(courier, "good", first.code);
    await says(driver, on("verdict"), /Stop 1, /);
    await tallied(courier, [1, deliveries.length - 1, 0]);
    const good = [await sound(courier), await felt(courier)];
    await burst(driver, first.code);
    await verdict(courier, "known", "already in the van");
    const known = [await sound(courier), await felt(courier)];
    await burst(driver, second.code);
    await verdict(courier, "good", second.code);
    await tallied(courier, [2, deliveries.length - 2, 0]);
    await sound(courier);
    await felt(courier);

    await burst(driver, pickup.parcels[0].code);
    await verdict(courier, "bad", /stays behind: stop \d+ is a pickup/);
    const bad = [await sound(courier), await felt(courier)];
    await burst(driver, "PN-9999-9999");
    await verdict(courier, "bad", "on no stop of this route");
    await tallied(courier, [2, deliveries.length - 2, 2]);
    await says(driver, on("strays"), "PN-9999-9999");
    for (const [what, sense] of ["the ear", "the hand"].entries()) {
      if (sense === "the ear" && engine === "firefox") continue;
      assert.equal(new Set([good, known, bad].map((one) => String(one[what]))).size, 3, `each time something else for ${sense}`);
      for (const one of [good, known, bad]) assert.ok(one[what].length > 0, `something for ${sense}`);
    }
    await shot(courier, "load-wrong");
    // What is put aside is no longer told; what is loaded stays loaded.
    for (let left = 2; left > 0; left -= 1) await tap(driver, `${on("strays")} button`);
    await gone(driver, on("strays"));
    assert.deepEqual(await loads(courier), [first.code, second.code].sort());

    for (const { code } of deliveries.slice(2)) await burst(driver, code);
    await tallied(courier, [deliveries.length, 0, 0]);
    await shot(courier, "load-complete");
    await tap(driver, on("load-done"));
    await find(driver, on("stop-st-01"));
    assert.deepEqual(await loads(courier), deliveries.map(({ code }) => code).sort());
    await allSent(courier);
    await exactlyOnce(courier);
  }));

  test(`${engine}: several parcels that lie together are loaded in one go`, { timeout: 180_000 }, withCourier({ engine }, async (courier) => {
    const { driver, server } = courier;
    await signIn(courier);
    // Two for this van and one that is not, as a canvas before the lens, in every engine.
    const codes = ["PN-7H2K-0001", "PN-7H2K-0002", "PN-9999-9999"];
    const pictures = await Promise.all(codes.map((code) => code.startsWith("PN-9") ? qr(code) : labelPicture(server, code)));
    await showLabel(driver, beside(pictures), { width: 1280, height: 720, degrees: 2 });
    await tap(driver, on("tab-load"));
    await until(async () => { const [loaded, , wrong] = await tally(courier); return loaded === 2 && wrong === 1; }, { what: "two in the van and one told to stay", ms: 60_000 });
    await says(driver, on("strays"), "PN-9999-9999");
    // Held on, nothing is taken twice, and what needs a hand is still said.
    assert.equal(await driver.executeScript("return document.querySelector(arguments[0]).dataset.tone", on("verdict")), "bad");
    assert.match(await text(driver, on("verdict")), /PN-9999-9999/);
    await shot(courier, "load-several");
    assert.deepEqual(await loads(courier), codes.slice(0, 2));
    await allSent(courier);
    await exactlyOnce(courier);
  }));
}

async function token(server) {
  const answer = await fetch(new URL("/api/login", server.page), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username: "anna", password: "packet123" }) });
  return (await answer.json()).access_token;
}

async function qr(code) {
  const { default: QRCode } = await import("qrcode");
  return QRCode.toString(code, { type: "svg", margin: 4 });
}

/** Pictures side by side on one sheet. */
function beside(pictures) {
  const side = 400;
  const inner = pictures.map((svg, place) => svg.replace(/<\?xml[^>]*>/u, "").replace(/<svg /u, `<svg x="${place * side}" y="0" `)
    .replace(/(<svg [^>]*?)\swidth="[^"]*"/u, "$1").replace(/(<svg [^>]*?)\sheight="[^"]*"/u, "$1").replace(/<svg /u, `<svg width="${side}" height="${side}" `));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${side * pictures.length}" height="${side}" viewBox="0 0 ${side * pictures.length} ${side}"><rect width="100%" height="100%" fill="#fff"/>${inner.join("")}</svg>`;
}
