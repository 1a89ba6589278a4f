// A courier's backend that recognises no repetition, except as far as the identity in use means it
// to, with a ledger of every effect in the order in which it happened, and faults on its writes.
// It serves the subject's page too, so that everything is one origin.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import { certificate } from "./certificate.mjs";

export const STOPS = 20;
/** Something on the way has a copy of a write, and delivers it so long after the answer: after its count, within `settleMs`. */
const LATE_MS = 300;
export const stopOf = (n) => `s-${String(n % STOPS).padStart(2, "0")}`;

/**
 * What the backend does with a write that it has taken before, by the identity that a client may rely
 * on. `seen(record)` gives the key by which it knows it again; `again` is its answer then.
 */
const honours = {
  header: { seen: ({ key }) => key, again: (first) => ({ status: 201, body: { record: first } }) },
  record_id: { seen: ({ id }) => id, again: () => refusal(409, "exists", "there is a record with this id") },
  natural_key: { seen: ({ stop, what }) => `${stop} ${what}`, again: (first) => ({ status: 200, body: { record: first } }) },
  conditional: { seen: ({ id, absent }) => absent && id, again: () => refusal(412, "there_already", "the record is there") },
  marker_probe: {}, none_probe: {}, none_streamed: {}, none: {},
};
export const identities = Object.keys(honours);

const refusal = (status, code, message) => ({ status, body: { error: { code, message } } });

const read = (request) => new Promise((resolve, reject) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece)).on("end", () => resolve(Buffer.concat(pieces))).on("error", reject);
  // A browser that is killed leaves a request that never ends.
  request.on("close", () => { if (!request.complete) reject(new Error("the request was cut")); });
});

