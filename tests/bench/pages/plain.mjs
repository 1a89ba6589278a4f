// What an app would write that does by hand what the core does: the same stores, the same
// conditions, the same durability, in plain JavaScript. The other side of every ratio.

const STORES = ["meta", "operations", "lanes", "settled", "blobs", "blob_data", "drafts", "stops", "session", "profiles", "wakes", "quarantine"];
const ACCOUNT = "c-1";
const REVISION = ["", "revision"], COUNTERS = [ACCOUNT, "counters"], LEASE = [ACCOUNT, "lease"];

const opened = (request) => new Promise((resolve, reject) => {
  request.onupgradeneeded = () => { for (const name of STORES) request.result.createObjectStore(name, { keyPath: "k" }); };
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Reads `wanted` ([store, key] each), lets `work` decide what is written ([store, key, type, value];
 * without a value it is deleted), all in one transaction that is complete when this resolves.
 */
function change(database, stores, durability, wanted, work) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(stores, "readwrite", { durability });
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("stale"));
    const found = [];
    let left = wanted.length;
    wanted.forEach(([store, key], index) => {
      const request = transaction.objectStore(store).get(key);
      request.onsuccess = () => {
        found[index] = request.result;
        left -= 1;
        if (left > 0) return;
        const values = found.map((record) => record && JSON.parse(record.b));
        const revision = (values[0] ?? 0) + 1;
        for (const [name, key_, type, value] of [...work(values, found), ["meta", REVISION, "revision", revision]]) {
          if (value === undefined) transaction.objectStore(name).delete(key_);
          else transaction.objectStore(name).put(type === null ? { k: key_, ...value } : { k: key_, r: revision, v: 1, t: type, b: JSON.stringify(value) });
        }
      };
    });
  });
}

