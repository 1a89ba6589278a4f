// What becomes of a stop's photos on their way. No browser tells how many bytes of an upload have
// left, so what is shown is what is known: which of how many, how large, since when.

import type { OutboxItem, Pannier, StopView } from "pannier";
import { byteSize, clockTime } from "./formats";
import { texts } from "./texts";

/** A stop's photos that are not settled, by their handles. */
export async function unsettledPhotos(api: Pannier, stop: string): Promise<Map<string, OutboxItem>> {
  const { items } = await api.outbox({ stop, state: "unsettled" });
  return new Map(items.flatMap((item) => (item.blob === undefined ? [] : [[item.blob, item]])));
}

/** One photo's state, and what is known of its way. */
export function uploadText(item: OutboxItem | undefined): string {
  if (!item) return texts.photo.state.settled;
  return [
    texts.photo.state[item.state], byteSize(item.bytes),
    ...(item.state === "in_flight" && item.lastAttemptAt !== undefined ? [texts.photo.since(clockTime(item.lastAttemptAt))] : []),
  ].join(", ");
}

/** All of a stop's photos in a line; nothing once they are sent. */
export function uploadsText({ photos }: StopView, unsettled: ReadonlyMap<string, OutboxItem>): string | undefined {
  if (photos.every((handle) => !unsettled.has(handle))) return undefined;
  const under = photos.findIndex((handle) => unsettled.get(handle)?.state === "in_flight");
  const item = unsettled.get(photos[under] ?? "");
  if (item) return `${texts.photo.sendingOf(under + 1, photos.length)}, ${byteSize(item.bytes)}${item.lastAttemptAt === undefined ? "" : `, ${texts.photo.since(clockTime(item.lastAttemptAt))}`}`;
  return texts.photo.sentOf(photos.filter((handle) => !unsettled.has(handle)).length, photos.length);
}
