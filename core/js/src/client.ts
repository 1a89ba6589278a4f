// The typed client: one per page, over the wasm core. It decides nothing.

import { Core } from "../wasm/core/pannier_core.js";
import { PannierError } from "./error";
import { requestLock } from "./locks";
import { currentGeneration, guarded, restartCount, start } from "./runtime";
import { storageHealth } from "./storage";
import type {
  ChangeListener, DrainReport, Draft, Intent, Notice, OpenOptions, OutboxPage, OutboxQuery, PannierApi,
  Receipt, RecordOptions, RouteRefresh, RouteView, ScanMeaning, Session, StagedBlob, Status, StopView, WakeReason,
} from "./types";

interface CoreOptions { database: string; profile?: string; servers: Record<string, string>; secrets: Record<string, string> }

/** What the core itself can tell of the bar; the browser's storage figures are added here. */
type CoreStatus = Omit<Status, "storage">;

export class Pannier implements PannierApi {
  /** Set by `attachWakes`: there is something to send, and why now. */
  onWork: ((reason: WakeReason) => void) | undefined;

  readonly #options: CoreOptions;
  readonly #token: OpenOptions["token"];
  #core: Promise<Core> | undefined;
  #generation = -1;
  #versions: { core: string; schema: number; profile?: string } = { core: "", schema: 0 };
  readonly #listeners = new Set<ChangeListener>();
  readonly #channel: BroadcastChannel | undefined;
  #told = 0;
  #telling = false;
  #closed = false;

  private constructor(options: CoreOptions, token: OpenOptions["token"]) {
    this.#options = options;
    this.#token = token;
    // Other tabs and the worker learn of a change by this; it is only a hint to read again.
    this.#channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(`pannier:${options.database}`);
    if (this.#channel) {
      this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
        if (typeof data === "object" && data !== null && "revision" in data && typeof data.revision === "number") {
          this.#tell(data.revision);
        }
      };
    }
  }

  static async open(options: OpenOptions): Promise<Pannier> {
    const { database = "pannier", profile, servers = {}, secrets = {}, token, wasm } = options;
    await start(wasm);
    const text = typeof profile === "object" ? JSON.stringify(profile) : profile;
    const client = new Pannier({ database, servers, secrets, ...(text === undefined ? {} : { profile: text }) }, token);
    await client.#on(async () => undefined);
    return client;
  }

  /** The core of the present instance: opened anew after a restart. */
  async #present(): Promise<Core> {
    if (this.#closed) throw new PannierError("closed", "this client was closed");
    await start("");
    if (!this.#core || this.#generation !== currentGeneration()) {
      this.#generation = currentGeneration();
      const opening = guarded((): Promise<Core> => Core.open(this.#options, (revision: number) => this.#changed(revision), requestLock, this.#token));
      this.#core = opening;
      opening.then(
        (core) => { this.#versions = core.versions(); },
        () => { if (this.#core === opening) this.#core = undefined; },
      );
    }
    return this.#core;
  }

  async #on<T>(work: (core: Core) => Promise<T>): Promise<T> {
    const core = await this.#present();
    return guarded(() => work(core));
  }

  /** A call of the core by name; arguments and answer are JSON. */
  #call<T>(name: string, ...given: unknown[]): Promise<T> {
    return this.#on((core): Promise<T> => core.call(name, given));
  }

  #changed(revision: number): void {
    this.#channel?.postMessage({ revision });
    this.#tell(revision);
  }

  /** Listeners run after the core's call, once for many changes. */
  #tell(revision: number): void {
    this.#told = Math.max(this.#told, revision);
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#listeners]) listener({ revision: this.#told });
    });
  }

  session(): Promise<Session> {
    return this.#call("session");
  }

  async signIn(credentials: Record<string, unknown>): Promise<{ account: { id: string; name: string } }> {
    const signedIn = await this.#call<{ account: { id: string; name: string } }>("signIn", credentials);
    // What waited for this goes out now.
    this.onWork?.("signed_in");
    return signedIn;
  }

  async signOut(options: { force?: boolean } = {}): Promise<void> {
    await this.#call("signOut", options.force ?? false);
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
    const receipt = await this.#call<Receipt>("record", intent, options.position);
    if (!receipt.duplicate) this.onWork?.("recorded");
    return receipt;
  }

  stage(bytes: ArrayBuffer, _mediaType: string): Promise<StagedBlob> {
    // What a picture is, its own bytes say; the claimed type is not believed.
    return this.#on((core): Promise<StagedBlob> => core.stage(bytes));
  }

  async blob(handle: string): Promise<Blob | undefined> {
    const found = await this.#on((core): Promise<{ mediaType: string; bytes: ArrayBuffer } | undefined> => core.blob(handle));
    return found && new Blob([found.bytes], { type: found.mediaType });
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
    return { ...status, storage };
  }

  drain(reason: WakeReason, options: { budgetMs?: number } = {}): Promise<DrainReport> {
    return this.#call("drain", reason, options.budgetMs);
  }

  /** Removes staged pictures that nothing names any more; called at launch. */
  sweep(): Promise<number> {
    return this.#call("sweep");
  }

  async retry(operation: string): Promise<void> {
    await this.#call("retry", operation);
    this.onWork?.("manual");
  }

  async discard(operation: string, reason: string): Promise<void> {
    await this.#call("discard", operation, reason);
    this.onWork?.("recorded");
  }

  notices(): Promise<Notice[]> {
    return this.#call("notices");
  }

  async putAway({ at, seq }: Pick<Notice, "at" | "seq">): Promise<void> {
    await this.#call("putAway", at, seq);
  }

  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  versions(): { core: string; schema: number; profile?: string; restarts: number } {
    return { ...this.#versions, restarts: restartCount() };
  }

  close(): void {
    this.#closed = true;
    this.#channel?.close();
    this.#listeners.clear();
    const generation = this.#generation;
    void this.#core?.then((core) => { if (generation === currentGeneration()) core.close(); }, () => undefined);
  }

  /** Kills the instance, so that a test can see the next call work on a fresh one. */
  async trapForTest(): Promise<void> {
    await this.#on((core) => core.trapForTest());
  }
}
