// The typed client: one per page, over the wasm core. It decides nothing.

// The glue of the module for shells is that of both: it knows all that the browser's asks for.
import { Core, handsOver } from "../wasm/core-shell/pannier_core.js";
import { PannierError } from "./error.js";
import { BrowserHost, type HostOptions } from "./host/index.js";
import { currentGeneration, giveBack, guarded, lend, restartCount, start } from "./runtime.js";
import { storageHealth } from "./storage.js";
import { defined, workerVersions } from "./versions.js";
import type { ChangeListener, Diagnostics, HandOver, Health, OpenOptions, PannierApi, RecordOptions, Status, Versions, WasmSource } from "./api.js";
import type {
  AccountView, BlobMeta, Draft, DrainReport, Health as CoreHealth, History, Intent, Keep, Notice, OtherAccount, OutboxItem, OutboxPage, OutboxQuery,
  PushState, Receipt, RouteRefresh, RouteView, ScanMeaning, SessionView, ShiftClose, Status as CoreStatus, StopView, Subscription, Tidied, WakeReason, WakeRecord,
} from "./types.js";

/** @internal What `pannier/shell` brings: the host that its own module asks, and the system behind that, if there is one. */
export interface Shell { Host: new (options: HostOptions) => BrowserHost; system: HandOver | undefined }

interface CoreOptions { database: string; profile?: string; servers: Record<string, string>; secrets: Record<string, string>; keep?: Keep }

/** The core decides when there is something to prune; asking the browser how full it is costs as well. */
const TIDY_MS = 60_000;
/** Other tabs show a change so much later; telling them of each would hold up the next. */
const POST_MS = 50;

