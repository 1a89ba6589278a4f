// The store on IndexedDB.
//
// A connection is disposable: WebKit loses it when its network process dies or the app was
// suspended, often without a `close` event. Every failure that a fresh connection may mend drops
// the connection, opens anew and tries again, a bounded number of times; a commit that is tried
// again is protected by its own expectations.

import { afterAll } from "../time.js";

const OPEN_MS_MAX = 10_000;
const TRANSACTION_MS_MAX = 20_000;
/** fresh connections for one piece of work */
const TRIES = 3;
const NO_ANSWER = "no answer in time";

/** Begins with the account. */
export type Key = (string | number)[];

/** As `core/wasm` writes them. */
export type Query =
  | ["one", table: string, key: Key]
  | ["under", table: string, prefix: Key, limit: number | null, newestFirst: boolean]
  | ["from", table: string, prefix: Key, from: number, limit: number | null];

/** A change as a whole: it happens if every expectation holds, or not at all. The bodies of its puts come beside it. */
export interface Commit {
  durability: IDBTransactionDurability;
  /** the revision a record must have now; null: it must not exist */
  expect: [table: string, key: Key, revision: number | null][];
  /** the drain generation that must still be in force, and the record it stands in */
  generation: [key: Key, generation: number] | null;
  puts: [table: string, key: Key, version: number, type: string, seal: string | null][];
  deletes: [table: string, key: Key][];
}

/** The revision it got; what it expected did not hold; another drainer is in force. */
export type Committed = number | "stale" | "fenced";

/** A picture beside its commit: bytes stay ArrayBuffers, since Safari loses Blobs. */
export interface Picture { key: Key; mediaType: string; bytes: ArrayBuffer }

/** A record: `{ key, revision, version, type, body, seal? }` in few letters, as they are written a thousand times. */
interface Stored { k: Key; r: number; v: number; t: string; b: string; s?: string }

/** What the store refuses or cannot do: the code of docs/errors.md, and why. */
export class StoreTrouble extends Error {
  /** `found`: the schema a newer core wrote */
  constructor(readonly code: string, readonly why: string, readonly found?: number) {
    super(`${code}: ${why}`);
  }
}

/** The connection is gone or confused; the data is intact, a fresh one may help. */
class Confused extends Error {}

/** By its shape: an error may come from another realm. */
function named(error: unknown): { name: string; message: string } {
  const { name, message } = (typeof error === "object" && error !== null ? error : {}) as { name?: unknown; message?: unknown };
  return { name: typeof name === "string" ? name : "Error", message: typeof message === "string" ? message : String(error) };
}

/** What a DOM exception means for the store. */
function trouble(error: unknown): StoreTrouble | Confused {
  if (error instanceof StoreTrouble || error instanceof Confused) return error;
  const { name, message } = named(error);
  switch (name) {
    case "QuotaExceededError": return new StoreTrouble("storage_full", message);
    case "SecurityError": case "NotSupportedError": return new StoreTrouble("storage_unavailable", message);
    case "DataError": case "DataCloneError": case "ConstraintError": case "NotFoundError": return new StoreTrouble("storage_failed", `${name}: ${message}`);
    // InvalidStateError, UnknownError, AbortError, "connection lost".
    default: return new Confused(`${name}: ${message}`);
  }
}

const answer = <T>(request: IDBRequest<T>): Promise<T> => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error ?? new Confused("a request failed"));
});

/** Whatever becomes of `work`, an answer comes in time; `late` is for what comes after that. */
function within<T>(ms: number, work: Promise<T>, gaveUp: () => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const callOff = afterAll(ms, () => reject(gaveUp() ?? new Confused(NO_ANSWER)));
    work.then(resolve, reject).finally(callOff);
  });
}

interface Connection {
  readonly database: IDBDatabase;
  readonly memory: Memory;
  /** the schema that a newer core left here: it is read as well as can be, and never written */
  readonly newer: number | undefined;
}

/** One try at a piece of work. */
interface Try {
  readonly connection: Connection;
  /** the one it began: work that is given up stops it, a stalled one would hold up all that come after it */
  transaction?: IDBTransaction;
}

type Known = Map<string, Partial<Stored> | undefined>;
const place = (table: string, key: Key): string => table + JSON.stringify(key);

