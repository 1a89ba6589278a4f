// What the phone shows of unsent work while nobody looks at the app: a count on its icon, and, once
// a threshold, a notification that says what to do. Pages and workers do the same.

import { words as spoken } from "./texts/index.js";
import type { DrainReport, Overdue } from "./types.js";

/** How the notification about work that has waited too long looks. */
export interface OverdueNotification { title: string; body: string; icon?: string; badge?: string; lang?: string }
/** Its words, from the figures. */
export type OverdueWords = (overdue: Overdue) => OverdueNotification;

const TAG = "pannier-unsent";

/** In the language that is spoken; an app may have its own. */
const overdueWords: OverdueWords = (overdue) => {
  const { language, overdue: { title, waits } } = spoken();
  return { title, body: waits(overdue), lang: language };
};

interface Badges { setAppBadge?(count: number): Promise<void>; clearAppBadge?(): Promise<void> }

/** The count on the app's icon; none takes it off. Where there is no such thing, or no permission, nothing happens. */
export async function setBadge(count: number): Promise<void> {
  const badges = globalThis.navigator as Navigator & Badges;
  await (count > 0 ? badges.setAppBadge?.(count) : badges.clearAppBadge?.())?.catch(() => undefined);
}

let shown: number | undefined;

/** Shows what a drain left; never rejects. `words`: false shows no notification. */
export async function showUnsent(report: DrainReport, registration: ServiceWorkerRegistration | undefined, words: OverdueWords | false = overdueWords): Promise<void> {
  if (shown !== report.stopsWaiting) {
    shown = report.stopsWaiting;
    await setBadge(shown);
  }
  try {
    if (report.overdue && words && typeof Notification !== "undefined" && Notification.permission === "granted") {
      const { title, ...options } = words(report.overdue);
      await registration?.showNotification(title, { ...options, tag: TAG });
    } else if (report.waiting === 0 && report.settled > 0) {
      for (const old of await registration?.getNotifications({ tag: TAG }) ?? []) old.close();
    }
  } catch {
    // The app says the same whenever it is looked at.
  }
}
