// What this browser's storage is worth: whether there is any, whether it outlives the window, and
// whether the browser may empty it on its own account.

import { after } from "./time.js";

/**
 * persistent: the browser does not empty it by itself.
 * evictable: it may, when space is short or (Safari, in a tab) after seven days without a visit.
 * temporary: a private window; it ends with the window.
 * unavailable: there is none, as in Lockdown Mode or with cookies blocked.
 * unknown: the browser does not say.
 */
export type StorageKind = "persistent" | "evictable" | "temporary" | "unavailable" | "unknown";

/** What this browser's storage is worth. */
export interface StorageHealth {
  kind: StorageKind;
  persisted?: boolean;
  /** bytes, as the browser estimates them for this origin */
  usage?: number;
  /** bytes that the browser would let this origin have */
  quota?: number;
}

const PROBE = "pannier-probe";
const PROBE_MS_MAX = 5_000;

/** It does not change while a page lives, so it is tried once; a failed try is tried again. */
let trial: Promise<"kept" | "temporary" | "unavailable"> | undefined;

/**
 * Tries to put a Blob: WebKit refuses that in a private window and nowhere else. (Photos are
 * stored as plain bytes, which it takes.)
 */
function tryOut(): Promise<"kept" | "temporary" | "unavailable"> {
  return new Promise((resolve, reject) => {
    const calledOff = after(PROBE_MS_MAX, () => reject(new Error("the storage did not answer in time")));
    const end = (value: "kept" | "temporary" | "unavailable", database?: IDBDatabase): void => {
      calledOff();
      database?.close();
      if (database) indexedDB.deleteDatabase(PROBE);
      resolve(value);
    };
    try {
      const open = indexedDB.open(PROBE, 1);
      open.onupgradeneeded = () => void open.result.createObjectStore("probe");
      open.onerror = () => end("unavailable");
      open.onsuccess = () => {
        const database = open.result;
        try {
          const transaction = database.transaction("probe", "readwrite");
          transaction.oncomplete = () => end("kept", database);
          transaction.onabort = () => end(transaction.error?.name === "QuotaExceededError" ? "kept" : "temporary", database);
          transaction.objectStore("probe").put(new Blob(["probe"]), "blob");
        } catch {
          end("temporary", database);
        }
      };
    } catch {
      // No `indexedDB` at all, or it may not be touched.
      end("unavailable");
    }
  });
}

/**
 * Never rejects. Asks the browser anew each time; what it would be asked for by storing something is tried once.
 * @example if ((await storageHealth()).kind === "temporary") warn("Nothing here outlives this window");
 */
export async function storageHealth(): Promise<StorageHealth> {
  // Safari 17.4 refuses one at random now and then: what it refuses twice, it refuses.
  trial ??= tryOut().then((found) => (found === "temporary" ? tryOut() : found));
  trial.catch(() => { trial = undefined; });
  const storage = globalThis.navigator?.storage;
  const [tried, persisted, estimate] = await Promise.all([
    trial.catch(() => "kept" as const),
    storage?.persisted?.().catch(() => undefined),
    storage?.estimate?.().catch(() => undefined),
  ]);
  const { standalone } = globalThis.navigator as Navigator & { standalone?: boolean };
  return {
    kind: tried !== "kept" ? tried
      : persisted === true ? "persistent"
        // Only iOS has the second word: false is a tab of its Safari.
        : persisted === false || standalone === false ? "evictable" : "unknown",
    ...(persisted === undefined ? {} : { persisted }),
    ...(estimate?.usage === undefined ? {} : { usage: estimate.usage }),
    ...(estimate?.quota === undefined ? {} : { quota: estimate.quota }),
  };
}
