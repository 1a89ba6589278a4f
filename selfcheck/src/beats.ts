// A heart that beats once a second, in the page and in both workers, and what it tells afterwards:
// how often it did, and the longest time in which it did not.

export interface Beats {
  count: number;
  /** wall clock of the first and the last beat */
  firstAt: number;
  lastAt: number;
  /** between two beats, by the wall clock and by the clock that may stand still in a sleep */
  gapMs: number;
  gapMonoMs: number;
}

const BEAT_MS = 1_000;

export class Heart {
  readonly #onBeat: (beats: Beats) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #at = Date.now();
  #mono = performance.now();
  readonly #beats: Beats = { count: 0, firstAt: Date.now(), lastAt: Date.now(), gapMs: 0, gapMonoMs: 0 };

  constructor(onBeat: (beats: Beats) => void = () => undefined) {
    this.#onBeat = onBeat;
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
  }

  /** What it came to so far, a gap that still lasts included. */
  get beats(): Beats {
    const gapMs = Math.max(this.#beats.gapMs, Date.now() - this.#at);
    const gapMonoMs = gapMs === this.#beats.gapMs ? this.#beats.gapMonoMs : performance.now() - this.#mono;
    return { ...this.#beats, gapMs, gapMonoMs };
  }

  stop(): void { clearInterval(this.#timer); }

  #beat(): void {
    const at = Date.now();
    const mono = performance.now();
    const beats = this.#beats;
    if (at - this.#at > beats.gapMs) { beats.gapMs = at - this.#at; beats.gapMonoMs = mono - this.#mono; }
    this.#at = at;
    this.#mono = mono;
    beats.count += 1;
    beats.lastAt = at;
    this.#onBeat({ ...beats });
  }
}