function textOf(given: unknown[]): string {
  try {
    return JSON.stringify(given);
  } catch (error) {
    throw new PannierError("arguments_invalid", `the arguments cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * The client that `openPannier` gives; what its methods do is said at {@link PannierApi}.
 * @example const pannier: Pannier = await openPannier({ profile });
 */
export class Pannier implements PannierApi {
  /** @internal Set by `attachWakes`: there is something to send, and why now. */
  onWork: ((reason: WakeReason) => void) | undefined;
  /** @internal Set by `attachWakes`: nothing of a person's is to be shown any more. */
  onSignedOut: (() => void) | undefined;
  /** @internal Set by `attachWakes`: the browser's push subscription, which ends with the sign-in. */
  subscribed: (() => Promise<Subscription | undefined>) | undefined;

  readonly #options: CoreOptions;
  readonly #token: OpenOptions["token"];
  readonly #exchange: OpenOptions["exchange"];
  readonly #shell: Shell | undefined;
  readonly #probe: OpenOptions["probe"];
  readonly #functions: OpenOptions["functions"];
  readonly #app: OpenOptions["app"];
  #isSeen = true;
  #core: Promise<Core> | undefined;
  #host: BrowserHost | undefined;
  #generation = -1;
  #versions: Omit<Versions, "restarts"> = { core: "", schema: 0 };
  readonly #listeners = new Set<ChangeListener>();
  readonly #channel: BroadcastChannel | undefined;
  readonly #health = new Set<() => Promise<void>>();
  #tidied = 0;
  /** bytes, when the browser was last asked: for the record of wakes, which asks nobody */
  #used: number | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #told = 0;
  /** other tabs and the worker are about to be told */
  #posted: ReturnType<typeof setTimeout> | undefined;
  #telling = false;
  #closed = false;

  /** the office's public key, for `pannier/export` */
  readonly sealTo: OpenOptions["sealTo"];

  private constructor(options: CoreOptions, { token, exchange, functions, sealTo, probe, app }: OpenOptions, shell: Shell | undefined) {
    this.#app = app;
    this.sealTo = sealTo;
    this.#probe = probe;
    this.#options = options;
    this.#token = token;
    this.#exchange = exchange;
    this.#shell = shell;
    this.#functions = functions;
    // Other tabs and the worker learn of a change by this; it is only a hint to read again.
    this.#channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(`pannier:${options.database}`);
    if (this.#channel) {
      this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
        // Anybody on this origin may post here; a number that no commit has would stay the highest for good.
        if (typeof data === "object" && data !== null && "revision" in data && Number.isSafeInteger(data.revision)) {
          this.#tell(data.revision as number);
        }
      };
    }
  }

  /** @internal */
  static async open(options: OpenOptions & { wasm: WasmSource }, shell?: Shell): Promise<Pannier> {
    const { database = "pannier", profile, servers = {}, secrets = {}, keep, wasm } = options;
    await start(wasm);
    if (handsOver() !== !!shell) throw new PannierError("core_mismatch", `the core that runs here is not ${shell ? "core-shell" : "core"}.wasm`);
    const text = typeof profile === "object" ? JSON.stringify(profile) : profile;
    const client = new Pannier({ database, servers, secrets, ...(text === undefined ? {} : { profile: text }), ...(keep === undefined ? {} : { keep }) }, options, shell);
    await client.#on(async () => undefined);
    return client;
  }

  /** The core of the present instance: opened anew after a restart. */
  async #present(): Promise<Core> {
    if (this.#closed) throw new PannierError("closed", "this client was closed");
    await start("");
    if (!this.#core || this.#generation !== currentGeneration()) {
      this.#generation = currentGeneration();
      const { database, ...options } = this.#options;
      const host = lend(new (this.#shell?.Host ?? BrowserHost)({ database, changed: (revision) => this.#changed(revision), token: this.#token, exchange: this.#exchange, functions: this.#functions, probe: this.#probe, system: this.#shell?.system }));
      this.#host = host;
      const opening = guarded((): Promise<Core> => Core.open(JSON.stringify(options), host));
      this.#core = opening;
      opening.then(
        (core) => {
          this.#versions = JSON.parse(core.versions()) as Omit<Versions, "restarts">;
          core.seen(this.#isSeen);
        },
        () => {
          giveBack(host);
          if (this.#core === opening) this.#core = undefined;
        },
      );
    }
    return this.#core;
  }

  async #on<T>(work: (core: Core) => Promise<T>): Promise<T> {
    const core = await this.#present();
    return guarded(() => work(core));
  }

  /** A call of the core by name; arguments and answer are JSON. */
  async #call<T>(name: string, ...given: unknown[]): Promise<T> {
    const text = textOf(given);
    return JSON.parse(await this.#on((core): Promise<string> => core.call(name, text))) as T;
  }

  /**
   * One recording after the other: each takes the next place in the order, so many at once would
   * stand in each other's way until one is told that it was in vain.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #changed(revision: number): void {
    this.#posted ??= setTimeout(() => this.#post(), POST_MS);
    this.#tell(revision);
  }

  /** Other tabs read once for all that changed meanwhile. */
  #post(): void {
    clearTimeout(this.#posted);
    this.#posted = undefined;
    if (!this.#closed) this.#channel?.postMessage({ revision: this.#told });
  }

  /** Listeners run after the core's call, once for many changes. */
  #tell(revision: number): void {
    this.#told = Math.max(this.#told, revision);
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#listeners]) listener({ revision: this.#told });
      for (const read of this.#health) void read();
    });
  }

  session(): Promise<SessionView> {
    return this.#call("session");
  }

  async signIn(credentials: Record<string, unknown>): Promise<{ account: AccountView }> {
    const signedIn = await this.#call<{ account: AccountView }>("signIn", credentials);
    // What waited for this goes out now.
    this.onWork?.("signed_in");
    return signedIn;
  }

  async signOut(options: { force?: boolean } = {}): Promise<void> {
    await this.#call("signOut", options.force ?? false, await this.subscribed?.());
    this.onSignedOut?.();
  }

  async refreshRoute(): Promise<RouteRefresh> {
    const refreshed = await this.#call<RouteRefresh>("refreshRoute");
    // What is parked may be shown as done now.
    if (refreshed.outcome === "updated") this.onWork?.("recorded");
    return refreshed;
  }

  route(): Promise<RouteView> {
    return this.#call("route");
  }

  async stop(id: string): Promise<StopView | undefined> {
    return await this.#call<StopView | null>("stop", id) ?? undefined;
  }

  meaning(code: string, stop?: string): Promise<ScanMeaning> {
    return this.#call("meaning", code, stop);
  }

  async record(intent: Intent, options: RecordOptions = {}): Promise<Receipt> {
    const receipt = await this.#inTurn(() => this.#call<Receipt>("record", intent, options.position));
    if (!receipt.duplicate) this.onWork?.("recorded");
    return receipt;
  }

  async stage(bytes: ArrayBuffer, _mediaType: string): Promise<BlobMeta> {
    // What a picture is, its own bytes say; the claimed type is not believed.
    return JSON.parse(await this.#on((core): Promise<string> => {
      this.#host?.hashAhead(bytes);
      return core.stage(bytes);
    })) as BlobMeta;
  }

  /** `of`: another account's, by its reference; for `pannier/export`. */
  async blob(handle: string, of?: string): Promise<Blob | undefined> {
    const found = await this.#on((core): Promise<[mediaType: string, bytes: ArrayBuffer] | undefined> => core.blob(handle, of));
    return found && new Blob([found[1]], { type: found[0] });
  }

  async draft(stop: string): Promise<Draft | undefined> {
    return await this.#call<Draft | null>("draft", stop) ?? undefined;
  }

  async saveDraft(stop: string, blobs: string[], fields: Record<string, unknown>): Promise<void> {
    await this.#call("saveDraft", stop, blobs, fields);
  }

  outbox(query?: OutboxQuery): Promise<OutboxPage> {
    return this.#call("outbox", query);
  }

  async status(): Promise<Status> {
    const [status, storage] = await Promise.all([this.#call<CoreStatus>("status"), storageHealth()]);
    this.#used = storage.usage ?? this.#used;
    const storageNewer = this.#host?.newer();
    return { ...status, storage, ...(storageNewer === undefined ? {} : { storageNewer }) };
  }

  async drain(reason: WakeReason, options: { budgetMs?: number } = {}): Promise<DrainReport> {
    const report = await this.#call<DrainReport>("drain", reason, options.budgetMs, this.#used);
    // A worker may be stopped as soon as this is over.
    if (this.#posted) this.#post();
    // The cheap moment for it: nothing is due, and its connection is warm. Nobody waits for it.
    if (report.stopped === "idle" && Math.abs(Date.now() - this.#tidied) > TIDY_MS) {
      this.#tidied = Date.now();
      void this.tidy().then(({ more }) => { if (more) this.#tidied = 0; }, () => undefined);
    }
    return report;
  }

  async handOver(): Promise<DrainReport> {
    // With nobody to take them, what is handed over would wait for an answer that nobody gives.
    if (!this.#shell?.system) throw new PannierError("system_missing", "no system was given to hand over to");
    return this.#call("handOver");
  }

  async tidy(): Promise<Tidied> {
    const { usage, quota } = await globalThis.navigator?.storage?.estimate?.().catch(() => undefined) ?? {};
    this.#used = usage ?? this.#used;
    return this.#call("tidy", usage === undefined || quota === undefined ? undefined : { usage, quota });
  }

  /** @internal A hidden page begins nothing long, from this moment on. */
  seen(seen: boolean): void {
    this.#isSeen = seen;
    const generation = this.#generation;
    void this.#core?.then((core) => { if (generation === currentGeneration()) core.seen(seen); }, () => undefined);
  }

  thresholds(minutes?: number[]): Promise<number[]> {
    return this.#call("thresholds", minutes);
  }

  async diagnostics(): Promise<Diagnostics> {
    const [status, health, wakes, thresholds, { length: duplicates }, worker] = await Promise.all([
      this.#call<CoreStatus>("status"), this.health(), this.#call<WakeRecord[]>("wakes"), this.thresholds(), this.duplicates(), workerVersions(),
    ]);
    const { reachability, lastTryAt, nextWakeAt, stopsWaiting, overdue, notices } = status;
    return {
      ...health, ...defined({ reachability, lastTryAt, nextWakeAt, stopsWaiting, overdue, notices }),
      duplicates, thresholds, wakes,
      versions: { page: this.versions(), ...defined({ worker }) },
      browser: globalThis.navigator?.userAgent ?? "",
      notifications: typeof Notification === "undefined" ? "absent" : Notification.permission,
    };
  }

  history(operation: string): Promise<History> {
    return this.#call("history", operation);
  }

  closeShift(options: { budgetMs?: number } = {}): Promise<ShiftClose> {
    return this.#call("closeShift", options.budgetMs);
  }

  others(): Promise<OtherAccount[]> {
    return this.#call("others");
  }

  async health(): Promise<Health> {
    const [{ parked, ...health }, storage] = await Promise.all([this.#call<CoreHealth>("health"), storageHealth()]);
    const counts: Record<string, number> = {};
    for (const code of parked) counts[code] = (counts[code] ?? 0) + 1;
    return { ...health, parked: counts, storage };
  }

  onHealth(listener: (health: Health) => void): () => void {
    let last = "";
    let reading = false;
    let again = false;
    const read = async (): Promise<void> => {
      if (reading) { again = true; return; }
      reading = true;
      do {
        again = false;
        try {
          const health = await this.health();
          const { at: _at, storage: { kind }, ...figures } = health;
          const now = JSON.stringify({ ...figures, kind });
          if (now !== last && this.#health.has(read)) {
            last = now;
            listener(health);
          }
        } catch {
          // The store's trouble is told to whoever works with it; the next change is told again.
        }
      } while (again);
      reading = false;
    };
    this.#health.add(read);
    void read();
    return () => void this.#health.delete(read);
  }

  /** The records of an export, for `pannier/export`. */
  exportRecords(of?: string): Promise<unknown> {
    return this.#call("export", of);
  }

  async retry(operation: string): Promise<void> {
    await this.#call("retry", operation);
    this.onWork?.("manual");
  }

  async discard(operation: string, reason: string): Promise<void> {
    await this.#call("discard", operation, reason);
    this.onWork?.("recorded");
  }

  pushKey(): Promise<string> {
    return this.#call("pushKey");
  }

  push(subscription?: Subscription): Promise<PushState> {
    return this.#call("push", subscription);
  }

  endPush(was: Subscription): Promise<PushState> {
    return this.#call("endPush", was);
  }

  notices(): Promise<Notice[]> {
    return this.#call("notices");
  }

  async duplicates(): Promise<OutboxItem[]> {
    const found: OutboxItem[] = [];
    for (let before = Number.MAX_SAFE_INTEGER, more = true; more;) {
      const page = await this.outbox({ state: "settled", before });
      found.unshift(...page.items.filter(({ reason }) => reason?.code === "duplicate"));
      ({ more } = page);
      before = page.items[0]?.seq ?? 0;
    }
    return found;
  }

  async putAway({ at, seq }: Pick<Notice, "at" | "seq">): Promise<void> {
    await this.#call("putAway", at, seq);
  }

  async amend(operation: string, changes: Record<string, unknown>): Promise<Receipt> {
    const receipt = await this.#inTurn(() => this.#call<Receipt>("amend", operation, changes));
    this.onWork?.("recorded");
    return receipt;
  }

  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  versions(): Versions {
    return { ...(this.#app === undefined ? {} : { app: this.#app }), ...this.#versions, restarts: restartCount() };
  }

  close(): void {
    if (this.#posted) this.#post();
    this.#closed = true;
    this.#channel?.close();
    this.#listeners.clear();
    this.#health.clear();
    giveBack(this.#host);
  }

  /** @internal Kills the instance, so that a test can see the next call work on a fresh one. */
  async trapForTest(): Promise<void> {
    await this.#on((core) => core.trapForTest());
  }
}
