// What a browser does by itself when a connection that it has used before dies after the backend
// applied a POST and before it answered: how often the POST arrives, and what the page is told.
// The page asks once; it has no service worker and no retry of its own.

import { createServer } from "node:http";
import { constants, createSecureServer } from "node:http2";
import { engines } from "../../scripts/lib/browsers.mjs";
import { isMain, main, options } from "../../scripts/lib/run.mjs";
import { table, under } from "../../scripts/lib/table.mjs";
import { ensure } from "../../scripts/setup.mjs";
import { evaluate, openBrowser, says } from "../browser/lib/index.mjs";
import { certificate } from "./certificate.mjs";

const TIMES = 10, ANSWER_MS = 15_000;

/** How the connection dies once the POST is applied; in HTTP/2 a GOAWAY may come first, which names the last stream that was worked on. */
const deaths = {
  h1: {
    closed: ({ socket }) => socket.end(),
    reset: ({ socket }) => socket.resetAndDestroy(),
  },
  h2: {
    closed: ({ socket }) => socket.end(),
    reset: ({ socket }) => socket.resetAndDestroy(),
    // It says that it has begun with this one, as an honest server does.
    "goaway, counted": ({ session, stream, socket }) => { session.goaway(constants.NGHTTP2_NO_ERROR, stream.id); setTimeout(() => socket.end(), 50); },
    // It says that it has not, although it has: the browser may send it again by the protocol's own rule.
    "goaway, disowned": ({ session, socket }) => { session.goaway(constants.NGHTTP2_NO_ERROR, 0); setTimeout(() => socket.end(), 50); },
    "stream ended": ({ stream }) => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
    "stream refused": ({ stream }) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
  },
};

const page = `<!doctype html><meta charset="utf-8"><title>resend</title><body>ready`;

/** Every POST that arrives is applied; the first of each name then loses its connection as `die` says. */
async function startServer(protocol) {
  const arrived = new Map(), used = new Map(), sockets = new Set();
  const server = { die: undefined, arrived, fresh: 0 };
  const take = async (request, response, connection) => {
    const url = new URL(request.url ?? request.headers[":path"], "http://localhost");
    for await (const _ of request) { /* applied when it is all there */ }
    if (request.method === "POST") {
      const name = url.searchParams.get("n");
      const before = arrived.get(name) ?? 0;
      arrived.set(name, before + 1);
      if (before === 0) {
        // Only a connection that has served something is one that is used again.
        if (!used.get(connection.socket)) server.fresh += 1;
        server.die(connection);
        return;
      }
    }
    used.set(connection.socket, true);
    response.writeHead(200, { "content-type": url.pathname === "/" ? "text/html" : "application/json", "cache-control": "no-store" });
    response.end(url.pathname === "/" ? page : "{}");
  };
  const listener = protocol === "h1"
    ? createServer((request, response) => take(request, response, { socket: request.socket }).catch(() => undefined))
    : createSecureServer({ ...certificate(), allowHTTP1: false }, (request, response) => {
      const { stream } = request;
      take(request, response, { stream, session: stream.session, socket: raw(stream.session) }).catch(() => undefined);
    });
  const raws = [];
  // The TCP connection under the TLS of a session: http2 hands out a stand-in that may not be ended.
  listener.on("connection", (socket) => { raws.push(socket); sockets.add(socket); });
  const raw = (session) => raws.find(({ remotePort }) => remotePort === session.socket.remotePort);
  if (protocol === "h1") listener.keepAliveTimeout = 600_000;
  listener.on("sessionError", () => undefined);
  await new Promise((resolve) => { listener.listen(0, "127.0.0.1", resolve); });
  server.page = `${protocol === "h1" ? "http" : "https"}://localhost:${listener.address().port}`;
  server.stop = () => new Promise((resolve) => { for (const socket of sockets) socket.destroy(); listener.close(resolve); });
  return server;
}

const ask = `async (name, streamed, ms) => {
  // A connection that has been used, whatever became of the last one.
  for (let tries = 1; ; tries += 1) {
    try { await (await fetch("/warm")).text(); break; } catch (error) { if (tries === 100) throw error; }
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  const body = JSON.stringify({ text: "the same every time", name });
  const given = streamed ? { body: new Blob([body]).stream(), duplex: "half" } : { body };
  try {
    const answer = await fetch("/post?n=" + name, { method: "POST", cache: "no-store", headers: { "content-type": "application/json" }, signal: AbortSignal.timeout(ms), ...given });
    await answer.text();
    return String(answer.status);
  } catch (error) {
    return error.name === "TimeoutError" ? "no answer" : "network error";
  }
}`;

/** Whether a body of this engine may be a stream, and is sent as one. */
const streams = `() => {
  let asked = false;
  const request = new Request("/", { method: "POST", body: new ReadableStream(), get duplex() { asked = true; return "half"; } });
  return asked && !request.headers.has("content-type");
}`;

export async function measureResends(engine, protocol, times = TIMES) {
  const server = await startServer(protocol);
  const browser = await openBrowser({ engine, permissions: [], insecure: true });
  try {
    await browser.driver.get(`${server.page}/`);
    await says(browser.driver, "body", "ready", { ms: 30_000 });
    const canStream = await evaluate(browser.driver, streams).catch(() => false);
    const rows = [];
    for (const [death, die] of Object.entries(deaths[protocol])) {
      for (const body of canStream ? ["text", "stream"] : ["text"]) {
        server.die = die;
        server.fresh = 0;
        const told = {};
        let resent = 0, sent = 0;
        for (let index = 0; index < times; index += 1) {
          const name = `${death}-${body}-${index}`.replaceAll(/\W/g, "-");
          const said = await evaluate(browser.driver, ask, name, body === "stream", ANSWER_MS);
          told[said] = (told[said] ?? 0) + 1;
          const count = server.arrived.get(name) ?? 0;
          sent += count > 0;
          resent += Math.max(count - 1, 0);
        }
        rows.push({ browser: engine, protocol, death, body, sent, resent, on_a_fresh_connection: server.fresh, told: Object.entries(told).map(([what, many]) => `${what} ${many}`).join(", ") });
      }
    }
    return rows;
  } finally {
    try { await browser.close(); } finally { await server.stop(); }
  }
}

if (isMain(import.meta)) {
  await main(async () => {
    const given = options(process.argv.slice(2), {
      json: { help: "{ rows } as JSON on standard output" },
      browser: { value: "a,b", help: "only these: chromium, firefox, webkit" },
      protocol: { value: "a,b", help: "only these: h1, h2" },
    }, { usage: "npm run faults:resend -- [options]" });
    await ensure({ tests: true });
    const rows = [];
    for (const engine of given.browser?.split(",") ?? engines) {
      for (const protocol of given.protocol?.split(",") ?? ["h1", "h2"]) rows.push(...await measureResends(engine, protocol));
    }
    if (given.json) console.log(JSON.stringify({ rows }, undefined, 1));
    else console.log(table(under(["browser", "protocol", "death", "body", "told", "sent", "resent", "on_a_fresh_connection"], rows), { names: 5 }));
  });
}
