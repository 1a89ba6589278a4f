// The embedded backend, one for a test: its own port, its own database, gone afterwards.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at, dist } from "../../../scripts/lib/paths.mjs";
import { alive, start, stop } from "./programs.mjs";
import { until } from "./waiting.mjs";

const binary = () => process.env.PANNIER_SANDBOX ?? at("target", "release", "pannier-sandbox");

/**
 * Starts the sandbox and gives { page, api, pid, stop, restart }. `database` keeps a file that the
 * caller owns; without it a temporary one is used. `port: 0` takes a free one.
 */
export async function startSandbox({ port = 0, static: folder = process.env.PANNIER_DIST ?? dist, database, args = [] } = {}) {
  const temporary = database ? undefined : mkdtempSync(join(tmpdir(), "pannier-sandbox-"));
  const file = database ?? join(temporary, "sandbox.db");
  const server = { database: file };
  const open = async (wanted) => {
    const program = start(binary(), ["--port", String(wanted), "--db", file, "--static", folder, ...args], { name: "pannier-sandbox" });
    const line = await until(() => {
      const told = program.text.match(/^PANNIER_SANDBOX (\{.*\})$/m)?.[1];
      if (!told) alive(program);
      return told;
    }, { what: "the sandbox to listen", ms: 15_000 });
    server.program = program;
    Object.assign(server, JSON.parse(line));
  };
  await open(port);
  server.output = () => server.program.output();
  /** The process dies and comes back on the same port with the same database. */
  server.restart = async () => {
    const { port: same } = new URL(server.page);
    await stop(server.program, { signal: "SIGKILL" });
    await open(same);
  };
  server.stop = async () => {
    await stop(server.program);
    if (temporary) rmSync(temporary, { recursive: true, force: true });
  };
  return server;
}

async function ask(server, path, { method = "GET", body } = {}) {
  const answer = await fetch(new URL(path, server.page), {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** Everything that arrived, oldest first; `applied` only what the backend took. */
export const log = async (server, { applied = false } = {}) => (await ask(server, `/log.json${applied ? "?applied=1" : ""}`)).entries;

/** What the office, the clock or the operator does: "stop", "expire-tokens", "token-life", "reset". */
export const control = (server, what, body = {}) => ask(server, `/control/${what}`, { method: "POST", body });

/** The network's and the backend's moods. Rules are those of sandbox/src/faults.rs: { fault, method, path, times, ... }. */
export const faults = (server) => {
  const put = (rules) => ask(server, "/faults.json", { method: "PUT", body: { rules } });
  return {
    /** Replaces all rules. */
    set: (...rules) => put(rules),
    /** The rules with how often each was seen and fired. */
    get: async () => (await ask(server, "/faults.json")).rules,
    clear: () => put([]),
    /** Every connection of page and API is cut, the tools excepted. */
    dead: () => put([{ fault: "dead" }]),
    alive: () => put([]),
  };
};
