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

/** What `afterAll` looks after. */
const awaited = new Set<{ left: number; readonly until: number; readonly done: () => void }>();
let looking = false;

/** One timer for all of them: setting and clearing one for each costs as much as some of what they wait for. */
function look(): void {
  if (looking || awaited.size === 0) return;
  looking = true;
  setTimeout(() => {
    looking = false;
    for (const one of awaited) {
      one.left -= PIECE_MS;
      if (one.left > 0 && Date.now() < one.until) continue;
      awaited.delete(one);
      one.done();
    }
    look();
  }, PIECE_MS);
}

/**
 * As `after`, but up to a second late: for the many waits that end long before.
 * The function it returns calls it off.
 */
export function afterAll(ms: number, done: () => void): () => void {
  // A timer that runs already looks before a whole second has passed.
  const one = { left: ms + PIECE_MS, until: Date.now() + ms, done };
  awaited.add(one);
  look();
  return () => void awaited.delete(one);
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
