// Workers, channels and locks between them, and the product's own core and scanner.

import { openPannier } from "pannier";
import { Scanner } from "pannier/scanner";
import { SCOPE, WORKER, type Bench } from "../bench";
import { databases, remove } from "../database";
import { ms, now, quantile, since, some, timed } from "../figures";
import { Absent, within, type Note } from "../outcome";
import { qrCanvas } from "../qr";
import { ask } from "../worker-words";

const TRIPS = 20;
const LOCK_MS_MAX = 5_000;
const FRAMES_MAX = 3;
const ACTIVE_MS_MAX = 15_000;

export const dedicated = (bench: Bench) => async (note: Note): Promise<void> => {
  if (typeof Worker === "undefined") throw new Absent("Worker");
  const began = now();
  const worker = bench.worker();
  const { scriptAt } = await ask(worker, "hello", {});
  note(`start=${since(began)}`, `script=${ms(scriptAt)}`);
  note(`trip=${ms(quantile(await timed(TRIPS, () => ask(worker, "echo", {})), 0.5))}`);
};

/** A word on a channel and its echo: median of some. */
export async function channelTrip(worker: Pick<Worker, "postMessage">, name: string): Promise<string> {
  if (typeof BroadcastChannel === "undefined") throw new Absent("BroadcastChannel");
  const channel = new BroadcastChannel(name);
  try {
    await ask(worker, "channel", { channel: name });
    let turn = 0;
    const times = await timed(TRIPS, () => {
      const ping = turn += 1;
      const heard = new Promise<void>((resolve) => { channel.onmessage = ({ data }: MessageEvent<{ pong?: number }>) => { if (data.pong === ping) resolve(); }; });
      channel.postMessage({ ping });
      return within(heard, LOCK_MS_MAX, "the channel");
    });
    return ms(quantile(times, 0.5));
  } finally {
    channel.close();
  }
}

export const channel = (bench: Bench) => async (note: Note): Promise<void> => {
  note(`worker=${await channelTrip(bench.worker(), "pannier-selfcheck:page")}`);
  const active = (await navigator.serviceWorker?.getRegistration(SCOPE).catch(() => undefined))?.active;
  note(`sw=${active ? await channelTrip(active, "pannier-selfcheck:sw") : "-"}`);
};

/** Resolves when the lock was had; it is given back at once. */
const had = (name: string): Promise<void> => navigator.locks.request(name, () => undefined);

async function freed(name: string, letGo: () => void): Promise<string> {
  const waiting = had(name);
  // Asked for before it is let go of, so that what is measured is the hand-over.
  await queued(name);
  const began = now();
  letGo();
  return within(waiting, LOCK_MS_MAX, "the lock").then(() => since(began), () => "stuck");
}

