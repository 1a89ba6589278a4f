// The fault table at a small size, so that `npm run faults` cannot rot: a row of each fault, with
// another identity each, and a peer's row, which shows that the table sees a loss.

import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "../faults/judge.mjs";
import { measure, wrong } from "../faults/table.mjs";
import { stopOf } from "../faults/backend.mjs";
import { engines } from "./stories/courier.mjs";

const COUNT = 42, PHOTOS = 14;

if (engines.includes("chromium")) {
  for (const [fault, identity] of [
    ["500", "none_probe"], ["refused", "natural_key"], ["cut_close", "marker_probe"], ["cut_keepalive", "none_probe"], ["429", "record_id"],
    ["401", "conditional"], ["kill", "header"], ["kill_photos", "marker_probe"], ["race", "none_probe"],
  ]) {
    test(`chromium: the fault ${fault} under the identity ${identity}`, { timeout: 300_000 }, async () => {
      const row = await measure({ browser: "chromium", fault, subject: "pannier", identity }, { count: fault === "kill_photos" ? PHOTOS : COUNT });
      assert.deepEqual(wrong(row), [], JSON.stringify(row));
    });
  }

  test("chromium: what a browser repeats by itself is there twice, and reported", { timeout: 300_000 }, async () => {
    const row = await measure({ browser: "chromium", fault: "cut_keepalive", subject: "pannier", identity: "marker_probe" }, { count: COUNT });
    assert.ok(row.duplicated > 0, JSON.stringify(row));
    assert.equal(row.reported_duplicates, row.duplicated);
  });

  test("chromium: what lands after its count is there twice, and reported when the shift is closed", { timeout: 300_000 }, async () => {
    const row = await measure({ browser: "chromium", fault: "late", subject: "pannier", identity: "marker_probe" }, { count: COUNT });
    assert.deepEqual(wrong(row), [], JSON.stringify(row));
    assert.ok(row.duplicated > 0, JSON.stringify(row));
  });

  test("chromium: a streamed request is not repeated over HTTP/2, another one is", { timeout: 300_000 }, async () => {
    const over = (identity) => measure({ browser: "chromium", fault: "cut_h2", subject: "pannier", identity }, { count: COUNT });
    const streamed = await over("none_streamed");
    assert.deepEqual(wrong(streamed), [], JSON.stringify(streamed));
    assert.ok(streamed.parked > 0, JSON.stringify(streamed));
    const plain = await over("none_probe");
    assert.deepEqual(wrong(plain), [], JSON.stringify(plain));
    assert.ok(plain.duplicated > 0, JSON.stringify(plain));
  });

  test("chromium: a queue that drops what was answered 500 is seen to lose it", { timeout: 300_000 }, async () => {
    const row = await measure({ browser: "chromium", fault: "500", subject: "workbox", identity: "none" }, { count: COUNT });
    assert.deepEqual([row.recorded, row.lost], [COUNT, 4], JSON.stringify(row));
  });
}

test("the judge tells what is lost, doubled, out of order, unknown, and what was only kept", () => {
  const said = [{ what: "0" }, { what: "1" }, { what: "20" }, { what: "40" }, { what: "3", code: "storage_full" }].reduce((all, one) => { all[Number(one.what)] = one; return all; }, []);
  for (let n = 0; n < 41; n += 1) said[n] ??= { what: `refused ${n}`, code: "storage_full" };
  const effect = (what, stop = stopOf(Number(what))) => ({ what, stop });
  const ledger = [effect("0"), effect("40"), effect("20"), effect("20"), effect("40"), effect("77"), effect("1", stopOf(5))];
  assert.deepEqual(judge({ said, ledger, kept: new Set() }), { recorded: 4, lost: 1, duplicated: 2, out_of_order: 1, unknown: 2 });
  assert.equal(judge({ said, ledger, kept: new Set(["1"]) }).lost, 0);
});

test("a row of Pannier's that breaks a promise is named, a peer's is only measured", () => {
  const good = { subject: "pannier", fault: "500", identity: "header", recorded: 10, lost: 0, duplicated: 0, reported_duplicates: 0, out_of_order: 0, parked: 0, told: 0, unknown: 0 };
  assert.deepEqual(wrong(good), []);
  for (const [bad, times] of [[{ lost: 1 }, 1], [{ duplicated: 1 }, 2], [{ duplicated: 1, reported_duplicates: 1 }, 1], [{ out_of_order: 1 }, 1], [{ parked: 1 }, 1], [{ unknown: 1 }, 1], [{ recorded: 0 }, 1]]) {
    assert.equal(wrong({ ...good, ...bad }).length, times, JSON.stringify(bad));
  }
  const probed = { ...good, identity: "marker_probe", duplicated: 1, reported_duplicates: 1 };
  assert.equal(wrong(probed).length, 1);
  assert.deepEqual(wrong({ ...probed, fault: "cut_keepalive" }), []);
  assert.deepEqual(wrong({ ...good, subject: "workbox", lost: 9 }), []);
});
