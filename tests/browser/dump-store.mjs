// Writes tests/fixtures/dumps/schema-N.json: everything that lies in a phone's store, with operations
// in every state, as the core of this checkout leaves it in a real browser. Run it by hand once when
// a schema is released, from the release's own checkout, and never again for that schema: what was
// written then is what lies on phones.
//
//   npm run build && cargo build --release -p pannier-sandbox
//   node tests/browser/dump-store.mjs
//
// core/tests/dumps.rs and dumps.test.mjs open every dump with today's core and send what is in it.
// Nothing in the file is secret: its tokens were a sandbox's that is gone.

import { existsSync, writeFileSync } from "node:fs";
import { at } from "../../scripts/lib/paths.mjs";
import { Failure, main } from "../../scripts/lib/run.mjs";
import { evaluate, until } from "./lib/index.mjs";
import { file, done, photograph, withClient, write } from "./stories/client-page.mjs";
import { operations, wholeStore } from "./stories/store.mjs";

const drain = (driver, budgetMs = 2_000) => done(driver, `(budgetMs) => pannier.drain("manual", { budgetMs })`, budgetMs);
const state = async (driver, id) => (await operations(driver)).find((one) => one.id === id)?.state.is;
const signInAs = (driver, username) => done(driver, `async (username) => { await pannier.signIn({ username, password: "packet123" }); await pannier.refreshRoute(); }`, username);

/** A day on which everything happens that leaves something in the store. */
async function day({ driver, faults }) {
  // Another courier's work stays on the phone.
  await done(driver, "() => pannier.signOut()");
  await signInAs(driver, "omar");
  await faults.dead();
  const [{ id: his }] = await done(driver, "async () => (await pannier.route()).stops");
  await write(driver, "Omar's own words", his);
  await done(driver, "() => pannier.signOut({ force: true })");
  await faults.alive();
  await signInAs(driver, "anna");
  await done(driver, "async () => (await openAnother({ keep: { photoDays: 4 } })).close()");

  // Settled, with captured values that a later request named.
  await done(driver, `() => pannier.record({ kind: "arrive", stop: "st-01" })`);
  await photograph(driver, "st-01", 10);
  await write(driver, "settled", "st-01");
  await until(async () => {
    await drain(driver);
    return (await operations(driver)).every(({ account, state: { is } }) => account !== "c-anna" || is === "settled");
  }, { what: "the first stop to be sent", ms: 30_000 });

  // Tried so often that older attempts are on pages of their own.
  await faults.set({ fault: "status", status: 503, path: "/api/stops/st-03/*", method: "POST" });
  const often = await write(driver, "tried often", "st-03");
  await until(async () => {
    await drain(driver, 500);
    return (await operations(driver)).find(({ id }) => id === often.operation).attemptCount > 45;
  }, { what: "many attempts", ms: 120_000 });

  // Taken out as a file: what follows is not in it.
  await write(driver, "in the file", "st-04");
  await file(driver, "() => exportUnsettled(pannier)");

  // Parked, with what waits behind it.
  await faults.set({ fault: "status", status: 422, path: "/api/stops/st-05/notes", method: "POST" }, { fault: "status", status: 503, path: "*", method: "POST" });
  const parked = await write(driver, "not as it is", "st-05");
  await write(driver, "behind it", "st-05");
  await until(async () => { await drain(driver); return await state(driver, parked.operation) === "parked"; }, { what: "a parked operation" });

  // In doubt: applied by a backend that is gone, the answer cut.
  await faults.set({ fault: "cut_after", path: "/api/stops/st-02/arrive", method: "POST", times: 5 }, { fault: "refuse", path: "/api/stops/st-02/events" });
  const arrived = await done(driver, `() => pannier.record({ kind: "arrive", stop: "st-02" })`);
  await drain(driver);
  if (await state(driver, arrived.operation) !== "in_doubt") throw new Failure("the arrival is not in doubt");

  // Waiting: a picture, a custom kind, one corrected, one set aside, a load, a half-filled stop.
  await faults.dead();
  await photograph(driver, "st-02", 20);
  await done(driver, `() => pannier.record({ kind: "custom", name: "cash_collected", stop: "st-06", fields: { amount: "120.00", currency: "SEK" } })`);
  const wrong = await write(driver, "wrong word", "st-06");
  await done(driver, `(id) => pannier.amend(id, { text: "right word" })`, wrong.operation);
  const gone = await write(driver, "at the wrong door", "st-07");
  await done(driver, `(id) => pannier.discard(id, "at the wrong door")`, gone.operation);
  await done(driver, `async () => {
    const { stops } = await pannier.route();
    await pannier.record({ kind: "load", code: stops[7].parcels[0].code });
    await pannier.record({ kind: "arrive", stop: "st-09" });
    await pannier.record({ kind: "fail", stop: "st-09", reason: "nobody_home", text: "rang twice" });
    await pannier.saveDraft("st-10", [], { recipient: "half a na" });
  }`);

  // Set aside unread.
  const spoilt = await write(driver, "cannot be read", "st-08");
  await evaluate(driver, `(id) => new Promise((resolve, reject) => {
    const open = indexedDB.open("pannier");
    open.onsuccess = () => {
      const transaction = open.result.transaction("operations", "readwrite");
      const store = transaction.objectStore("operations");
      store.getAll().onsuccess = ({ target: { result } }) => {
        const record = result.find(({ b }) => b.includes(id));
        store.put({ ...record, b: record.b.slice(0, -2) });
      };
      transaction.oncomplete = () => { open.result.close(); resolve(); };
      transaction.onabort = () => reject(transaction.error);
    };
  })`, spoilt.operation);
  await done(driver, "() => pannier.outbox()");

  // In flight: the page is gone while the backend thinks.
  await faults.set({ fault: "latency", ms: 20_000, path: "/api/stops/st-04/notes", method: "POST" }, { fault: "latency", ms: 20_000, path: "/api/stops/st-04/events" }, { fault: "refuse", path: "/api/stops/*" }, { fault: "refuse", path: "/api/photos" }, { fault: "refuse", path: "/api/parcels/*" });
  await evaluate(driver, `() => { void pannier.drain("manual").catch(() => {}); }`);
  await until(async () => (await operations(driver)).some(({ state: { is } }) => is === "in_flight"), { what: "an operation in flight" });
}

await main(() => withClient({ engine: "chromium" }, async (courier) => {
  await day(courier);
  const dump = await wholeStore(courier.driver);
  const out = at("tests", "fixtures", "dumps", `schema-${dump.schema}.json`);
  if (existsSync(out)) throw new Failure(`${out} is there: a released dump is never made anew`);
  writeFileSync(out, `${JSON.stringify(dump, undefined, 1)}\n`);
  console.log(`${out}: ${Object.entries(dump.stores).map(([name, records]) => `${name} ${records.length}`).join(", ")}`);
})());
