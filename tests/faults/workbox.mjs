// Workbox Background Sync under the same faults, in Chromium: its queue is replayed by the browser's
// sync event, which DevTools bring about.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate, openBrowser, says, until } from "../browser/lib/index.mjs";
import { startBackend, stopOf } from "./backend.mjs";
import { PHOTO_BYTES, killAt, killWhile } from "./faults.mjs";
import { workboxFiles } from "./files.mjs";

const READY_MS = 60_000, STILL_MS = 3_000;

const send = `async (identity, token, notes, photos, photoBytes) => {
  const said = [];
  const one = async (what, { query = {}, fields = {}, body, type }) => {
    const id = crypto.randomUUID();
    const strategy = {
      header: { headers: { "idempotency-key": id } }, record_id: { fields: { id } }, marker_probe: { fields: { remarks: id } },
      conditional: { path: "/api/records/" + id, method: "PUT", headers: { "if-none-match": "*" } },
    }[identity] ?? {};
    const all = { ...fields, ...query, ...strategy.fields };
    const path = (strategy.path ?? "/api/records") + (body ? "?" + new URLSearchParams(all) : "");
    const headers = { authorization: "Bearer " + token, "content-type": type, ...strategy.headers };
    const { queued } = await globalThis.send({ path, method: strategy.method, headers, body: body ?? JSON.stringify(all) });
    said.push({ what, ...(queued ? {} : { code: "sent" }) });
  };
  for (const { stop, text } of notes) await one(text, { fields: { stop, text }, type: "application/json" });
  for (const { stop } of photos) {
    const bytes = new Uint8Array(photoBytes);
    for (let from = 0; from < photoBytes; from += 65_536) crypto.getRandomValues(bytes.subarray(from, Math.min(from + 65_536, photoBytes)));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    await one([...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""), { query: { stop }, body: bytes, type: "image/jpeg" });
  }
  return said;
}`;

/** What lies in its queue: number of requests. */
const queued = `async () => new Promise((resolve) => {
  const open = indexedDB.open("workbox-background-sync");
  open.onupgradeneeded = () => open.transaction.abort();
  open.onerror = () => resolve([]);
  open.onsuccess = () => {
    const all = open.result.transaction("requests").objectStore("requests").getAll();
    all.onsuccess = async () => {
      open.result.close();
      resolve(await Promise.all(all.result.map(async ({ requestData: { body, headers } }) => {
        if (headers["content-type"] === "application/json") return JSON.parse(new TextDecoder().decode(body)).text;
        return [...new Uint8Array(await crypto.subtle.digest("SHA-256", body))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      })));
    };
  };
})`;

export async function runWorkbox({ fault, identity, count }) {
  const { photos, kills = 0, race, quota, http2 = false } = fault;
  const backend = await startBackend({ identity, http2, files: await workboxFiles() });
  const profileDir = mkdtempSync(join(tmpdir(), "pannier-faults-workbox-"));
  let browser, worker;
  const open = async () => {
    browser = await openBrowser({ engine: "chromium", permissions: [], profileDir, insecure: http2, args: http2 ? ["--ignore-certificate-errors"] : [] });
    await browser.driver.get(`${backend.page}/`);
    await says(browser.driver, "body", "ready", { ms: READY_MS });
    worker = await (await browser.devtools()).serviceWorker(`${backend.page}/`);
  };
  const replay = () => worker.sync("workbox-background-sync:outbox");
  const left = () => evaluate(browser.driver, queued);
  const sendAll = async (from, many) => {
    const said = [];
    for (let n = from; n < from + many; n += 20) {
      const part = Array.from({ length: Math.min(20, from + many - n) }, (_, index) => ({ stop: stopOf(n + index), text: String(n + index) }));
      said.push(...await evaluate(browser.driver, send, identity, backend.token(), photos ? [] : part, photos ? part : [], PHOTO_BYTES));
    }
    return said;
  };
  try {
    await open();
    backend.dead = true;
    let said;
    if (quota) {
      said = await sendAll(0, Math.floor(count / 2));
      await browser.cdp("Storage.overrideQuotaForOrigin", { origin: backend.page, quotaSize: 1_000 });
      // As in Pannier's row: until a put of 200 KB fails.
      await until(async () => evaluate(browser.driver, `async (bytes) => new Promise((resolve) => {
        const open = indexedDB.open("room", 1);
        open.onupgradeneeded = () => open.result.createObjectStore("bytes", { autoIncrement: true });
        open.onerror = () => resolve(true);
        open.onsuccess = () => {
          const transaction = open.result.transaction("bytes", "readwrite");
          transaction.objectStore("bytes").add(new Uint8Array(bytes));
          transaction.onabort = () => { open.result.close(); resolve(true); };
          transaction.oncomplete = () => { open.result.close(); resolve(false); };
        };
      })`, PHOTO_BYTES), { what: "the quota to be felt", ms: 60_000, every: 500 });
      said.push(...await sendAll(said.length, count - said.length));
      await browser.cdp("Storage.overrideQuotaForOrigin", { origin: backend.page });
    } else {
      said = await sendAll(0, photos ? Math.min(count, photos) : count);
    }
    backend.begin(fault, count);

    if (race) {
      const first = await browser.driver.getWindowHandle();
      await browser.driver.switchTo().newWindow("tab");
      await browser.driver.get(`${backend.page}/`);
      await says(browser.driver, "body", "ready", { ms: READY_MS });
      await evaluate(browser.driver, `async () => { navigator.serviceWorker.controller.postMessage("replay"); }`);
      await browser.driver.switchTo().window(first);
      await evaluate(browser.driver, `async () => { navigator.serviceWorker.controller.postMessage("replay"); }`);
    }
    let killed = 0, armed = false, still = Date.now(), before = -1;
    const began = performance.now();
    let sentAll;
    await replay();
    // Replayed again whenever nothing moves any more, as the browser does minutes later.
    await until(async () => {
      if (!armed && killed < kills && backend.ledger.length >= killAt(killed, { kills, count: said.length })) {
        backend.holdNext(killWhile(killed));
        armed = true;
      }
      if (backend.isHolding()) {
        await browser.kill();
        killed += 1;
        armed = false;
        await open();
        await replay();
      }
      const waits = (await left()).length;
      if (waits === 0) sentAll ??= performance.now();
      if (backend.arrivals.length !== before) { before = backend.arrivals.length; still = Date.now(); }
      if (Date.now() - still < STILL_MS) return false;
      if (waits === 0) return true;
      await replay();
      still = Date.now();
      return false;
    }, { what: "its queue to be empty", ms: 240_000, every: 200 });
    return { said, backend, killed, kept: new Set(await left()), replayMs: sentAll - began };
  } finally {
    try { await browser?.close(); } finally {
      await backend.stop();
      rmSync(profileDir, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}
