// The road between a phone and a backend that has no faults of its own: it can be dead, and it can
// lose an answer after its effect. What went over it is kept, both ways.

import { createServer, request as ask } from "node:http";

/** Headers that speak of one connection, or that are counted anew. */
const ofTheHop = new Set(["connection", "keep-alive", "transfer-encoding", "content-length"]);

const without = (headers, names) => Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name)));

async function bytesOf(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * Gives { address, log, dead, alive, cut, whenAnswered, stop }. Each entry of `log` is one request that
 * came through: { method, path, headers, body, status, answer: { headers, body }, at, lost }. Every
 * request has a connection of its own, since on a kept one a browser repeats a cut POST by itself.
 */
export async function startNetwork({ to }) {
  const upstream = new URL(to);
  const network = { log: [], lost: 0 };
  let dead = false;
  let losing = () => false;
  let watching = () => undefined;

  const forward = (request, body) => new Promise((resolve, reject) => {
    const onward = ask({
      host: upstream.hostname, port: upstream.port, method: request.method, path: request.url, agent: false,
      headers: { ...without(request.headers, ofTheHop), connection: "close", ...(body.length > 0 ? { "content-length": body.length } : {}) },
    }, (answer) => bytesOf(answer).then((bytes) => resolve({ status: answer.statusCode, headers: answer.headers, body: bytes }), reject));
    onward.on("error", reject);
    onward.end(body);
  });

  const pass = async (request, response) => {
    const body = await bytesOf(request);
    const entry = { method: request.method, path: request.url, headers: request.headers, body, at: Date.now() };
    if (request.method !== "OPTIONS") network.log.push(entry);
    const answer = await forward(request, body);
    Object.assign(entry, { status: answer.status, answer: { headers: answer.headers, body: answer.body }, answeredAt: Date.now() });
    await watching(entry);
    if (dead || (request.method !== "OPTIONS" && losing(entry))) {
      entry.lost = true;
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { ...without(answer.headers, ofTheHop), connection: "close" }).end(answer.body);
  };

  const server = createServer((request, response) => {
    // A cut above is a cut below.
    pass(request, response).catch(() => request.socket.destroy());
  });
  server.on("connection", (socket) => { if (dead) socket.destroy(); });
  await new Promise((resolve, reject) => { server.once("error", reject); server.listen(0, "127.0.0.1", resolve); });

  return Object.assign(network, {
    address: `http://127.0.0.1:${server.address().port}`,
    dead: () => { dead = true; server.closeAllConnections(); },
    alive: () => { dead = false; },
    /** From here on the answers to those for which `which(entry)` is true are lost, after their effect. */
    cut: (which = () => false) => { losing = which; },
    /** `see(entry)` is asked with each answer, before the phone has it. */
    whenAnswered: (see) => { watching = see; },
    stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  });
}