/** A transaction that has read what a commit follows from. */
export interface Begun {
  /** what was found, as `read` gives it */
  readonly found: unknown[];
  /** @internal */
  readonly transaction: IDBTransaction;
  /** whether what was found holds: what is only remembered is handed out before the store has been asked */
  readonly still: Promise<boolean>;
  /** @internal what it read of single records: a commit in it need not read them again */
  readonly known: Known;
  /** @internal */
  readonly memory: Memory;
}

/** Where the number of the last commit stands. */
const REVISION: Key = ["", "revision"];
/** A lane, its stop and what goes with an account, for every stop of a large shift. */
const REMEMBERED_MAX = 256;

/**
 * Single records as this connection read or wrote them last. Every commit of every context raises the counter in its own
 * transaction; as long as it stands where it stood, nobody else has written, and a transaction need not read them again.
 */
class Memory {
  readonly #records: Known = new Map();
  /** the number of the last commit that is known here */
  revision = -1;
  /** another context writes as well: each guess would be in vain, and cost a round trip */
  #alone = false;
  /** transactions of this connection that may write: so would a guess before they have ended */
  open = 0;

  /** Whether it is likely to be recalled once the counter has been looked at. */
  guesses(name: string | undefined): boolean {
    return this.#alone && name !== undefined && this.#records.has(name);
  }

