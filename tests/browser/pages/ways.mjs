// WebKit's ways, put into a page on purpose: what the browser's interfaces do on an iPhone after a
// suspension, in a locked down phone, or over a network process that died. Each spoils only what it
// names. They are bundled into the page, since a driver's own scripts may run in a realm of theirs.

const plain = {
  transaction: IDBDatabase.prototype.transaction,
  open: IDBFactory.prototype.open,
  put: IDBObjectStore.prototype.put,
  now: Date.now,
};

/** Nothing comes of it any more: its events find no listener. */
const deafen = (target, ...types) => {
  for (const type of types) Object.defineProperty(target, `on${type}`, { set() {}, get: () => null });
};

const seen = { deadUses: 0, openings: 0 };
export const counts = () => ({ ...seen });

/** What a use of the store's present connection does; a fresh one is sound. */
const deaths = {
  // after a crash of WebKit's network process
  lost() { throw new DOMException("Connection to Indexed Database server lost. Refresh the page to try again", "UnknownError"); },
  // it was closed, and no event told so
  closed: (connection, given) => {
    connection.close();
    return plain.transaction.apply(connection, given);
  },
  // it closes a moment later, and the browser tells
  told: (connection, given) => {
    setTimeout(() => {
      connection.close();
      connection.dispatchEvent(new Event("close"));
    }, 0);
    return plain.transaction.apply(connection, given);
  },
  // its transactions are stopped, as idle ones are at a suspension
  stopped: (connection, given) => {
    const transaction = plain.transaction.apply(connection, given);
    queueMicrotask(() => { try { transaction.abort(); } catch { /* it has ended */ } });
    return transaction;
  },
  // its requests throw, as after a suspension
  unknown: (connection, given) => overRequests(plain.transaction.apply(connection, given), () => {
    throw new DOMException("Attempt to get a record from database without an in-progress transaction", "UnknownError");
  }),
  // its transactions never answer
  stalled: (connection, given) => {
    const transaction = plain.transaction.apply(connection, given);
    deafen(transaction, "complete", "abort", "error");
    return overRequests(transaction, (make) => {
      const request = make();
      deafen(request, "success", "error");
      return request;
    });
  },
};

function overRequests(transaction, work) {
  const stores = transaction.objectStore;
  transaction.objectStore = (name) => {
    const store = stores.call(transaction, name);
    for (const method of ["get", "getAll", "put", "delete", "openCursor"]) {
      const request = store[method];
      Object.defineProperty(store, method, { value: (...given) => work(() => request.apply(store, given)) });
    }
    return store;
  };
  return transaction;
}

export function deadConnection(how, name = "pannier") {
  let dead;
  seen.deadUses = 0;
  IDBDatabase.prototype.transaction = function (...given) {
    if (this.name === name) dead ??= this;
    if (this !== dead || (how === "told" && seen.deadUses > 0)) return plain.transaction.apply(this, given);
    seen.deadUses += 1;
    return deaths[how](this, given);
  };
}

const failures = {
  thrown() { throw new DOMException("the database could not be touched", "UnknownError"); },
  rejected(factory) {
    const request = plain.open.call(factory, `doomed-${Math.random()}`, 1);
    request.addEventListener("upgradeneeded", () => request.transaction.abort());
    return request;
  },
  blocked(factory) {
    const request = failures.hung(factory, "success", "error", "upgradeneeded");
    setTimeout(() => request.dispatchEvent(new IDBVersionChangeEvent("blocked", { oldVersion: 1, newVersion: 2 })), 0);
    return request;
  },
  hung(factory, ...events) {
    const request = plain.open.call(factory, `hung-${Math.random()}`, 1);
    deafen(request, ...(events.length ? events : ["success", "error", "upgradeneeded", "blocked"]));
    return request;
  },
};

/** The next `times` openings fail as `how` says; all of them are counted. */
export function badOpenings(how, times, name = "pannier") {
  seen.openings = 0;
  IDBFactory.prototype.open = function (wanted, ...rest) {
    if (wanted !== name) return plain.open.call(this, wanted, ...rest);
    seen.openings += 1;
    return seen.openings > times ? plain.open.call(this, wanted, ...rest) : failures[how](this);
  };
}

/**
 * From now on a put fails for want of space: at once ("thrown"), at once but for the first of each
 * transaction ("thrown midway"), or by its transaction ("aborted").
 */
export function noSpace(how) {
  // Older browsers have a DOMException of that name, newer ones a class of its own.
  const full = () => (typeof QuotaExceededError === "function" ? new QuotaExceededError("no space") : new DOMException("no space", "QuotaExceededError"));
  const begun = new WeakSet();
  IDBObjectStore.prototype.put = function (...given) {
    const { transaction } = this;
    if (how === "thrown" || begun.has(transaction)) throw full();
    if (how === "thrown midway") {
      begun.add(transaction);
      return plain.put.apply(this, given);
    }
    Object.defineProperty(transaction, "error", { configurable: true, get: full });
    // The browser finds it out while it writes, so after a page has asked for the end.
    transaction.commit = () => undefined;
    queueMicrotask(() => { try { transaction.abort(); } catch { /* another put of it came first */ } });
    return plain.put.apply(this, given);
  };
}

export function spaceAgain() { IDBObjectStore.prototype.put = plain.put; }

const absences = {
  undefined: () => undefined,
  null: () => null,
  "throwing when touched": () => { throw new DOMException("The operation is insecure.", "SecurityError"); },
  "throwing when opened": () => ({ open() { throw new DOMException("The operation is insecure.", "SecurityError"); } }),
};
export const kindsOfAbsence = () => Object.keys(absences);
/** Lockdown Mode, or storage that the settings forbid. */
export function noStorage(how) {
  Object.defineProperty(globalThis, "indexedDB", { configurable: true, get: absences[how] });
}

/** Timers and both clocks run `factor` times as fast: long deadlines come soon. */
export function fastTime(factor) {
  const timer = globalThis.setTimeout;
  const own = performance.now.bind(performance);
  const [wall, since] = [plain.now(), own()];
  globalThis.setTimeout = (work, ms = 0, ...given) => timer(work, ms / factor, ...given);
  Date.now = () => Math.round(wall + (own() - since) * factor);
  performance.now = () => since + (own() - since) * factor;
}

let slept = 0;
/** The phone has slept for so long: timers and the page's own clock stood still, the wall clock went on. */
export function sleepFor(ms) {
  slept += ms;
  Date.now = () => plain.now() + slept;
}

/** A context that drains nothing takes the lock of Anna's drains and never lets go of it. */
export const keepLock = () => new Promise((resolve, reject) => {
  const keeper = new Worker("/keeper.js");
  keeper.onmessage = resolve;
  keeper.onerror = ({ message }) => reject(new Error(`the keeper: ${message}`));
}).then(() => undefined);
