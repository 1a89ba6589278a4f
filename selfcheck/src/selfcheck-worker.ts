/// <reference lib="webworker" />
// The worker of the check, of both kinds. As a service worker it has a scope of its own, without
// any page in it, and no fetch handler: the app's worker and the app's requests stay as they are.

import { scriptAt } from "./first-line";
import { openPannier, type Pannier } from "pannier";
import { Heart, type Beats } from "./beats";
import { databases, open, put } from "./database";
import type { Question, Reply } from "./worker-words";

declare const self: (ServiceWorkerGlobalScope | DedicatedWorkerGlobalScope) & typeof globalThis;

/** New with every start of the worker: a restart shows. */
const boot = Math.random().toString(36).slice(2, 8);
const isServiceWorker = "registration" in self;
/** Long enough for a minute's lock and somebody who is late; no longer, as it holds the worker. */
const BEATS_MS_MAX = 150_000;

let client: Pannier | undefined;
let heart: Heart | undefined;
let stopped: (() => void) | undefined;
const ends: (() => void)[] = [];

async function startCore(database: string, profile: string): Promise<{ compiled: number; opened: number }> {
  const answer = await fetch("/core.wasm");
  const bytes = await answer.arrayBuffer();
  // What the core does first with the same bytes; told apart, as the rest is the store's time.
  await WebAssembly.compile(bytes);
  const compiled = performance.now();
  client = await openPannier({ wasm: bytes, database, profile, servers: { api: self.location.origin } });
  await client.session();
  return { compiled, opened: performance.now() };
}

function hold(lock: string): Promise<true> {
  return new Promise((resolve, reject) => {
    self.navigator.locks.request(lock, () => new Promise<void>((release) => {
      ends.push(release);
      resolve(true);
    })).catch(reject);
  });
}

function listen(name: string): true {
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }: MessageEvent<{ ping?: number }>) => { if (data.ping !== undefined) channel.postMessage({ pong: data.ping }); };
  ends.push(() => channel.close());
  return true;
}

/** A worker that is ended cannot be asked any more, so the service worker's beats are also on disk. */
async function beat(): Promise<(beats: Beats) => void> {
  if (!isServiceWorker) return () => undefined;
  const database = await open(databases.beats);
  ends.push(() => database.close());
  return (beats) => void put(database, "beats", { boot, ...beats }, "relaxed").catch(() => undefined);
}

async function answer(question: Question, until: (work: Promise<unknown>) => void): Promise<unknown> {
  switch (question.type) {
    case "hello": return { scriptAt, boot };
    case "echo": return true;
    case "core": return startCore(question.database, question.profile);
    case "lock": return hold(question.lock);
    case "channel": return listen(question.channel);
    case "beat": {
      heart?.stop();
      heart = new Heart(await beat());
      until(new Promise<void>((resolve) => {
        stopped = resolve;
        setTimeout(resolve, BEATS_MS_MAX);
      }).then(() => heart?.stop()));
      return true;
    }
    case "beats": {
      if (!heart) throw new Error("this worker has not been ticking");
      return heart.beats;
    }
    case "end": {
      heart?.stop();
      stopped?.();
      client?.close();
      for (const end of ends.splice(0)) end();
      return true;
    }
  }
}

self.addEventListener("message", (event: Event) => {
  const { data, ports } = event as MessageEvent<Question>;
  const [port] = ports;
  if (!port) return;
  const until = (work: Promise<unknown>): void => { if ("waitUntil" in event) (event as ExtendableEvent).waitUntil(work); };
  until(answer(data, until).then(
    (value): Reply => ({ value }),
    (error: unknown): Reply => ({ error: error instanceof Error || error instanceof DOMException ? { name: error.name, message: error.message } : { name: "Error", message: String(error) } }),
  ).then((reply) => port.postMessage(reply)));
});

if (isServiceWorker) {
  const scope = self as unknown as ServiceWorkerGlobalScope;
  scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
}
