// What wakes the core in a page: every trigger there is, none of them needed. When to come back
// is the core's answer; this only sets the timer.

import type { Pannier } from "./client.js";
import { lookAtPush } from "./push.js";
import { after } from "./time.js";
import type { DrainReport, WakeReason } from "./types.js";

const TIMER_MS_MIN = 250;
/** after a failure of the store, which every wake may find mended */
const FAILURE_RETRY_MS = 5_000;

/** What a one-off Background Sync is registered under. */
export const SYNC_TAG = "pannier";

/**
 * Sends whenever there is a reason to hope: after a recording, when the page becomes visible or comes back, when the network
 * does, and when the core said it would be time. Once per client. Ends with the function it returns.
 * @example const stop = attachWakes(pannier);
 */
export function attachWakes(api: Pannier): () => void {
  let callOff = (): void => undefined;
  let ended = false;

  const later = (ms: number): void => {
    callOff();
    // iOS tells of no resume when nothing hid the page; waking from a sleep is as good a reason to
    // hope as becoming visible.
    if (!ended) callOff = after(Math.max(ms, TIMER_MS_MIN), (slept) => void wake(slept ? "visible" : "timer"));
  };

  async function wake(reason: WakeReason): Promise<void> {
    if (ended) return;
    let report: DrainReport;
    try {
      report = await api.drain(reason);
    } catch {
      later(FAILURE_RETRY_MS);
      return;
    }
    if (report.nextWakeAt === undefined) callOff();
    else later(report.nextWakeAt - Date.now());
    if (report.waiting > 0) void registerSync();
  }

  api.onWork = (reason) => {
    void registerSync();
    void wake(reason);
  };
  const foreground = (): void => {
    void wake("visible");
    lookAtPush(api).catch(() => undefined);
  };
  const visible = (): void => { if (document.visibilityState === "visible") foreground(); };
  const shown = (event: PageTransitionEvent): void => { if (event.persisted) foreground(); };
  const online = (): void => void wake("online");
  document.addEventListener("visibilitychange", visible);
  addEventListener("pageshow", shown);
  addEventListener("online", online);
  void api.tidy().catch(() => undefined);
  void wake("opened");
  lookAtPush(api).catch(() => undefined);

  return () => {
    ended = true;
    callOff();
    api.onWork = undefined;
    document.removeEventListener("visibilitychange", visible);
    removeEventListener("pageshow", shown);
    removeEventListener("online", online);
  };
}

interface SyncRegistration { sync: { register(tag: string): Promise<void> } }

/** One-off Background Sync, where there is any: Chromium only. */
async function registerSync(): Promise<void> {
  try {
    const registration = await navigator.serviceWorker?.getRegistration();
    if (registration && "sync" in registration) await (registration as ServiceWorkerRegistration & SyncRegistration).sync.register(SYNC_TAG);
  } catch {
    // Refused or absent: the page's own triggers do it.
  }
}
