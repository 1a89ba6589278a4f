// The office takes a stop away while proof for it is unsent: the courier is told, another's stop is
// not touched, and the proof is kept until it can go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { control, find, says, tap, until } from "./lib/index.mjs";
import { applied, exactlyOnce } from "./stories/backend.mjs";
import { allSent, arrive, at, engines, lineIn, networkIsBack, on, outbox, photograph, signIn, toRoute, withCourier } from "./stories/courier.mjs";
import { operations } from "./stories/store.mjs";

const STOP = "st-03";

for (const engine of engines) {
  test(`${engine}: proof for a stop that the office takes away is kept and told, and goes out when the stop comes back`, { timeout: 180_000 }, withCourier({ engine }, async (courier) => {
    const { driver, server, faults } = courier;
    await signIn(courier);
    await faults.dead();
    // Known to be out of reach, so that nothing of what follows is tried in vain.
    await networkIsBack(courier);
    await find(driver, `${on("status-bar")}[data-reachability=unreachable]`, { ms: 20_000 });
    await arrive(courier, STOP);
    await photograph(courier, STOP);
    await control(server, "stop", { id: STOP, remove: true });

    // The route comes before anything is sent: without a heartbeat nothing is begun.
    await faults.set({ fault: "cut_before", path: "/api/health" });
    await toRoute(courier);
    await tap(driver, on("fetch-route"));
    await says(driver, on("changes"), /No longer on your route; what you recorded there is kept/);
    await faults.alive();
    await networkIsBack(courier);
    const [first] = await until(async () => {
      const all = await operations(driver);
      return all[0].state.is === "parked" && all;
    }, { what: "what was recorded there to be held", ms: 30_000 });
    assert.deepEqual([first.state.reason.code, first.attempts.length], ["stop_withdrawn", 0]);

    // He is told under the bar, in the outbox's line and at the stop.
    await outbox(courier, 2);
    await find(driver, `${on("notice")}[data-code=stop_gone][data-stop=${STOP}]`);
    await says(driver, lineIn("parked", first.id), /took this stop away/);
    await toRoute(courier);
    await tap(driver, on(`stop-${STOP}`));
    await at(courier, `#/stop/${STOP}`);
    await find(driver, on("withdrawn"));

    // Nothing went out and nothing is lost: with the stop on his route again it goes by itself.
    assert.deepEqual((await applied(server)).filter(({ type }) => type !== "office"), []);
    await control(server, "stop", { id: STOP, remove: false });
    await toRoute(courier);
    await tap(driver, on("fetch-route"));
    await find(driver, `${on("fetch-route")}:not([disabled])`);
    await networkIsBack(courier);
    await allSent(courier, { ms: 30_000 });
    assert.equal((await exactlyOnce(courier)).length, 2);
  }));
}
