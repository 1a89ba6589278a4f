// The order in which a module's functions stand, for the sake of the download: gzip finds only what
// stood within the last 32 KB, so functions that have much in common belong close together. The
// same module, about 2 % less to download than in the order of their names.

import { bodies, namesOf, renamed } from "./wasm-sections.mjs";

/** How many bytes have to agree to count as something in common: about two instructions. */
const RUN = 6;
/** Of the bytes that were placed last, so many are looked at: a little less than gzip does. */
const WINDOW_BYTES = 26_000;
/** What so many functions have is no sign of kinship. */
const COMMON = 60;
/** Long functions have more in common with everything; this takes back a part of that. */
const lengthWeight = (length) => (length + 20) ** 0.5;

/** Every run of `RUN` bytes in a function, as a number. */
function runs(code) {
  const out = new Set();
  for (let at = 0; at + RUN <= code.length; at += 1) {
    let hash = 0;
    for (let i = 0; i < RUN; i += 1) hash = (Math.imul(hash, 16_777_619) ^ code[at + i]) >>> 0;
    out.add(hash);
  }
  return out;
}

/** Indices of `codes`, each after those it has most in common with. Deterministic. */
export function kinship(codes) {
  if (codes.length === 0) return [];
  const held = codes.map(runs);
  const holders = new Map();
  held.forEach((hashes, index) => { for (const hash of hashes) holders.set(hash, [...holders.get(hash) ?? [], index].slice(0, COMMON + 1)); });
  const sharers = (hash) => { const found = holders.get(hash); return found.length > 1 && found.length <= COMMON ? found : []; };

  const shared = new Float64Array(codes.length);
  const inWindow = new Map();
  const count = (hash, step) => {
    const before = inWindow.get(hash) ?? 0;
    inWindow.set(hash, before + step);
    // Only the first copy of a run helps, and only while one is left.
    if (step > 0 ? before === 0 : before === 1) for (const index of sharers(hash)) shared[index] += step;
  };

  const order = [], window = [];
  const left = new Set(codes.keys());
  let windowBytes = 0;
  let next = codes.reduce((longest, code, index) => (code.length > codes[longest].length ? index : longest), 0);
  while (left.size > 0) {
    order.push(next);
    left.delete(next);
    window.push(next);
    windowBytes += codes[next].length;
    for (const hash of held[next]) count(hash, 1);
    while (windowBytes > WINDOW_BYTES && window.length > 1) {
      const gone = window.shift();
      windowBytes -= codes[gone].length;
      for (const hash of held[gone]) count(hash, -1);
    }
    let best = -1;
    for (const index of left) {
      const kin = shared[index] / lengthWeight(codes[index].length);
      if (kin > best) { best = kin; next = index; }
    }
  }
  return order;
}

/** The module with names for its functions that sort as they had best stand, before their own; `wasm-opt --reorder-functions-by-name` puts them there. */
export function namedByKinship(bytes) {
  const { imported, bodies: codes } = bodies(bytes);
  const before = namesOf(bytes);
  const names = Array.from({ length: imported + codes.length }, (_, index) => `imported ${index}`);
  kinship(codes).forEach((index, place) => {
    names[imported + index] = `own ${String(place).padStart(6, "0")} ${before.get(imported + index) ?? ""}`;
  });
  return renamed(bytes, names);
}
