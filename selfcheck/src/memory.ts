// What a page that is thrown away leaves behind for the next one: how far the check had come. Kept
// in localStorage, since that is written at once and without asking anybody.

import type { Line } from "./outcome";

export interface Memory {
  /** of this record's shape */
  v: 1;
  phase: "steps" | "sleep" | "done";
  startedAt: number;
  lines: Line[];
  /** the step that runs */
  step?: string;
  /** the sleep's beginning, its last sign of life, and its worker's boot mark */
  sleepAt?: number;
  lastAt?: number;
  boot?: string;
}

const KEY = "pannier-selfcheck";
/** An older one tells nobody anything. */
const AGE_MS_MAX = 24 * 60 * 60 * 1000;

export function remember(memory: Memory): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(memory));
  } catch {
    // Without it the check runs as well; only a page that dies has then nothing to tell.
  }
}

export function recall(): Memory | undefined {
  try {
    const memory = JSON.parse(localStorage.getItem(KEY) ?? "null") as Memory | null;
    if (memory?.v !== 1 || !Array.isArray(memory.lines) || !(Date.now() - memory.startedAt < AGE_MS_MAX)) return undefined;
    return memory;
  } catch {
    return undefined;
  }
}

export function forget(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // It was not there either.
  }
}
