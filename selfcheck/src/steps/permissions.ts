// What a person is asked for. Of a position only its accuracy is told, of a subscription only whose
// service it is.

import { registration } from "../bench";
import { now, since } from "../figures";
import { Absent, type Note } from "../outcome";

/** Whether asking needs a tap of its own: nobody has answered yet. */
export const mayAskNotifications = (): boolean => "Notification" in globalThis && Notification.permission === "default";

export async function notifications(note: Note): Promise<void> {
  if (!("Notification" in globalThis)) throw new Absent("notifications");
  const before = Notification.permission;
  const permission = before === "default" ? await Notification.requestPermission() : before;
  note(permission, ...(before === "default" ? ["asked"] : []));
  if (permission !== "granted") throw new DOMException(`permission is ${permission}`, "NotAllowedError");
}

/** A key that nobody keeps: nothing is ever sent to this subscription. */
async function throwAwayKey(): Promise<ArrayBuffer> {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  return crypto.subtle.exportKey("raw", pair.publicKey);
}

export async function push(note: Note): Promise<void> {
  const worker = await registration();
  if (!("PushManager" in globalThis) || (worker && !("pushManager" in worker))) throw new Absent("push");
  if (!worker) throw new Error("there is no service worker to subscribe");
  const applicationServerKey = await throwAwayKey();
  const began = now();
  const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  note(`subscribed=${since(began)}`, `host=${new URL(subscription.endpoint).host}`);
  note(`ended=${await subscription.unsubscribe() ? "y" : "n"}`);
}

export async function position(note: Note): Promise<void> {
  if (!("geolocation" in navigator)) throw new Absent("position");
  const began = now();
  const { coords } = await new Promise<GeolocationPosition>((resolve, reject) =>
    navigator.geolocation.getCurrentPosition(resolve, reject, { enableHighAccuracy: true, maximumAge: 0, timeout: 15_000 }));
  note(`fix=${since(began)}`, `accuracy=${Math.round(coords.accuracy)}m`);
}
