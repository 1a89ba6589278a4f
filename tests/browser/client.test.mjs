// What the client promises to who calls it, with nothing of the courier's page around it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { says, until } from "./lib/index.mjs";
import { engines } from "./stories/courier.mjs";
import { call, done, withClient } from "./stories/client-page.mjs";
import { operations } from "./stories/store.mjs";

for (const engine of engines) {
  const story = (name, work) => test(`${engine}: ${name}`, { timeout: 120_000 }, withClient({ engine }, work));

  story("calls overlap freely, in two clients at once: each is on the disk when its promise resolves", async ({ driver }) => {
    const receipts = await done(driver, `async () => {
      window.other = await openAnother();
      return Promise.all([...Array(24).keys()].map((index) =>
        (index % 2 ? other : pannier).record({ kind: "note", stop: index % 3 ? "st-07" : "st-10", text: "at once " + index })));
    }`);
    const stored = await operations(driver);
    assert.deepEqual(receipts.map(({ operation }) => operation).sort(), stored.map(({ id }) => id).sort());
    assert.equal(new Set(receipts.map(({ seq }) => seq)).size, 24, "no place in the order is given twice");
  });

  story("what a client remembers spares it the reading, and is forgotten when another one writes", async ({ driver }) => {
    const cost = await done(driver, `async () => {
      const other = await openAnother();
      window.other = other;
      let read = 0;
      const { get } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.get = function (...given) { read += 1; return get.apply(this, given); };
      const out = [];
      for (const client of [pannier, pannier, pannier, pannier, other, pannier, other, pannier, pannier, pannier]) {
        read = 0;
        const { seq } = await client.record({ kind: "note", stop: "st-07", text: "note " + out.length });
        out.push([seq, read]);
      }
      IDBObjectStore.prototype.get = get;
      return out;
    }`);
    assert.deepEqual(cost.map(([seq]) => seq), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "no place in the order is given twice");
    assert.deepEqual([cost[3][1], cost[9][1]], [1, 1], "alone, the counter is all that is read");
    const { notes } = await done(driver, `() => pannier.stop("st-07")`);
    assert.equal(notes.length, 10);
    // Another client's sign-out is seen by the next recording.
    await done(driver, "() => other.signOut({ force: true })");
    const { code } = await call(driver, `() => pannier.record({ kind: "note", stop: "st-07", text: "after the sign-out" })`);
    assert.equal(code, "signed_out");
    assert.equal((await operations(driver)).length, 10);
  });

  story("a refusal that follows from what is remembered is looked up before it is told", async ({ driver }) => {
    const refused = (who) => done(driver, `async () => {
      let read = 0;
      const { get } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.get = function (...given) { read += 1; return get.apply(this, given); };
      const { code } = await ${who}.record({ kind: "deliver", stop: "st-07", recipient: "Maria Lind", outcomes: [] }).catch((error) => error);
      IDBObjectStore.prototype.get = get;
      return { code, read };
    }`);
    await done(driver, `async () => {
      window.other = await openAnother();
      for (let index = 0; index < 4; index += 1) await pannier.record({ kind: "note", stop: "st-07", text: "note " + index });
    }`);
    assert.deepEqual(await refused("pannier"), { code: "not_arrived", read: 1 }, "the counter is all that is read");
    await done(driver, `() => other.record({ kind: "arrive", stop: "st-07" })`);
    const { code } = await refused("pannier");
    assert.equal(code, "parcel_without_outcome");
    assert.equal((await operations(driver)).length, 5);
  });

  story("a subscriber that comes late or is slow reads again and has missed nothing", async ({ driver }) => {
    await done(driver, `async () => {
      window.other = await openAnother();
      await other.record({ kind: "note", stop: "st-07", text: "before anybody listened" });
      window.seen = [];
      let reading = false, again = false, told = 0;
      const read = async () => {
        const { revision, items } = await pannier.outbox();
        // Slower than the changes come.
        await new Promise((resolve) => setTimeout(resolve, 300));
        seen.push({ revision, told, count: items.length });
      };
      const look = async () => {
        if (reading) { again = true; return; }
        reading = true;
        do { again = false; await read(); } while (again);
        reading = false;
      };
      window.stopListening = pannier.subscribe(({ revision }) => { told = revision; void look(); });
      void look();
      for (let index = 0; index < 10; index += 1) await other.record({ kind: "note", stop: "st-10", text: "while it reads " + index });
    }`);
    const last = await until(async () => {
      const seen = await done(driver, "() => seen");
      return seen.at(-1)?.count === 11 && seen;
    }, { what: "the slow subscriber to show everything" });
    assert.ok(last.length < 11, "it was told once for many");
    for (const [index, { revision }] of last.entries()) if (index) assert.ok(revision >= last[index - 1].revision, "revisions only grow");
    assert.ok(last.at(-1).revision >= last.at(-1).told);
    const after = await done(driver, `async () => {
      stopListening();
      const before = seen.length;
      await pannier.record({ kind: "note", stop: "st-07", text: "nobody listens" });
      await new Promise((resolve) => setTimeout(resolve));
      return seen.length - before;
    }`);
    assert.equal(after, 0);
  });

  story("the outbox is read in pieces, from the newest back", async ({ driver }) => {
    const pieces = await done(driver, `async () => {
      for (let index = 0; index < 7; index += 1) await pannier.record({ kind: "note", stop: index % 2 ? "st-07" : "st-10", text: "note " + index });
      const pieces = [];
      let before;
      for (;;) {
        const { items, more } = await pannier.outbox({ state: "unsettled", limit: 3, ...(before === undefined ? {} : { before }) });
        pieces.push(items.map(({ title }) => title.text));
        if (!more) return pieces;
        before = items[0].seq;
      }
    }`);
    assert.deepEqual(pieces, [["note 4", "note 5", "note 6"], ["note 1", "note 2", "note 3"], ["note 0"]]);
    const { items } = await done(driver, `() => pannier.outbox({ stop: "st-07" })`);
    assert.deepEqual(items.map(({ stop }) => stop), ["st-07", "st-07", "st-07"]);
  });

  story("functions of the host build a request and judge its answer; where they are missing the lane waits", async ({ driver }) => {
    const { without, settled, seen, outputs } = await done(driver, `async () => {
      const profile = await (await fetch("/profile.json")).json();
      const [step] = profile.operations.note.steps;
      Object.assign(step, {
        host: { request: "sign", answer: "receipt" }, identity: { kind: "naturalKey" }, outputs: { receipt: "$host.number" },
        outcomes: [{ when: { status: ["2xx"], body: { of: "$host", at: "#/valid", eq: true } }, then: "applied" }],
      });
      delete step.probe;
      profile.revision = "signed";
      const bare = await openAnother({ profile });
      const { operation } = await bare.record({ kind: "note", stop: "st-07", text: "to be signed" });
      const without = await bare.drain("manual");
      bare.close();
      const seen = [];
      const able = await openAnother({ profile, functions: {
        sign: async ({ operation, request }) => { seen.push([operation.kind, new URL(request.url).pathname, JSON.parse(request.body).text]); return {}; },
        receipt: ({ answer }) => { seen.push(answer.status); return { valid: answer.status < 300, number: "R-7" }; },
      } });
      const { settled } = await able.drain("manual");
      const { steps } = await able.history(operation);
      return { without, settled, seen, outputs: steps[0].outputs };
    }`);
    assert.deepEqual([without.attempted, without.stopped], [0, "host_needed"]);
    assert.equal(settled, 1);
    assert.deepEqual([seen[0][0], seen[0][2], Math.trunc(seen[1] / 100)], ["note", "to be signed", 2]);
    assert.deepEqual(outputs, { receipt: "R-7" });
  });

  story("every refusal is an error with name, code and a sentence, and a closed client says so", async ({ driver }) => {
    const refusals = {
      stop_unknown: `() => pannier.record({ kind: "arrive", stop: "nowhere" })`,
      text_missing: `() => pannier.record({ kind: "note", stop: "st-07", text: "" })`,
      intent_invalid: `() => pannier.record({ kind: "teleport" })`,
      photo_not_a_picture: `() => pannier.stage(new TextEncoder().encode("no picture").buffer, "image/png")`,
      operation_unknown: `() => pannier.retry("none")`,
      query_invalid: `() => pannier.outbox({ state: "lost" })`,
      reason_invalid: `() => pannier.drain("boredom")`,
      system_missing: `() => pannier.handOver()`,
      closed: `async () => { const other = await openAnother(); other.close(); await other.status(); }`,
    };
    for (const [code, work] of Object.entries(refusals)) {
      const refused = await call(driver, work);
      assert.deepEqual([refused.name, refused.code], ["PannierError", code], refused.message);
      assert.match(refused.message, /\w+ \w+/);
    }
    assert.deepEqual(await operations(driver), []);
  });

  story("the module for shells is refused where no shell is, and what was recorded stays", async ({ driver, page }) => {
    await done(driver, `() => pannier.record({ kind: "note", stop: "st-07", text: "before" })`);
    await driver.get(new URL("/?wasm=/core-shell.wasm", page).href);
    await says(driver, "body", /^refused core_mismatch .* is not core\.wasm$/, { ms: 15_000 });
    await driver.get(page);
    await says(driver, "body", "ready", { ms: 15_000 });
    assert.equal((await operations(driver)).length, 1);
  });

  story("an operation of the company's own is refused where the profile does not know it", async ({ driver }) => {
    const refused = await call(driver, `() => pannier.record({ kind: "custom", name: "cash", stop: "st-07", fields: { amount: 120 } })`);
    assert.equal(refused.code, "operation_unsupported", "this profile does not know it");
  });
}