/** Whoever asks is gone: what was not applied by then never is. */
const gone = (request) => new Promise((resolve) => { if (request.socket.destroyed) resolve(); else request.socket.once("close", resolve); });

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** `files`: what it serves as the page, by path; `http2`: over that, under a certificate that nobody vouches for. */
export async function startBackend({ identity, files, stops = STOPS, http2 = false }) {
  const backend = {
    /** every effect, in the order in which they happened: { record, stop, what, remarks } */
    ledger: [],
    /** every write that reached it, applied or not */
    arrivals: [],
    dead: false,
    /** the name of what goes wrong with writes: one of `faults` below */
    fault: "none", latencyMs: 0,
    /** The network comes back, with this fault behind it; so many writes are to be expected. */
    begin({ fault = "none", latencyMs = 0 } = {}, count = 200) {
      expected = count;
      // HTTP/2 has none that are idle: what is open is used.
      server.closeIdleConnections?.();
      Object.assign(backend, { fault, latencyMs, dead: false });
    },
    /** The next write is held until its connection is gone: before it is read ("arriving"), or when it is applied and not answered ("applied"). */
    holdNext: (where) => { held = { where }; },
    isHolding: () => held?.holds === true,
  };
  const known = new Map();
  let token = "token-0", throttledUntil, revoked = false, held, expected;

  function apply(record) {
    const { seen, again } = honours[identity];
    const key = seen?.(record);
    if (seen && key) {
      const first = known.get(key);
      if (first) return again(first);
    }
    const kept = { record: `r-${backend.ledger.length + 1}`, stop: record.stop, what: record.what, remarks: record.remarks };
    if (key) known.set(key, kept);
    backend.ledger.push(kept);
    return { status: 201, body: { record: kept } };
  }

  /** What goes wrong with the write of this number, counted from 1: an answer of its own, or how the true one is spoilt. */
  const faults = {
    none: () => undefined,
    "500": (count) => (count % 10 === 0 ? { answer: refusal(500, "broken", "something broke") } : undefined),
    // Refused for good, and spread so that no stop has two of them.
    refused: (_, { n }) => (n % (STOPS + 1) !== 0 ? undefined : { answer: n % 2 ? refusal(409, "closed", "the office has closed this") : refusal(422, "wrong", "this is not allowed here") }),
    later: () => ({ answer: { ...refusal(429, "slow_down", "later"), headers: { "retry-after": "0" } } }),
    cut_keepalive: (count) => (count % 10 === 0 ? { cut: true } : undefined),
    cut_close: (count) => (count % 10 === 0 ? { cut: true } : undefined),
    late: (count) => (count % 10 === 0 ? { copyMs: LATE_MS } : undefined),
    "429"() {
      if (throttledUntil === undefined && backend.ledger.length >= expected / 4) throttledUntil = Date.now() + 2_000;
      return Date.now() < throttledUntil ? { answer: { ...refusal(429, "slow_down", "too many requests"), headers: { "retry-after": "2" } } } : undefined;
    },
    "401"() {
      if (!revoked && backend.ledger.length >= expected / 2) { revoked = true; token = "token-1"; }
      return undefined;
    },
  };

  async function hold(where, request) {
    if (held?.where !== where || held.holds) return false;
    held.holds = true;
    await gone(request);
    held = undefined;
    return true;
  }

  async function write(request, response, url) {
    if (await hold("arriving", request)) return;
    const body = await read(request);
    const count = backend.arrivals.length + 1;
    const photo = request.headers["content-type"] !== "application/json";
    const said = photo ? Object.fromEntries(url.searchParams) : JSON.parse(body.toString());
    const what = photo ? createHash("sha256").update(body).digest("hex") : said.text;
    const record = {
      n: photo ? undefined : Number(said.text), stop: said.stop, what, remarks: said.remarks, id: said.id ?? url.pathname.match(/\/records\/(.+)/)?.[1],
      key: request.headers["idempotency-key"], absent: request.headers["if-none-match"] === "*",
    };
    backend.arrivals.push({ what, at: Date.now() });
    const spoilt = (faults[backend.fault] ?? faults.none)(count, record) ?? {};
    if (request.headers.authorization !== `Bearer ${token}`) { answer(response, refusal(401, "sign_in", "sign in again")); return; }
    if (spoilt.answer) { answer(response, spoilt.answer); return; }
    if (backend.latencyMs) await pause(backend.latencyMs);
    const result = apply(record);
    if (await hold("applied", request)) return;
    if (spoilt.copyMs) setTimeout(() => apply(record), spoilt.copyMs);
    if (spoilt.cut) cut(request); else answer(response, result);
  }

  function answer(response, { status, body, headers = {} }) {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  }

  const route = () => ({ stops: Array.from({ length: stops }, (_, index) => ({ id: `s-${String(index).padStart(2, "0")}`, sequence: index + 1, name: `Stop ${index + 1}`, parcel: `p-${index}` })) });

  /** Its connection and, in HTTP/2, everything else that is on it. */
  const cut = (request) => (http2 ? request.stream.session : request.socket)?.destroy();

  const serve = async (request, response) => {
    const url = new URL(request.url, backend.page);
    const api = url.pathname.startsWith("/api/");
    if (backend.dead && api) { cut(request); return; }
    // No connection is used twice, so that no browser repeats anything by itself.
    if (backend.fault === "cut_close" && !http2) response.shouldKeepAlive = false;
    try {
      if (url.pathname === "/config.json") {
        answer(response, { status: 200, body: { servers: { api: backend.page } } });
      } else if (!api) {
        const file = files[url.pathname];
        if (!file) { response.writeHead(404).end(); return; }
        response.writeHead(200, { "content-type": file.type, "cache-control": "no-store" }).end(file.text);
      } else if (url.pathname === "/api/health") {
        answer(response, { status: 200, body: { ok: true } });
      } else if (url.pathname === "/api/login") {
        await read(request);
        answer(response, { status: 200, body: { token, courier: { id: "c-1", name: "Anna" } } });
      } else if (url.pathname === "/api/route") {
        answer(response, { status: 200, body: route() });
      } else if (request.method === "GET" && url.pathname === "/api/records") {
        const stop = url.searchParams.get("stop");
        answer(response, { status: 200, body: { records: backend.ledger.filter((one) => one.stop === stop) } });
      } else if (url.pathname.startsWith("/api/records")) {
        await write(request, response, url);
      } else {
        answer(response, refusal(404, "unknown", url.pathname));
      }
    } catch {
      cut(request);
    }
  };
  const server = http2 ? createSecureServer({ ...certificate(), allowHTTP1: false }, serve) : createServer(serve);
  server.on("sessionError", () => undefined);
  const sockets = new Set();
  server.on("connection", (socket) => sockets.add(socket));
  /** Bytes on the wire so far, up and down, headers included. */
  backend.wire = () => [...sockets].reduce((sum, { bytesRead, bytesWritten }) => ({ up: sum.up + bytesRead, down: sum.down + bytesWritten }), { up: 0, down: 0 });
  // Longer than any run: a connection ends when a fault ends it.
  if (!http2) server.keepAliveTimeout = 600_000;
  await new Promise((resolve, reject) => { server.once("error", reject); server.listen(0, "127.0.0.1", resolve); });
  backend.page = `${http2 ? "https" : "http"}://localhost:${server.address().port}`;
  backend.token = () => token;
  backend.stop = () => new Promise((resolve) => { for (const socket of sockets) socket.destroy(); server.close(resolve); });
  return backend;
}
