// Push in a page: asked for in a tap, looked at whenever the app comes to the foreground. Whether
// the sender has to be told again is the core's to say.

import type { Pannier } from "./client.js";
import { PannierError } from "./error.js";
import type { PushState, Subscription } from "./types.js";

/** `absent`: this browser has no push here (on an iPhone only the installed app has); `denied`: the person has said no. */
export type PushLook = PushState | "absent" | "denied";

async function manager(): Promise<PushManager | undefined> {
  if (typeof Notification === "undefined") return undefined;
  const registration = await navigator.serviceWorker?.getRegistration();
  return registration?.pushManager ?? undefined;
}

function said({ endpoint, keys = {} }: PushSubscriptionJSON): Subscription | undefined {
  const { p256dh, auth } = keys;
  return endpoint && p256dh && auth ? { endpoint, p256dh, auth } : undefined;
}

/**
 * What there is now. Tells the sender of a subscription that is new or was told long ago; done by `attachWakes` at each
 * foreground.
 * @throws PannierError `signed_out`, and the store's
 * @example if (await lookAtPush(pannier) === "lost") offerWakeUps();
 */
export async function lookAtPush(api: Pannier): Promise<PushLook> {
  const pushes = await manager();
  if (!pushes) return "absent";
  const found = await pushes.getSubscription();
  const state = await api.push(found ? said(found.toJSON()) : undefined);
  return Notification.permission === "denied" && state !== "unsupported" ? "denied" : state;
}

/**
 * Asks the person, subscribes and tells the sender. To be called in a tap. `key`: from `pushKey()`, asked for beforehand where
 * the browser lets nothing come between tap and question.
 * @throws PannierError `push_unsupported`, `push_unreachable`, `push_refused` (the browser subscribes to nothing), `signed_out`
 * @example button.onclick = async () => show(await startPush(pannier));
 */
export async function startPush(api: Pannier, key?: string): Promise<PushLook> {
  const asked = typeof Notification === "undefined" ? undefined : Notification.requestPermission();
  const pushes = await manager();
  if (!pushes || !asked) return "absent";
  if (await asked !== "granted") return "denied";
  const applicationServerKey = key ?? await api.pushKey();
  let subscription: PushSubscription;
  try {
    subscription = await again(pushes, { userVisibleOnly: true, applicationServerKey });
  } catch (error) {
    throw new PannierError("push_refused", `the browser does not subscribe: ${error instanceof Error ? error.message : String(error)}`);
  }
  return api.push(said(subscription.toJSON()));
}

/** @internal What this browser has; never rejects. */
export async function subscribed(): Promise<Subscription | undefined> {
  try {
    const found = await (await manager())?.getSubscription();
    return found ? said(found.toJSON()) : undefined;
  } catch {
    return undefined;
  }
}

/** @internal Ends what this browser has, after a sign-out: the core has told the sender, if he could be told. */
export async function forgetPush(): Promise<void> {
  try {
    await (await (await manager())?.getSubscription())?.unsubscribe();
  } catch {
    // The sender's next message finds out.
  }
}

/** A subscription holds for one key; one that was made with another has to end first. */
async function again(pushes: PushManager, options: PushSubscriptionOptionsInit): Promise<PushSubscription> {
  try {
    return await pushes.subscribe(options);
  } catch (error) {
    const old = await pushes.getSubscription();
    if (!old) throw error;
    await old.unsubscribe();
    return pushes.subscribe(options);
  }
}

/**
 * Ends it here, and tells the sender if it can be told.
 * @example await stopPush(pannier);
 */
export async function stopPush(api: Pannier): Promise<PushLook> {
  const pushes = await manager();
  const found = await pushes?.getSubscription();
  if (!found) return pushes ? api.push() : "absent";
  const was = said(found.toJSON());
  await found.unsubscribe();
  return was ? api.endPush(was) : api.push();
}
