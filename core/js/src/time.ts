// Time that has passed, on a phone that sleeps. While iOS suspends a page its timers stand still,
// `AbortSignal.timeout` and `performance.now()` with them; only the wall clock goes on. So a wait is
// cut into short pieces, and after each the wall clock is asked.

/** The longest piece, and so the longest that a wait outlasts the end of a sleep. */
const PIECE_MS = 1_000;
/** A piece that took so much longer by the wall clock was a sleep, or the clock was set. */
const SLEPT_MS = 5_000;

/**
 * Calls `done` once `ms` milliseconds have passed, told whether the phone slept meanwhile.
 * The function it returns calls it off.
 */
export function after(ms: number, done: (slept: boolean) => void): () => void {
  const began = Date.now();
  // The timers' own time: a wall clock that is set back must not make the wait endless.
  let left = ms;
  let slept = false;
  let timer: ReturnType<typeof setTimeout>;
  const piece = (): void => {
    const length = Math.min(left, PIECE_MS);
    const at = Date.now();
    timer = setTimeout(() => {
      left -= length;
      slept ||= Date.now() - at > length + SLEPT_MS;
      if (left <= 0 || Date.now() - began >= ms) done(slept);
      else piece();
    }, length);
  };
  piece();
  return () => clearTimeout(timer);
}

/**
 * Aborts after `ms` milliseconds, however much of them the phone slept.
 * @example await fetch("/config.json", { signal: deadline(4_000) });
 */
export function deadline(ms: number): AbortSignal {
  const controller = new AbortController();
  after(ms, () => controller.abort(new DOMException(`no answer within ${ms} ms`, "TimeoutError")));
  return controller.signal;
}
