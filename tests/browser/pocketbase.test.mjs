// A backend that nobody here wrote: a real PocketBase, known to the app by profiles/pocketbase.json
// alone. First the courier's day, then what goes wrong with it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { find, ready, tap, until } from "./lib/index.mjs";
import { asCourier } from "./lib/pocketbase.mjs";
import {
  allSent, arrive, choice, comeBack, couldNotDeliver, deliver, discard, drawSignature, durable, engines, keepSignature, lineIn, networkIsBack, note, notesAtOnce, on, outbox, photograph,
  readError, shellIsCached, shownStops, stateOf, toRoute, typed,
} from "./stories/courier.mjs";
import {
  heldExactlyOnce, holds, holdsNothing, operationIn, reachability, scan, signInAgain, signInAs, standFarFromGreenwich, withPocketBase, writesOf,
} from "./stories/pocketbase.mjs";
import { operations, storedPictures } from "./stories/store.mjs";

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
    await find(driver, `${on("status-bar")}[data-reachability=unreachable]`);

    // Evening: the network is back, and nobody touches the phone.
    await toRoute(courier);
    network.alive();
    await allSent(courier);
    const recorded = await heldExactlyOnce(courier);
    const delivery = (id) => backend.one("deliveries", id);
    assert.match((await delivery(two)).note, new RegExp(`^Ring twice, "hund"\nDelivered to Bo at the till; not delivered: ${codes(two)[1]} \\[`), "below the office's words");
    assert.equal((await delivery(two)).recipient, "Bo Sandberg", "who it was for");
    assert.match((await delivery(five)).note, /^Delivered to "Kiosk" \\ Solstrimman & co \[/);
    assert.equal((await delivery(three)).failure_reason, "nobody_home: Dark windows");
    assert.equal((await delivery(four)).status, "assigned", "where nobody was nothing changed");
    for (const stop of [one, two, three, five]) await until(async () => (await stateOf(courier, stop)) === "done", { what: `${stop} to be done` });
    await find(driver, `${on("status-bar")}[data-reachability=reachable]`);
    const lines = await outbox(courier, recorded.length, { all: true });
    assert.deepEqual(new Set(lines.map(({ state }) => state)), new Set(["settled"]));
  }));
}

const ids = ({ backend }) => backend.deliveries.map(({ id }) => id);
const codesAt = ({ backend }, stop) => backend.deliveries.find(({ id }) => id === stop).parcels;
const recordedOf = async ({ driver }, kind, stop) => (await operations(driver)).find(({ intent }) => intent.kind === kind && intent.stop === stop);
const parkedCount = ({ driver }, count) => find(driver, `${on("status-bar")}[data-parked="${count}"]`, { ms: 60_000 });
const queue = (stop, count) => Array.from({ length: count }, (_, index) => ({ stop, words: `Note ${index + 1}` }));

async function nothingIsParked({ driver }) {
  for (const { id, state } of await operations(driver)) assert.ok(["waiting", "in_doubt", "in_flight", "settled"].includes(state.is), `${id} is ${state.is}`);
}

/** The picture lies on the phone as it was taken. */
async function pictureIsKept(courier, kind, stop) {
  const { blob } = await recordedOf(courier, kind, stop);
  assert.equal((await storedPictures(courier.driver))[blob.handle], blob.sha256);
}

/** What goes wrong is the same for every engine, and tried with the sandbox in each: one is enough here. */
const story = (name, work, options) => {
  if (engines.includes("chromium")) test(`chromium: ${name}, with PocketBase`, { timeout: 240_000 }, withPocketBase({ engine: "chromium", ...options }, work));
};

