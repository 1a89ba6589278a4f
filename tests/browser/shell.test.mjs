// The core in a Capacitor shell: Capacitor's real bridge and plugins in the page, a phone of the
// test's own behind them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, log, until } from "./lib/index.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { call, done } from "./stories/client-page.mjs";
import { engines } from "./stories/courier.mjs";
import { withShell } from "./stories/phone.mjs";

const note = (text, stop = "st-07") => `() => pannier.record({ kind: "note", stop: "${stop}", text: "${text}" })`;
const drained = (courier) => until(async () => (await done(courier.driver, "() => pannier.status()")).waiting === 0, { what: "everything to be sent", ms: 30_000 });
const reach = (courier) => done(courier.driver, `async () => (await pannier.status()).reachability`);
/** A photo's bytes, larger than one piece of base64. */
const photo = `async () => {
  const bytes = new Uint8Array(100_001).map((_, place) => place % 251);
  bytes.set([0xff, 0xd8, 0xff, 0xe0]);
  const { handle } = await pannier.stage(bytes.buffer, "image/jpeg");
  return pannier.record({ kind: "photo", stop: "st-07", blob: handle });
}`;

for (const engine of engines) {
  const story = (name, options, work) => test(`${engine}: ${name}`, { timeout: 120_000 }, withShell({ engine, ...options }, work));

  story("natively a backend without CORS is reached, and takes every byte of a photo once", {}, async (courier) => {
    const { driver, phone, server } = courier;
    assert.equal(await done(driver, "() => inShell()"), true);
    await done(driver, note("by the system"));
    await done(driver, photo);
    await drained(courier);
    await exactlyOnce(courier);
    assert.ok(phone.called("CapacitorHttp", "request").length >= 4, "sign-in, route, note and photo went through the bridge");
    assert.ok((await log(server)).every(({ method }) => method !== "OPTIONS"), "nobody asked for leave");
  });

  story("by the web view the same backend lets nothing in, and the core says unreachable", { options: { network: "web" }, signedIn: false }, async (courier) => {
    const { code } = await call(courier.driver, `() => pannier.signIn({ username: "anna", password: "packet123" })`);
    assert.equal(code, "unreachable");
  });

  story("Capacitor's own fetch is never used, where an app has switched it on", { options: { network: "web" }, patched: true, admitted: true }, async (courier) => {
    const { driver, phone } = courier;
    assert.equal(await evaluate(driver, "() => fetch !== CapacitorWebFetch"), true, "it stands in the browser's place");
    await done(driver, photo);
    await drained(courier);
    await exactlyOnce(courier);
    assert.deepEqual(phone.called("CapacitorHttp", "request"), []);
  });

  story("where somebody else's fetch stands in the browser's place, the shell says so and sends nothing by it", { options: { network: "web", foreign: true }, signedIn: false }, async ({ driver }) => {
    assert.match(await evaluate(driver, "() => document.body.textContent"), /^refused fetch_patched /);
  });

  story("coming back and a network that comes back are reasons to try; the reminder is scheduled at recording and goes when it is sent", {}, async (courier) => {
    const { driver, phone, faults } = courier;
    await faults.dead();
    await done(driver, note("in the cellar"));
    const [reminder] = await until(() => phone.notifications.size > 0 && [...phone.notifications.values()], { what: "the reminder" });
    assert.match(reminder.body, /1 recording to send/);
    const { oldestWaitingAt } = await done(driver, "() => pannier.status()");
    assert.equal(Date.parse(reminder.schedule.at), oldestWaitingAt + 30 * 60_000, "half an hour after the oldest");
    await done(driver, note("still in the cellar", "st-10"));
    await until(() => /2 recordings to send/.test([...phone.notifications.values()][0]?.body), { what: "the reminder to count both" });
    await until(async () => await reach(courier) === "unreachable", { what: "the first try to fail" });
    await faults.alive();
    await evaluate(driver, `() => native.tell("Network", "networkStatusChange", { connected: true, connectionType: "cellular" })`);
    await drained(courier);
    await until(() => phone.notifications.size === 0, { what: "the reminder to go" });
    await faults.dead();
    await done(driver, note("again"));
    await until(async () => await reach(courier) === "unreachable", { what: "that try to fail" });
    await faults.alive();
    await evaluate(driver, `() => native.tell("App", "resume", null)`);
    await drained(courier);
    await exactlyOnce(courier);
  });
}
