// The report: one compact text that people and programs read (docs/devices.md has its words).
//
//   pannier-selfcheck 1
//   <name> <outcome>[ <value>]...[ ! <error's name>: <message>]

import type { Line } from "./outcome";

export const FIRST_LINE = "pannier-selfcheck 1";

export const lineText = ({ name, outcome, values, error }: Line): string =>
  [name, outcome, ...values, ...(error === undefined ? [] : ["!", error])].join(" ");

export const reportText = (lines: Line[]): string => `${[FIRST_LINE, ...lines.map(lineText)].join("\n")}\n`;

/** How often each outcome came, in order of interest. */
export function tally(lines: Line[]): { outcome: Line["outcome"]; count: number }[] {
  const order: Line["outcome"][] = ["failed", "refused", "skipped", "absent", "ok"];
  return order.map((outcome) => ({ outcome, count: lines.filter((line) => line.outcome === outcome).length })).filter(({ count }) => count > 0);
}
