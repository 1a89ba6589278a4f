// Times and foreign texts as this page shows them: those of the package.

import { shown } from "pannier/elements";
import { calendarDay as dayInWords } from "pannier/texts";

export { sentence, shown } from "pannier/elements";
export { byteSize, clockTime, relativeTime, seconds, timeSpan } from "pannier/texts";

/** A calendar day such as 2026-11-24; what is no day is shown as it came. */
export function calendarDay(date: string): string {
  return dayInWords(date) ?? shown(date, 40);
}

/** Like `shown`, for texts of several lines. */
export function shownLines(text: string, longest = 2000): string {
  return text.slice(0, longest).split(/\r?\n/u).slice(0, 40).map((line) => shown(line, longest)).join("\n")
    + (text.length > longest ? "\u2026" : "");
}
