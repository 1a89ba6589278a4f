// A core that dies is replaced, and what was confirmed is there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { log, until } from "./lib/index.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { allSent, engines } from "./stories/courier.mjs";
import { call, done, withClient } from "./stories/client-page.mjs";
import { operations } from "./stories/store.mjs";

for (const engine of engines) {
  const story = (name, work) => test(`${engine}: ${name}`, { timeout: 120_000 }, withClient({ engine }, work));

  story("a trap rejects its call, the next one works, nothing is lost", async ({ driver, ...courier }) => {
    const first = await done(driver, `() => pannier.record({ kind: "note", stop: "st-07", text: "before the trap" })`);
    const trapped = await call(driver, "() => pannier.trapForTest()");
    assert.deepEqual([trapped.name, trapped.code], ["PannierError", "core_restarted"]);
    assert.match(trapped.message, /what was confirmed is safe.* in function \d+/, "npm run size -- --place tells which");
    const second = await done(driver, `() => pannier.record({ kind: "note", stop: "st-07", text: "after the trap" })`);
    assert.equal(second.seq, first.seq + 1);
    const { restarts } = await done(driver, "() => pannier.versions()");
    assert.equal(restarts, 1);
    const { items } = await done(driver, "() => pannier.outbox()");
    assert.deepEqual(items.map(({ id }) => id), [first.operation, second.operation]);
    await done(driver, `() => pannier.drain("manual")`);
    await allSent({ driver });
    await exactlyOnce({ driver, ...courier });
  });

  story("a trap in somebody else's module is none of ours", async ({ driver }) => {
    const { outcome, restarts } = await done(driver, `async () => {
      // Exports "f", which does nothing but trap. All of it in the page's own world: Firefox's driver has one beside it.
      const { WebAssembly } = window;
      const bytes = new window.Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11]);
      const { instance } = await WebAssembly.instantiate(bytes);
      const told = new Promise((resolve) => window.addEventListener("error", ({ error }) => resolve(error instanceof WebAssembly.RuntimeError), { once: true }));
      const call = pannier.record({ kind: "note", stop: "st-07", text: "beside a trap" });
      window.setTimeout(instance.exports.f);
      const trapped = await told;
      const outcome = await call.then(() => trapped && "recorded", (error) => error.code);
      return { outcome, restarts: pannier.versions().restarts };
    }`);
    assert.deepEqual([outcome, restarts], ["recorded", 0]);
  });

  story("every call that was under way is told, and other clients go on", async ({ driver, ...courier }) => {
    await done(driver, `async () => { window.other = await openAnother(); }`);
    const told = await done(driver, `async () => {
      const calls = [...Array(6).keys()].map((index) => pannier.record({ kind: "note", stop: "st-10", text: "under way " + index }));
      calls.splice(3, 0, pannier.trapForTest());
      calls.push(other.status(), other.record({ kind: "note", stop: "st-11", text: "of the other client" }));
      const ends = await Promise.allSettled(calls);
      return ends.map(({ status, reason }) => status === "fulfilled" ? "fulfilled" : reason.code);
    }`);
    // Nothing hangs; what was not told "done" was told why not.
    for (const one of told) assert.ok(["fulfilled", "core_restarted"].includes(one), one);
    assert.equal(told[3], "core_restarted");
    const confirmed = told.filter((one, index) => one === "fulfilled" && index !== 3 && index !== 7).length;
    await done(driver, `() => other.record({ kind: "note", stop: "st-11", text: "after" })`);
    const recorded = await operations(driver);
    // A rejected call may have been written all the same ("look before you repeat"), a confirmed one must be.
    assert.ok(recorded.length >= confirmed + 1, `${recorded.length} in the store, ${confirmed} confirmed before the last`);
    await done(driver, `() => pannier.drain("manual")`);
    await allSent({ driver });
    await exactlyOnce({ driver, ...courier });
  });

  /** Dies with a note on its way to the backend. */
  async function dieWhileSending({ driver, server, faults }) {
    await done(driver, `async () => {
      for (let index = 0; index < 6; index += 1) await pannier.record({ kind: "note", stop: index % 2 ? "st-07" : "st-10", text: "note " + index });
    }`);
    await faults.set({ fault: "latency", method: "POST", ms: 400 });
    await done(driver, `() => { window.sending = pannier.drain("manual").then(() => "done", (error) => error.code); }`);
    await until(async () => (await log(server)).some(({ path }) => path.endsWith("/notes")), { what: "a note to be on its way" });
    const { code } = await call(driver, "() => pannier.trapForTest()");
    assert.equal(code, "core_restarted");
    assert.equal(await done(driver, "() => sending"), "core_restarted", "who waits for the drain is told");
    await faults.clear();
    // The page's own wakes go on.
    await done(driver, "() => { attachWakes(); }");
  }

  story("a core that dies while sending repeats nothing", async (courier) => {
    await dieWhileSending(courier);
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("a core that died while sending keeps nobody from sending", async (courier) => {
    await dieWhileSending(courier);
    // What was on its way is left alone for its two seconds; the dead core's lock must not last.
    await allSent(courier, { ms: 15_000 });
    await exactlyOnce(courier);
  });
}
