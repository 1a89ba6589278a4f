// The ways a stop can end besides "delivered": parcels picked up, a proof left out with a reason,
// a stop returned, the van loaded; and a phone that changes hands.

import assert from "node:assert/strict";
import { test } from "node:test";
import { find, tap, type } from "./lib/index.mjs";
import { applied, exactlyOnce } from "./stories/backend.mjs";
import {
  allSent, arrive, at, durable, engines, networkIsBack, note, on, scanTyped, signIn, stateOf, toRoute, toStop, typed, withCourier,
} from "./stories/courier.mjs";

/** The route as the backend tells it: which codes belong to which stop. */
async function codes(server) {
  const ask = async (path, options) => (await fetch(new URL(path, server.page), options)).json();
  const { access_token: token } = await ask("/api/login", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username: "anna", password: "packet123" }),
  });
  const { stops } = await ask("/api/route", { headers: { authorization: `Bearer ${token}` } });
  return (wanted) => stops.find(wanted);
}

for (const engine of engines) {
  test(`${engine}: parcels are picked up, a stop is returned, a proof is left out with a reason`, { timeout: 180_000 }, withCourier({ engine }, async (courier) => {
    const { driver, server, faults } = courier;
    const stop = await codes(server);
    const pickup = stop(({ kind }) => kind === "pickup");
    const lenient = stop(({ proof }) => proof.overridable);
    const free = stop(({ kind, proof }) => kind === "delivery" && Object.values(proof).every((one) => one === "optional" || one === false));
    await signIn(courier);
    await faults.dead();

    await tap(driver, on("tab-load"));
    await durable(courier, { kind: "load" }, async () => {
      await typed(courier, free.parcels[0].code);
      await find(driver, `${on(`parcel-${free.parcels[0].id}`)}[data-ticked=true]`);
    });

    await arrive(courier, pickup.id);
    await scanTyped(courier, pickup.id, pickup.parcels.map(({ code }) => code));
    await tap(driver, on("pick-up"));
    await durable(courier, { kind: "pick_up", stop: pickup.id }, async () => {
      await tap(driver, on("confirm-pick-up"));
      await at(courier, "#/route");
    });

    await arrive(courier, free.id);
    await tap(driver, on("return"));
    await tap(driver, on("reason-refused"));
    await durable(courier, { kind: "return", stop: free.id }, async () => {
      await tap(driver, on("confirm-return"));
      await at(courier, "#/route");
    });

    await arrive(courier, lenient.id);
    await scanTyped(courier, lenient.id, lenient.parcels.map(({ code }) => code));
    await tap(driver, on("deliver"));
    await type(driver, on("recipient"), "Rut Norberg");
    await type(driver, on("override-photo"), "The camera is broken");
    await durable(courier, { kind: "deliver", stop: lenient.id }, async () => {
      await tap(driver, on("confirm-deliver"));
      await at(courier, "#/route");
    });

    await faults.alive();
    await networkIsBack(courier);
    await allSent(courier);
    await exactlyOnce(courier);
    const effects = await applied(server);
    const of = (kind) => effects.find(({ type: name }) => name === kind);
    assert.deepEqual([...of("pickup").body.parcels].sort(), pickup.parcels.map(({ id }) => id).sort());
    assert.equal(of("return").body.reason, "refused");
    assert.deepEqual(of("complete").body.overrides, [{ proof: "photo", reason: "The camera is broken" }]);
    for (const { id } of [pickup, free, lenient]) assert.equal(await stateOf(courier, id), "done", id);
  }));

  test(`${engine}: a phone that changes hands keeps what the first courier has not sent`, { timeout: 120_000 }, withCourier({ engine }, async (courier) => {
    const { driver, server, faults } = courier;
    await signIn(courier);
    await faults.set({ fault: "refuse", method: "POST", path: "/api/stops" });
    await note(courier, "st-10", "Anna's, not sent");
    await toRoute(courier);
    await tap(driver, on("tab-more"));
    await tap(driver, on("sign-out"));
    await find(driver, on("sign-out-dialog"));
    await tap(driver, on("sign-out-anyway"));
    // Before she is out, what is hers may go out as hers.
    await find(driver, on("username"));
    await faults.clear();
    await signIn(courier, { username: "omar", stops: 2 });
    assert.deepEqual(await applied(server), [], "nothing of Anna's is sent with Omar's sign-in");
    await tap(driver, on("tab-more"));
    await tap(driver, on("sign-out"));
    await signIn(courier);
    await allSent(courier);
    const [sent, ...more] = await applied(server);
    assert.deepEqual([sent.body.text, sent.courier, more.length], ["Anna's, not sent", "c-anna", 0]);
    await toStop(courier, "st-10");
  }));
}
