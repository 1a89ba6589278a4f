// From what a subject confirmed, what the backend holds and what is still kept, to a row of the
// table; and what a row of Pannier's must be.

import { stopOf } from "./backend.mjs";

/** Identities under which a backend knows a repetition again. */
const SAFE = ["header", "record_id", "natural_key", "conditional"];
/** Faults at which a browser, or something on the way, repeats by itself, which no probe can prevent. */
const REPEATING = ["cut_keepalive", "cut_h2", "late"];
/** Nothing can be read back, so nothing can be counted. */
const UNREADABLE = ["none", "none_streamed"];
const PROBED = ["marker_probe", "none_probe"];

/**
 * said: [{ what, code }] in the order of recording, without a code what was confirmed; ledger: every
 * effect in order; kept: what the subject still has and shows, by `what`.
 */
export function judge({ said, ledger, kept }) {
  const place = new Map(said.map(({ what }, n) => [what, n]));
  const times = new Map(), last = new Map();
  let outOfOrder = 0, unknown = 0;
  for (const { what, stop } of ledger) {
    const n = place.get(what);
    if (n === undefined || stop !== stopOf(n)) { unknown += 1; continue; }
    const before = times.get(what) ?? 0;
    times.set(what, before + 1);
    if (before > 0) continue;
    if (n < (last.get(stop) ?? -1)) outOfOrder += 1; else last.set(stop, n);
  }
  const confirmed = said.filter(({ code }) => !code);
  return {
    recorded: confirmed.length,
    lost: confirmed.filter(({ what }) => !times.has(what) && !kept.has(what)).length,
    duplicated: [...times.values()].reduce((sum, count) => sum + count - 1, 0),
    out_of_order: outOfOrder,
    // An effect that nobody recorded.
    unknown,
  };
}

/** What is wrong with a row; empty when nothing is. Peers are only measured. */
export function wrong({ browser, subject, fault, identity, recorded, lost, duplicated, reported_duplicates: reported, out_of_order: outOfOrder, parked, told, unknown }) {
  if (subject !== "pannier") return [];
  const found = [];
  const must = (holds, text) => { if (!holds) found.push(text); };
  must(recorded > 0, "nothing was recorded");
  must(lost === 0, `${lost} lost`);
  must(outOfOrder === 0, `${outOfOrder} out of order`);
  must(unknown === 0, `${unknown} effects that nobody recorded`);
  if (SAFE.includes(identity)) must(duplicated === 0, `${duplicated} duplicated under an identity`);
  if (PROBED.includes(identity) && !REPEATING.includes(fault)) must(duplicated === 0, `${duplicated} duplicated with a probe`);
  // Chromium alone takes a stream.
  if (identity === "none_streamed" && fault === "cut_h2" && browser === "chromium") must(duplicated === 0, `${duplicated} duplicated by a streamed request`);
  if (!UNREADABLE.includes(identity)) must(duplicated === reported, `${duplicated} duplicated, ${reported} reported`);
  must(told >= parked, `${parked} parked, ${told} told`);
  return found;
}
