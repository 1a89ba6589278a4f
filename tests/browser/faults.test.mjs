// A backend and a network in bad moods, with work waiting: every effect exactly once all the same,
// and what needs the courier is said in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { control, find, log, says, tap, type, until } from "./lib/index.mjs";
import { applied, appliedIds, exactlyOnce, resentByTheBrowser, taken } from "./stories/backend.mjs";
import {
  allSent, arrive, at, choice, couldNotDeliver, deliver, discard, engines, lineIn, networkIsBack, note, notesAtOnce, on, outbox, photograph, scanTyped, signIn, stateOf, toRoute,
  withCourier,
} from "./stories/courier.mjs";
import { withProxy } from "./stories/proxy.mjs";
import { operations } from "./stories/store.mjs";

/** Work of every kind at four stops, recorded without a network. */
async function workOffline(courier) {
  await courier.faults.dead();
  await arrive(courier, "st-01");
  await scanTyped(courier, "st-01", ["PN-7H2K-0001"]);
  await photograph(courier, "st-01");
  await deliver(courier, "st-01", { recipient: "Karin" });
  await arrive(courier, "st-03");
  await couldNotDeliver(courier, "st-03", { reason: "no_access", words: "Wrong code" });
  await arrive(courier, "st-08");
  await deliver(courier, "st-08", { recipient: "Solstrimman", outcomes: { "p-15": "returned:refused" } });
  const notes = await notesAtOnce(courier, [...queue("st-07", 3), ...queue("st-10", 3)]);
  await notes();
  await toRoute(courier);
}

const queue = (stop, count) => Array.from({ length: count }, (_, index) => ({ stop, words: `Note ${index + 1} at ${stop}` }));

async function queueOffline(courier, plan) {
  await courier.faults.dead();
  const saved = await notesAtOnce(courier, plan);
  await saved();
  await toRoute(courier);
}

const reachability = (courier, wanted) => find(courier.driver, `${on("status-bar")}[data-reachability=${wanted}]`, { ms: 60_000 });
const fired = async (courier) => (await courier.faults.get())[0].fired;
const posts = async (server) => (await log(server)).filter(({ method }) => method === "POST");

