// Starting programs for a test and making sure that none outlives it.

import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { until } from "./waiting.mjs";

const running = new Set();

/** Starts a program; `output()` is everything it has said, for the message of a failure. */
export function start(command, args, { env = {}, cwd, name = command.split("/").at(-1) } = {}) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const program = { name, pid: child.pid, child, ended: undefined, listeners: new Set(), text: "" };
  program.output = () => program.text.slice(-8_000);
  const take = (chunk) => {
    // What a long test says is not kept for ever.
    program.text = (program.text + chunk).slice(-200_000);
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  program.done = new Promise((resolve) => {
    child.on("error", (error) => { program.ended = { error: error.message }; running.delete(program); resolve(program.ended); });
    child.on("exit", (code, signal) => { program.ended = { code, signal }; running.delete(program); resolve(program.ended); });
  });
  running.add(program);
  return program;
}

/** Fails at once when the program ends while something is awaited from it. */
export function alive(program) {
  if (program.ended) throw new Error(`${program.name} ended (${JSON.stringify(program.ended)})\n${program.output()}`);
}

export async function stop(program, { signal = "SIGTERM", ms = 3_000 } = {}) {
  if (program.ended) return;
  program.child.kill(signal);
  const gone = await Promise.race([program.done, new Promise((resolve) => { setTimeout(resolve, ms, "late").unref(); })]);
  if (gone === "late") { program.child.kill("SIGKILL"); await program.done; }
}

// A stopped run must not leave browsers behind: a signal becomes an exit, and that takes them along.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.on("exit", () => { for (const program of running) { try { killAll(family(program.pid)); } catch { /* already gone */ } } });

/** A port that nobody listens on at this moment. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => resolve(port)); });
  });
}

/** pid, parent, and command line with environment of everything that runs. Linux only, as these tests are. */
function processes() {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") return [];
      return [{ pid: Number(name), parent: Number(parent), words: readFileSync(`/proc/${name}/cmdline`, "utf8") + readFileSync(`/proc/${name}/environ`, "utf8") }];
    } catch {
      return [];
    }
  });
}

/**
 * The process, all its descendants, and those that name `folder` (a browser's profile, ours alone) on
 * their command line or in their environment: WebKit's helpers outlive their parent for a moment and
 * are told apart by nothing else.
 */
export function family(pid, folder) {
  const all = processes();
  const found = new Set([pid]);
  for (const { pid: one, words } of all) if (folder && one !== process.pid && words.includes(folder)) found.add(one);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const { pid: one, parent } of all) if (found.has(parent)) found.add(one);
  }
  return all.filter((one) => found.has(one.pid)).map((one) => one.pid);
}

const IDLE_MS = 150;

/** What each process of the family computes in one second, in words; `idle` when that is next to nothing. */
export async function busyness(pid, folder) {
  const look = () => new Map(family(pid, folder).flatMap((one) => {
    try {
      const stat = readFileSync(`/proc/${one}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      // utime and stime, in hundredths of a second
      return [[one, { name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")), ms: 10 * (Number(fields[11]) + Number(fields[12])) }]];
    } catch {
      return [];
    }
  }));
  const before = look();
  await new Promise((resolve) => { setTimeout(resolve, 1_000); });
  const after = [...look()].map(([one, { name, ms }]) => ({ name, ms: ms - (before.get(one)?.ms ?? 0) }));
  return { idle: after.every(({ ms }) => ms < IDLE_MS), text: after.map(({ name, ms }) => `${name} ${ms} ms`).join(", ") };
}

export function killAll(pids) {
  for (const pid of pids) { try { process.kill(pid, "SIGKILL"); } catch { /* already gone */ } }
}

/** Kills a whole family as a phone kills an app: no goodbye. Resolves when none is left. */
export async function killFamily(pid, folder) {
  await until(() => {
    const left = family(pid, folder);
    killAll(left);
    return left.length === 0;
  }, { what: `the processes of ${pid} to be gone`, ms: 5_000 });
}
