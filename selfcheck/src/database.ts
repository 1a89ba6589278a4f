// The check's own databases, by plain IndexedDB: what is measured here is the browser, not our
// adapter. Their names begin alike, and none is the app's.

import { Absent } from "./outcome";

export const databases = {
  plain: "pannier-selfcheck",
  sleep: "pannier-selfcheck-sleep",
  beats: "pannier-selfcheck-beats",
  core: "pannier-selfcheck-core",
  coreInWorker: "pannier-selfcheck-core-worker",
  coreInServiceWorker: "pannier-selfcheck-core-sw",
};

const STORE = "things";

export function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (typeof indexedDB === "undefined") throw new Absent("IndexedDB");
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => void request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("open failed"));
    request.onblocked = () => reject(new Error("open is blocked"));
  });
}

export type Durability = "strict" | "relaxed";

/** One put in one transaction; gives the durability that the transaction itself names, once it is complete. */
export function put(database: IDBDatabase, key: string, value: unknown, durability: Durability): Promise<string> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, "readwrite", { durability });
    transaction.oncomplete = () => resolve(transaction.durability ?? "-");
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
    const request = transaction.objectStore(STORE).put(value, key);
    // Else the page would be told of an error that is already in hand.
    request.onerror = (event) => event.preventDefault();
    request.addEventListener("error", () => { try { transaction.abort(); } catch { /* it is over already */ } reject(request.error ?? new Error("put failed")); });
  });
}

export function get(database: IDBDatabase, key: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = database.transaction(STORE, "readonly").objectStore(STORE).get(key);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("get failed"));
  });
}

/** How long one that is about to let go is waited for: a worker that was ended closes in its own time. */
const BLOCKED_MS_MAX = 3_000;

/** Never rejects: one that somebody still holds goes when he lets go. */
export function remove(name: string): Promise<void> {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.deleteDatabase(name);
      request.onsuccess = request.onerror = () => resolve();
      request.onblocked = () => void setTimeout(resolve, BLOCKED_MS_MAX);
    } catch {
      resolve();
    }
  });
}
