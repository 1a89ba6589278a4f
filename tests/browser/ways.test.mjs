// What WebKit does to a page on an iPhone, put into all three engines on purpose. docs/devices.md
// says which way is handled where.

import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, log, until } from "./lib/index.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { allSent, engines } from "./stories/courier.mjs";
import { call, done, withClient } from "./stories/client-page.mjs";
import { operations, session } from "./stories/store.mjs";

/** A function of pages/ways.mjs, in the page. */
const way = (driver, name, ...given) => evaluate(driver, "(name, given) => window.ways[name](...given)", name, given);
const write = (driver, text) => call(driver, `(text) => pannier.record({ kind: "note", stop: "st-07", text })`, text);
const notes = async (driver) => (await operations(driver)).map(({ intent }) => intent.text);
async function recorded(driver, text) {
  const { value, message } = await write(driver, text);
  assert.equal(message, undefined);
  return value;
}
/** WebKit's driver measures a script's time with the page's own timers. */
async function fastTime(driver, factor) {
  await driver.manage().setTimeouts({ script: 30_000 * factor });
  await way(driver, "fastTime", factor);
}
const picture = `async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
  canvas.getContext("2d").fillRect(0, 0, 32, 32);
  const jpeg = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg"));
  return pannier.stage(await jpeg.arrayBuffer(), "image/jpeg");
}`;
const outOfReach = (driver) => until(async () => (await done(driver, "() => pannier.status()")).reachability === "unreachable", { what: "the backend to be known as out of reach" });

