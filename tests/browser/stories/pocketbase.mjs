// A courier whose company has PocketBase: what is different from the sandbox in what the courier
// does, and what PocketBase has in the end against what the phone recorded.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { find, ready, tap, type, until } from "../lib/index.mjs";
import { startPocketBase } from "../lib/pocketbase.mjs";
import { at, durable, on, outbox, signIn, toScanner, typed, withCourier } from "./courier.mjs";
import { startNetwork } from "./pocketbase-network.mjs";
import { startPage } from "./pocketbase-page.mjs";
import { operations, storedPictures } from "./store.mjs";

/**
 * The phone stands where today is another day than in Greenwich and does not end within two hours:
 * so the route of the day is that of the courier's clock, and no story runs over midnight.
 */
export function standFarFromGreenwich() {
  process.env.TZ = new Date().getUTCHours() < 10 ? "Etc/GMT+12" : "Etc/GMT-14";
}

/** A courier with the page, PocketBase behind a network of its own, and nothing else. `deliveries` are hers of today. */
export const withPocketBase = ({ deliveries, ...options }, story) => async (context) => {
  const closing = [];
  try {
    const company = await startPage();
    closing.push(company.stop);
    const backend = await startPocketBase({ origins: [company.page], deliveries });
    closing.push(backend.stop);
    const network = await startNetwork({ to: backend.address });
    closing.push(network.stop);
    company.servers.pocketbase = network.address;
    await withCourier({ ...options, server: company }, async (courier) => {
      Object.assign(courier, { backend, network });
      try {
        await story(courier);
      } catch (error) {
        error.message += `\n--- over the network:\n${overheard(network).slice(-60).join("\n")}`;
        throw error;
      }
    })(context);
  } finally {
    for (const close of closing.reverse()) await close();
  }
};

/** What went over the network, a line each, without tokens and pictures. */
const overheard = ({ log }) => log.map(({ method, path, status, lost, at: when, body, answer }) =>
  `${new Date(when).toISOString().slice(11, 23)} ${method} ${decodeURIComponent(path)} ${status ?? "no answer"}${lost ? " lost" : ""} ${method === "PATCH" ? body : ""} ${status >= 400 ? answer.body : ""}`);

/** `shown`: how many stops the page shows at once, where there are more. */
export async function signInAs(courier, { username, password }, { shown = courier.backend.deliveries.length } = {}) {
  await signIn(courier, { username, password, stops: shown });
  // Nothing is under way any more: what the network does next meets only what the story asks for.
  await ready(courier.driver, on("fetch-route"));
}

/** The way that the outbox shows while the backend wants a new sign-in; `count` lines are in it. */
export async function signInAgain(courier, { username, password }, count) {
  const { driver } = courier;
  await outbox(courier, count);
  await tap(driver, on("sign-in-again"));
  await type(driver, on("username"), username);
  await type(driver, on("password"), password);
  await tap(driver, on("sign-in"));
  await at(courier, "#/route");
}

export const reachability = ({ driver }, wanted) => find(driver, `${on("status-bar")}[data-reachability=${wanted}]`, { ms: 60_000 });


/** Its parcels have no ids but their codes. */
export async function scan(courier, stop, codes) {
  await toScanner(courier, stop);
  for (const code of codes) {
    await durable(courier, { kind: "scan", stop }, async () => {
      await typed(courier, code);
      await find(courier.driver, `${on(`parcel-${code}`)}[data-ticked=true]`);
    });
  }
  await tap(courier.driver, on("scan-done"));
  await at(courier, `#/stop/${stop}`);
}

