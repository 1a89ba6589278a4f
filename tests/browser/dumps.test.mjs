// What every released schema left on a phone, in this engine's own IndexedDB: today's core opens it,
// finds every operation and sends it. How a dump is made: dump-store.mjs.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { at } from "../../scripts/lib/paths.mjs";
import { says, until } from "./lib/index.mjs";
import { exactlyOnce, resentByTheBrowser } from "./stories/backend.mjs";
import { done, withClient } from "./stories/client-page.mjs";
import { engines } from "./stories/courier.mjs";
import { operations, putStore, wholeStore } from "./stories/store.mjs";

const folder = at("tests", "fixtures", "dumps");
const anna = "c-anna";

for (const name of readdirSync(folder)) {
  const dump = JSON.parse(readFileSync(join(folder, name), "utf8"));
  const hers = (store) => dump.stores[store].filter(({ k: [account] }) => account === anna).flatMap(({ b }) => { try { return [JSON.parse(b)]; } catch { return []; } });
  const ids = (ops) => ops.map(({ id }) => id).sort();
  for (const engine of engines) {
    test(`${engine}: ${name} is opened, found whole and sent`, { timeout: 150_000 }, withClient({ engine }, async (courier) => {
      const { driver } = courier;
      // The phone as it was left: nothing of this page's own store stays.
      await driver.get(new URL("/keeper.js", courier.page).href);
      await driver.executeAsyncScript(`const done = arguments[0]; indexedDB.deleteDatabase("pannier").onsuccess = () => done();`);
      await putStore(driver, dump);
      await driver.get(courier.page);
      await says(driver, "body", "ready", { ms: 15_000 });
      assert.equal((await wholeStore(driver)).schema >= dump.schema, true);
      const listed = async (state) => (await done(driver, "(state) => pannier.outbox({ state, limit: 500 })", state)).items;
      const open = hers("operations");
      assert.deepEqual(ids(await listed("unsettled")), ids(open));
      assert.deepEqual(ids(await listed("settled")), ids(hers("settled")));

      await done(driver, `async () => {
        await pannier.signIn({ username: "anna", password: "packet123" });
        await pannier.refreshRoute();
        for (const { id, state } of (await pannier.outbox({ state: "unsettled" })).items) if (state === "parked") await pannier.retry(id);
        await pannier.closeShift();
      }`);
      await until(async () => (await operations(driver)).every(({ account, state: { is } }) => account !== anna || is === "settled" || is === "discarded"),
        { what: "everything of hers to be settled", ms: 60_000 });
      // What was settled then is at a backend that is gone.
      const past = ids(hers("settled"));
      await exactlyOnce(courier, { account: anna, without: [...past, ...await resentByTheBrowser(courier)] });
      const [other, ...more] = await done(driver, "() => pannier.others()");
      assert.deepEqual([other.waiting, more], [1, []]);
      assert.equal((await done(driver, "() => pannier.draft(\"st-10\")")).fields.recipient, "half a na");
    }));
  }
}
