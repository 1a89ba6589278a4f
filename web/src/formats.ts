// Times and foreign texts as this page shows them, over those of the elements. Clock times are
// Swedish (24 hours) in the phone's own time zone; words around them are English until the texts are
// translated.

import { shown } from "pannier/elements";

export { byteSize, clockTime, relativeTime, sentence, shown } from "pannier/elements";

const clockFormat = new Intl.DateTimeFormat("sv-SE", { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "long" });

export function timeSpan(from: number, to: number): string {
  return `${clockFormat.format(from)}\u2013${clockFormat.format(to)}`;
}

/** A calendar day such as 2026-11-24; what is no day is shown as it came. */
export function calendarDay(date: string): string {
  const ms = Date.parse(`${date}T12:00:00`);
  return Number.isNaN(ms) ? shown(date, 40) : dayFormat.format(ms);
}

/** Like `shown`, for texts of several lines. */
export function shownLines(text: string, longest = 2000): string {
  return text.slice(0, longest).split(/\r?\n/u).slice(0, 40).map((line) => shown(line, longest)).join("\n")
    + (text.length > longest ? "\u2026" : "");
}
