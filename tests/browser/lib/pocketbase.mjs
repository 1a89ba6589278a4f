// PocketBase, a backend that nobody here wrote, one for a test: its own port, its own data, gone
// afterwards. It is filled by its HTTP API; what it holds is read as its superuser.

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needPocketBase } from "../../../scripts/lib/pocketbase.mjs";
import { must } from "../../../scripts/lib/run.mjs";
import { alive, freePort, start, stop } from "./programs.mjs";
import { until } from "./waiting.mjs";

const START_MS = 20_000;
/** Its own page of a list, and more than any story makes. */
const MOST_RECORDS = 500;

const office = { identity: "office@example.test", password: randomBytes(12).toString("hex") };

export const couriers = {
  anna: { username: "anna@example.test", password: "packet123", name: "Anna Lindqvist" },
  omar: { username: "omar@example.test", password: "packet123", name: "Omar Haddad" },
};

/** The day at this place, which is what the phone in the same place asks for. */
export function today(now = new Date()) {
  const two = (number) => String(number).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

/**
 * Starts it with two couriers and Anna's deliveries of today, and gives { address, couriers,
 * deliveries, ask, records, ... }. `origins` are those whose pages may speak to it.
 */
export async function startPocketBase({ origins = [], deliveries = dayOfAnna } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "pannier-pocketbase-"));
  const data = join(folder, "data");
  const binary = needPocketBase();
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const server = { address, couriers: {}, deliveries: [] };

  /** Until it answers itself: the port alone may be anybody's. */
  const open = async () => {
    server.program = start(binary, [
      "serve", "--http", `127.0.0.1:${port}`, "--dir", data, "--automigrate=false",
      ...(origins.length > 0 ? ["--origins", origins.join(",")] : []),
    ], { name: "pocketbase", cwd: folder });
    await until(async () => {
      alive(server.program);
      try { return (await fetch(`${address}/api/health`)).ok; } catch { return false; }
    }, { what: "PocketBase to listen", ms: START_MS });
  };

  let token;
  /** One call as the superuser, for whom no rule of a collection holds. */
  server.ask = async (path, { method = "GET", body } = {}) => {
    const answer = await fetch(new URL(path, address), {
      method,
      headers: { ...(token ? { authorization: token } : {}), ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`PocketBase: ${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  server.output = () => server.program.output();
  server.stop = async () => {
    await stop(server.program);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  /** Power is gone: no goodbye. */
  server.kill = () => stop(server.program, { signal: "SIGKILL" });
  /** It comes back where it was, with the same data. */
  server.restart = async () => {
    await server.kill();
    await open();
  };
  Object.assign(server, records(server), settings(server));

  try {
    await must(binary, ["superuser", "upsert", office.identity, office.password, "--dir", data], { quiet: true, cwd: folder });
    await open();
    token = (await server.ask("/api/collections/_superusers/auth-with-password", { method: "POST", body: office })).token;
    await seed(server, deliveries);
  } catch (error) {
    if (server.program) await server.stop();
    else rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return server;
}

/** What it holds, in the order in which it was written. */
const records = (server) => ({
  all: async (collection) => {
    const { items, totalItems } = await server.ask(`/api/collections/${collection}/records?perPage=${MOST_RECORDS}&sort=%40rowid`);
    if (items.length !== totalItems) throw new Error(`${collection} holds ${totalItems} records, more than the ${MOST_RECORDS} that are read at once`);
    return items;
  },
  one: (collection, id) => server.ask(`/api/collections/${collection}/records/${id}`),
  /** What the office does, past the rules. */
  change: (collection, id, body) => server.ask(`/api/collections/${collection}/records/${id}`, { method: "PATCH", body }),
  /** The bytes of a record's file. */
  file: async ({ collectionName, id, file }) => {
    const answer = await fetch(new URL(`/api/files/${collectionName}/${id}/${encodeURIComponent(file)}`, server.address));
    if (!answer.ok) throw new Error(`PocketBase: the file ${file} of ${id}: ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  },
});

/** What its operator sets. */
const settings = (server) => ({
  /** How long a courier's token lives, from the next one on. It takes ten seconds and more. */
  tokenLife: (seconds) => server.ask("/api/collections/users", { method: "PATCH", body: { authToken: { duration: seconds } } }),
  /** `[{ label, maxRequests, duration }]`; none: as many as anybody likes. */
  rateLimits: (rules) => server.ask("/api/settings", { method: "PATCH", body: { rateLimits: { enabled: rules.length > 0, rules } } }),
  /** What may be in the file of an event. */
  pictures: async (mimeTypes) => {
    const { fields } = await server.ask("/api/collections/events");
    await server.ask("/api/collections/events", { method: "PATCH", body: { fields: fields.map((field) => (field.name === "file" ? { ...field, mimeTypes } : field)) } });
  },
  /** Every token that this courier holds is worth nothing at once, as after a changed password. */
  forget: ({ id }) => server.change("users", id, { tokenKey: randomBytes(25).toString("hex") }),
});

/** A courier's own call, as another phone of his would make it. */
export async function asCourier(server, courier) {
  const { identity = courier.username, password } = courier;
  const speak = async (path, { method = "GET", token, body } = {}) => fetch(new URL(path, server.address), {
    method, headers: { ...(token ? { authorization: token } : {}), "content-type": "application/json" }, ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const answer = await speak("/api/collections/users/auth-with-password", { method: "POST", body: { identity, password } });
  if (!answer.ok) throw new Error(`PocketBase did not let ${identity} in: ${answer.status} ${await answer.text()}`);
  const { token } = await answer.json();
  return { token, speak: (path, options) => speak(path, { token, ...options }) };
}

const dayOfAnna = [
  { recipient: "Karin Ekholm", address: "Storgatan 4", parcels: ["PB-0001"] },
  { recipient: "Bo Sandberg", address: "Kvarngatan 11, tredje våningen", note: "Ring twice, \"hund\"", parcels: ["PB-0002", "PB-0003"] },
  { recipient: "Elin Sandström", address: "Hamnvägen 2", parcels: ["PB-0004"] },
  { recipient: "Rut Norberg", address: "Skolgränd 7", parcels: ["PB-0005"] },
  { recipient: "\"Kiosk\" \\ Solstrimman & co", address: "Torget 1", parcels: ["PB-0006", "PB-0007"] },
];

/** From where it is to where it may go, and nothing else: what the office's rule says of each change. */
const transitions = { assigned: ["arrived"], arrived: ["delivered", "failed"], failed: ["returned"] };

function updateRule() {
  const ways = Object.entries(transitions).flatMap(([from, tos]) => tos.map((to) => `(status = "${from}" && @request.body.status = "${to}")`));
  return `courier = @request.auth.id && (${ways.join(" || ")})`;
}

async function seed(server, deliveries) {
  const post = (path, body) => server.ask(path, { method: "POST", body });
  const field = (type, name, more = {}) => ({ type, name, ...more });
  const { id: users } = await server.ask("/api/collections/users");

  const own = "courier = @request.auth.id";
  const { id: deliveriesId } = await post("/api/collections", {
    name: "deliveries", type: "base", listRule: own, viewRule: own, updateRule: updateRule(),
    fields: [
      field("text", "external_id", { required: true }),
      field("relation", "courier", { collectionId: users, maxSelect: 1, required: true }),
      field("text", "service_date", { required: true }),
      field("number", "seq"),
      field("select", "status", { required: true, maxSelect: 1, values: ["assigned", "arrived", "delivered", "failed", "returned"] }),
      field("text", "recipient"), field("text", "address"), field("json", "parcels"),
      field("text", "failure_reason"), field("text", "note"), field("date", "completed_at"),
      field("autodate", "created", { onCreate: true }), field("autodate", "updated", { onCreate: true, onUpdate: true }),
    ],
    indexes: ["CREATE UNIQUE INDEX idx_deliveries_external_id ON deliveries (external_id)"],
  });

  const theirs = "delivery.courier = @request.auth.id";
  await post("/api/collections", {
    name: "events", type: "base", listRule: theirs, viewRule: theirs, createRule: `@request.auth.id != "" && ${theirs}`,
    fields: [
      field("text", "op_id", { required: true }),
      field("select", "kind", { required: true, maxSelect: 1, values: ["scan", "photo", "signature", "note"] }),
      field("relation", "delivery", { collectionId: deliveriesId, maxSelect: 1, required: true }),
      field("text", "code"), field("text", "text"),
      field("file", "file", { maxSelect: 1, maxSize: 5_000_000, mimeTypes: ["image/jpeg", "image/png"] }),
      field("date", "at"), field("autodate", "created", { onCreate: true }),
    ],
    indexes: ["CREATE UNIQUE INDEX idx_events_op_id ON events (op_id)"],
  });

  for (const [name, { username: email, password, name: called }] of Object.entries(couriers)) {
    const { id } = await post("/api/collections/users/records", { email, password, passwordConfirm: password, name: called, verified: true });
    server.couriers[name] = { ...couriers[name], id };
  }
  const delivery = (index, courier, date, rest) => post("/api/collections/deliveries/records", {
    external_id: `D-${index}`, courier: courier.id, service_date: date, seq: index, status: "assigned", ...rest,
  });
  for (const [index, one] of deliveries.entries()) server.deliveries.push(await delivery(index + 1, server.couriers.anna, today(), one));
  // What must not be on Anna's route: somebody else's stop, and her own of another day.
  await delivery(901, server.couriers.omar, today(), { recipient: "Of Omar's", address: "Elsewhere 1", parcels: ["PB-0901"] });
  await delivery(902, server.couriers.anna, "2001-02-03", { recipient: "Long ago", address: "Elsewhere 2", parcels: ["PB-0902"] });
}
