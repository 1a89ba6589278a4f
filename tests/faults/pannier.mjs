// Pannier under a fault: what is recorded without a network goes out while the fault is there.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate, openBrowser, says, until } from "../browser/lib/index.mjs";
import { operations } from "../browser/stories/store.mjs";
import { startBackend, stopOf } from "./backend.mjs";
import { PHOTO_BYTES, killAt, killWhile } from "./faults.mjs";
import { pannierFiles } from "./files.mjs";
import { profileFor } from "./profile.mjs";

const READY_MS = 60_000, DONE_MS = 240_000;

/** Records some in the page, one after the other. Gives { what, code } of each: without a code it was confirmed. */
const record = `async (notes, photos, photoBytes) => {
  const said = [];
  const attempt = async (what, work) => {
    try { await work(); said.push({ what }); } catch (error) { said.push({ what, code: error.code }); }
  };
  for (const { stop, text } of notes) await attempt(text, () => pannier.record({ kind: "note", stop, text }));
  for (const { stop } of photos) {
    const bytes = new Uint8Array(photoBytes);
    for (let from = 0; from < photoBytes; from += 65_536) crypto.getRandomValues(bytes.subarray(from, Math.min(from + 65_536, photoBytes)));
    bytes.set([0xff, 0xd8, 0xff, 0xe0]);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const what = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    await attempt(what, async () => {
      const { handle } = await pannier.stage(bytes.buffer, "image/jpeg");
      await pannier.record({ kind: "photo", stop, blob: handle });
    });
  }
  return said;
}`;

async function recordAll(driver, from, count, { photos = false } = {}) {
  const said = [];
  for (let n = from; n < from + count; n += 20) {
    const part = Array.from({ length: Math.min(20, from + count - n) }, (_, index) => ({ stop: stopOf(n + index), text: String(n + index) }));
    said.push(...await evaluate(driver, record, photos ? [] : part, photos ? part : [], PHOTO_BYTES));
  }
  return said;
}

/** What nothing more can be done about by itself: settled, set aside, parked, or behind something parked. */
function state(stored) {
  const parkedAt = new Map();
  for (const { lane, seq, state: { is } } of stored) if (is === "parked") parkedAt.set(lane, Math.min(seq, parkedAt.get(lane) ?? Infinity));
  const open = stored.filter(({ state: { is } }) => !["settled", "discarded"].includes(is));
  const parked = open.filter(({ state: { is } }) => is === "parked");
  const blocked = open.filter(({ lane, seq, state: { is } }) => is !== "parked" && parkedAt.get(lane) < seq);
  return { parked, blocked, open, finished: open.length === parked.length + blocked.length };
}

