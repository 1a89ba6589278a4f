// Numbers, times and foreign texts as a person reads them. Clock times are Swedish (24 hours) in
// the phone's own time zone; words around them are English until the texts are translated.

import { texts } from "./texts";

const clockFormat = new Intl.DateTimeFormat("sv-SE", { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "long" });
const dayClockFormat = new Intl.DateTimeFormat("sv-SE", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const relativeFormat = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export function clockTime(ms: number): string {
  return Math.abs(Date.now() - ms) < 20 * hour ? clockFormat.format(ms) : dayClockFormat.format(ms);
}

export function timeSpan(from: number, to: number): string {
  return `${clockFormat.format(from)}\u2013${clockFormat.format(to)}`;
}

/** A calendar day such as 2026-11-24; what is no day is shown as it came. */
export function calendarDay(date: string): string {
  const ms = Date.parse(`${date}T12:00:00`);
  return Number.isNaN(ms) ? shown(date, 40) : dayFormat.format(ms);
}

/** "just now", "5 min. ago", "in 2 min." */
export function relativeTime(ms: number): string {
  const away = ms - Date.now();
  const size = Math.abs(away);
  if (size < 10_000) return away > 0 ? texts.common.now : texts.common.justNow;
  if (size < minute) return relativeFormat.format(Math.trunc(away / 1000), "second");
  if (size < hour) return relativeFormat.format(Math.trunc(away / minute), "minute");
  if (size < day) return relativeFormat.format(Math.trunc(away / hour), "hour");
  return clockTime(ms);
}

const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

export function byteSize(bytes: number): string {
  let step = 0;
  let value = bytes;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return new Intl.NumberFormat("sv-SE", {
    style: "unit", unit: units[step] ?? "byte", unitDisplay: "short", maximumFractionDigits: value < 10 && step > 1 ? 1 : 0,
  }).format(value);
}

// Control characters, line separators and the marks that turn the direction of text could make one
// code look like another; they are shown as a box instead.
const hiddenCharacters = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** A text from a code or a backend: hidden characters visible, and cut at a length with an ellipsis. */
export function shown(text: string, longest = 200): string {
  // Cutting first keeps a text of megabytes cheap; the spare covers pairs of surrogates.
  const characters = Array.from(text.slice(0, longest * 2 + 2));
  const cut = characters.length > longest || text.length > longest * 2 + 2;
  const kept = (cut ? characters.slice(0, longest) : characters).join("").replace(hiddenCharacters, "\u25a1");
  return cut ? `${kept}\u2026` : kept;
}

/** A message of the core, which begins it in lower case, at the head of a line. */
export function sentence(text: string, longest = 400): string {
  const [first = "", ...rest] = Array.from(shown(text, longest));
  return first.toLocaleUpperCase() + rest.join("");
}

/** Like `shown`, for texts of several lines. */
export function shownLines(text: string, longest = 2000): string {
  return text.slice(0, longest).split(/\r?\n/u).slice(0, 40).map((line) => shown(line, longest)).join("\n")
    + (text.length > longest ? "\u2026" : "");
}
