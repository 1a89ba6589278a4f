// Web Locks for the core, held on JavaScript's side: a core that trapped can release nothing, so
// its locks are released for it. Where a browser has none, every request is granted; the
// generation in the store is what protects the data, the lock only spares work.

const held = new Set<() => void>();

/** Resolves with what releases the lock, or with null when it is not to be had. */
export function requestLock(name: string, option?: "ifAvailable" | "steal"): Promise<(() => void) | null> {
  const locks = globalThis.navigator?.locks;
  if (!locks) return Promise.resolve(() => undefined);
  return new Promise((resolve) => {
    const options: LockOptions = option === undefined ? {} : { [option]: true };
    locks.request(name, options, (lock) => {
      if (!lock) {
        resolve(null);
        return undefined;
      }
      return new Promise<void>((done) => {
        const release = (): void => {
          held.delete(release);
          done();
        };
        held.add(release);
        resolve(release);
      });
    // Being stolen from rejects; the fence tells the loser soon enough.
    }).catch(() => resolve(null));
  });
}

/** For a core that is gone and can release nothing. */
export function releaseAllLocks(): void {
  for (const release of [...held]) release();
}
