// A server before the sandbox, on an origin of its own: what stands between a page and its backend
// in a company, and where a test can put another answer, in every engine alike.

import { createServer, request as ask } from "node:http";
import { freePort, startSandbox } from "../lib/index.mjs";
import { withCourier } from "./courier.mjs";

/** A courier whose page comes through a proxy; every request has a connection of its own. For `change` see below; `args(port)` are the sandbox's. */
export const withProxy = (options, story, { args = () => [], change } = {}) => async (context) => {
  const port = await freePort();
  const server = await startSandbox({ args: args(port) });
  const proxy = await startProxy({ port, to: server.page, change });
  try {
    await withCourier({ ...options, server, page: proxy.page }, story)(context);
  } finally {
    await proxy.stop();
    await server.stop();
  }
};

/** Holds requests back until it is opened: `change` gives what `hold` gives. */
export function gateway() {
  const held = [];
  let open;
  const opened = new Promise((resolve) => { open = resolve; });
  return { held, open, hold: (url) => { held.push(url); return opened; } };
}

/**
 * `change(request)` may give `{ path }` to ask for something else, or `{ status, headers, body }` to
 * answer itself; with `{ hangUp: true }` the connection ends without an answer; a promise holds the request back.
 * Everything else passes as it is.
 */
export async function startProxy({ port, to, change = () => undefined }) {
  const upstream = new URL(to);
  const server = createServer(async (request, response) => {
    const changed = await change(request) ?? {};
    if (changed.hangUp) {
      request.socket.destroy();
      return;
    }
    if (changed.status) {
      request.resume();
      response.writeHead(changed.status, { ...changed.headers, connection: "close" }).end(changed.body);
      return;
    }
    const onward = ask({
      host: upstream.hostname, port: upstream.port, method: request.method, path: changed.path ?? request.url, headers: { ...request.headers, connection: "close" }, agent: false,
    }, (answer) => {
      response.writeHead(answer.statusCode, { ...answer.headers, connection: "close" });
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    // A cut above is a cut below.
    onward.on("error", () => request.socket.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve, reject) => { server.once("error", reject); server.listen(port, resolve); });
  return {
    page: `http://localhost:${port}`,
    stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  };
}
