#!/usr/bin/env node
// The `pannier` command of the npm package. The command itself is WebAssembly and waits for each
// answer as a native program does; so it runs in a thread that may wait (command.mjs), and this
// one does what takes time: requests and questions.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { Writable } from "node:stream";
import { createInterface } from "node:readline/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { fileURLToPath } from "node:url";

const words = process.argv.slice(2);
// Node reads further authorities when it starts and never again.
const ca = words.findLast((word, index) => word.startsWith("--ca=") || words[index - 1] === "--ca")?.replace(/^--ca=/, "");
if (ca && existsSync(ca) && process.env.NODE_EXTRA_CA_CERTS !== ca) {
  const again = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...words], { stdio: "inherit", env: { ...process.env, NODE_EXTRA_CA_CERTS: ca } });
  process.exit(again.status ?? 2);
}

/** A request of the command's, followed through redirects as a browser would. */
async function exchange({ method, url, headers, body, deadline, most }) {
  let answer;
  try {
    answer = await fetch(url, { method, headers, body: body.length && method !== "GET" && method !== "HEAD" ? body : undefined, signal: AbortSignal.timeout(deadline) });
  } catch (error) {
    // What undici says first is "fetch failed"; the cause says why.
    throw new Error(error.cause?.message || error.cause?.code || error.message, { cause: error });
  }
  const flat = [];
  for (const [name, value] of answer.headers) flat.push(name, value);
  const pieces = [];
  let length = 0;
  try {
    for await (const piece of answer.body ?? []) {
      pieces.push(piece);
      length += piece.length;
      if (length > most) break;
    }
  } catch (error) {
    throw new Error(`the answer was cut: ${error.cause?.message ?? error.message}`, { cause: error });
  }
  return { status: answer.status, headers: flat, body: new Uint8Array(Buffer.concat(pieces).subarray(0, most)) };
}

/** Asks without showing what is typed. */
async function ask({ question }) {
  if (!process.stdin.isTTY) return undefined;
  process.stderr.write(question);
  const lines = createInterface({ input: process.stdin, output: new Writable({ write: (_, __, done) => done() }), terminal: true });
  try {
    return await new Promise((resolve, reject) => {
      lines.on("close", () => reject(new Error("nothing was typed")));
      lines.on("SIGINT", () => process.exit(130));
      lines.question("").then(resolve, reject);
    });
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

const tasks = { exchange, ask };
const signal = new Int32Array(new SharedArrayBuffer(4));
const { port1, port2 } = new MessageChannel();
const worker = new Worker(new URL("./command.mjs", import.meta.url), { workerData: { words, signal, port: port2 }, transferList: [port2], stdin: false });
port1.unref();
worker.on("message", async ({ task, given, code }) => {
  if (code !== undefined) { process.exitCode = code; return; }
  try {
    port1.postMessage({ value: await tasks[task](given) });
  } catch (error) {
    port1.postMessage({ failed: error.message });
  }
  Atomics.store(signal, 0, 1);
  Atomics.notify(signal, 0);
});
worker.on("error", (error) => {
  process.stderr.write(`pannier: ${error.message}\n`);
  process.exitCode = 2;
});
