// A backend that nobody here wrote: a real PocketBase, known to the app by profiles/pocketbase.json
// alone. First the courier's day, then what goes wrong with it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { find, says, tap, until } from "./lib/index.mjs";
import {
  allSent, arrive, comeBack, couldNotDeliver, deliver, drawSignature, durable, engines, keepSignature, note, on, outbox, photograph, shellIsCached, shownStops,
  stateOf, toRoute, typed,
} from "./stories/courier.mjs";
import { heldExactlyOnce, holdsNothing, scan, signInAs, standFarFromGreenwich, withPocketBase } from "./stories/pocketbase.mjs";

standFarFromGreenwich();

for (const engine of engines) {
  test(`${engine}: a courier's day without signal, with PocketBase`, { timeout: 300_000 }, withPocketBase({ engine }, async (courier) => {
    const { backend, network, driver } = courier;
    const { anna } = backend.couriers;
    const [one, two, three, four, five] = backend.deliveries.map(({ id }) => id);
    const codes = (id) => backend.deliveries.find((delivery) => delivery.id === id).parcels;

    await signInAs(courier, anna);
    assert.deepEqual((await shownStops(courier)).map(({ id }) => id), [one, two, three, four, five], "hers, of today, and no others");
    await shellIsCached(courier);

    network.dead();
    await tap(driver, on("tab-load"));
    await durable(courier, { kind: "load" }, async () => {
      await typed(courier, codes(one)[0]);
      await find(driver, `${on(`parcel-${codes(one)[0]}`)}[data-ticked=true]`);
    });
    await arrive(courier, one);
    await scan(courier, one, codes(one));
    await photograph(courier, one);
    await drawSignature(courier, one, "Karin Ekholm");
    await keepSignature(courier, one);
    await deliver(courier, one, { recipient: "Karin Ekholm" });

    await arrive(courier, two);
    await scan(courier, two, codes(two));
    await note(courier, two, "Rang twice. Ö på dörren, \"tredje våningen\" & so on.");
    await comeBack(courier);
    await deliver(courier, two, { recipient: "Bo at the till", outcomes: { [codes(two)[1]]: "failed:damaged" } });

    await arrive(courier, three);
    await couldNotDeliver(courier, three, { reason: "nobody_home", words: "Dark windows" });

    await arrive(courier, five);
    await photograph(courier, five);
    await deliver(courier, five, { recipient: "\"Kiosk\" \\ Solstrimman & co" });
    await holdsNothing(courier);
    await says(driver, on("status-bar"), "out of reach");

    // Evening: the network is back, and nobody touches the phone.
    await toRoute(courier);
    network.alive();
    await allSent(courier);
    const recorded = await heldExactlyOnce(courier);
    const delivery = (id) => backend.one("deliveries", id);
    assert.match((await delivery(two)).note, new RegExp(`^Delivered to Bo at the till; not delivered: ${codes(two)[1]} \\[`));
    assert.equal((await delivery(three)).failure_reason, "nobody_home: Dark windows");
    assert.equal((await delivery(four)).status, "assigned", "where nobody was nothing changed");
    assert.equal((await delivery(five)).recipient, "\"Kiosk\" \\ Solstrimman & co");
    for (const stop of [one, two, three, five]) await until(async () => (await stateOf(courier, stop)) === "done", { what: `${stop} to be done` });
    await says(driver, on("status-bar"), "In contact");
    const lines = await outbox(courier, recorded.length, { all: true });
    assert.deepEqual(new Set(lines.map(({ state }) => state)), new Set(["settled"]));
  }));
}
