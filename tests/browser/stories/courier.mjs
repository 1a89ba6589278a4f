// What a courier does with the app, step by step, the same in every engine. A step ends when the
// app has confirmed it, and what it confirmed must then be in the store.

import assert from "node:assert/strict";
import { By } from "selenium-webdriver";
import { engines as everyEngine } from "../../../scripts/lib/browsers.mjs";
import { draw, faults, find, gone, openBrowser, peek, ready, reload, says, startSandbox, tap, text, type, until } from "../lib/index.mjs";
import { operations } from "./store.mjs";

/** All three, or those of PANNIER_ENGINES=firefox,webkit; a story that needs DevTools asks for Chromium. */
export const engines = process.env.PANNIER_ENGINES?.split(",") ?? everyEngine;

export const on = (name) => `[data-test="${name}"]`;
const hash = (driver) => driver.executeScript("return location.hash");
export const at = (courier, address, { ms } = {}) =>
  until(async () => (await hash(courier.driver)) === address, { what: `the screen ${address}`, ms });

/** A courier with a phone: a sandbox, a browser and the app open in it. Ends with `leave`. */
export async function arriveAtWork({ engine = "chromium", server, page, browser: options = {}, sandbox } = {}) {
  const own = server ?? await startSandbox(sandbox);
  const courier = { engine, server: own, page: page ?? own.page, faults: faults(own), options: { engine, ...options } };
  courier.leave = async () => {
    try { await courier.browser?.close(); } finally { if (!server) await own.stop(); }
  };
  try {
    await openPhone(courier);
  } catch (error) {
    await courier.leave();
    throw error;
  }
  return courier;
}

export async function openPhone(courier, address = "/") {
  courier.browser = await openBrowser(courier.options);
  courier.driver = courier.browser.driver;
  await courier.driver.get(new URL(address, courier.page).href);
  return courier;
}

/** A test's body with a courier whose things are put away however it ends; a failure shows what was on the screen. */
export const withCourier = (options, story) => async (context) => {
  const courier = await arriveAtWork(options);
  try {
    await story(courier, context);
  } catch (error) {
    error.message += await seen(courier).catch(() => "");
    throw error;
  } finally {
    await courier.leave();
  }
};

/** For the message of a failure: where the courier was, what the app said, what the last taps hit and how the workers stood. */
async function seen({ driver }) {
  const what = await driver.executeScript(`
    const [registered, taken] = [window.pannierWorkers, window.pannierTaps ?? []];
    const workers = ["installing", "waiting", "active"].filter((one) => registered?.[one]).map((one) => one + " " + registered[one].state);
    return [
      location.href, document.body.innerText.replace(/\\s*\\n\\s*/g, " / ").slice(0, 1200),
      "taps: " + taken.slice(-4).join("; "), "workers: " + (workers.join(", ") || "none known"),
    ];`);
  return `\n--- on the screen: ${what.join("\n")}\n---`;
}

export async function signIn(courier, { username = "anna", password = "packet123", stops = 10 } = {}) {
  const { driver } = courier;
  await type(driver, on("username"), username);
  await type(driver, on("password"), password);
  await tap(driver, on("sign-in"));
  await until(async () => (await shownStops(courier)).length >= stops, { what: `a route of ${stops} stops`, ms: 15_000 });
}

export const shownStops = ({ driver }) => driver.executeScript(
  `return [...document.querySelectorAll('a.stop[data-test^="stop-"]')].map((stop) => ({ id: stop.dataset.test.slice(5), state: stop.dataset.state }))`);

/** From here on the app opens without a network. */
export const shellIsCached = ({ driver }) => until(() => driver.executeAsyncScript(`
  const done = arguments[0];
  if (!("serviceWorker" in navigator)) done(false);
  else navigator.serviceWorker.getRegistration().then((r) => done(r?.active?.state === "activated" && navigator.serviceWorker.controller !== null));`),
{ what: "the service worker to take the page", ms: 20_000 });

