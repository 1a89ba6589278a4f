// What a courier corrects after it was recorded.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tap, type, until } from "./lib/index.mjs";
import { appliedIds } from "./stories/backend.mjs";
import { allSent, choice, engines, networkIsBack, note, on, outbox, signIn, withCourier } from "./stories/courier.mjs";

for (const engine of engines) {
  test(`${engine}: a note is corrected while nobody knows whether it arrived, and the correction alone arrives`, { timeout: 120_000 }, withCourier({ engine }, async (courier) => {
    const { driver, server } = courier;
    await signIn(courier);
    await courier.faults.dead();
    await note(courier, "st-07", "Left at the dor");
    const [first] = await until(async () => {
      const lines = await outbox(courier, 1);
      return lines[0].state === "in_doubt" && lines;
    }, { what: "the note to be in doubt" });
    await tap(driver, choice("amend", first.id));
    await type(driver, "[part=dialog-text]", "Left at the door");
    await tap(driver, "[part=dialog-confirm]");
    const [, correction] = await outbox(courier, 2);
    assert.match(correction.text, /Left at the door/);

    await courier.faults.alive();
    await networkIsBack(courier);
    await allSent(courier);
    assert.deepEqual(await appliedIds(server), [correction.id]);
    const [replaced, sent] = await outbox(courier, 2, { all: true });
    assert.deepEqual([replaced.state, sent.state], ["discarded", "settled"]);
    assert.match(replaced.text, /Replaced by a correction/);
  }));
}
