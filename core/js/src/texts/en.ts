// English. Each table has a text for every code that the core gives, which TypeScript proves against
// the types made from the Rust ones; another language has the same keys.

import type { Overdue, Reachability, Status, StatusSaid } from "../types.js";
import { clockTime, count } from "./format.js";

const recordings = (n: number): string => count(n, "recording", "recordings");

/**
 * The texts in English.
 * @example speak(en);
 */
export const en = {
  /** as in `<html lang>` */
  language: "en",
  /** for Intl */
  locale: "en-GB",
  opening: "Opening",

  /** the bar's line */
  status: {
    signed_out: () => "Not signed in",
    sign_in: ({ waiting }) => (waiting === 0 ? "Sign in again" : `Sign in again to send ${recordings(waiting)}`),
    needs_person: ({ parked, waiting }) => (waiting > parked ? `${count(parked, "recording needs", "recordings need")} you; ${waiting} in all not sent` : `${count(parked, "recording needs", "recordings need")} you`),
    out_of_reach: ({ waiting }) => (waiting === 0 ? "No contact; nothing waits" : `No contact; ${recordings(waiting)} kept safe here`),
    all_sent: () => "Everything is sent",
    sending: ({ waiting }) => `Sending; ${recordings(waiting)} to go`,
    waiting: ({ waiting }) => `${recordings(waiting)} to send`,
  } satisfies Record<StatusSaid, (status: Status) => string> as Record<StatusSaid, (status: Status) => string>,

  /** the bar's second line, with the time when the backend was last reached, if ever */
  contact: {
    unknown: (at) => (at === undefined ? "Backend not tried yet" : `Last contact ${at}`),
    reachable: (at) => (at === undefined ? "In contact" : `In contact ${at}`),
    unreachable: (at) => (at === undefined ? "No contact yet" : `Last contact ${at}`),
    offline: (at) => (at === undefined ? "No internet here" : `No internet here; last contact ${at}`),
    captive_portal: () => "This wireless network wants a login",
    backend_down: (at) => (at === undefined ? "Internet works, the backend is silent" : `Internet works, the backend is silent since ${at}`),
    sign_in_needed: (at) => (at === undefined ? "Sign-in needed" : `Last contact ${at}`),
    backend_trouble: (at) => (at === undefined ? "The backend has trouble" : `The backend has trouble; last contact ${at}`),
  } satisfies Record<Reachability, (at?: string) => string> as Record<Reachability, (at?: string) => string>,

  /** what the last try came to */
  tried: {
    unknown: "Not tried yet",
    reachable: "The backend answered",
    unreachable: "No connection to the backend",
    offline: "No internet",
    captive_portal: "A login page answered in the backend's place",
    backend_down: "The app's own server answered, the backend did not",
    sign_in_needed: "The backend asks for a new sign-in",
    backend_trouble: "The backend had a problem of its own",
  } satisfies Record<Reachability, string> as Record<Reachability, string>,

  /** the notification about unsent work, around the bar's line */
  reminder: { title: "Not sent yet", hint: "Open the app where there is a network." },
  /** a notification, and a line on the screen: what waits too long, and what helps */
  overdue: {
    title: "Open Pannier near a window",
    waits: ({ stops, operations, since }: Overdue): string => (stops > 0
      ? `${count(stops, "delivery waits", "deliveries wait")} since ${clockTime(since)}`
      : `${count(operations, "recording waits", "recordings wait")} since ${clockTime(since)}`),
  },

  /** the bar's counts */
  waits: (n: number): string => `${n} waiting`,
  needsYou: (n: number): string => count(n, "needs you", "need you"),
};

/** Every text of one language. */
export type Texts = typeof en;