story("a token of ten seconds ends while there is no signal", async (courier) => {
  const { backend, network } = courier;
  const [one, two] = ids(courier);
  const { anna } = backend.couriers;
  await backend.tokenLife(10);
  await signInAs(courier, anna);
  network.dead();
  // A younger one than the phone's; when it has ended, so has that.
  const { speak } = await asCourier(backend, anna);
  await arrive(courier, one);
  await scan(courier, one, codesAt(courier, one));
  await photograph(courier, one);
  await until(async () => (await speak("/api/collections/users/auth-refresh", { method: "POST" })).status === 401, { what: "the token to end", ms: 60_000, every: 250 });

  network.alive();
  await networkIsBack(courier);
  await reachability(courier, "sign_in_needed");
  await holdsNothing(courier);
  await nothingIsParked(courier);
  // Recording goes on, and the route is as it was, asked for or not.
  await note(courier, two, "Recorded while signed out by time");
  await toRoute(courier);
  await tap(courier.driver, on("fetch-route"));
  await readError(courier, /sign in/i);
  assert.deepEqual((await shownStops(courier)).map(({ id }) => id), ids(courier));

  await signInAgain(courier, anna, 4);
  await allSent(courier, { what: "everything to go out after signing in, without another tap" });
  const { length } = await heldExactlyOnce(courier);
  assert.equal(length, 4);
});

story("a sign-in that the office ended shows itself in three disguises", async (courier) => {
  const { backend, network, driver } = courier;
  const [one, two] = ids(courier);
  const { anna } = backend.couriers;
  await signInAs(courier, anna);

  // An empty list.
  await backend.forget(anna);
  await tap(driver, on("fetch-route"));
  await readError(courier, /sign in/i);
  const [list] = network.log.filter(({ path }) => path.startsWith("/api/collections/deliveries/records")).slice(-1);
  assert.deepEqual([list.status, JSON.parse(list.answer.body).items], [200, []], "no stop was in the answer");
  assert.deepEqual((await shownStops(courier)).map(({ id }) => id), ids(courier), "and all are on the phone");
  await arrive(courier, one);
  await reachability(courier, "sign_in_needed");
  await signInAgain(courier, anna, 1);
  await allSent(courier);

  // A refused record, and one that is said not to exist.
  network.dead();
  await scan(courier, one, codesAt(courier, one));
  await arrive(courier, two);
  await backend.forget(anna);
  const before = network.log.length;
  network.alive();
  await networkIsBack(courier);
  await reachability(courier, "sign_in_needed");
  await nothingIsParked(courier);
  const answers = () => network.log.slice(before).filter((entry) => operationIn(entry)).map(({ method, status, answer }) => [method, status, JSON.parse(answer.body).data]);
  assert.deepEqual(answers().sort(([a], [b]) => (a < b ? -1 : 1)), [["PATCH", 404, {}], ["POST", 400, {}]]);
  await signInAgain(courier, anna, 2);
  await allSent(courier);
  await heldExactlyOnce(courier);
});

story("each answer is lost once, after its effect", async (courier) => {
  const { backend, network } = courier;
  const [one, two, three] = ids(courier);
  await signInAs(courier, backend.couriers.anna);
  network.dead();
  await arrive(courier, one);
  await scan(courier, one, codesAt(courier, one));
  await photograph(courier, one);
  await deliver(courier, one, { recipient: "Karin" });
  await arrive(courier, two);
  await note(courier, two, "At the back");
  await arrive(courier, three);
  await couldNotDeliver(courier, three, { reason: "refused", words: "" });

  const lost = new Set();
  network.cut((entry) => {
    const id = operationIn(entry);
    return id !== undefined && entry.status === 200 && !lost.has(id) && lost.add(id);
  });
  await toRoute(courier);
  network.alive();
  await networkIsBack(courier);
  await allSent(courier, { ms: 180_000 });
  const recorded = await heldExactlyOnce(courier);
  assert.equal(lost.size, recorded.length, "each was lost once");
  for (const operation of recorded) {
    const [first, again] = writesOf(courier, operation);
    assert.deepEqual([first.status, first.lost], [200, true]);
    // Asked about or sent again: what PocketBase says to the second of them is no success.
    const said = operation.intent.kind in { scan: 1, photo: 1, note: 1 } ? 400 : 404;
    assert.equal(again?.status, said, `${operation.intent.kind} again`);
  }
});

