// What needs a person: each reason has the one button that helps, and that one is filled.

import assert from "node:assert/strict";
import { test } from "node:test";
import { all, control, evaluate, find, tap, until } from "./lib/index.mjs";
import { engines, lineIn, networkIsBack, on, outbox, signIn } from "./stories/courier.mjs";
import { withProxy } from "./stories/proxy.mjs";
import { operations } from "./stories/store.mjs";

const record = (courier, intent) => evaluate(courier.driver, "(intent) => document.querySelector('courier-app').api.record(intent)", intent);
const photo = (courier, stop) => evaluate(courier.driver, `async (stop) => {
  const { api } = document.querySelector("courier-app");
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  canvas.getContext("2d").fillRect(0, 0, 32, 48);
  const bytes = window.Uint8Array.from(atob(canvas.toDataURL("image/jpeg").split(",")[1]), (byte) => byte.charCodeAt(0));
  const { handle } = await api.stage(bytes.buffer, "image/jpeg");
  await api.record({ kind: "photo", stop, blob: handle });
  return handle;
}`, stop);
const damage = ({ driver }, handle) => evaluate(driver, `(handle) => new Promise((resolve, reject) => {
  const open = indexedDB.open("pannier");
  open.onsuccess = () => {
    const transaction = open.result.transaction("blob_data", "readwrite");
    const store = transaction.objectStore("blob_data");
    store.get(["c-anna", handle]).onsuccess = ({ target: { result } }) => { new Uint8Array(result.d)[100] ^= 1; store.put(result); };
    transaction.oncomplete = () => { open.result.close(); resolve(); };
    transaction.onabort = () => reject(transaction.error);
  };
})`, handle);

/** The parts and names of what is filled and seen, on the whole screen or within an element. */
async function filled({ driver }, within = "") {
  const named = [];
  for (const one of await all(driver, `${within} .primary`)) {
    const name = await driver.executeScript("return arguments[0].getClientRects().length > 0 && (arguments[0].getAttribute('part') ?? arguments[0].dataset.test)", one);
    if (name) named.push(name);
  }
  return named;
}

for (const engine of engines) {
  /** the office's route, from when it has st-05 no more */
  let routeWithout;
  test(`${engine}: what needs a person has one filled button, the one that helps`, { timeout: 120_000 }, withProxy({ engine }, async (courier) => {
    const { driver, server, faults } = courier;
    routeWithout = undefined;
    await signIn(courier);
    // Recorded while nothing gets through; meanwhile the office and the phone's disk do their worst.
    await faults.set({ fault: "status", status: 503, method: "POST" });
    await record(courier, { kind: "arrive", stop: "st-03" });
    await record(courier, { kind: "note", stop: "st-07", text: "Refused for its words" });
    await record(courier, { kind: "scan", stop: "st-10", code: "PN-7H2K-0017", source: "typed" });
    await record(courier, { kind: "note", stop: "st-05", text: "Tried once" });
    await until(async () => (await operations(driver)).every(({ attempts }) => attempts.length > 0), { what: "each to be tried once", ms: 20_000 });
    await record(courier, { kind: "note", stop: "st-05", text: "Never tried" });
    const handle = await photo(courier, "st-08");
    await damage(courier, handle);
    await control(server, "stop", { id: "st-03", status: "returned" });
    routeWithout = async ({ url, headers }) => {
      const route = await (await fetch(new URL(url, server.page), { headers: { authorization: headers.authorization } })).json();
      return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ ...route, stops: route.stops.filter(({ id }) => id !== "st-05") }) };
    };
    await evaluate(driver, "() => document.querySelector('courier-app').api.refreshRoute()");
    const refused = (path) => ({ fault: "status", status: 422, method: "POST", path, body: { error: { code: "bad_request", message: "not like this" } } });
    await faults.set(refused("/api/stops/st-07/notes"), refused("/api/stops/st-10/scans"));
    await networkIsBack(courier);
    await find(driver, `${on("status-bar")}[data-parked="5"]`, { ms: 30_000 });
    // In attention nothing else is filled: what is there waits for a person, not for another try.
    await driver.executeScript("location.hash = '#/outbox'");
    await until(async () => (await all(driver, "li[data-operation][data-state=parked]")).length === 5, { what: "five that need a person" });
    const right = {};
    for (const { id, intent, state } of await operations(driver)) if (state.is === "parked") right[`${intent.kind} ${state.reason.code}`] = (await filled(courier, lineIn("parked", id))).join();
    assert.deepEqual(right, {
      "arrive conflict": "stop", "note invalid": "amend", "scan invalid": "discard", "note stop_withdrawn": "stop", "photo blob_changed": "stop",
    });
    assert.equal((await filled(courier)).length, 5);
    // Where the sign-in has ended, no sending helps.
    await control(server, "expire-tokens", { refresh: true });
    await record(courier, { kind: "note", stop: "st-11", text: "Nobody is signed in" });
    await find(driver, `${on("status-bar")}[data-reachability=sign_in_needed]`, { ms: 30_000 });
    await find(driver, on("sign-in-again"));
    assert.deepEqual((await filled(courier)).filter((one) => !["stop", "amend", "discard"].includes(one)), ["sign-in-again"]);
    // Nor does another try before the phone is handed in.
    await driver.executeScript("location.hash = '#/shift'");
    await find(driver, on("shift-left"), { ms: 20_000 });
    assert.deepEqual(await filled(courier), ["sign-in-again"]);
    await tap(driver, on("sign-in-again"));
    await find(driver, on("username"));
  }, { change: (request) => (routeWithout && request.url === "/api/route" ? routeWithout(request) : undefined) }));
}
