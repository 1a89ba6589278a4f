// Numbers and times as the spoken language writes them, by the platform's Intl. Clock times have 24
// hours in every language, in the phone's own time zone: a courier's day has no "p.m.".

interface Formats {
  clock: Intl.DateTimeFormat;
  dayClock: Intl.DateTimeFormat;
  day: Intl.DateTimeFormat;
  relative: Intl.RelativeTimeFormat;
  list: Intl.ListFormat;
  plural: Intl.PluralRules;
}

let locale = "en-GB";

/** What all of these go by from now on: a BCP 47 tag. */
export function useLocale(tag: string): void {
  locale = tag;
}

const made = new Map<string, Formats>();

/** Making one of these is slow, so each language has its own once. */
function formats(): Formats {
  let found = made.get(locale);
  if (!found) {
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
    found = {
      clock: new Intl.DateTimeFormat(locale, clock),
      dayClock: new Intl.DateTimeFormat(locale, { ...clock, month: "short", day: "numeric" }),
      day: new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short" }),
      relative: new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" }),
      list: new Intl.ListFormat(locale, { type: "unit", style: "short" }),
      plural: new Intl.PluralRules(locale),
    };
    made.set(locale, found);
  }
  return found;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * A moment (Unix milliseconds) as a clock shows it; with its day when it is not today's.
 * @example clockTime(Date.now()) // "14:05"
 */
export function clockTime(ms: number): string {
  const { clock, dayClock } = formats();
  return Math.abs(Date.now() - ms) < 20 * hour ? clock.format(ms) : dayClock.format(ms);
}

/**
 * Two moments (Unix milliseconds) of one day: "09:00–11:30".
 * @example timeSpan(window.from, window.to) // "09:00–11:30"
 */
export function timeSpan(from: number, to: number): string {
  const { clock } = formats();
  return `${clock.format(from)}\u2013${clock.format(to)}`;
}

/**
 * A calendar day such as 2026-11-24 in words; what is no day gives `undefined`.
 * @example calendarDay("2026-11-24") // "Tue 24 Nov"
 */
export function calendarDay(date: string): string | undefined {
  const ms = Date.parse(`${date}T12:00:00`);
  return Number.isNaN(ms) ? undefined : formats().day.format(ms);
}

/**
 * How far away a moment (Unix milliseconds) is.
 * @example relativeTime(Date.now() - 300_000) // "5 min ago"
 */
export function relativeTime(ms: number): string {
  const away = ms - Date.now();
  const size = Math.abs(away);
  const { relative } = formats();
  if (size < 10_000) return relative.format(0, "second");
  if (size < minute) return relative.format(Math.trunc(away / 1000), "second");
  if (size < hour) return relative.format(Math.trunc(away / minute), "minute");
  if (size < day) return relative.format(Math.trunc(away / hour), "hour");
  return clockTime(ms);
}

/**
 * How long something took, given in milliseconds: "0.9 s".
 * @example seconds(940) // "0.9 s"
 */
export function seconds(ms: number): string {
  return `${new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(ms / 1000)} s`;
}

const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/**
 * A number of bytes, in units of 1,000.
 * @example byteSize(1_250_000) // "1.3 MB"
 */
export function byteSize(bytes: number): string {
  let step = 0;
  let value = bytes;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return new Intl.NumberFormat(locale, {
    style: "unit", unit: units[step] ?? "byte", unitDisplay: "short", maximumFractionDigits: value < 10 && step > 1 ? 1 : 0,
  }).format(value);
}

/**
 * A number with its noun, as the language's plural rules say: `count(2, "parcel", "parcels")`.
 * @example count(2, "parcel", "parcels") // "2 parcels"
 */
export function count(number: number, one: string, other: string): string {
  return `${number} ${formats().plural.select(number) === "one" ? one : other}`;
}

/**
 * Several things in one line: "2 recordings, 1 stop".
 * @example listed(["2 recordings", "1 stop"]) // "2 recordings, 1 stop"
 */
export function listed(things: readonly string[]): string {
  return formats().list.format(things);
}
