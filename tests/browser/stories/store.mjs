// The truth on the phone, read past the app: its IndexedDB database as it lies there.

import { evaluate } from "../lib/index.mjs";

/** All records of these object stores, in one transaction, so that nothing moves between them meanwhile. */
const rows = `(...stores) => new Promise((resolve, reject) => {
  const open = indexedDB.open("pannier");
  // Opened without a version: nothing is made here that the app did not make.
  open.onupgradeneeded = () => { open.transaction.abort(); };
  open.onerror = () => resolve([]);
  open.onsuccess = () => {
    const database = open.result;
    const transaction = database.transaction(stores);
    const answers = stores.map((store) => transaction.objectStore(store).getAll());
    transaction.oncomplete = () => { database.close(); resolve(answers.flatMap(({ result }) => result)); };
    transaction.onabort = () => { database.close(); reject(transaction.error); };
  };
})`;

const bodies = async (driver, ...stores) =>
  (await evaluate(driver, `async (stores) => (await (${rows})(...stores)).map(({ b }) => b)`, stores)).map((body) => JSON.parse(body));

/** Every operation, sent or not, in the order of recording. */
export const operations = async (driver) =>
  (await bodies(driver, "operations", "settled")).sort((one, other) => one.seq - other.seq);

/** Who is signed in, tokens and all. */
export const session = async (driver) => (await bodies(driver, "session")).find(({ token }) => token !== undefined);

/** What woke page and worker, as it was written down; nobody is asked for it, so nobody is woken by the question. */
export const wakeRecords = (driver) => bodies(driver, "wakes");

export const drafts = (driver) => bodies(driver, "drafts");

/** handle: the SHA-256 of the bytes that lie in the store, counted anew */
export const storedPictures = (driver) => evaluate(driver, `async () => {
  const found = {};
  for (const { k, d } of await (${rows})("blob_data")) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", d));
    found[k.at(-1)] = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  return found;
}`);

/** Everything as it lies there: { schema, stores: { name: records } }, bytes as `{ base64 }`. */
export const wholeStore = (driver) => evaluate(driver, `() => new Promise((resolve, reject) => {
  const base64 = (bytes) => btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(""));
  const open = indexedDB.open("pannier");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const database = open.result;
    const names = [...database.objectStoreNames];
    const transaction = database.transaction(names);
    const answers = names.map((name) => transaction.objectStore(name).getAll());
    transaction.oncomplete = () => {
      const plain = (record) => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value instanceof ArrayBuffer ? { base64: base64(value) } : value]));
      const stores = Object.fromEntries(names.map((name, place) => [name, answers[place].result.map(plain)]));
      database.close();
      resolve({ schema: database.version, stores });
    };
    transaction.onabort = () => reject(transaction.error);
  };
})`);

/** Puts such a store where there is none yet, as the browser of a phone would have it. */
export const putStore = (driver, dump) => evaluate(driver, `(dump) => new Promise((resolve, reject) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const open = indexedDB.open("pannier", dump.schema);
  open.onerror = () => reject(open.error);
  open.onupgradeneeded = () => {
    for (const [name, records] of Object.entries(dump.stores)) {
      const store = open.result.createObjectStore(name, { keyPath: "k" });
      for (const record of records) store.put(Object.fromEntries(Object.entries(record).map(([field, value]) => [field, value?.base64 === undefined ? value : bytes(value.base64)])));
    }
  };
  open.onsuccess = () => { open.result.close(); resolve(); };
})`, dump);

/** What waits grows so much older: its lanes say when it was recorded. (Firefox's driver has no hand on the page's own clock.) */
export const grow = (driver, ms) => evaluate(driver, `(ms) => new Promise((resolve, reject) => {
  const open = indexedDB.open("pannier");
  open.onsuccess = () => {
    const transaction = open.result.transaction(["lanes", "meta"], "readwrite");
    const [lanes, meta] = [transaction.objectStore("lanes"), transaction.objectStore("meta")];
    // As every commit does: a client that remembers what it read goes by this.
    meta.get(["", "revision"]).onsuccess = ({ target: { result } }) => { meta.put({ ...result, r: result.r + 1, b: String(result.r + 1) }); };
    lanes.getAll().onsuccess = ({ target }) => {
      for (const lane of target.result) {
        // As text: what is never due has a number that JavaScript would round.
        const b = lane.b.replace(/"recordedAt":(\\d+)/u, (_, at) => '"recordedAt":' + (at - ms));
        lanes.put({ ...lane, b });
      }
    };
    transaction.oncomplete = () => { open.result.close(); resolve(); };
    transaction.onabort = () => reject(transaction.error);
  };
})`, ms);