export async function comeBack(courier, { signedIn = true } = {}) {
  await reload(courier.driver);
  if (signedIn) await find(courier.driver, "main.outlet h1", { ms: 15_000 });
}

/** By the links that are there, as a thumb would. */
export async function toRoute(courier) {
  const { driver } = courier;
  await until(async () => {
    const place = await hash(driver);
    if ((place === "" || place === "#/route") && await peek(driver, on("tab-route"))) return true;
    const way = (await peek(driver, on("tab-route"))) ?? (await peek(driver, on("back")));
    await way?.click();
    return false;
  }, { what: "the way back to the route", every: 100 });
}

export async function toStop(courier, stop) {
  if (await hash(courier.driver) === `#/stop/${stop}`) return;
  await toRoute(courier);
  await tap(courier.driver, on(`stop-${stop}`));
  await at(courier, `#/stop/${stop}`);
  await find(courier.driver, on("arrive"));
}

/** Does something that the app confirms, and sees at that moment that it is in the store: how many operations of this kind more. */
export async function durable(courier, { kind, stop }, act) {
  const count = async () => (await operations(courier.driver)).filter((one) => one.intent.kind === kind && one.intent.stop === stop).length;
  const before = await count();
  await act();
  assert.equal(await count(), before + 1, `${kind} at ${stop ?? "the van"} was confirmed and must be in the store`);
}

export const toldSaved = ({ driver }) => says(driver, on("toast"), /Saved/i);

export async function arrive(courier, stop) {
  await toStop(courier, stop);
  await durable(courier, { kind: "arrive", stop }, async () => {
    await tap(courier.driver, on("arrive"));
    await find(courier.driver, `${on("arrive")}.ticked`);
  });
}

export const typed = async ({ driver }, code) => {
  await type(driver, "input[name=code]", code);
  await tap(driver, "[part=typed-button]");
};

/** What the app says to the last code. */
export const verdict = ({ driver }, tone, words, { ms } = {}) => says(driver, `${on("verdict")}[data-tone=${tone}]`, words, { ms });

export async function toScanner(courier, stop) {
  await toStop(courier, stop);
  await tap(courier.driver, on("scan"));
  await at(courier, `#/scan/${stop}`);
}

/** The sandbox numbers parcels and codes alike. */
export const parcelOf = (code) => `p-${code.slice(-2)}`;

export async function scanTyped(courier, stop, codes) {
  await toScanner(courier, stop);
  for (const code of codes) {
    await durable(courier, { kind: "scan", stop }, async () => {
      await typed(courier, code);
      // Not the verdict: the camera may see another label at the same moment.
      await find(courier.driver, `${on(`parcel-${parcelOf(code)}`)}[data-ticked=true]`);
    });
  }
  await tap(courier.driver, on("scan-done"));
  await at(courier, `#/stop/${stop}`);
}

/** The labels are held before the lens one after the other: nothing is tapped. */
export async function scanByCamera(courier, stop, codes, { hold, ms = 30_000 }) {
  await hold(codes[0]);
  await toScanner(courier, stop);
  for (const code of codes) {
    await hold(code);
    await find(courier.driver, `${on(`parcel-${parcelOf(code)}`)}[data-ticked=true]`, { ms });
  }
  const scans = (await operations(courier.driver)).filter(({ intent }) => intent.kind === "scan" && intent.stop === stop);
  assert.deepEqual(scans.map(({ intent }) => intent.code).sort(), codes);
  for (const { intent } of scans) assert.equal(intent.source, "camera");
  await tap(courier.driver, on("scan-done"));
  await at(courier, `#/stop/${stop}`);
}

