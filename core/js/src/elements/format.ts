// Numbers, times and foreign texts as a person reads them. Clock times have 24 hours, in the phone's
// own time zone.

const clockFormat = new Intl.DateTimeFormat("sv-SE", { hour: "2-digit", minute: "2-digit" });
const dayClockFormat = new Intl.DateTimeFormat("sv-SE", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const relativeFormat = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * A moment (Unix milliseconds) as a clock shows it; with its day when it is not today's.
 * @example clockTime(Date.now()) // "14:05"
 */
export function clockTime(ms: number): string {
  return Math.abs(Date.now() - ms) < 20 * hour ? clockFormat.format(ms) : dayClockFormat.format(ms);
}

/**
 * How far away a moment (Unix milliseconds) is.
 * @example relativeTime(Date.now() - 300_000) // "5 min. ago"
 */
export function relativeTime(ms: number): string {
  const away = ms - Date.now();
  const size = Math.abs(away);
  if (size < 10_000) return away > 0 ? "now" : "just now";
  if (size < minute) return relativeFormat.format(Math.trunc(away / 1000), "second");
  if (size < hour) return relativeFormat.format(Math.trunc(away / minute), "minute");
  if (size < day) return relativeFormat.format(Math.trunc(away / hour), "hour");
  return clockTime(ms);
}

const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/**
 * A number of bytes, in units of 1,000.
 * @example byteSize(1_250_000) // "1,3 MB"
 */
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

/**
 * A text from a code or a backend: hidden characters visible, and cut at a length (characters) with an ellipsis.
 * @example shown("PN-7\u202eX") // "PN-7□X"
 */
export function shown(text: string, longest = 200): string {
  // Cutting first keeps a text of megabytes cheap; the spare covers pairs of surrogates.
  const characters = Array.from(text.slice(0, longest * 2 + 2));
  const cut = characters.length > longest || text.length > longest * 2 + 2;
  const kept = (cut ? characters.slice(0, longest) : characters).join("").replace(hiddenCharacters, "\u25a1");
  return cut ? `${kept}\u2026` : kept;
}

/**
 * A message of the core, which begins it in lower case, at the head of a line.
 * @example sentence("this stop has its outcome already") // "This stop has its outcome already"
 */
export function sentence(text: string, longest = 400): string {
  const [first = "", ...rest] = Array.from(shown(text, longest));
  return first.toLocaleUpperCase() + rest.join("");
}
