// The page of bench:queue: Pannier's client, and what it is compared with.

import "../../browser/pages/client.mjs";
import { openPlain } from "./plain.mjs";

const STOPS = 20;
const stopOf = (n) => `s-${String(n % STOPS).padStart(2, "0")}`;
const stops = Array.from({ length: STOPS }, (_, index) => stopOf(index));

const took = async (work) => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

async function client(name, other = {}) {
  const one = await globalThis.openAnother({ database: name, ...other });
  await one.signIn({ username: "anna" });
  await one.refreshRoute();
  return one;
}

async function plain(name) {
  const one = await openPlain(name);
  await one.route(stops);
  return one;
}

function picture(size = 200_000) {
  const bytes = new Uint8Array(size);
  for (let from = 0; from < size; from += 65_536) crypto.getRandomValues(bytes.subarray(from, Math.min(from + 65_536, size)));
  bytes.set([0xff, 0xd8, 0xff, 0xe0]);
  return bytes.buffer;
}

let n = 0;
const note = (text = String(n)) => ({ kind: "note", stop: stopOf(n++), text });

/** Milliseconds of both sides, by turns, so that whatever else the machine does falls on both. Pairs of `many` each. */
async function pairs(count, many, ours, theirs) {
  const samples = { ours: [], theirs: [] };
  const side = async (name, work) => { samples[name].push(await took(async () => { for (let index = 0; index < many; index += 1) await work(); }) / many); };
  for (let index = 0; index < count; index += 1) {
    const order = [["ours", ours], ["theirs", theirs]];
    for (const [name, work] of index % 2 ? order.reverse() : order) await side(name, work);
  }
  return samples;
}

let peers;
const both = async () => (peers ??= { ours: await client("ours"), theirs: await plain("theirs") });

const send = (base) => async ({ id, stop, text }) => {
  const answer = await fetch(`${base}/api/records`, {
    method: "POST", cache: "no-store", credentials: "omit", body: JSON.stringify({ stop, text }),
    headers: { authorization: "Bearer token-0", "content-type": "application/json", "idempotency-key": id },
  });
  await answer.text();
};

globalThis.queue = {
  async recording(count, many) {
    const { ours, theirs } = await both();
    return pairs(count, many, () => ours.record(note()), () => theirs.record(note()));
  },

  async photographing(count, many) {
    const { ours, theirs } = await both();
    // Made beforehand: random bytes cost as much as what is measured.
    const pictures = Array.from({ length: 2 * count * many }, () => picture());
    return pairs(count, many,
      async () => { const { handle } = await ours.stage(pictures.pop(), "image/jpeg"); await ours.record({ kind: "photo", stop: stopOf(n++), blob: handle }); },
      async () => { const { handle } = await theirs.stage(pictures.pop()); await theirs.record({ kind: "photo", stop: stopOf(n++), blob: handle }, { handle }); });
  },

  /** Milliseconds for sending so many that wait in 20 lanes. */
  async replay(who, operations) {
    const name = `replay-${who}-${n}`;
    const items = Array.from({ length: operations }, () => note());
    if (who === "pannier") {
      const one = await client(name);
      for (const item of items) await one.record(item);
      const ms = await took(async () => {
        const report = await one.drain("opened");
        if (report.settled !== operations) throw new Error(JSON.stringify(report));
      });
      one.close();
      return ms;
    }
    if (who === "commits") {
      const one = await plain(name);
      for (const item of items) await one.record(item);
      const ms = await took(() => one.replay(send(location.origin), 4));
      one.close();
      return ms;
    }
    const go = send(location.origin);
    return took(() => Promise.all(Array.from({ length: 4 }, async () => {
      for (let item = items.shift(); item; item = items.shift()) await go({ id: crypto.randomUUID(), ...item });
    })));
  },

  /** A store in which so many wait in 20 lanes, with 20,000 settled behind them. */
  async fill(name, waiting, settled) {
    const one = await client(name);
    for (let index = 0; index < waiting; index += 1) await one.record({ kind: "note", stop: stopOf(index), text: String(index) });
    const database = await new Promise((resolve) => { const open = indexedDB.open(name); open.onsuccess = () => resolve(open.result); });
    const all = (store) => new Promise((resolve) => { const request = database.transaction(store).objectStore(store).getAll(); request.onsuccess = () => resolve(request.result); });
    const [sample] = await all("operations");
    const body = JSON.parse(sample.b);
    for (let from = 0; from < settled; from += 2_000) {
      await new Promise((resolve, reject) => {
        const transaction = database.transaction("settled", "readwrite");
        for (let index = from; index < Math.min(from + 2_000, settled); index += 1) {
          const at = 1_700_000_000_000 + index, seq = 100_000 + index;
          transaction.objectStore("settled").put({ ...sample, k: [sample.k[0], at, seq], b: JSON.stringify({ ...body, seq, state: { is: "settled", at, how: "applied" } }) });
        }
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
    }
    database.close();
    (globalThis.filled ??= {})[name] = one;
  },

  /** By turns on every filled store: milliseconds of a wake-up in which the backend says "later" to all that is begun, and of a recording. */
  async grown(count, many) {
    const names = Object.keys(globalThis.filled);
    const samples = Object.fromEntries(names.map((name) => [name, { wake: [], record: [] }]));
    for (let index = 0; index < count; index += 1) {
      for (const name of index % 2 ? [...names].reverse() : names) {
        const one = globalThis.filled[name];
        samples[name].wake.push(await took(async () => { for (let turn = 0; turn < many; turn += 1) await one.drain("visible"); }) / many);
        samples[name].record.push(await took(async () => { for (let turn = 0; turn < many; turn += 1) await one.record(note()); }) / many);
      }
    }
    return samples;
  },

  /** A shift: at each stop arrived, a note, a photo of 200 KB, delivered; sent while it goes on. */
  async shift(who, count) {
    const places = Array.from({ length: count }, (_, index) => `s-${String(index).padStart(2, "0")}`);
    if (who === "pannier") {
      const one = await client("shift");
      const wakes = globalThis.attachWakes(one);
      for (const [index, stop] of places.entries()) {
        await one.record({ kind: "arrive", stop });
        await one.record({ kind: "note", stop, text: "left with the neighbour" });
        const { handle } = await one.stage(picture(), "image/jpeg");
        await one.record({ kind: "photo", stop, blob: handle });
        await one.record({ kind: "deliver", stop, recipient: "Karin", outcomes: [{ parcel: `p-${index}`, outcome: "delivered" }] });
      }
      while ((await one.status()).waiting > 0) await new Promise((resolve) => { setTimeout(resolve, 50); });
      wakes();
      return;
    }
    const one = await openPlain("shift-plain");
    await one.route(places);
    for (const stop of places) {
      for (const text of ["arrive", "left with the neighbour"]) await one.record({ kind: "note", stop, text });
      await one.replay(send(location.origin), 4);
      const bytes = picture();
      const { handle } = await one.stage(bytes);
      await one.record({ kind: "photo", stop, blob: handle }, { handle });
      await one.replay(({ id }) => fetch(`/api/records?stop=${stop}`, { method: "POST", cache: "no-store", credentials: "omit", body: bytes, headers: { authorization: "Bearer token-0", "content-type": "image/jpeg", "idempotency-key": id } }).then((answer) => answer.text()), 4);
      await one.record({ kind: "note", stop, text: "deliver" });
      await one.replay(send(location.origin), 4);
    }
  },
};
document.body.textContent = "ready";
