// How figures are written in the report: short, and the same everywhere. Milliseconds have no unit.

export const now = (): number => performance.now();

/** Below ten one decimal, else none: browsers round their clocks anyway. */
export const ms = (value: number): string => (value < 9.95 ? String(Math.round(value * 10) / 10) : String(Math.round(value)));

export const since = (began: number): string => ms(now() - began);

export const seconds = (milliseconds: number): string => `${Math.round(milliseconds / 100) / 10}s`;

export const yes = (value: unknown): string => (value === undefined ? "-" : value ? "y" : "n");

export function bytes(count: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${value < 10 && unit > 0 ? Math.round(value * 10) / 10 : Math.round(value)}${units[unit]}`;
}

/** `name=value`, or nothing where there is none: what a browser does not tell is left out. */
export const some = <T>(name: string, value: T | undefined, written: (value: T) => string = String): string[] => (value === undefined ? [] : [`${name}=${written(value)}`]);

export const sorted = (values: number[]): number[] => [...values].sort((a, b) => a - b);
/** `share` 0.5 is the median. */
export const quantile = (values: number[], share: number): number => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
export const mean = (values: number[]): number => values.reduce((sum, one) => sum + one, 0) / Math.max(values.length, 1);

/** A word as it may stand in a line: no spaces, no equals sign, not long. */
export const word = (text: string): string => text.replace(/[\s=]+/g, "-").slice(0, 24) || "-";

/** Runs in the page's or worker's own time until it has happened `count` times; gives each one's milliseconds. */
export async function timed(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const began = now();
    await work();
    times.push(now() - began);
  }
  return times;
}