for (const engine of engines) {
  const story = (name, work) => test(`${engine}: ${name}`, { timeout: 120_000 }, withClient({ engine }, work));

  story("a connection that died is replaced, whatever it says or does not say", async (courier) => {
    const { driver } = courier;
    const said = ["whole"];
    await recorded(driver, said[0]);
    for (const how of ["lost", "unknown", "closed", "stopped", "told"]) {
      await way(driver, "badOpenings", "thrown", 0);
      await way(driver, "deadConnection", how);
      await recorded(driver, `written on a ${how} connection`);
      said.push(`written on a ${how} connection`);
      // One that is told to be dying lets the recording's one transaction end: the next call needs the fresh one.
      await done(driver, "() => pannier.status()");
      assert.ok((await way(driver, "counts")).deadUses >= 1, `${how}: the dead connection was used`);
      assert.equal((await way(driver, "counts")).openings, 1, `${how}: one fresh connection`);
    }
    assert.deepEqual(await notes(driver), said, "each once, in order");
    await done(driver, `() => pannier.drain("manual")`);
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("a transaction that never answers is given up, and what it wrote is not written twice", async ({ driver }) => {
    await recorded(driver, "before");
    await fastTime(driver, 12);
    await way(driver, "deadConnection", "stalled");
    await recorded(driver, "written over a stalled transaction");
    assert.deepEqual(await notes(driver), ["before", "written over a stalled transaction"]);
  });

  story("openings that fail or hang are tried again, and told when they go on failing", async ({ driver }) => {
    await fastTime(driver, 12);
    for (const how of ["thrown", "rejected", "hung"]) {
      // In this order: a connection opened between the two would be a sound one.
      await way(driver, "badOpenings", how, 2);
      await way(driver, "deadConnection", "lost");
      await recorded(driver, `written after two ${how} openings`);
      assert.equal((await way(driver, "counts")).openings, 3, how);
      await way(driver, "badOpenings", how, 100);
      await way(driver, "deadConnection", "lost");
      const refused = await write(driver, "not to be had");
      assert.equal(refused.code, how === "hung" ? "storage_timeout" : "storage_lost", refused.message);
      await way(driver, "badOpenings", how, 0);
      await recorded(driver, `written when ${how} openings are over`);
    }
    assert.deepEqual(await notes(driver), ["thrown", "rejected", "hung"].flatMap((how) => [`written after two ${how} openings`, `written when ${how} openings are over`]));
  });

  story("an opening that another window blocks is told as that", async ({ driver }) => {
    await fastTime(driver, 12);
    await way(driver, "badOpenings", "blocked", 100);
    await way(driver, "deadConnection", "lost");
    const refused = await write(driver, "not to be had");
    assert.equal(refused.code, "storage_blocked", refused.message);
    await way(driver, "badOpenings", "blocked", 0);
    await recorded(driver, "the window was closed");
  });

  story("a store that a newer core takes over is let go, read, and never written", async ({ driver }) => {
    await recorded(driver, "recorded before the newer one came");
    // The open connection makes way: nothing is blocked.
    await evaluate(driver, `() => new Promise((resolve, reject) => {
      const open = indexedDB.open("pannier", 7);
      open.onupgradeneeded = () => { open.result.createObjectStore("of the newer one"); open.result.deleteObjectStore("wakes"); };
      open.onblocked = () => reject(new Error("blocked"));
      open.onerror = () => reject(open.error);
      open.onsuccess = () => { open.result.close(); resolve(); };
    })`);
    const before = await operations(driver);
    for (const client of ["pannier", "await openAnother()"]) {
      const refused = await call(driver, `async () => (${client}).record({ kind: "note", stop: "st-07", text: "too late" })`);
      assert.equal(refused.code, "storage_newer", refused.message);
      assert.match(refused.message, /\b7\b/u);
      const { waiting, storageNewer } = await done(driver, `async () => (${client}).status()`);
      assert.deepEqual([waiting, storageNewer], [1, 7]);
      const page = await done(driver, `async () => (${client}).outbox({ state: "unsettled" })`);
      assert.match(page.items[0].title.text, /recorded before/u);
      assert.equal(await done(driver, `async () => (await exportUnsettled(${client})).operations`), 1);
    }
    assert.deepEqual(await operations(driver), before);
  });

  story("a database without its object stores is made anew when it is empty, and left alone when it is not", async ({ driver }) => {
    const make = (name, stores) => evaluate(driver, `(name, stores) => new Promise((resolve, reject) => {
      const open = indexedDB.open(name, 1);
      open.onupgradeneeded = () => { for (const store of stores) open.result.createObjectStore(store, { keyPath: "k" }); };
      open.onerror = () => reject(open.error);
      open.onsuccess = () => { open.result.close(); resolve(); };
    })`, name, stores);
    await make("cut-short", []);
    await done(driver, `async () => { const other = await openAnother({ database: "cut-short" }); await other.status(); other.close(); }`);
    await make("half", ["meta", "operations"]);
    const refused = await call(driver, `() => openAnother({ database: "half" })`);
    assert.equal(refused.code, "storage_failed");
    assert.match(refused.message, /no store/);
    const left = await evaluate(driver, `() => new Promise((resolve) => {
      const open = indexedDB.open("half");
      open.onsuccess = () => { resolve([...open.result.objectStoreNames]); open.result.close(); };
    })`);
    assert.deepEqual(left, ["meta", "operations"]);
  });

  story("no space is told as such, nothing half done, and it works again when there is some", async (courier) => {
    const { driver } = courier;
    for (const how of ["thrown", "thrown midway", "aborted"]) {
      await way(driver, "noSpace", how);
      assert.equal((await write(driver, "no room")).code, "storage_full", how);
      assert.equal((await call(driver, picture)).code, "storage_full", how);
      await way(driver, "spaceAgain");
    }
    assert.deepEqual(await notes(driver), []);
    await recorded(driver, "room again");
    await done(driver, picture);
    await done(driver, `() => pannier.drain("manual")`);
    await allSent(courier);
    await exactlyOnce(courier);
  });

  // The other two have no way to be given a quota.
  if (engine === "chromium") story("a real quota that is used up is told as such too", async (courier) => {
    const { driver, browser, page } = courier;
    const quota = (size) => browser.cdp("Storage.overrideQuotaForOrigin", { origin: new URL(page).origin, ...size });
    await recorded(driver, "while there was room");
    await quota({ quotaSize: 1_000 });
    // Chromium goes on with what it thinks is free for up to half a minute.
    await until(async () => (await call(driver, picture)).code === "storage_full", { what: "the quota to be felt", ms: 60_000, every: 500 });
    assert.equal((await write(driver, "no room")).code, "storage_full");
    await quota({});
    await until(async () => (await call(driver, picture)).code === undefined, { what: "the room to be felt", ms: 60_000, every: 500 });
    await recorded(driver, "room again");
    assert.deepEqual(await notes(driver), ["while there was room", "room again"]);
    await done(driver, `() => pannier.drain("manual")`);
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("no storage at all is told as such", async ({ driver }) => {
    for (const how of await way(driver, "kindsOfAbsence")) {
      await way(driver, "noStorage", how);
      assert.equal((await call(driver, `() => openAnother({ database: "none" })`)).code, "storage_unavailable", how);
      // As a page that is opened now would find it.
      const found = await done(driver, "async (how) => (await import(`/storage.js?${how}`)).storageHealth()", how);
      assert.equal(found.kind, "unavailable", how);
    }
  });

  story("a lock that a dead context keeps is stolen once its lease is over", async (courier) => {
    const { driver } = courier;
    await recorded(driver, "waiting for the lock");
    await way(driver, "keepLock");
    const held = await evaluate(driver, "async () => (await navigator.locks.query()).held.map(({ name }) => name)");
    const { account } = await session(driver);
    assert.deepEqual(held, [`pannier:pannier:drain:${account}`]);
    await done(driver, `() => pannier.drain("manual")`);
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("a lock whose holder is within its lease is left alone, and taken when the lease is over", async (courier) => {
    const { driver, faults } = courier;
    await recorded(driver, "on its way when its page dies");
    await faults.set({ fault: "latency", path: "/api/stops/*/notes", ms: 600_000 });
    // Another client's drain holds lock and lease and never ends.
    await done(driver, `async () => { window.other = await openAnother(); void other.drain("manual").catch(() => undefined); }`);
    await until(async () => (await log(courier.server)).some(({ path }) => path.endsWith("/notes")), { what: "the request to be on its way" });
    assert.equal((await done(driver, `() => pannier.drain("manual")`)).stopped, "busy");
    await faults.clear();
  });

  story("the browser's word that it is offline keeps nothing back", async (courier) => {
    const { driver } = courier;
    await evaluate(driver, `() => {
      Object.defineProperty(navigator, "onLine", { configurable: true, get: () => false });
      window.attachWakes();
      dispatchEvent(new Event("offline"));
    }`);
    await recorded(driver, "sent while the browser says offline");
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("a request whose phone slept past its deadline is given up at once", async (courier) => {
    const { driver, faults, server } = courier;
    await recorded(driver, "sent before the sleep");
    await faults.set({ fault: "latency", method: "POST", ms: 600_000 });
    await evaluate(driver, `() => { window.sending = pannier.drain("manual"); }`);
    await until(async () => (await log(server)).some(({ path }) => path.endsWith("/notes")), { what: "the request to be on its way" });
    const deadlineMs = 15_000;
    const began = await evaluate(driver, "() => performance.now()");
    await way(driver, "sleepFor", 3_600_000);
    const { stopped, ended } = await done(driver, "async () => ({ ...await window.sending, ended: performance.now() })");
    assert.equal(stopped, "unreachable");
    assert.ok(ended - began < deadlineMs / 2, `its own timer was waited for: ${Math.round(ended - began)} ms`);
    await faults.clear();
    await evaluate(driver, "() => { window.attachWakes(); }");
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("a wake that was due while the phone slept comes when it wakes, and with hope", async ({ driver }) => {
    await evaluate(driver, `() => {
      window.woken = [];
      window.attachWakes({
        tidy: async () => ({}), seen: () => undefined,
        drain: async (reason) => { woken.push(reason); return { waiting: 0, nextWakeAt: woken.length === 1 ? Date.now() + 3_600_000 : undefined }; },
      });
    }`);
    // No event tells that it wakes.
    await until(() => driver.executeScript("return window.woken.length === 1"), { what: "the first drain" });
    await way(driver, "sleepFor", 3_600_000);
    await until(() => driver.executeScript("return window.woken.length === 2"), { what: "the wake that was due" });
    assert.deepEqual(await driver.executeScript("return window.woken"), ["opened", "visible"]);
  });

  story("a page that comes back from the page cache goes on", async (courier) => {
    const { driver, faults, server } = courier;
    await evaluate(driver, "() => { window.attachWakes(); }");
    await faults.dead();
    await recorded(driver, "left in the page cache");
    await outOfReach(driver);
    await evaluate(driver, "() => { window.shown = []; addEventListener('pageshow', ({ persisted }) => shown.push(persisted)); }");
    await driver.get(new URL("/labels", server.page).href);
    await faults.alive();
    await driver.navigate().back();
    await until(() => driver.executeScript("return document.body.innerText === 'ready' && typeof window.pannier === 'object'"), { what: "the page again" });
    // Whether it is the old page or a new one is the browser's choice; the work goes out either way.
    const kept = await driver.executeScript("return window.shown !== undefined");
    if (kept) assert.deepEqual(await driver.executeScript("return window.shown"), [true]);
    else await evaluate(driver, "() => { window.attachWakes(); }");
    await allSent(courier);
    if (kept) await until(async () => (await done(driver, "() => pannier.diagnostics()")).wakes.some(({ reason }) => reason === "shown"), { what: "the return to be on record" });
    await recorded(driver, "recorded after coming back");
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("a page that leaves for the page cache while it sends sends nothing twice", async (courier) => {
    const { driver, faults, server } = courier;
    await faults.set({ fault: "latency", method: "POST", ms: 1_500 });
    await recorded(driver, "on its way when its page left");
    await recorded(driver, "behind it");
    await evaluate(driver, "() => { window.attachWakes(); }");
    await until(async () => (await log(server)).some(({ path }) => path.endsWith("/notes")), { what: "the request to be on its way" });
    await driver.get(new URL("/labels", server.page).href);
    await driver.navigate().back();
    await until(() => driver.executeScript("return document.body.innerText === 'ready' && typeof window.pannier === 'object'"), { what: "the page again" });
    await evaluate(driver, "() => { window.attachWakes(); }");
    await faults.clear();
    await allSent(courier);
    await exactlyOnce(courier);
  });
}
