// Web Locks for the core, held on JavaScript's side: a core that trapped can release nothing, so
// its locks are released for it. Where a browser has none, every request is granted; the
// generation in the store is what protects the data, the lock only spares work.

import { after } from "../time.js";

/** What a request is known by: the core names it, so that it can give it back whether it was granted or not. */
type Ticket = number;

/** The locks of one core. */
export class Locks {
  readonly #prefix: string;
  /** asked for and not given back; what releases it, once it is granted */
  readonly #asked = new Map<Ticket, (() => void) | undefined>();

  /** `prefix`: names are shared by a whole origin, so each database has its own. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Whether it was granted: at once, stolen, or within `ms`. To be released by its ticket in any case. */
  request(ticket: Ticket, name: string, option?: "ifAvailable" | "steal", ms?: number): Promise<boolean> {
    const locks = globalThis.navigator?.locks;
    if (!locks) return Promise.resolve(true);
    this.#asked.set(ticket, undefined);
    return new Promise((resolve) => {
      const callOff = ms === undefined ? () => undefined : after(ms, () => {
        this.release(ticket);
        resolve(false);
      });
      const answer = (granted: boolean): void => {
        callOff();
        resolve(granted);
      };
      locks.request(`${this.#prefix}:${name}`, option === undefined ? {} : { [option]: true }, (lock) => {
        // Whoever gave up waiting must not keep what is granted later.
        if (!lock || !this.#asked.has(ticket)) {
          this.#asked.delete(ticket);
          answer(false);
          return undefined;
        }
        return new Promise<void>((done) => {
          this.#asked.set(ticket, done);
          answer(true);
        });
      // Being stolen from rejects; the fence tells the loser soon enough.
      }).catch(() => answer(false));
    });
  }

  release(ticket: Ticket): void {
    const done = this.#asked.get(ticket);
    this.#asked.delete(ticket);
    done?.();
  }

  releaseAll(): void {
    for (const ticket of [...this.#asked.keys()]) this.release(ticket);
  }
}
