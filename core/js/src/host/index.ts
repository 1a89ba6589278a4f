// What a page or a worker lends the core: storage, network, time, chance, locks. The core calls it
// by text and lists, which cross cheaply, and is told everything by what a promise resolves to.

import type { HandOver, HostCall, OpenOptions } from "../api.js";
import { after } from "../time.js";
import { Locks } from "./locks.js";
import { leaveBy } from "./network.js";
import { originSays } from "./origin.js";
import { Net, type Exchange, type WireRequest } from "./net.js";
import { IdbStore, StoreTrouble, type Begun, type Commit, type Committed, type Key, type Query } from "./store.js";

/** What a host is made of; the rest as `openPannier` was given it. */
export interface HostOptions {
  /** name of the IndexedDB database */
  database: string;
  /** something in the store changed */
  changed: (revision: number) => void;
  token: OpenOptions["token"];
  exchange: OpenOptions["exchange"];
  probe?: OpenOptions["probe"];
  functions: OpenOptions["functions"];
  /** a shell's alone */
  system: HandOver | undefined;
}

/** Called by core/wasm/src/host.rs alone. */
export class BrowserHost {
  readonly #options: HostOptions;
  readonly #locks: Locks;
  /** digests that were begun before the core asks for them */
  readonly #ahead = new WeakMap<ArrayBuffer, Promise<string>>();
  #store = new IdbStore("", 1, []);
  #net: Net;
  /** the minute in which the zone was looked up last, and what it was */
  #zone: [minute: number, east: number] = [0, 0];

  constructor(options: HostOptions) {
    this.#options = options;
    this.#locks = new Locks(`pannier:${options.database}`);
    this.#net = new Net(this.#store, leaveBy(options.exchange));
  }

  /** The first call of all: which schema the core knows, and its tables. */
  prepare(schema: number, tables: string): void {
    this.#store = new IdbStore(this.#options.database, schema, JSON.parse(tables) as string[]);
    this.#net = new Net(this.#store, leaveBy(this.#options.exchange));
  }

  changed(revision: number): void {
    this.#options.changed(revision);
  }

  /** The host's credentials as JSON; null for "sign in again", undefined when there is none to ask or it cannot say now. */
  async token(): Promise<string | null | undefined> {
    try {
      const given = await this.#options.token?.();
      return given ? JSON.stringify(given) : given;
    } catch {
      return undefined;
    }
  }

  /** Whether our own server is there: how the core writes `Origin`. */
  origin(backend: string): Promise<string> {
    return originSays(this.#options.probe, backend);
  }

  /** A page, not a worker. */
  page(): boolean {
    return typeof document !== "undefined";
  }

  monotonic(): number {
    return globalThis.performance?.now() ?? 0;
  }

  /** Minutes that the device's zone is east of Greenwich. */
  zone(): number {
    // Each turn of a lane asks, and finding a zone out is slow. It changes on the minute.
    const minute = Math.floor(Date.now() / 60_000);
    if (minute !== this.#zone[0]) this.#zone = [minute, -new Date().getTimezoneOffset()];
    return this.#zone[1];
  }

  random(): Uint8Array {
    return crypto.getRandomValues(new Uint8Array(16));
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => { after(ms, () => resolve()); });
  }

  lock(ticket: number, name: string, option: string | undefined, ms: number | undefined): Promise<boolean> {
    return this.#locks.request(ticket, name, option as "ifAvailable" | "steal" | undefined, ms);
  }

  unlock(ticket: number): void {
    this.#locks.release(ticket);
  }

  read(queries: string): Promise<unknown[]> {
    return this.#store.read(JSON.parse(queries) as Query[]);
  }

  begin(tables: string, queries: string, strict: boolean): Promise<Begun> {
    return this.#store.begin(JSON.parse(tables) as string[], JSON.parse(queries) as Query[], strict);
  }

  /** `picture`: key, media type and bytes, in the same transaction. */
  commit(commit: string, bodies: string[], begun: Begun | undefined, picture: [key: string, mediaType: string, bytes: ArrayBuffer] | undefined): Promise<Committed> {
    const beside = picture && { key: JSON.parse(picture[0]) as Key, mediaType: picture[1], bytes: picture[2] };
    return this.#store.commit(JSON.parse(commit) as Commit, bodies, begun, beside);
  }

  /** Media type and bytes. */
  async picture(key: string): Promise<[string, ArrayBuffer] | undefined> {
    const found = await this.#store.picture(JSON.parse(key) as Key);
    return found && [found.mediaType, found.bytes];
  }

  /** The core will ask for this picture's hash: it is made beside what the core has to look up first. */
  hashAhead(bytes: ArrayBuffer): void {
    const digest = sha256(bytes);
    digest.catch(() => undefined);
    this.#ahead.set(bytes, digest);
  }

  /** SHA-256 in lower-case hexadecimal digits. */
  hash(bytes: ArrayBuffer): Promise<string> {
    const ahead = this.#ahead.get(bytes);
    // Once: the page may write on in what it gave.
    this.#ahead.delete(bytes);
    return ahead ?? sha256(bytes);
  }

  newer(): number | undefined {
    return this.#store.newer;
  }

  exchange(ticket: number, request: string): Promise<Exchange> {
    return this.#net.exchange(ticket, JSON.parse(request) as WireRequest);
  }

  giveUp(ticket: number): void {
    this.#net.giveUp(ticket);
  }

  functions(): string {
    return JSON.stringify(Object.keys(this.#options.functions ?? {}));
  }

  /** What a function of the host says, as JSON; nothing where it says nothing. Rejects where it throws. */
  async call(name: string, given: string): Promise<string | undefined> {
    const said = await this.#options.functions?.[name]?.(JSON.parse(given) as HostCall);
    return said === undefined ? undefined : JSON.stringify(said);
  }

  /** A request as the browser has it, for whoever sends it in another way. */
  protected build(request: WireRequest): Promise<Request> {
    return this.#net.build(request);
  }

  close(): void {
    this.#store.close();
  }

  /** For a core that is gone and can release nothing. */
  end(): void {
    this.#locks.releaseAll();
    this.#net.giveUpAll();
    this.#store.end();
  }
}

async function sha256(bytes: ArrayBuffer): Promise<string> {
  const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto };
  if (!subtle) throw new StoreTrouble("storage_unavailable", "hashing is not available: the page is not served over https");
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
