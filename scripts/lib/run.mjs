// Running other programs, naming failures in plain words, and telling how long things took.

import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { cargoBin, root } from "./paths.mjs";

/** Something the person at the terminal can act on: shown without a stack. */
export class Failure extends Error {}

// A fresh rustup is not on PATH until the next login.
if (!(process.env.PATH ?? "").split(delimiter).includes(cargoBin)) {
  process.env.PATH = `${process.env.PATH ?? ""}${delimiter}${cargoBin}`;
}

export function isExecutable(path) {
  try { accessSync(path, constants.X_OK); return true; } catch { return false; }
}

/** The first of these programs that is there: a path is taken as it is, a name is looked up on PATH. */
export function which(...names) {
  for (const name of names) {
    if (!name) continue;
    if (name.includes("/")) { if (isExecutable(name)) return name; continue; }
    for (const folder of process.env.PATH.split(delimiter)) {
      if (folder && isExecutable(join(folder, name))) return join(folder, name);
    }
  }
  return undefined;
}

const children = new Set();

/**
 * Runs a program to its end. By default its output is shown as it comes and also kept;
 * `quiet` only keeps it. Never throws for an exit code: the caller decides what that means.
 */
export function run(command, args = [], { cwd = root, env = {}, quiet = false, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd, env: { ...process.env, ...env }, stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    children.add(child);
    let output = "", stdout = "";
    const take = (stream, show) => {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
        if (stream === child.stdout) stdout += text;
        if (!quiet) show.write(text);
      });
    };
    take(child.stdout, process.stdout);
    take(child.stderr, process.stderr);
    if (input !== undefined) child.stdin.end(input);
    child.on("error", (error) => {
      children.delete(child);
      reject(new Failure(error.code === "ENOENT" ? `${command} is not installed or not on PATH` : `${command}: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      children.delete(child);
      resolve({ ok: code === 0, code: code ?? 1, signal, output, stdout });
    });
  });
}

/** Beginning and end: some programs name the cause first and then explain themselves at length. */
function excerpt(output) {
  const lines = output.trim().split("\n");
  return lines.length <= 50 ? lines.join("\n") : [...lines.slice(0, 20), "...", ...lines.slice(-30)].join("\n");
}

/** Runs a program that has to succeed. */
export async function must(command, args, options = {}) {
  const result = await run(command, args, options);
  if (!result.ok) {
    const tail = options.quiet ? `\n${excerpt(result.output)}` : "";
    throw new Failure(`${[command, ...args].join(" ")} failed (exit ${result.signal ?? result.code})${tail}`);
  }
  return result;
}

export const seconds = (ms) => `${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0)} s`;

export async function timed(work) {
  const start = performance.now();
  const value = await work();
  return { value, ms: performance.now() - start };
}

/**
 * Reads `--name`, `--name value`, `--name=value` and plain words. `spec` maps a name to
 * { value?: true (a value follows), many?: true (again and again: a list), help }. Anything else is refused with the list.
 */
export function options(argv, spec, { usage, words = [] } = {}) {
  const found = { words: [] };
  const list = () => [
    `usage: ${usage}`,
    ...Object.entries({ ...spec, help: { help: "this list" } })
      .map(([name, { value, help }]) => `  --${name}${value ? ` <${value === true ? "value" : value}>` : ""}`.padEnd(24) + help),
    ...(words.length ? [`  words: ${words.join(", ")}`] : []),
  ].join("\n");
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index];
    if (!argument.startsWith("--")) {
      if (words.length === 0 || !words.includes(argument)) throw new Failure(`unknown argument: ${argument}\n${list()}`);
      found.words.push(argument);
      continue;
    }
    const [name, inline] = argument.slice(2).split(/=(.*)/s, 2);
    if (name === "help") { console.log(list()); process.exit(0); }
    const known = Object.hasOwn(spec, name) ? spec[name] : undefined;
    if (!known) throw new Failure(`unknown option: --${name}\n${list()}`);
    if (!known.value) {
      if (inline !== undefined) throw new Failure(`--${name} takes no value\n${list()}`);
      found[name] = true;
      continue;
    }
    const value = inline ?? argv[(index += 1)];
    if (value === undefined || value === "") throw new Failure(`--${name} needs a value\n${list()}`);
    found[name] = known.many ? [...(found[name] ?? []), value] : value;
  }
  return found;
}

/** True when this file is what node was started with, and not an import of another script. */
export const isMain = (meta) => process.argv[1] !== undefined && meta.url === new URL(`file://${process.argv[1]}`).href;

/** Runs a script's story: a Failure is one sentence, everything else a bug with its stack. */
export async function main(story) {
  const stop = (signal) => {
    for (const child of children) child.kill(signal);
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  // Before anybody else: what runs below must not outlive us.
  process.prependOnceListener("SIGINT", () => stop("SIGINT"));
  process.prependOnceListener("SIGTERM", () => stop("SIGTERM"));
  try {
    process.exitCode = (await story()) ?? 0;
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