export async function runPannier({ engine, fault, identity, count }) {
  const { photos, kills = 0, race, quota, signIn, http2 = false } = fault;
  const backend = await startBackend({ identity, http2, files: await pannierFiles(profileFor(identity)) });
  const profileDir = kills ? mkdtempSync(join(tmpdir(), `pannier-faults-${engine}-`)) : undefined;
  let browser;
  const open = async () => {
    browser = await openBrowser({ engine, permissions: [], insecure: http2, ...(profileDir && { profileDir }) });
    await browser.driver.get(`${backend.page}/`);
    await says(browser.driver, "body", "ready", { ms: READY_MS });
    return browser.driver;
  };
  const stored = () => operations(browser.driver);
  try {
    let driver = await open();
    await evaluate(driver, `async () => { await pannier.signIn({ username: "anna" }); await pannier.refreshRoute(); }`);
    backend.dead = true;
    const said = quota ? await recordUntilFull(browser, backend, count) : await recordAll(driver, 0, photos ? Math.min(count, photos) : count, { photos: Boolean(photos) });

    if (race) {
      await raceOff(browser, backend, fault, count);
    } else {
      backend.begin(fault, count);
      await evaluate(driver, "async () => { attachWakes(); }");
    }
    if (quota) {
      // Nothing can be written: sending must fail as a whole and lose nothing.
      await evaluate(driver, `async () => { await pannier.drain("manual").catch(() => undefined); }`);
      await room(browser, backend, {});
      await evaluate(driver, `async () => { await pannier.drain("manual"); }`);
    }

    let killed = 0;
    const finished = async () => state(await stored()).finished;
    while (killed < kills) {
      const wanted = killAt(killed, { kills, count: said.length });
      await until(async () => backend.ledger.length >= wanted || finished(), { what: `${wanted} effects before a kill`, ms: DONE_MS });
      backend.holdNext(killWhile(killed));
      // Where much waits for a person there may be nothing left to kill in the middle of.
      await until(async () => backend.isHolding() || finished(), { what: "a write to be held", ms: DONE_MS });
      if (!backend.isHolding()) break;
      await browser.kill();
      killed += 1;
      driver = await open();
      await evaluate(driver, "async () => { attachWakes(); }");
    }
    await until(async () => {
      if (signIn && !(await evaluate(driver, "async () => (await pannier.status()).signedIn"))) {
        await evaluate(driver, `async () => { await pannier.signIn({ username: "anna" }); }`);
      }
      return finished();
    }, { what: "everything to be sent or to wait for a person", ms: DONE_MS, every: 200 }).catch(async (error) => {
      const { open: left } = state(await stored());
      error.message += `\n${left.slice(0, 5).map((one) => JSON.stringify(one)).join("\n")}\n${JSON.stringify(await evaluate(driver, "async () => pannier.status()"))}`;
      throw error;
    });
    // What landed after its count is found by then.
    await evaluate(driver, "async () => { await pannier.closeShift(); }");
    const all = await stored();
    const { parked, blocked } = state(all);
    const { items, notices, duplicates } = await evaluate(driver, `async () => ({ notices: await pannier.notices(), duplicates: await pannier.duplicates(), items: (await pannier.outbox({ state: "all", limit: 1000 })).items })`);
    const told = new Map();
    for (const { code, operation, times } of notices) if (code === "duplicate") told.set(operation, Math.max(times, told.get(operation) ?? 0));
    // The courier's notices and the office's list are one and the same.
    for (const { id, reason: { times } } of duplicates) if (told.get(id) !== times) throw new Error(`${id} is listed ${times} times, and told ${told.get(id)}`);
    if (told.size !== duplicates.length) throw new Error(`${told.size} duplicates are told, ${duplicates.length} listed`);
    const more = [...told.values()].map((times) => times - 1);
    return {
      said, backend, killed, stored: all, parked, blocked,
      // Whoever looks is told: a refusal when it was recorded, or a line with a reason.
      told: said.filter(({ code }) => code).length + items.filter(({ state: is, reason }) => ["parked", "discarded"].includes(is) && reason?.code).length,
      reported: more.reduce((sum, one) => sum + one, 0),
    };
  } finally {
    try { await browser?.close(); } finally {
      await backend.stop();
      if (profileDir) rmSync(profileDir, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

const room = (browser, backend, size) => browser.cdp("Storage.overrideQuotaForOrigin", { origin: backend.page, ...size });

/** Half of them while there is room, the others when there is none. */
async function recordUntilFull(browser, backend, count) {
  const { driver } = browser;
  const half = Math.floor(count / 2);
  const said = await recordAll(driver, 0, half);
  await room(browser, backend, { quotaSize: 1_000 });
  // Chromium goes on with what it thinks is free for up to half a minute.
  await until(async () => (await evaluate(driver, `async () => {
    const picture = new Uint8Array(${PHOTO_BYTES});
    picture.set([0xff, 0xd8, 0xff, 0xe0]);
    try { await pannier.stage(picture.buffer, "image/jpeg"); return undefined; } catch (error) { return error.code; }
  }`)) === "storage_full", { what: "the quota to be felt", ms: 60_000, every: 500 });
  return [...said, ...await recordAll(driver, half, count - half)];
}

/** The worker and two tabs begin at once, and again and again until nothing is left. */
async function raceOff(browser, backend, fault, count) {
  const { driver } = browser;
  const begin = `async () => {
    await navigator.serviceWorker.register("/sw.js");
    const { active } = await navigator.serviceWorker.ready;
    attachWakes();
    const again = setInterval(() => { active.postMessage({ type: "pannier:drain" }); pannier.drain("manual").catch(() => undefined); }, 250);
    setTimeout(() => clearInterval(again), 10_000);
    active.postMessage({ type: "pannier:drain" });
  }`;
  const first = await driver.getWindowHandle();
  await driver.switchTo().newWindow("tab");
  await driver.get(`${backend.page}/`);
  await says(driver, "body", "ready", { ms: READY_MS });
  await evaluate(driver, begin);
  await driver.switchTo().window(first);
  await evaluate(driver, begin);
  backend.begin(fault, count);
}
