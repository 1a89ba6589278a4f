// The core in a Capacitor shell: Capacitor's real bridge and plugins in the page, a phone of the
// test's own behind them.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { evaluate, log, says, until } from "./lib/index.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { call, done } from "./stories/client-page.mjs";
import { engines, openPhone } from "./stories/courier.mjs";
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

/** The shipped profile for a backend that knows a request again by a header: everything may be sent twice. */
function safe(profile) {
  for (const { steps } of Object.values(profile.operations)) {
    for (const step of steps) {
      step.identity = { kind: "header", name: "Idempotency-Key" };
      delete step.probe;
    }
  }
  return profile;
}
/** Locks the phone: the app leaves the screen, and the system has what the core gave it. */
const lock = async ({ driver, phone }) => {
  const rests = phone.called("PannierUploads", "rest").length;
  await evaluate(driver, `() => native.tell("App", "pause", null)`);
  await until(() => phone.called("PannierUploads", "rest").length > rests, { what: "the app to be done with handing over" });
};
const post = ({ method, path }) => method === "POST" && /stops|photos/.test(path);

// The web views of Android and iOS; Gecko has no shell.
for (const engine of engines.filter((name) => name !== "firefox")) {
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

  story("the browser's module is refused in a shell, and so is the browser's way in", { options: { network: "native", wasm: "/core.wasm" }, signedIn: false }, async ({ driver }) => {
    assert.match(await evaluate(driver, "() => document.body.textContent"), /^refused core_mismatch .* is not core-shell\.wasm$/);
    const { code } = await call(driver, "() => openPannier()");
    assert.equal(code, "core_mismatch");
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

  test(`${engine}: what the app had handed over goes from a locked phone, in order, while the app is dead, and is settled at the next start`, { timeout: 180_000 }, async (context) => {
    const profileDir = mkdtempSync(join(tmpdir(), "pannier-shell-profile-"));
    try {
      await withShell({ engine, browser: { profileDir }, profile: safe }, async (courier) => {
        const { driver, phone, faults, server } = courier;
        await faults.dead();
        await done(driver, note("in the cellar"));
        await done(driver, photo);
        await done(driver, note("at the door"));
        await done(driver, note("another stop", "st-10"));
        await until(async () => await reach(courier) === "unreachable", { what: "the first try to fail" });
        await lock(courier);
        const kept = [...phone.uploads.values()];
        assert.deepEqual(kept.map(({ lane }) => lane).sort(), ["stop/st-07", "stop/st-07", "stop/st-07", "stop/st-10"]);
        const lanes = phone.called("PannierUploads", "begin").map(({ options }) => [...new Set(options.uploads.map(({ lane }) => lane))]);
        assert.deepEqual(lanes.sort(), [["stop/st-07"], ["stop/st-10"]], "each lane crosses the bridge whole and by itself");
        assert.equal(kept.filter(({ data }) => Buffer.from(data, "base64").length > 100_001).length, 1, "the photo's bytes are with the system");
        await courier.browser.kill();
        await faults.alive();
        const native = phone.called("CapacitorHttp", "request").length;
        await phone.work();
        assert.ok(kept.every(({ state, status }) => state === "answered" && status < 300), "all of it was sent without the app");
        await openPhone(courier);
        await says(courier.driver, "body", "ready", { ms: 15_000 });
        await drained(courier);
        await exactlyOnce(courier);
        await until(() => phone.uploads.size === 0, { what: "the system to be told to forget" });
        const after = phone.called("CapacitorHttp", "request").slice(native);
        assert.deepEqual(after.filter(({ options }) => options.method === "POST" && /stops|photos/.test(options.url)), [], "the app sent nothing of it again");
        assert.equal((await log(server)).filter(post).filter(({ applied_n }) => applied_n).length, 4);
      })(context);
    } finally {
      rmSync(profileDir, { recursive: true, force: true });
    }
  });

  story("a no holds what follows it in its lane, and the answers are taken once however often they are told", { profile: safe }, async (courier) => {
    const { driver, phone, faults } = courier;
    await faults.dead();
    const first = await done(driver, note("first"));
    await done(driver, note("second"));
    await done(driver, note("third"));
    await until(async () => await reach(courier) === "unreachable", { what: "the first try to fail" });
    await lock(courier);
    assert.equal(phone.uploads.size, 3);
    await faults.set({ fault: "status", status: 422, method: "POST", times: 1 });
    await phone.work();
    assert.deepEqual([...phone.uploads.values()].map(({ state }) => state), ["answered", "held", "held"]);
    await faults.alive();
    await evaluate(driver, `() => { for (let times = 0; times < 3; times += 1) native.tell("PannierUploads", "changed", {}); }`);
    const parked = await until(async () => {
      const { items } = await done(driver, "() => pannier.outbox()");
      return items.map(({ state }) => state).join() === "parked,waiting,waiting" && items;
    }, { what: "the first to need a person and the others to wait again" });
    assert.equal(parked[0].id, first.operation);
    await done(driver, `() => pannier.retry("${first.operation}")`);
    await drained(courier);
    await exactlyOnce(courier);
  });
}
