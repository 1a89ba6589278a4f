// Writes profiles/fixtures/pocketbase: what the app really asks PocketBase and what that really
// answers, one file for each kind of answer, with the verdict that profiles/pocketbase.json has to
// come to. Run it by hand when PocketBase or the profile has changed, and look at what differs:
//
//   node tests/browser/record-pocketbase.mjs
//
// Nothing in the files is secret: tokens lose their signature, and passwords are gone.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../../scripts/lib/paths.mjs";
import { main } from "../../scripts/lib/run.mjs";
import { find, says, tap, type, until } from "./lib/index.mjs";
import { asCourier } from "./lib/pocketbase.mjs";
import {
  allSent, arrive, couldNotDeliver, deliver, drawSignature, keepSignature, networkIsBack, note, on, outbox, photograph, readError, shownStops, toRoute,
} from "./stories/courier.mjs";
import { discard, operationIn, reachability, scan, signInAgain, signInAs, standFarFromGreenwich, withPocketBase } from "./stories/pocketbase.mjs";
import { operations } from "./stories/store.mjs";

const folder = at("profiles", "fixtures", "pocketbase");

const asked = new Set(["accept", "content-type"]);
const ofTheMoment = new Set(["date", "content-length", "connection", "transfer-encoding"]);
const only = (headers, keep) => Object.fromEntries(Object.entries(headers).filter(([name]) => keep(name)).sort(([a], [b]) => (a < b ? -1 : 1)));

/** A token without what makes it one; what it says of itself stays. */
const harmless = (text) => text
  .replaceAll(/("token":"[\w-]+\.[\w-]+)\.[\w-]+"/g, "$1.removed\"")
  .replaceAll(/"password":"[^"]*"/g, "\"password\":\"removed\"");

/** What a body says; pictures by their size alone. */
function bodyOf({ headers, body }) {
  if (body.length === 0) return undefined;
  const kind = headers["content-type"] ?? "";
  const boundary = kind.match(/^multipart\/form-data;\s*boundary=(.+)$/)?.[1];
  if (!boundary) return JSON.parse(harmless(body.toString("utf8")));
  return body.toString("latin1").split(`--${boundary}`).slice(1, -1).map((part) => {
    const [head, ...rest] = part.slice(2).split("\r\n\r\n");
    const bytes = rest.join("\r\n\r\n").slice(0, -2);
    const [, name] = head.match(/[; ]name="([^"]*)"/);
    const filename = head.match(/filename="([^"]*)"/)?.[1];
    const mediaType = head.match(/content-type:\s*(\S+)/i)?.[1];
    return filename === undefined ? { name, value: Buffer.from(bytes, "latin1").toString("utf8") } : { name, filename, mediaType, bytes: bytes.length };
  });
}

function plainHeaders({ headers }) {
  const kept = only(headers, (name) => asked.has(name));
  // Its boundary is another one each time.
  if (kept["content-type"]) kept["content-type"] = kept["content-type"].replace(/;\s*boundary=.*$/, "");
  return kept;
}

/**
 * `rules`: where in the profile those rules stand that judge it. `verdict`: what they come to, by the
 * name that an attempt is filed under; `signedIn`: the same once the sign-in is known to hold.
 */
