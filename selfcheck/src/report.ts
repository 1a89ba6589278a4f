// The report: one compact text that people and programs read (docs/devices.md has its words).
//
//   pannier-selfcheck 1
//   <name> <outcome>[ <value>]...[ -- <error's name>: <message>]
//
// It is written in 44 characters only, small letters among them, because a QR code holds a text of
// capitals and digits in two thirds of the room: `forQr` and back is one to one.

import type { Line } from "./outcome";

export const FIRST_LINE = "pannier-selfcheck 1";

/** In the characters of the report; what has none becomes a dot. */
const plain = (text: string): string => text.toLowerCase().replace(/[_|]/g, "-").replace(/;/g, ",").replace(/[^a-z0-9 \-+./:=,]/g, ".");

export const lineText = ({ name, outcome, values, error }: Line): string =>
  plain([name, outcome, ...values, ...(error === undefined ? [] : ["--", error])].join(" "));

export const reportText = (lines: Line[]): string => `${[FIRST_LINE, ...lines.map(lineText)].join("\n")}\n`;

const inQr: Record<string, string> = { "\n": "%", "=": "$", ",": "*" };

/** The same text in the characters of a QR code's dense mode. */
export const forQr = (report: string): string => report.toUpperCase().replace(/[\n=,]/g, (one) => inQr[one] ?? one);

/** How often each outcome came, in order of interest. */
export function tally(lines: Line[]): { outcome: Line["outcome"]; count: number }[] {
  const order: Line["outcome"][] = ["failed", "refused", "skipped", "absent", "ok"];
  return order.map((outcome) => ({ outcome, count: lines.filter((line) => line.outcome === outcome).length })).filter(({ count }) => count > 0);
}
