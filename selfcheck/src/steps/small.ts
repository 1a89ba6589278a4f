// Small things, each of which Pannier uses where it is there.

import { bytes, since, now } from "../figures";
import { Absent, type Note } from "../outcome";

export async function compression(note: Note): Promise<void> {
  if (typeof CompressionStream === "undefined") throw new Absent("CompressionStream");
  const line = "stop 1: arrived, 3 of 3 parcels scanned, one photo, signed; ";
  const text = new TextEncoder().encode(line.repeat(Math.ceil(200_000 / line.length)).slice(0, 200_000));
  const began = now();
  const packed = await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  note(`pack=${since(began)}`, `to=${bytes(packed.byteLength)}`);
}

export async function wakeLock(note: Note): Promise<void> {
  if (!("wakeLock" in navigator)) throw new Absent("wake lock");
  const began = now();
  const lock = await navigator.wakeLock.request("screen");
  note(`had=${since(began)}`);
  await lock.release();
}

export async function vibration(note: Note): Promise<void> {
  // Lib says it is always there; iOS has none.
  const vibrate = navigator.vibrate as Navigator["vibrate"] | undefined;
  if (!vibrate) throw new Absent("vibration");
  note(navigator.vibrate(80) ? "obeyed" : "ignored");
}

export async function badge(note: Note): Promise<void> {
  if (!("setAppBadge" in navigator)) throw new Absent("badge");
  const began = now();
  await navigator.setAppBadge(1);
  await navigator.clearAppBadge();
  note(`set=${since(began)}`);
}