function write(name, { rules, verdict, signedIn, operation }, entry) {
  const fixture = {
    name, rules, ...(operation ? { operation } : {}),
    asked: { method: entry.method, path: entry.path, headers: plainHeaders(entry), body: bodyOf(entry) },
    answered: {
      status: entry.status, headers: only(entry.answer.headers, (header) => !ofTheMoment.has(header) && !header.startsWith("access-control-")),
      body: JSON.parse(harmless(entry.answer.body.toString("utf8"))),
    },
    verdict, ...(signedIn ? { signedIn } : {}),
  };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(fixture, null, 1)}\n`);
  console.log(`${String(entry.status).padEnd(4)} ${name}: ${verdict}${signedIn ? `, signed in: ${signedIn}` : ""}`);
}

async function record(courier) {
  const { backend, network, driver } = courier;
  const { anna } = backend.couriers;
  const [one, two, three, four, five] = backend.deliveries.map(({ id }) => id);
  const codes = (stop) => backend.deliveries.find(({ id }) => id === stop).parcels;

  let since = 0;
  /** Everything that is taken is of what was asked from here on. */
  const begin = () => { since = network.log.length; };
  /** The first answer like this one since the beginning. */
  const take = async (name, about, like) => {
    const entry = await until(() => network.log.slice(since).find((one) => one.status !== undefined && like(one)), { what: `the answer ${name}`, ms: 60_000 });
    // A probe carries no id: it speaks of the head of that stop.
    const id = operationIn(entry);
    const all = await operations(driver).catch(() => []);
    const stop = entry.path.match(/deliveries\/records\/([a-z0-9]{15})/)?.[1];
    const asking = all.find((one) => one.id === id) ?? (stop && all.findLast(({ intent }) => intent.stop === stop && about.rules.startsWith(`operations/${intent.kind}/`)));
    const operation = asking && { id: asking.id, ...asking.intent, recordedAt: asking.recorded.at };
    write(name, { ...about, operation }, entry);
  };
  const at = (path, status, method) => (entry) => entry.path.startsWith(path) && entry.status === status && (!method || entry.method === method);
  const users = "/api/collections/users/";
  const deliveries = "/api/collections/deliveries/records";
  const event = (kind, status) => (entry) => entry.path === "/api/collections/events/records" && entry.status === status && entry.body.includes(kind);
  const move = (stop, status) => at(`${deliveries}/${stop}`, status, "PATCH");
  const look = (stop, status) => at(`${deliveries}/${stop}`, status, "GET");
  const create = (kind) => `operations/${kind}/steps/create`;
  const moving = (kind) => `operations/${kind}/steps/move`;

  const parked = async () => until(async () => (await operations(driver)).find(({ state }) => state.is === "parked"), { what: "it to be parked", ms: 60_000 });
  /** The refused one is set aside, so that the next can be tried. */
  const aside = async () => {
    const { id } = await parked();
    const waiting = (await operations(driver)).filter(({ state }) => state.is !== "settled" && state.is !== "discarded").length;
    await outbox(courier, waiting);
    await discard(courier, id, "Recorded for the tests");
  };
  const field = async (collection, name, more) => {
    const { fields } = await backend.ask(`/api/collections/${collection}`);
    const [old] = fields.filter((one) => one.name === name);
    const change = (to) => backend.ask(`/api/collections/${collection}`, { method: "PATCH", body: { fields: fields.map((one) => (one.name === name ? { ...one, ...to } : one)) } });
    await change(more);
    return () => change(old);
  };

  // Signing in.
  await find(driver, on("username"));
  await type(driver, on("username"), anna.username);
  await type(driver, on("password"), "not it");
  await tap(driver, on("sign-in"));
  await says(driver, on("sign-in-error"), "did not let you in");
  await take("sign-in-refused", { rules: "signIn", verdict: "invalid" }, at(`${users}auth-with-password`, 400));
  await signInAs(courier, anna);
  await take("sign-in", { rules: "signIn", verdict: "applied" }, at(`${users}auth-with-password`, 200));
  await take("route", { rules: "route/reads/deliveries", verdict: "applied" }, at(`${deliveries}?`, 200));

  // A stop without trouble, and one where nobody opens.
  network.dead();
  await arrive(courier, one);
  network.alive();
  await networkIsBack(courier);
  await take("heartbeat", { rules: "heartbeat", verdict: "applied" }, at("/api/health", 200));
  await scan(courier, one, codes(one));
  await photograph(courier, one);
  await drawSignature(courier, one, "Karin Ekholm");
  await keepSignature(courier, one);
  await note(courier, one, "Ö på dörren");
  await deliver(courier, one, { recipient: "Karin Ekholm" });
  await arrive(courier, three);
  await couldNotDeliver(courier, three, { reason: "nobody_home", words: "Dark windows" });
  await allSent(courier);
  await take("arrive", { rules: moving("arrive"), verdict: "applied" }, move(one, 200));
  await take("scan", { rules: create("scan"), verdict: "applied" }, event("scan", 200));
  await take("photo", { rules: create("photo"), verdict: "applied" }, event("photo", 200));
  await take("signature", { rules: create("signature"), verdict: "applied" }, event("signature", 200));
  await take("note", { rules: create("note"), verdict: "applied" }, event("note", 200));
  await take("deliver", { rules: moving("deliver"), verdict: "applied" }, (entry) => move(one, 200)(entry) && entry.body.includes("delivered"));
  await take("deliver-read-back", { rules: "operations/deliver/steps/readBack", verdict: "applied" }, look(one, 200));
  await take("fail", { rules: moving("fail"), verdict: "applied" }, (entry) => move(three, 200)(entry) && entry.body.includes("failed"));

  // Answers that were lost after their effect.
  begin();
  const lost = new Set();
  network.cut((entry) => {
    const id = operationIn(entry);
    return id !== undefined && entry.status === 200 && !lost.has(id) && lost.add(id);
  });
  await arrive(courier, two);
  await scan(courier, two, codes(two));
  await photograph(courier, two);
  await networkIsBack(courier);
  await allSent(courier);
  network.cut();
  await take("arrive-again", { rules: moving("arrive"), verdict: "auth_unsure", signedIn: "probe" }, move(two, 404));
  await take("sign-in-asked-about", { rules: "signIn/probe", verdict: "applied" }, at(`${users}auth-refresh`, 200));
  await take("arrive-found", { rules: `${moving("arrive")}/probe`, verdict: "applied" }, look(two, 200));
  await take("scan-again", { rules: create("scan"), verdict: "already" }, event("scan", 400));
  await take("photo-again", { rules: create("photo"), verdict: "already" }, event("photo", 400));

  // Somebody else was there: after the change, before it, and so that nothing is left.
  begin();
  network.whenAnswered(async (entry) => {
    if (entry.method === "PATCH" && entry.path.endsWith(two) && entry.status === 200) await backend.change("deliveries", two, { status: "returned", note: "by the office" });
  });
  await deliver(courier, two, { recipient: "Bo" });
  await parked();
  network.whenAnswered(() => undefined);
  await take("deliver-read-back-changed", { rules: "operations/deliver/steps/readBack", verdict: "conflict" }, look(two, 200));
  await aside();
  begin();
  const { speak } = await asCourier(backend, anna);
  await speak(`${deliveries}/${four}`, { method: "PATCH", body: { status: "arrived", note: "by the other phone" } });
  await arrive(courier, four);
  await parked();
  await take("arrive-refused", { rules: moving("arrive"), verdict: "auth_unsure", signedIn: "probe" }, move(four, 404));
  await take("arrive-not-found", { rules: `${moving("arrive")}/probe`, verdict: "not_applied" }, look(four, 200));
  await aside();
  begin();
  await backend.ask(`${deliveries}/${five}`, { method: "DELETE" });
  await arrive(courier, five);
  await parked();
  await take("arrive-gone", { rules: `${moving("arrive")}/probe`, verdict: "not_applied" }, look(five, 404));
  await aside();
  begin();
  await note(courier, five, "Where is it?");
  await parked();
  await take("note-gone", { rules: create("note"), verdict: "auth_unsure", signedIn: "invalid" }, event("note", 400));
  await aside();

  // The phone learns by its route that it has arrived at the fourth, and that the fifth is gone.
  await toRoute(courier);
  await tap(driver, on("fetch-route"));
  await until(async () => (await shownStops(courier)).length === 4, { what: "the fifth stop to leave the route" });

  // What it does not take as it is.
  for (const [name, collection, column, more, step, about, like] of [
    ["photo-wrong-type", "events", "file", { mimeTypes: ["image/webp"] }, () => photograph(courier, four), { rules: create("photo"), verdict: "invalid" }, event("photo", 400)],
    ["photo-too-large", "events", "file", { maxSize: 100 }, () => photograph(courier, four), { rules: create("photo"), verdict: "invalid" }, event("photo", 400)],
    ["note-too-long", "events", "text", { max: 10 }, () => note(courier, four, "More than ten letters"), { rules: create("note"), verdict: "invalid" }, event("note", 400)],
    ["note-of-unknown-kind", "events", "kind", { values: ["scan", "photo", "signature"] }, () => note(courier, four, "A kind that is gone"), { rules: create("note"), verdict: "invalid" }, event("note", 400)],
    ["fail-too-long", "deliveries", "failure_reason", { max: 5 }, () => couldNotDeliver(courier, four, { reason: "refused", words: "Wrong colour" }), { rules: moving("fail"), verdict: "invalid" }, move(four, 400)],
  ]) {
    begin();
    const back = await field(collection, column, more);
    await step();
    await parked();
    await take(name, about, like);
    await aside();
    await back();
  }
  begin();
  const { createRule } = await backend.ask("/api/collections/events");
  await backend.ask("/api/collections/events", { method: "PATCH", body: { createRule: null } });
  await note(courier, four, "Nobody may any more");
  await parked();
  await take("note-forbidden", { rules: create("note"), verdict: "unmatched" }, event("note", 403));
  await aside();
  await backend.ask("/api/collections/events", { method: "PATCH", body: { createRule } });

  // Too much at once.
  begin();
  await backend.rateLimits([{ label: "events:create", maxRequests: 1, duration: 2 }]);
  await note(courier, four, "One");
  await note(courier, four, "Two");
  await take("throttled", { rules: create("note"), verdict: "throttled" }, event("note", 429));
  await allSent(courier);
  await backend.rateLimits([]);

  // A token that is renewed, and one that has ended, in each of its shapes.
  begin();
  await toRoute(courier);
  await backend.forget(anna);
  await tap(driver, on("fetch-route"));
  await readError(courier, /sign in/i);
  await take("route-signed-out", { rules: "route/reads/deliveries", verdict: "auth_unsure", signedIn: "applied" }, at(`${deliveries}?`, 200));
  await take("sign-in-ended", { rules: "signIn/probe", verdict: "auth" }, at(`${users}auth-refresh`, 401));
  await note(courier, four, "Without a sign-in");
  await reachability(courier, "sign_in_needed");
  await signInAgain(courier, anna, 1);
  await allSent(courier);
  begin();
  await backend.tokenLife(600);
  await backend.forget(anna);
  await note(courier, four, "With one that has ended");
  await reachability(courier, "sign_in_needed");
  await take("note-signed-out", { rules: create("note"), verdict: "auth_unsure", signedIn: "invalid" }, event("note", 400));
  await take("refresh-refused", { rules: "signIn/refresh", verdict: "auth" }, at(`${users}auth-refresh`, 401));
  await signInAgain(courier, anna, 1);
  await allSent(courier);
  begin();
  // Ten minutes are less than the hour before whose end it is renewed.
  await note(courier, four, "With a renewed one");
  await take("refresh", { rules: "signIn/refresh", verdict: "applied" }, at(`${users}auth-refresh`, 200));
  await allSent(courier);
}

await main(async () => {
  standFarFromGreenwich();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await withPocketBase({ engine: "chromium" }, record)();
});
