// What wakes the core in a page: every trigger there is, none of them needed. When to come back
// is the core's answer; this only sets the timer.

import type { Pannier } from "./client.js";
import { forgetPush, lookAtPush, subscribed, type PushLook } from "./push.js";
import { after } from "./time.js";
import type { DrainReport, WakeReason } from "./types.js";
import { setBadge, showUnsent, type OverdueWords } from "./unsent.js";

const TIMER_MS_MIN = 250;
/** after a failure of the store, which every wake may find mended */
const FAILURE_RETRY_MS = 5_000;
/** A focus that comes with becoming visible tells nothing new. */
const FOCUS_MS_MIN = 2_000;

/** What a one-off Background Sync is registered under. */
export const SYNC_TAG = "pannier";

/** What `attachWakes` may be told. */
export interface WakeOptions {
  /** words and look of the notification about work that has waited too long (default: those of `pannier/texts`); false: none */
  overdue?: OverdueWords | false;
  /** called with what a look at push messages found, at each return to the foreground: `lost` is the one to tell a person */
  onPush?: (look: PushLook) => void;
}

/**
 * Sends whenever there is a reason to hope: after a recording, when the page becomes visible, is in use again or comes back,
 * when the network does, and when the core said it would be time. A hidden page ends what is on its way and begins nothing
 * long. Shows how much is unsent on the app's icon. Once per client. Ends with the function it returns.
 * @example const stop = attachWakes(pannier);
 */
export function attachWakes(api: Pannier, { overdue, onPush }: WakeOptions = {}): () => void {
  let callOff = (): void => undefined;
  let ended = false;
  let last: DrainReport | undefined;
  let looked = 0;

  const isSeen = (): boolean => document.visibilityState !== "hidden";

  const later = (ms: number): void => {
    callOff();
    // iOS tells of no resume when nothing hid the page; waking from a sleep is as good a reason to
    // hope as becoming visible.
    if (!ended) callOff = after(Math.max(ms, TIMER_MS_MIN), (slept) => void wake(slept ? "visible" : "timer"));
  };

  /** What is due; the heartbeat only while somebody looks. */
  const arm = (): void => {
    const moments = [last?.nextWakeAt, isSeen() ? last?.nextBeatAt : undefined].filter((at) => at !== undefined);
    if (moments.length === 0) callOff();
    else later(Math.min(...moments) - Date.now());
  };

  async function wake(reason: WakeReason): Promise<void> {
    if (ended) return;
    try {
      last = await api.drain(reason);
    } catch {
      later(FAILURE_RETRY_MS);
      return;
    }
    arm();
    if (last.waiting > 0) void registerSync();
    void showUnsent(last, await registered(), overdue);
  }

  api.onWork = (reason) => {
    void registerSync();
    void wake(reason);
  };
  api.subscribed = subscribed;
  api.onSignedOut = () => {
    void setBadge(0);
    // Nobody's phone is woken for somebody who has left it.
    void forgetPush();
  };
  const foreground = (reason: WakeReason): void => {
    looked = Date.now();
    void wake(reason);
    lookAtPush(api).then(onPush).catch(() => undefined);
  };
  const turned = (): void => {
    api.seen(isSeen());
    if (isSeen()) foreground("visible");
    else arm();
  };
  const shown = (event: PageTransitionEvent): void => { if (event.persisted) foreground("shown"); };
  const focused = (): void => { if (isSeen() && Math.abs(Date.now() - looked) > FOCUS_MS_MIN) foreground("focus"); };
  const online = (): void => void wake("online");
  document.addEventListener("visibilitychange", turned);
  addEventListener("pageshow", shown);
  addEventListener("focus", focused);
  addEventListener("online", online);
  api.seen(isSeen());
  void api.tidy().catch(() => undefined);
  foreground("opened");

  return () => {
    ended = true;
    callOff();
    api.onWork = undefined;
    api.onSignedOut = undefined;
    api.subscribed = undefined;
    document.removeEventListener("visibilitychange", turned);
    removeEventListener("pageshow", shown);
    removeEventListener("focus", focused);
    removeEventListener("online", online);
  };
}

interface SyncRegistration { sync: { register(tag: string): Promise<void> } }

async function registered(): Promise<ServiceWorkerRegistration | undefined> {
  return navigator.serviceWorker?.getRegistration().catch(() => undefined);
}

/** One-off Background Sync, where there is any: Chromium only. */
export async function registerSync(registration?: ServiceWorkerRegistration): Promise<void> {
  try {
    const found = registration ?? await registered();
    if (found && "sync" in found) await (found as ServiceWorkerRegistration & SyncRegistration).sync.register(SYNC_TAG);
  } catch {
    // Refused or absent: the page's own triggers do it.
  }
}
