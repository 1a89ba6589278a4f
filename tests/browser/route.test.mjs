// A route that the office changes while work is unsent: merged, never overwritten, and what changed is
// shown. Proof for a stop that is gone is kept, and goes out when the stop comes back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { control, find, gone, peek, says, tap } from "./lib/index.mjs";
import { applied, exactlyOnce } from "./stories/backend.mjs";
import { allSent, arrive, engines, networkIsBack, on, signIn, toRoute, withCourier } from "./stories/courier.mjs";

const changed = (stop, code) => `${on(`change-${stop}`)}[data-code=${code}]`;

for (const engine of engines) {
  test(`${engine}: what the office changes on the route is shown, and proof for a stop that it takes away is kept`, { timeout: 120_000 }, withCourier({ engine }, async (courier) => {
    const { driver, server, faults } = courier;
    await signIn(courier);
    // The route can be fetched, and nothing is taken.
    await faults.set({ fault: "status", status: 503, method: "POST" });
    await arrive(courier, "st-03");
    await control(server, "stop", { id: "st-03", remove: true });
    await control(server, "stop", { id: "st-09", remove: true });
    await toRoute(courier);
    await tap(driver, on("fetch-route"));
    await says(driver, changed("st-03", "gone"), /what you recorded there is kept/u);
    await says(driver, changed("st-09", "left"), /Left your route/u);
    assert.equal(await peek(driver, on("stop-st-09")), null, "off the list");
    await find(driver, on("stop-st-03"));

    // The office gives the stop back, and what was done there goes out by itself.
    await control(server, "stop", { id: "st-03", remove: false });
    await tap(driver, on("fetch-route"));
    await gone(driver, changed("st-03", "gone"), { ms: 20_000 });
    assert.deepEqual((await applied(server)).filter(({ type }) => type !== "office"), []);
    await faults.clear();
    await networkIsBack(courier);
    await allSent(courier, { ms: 30_000 });
    assert.equal((await exactlyOnce(courier)).length, 1);
  }));
}