  /** The counter as it stands: all is forgotten unless it is where it was. */
  look(revision: number): void {
    this.#alone = revision === this.revision;
    if (!this.#alone) this.#records.clear();
    this.revision = revision;
  }

  /** A record, if there is one, as of the counter; nothing where that is not known. */
  recall(name: string | undefined): unknown[] | undefined {
    if (name === undefined || !this.#records.has(name)) return undefined;
    const record = this.#records.get(name);
    return record ? [record] : [];
  }

  keep(name: string, record: Partial<Stored> | undefined): void {
    this.#records.set(name, record);
    if (this.#records.size > REMEMBERED_MAX) for (const oldest of this.#records.keys()) { this.#records.delete(oldest); break; }
  }

  /** A commit that followed `revision` is on the disk: what it wrote of what is known here. */
  wrote(revision: number, written: Known): void {
    if (revision !== this.revision) return;
    this.revision += 1;
    // What is known of a picture is asked for next, by the recording that names it.
    for (const [name, record] of written) if (this.#records.has(name) || name.startsWith("blobs[")) this.keep(name, record);
  }
}

/** One database, over as many connections as it takes. */
export class IdbStore {
  readonly #name: string;
  readonly #schema: number;
  readonly #tables: string[];
  #connection: Connection | undefined;
  #ended = false;
  /** the last opening met another window that would not let go of an older schema */
  #blocked = false;

  /** `schema` and `tables` are the core's to say: what is missing is made when the schema is raised. */
  constructor(name: string, schema: number, tables: string[]) {
    this.#name = name;
    this.#schema = schema;
    this.#tables = tables;
  }

  /** The schema of a newer core, where one was found by the connection that is open. */
  get newer(): number | undefined {
    return this.#connection?.newer;
  }

  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.database.close();
  }

  /** For a core that is gone: nothing is opened again. */
  end(): void {
    this.#ended = true;
    this.close();
  }

  /** Answers all queries from one snapshot, in their order; flat, since one list crosses cheaply. */
  read(queries: Query[]): Promise<unknown[]> {
    const tables = [...new Set(queries.map(([, table]) => table))];
    return this.#with(async (attempt) => {
      const { newer, database } = attempt.connection;
      const here = tables.filter((table) => newer === undefined || database.objectStoreNames.contains(table));
      return here.length === 0 ? queries.map(() => 0) : listed(await ask(begin(attempt, here, "readonly", "relaxed"), queries, here));
    });
  }

  /** Reads in a transaction that a commit may be made in, if it is made at once and asks for no more durability. */
  begin(tables: string[], queries: Query[], strict: boolean): Promise<Begun> {
    return this.#with(async (attempt) => {
      const { memory } = attempt.connection, idle = memory.open === 0;
      const names = queries.map(([kind, table, key]) => kind === "one" ? place(table, key) : undefined);
      const remembered = names.map((name) => memory.guesses(name)), asked = queries.filter((_, i) => !remembered[i]);
      // The counter, which every commit raises, says whether what is remembered still holds.
      const transaction = begin(attempt, [...new Set(["meta", ...tables])], "readwrite", strict ? "strict" : "relaxed");
      const counter = answer<Partial<Stored> | undefined>(transaction.objectStore("meta").get(REVISION));
      let { revision } = memory, still = HOLDS, read: (unknown[] | undefined)[] = [];
      if (idle && asked.length === 0) {
        // Its answer is on its way while the core decides; what it writes is put behind it, and committed after it.
        still = within(TRANSACTION_MS_MAX, counter, () => stop(transaction)).then((last) => count(last?.r), () => -1).then((now) => {
          memory.look(now);
          return now === revision;
        });
      } else {
        const [last, answers] = await Promise.all([counter, ask(transaction, asked, tables)]);
        memory.look(revision = count(last?.r));
        read = answers;
      }
      // From here on nobody else writes until this transaction ends.
      let found = names.map((name, i) => remembered[i] ? memory.recall(name) : read.shift());
      if (found.includes(undefined)) found = await ask(transaction, queries, tables);
      const known: Known = new Map([[place("meta", REVISION), { r: revision }]]);
      names.forEach((name, i) => {
        if (name === undefined) return;
        const record = found[i]?.[0] as Partial<Stored> | undefined;
        known.set(name, record);
        memory.keep(name, record);
      });
      return { found: listed(found), transaction, known, memory, still };
    });
  }

  /** Complete when it resolves. `begun`: what it expects was just read there, so nobody can have come between. */
  async commit(commit: Commit, bodies: string[], begun?: Begun, picture?: Picture): Promise<Committed> {
    const named = [...commit.expect, ...commit.puts, ...commit.deletes].map(([table]) => table);
    const touched = [...new Set(["meta", ...named, ...(picture ? ["blob_data"] : [])])];
    const { transaction } = begun ?? {};
    const lasts = commit.durability === "relaxed" || transaction?.durability !== "relaxed";
    if (begun && transaction && lasts && touched.every((table) => transaction.objectStoreNames.contains(table))) {
      try {
        // At once, whatever became of the connection: a transaction outlives it, but not this turn.
        return await within(TRANSACTION_MS_MAX, conclude(transaction, begun.memory, commit, [], bodies, picture, begun), () => stop(transaction));
      } catch (error) {
        const what = trouble(error);
        if (what instanceof StoreTrouble) throw what;
      }
    }
    // Tried again on a fresh connection it may have landed already, so everything is checked.
    return this.#with(async (attempt) => conclude(begin(attempt, touched, "readwrite", commit.durability), attempt.connection.memory, commit, commit.expect, bodies, picture));
  }

  async picture(key: Key): Promise<{ mediaType: string; bytes: ArrayBuffer } | undefined> {
    const found: unknown = await this.#with(async (attempt) => answer(begin(attempt, ["blob_data"], "readonly", "relaxed").objectStore("blob_data").get(key)));
    const { m, d } = (found ?? {}) as { m?: unknown; d?: unknown };
    return d instanceof ArrayBuffer ? { mediaType: typeof m === "string" ? m : "", bytes: d } : undefined;
  }

  /** Runs `work` on a connection; on trouble with the connection, on a fresh one. */
  async #with<T>(work: (attempt: Try) => Promise<T>): Promise<T> {
    let last = "";
    // What a dead connection says is no try.
    for (let left = TRIES + (this.#connection ? 1 : 0); left > 0; left -= 1) {
      try {
        const attempt: Try = { connection: this.#connection ?? await this.#opened() };
        return await within(TRANSACTION_MS_MAX, work(attempt), () => stop(attempt.transaction));
      } catch (error) {
        const what = trouble(error);
        if (what instanceof StoreTrouble) throw what;
        last = what.message;
        this.close();
      }
    }
    throw last === NO_ANSWER ? new StoreTrouble("storage_timeout", last) : new StoreTrouble("storage_lost", last);
  }

  async #opened(): Promise<Connection> {
    if (this.#ended) throw new StoreTrouble("storage_lost", "the core was started again");
    const opening = this.#open();
    const opened = await within(OPEN_MS_MAX, opening, () => {
      // A connection that nobody holds would stand in the way of an upgrade.
      opening.then(({ database }) => database.close(), () => undefined);
      return this.#blocked ? new StoreTrouble("storage_blocked", "another window holds it") : undefined;
    });
    // Two callers may have opened at once; the first one in stays.
    if (this.#connection || this.#ended) opened.database.close();
    if (this.#ended) throw new StoreTrouble("storage_lost", "the core was started again");
    return this.#connection ??= opened;
  }

  async #open(): Promise<Connection> {
    try {
      return await this.#openAt(this.#schema);
    } catch (error) {
      // As it is, without an upgrade: what unsent work it holds can be seen and exported.
      if (named(error).name === "VersionError") return this.#openAt(undefined);
      throw error;
    }
  }

  async #openAt(schema: number | undefined): Promise<Connection> {
    const factory = globalThis.indexedDB as IDBFactory | undefined | null;
    if (!factory) throw new StoreTrouble("storage_unavailable", "no IndexedDB");
    const request = factory.open(this.#name, schema);
    request.onupgradeneeded = () => {
      // Additive first, destructive only a version later. A failure here leaves the store missing,
      // which opening finds and tells.
      for (const table of this.#tables) {
        if (!request.result.objectStoreNames.contains(table)) request.result.createObjectStore(table, { keyPath: "k" });
      }
    };
    this.#blocked = false;
    request.onblocked = () => { this.#blocked = true; };
    const database = await answer(request);
    const newer = database.version > this.#schema ? database.version : undefined;
    const names = database.objectStoreNames;
    if (names.length === 0) {
      // WebKit may leave a database whose first upgrade was cut short: nothing is in it, and no
      // upgrade comes any more. It is made anew by the next opening.
      database.close();
      await answer(factory.deleteDatabase(this.#name));
      throw new Confused("the database was empty");
    }
    const missing = newer === undefined && this.#tables.find((table) => !names.contains(table));
    if (missing) {
      database.close();
      throw new StoreTrouble("storage_failed", `the database has no store ${missing}`);
    }
    const letGo = (): void => { if (this.#connection?.database === database) this.#connection = undefined; };
    database.onclose = letGo;
    database.onversionchange = () => {
      // A newer context wants to upgrade: make way, and open again when next needed.
      letGo();
      database.close();
    };
    return { database, newer, memory: new Memory() };
  }
}

function begin(attempt: Try, tables: string[], mode: IDBTransactionMode, durability: IDBTransactionDurability): IDBTransaction {
  const { newer, database, memory } = attempt.connection;
  if (mode === "readwrite" && newer !== undefined) throw new StoreTrouble("storage_newer", "written by a newer version", newer);
  const transaction = attempt.transaction = database.transaction(tables, mode, { durability });
  if (mode === "readwrite") {
    memory.open += 1;
    for (const end of ["complete", "abort"]) transaction.addEventListener(end, () => { memory.open -= 1; });
  }
  return transaction;
}

/** What each query finds, issued together: one round trip to the database, one snapshot. */
const ask = (transaction: IDBTransaction, queries: Query[], here: string[]): Promise<unknown[][]> =>
  Promise.all(queries.map((query) => here.includes(query[1]) ? run(transaction.objectStore(query[1]), query) : []));

/** For each query the number of its records, and for each of them what it consists of. */
const listed = (answers: (unknown[] | undefined)[]): unknown[] => answers.flatMap((records = []) => [records.length, ...records.flatMap(flat)]);

const HOLDS = Promise.resolve(true);

/** Checks `expect` in the transaction, where `begun` has read what it knows, and writes the commit. */
async function conclude(transaction: IDBTransaction, memory: Memory, commit: Commit, expect: Commit["expect"], bodies: string[], picture: Picture | undefined, begun?: Begun): Promise<Committed> {
  const store = (table: string): IDBObjectStore => transaction.objectStore(table);
  const seen = (table: string, key: Key): Promise<Partial<Stored> | undefined> => answer(store(table).get(key));
  const told = (key: Key): Promise<Partial<Stored> | undefined> | Partial<Stored> => begun?.known.get(place("meta", key)) ?? seen("meta", key);
  const ended = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    // Why it was stopped is its own to say; a request that failed says no more than that it did.
    transaction.onabort = () => reject(transaction.error ?? new Confused("the transaction was stopped"));
  });
  ended.catch(() => undefined);
  // All reads are issued before the first is awaited; nothing foreign is awaited in between.
  const { generation } = commit;
  const [counter, lease, ...found] = await Promise.all([
    told(REVISION),
    generation ? told(generation[0]) : undefined,
    ...expect.map(([table, key]) => seen(table, key)),
  ]);
  if (generation && generationOf(lease?.b) !== generation[1]) {
    stop(transaction);
    return "fenced";
  }
  const holds = ([, , wanted]: Commit["expect"][number], i: number): boolean => {
    const now = found[i];
    return (now ? count(now.r) : null) === wanted;
  };
  if (!expect.every(holds)) {
    stop(transaction);
    return "stale";
  }

  const revision = count(counter?.r) + 1;
  const puts: [table: string, record: Stored][] = commit.puts.map(([table, k, v, t, s], i) => [table, { k, r: revision, v, t, b: bodies[i] ?? "", ...(s === null ? {} : { s }) }]);
  puts.push(["meta", { k: REVISION, r: revision, v: 1, t: "revision", b: String(revision) }]);
  try {
    for (const [table, key] of commit.deletes) store(table).delete(key);
    for (const [table, record] of puts) store(table).put(record);
    if (picture) store("blob_data").put({ k: picture.key, m: picture.mediaType, d: picture.bytes });
    if (begun && !await begun.still) {
      stop(transaction);
      return "stale";
    }
    // Nothing follows: without this the browser would wait until every put has been answered.
    transaction.commit();
  } catch (error) {
    // What was put before would be kept without the rest.
    stop(transaction);
    throw error;
  }
  // Made while the disk is waited for.
  const written: Known = new Map();
  for (const [table, key] of commit.deletes) written.set(place(table, key), undefined);
  for (const [table, record] of puts) written.set(place(table, record.k), record);
  // Resolves on `complete`, not on the last request's success: that is when it is on the disk.
  await ended;
  memory.wrote(revision - 1, written);
  return revision;
}

/** One that has ended says so and changes nothing. */
function stop(transaction: IDBTransaction | undefined): void {
  try {
    transaction?.abort();
  } catch {
    // It had ended.
  }
}

/** Every key that begins with `prefix`: an array sorts after every text and number. */
const under = (prefix: Key): IDBKeyRange | undefined => prefix.length === 0 ? undefined : IDBKeyRange.bound(prefix, [...prefix, []]);

async function run(store: IDBObjectStore, query: Query): Promise<unknown[]> {
  switch (query[0]) {
    case "one": {
      const found: unknown = await answer(store.get(query[2]));
      return found === undefined ? [] : [found];
    }
    case "from": {
      const [, , prefix, from, limit] = query;
      return answer(store.getAll(IDBKeyRange.bound([...prefix, from], [...prefix, ""], false, true), limit ?? undefined));
    }
    case "under": {
      const [, , prefix, limit, newestFirst] = query;
      if (!newestFirst) return answer(store.getAll(under(prefix), limit ?? undefined));
      const out: unknown[] = [];
      const request = store.openCursor(under(prefix), "prev");
      for (let cursor = await answer(request); cursor; cursor = await answer(request)) {
        out.push(cursor.value);
        if (limit !== null && out.length >= limit) break;
        cursor.continue();
      }
      return out;
    }
  }
}

const count = (value: unknown): number => typeof value === "number" && value >= 0 ? Math.trunc(value) : 0;
const text = (value: unknown): string => typeof value === "string" ? value : "";
const VERSION_MAX = 0xffff;

/**
 * Revision, version, type, body, how it is sealed, if it is, and key as JSON. A record as it stands, however odd: what
 * cannot be an envelope becomes an empty one, which the core finds unreadable and sets aside.
 */
function flat(found: unknown): unknown[] {
  const { k, r, v, t, b, s } = (found ?? {}) as Partial<Record<keyof Stored, unknown>>;
  const key = (Array.isArray(k) ? k : []).map((part: unknown) => typeof part === "string" ? part : count(part));
  return [count(r), typeof v === "number" && v >= 0 && v <= VERSION_MAX ? Math.trunc(v) : VERSION_MAX, text(t), text(b), typeof s === "string" ? s : undefined, JSON.stringify(key)];
}

/** The generation inside a lease record's body. */
function generationOf(body: string | undefined): unknown {
  try {
    return (JSON.parse(body ?? "") as { generation?: unknown } | null)?.generation;
  } catch {
    return undefined;
  }
}