story("somebody else ended the stop meanwhile", async (courier) => {
  const { backend, network, driver } = courier;
  const [one, two] = ids(courier);
  const { anna } = backend.couriers;
  await signInAs(courier, anna);
  network.dead();
  await arrive(courier, one);
  await scan(courier, one, codesAt(courier, one));
  await photograph(courier, one);
  await deliver(courier, one, { recipient: "Karin" });
  await arrive(courier, two);
  await note(courier, two, "Another stop");

  // Her colleague, with her sign-in on another phone, as the rules allow it.
  const { speak } = await asCourier(backend, anna);
  for (const body of [{ status: "arrived", note: "of the other phone" }, { status: "failed", note: "Nobody home, says the other phone" }]) {
    assert.equal((await speak(`/api/collections/deliveries/records/${one}`, { method: "PATCH", body })).status, 200);
  }
  network.alive();
  await networkIsBack(courier);
  await parkedCount(courier, 1);
  await holds(courier, 1);
  await toRoute(courier);
  await until(async () => (await stateOf(courier, one)) === "attention", { what: "the stop to ask for the courier" });
  await until(async () => (await recordedOf(courier, "note", two)).state.is === "settled", { what: "the other stop's work to be sent" });
  const [arrival, ...behind] = await outbox(courier, 4);
  assert.deepEqual([arrival.kind, arrival.state], ["arrive", "parked"]);
  assert.deepEqual(behind.map(({ kind, state }) => [kind, state]), [["scan", "waiting"], ["photo", "waiting"], ["deliver", "waiting"]]);
  assert.match(arrival.text, /refused|changed this stop|conflict/i);
  await pictureIsKept(courier, "photo", one);

  await discard(courier, arrival.id, "The other phone was there");
  // The proof goes out all the same; the outcome meets the same refusal.
  const delivery = await until(async () => {
    const operation = await recordedOf(courier, "deliver", one);
    return operation.state.is === "parked" && operation;
  }, { what: "the delivery to be parked", ms: 60_000 });
  await find(driver, lineIn("parked", delivery.id));
  await discard(courier, delivery.id, "It stays as the other phone says");
  await allSent(courier);
  await heldExactlyOnce(courier, { without: [arrival.id, delivery.id] });
  const { status, note: words, recipient } = await backend.one("deliveries", one);
  assert.deepEqual([status, words, recipient], ["failed", "Nobody home, says the other phone", "Karin Ekholm"], "what the other one did stands");
});

story("the office gave the stop to somebody else", async (courier) => {
  const { backend, network, driver } = courier;
  const [one, ...others] = ids(courier);
  const { anna, omar } = backend.couriers;
  await signInAs(courier, anna);
  network.dead();
  await arrive(courier, one);
  await photograph(courier, one);
  await backend.change("deliveries", one, { courier: omar.id });
  network.alive();
  await networkIsBack(courier);
  await parkedCount(courier, 1);
  // Its answers say no more than that there is nothing: to PATCH, to GET, and to a new record.
  await toRoute(courier);
  const before = network.log.length;
  await tap(driver, on("fetch-route"));
  const { answer } = await until(() => network.log.slice(before).find(({ path, status }) => path.includes("/records?") && status === 200), { what: "the route's answer" });
  assert.deepEqual(JSON.parse(answer.body).items.map(({ id }) => id), others);
  await ready(driver, on("fetch-route"));
  assert.deepEqual((await shownStops(courier)).map(({ id }) => id), [one, ...others], "what was recorded there keeps it on the phone");
  const [arrival] = await outbox(courier, 2);
  assert.deepEqual([arrival.kind, arrival.state], ["arrive", "parked"]);
  await discard(courier, arrival.id, "It is Omar's now");
  const photo = await until(async () => {
    const operation = await recordedOf(courier, "photo", one);
    return operation.state.is === "parked" && operation;
  }, { what: "the photo to be parked", ms: 60_000 });
  await pictureIsKept(courier, "photo", one);
  assert.equal((await backend.one("deliveries", one)).status, "assigned");

  // It comes back to her, and so the photo goes.
  await backend.change("deliveries", one, { courier: anna.id });
  await tap(driver, choice("retry", photo.id));
  await allSent(courier);
  await heldExactlyOnce(courier, { without: [arrival.id] });
});