async function queued(name: string): Promise<void> {
  for (const began = now(); now() - began < LOCK_MS_MAX;) {
    const { pending } = await navigator.locks.query();
    if (pending?.some((one) => one.name === name)) return;
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
  throw new Error("nobody waits for the lock");
}

/** A worker that belongs to a frame's window and holds this lock. */
async function ownedBy(frame: HTMLIFrameElement, lock: string): Promise<void> {
  const inside = frame.contentWindow as (Window & { Worker: typeof Worker }) | null;
  if (!inside) throw new Error("the frame has no window");
  const owned = new inside.Worker(WORKER);
  const unloaded = new Promise<never>((_, reject) => { owned.onerror = () => reject(new Error("the frame's worker was not loaded")); });
  await Promise.race([ask(owned, "lock", { lock }), unloaded]);
}

/**
 * How soon a lock is free whose worker's window went. Chromium does not load the worker of about
 * one frame in a hundred, so another frame is taken then, and told of.
 */
async function windowGone(): Promise<{ gone: string; frames: number }> {
  for (let frames = 1; ; frames += 1) {
    const lock = `pannier-selfcheck:window-${frames}`;
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    try {
      await ownedBy(frame, lock);
      return { gone: await freed(lock, () => frame.remove()), frames };
    } catch (error) {
      if (frames === FRAMES_MAX) throw error;
    } finally {
      frame.remove();
    }
  }
}

export const locks = (bench: Bench) => async (note: Note): Promise<void> => {
  if (!("locks" in navigator)) throw new Absent("Web Locks");
  // From the page to a worker.
  const name = "pannier-selfcheck:hand-over";
  let release = (): void => undefined;
  await new Promise<void>((holding) => void navigator.locks.request(name, () => new Promise<void>((resolve) => { release = resolve; holding(); })));
  const taken = ask(bench.worker(), "lock", { lock: name });
  await queued(name);
  const began = now();
  release();
  await within(taken, LOCK_MS_MAX, "the worker's lock");
  note(`handover=${since(began)}`);

  // What a worker held that is ended, or whose window goes: WebKit's bug 316904 is about the latter.
  const doomed = new Worker(WORKER);
  await ask(doomed, "lock", { lock: "pannier-selfcheck:ended" });
  const ended = await freed("pannier-selfcheck:ended", () => doomed.terminate());
  note(`ended=${ended}`);
  const { gone, frames } = await windowGone();
  note(`window=${gone}`, ...some("frames", frames > 1 ? frames : undefined));
  if (ended === "stuck" || gone === "stuck") throw new Error(`a lock was not freed in ${LOCK_MS_MAX / 1000} s`);
};

async function profile(): Promise<string> {
  const answer = await fetch("/profile.json");
  if (!answer.ok) throw new Error(`profile.json: ${answer.status}`);
  return answer.text();
}

const coreOptions = async (): Promise<{ profile: string; servers: Record<string, string> }> => ({ profile: await profile(), servers: { api: location.origin } });

export const core = (bench: Bench) => async (note: Note): Promise<void> => {
  const options = await coreOptions();
  let began = now();
  const code = await (await fetch("/core.wasm")).arrayBuffer();
  note(`fetch=${since(began)}`);
  began = now();
  await WebAssembly.compile(code);
  note(`compile=${since(began)}`);
  // As the app does it, from the address.
  began = now();
  const first = await openPannier({ ...options, database: databases.core });
  note(`cold=${since(began)}`);
  began = now();
  await first.session();
  note(`call=${since(began)}`);
  first.close();
  began = now();
  const again = await openPannier({ ...options, database: databases.core });
  await again.session();
  bench.client = again;
  note(`again=${since(began)}`);
  // A context that has nothing yet, from its start to the core's answer.
  const worker = new Worker(WORKER);
  try {
    const { opened } = await ask(worker, "core", { database: databases.coreInWorker, profile: options.profile });
    note(`worker=${ms(opened)}`);
    await ask(worker, "end", {});
    // While it lives: WebKit may go on waiting for the word of a worker that was ended meanwhile.
    await remove(databases.coreInWorker);
  } finally {
    worker.terminate();
  }
};

function activated(found: ServiceWorkerRegistration): Promise<ServiceWorker> {
  return new Promise((resolve, reject) => {
    const worker = found.installing ?? found.waiting ?? found.active;
    if (!worker) return reject(new Error("no worker came of it"));
    const look = (): void => {
      if (worker.state === "activated") resolve(worker);
      if (worker.state === "redundant") reject(new Error("the worker became redundant"));
    };
    worker.addEventListener("statechange", look);
    look();
  });
}

/** From nothing: an older one of a check that was cut short goes first. */
export async function serviceWorker(note: Note): Promise<void> {
  if (!("serviceWorker" in navigator)) throw new Absent("service worker");
  const container = navigator.serviceWorker;
  const older = await container.getRegistration(SCOPE);
  if (older && new URL(older.scope).pathname === SCOPE) await older.unregister();
  const text = await profile();
  const began = now();
  const found = await container.register(WORKER, { scope: SCOPE, updateViaCache: "none" });
  const worker = await within(activated(found), ACTIVE_MS_MAX, "activation");
  note(`register=${since(began)}`);
  const { scriptAt } = await ask(worker, "hello", {});
  note(`script=${ms(scriptAt)}`);
  const { compiled, opened } = await ask(worker, "core", { database: databases.coreInServiceWorker, profile: text });
  note(`wasm=${ms(compiled)}`, `core=${ms(opened)}`);
  note(`trip=${ms(quantile(await timed(TRIPS, () => ask(worker, "echo", {})), 0.5))}`);
}

const STILL = "pannier self-check";

export const scanner = (bench: Bench) => async (note: Note): Promise<void> => {
  const label = qrCanvas(STILL, 6);
  let began = now();
  let first: ReturnType<Scanner["scanStill"]> | undefined;
  await new Promise<void>((resolve, reject) => {
    const made = new Scanner({
      onCodes: (codes) => bench.onCodes?.(codes),
      onStats: (stats) => bench.onStats?.(stats),
      onReady: resolve,
      onError: reject,
    });
    bench.scanner = made;
    // Only something to scan starts its worker.
    first = made.scanStill(label);
    first.catch(reject);
  });
  note(`ready=${since(began)}`);
  await first;
  began = now();
  const codes = await bench.scanner?.scanStill(label) ?? [];
  note(`still=${since(began)}`);
  const right = codes.length === 1 && codes[0]?.text === STILL;
  note(`code=${right ? "right" : "wrong"}`);
  if (!right) throw new Error(`${codes.length} codes found in a picture of one`);
};
