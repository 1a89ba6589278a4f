// The way to the own origin, and how far its clock and ours are apart.

import { ms, now, quantile, seconds, timed } from "../figures";
import { Absent, type Note } from "../outcome";

const FETCHES = 5;
const TIMEOUT_MS = 50;

const head = (signal: AbortSignal): Promise<Response> => fetch("/", { method: "HEAD", cache: "no-store", keepalive: true, signal });

export async function network(note: Note, signal: AbortSignal): Promise<void> {
  const times = await timed(FETCHES, () => head(signal));
  note(`keepalive=${ms(quantile(times, 0.5))}`);
  if (!("timeout" in AbortSignal)) return;
  const began = now();
  await new Promise((resolve) => { AbortSignal.timeout(TIMEOUT_MS).addEventListener("abort", resolve); });
  note(`timeout${TIMEOUT_MS}=${ms(now() - began)}`);
}

/** A date in a header has whole seconds, so half a second is what this can be wrong by, and the way besides. */
export async function clock(note: Note, signal: AbortSignal): Promise<void> {
  const began = now();
  const sentAt = Date.now();
  const answer = await head(signal);
  const trip = now() - began;
  const date = Date.parse(answer.headers.get("date") ?? "");
  if (Number.isNaN(date)) throw new Absent("the server tells no date");
  note(`server=${seconds(date + 500 - (sentAt + trip / 2))}`, `trip=${ms(trip)}`);
}
