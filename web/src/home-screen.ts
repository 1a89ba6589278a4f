// Whether the app runs from the Home Screen. iOS wipes what a tab stored after seven days without a
// visit, so in a tab there no work is begun; what an account has there already can still be sent.

import type { ScreenName } from "./places";

/**
 * A tab, or another app's browser, on iOS. Only iOS has the word `standalone`, and its display modes cannot be
 * relied on. An app of the company's own around the page (Capacitor) has another scheme, and storage of its own.
 */
export function inTab(): boolean {
  return (navigator as Navigator & { standalone?: boolean }).standalone === false && /^https?:$/u.test(location.protocol);
}

/** What concerns work that is here already; nothing on these screens begins any. */
const finishing: readonly ScreenName[] = ["outbox", "operation", "shift", "more", "others", "sign-in"];

/** Whether this screen may be seen in a tab: with an account, what finishes; without, what others left. */
export function seenInTab(screen: ScreenName, signedIn: boolean): boolean {
  return screen === "others" || (signedIn && finishing.includes(screen));
}