const events = new Set(["scan", "photo", "signature", "note"]);
/** The state that PocketBase is left in. */
const states = { arrive: "arrived", deliver: "delivered", fail: "failed" };
/** Dates are written with a space. */
const dateOf = (ms) => new Date(ms).toISOString().replace("T", " ");
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const isWrite = ({ method, path }) => ["POST", "PATCH"].includes(method) && path.startsWith("/api/collections/") && path.includes("/records");
/** Which operation a request carried: by the field of an event, or by the mark of a change of state. */
export const operationIn = (entry) => (isWrite(entry) ? String(entry.body.toString("latin1").match(/"op_id":"([^"]+)"|name="op_id"\r\n\r\n([^\r]+)|\[([0-9a-f-]{36})\]/)?.slice(1).find(Boolean)) : undefined);
/** Requests that carried this operation, as they came. */
export const writesOf = ({ network }, { id }) => network.log.filter((entry) => operationIn(entry) === id);
const took = ({ status }) => status >= 200 && status < 300;

/** The request that had the effect: the one that was taken, or, where PocketBase died before it could say so, the last without an answer. */
function effectOf(courier, operation) {
  const writes = writesOf(courier, operation);
  const taken = writes.filter(took);
  assert.ok(taken.length <= 1, `${operation.intent.kind} ${operation.id} was taken ${taken.length} times`);
  const effect = taken[0] ?? writes.findLast(({ status }) => status === undefined);
  assert.ok(effect, `${operation.intent.kind} ${operation.id} was taken`);
  return effect;
}

/** Waits until PocketBase holds so many events. */
export const holds = ({ backend }, count, { ms = 60_000 } = {}) => until(async () => {
  const all = await backend.all("events");
  return all.length >= count && all;
}, { what: `PocketBase to hold ${count} events`, ms, every: 100 });

/**
 * PocketBase holds every operation exactly once and nothing else, as it was recorded, in the order
 * of recording within each delivery, every picture byte for byte as it lies on the phone.
 * `without`: ids that must have left nothing there. Gives the operations.
 */
export async function heldExactlyOnce(courier, { without = [] } = {}) {
  const { backend, driver } = courier;
  const recorded = await operations(driver);
  assert.ok(recorded.length > 0, "something was recorded");
  const refused = new Set(without);
  const sent = recorded.filter(({ id }) => !refused.has(id));
  const held = await backend.all("events");

  const expected = sent.filter(({ intent }) => events.has(intent.kind));
  const order = (list, name) => [...list].sort((one, other) => (name(one) < name(other) ? -1 : 1));
  assert.deepEqual(
    order(held, (one) => one.op_id).map(({ op_id, kind, delivery, at: when, code, text }) => ({ op_id, kind, delivery, at: when, code, text })),
    order(expected, (one) => one.id).map(({ id, intent, recorded: { at: when } }) => ({
      op_id: id, kind: intent.kind, delivery: intent.stop, at: dateOf(when), code: intent.code ?? "", text: intent.text ?? intent.signer ?? "",
    })),
    "one record for each operation, and none besides",
  );
  assert.equal(new Set(held.map(({ id }) => id)).size, held.length);
  for (const { id } of held) assert.match(id, /^[a-z0-9]{15}$/);

  const onThePhone = await storedPictures(driver);
  for (const { id, blob, intent } of expected.filter(({ blob }) => blob)) {
    const bytes = await backend.file(held.find(({ op_id }) => op_id === id));
    assert.equal(sha256(bytes), blob.sha256, `${intent.kind} ${id} byte for byte`);
    // Kept for a while after it was sent; where it still lies it is the same.
    if (onThePhone[blob.handle]) assert.equal(onThePhone[blob.handle], blob.sha256);
  }

  for (const stop of new Set(sent.map(({ intent }) => intent.stop).filter(Boolean))) {
    const here = sent.filter(({ intent }) => intent.stop === stop && (events.has(intent.kind) || states[intent.kind]));
    const place = new Map(here.map(({ id, seq, intent }) => [id, `${seq} ${intent.kind}`]));
    const inOrder = here.map((one) => ({ id: one.id, came: courier.network.log.indexOf(effectOf(courier, one)) })).sort((one, other) => one.came - other.came);
    assert.deepEqual(inOrder.map(({ id }) => place.get(id)), here.map(({ id }) => place.get(id)), `in order at ${stop}`);
    const asHeld = held.filter(({ delivery }) => delivery === stop).map(({ op_id }) => place.get(op_id));
    assert.deepEqual(asHeld, here.filter(({ intent }) => events.has(intent.kind)).map(({ id }) => place.get(id)), `and held in that order at ${stop}`);
    const last = here.filter(({ intent }) => states[intent.kind]).at(-1);
    if (!last) continue;
    const { status, note } = await backend.one("deliveries", stop);
    assert.equal(status, states[last.intent.kind], `the state of ${stop}`);
    assert.ok(note.includes(`[${last.id}]`), `"${note}" carries the mark of ${last.id}`);
  }
  return recorded;
}

/** No delivery of hers was touched and no event is there. */
export async function holdsNothing({ backend }) {
  assert.deepEqual(await backend.all("events"), []);
  assert.deepEqual(new Set((await backend.all("deliveries")).map(({ status }) => status)), new Set(["assigned"]));
}