for (const engine of engines) {
  // How a connection ends is told by the browser. What an answer means is the core's, the same
  // everywhere and a minute's waiting: one engine is enough for that.
  const skip = engine === "chromium" ? false : "an answer's meaning: in Chromium alone";
  const story = (name, work, options = {}) => test(`${engine}: ${name}`, { timeout: 240_000, ...options }, withCourier({ engine }, work));
  const meaning = (name, work) => story(name, work, { skip });

  for (const [name, rule, least, options] of [
    ["every third answer is cut off after its effect", { fault: "cut_after", method: "POST", path: "/api/", every: 3 }, 4],
    ["every third answer is cut in half", { fault: "cut_half", method: "POST", path: "/api/", every: 3 }, 4],
    ["every third connection is closed before the backend reads", { fault: "cut_before", method: "POST", path: "/api/", every: 3 }, 4],
    ["every fourth request gets a 500", { fault: "status", status: 500, method: "POST", path: "/api/", every: 4 }, 3, { skip }],
  ]) {
    // Each request on a connection of its own: on a kept one a browser repeats a cut POST by itself.
    test(`${engine}: ${name}`, { timeout: 240_000, ...options }, withProxy({ engine }, async (courier) => {
      await signIn(courier);
      await workOffline(courier);
      await courier.faults.set(rule);
      await networkIsBack(courier);
      await allSent(courier, { ms: 180_000 });
      assert.ok(await fired(courier) >= least, `the fault fired ${await fired(courier)} times`);
      assert.deepEqual(await resentByTheBrowser(courier), []);
      await exactlyOnce(courier);
      await until(async () => (await stateOf(courier, "st-01")) === "done", { what: "the stop to be done" });
    }));
  }

  story("what a browser repeats by itself on a kept connection is all that comes twice, and is told by name", async (courier) => {
    await signIn(courier);
    await workOffline(courier);
    await courier.faults.set({ fault: "cut_after", method: "POST", path: "/api/stops/", every: 2 });
    await networkIsBack(courier);
    await allSent(courier, { ms: 180_000 });
    await exactlyOnce(courier, { without: await resentByTheBrowser(courier) });

    const ids = await appliedIds(courier.server);
    const twice = [...new Set(ids.filter((id, place) => ids.indexOf(id) !== place))].sort();
    // WebKit repeats none.
    assert.equal(twice.length > 0, engine !== "webkit");
    await outbox(courier, 0);
    const told = () => courier.driver.executeScript(
      "return [...document.querySelectorAll('[data-test=notice][data-code=duplicate]')].map(({ dataset }) => dataset.operation).sort()");
    await until(async () => (await told()).length === twice.length, { what: `${twice.length} duplicates to be told` });
    assert.deepEqual(await told(), twice);
    for (let left = twice.length; left > 0; left -= 1) {
      await tap(courier.driver, on("put-away"));
      await until(async () => (await told()).length === left - 1, { what: "a notice to be put away" });
    }
  });

  meaning("a 429 is heeded, for as long as it says", async (courier) => {
    await signIn(courier);
    await queueOffline(courier, [...queue("st-07", 2), ...queue("st-10", 2)]);
    await courier.faults.set({ fault: "status", status: 429, retry_after: "3", method: "POST", times: 1 });
    await networkIsBack(courier);
    await allSent(courier);
    await exactlyOnce(courier);
    const all = await posts(courier.server);
    const refused = all.findIndex(({ status }) => status === 429);
    assert.ok(refused >= 0);
    // Those that were on their way together with the refused one are no hurry of ours.
    const later = all.slice(refused + 1).filter(({ received_at: when }) => when - all[refused].received_at > 500);
    assert.ok(later.length > 0);
    assert.ok(later[0].received_at - all[refused].received_at >= 2_900, `the next one came after ${later[0].received_at - all[refused].received_at} ms`);
  });

  meaning("a token that ends in the middle is renewed once, unseen", async (courier) => {
    await signIn(courier);
    await queueOffline(courier, [...queue("st-07", 4), ...queue("st-10", 4), ...queue("st-11", 4)]);
    await courier.faults.set({ fault: "latency", method: "POST", ms: 150 });
    await networkIsBack(courier);
    await taken(courier.server, 2);
    await control(courier.server, "expire-tokens");
    await allSent(courier, { ms: 30_000 });
    await exactlyOnce(courier);
    const requests = await log(courier.server);
    const renewals = requests.filter(({ path }) => path === "/api/token/refresh");
    assert.deepEqual(renewals.map(({ status }) => status), [200], "once for all that were refused");
    // Not always an operation: the route that is read when the network is back may come first, and renews it for all.
    assert.ok(requests.some(({ status }) => status === 401), "something was refused before");
  });

  story("a refused renewal asks for the courier and loses nothing", async (courier) => {
    const { driver, server } = courier;
    await signIn(courier);
    await queueOffline(courier, queue("st-07", 3));
    await control(server, "expire-tokens", { refresh: true });
    await courier.faults.alive();
    await networkIsBack(courier);
    await reachability(courier, "sign_in_needed");
    assert.equal((await applied(server)).length, 0);
    // Recording goes on.
    await note(courier, "st-10", "Recorded while signed out by the backend");
    const lines = await outbox(courier, 4);
    for (const { seq, state } of lines) assert.ok(["waiting", "in_doubt"].includes(state), `item ${seq} is ${state}`);
    await tap(driver, on("sign-in-again"));
    await type(driver, on("username"), "anna");
    await type(driver, on("password"), "not it");
    await tap(driver, on("sign-in"));
    await says(driver, on("sign-in-error"), "did not let you in");
    await type(driver, on("password"), "packet123");
    await tap(driver, on("sign-in"));
    await at(courier, "#/route");
    await allSent(courier, { ms: 30_000, what: "everything to go out after signing in, without another tap" });
    await exactlyOnce(courier);
  });

  meaning("a login portal in between is not taken for the backend", async (courier) => {
    await signIn(courier);
    await queueOffline(courier, [...queue("st-07", 2), ...queue("st-10", 2)]);
    await courier.faults.set({ fault: "html", path: "/api/" });
    await networkIsBack(courier);
    await reachability(courier, "backend_trouble");
    assert.equal((await applied(courier.server)).length, 0);
    for (const { state } of await operations(courier.driver)) assert.notEqual(state.is, "settled");
    await courier.faults.alive();
    await allSent(courier);
    await exactlyOnce(courier);
  });

  meaning("a login portal that begins in the middle parks nothing", async (courier) => {
    await signIn(courier);
    await queueOffline(courier, [...queue("st-07", 3), ...queue("st-10", 3)]);
    // Only what is sent meets it: the question whether anyone is there is answered.
    await courier.faults.set({ fault: "html", method: "POST", path: "/api/stops/", skip: 2, times: 4 });
    await networkIsBack(courier);
    await until(async () => (await fired(courier)) >= 2, { what: "the portal to answer twice", ms: 60_000 });
    for (const { state } of await operations(courier.driver)) assert.notEqual(state.is, "parked");
    await courier.faults.alive();
    await allSent(courier);
    await exactlyOnce(courier);
  });

  meaning("the office changed a stop: its lane alone waits for the courier", async (courier) => {
    const { driver, server } = courier;
    await signIn(courier);
    await courier.faults.dead();
    await arrive(courier, "st-03");
    await note(courier, "st-03", "Said hello to the neighbour");
    await couldNotDeliver(courier, "st-03", { reason: "nobody_home", words: "" });
    await arrive(courier, "st-04");
    await note(courier, "st-04", "Another stop");
    await control(server, "stop", { id: "st-03", status: "returned" });
    await courier.faults.alive();
    await networkIsBack(courier);
    await taken(server, 2);
    await find(driver, `${on("status-bar")}[data-parked="1"]`, { ms: 30_000 });
    await toRoute(courier);
    await until(async () => (await stateOf(courier, "st-03")) === "attention", { what: "the stop to ask for the courier" });

    const [parked, ...behind] = await outbox(courier, 3);
    assert.deepEqual([parked.kind, parked.state], ["arrive", "parked"]);
    assert.deepEqual(behind.map(({ kind, state }) => [kind, state]), [["note", "waiting"], ["fail", "waiting"]]);
    const refusal = (await log(server)).find(({ path, status }) => path === "/api/stops/st-03/arrive" && status === 409);
    assert.ok(refusal, "the backend said 409");
    // In the backend's own words.
    const again = await fetch(new URL("/api/login", server.page), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username: "anna", password: "packet123" }) });
    const { access_token: token } = await again.json();
    const answer = await fetch(new URL("/api/stops/st-03/arrive", server.page), { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token}` }, body: JSON.stringify({ at: Date.now() }) });
    assert.equal(answer.status, 409);
    const { error } = await answer.json();
    assert.ok(parked.text.includes(error.message), `"${parked.text}" has the words "${error.message}"`);

    // Tried again, it is refused again.
    await tap(driver, choice("retry", parked.id));
    await until(async () => (await log(server)).filter(({ path, status }) => path === "/api/stops/st-03/arrive" && status === 409).length >= 3, { what: "another refusal", ms: 20_000 });
    await find(driver, lineIn("parked", parked.id), { ms: 20_000 });
    await discard(courier, parked.id, "The office has taken it over");

    // What was behind it goes on, up to the next thing the backend will not take.
    const [, , fail] = await until(async () => {
      const of = (await operations(driver)).filter(({ intent }) => intent.stop === "st-03");
      return of[1].state.is === "settled" && of[2].state.is === "parked" && of;
    }, { what: "the note to be sent and the outcome to be parked", ms: 30_000 });
    await discard(courier, fail.id, "The office has taken it over");
    await allSent(courier);
    await exactlyOnce(courier, { without: [parked.id, fail.id] });
    const lines = await outbox(courier, 5, { all: true });
    const kept = lines.find(({ id }) => id === parked.id);
    assert.equal(kept.state, "discarded");
    assert.ok(kept.text.includes("The office has taken it over"), kept.text);
  });

  story("the bar tells when the backend was last reached", async (courier) => {
    await signIn(courier);
    // Signing in and fetching the route were contact.
    await says(courier.driver, on("status-bar"), /In contact \d\d:\d\d/);
    await courier.faults.dead();
    await note(courier, "st-07", "Nobody there");
    await reachability(courier, "unreachable");
    await says(courier.driver, on("status-bar"), /No contact.*Last contact \d\d:\d\d/);
  });
}