export async function openPlain(name) {
  const database = await opened(indexedDB.open(name, 1));
  const lanes = new Map();

  const mirror = (stop, index) => ({
    gone: false,
    mirror: { address: { city: "", name: stop, postalCode: "", street: "" }, id: stop, kind: "delivery", parcels: [], proof: { overridable: false, photo: "optional", scan: "optional", signature: "optional" }, sequence: index + 1, status: "open" },
    progress: { carried: [], loaded: {}, notes: [], photos: [], scanned: {} },
  });

  const plain = {
    route: (stops) => change(database, ["meta", "stops"], "strict", [["meta", REVISION]], () => [
      ["meta", COUNTERS, "counters", { nextSeq: 1 }], ["meta", LEASE, "lease", { expiresAt: 0, generation: 1 }],
      ...stops.map((stop, index) => ["stops", [ACCOUNT, stop], "stop", mirror(stop, index)]),
    ]),

    async record(intent, blob) {
      const { stop } = intent, lane = `stop/${stop}`;
      // What is minted and stamped outside.
      const id = crypto.randomUUID(), at = Date.now();
      let seq;
      await change(database, ["meta", "operations", "lanes", "stops", ...(blob ? ["blobs"] : [])], "strict", [
        ["meta", REVISION], ["meta", COUNTERS], ["lanes", [ACCOUNT, lane]], ["stops", [ACCOUNT, stop]], ...(blob ? [["blobs", [ACCOUNT, blob.handle]]] : []),
      ], ([, counters, summary, place, meta]) => {
        seq = counters.nextSeq;
        const operation = {
          account: ACCOUNT, attemptCount: 0, attempts: [], failures: 0, id, intent, lane, recorded: { at }, seq, steps: [],
          state: { due_at: at, floor_at: at, is: "waiting" }, ...(blob ? { blob: { handle: blob.handle, mediaType: meta.mediaType, bytes: meta.bytes, sha256: meta.sha256 } } : {}),
        };
        const bytes = JSON.stringify(intent).length + (meta?.bytes ?? 0);
        const now = summary ?? { bytes: 0, count: 0, head: { dueAt: at, floorAt: at, is: "waiting", recordedAt: at, seq }, id: lane, stop };
        if (blob) place.progress.photos.push(blob.handle); else place.progress.notes.push({ seq, text: intent.text });
        return [
          ["meta", COUNTERS, "counters", { nextSeq: seq + 1 }], ["operations", [ACCOUNT, lane, seq], "operation", operation],
          ["lanes", [ACCOUNT, lane], "lane", { ...now, bytes: now.bytes + bytes, count: now.count + 1 }], ["stops", [ACCOUNT, stop], "stop", place],
          ...(blob ? [["blobs", [ACCOUNT, blob.handle], "blob", { ...meta, pinnedBy: seq }]] : []),
        ];
      });
      lanes.set(lane, [...(lanes.get(lane) ?? []), { seq, stop, id, text: intent.text }]);
    },

    async stage(bytes) {
      const handle = crypto.randomUUID(), sha256 = hex(await crypto.subtle.digest("SHA-256", bytes));
      await change(database, ["meta", "blobs", "blob_data"], "strict", [["meta", REVISION]], () => [
        ["blobs", [ACCOUNT, handle], "blob", { account: ACCOUNT, handle, mediaType: "image/jpeg", bytes: bytes.byteLength, sha256, stagedAt: Date.now() }],
        ["blob_data", [ACCOUNT, handle], null, { d: bytes, m: "image/jpeg" }],
      ]);
      return { handle };
    },

    /** Sends everything: an attempt on record before its bytes leave, its verdict with the next attempt of the lane. */
    async replay(send, inFlight) {
      const queue = [...lanes.entries()];
      lanes.clear();
      const attempt = (operation) => ({ ...operation, attemptCount: 1, attempts: [{ number: 1, purpose: "send", startedAt: Date.now(), step: "send", trigger: "manual" }], profile: "1", state: { attempt: 1, expires_at: Date.now() + 35_000, generation: 1, is: "in_flight", purpose: "send" } });
      const one = async () => {
        for (let next = queue.shift(); next; next = queue.shift()) {
          const [lane, all] = next;
          const key = (seq) => [ACCOUNT, lane, seq];
          await change(database, ["meta", "operations", "lanes"], "relaxed", [["meta", REVISION], ["meta", LEASE], ["operations", key(all[0].seq)], ["lanes", [ACCOUNT, lane]]],
            ([, lease, head, summary]) => [["operations", key(all[0].seq), "operation", attempt(head)], ["lanes", [ACCOUNT, lane], "lane", summary], ["meta", LEASE, "lease", lease]]);
          for (const [index, { seq, stop, id, text }] of all.entries()) {
            await send({ id, stop, text });
            const follower = all[index + 1];
            await change(database, ["meta", "operations", "lanes", "stops", "settled"], "relaxed", [
              ["meta", REVISION], ["meta", LEASE], ["operations", key(seq)], ["lanes", [ACCOUNT, lane]], ["stops", [ACCOUNT, stop]], ...(follower ? [["operations", key(follower.seq)]] : []),
            ], ([, lease, head, summary, , behind]) => {
              // The stop is read and not written: that a note has arrived changes nothing of it.
              const now = Date.now();
              return [
                ["operations", key(seq)],
                ["settled", [ACCOUNT, now, seq], "operation", { ...head, state: { at: now, how: "applied", is: "settled" }, steps: [{ already: false, at: now, outputs: {}, step: "send" }] }],
                ...(behind ? [["operations", key(follower.seq), "operation", attempt(behind)], ["lanes", [ACCOUNT, lane], "lane", { ...summary, count: summary.count - 1 }]] : [["lanes", [ACCOUNT, lane]]]),
                ["meta", LEASE, "lease", lease],
              ];
            });
          }
        }
      };
      await Promise.all(Array.from({ length: inFlight }, one));
    },
    close: () => database.close(),
  };
  return plain;
}