/** `look` is done with the picture on the screen, before the shutter. */
export async function takePhoto(courier, stop, { look } = {}) {
  await toStop(courier, stop);
  await tap(courier.driver, on("photo"));
  await at(courier, `#/photo/${stop}`);
  await ready(courier.driver, "[part=shutter]", { ms: 20_000 });
  await look?.(await find(courier.driver, "video"));
  await tap(courier.driver, "[part=shutter]");
  await find(courier.driver, on("photo-preview"), { ms: 15_000 });
}

export async function keepPhoto(courier, stop) {
  await durable(courier, { kind: "photo", stop }, async () => {
    await tap(courier.driver, on("use-photo"));
    await at(courier, `#/stop/${stop}`);
  });
}

export async function photograph(courier, stop, how) {
  await takePhoto(courier, stop, how);
  await keepPhoto(courier, stop);
}

export async function drawSignature(courier, stop, signer) {
  await toStop(courier, stop);
  await tap(courier.driver, on("signature"));
  await at(courier, `#/signature/${stop}`);
  await type(courier.driver, on("signer"), signer);
  await draw(courier.driver, ".pad canvas", [[0.1, 0.7], [0.2, 0.2], [0.3, 0.7], [0.4, 0.3], [0.5, 0.6]]);
  await draw(courier.driver, ".pad canvas", [[0.6, 0.4], [0.8, 0.5], [0.9, 0.3]]);
}

export async function keepSignature(courier, stop) {
  await durable(courier, { kind: "signature", stop }, async () => {
    await tap(courier.driver, on("sign-done"));
    await at(courier, `#/stop/${stop}`);
  });
}

export async function note(courier, stop, words) {
  await toStop(courier, stop);
  await tap(courier.driver, on("note"));
  await type(courier.driver, on("note-text"), words);
  await durable(courier, { kind: "note", stop }, async () => {
    await tap(courier.driver, on("save-note"));
    await at(courier, `#/stop/${stop}`);
  });
}

/** Chooses in a list; its entries have no size of their own to tap. */
export async function pick({ driver }, selector, value) {
  const list = await ready(driver, selector);
  const entry = await list.findElement(By.css(`option[value="${value}"]`));
  await entry.click();
}

/** `outcomes`: parcel id to "failed:damaged" and the like; the others are delivered. */
export async function fillDelivery(courier, stop, { recipient, outcomes = {} }) {
  await toStop(courier, stop);
  await tap(courier.driver, on("deliver"));
  await at(courier, `#/deliver/${stop}`);
  await type(courier.driver, on("recipient"), recipient);
  for (const [parcel, outcome] of Object.entries(outcomes)) {
    const [kind, reason] = outcome.split(":");
    await tap(courier.driver, on(`outcome-${parcel}-${kind}`));
    if (reason) await pick(courier, on(`parcel-reason-${parcel}`), reason);
  }
}

export async function confirmDelivery(courier, stop) {
  await durable(courier, { kind: "deliver", stop }, async () => {
    await tap(courier.driver, on("confirm-deliver"));
    await at(courier, "#/route");
  });
}

export async function deliver(courier, stop, form) {
  await fillDelivery(courier, stop, form);
  await confirmDelivery(courier, stop);
}

export async function couldNotDeliver(courier, stop, { reason, words, look }) {
  await toStop(courier, stop);
  await tap(courier.driver, on("fail"));
  await tap(courier.driver, on(`reason-${reason}`));
  await type(courier.driver, on("reason-text"), words);
  await look?.();
  await durable(courier, { kind: "fail", stop }, async () => {
    await tap(courier.driver, on("confirm-fail"));
    await at(courier, "#/route");
  });
}

/** The outbox as it is listed, from top to bottom, once it has so many lines. */
export async function outbox(courier, count, { all = false } = {}) {
  const { driver } = courier;
  if (await hash(driver) !== "#/outbox") {
    await toRoute(courier);
    await tap(driver, on("tab-outbox"));
    await at(courier, "#/outbox");
  }
  await tap(driver, on(all ? "filter-all" : "filter-unsettled"));
  return until(async () => {
    const lines = await driver.executeScript(`return [...document.querySelector("pannier-outbox")?.shadowRoot?.querySelectorAll('li[data-operation]') ?? []].map((item) => ({
      id: item.dataset.operation, kind: item.dataset.kind, seq: Number(item.dataset.seq), state: item.dataset.state, text: item.innerText.replace(/\\s+/g, " ") }))`);
    return lines.length === count && lines;
  }, { what: `${count} lines in the outbox` });
}

