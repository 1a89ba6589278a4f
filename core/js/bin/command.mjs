// Runs the command's WebAssembly in a thread of its own, where waiting is allowed.

import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { command, initSync } from "../wasm/command/pannier_command.js";

const { words, signal, port } = workerData;
/** One byte more than the core reads of an answer tells it that there was more. */
const ANSWER_BYTES_MOST = 8 * 1024 * 1024 + 1;

/** What the other thread makes of it; this one sleeps until then. */
function wait(task, given) {
  Atomics.store(signal, 0, 0);
  parentPort.postMessage({ task, given });
  Atomics.wait(signal, 0, 0);
  const { value, failed } = receiveMessageOnPort(port).message;
  if (failed !== undefined) throw failed;
  return value;
}

/** A descriptor that does not wait by itself is asked again. */
const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);

/** All of it: a pipe takes what it can hold, and may say that it is full. */
function write(descriptor, text) {
  let rest = Buffer.from(text);
  while (rest.length) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      // Whoever reads may have gone away: `| head` is no failure.
      if (error.code === "EPIPE") return;
      if (error.code !== "EAGAIN") throw error;
      pause();
    }
  }
}

function readAtMost(descriptor, most) {
  const pieces = [];
  for (let left = most; left > 0;) {
    const piece = Buffer.alloc(Math.min(left, 64 * 1024));
    let length;
    try { length = readSync(descriptor, piece); } catch (error) {
      if (error.code === "EAGAIN") { pause(); continue; }
      if (error.code === "EOF") break;
      throw error;
    }
    if (length === 0) break;
    pieces.push(piece.subarray(0, length));
    left -= length;
  }
  return Buffer.concat(pieces);
}

/** Sentences, not Node's: the command puts the file's name before them. */
const said = { ENOENT: "there is no such file", EACCES: "may not be read", EISDIR: "is a folder" };

const machine = {
  print: (text) => write(1, text),
  complain: (text) => write(2, text),
  variable: (name) => process.env[name],
  read(file, most) {
    if (file === "-") return readAtMost(0, most);
    let descriptor;
    try {
      descriptor = openSync(file);
      return readAtMost(descriptor, most);
    } catch (error) {
      throw said[error.code] ?? error.message;
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  },
  ask: (question) => wait("ask", { question }),
  now: () => Date.now(),
  chance: () => randomBytes(16),
  trust(pem) {
    // pannier.mjs has started Node anew with it.
    if (!Buffer.from(pem).includes("-----BEGIN CERTIFICATE-----")) throw "there is no certificate in that file";
  },
  exchange(method, url, headers, body, deadline) {
    const pairs = [];
    for (let index = 0; index < headers.length; index += 2) pairs.push([headers[index], headers[index + 1]]);
    return wait("exchange", { method, url, headers: pairs, body, deadline, most: ANSWER_BYTES_MOST });
  },
};

initSync({ module: readFileSync(new URL("../wasm/command/pannier_command_bg.wasm", import.meta.url)) });
parentPort.postMessage({ code: command(words, machine) });
// The other side's port would keep this thread alive.
port.close();