story("a route of two pages", async (courier) => {
  const { backend, network, driver } = courier;
  await signInAs(courier, backend.couriers.anna, { shown: 100 });
  await tap(driver, on("more-stops"));
  await until(async () => (await shownStops(courier)).length > 100, { what: "the rest of the route" });
  assert.deepEqual((await shownStops(courier)).map(({ id }) => id), ids(courier));
  const reads = network.log.filter(({ path }) => path.startsWith("/api/collections/deliveries/records"));
  assert.deepEqual(reads.map(({ path }) => new URL(path, backend.address).searchParams.get("page")), ["1", "2"]);
}, { deliveries: Array.from({ length: 130 }, (_, index) => ({ recipient: `Number ${index + 1}`, address: `Storgatan ${index + 1}`, parcels: [] })) });

story("more at once than it takes, and no word of when", async (courier) => {
  const { backend, network } = courier;
  const [one, two, three] = ids(courier);
  await signInAs(courier, backend.couriers.anna);
  network.dead();
  const saved = await notesAtOnce(courier, [...queue(one, 3), ...queue(two, 3), ...queue(three, 2)]);
  await saved();
  await toRoute(courier);
  await backend.rateLimits([{ label: "events:create", maxRequests: 2, duration: 2 }]);
  network.alive();
  await networkIsBack(courier);
  await allSent(courier, { ms: 180_000 });
  const recorded = await heldExactlyOnce(courier);
  const refused = network.log.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0, "it was too much once");
  for (const { answer } of refused) assert.equal(answer.headers["retry-after"], undefined);
  for (const operation of recorded) {
    const writes = writesOf(courier, operation);
    for (const [index, { at: sentAt }] of writes.entries()) {
      // Half of the shortest pause, less what two clocks may differ by.
      if (index > 0) assert.ok(sentAt - writes[index - 1].answeredAt >= 450, `${operation.id} came again after ${sentAt - writes[index - 1].answeredAt} ms`);
    }
  }
});

story("a picture of a kind that it does not take", async (courier) => {
  const { backend, network, driver } = courier;
  const [one, two] = ids(courier);
  await signInAs(courier, backend.couriers.anna);
  // The profile says jpeg and png, as it was agreed.
  await backend.pictures(["image/webp"]);
  network.dead();
  await arrive(courier, one);
  await photograph(courier, one);
  await scan(courier, one, codesAt(courier, one));
  await arrive(courier, two);
  network.alive();
  await networkIsBack(courier);
  await parkedCount(courier, 1);
  const photo = await recordedOf(courier, "photo", one);
  assert.equal(photo.state.is, "parked");
  await pictureIsKept(courier, "photo", one);
  const [line, behind] = await outbox(courier, 2);
  assert.deepEqual([line.id, line.state, behind.kind, behind.state], [photo.id, "parked", "scan", "waiting"]);
  const [refusal] = writesOf(courier, photo);
  const { data } = JSON.parse(refusal.answer.body);
  assert.deepEqual([refusal.status, data.file.code], [400, "validation_invalid_mime_type"]);
  assert.ok(line.text.includes(data.file.message.slice(0, 40)), `"${line.text}" has the words "${data.file.message}"`);

  await backend.pictures(["image/jpeg", "image/png"]);
  await tap(driver, choice("retry", photo.id));
  await allSent(courier);
  await heldExactlyOnce(courier);
});

story("it is killed in the middle, and comes back", async (courier) => {
  const { backend, network } = courier;
  const [one, two, three, four] = ids(courier);
  await signInAs(courier, backend.couriers.anna);
  network.dead();
  await arrive(courier, one);
  await photograph(courier, one);
  await deliver(courier, one, { recipient: "Karin" });
  await arrive(courier, two);
  const saved = await notesAtOnce(courier, [...queue(two, 4), ...queue(three, 4), ...queue(four, 4)]);
  await saved();
  await toRoute(courier);

  let writes = 0;
  const killed = new Promise((resolve) => {
    network.whenAnswered(async (entry) => {
      if (operationIn(entry) && (writes += 1) === 5) resolve(await backend.kill());
    });
  });
  network.alive();
  await networkIsBack(courier);
  await killed;
  await reachability(courier, "unreachable");
  await nothingIsParked(courier);
  await backend.restart();
  await networkIsBack(courier);
  await allSent(courier, { ms: 120_000 });
  const { length } = await heldExactlyOnce(courier);
  assert.equal(length, 16);
});