/** In the outbox: one operation's button, or the operation itself in a state. */
export const choice = (part, id) => `[part=${part}][data-operation="${id}"]`;
export const lineIn = (state, id) => `li[data-operation="${id}"][data-state=${state}]`;

/** In the outbox: set aside, with the courier's reason. */
export async function discard({ driver }, id, reason) {
  await tap(driver, choice("discard", id));
  await type(driver, "[part=dialog-reason]", reason);
  await tap(driver, "[part=dialog-confirm]");
  await until(async () => (await operations(driver)).find((one) => one.id === id).state.is === "discarded", { what: "it to be discarded" });
  await gone(driver, "[part=dialog-confirm]");
}

/** Notes written as fast as the app takes them, from within the page: gives the way to wait for their end. */
export async function notesAtOnce({ driver }, plan, name = "pannierNotes") {
  await driver.executeScript(`
    const [plan, name] = arguments;
    const wait = (what, ask) => new Promise((resolve, reject) => {
      const deadline = performance.now() + 20000;
      const look = () => {
        const found = ask();
        if (found) resolve(found);
        else if (performance.now() > deadline) reject(new Error("in vain: " + what + " at " + location.hash));
        else setTimeout(look, 5);
      };
      look();
    });
    const one = (test) => document.querySelector('[data-test="' + test + '"]');
    window[name] = { done: false };
    (async () => {
      for (const { stop, words } of plan) {
        location.hash = "#/note/" + stop;
        const field = await wait("the note's field", () => document.querySelector("courier-note") && one("note-text"));
        field.value = words;
        field.dispatchEvent(new Event("input", { bubbles: true }));
        const save = await wait("save", () => { const button = one("save-note"); return button && !button.disabled && button; });
        save.click();
        await wait("the stop after " + words, () => location.hash === "#/stop/" + stop || (one("error") && one("error").open));
        if (one("error") && one("error").open) throw new Error(one("error").innerText);
        await wait("the stop's screen", () => one("arrive"));
      }
    })().then(() => { window[name].done = true; }, (error) => { window[name] = { done: true, error: String(error) }; });`, plan, name);
  return async ({ ms = 60_000 } = {}) => {
    const end = await until(async () => {
      const state = await driver.executeScript("return window[arguments[0]]", name);
      return state?.done && state;
    }, { what: `${plan.length} notes to be saved`, ms });
    assert.equal(end.error, undefined);
  };
}

/** Nothing waits any more, by the store itself. */
export const allSent = ({ driver }, { ms = 90_000, what = "everything recorded to go out by itself" } = {}) => until(async () => {
  const left = (await operations(driver)).filter(({ state }) => state.is !== "settled" && state.is !== "discarded");
  return left.length === 0;
}, { what, ms, every: 150 });

/** What the phone notices when it has a network again. */
export const networkIsBack = ({ driver }) => driver.executeScript("dispatchEvent(new Event('online'))");

export const stateOf = (courier, stop) => courier.driver.executeScript(
  `return document.querySelector('a.stop[data-test="stop-' + arguments[0] + '"]')?.dataset.state`, stop);

/** What the error sheet said; it is closed as a courier closes it, whatever it said. */
export async function readError({ driver }, words) {
  const sheet = `dialog${on("error")}[open]`;
  await find(driver, sheet);
  const said = await text(driver, sheet);
  await tap(driver, on("error-close"));
  await until(async () => (await peek(driver, sheet)) === null, { what: "the error sheet to close" });
  assert.match(said, words);
}
