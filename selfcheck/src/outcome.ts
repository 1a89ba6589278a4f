// What a step came to, and how it is run: it can fail, be refused by the person, be skipped or take
// too long, and none of that stops the next one. What it noted until then stays in its line.

export type Outcome = "ok" | "absent" | "refused" | "failed" | "skipped";

export interface Line { name: string; outcome: Outcome; values: string[]; error?: string }

/** Adds a value to the line of the step that runs. */
export type Note = (...values: string[]) => void;

/** This browser has no such thing. */
export class Absent extends Error {
  constructor(what: string) {
    super(what);
    this.name = "Absent";
  }
}

/** It makes no sense here and now: what it needs did not come about. */
export class Skipped extends Error {}

const ERROR_CHARS_MAX = 48;

/** `Name: message`, short, on one line, without addresses. */
export function errorText(error: unknown): string {
  const [name, message] = error instanceof Error || error instanceof DOMException ? [error.name, error.message] : ["Error", String(error)];
  return `${name}: ${message}`.replace(/\b(?:https?|wss?|blob):\S*/g, "...").replace(/\s+/g, " ").slice(0, ERROR_CHARS_MAX).trim();
}

/** An API that is not there often shows itself by this alone. */
const refusals = new Set(["NotAllowedError", "PermissionDeniedError", "SecurityError"]);

function outcomeOf(error: unknown): Outcome {
  if (error instanceof Absent) return "absent";
  if (error instanceof Skipped) return "skipped";
  if (typeof GeolocationPositionError !== "undefined" && error instanceof GeolocationPositionError) return error.code === 1 ? "refused" : "failed";
  if (error instanceof Error && "code" in error) {
    if (error.code === "camera_denied") return "refused";
    if (error.code === "camera_absent") return "absent";
  }
  if (error instanceof Error || error instanceof DOMException) return refusals.has(error.name) ? "refused" : "failed";
  return "failed";
}

/** A position's error has neither a name nor, in every browser, a message. */
function known(error: unknown): unknown {
  if (typeof GeolocationPositionError === "undefined" || !(error instanceof GeolocationPositionError)) return error;
  const named = new Error(error.message || "no position");
  named.name = ["", "PermissionDenied", "PositionUnavailable", "Timeout"][error.code] ?? "PositionError";
  return named;
}

export interface Run {
  name: string;
  deadlineMs: number;
  /** aborts when the person taps Skip */
  skip: AbortSignal;
  /** `signal` aborts when nobody waits for this any more */
  work: (note: Note, signal: AbortSignal) => Promise<void>;
}

export async function runStep({ name, deadlineMs, skip, work }: Run): Promise<Line> {
  const values: string[] = [];
  const over = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await Promise.race([
      // Begins within the caller's own turn: a permission is asked for in the tap itself.
      (async () => work((...more) => { if (!over.signal.aborted) values.push(...more); }, over.signal))(),
      new Promise((_, reject) => {
        const late = new Error(`no end within ${deadlineMs / 1000} s`);
        late.name = "Deadline";
        timer = setTimeout(() => reject(late), deadlineMs);
      }),
      new Promise((_, reject) => {
        if (skip.aborted) reject(skip);
        skip.addEventListener("abort", () => reject(skip), { once: true });
      }),
    ]);
    return { name, outcome: "ok", values };
  } catch (error) {
    if (error === skip) return { name, outcome: "skipped", values };
    const outcome = outcomeOf(error);
    // A thing that is absent has no more to say.
    return { name, outcome, values, ...(outcome === "absent" || outcome === "skipped" ? {} : { error: errorText(known(error)) }) };
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

/** The promise's value, or a failure with these words. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`${what}: no end within ${ms / 1000} s`)), ms); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
