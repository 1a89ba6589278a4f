// The courier's page as a company with PocketBase would serve it: the files of the build, and two
// of its own, the profile and where the backend is.

import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { at, dist } from "../../../scripts/lib/paths.mjs";

const mediaTypes = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
  ".webmanifest": "application/manifest+json", ".wasm": "application/wasm", ".svg": "image/svg+xml", ".png": "image/png", ".map": "application/json",
};

/** As strict as the sandbox's, with one backend to speak to. */
const policy = (backend) => [
  "default-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self' 'unsafe-inline'", "img-src 'self' blob: data:", "media-src 'self' blob:",
  `connect-src 'self' ${backend}`, "worker-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'",
].join("; ");

/** Gives { page, servers, stop }; `servers` may be filled after the start, when the addresses are known. */
export async function startPage({ profile = readFileSync(at("profiles", "pocketbase.json")) } = {}) {
  const built = process.env.PANNIER_DIST ?? dist;
  const company = { servers: {} };
  const own = {
    "/profile.json": () => profile,
    "/config.json": () => JSON.stringify({ servers: company.servers }),
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const path = pathname === "/" ? "/index.html" : normalize(pathname);
    const type = mediaTypes[extname(path)];
    const file = join(built, path);
    const made = own[path]?.();
    if (!type || !(made || (existsSync(file) && statSync(file).isFile()))) {
      response.writeHead(404, { "content-type": "text/plain" }).end("there is no such file");
      return;
    }
    response.writeHead(200, {
      "content-type": type, "cache-control": "no-cache", "x-content-type-options": "nosniff",
      ...(extname(path) === ".html" ? { "content-security-policy": policy(Object.values(company.servers).join(" ")) } : {}),
    });
    if (made) response.end(made); else createReadStream(file).pipe(response);
  });
  await new Promise((resolve, reject) => { server.once("error", reject); server.listen(0, resolve); });
  return Object.assign(company, {
    page: `http://localhost:${server.address().port}`,
    stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  });
}
