// The client's shape, over the types of the core (types.ts).

import type { StorageHealth } from "./storage.js";
import type {
  AccountView, BlobMeta, Draft, DrainReport, Health as CoreHealth, History, Intent, Keep, Notice, OtherAccount, OutboxItem, OutboxPage, OutboxQuery,
  Overdue, Position, PushState, Reachability, Receipt, RouteRefresh, RouteView, ScanMeaning, SessionView, ShiftClose, Status as CoreStatus, StopView, Subscription, Tidied, WakeReason, WakeRecord,
} from "./types.js";

/** How the outbox, the backend and this phone's storage stand: what a bar on every screen shows. */
export interface Status extends CoreStatus {
  /** what this browser's storage is worth */
  storage: StorageHealth;
  /** the schema that a newer version of the core left here: everything is read-only until this one is updated */
  storageNewer?: number;
}

/** What an operator asks at night: how this phone fared. Counts, moments and codes; nothing about a person, no texts, no ids. */
export interface Diagnostics extends Health {
  reachability: Reachability;
  /** when something was last tried, in Unix milliseconds */
  lastTryAt?: number;
  /** when the next try is due by itself, in Unix milliseconds */
  nextWakeAt?: number;
  /** stops with something unsent */
  stopsWaiting: number;
  overdue?: Overdue;
  notices: number;
  /** how many `duplicates()` names */
  duplicates: number;
  /** minutes */
  thresholds: number[];
  /** the newest wakes of all contexts, 600 at most, oldest first */
  wakes: WakeRecord[];
  /** what runs here, and in the service worker where one answers */
  versions: { page: Versions; worker?: Versions };
  /** as it names itself */
  browser: string;
  /** what the person allows */
  notifications: NotificationPermission | "absent";
}

/** For the host's own telemetry: counts, moments and codes, nothing about a person. */
export interface Health extends Omit<CoreHealth, "parked"> {
  /** how many lanes wait for a person, by the reason's code (docs/errors.md) */
  parked: Record<string, number>;
  /** what this browser's storage is worth */
  storage: StorageHealth;
}

/** What goes with a recording. */
export interface RecordOptions {
  /** where it was recorded */
  position?: Position;
}

/** Where a wasm module is, or the module's bytes themselves. */
export type WasmSource = string | URL | Response | Promise<Response> | BufferSource;

/** What a function of the host is called with: of `host.request` the built request, of `host.answer` the answer. */
export interface HostCall {
  /** `$operation`, as requests see it */
  operation: Record<string, unknown>;
  /** may be changed by giving `url`, `headers` (null takes one away) or, where there is one, `body`; pictures are not in it */
  request?: { method: string; url: string; headers: Record<string, string>; body: string | null };
  /** `body` is parsed JSON or null, `text` is it as it came */
  answer?: { status: number; headers: Record<string, string>; body: unknown; text: string };
}

/** A request that the operating system may send while nothing of ours runs, and what is to be kept with it. */
export interface HandedRequest {
  /** of this attempt alone */
  id: string;
  account: string;
  /** the requests of one lane go out one after the other, by `seq` */
  lane: string;
  seq: number;
  attempt: number;
  /**
   * Answers after which the next of the lane may go: one of the statuses, and at each JSON Pointer of the body the text `eq`
   * or, without one, anything but null. None: the next may not.
   */
  yes: { status: number[]; body: { at: string; eq?: string }[] }[];
  /** with its address, method, headers and body */
  request: Request;
}

/** How a request stands that was handed over. `pending`: it waits or is on its way; `held`: one before it got no yes, so it was not sent and will not be; `failed`: given up, without an answer. */
export interface HandedReport extends Pick<HandedRequest, "id" | "account" | "lane" | "seq" | "attempt"> {
  state: "pending" | "answered" | "failed" | "held";
  /** of the answer */
  status?: number;
  /** names in lower case */
  headers?: Record<string, string>;
  body?: string;
}

/** A service of the operating system that sends on while the app sleeps or is dead. What it was given stays known to it until it is forgotten. */
export interface HandOver {
  /** The requests of one lane in their order; each lane comes by itself. Resolves when all of it is kept. */
  begin(requests: HandedRequest[]): Promise<void>;
  /** Everything that was not forgotten yet. */
  list(): Promise<HandedReport[]>;
  /** What of these was not sent yet is not sent any more. */
  forget(ids: string[]): Promise<void>;
}

/** What `openPannier` takes. */
export interface OpenOptions {
  /** name of the IndexedDB database (default `pannier`) */
  database?: string;
  /** the backend profile: JSON text or the parsed document. Without it the stored one is used, as the service worker does. */
  profile?: string | object;
  /** values for the profile's server variables, as `{ api: "https://api.example.com" }` */
  servers?: Record<string, string>;
  /** texts that the profile names under `secrets`, kept on the device for the service worker; never in logs, exports or errors */
  secrets?: Record<string, string>;
  /**
   * For profiles whose sign-in is of the kind `host`: asked whenever a token has ended. Gives what `signIn` takes;
   * null when the person has to sign in again; throws or gives nothing when it cannot say now.
   */
  token?: () => Promise<Record<string, unknown> | null | undefined>;
  /**
   * Sends a request in the place of the browser's `fetch`, as a native host can for a backend without CORS: the whole answer,
   * or a rejection where none came. The request's signal says when nobody waits any more.
   */
  exchange?: (request: Request) => Promise<Response>;
  /**
   * Functions that the profile names under a step's `host` (docs/profile.md): for what data cannot say. Each may take ten seconds
   * and may be called again for the same operation.
   * @example functions: { sign: async ({ request }) => ({ headers: { "x-signature": await hmac(request.body) } }) }
   */
  functions?: Record<string, (call: HostCall) => unknown>;
  /** what you call your build; `versions()` tells it, so that a page and a worker of different builds can be told apart */
  app?: string;
  /** how long what is settled stays; kept on the device, so that the service worker goes by the same */
  keep?: Keep;
  /**
   * The office's public key, to which another account's work is sealed (docs/export.md): a P-256 key as a JWK, or as
   * PEM text ("-----BEGIN PUBLIC KEY-----"). Without one `exportSealed` is refused with `seal_key_missing`.
   */
  sealTo?: JsonWebKey | string;
  /**
   * Where this app's own server has the file `pannier-probe.txt` of this package (default: `/pannier-probe.txt`). It is asked
   * beside the backend when that does not answer, past every cache, and so tells a phone without a network from a backend that
   * is down. False where the app has no server of its own, as inside a Capacitor shell.
   */
  probe?: string | false;
  /** where the core's wasm is (default: `core.wasm`, in a shell `core-shell.wasm`, beside the script that holds the client, where bundlers put it) */
  wasm?: WasmSource;
}

/** What runs: versions of code, stored schema and profile, and how often the core was started again. */
export interface Versions {
  /** what the host calls its build, if it said */
  app?: string;
  /** the core's own, as the package's */
  core: string;
  /** of the IndexedDB database */
  schema: number;
  /** name and revision */
  profile?: string;
  /** times that the core stopped and a fresh instance took over */
  restarts: number;
}

/** Told after each change; `revision` only grows. Read again what you show; missing one loses nothing. */
export type ChangeListener = (change: { revision: number }) => void;

/**
 * The offline core. Open one per page; calls may overlap freely.
 *
 * A promise resolves when what it says is durable. Every refusal and failure is an `Error` with the
 * name `PannierError`, a stable `code` and a sentence for a person. Any call may also end with
 * `storage_full`, `storage_unavailable`, `storage_lost`, `storage_timeout` or `storage_failed` (what
 * was confirmed before is safe), with `core_restarted` (the core stopped; the next call works, look
 * before you repeat), with `closed` after `close`, and those for an account's data with `signed_out`.
 *
 * @example
 * const pannier = await openPannier({ profile });
 * attachWakes(pannier);
 * try {
 *   await pannier.record({ kind: "arrive", stop: "st-01" });
 * } catch (error) {
 *   if (error instanceof PannierError) show(error.message);
 * }
 */
export interface PannierApi {
  /**
   * Who is signed in, and what the profile's sign-in asks for. Asks no network.
   * @example const { signedIn, fields } = await pannier.session();
   */
  session(): Promise<SessionView>;
  /**
   * Signs in at the backend. What the profile's kind of sign-in needs is given: `username` and `password`, `key`,
   * `token`, `code`, or nothing. What waited for it is sent.
   * @throws PannierError `sign_in_refused`, `code_needed` (call again with `code`), `sign_in_failed`, `unreachable`
   * @example await pannier.signIn({ username: "anna", password: "packet123" });
   */
  signIn(credentials: Record<string, unknown>): Promise<{ account: AccountView }>;
  /**
   * Wipes what is settled: history, route, photos, sign-in. With `force` unsent work stays, counted and exportable, and is
   * sent when its account signs in again; half-filled stops go.
   * @throws PannierError `unsent_work` while operations wait or a stop is half filled in, unless `force`
   * @example await pannier.signOut(); // unsent_work: ask, then signOut({ force: true })
   */
  signOut(options?: { force?: boolean }): Promise<void>;
  /**
   * Asks the backend for the route. What was recorded here since is kept over it. A backend out of reach is an outcome, no error.
   * @example const { outcome } = await pannier.refreshRoute(); // "updated", or why not
   */
  refreshRoute(): Promise<RouteRefresh>;
  /**
   * The stored route with everything recorded. Asks no network.
   * @example const { stops, parcels } = await pannier.route();
   */
  route(): Promise<RouteView>;
  /**
   * One stop of it.
   * @example const stop = await pannier.stop("st-01"); if (stop?.can.deliver.allowed) showDeliver();
   */
  stop(id: string): Promise<StopView | undefined>;
  /**
   * What this code means at this stop or, without a stop, for loading the van. Records nothing.
   * @example const { text } = await pannier.meaning("PN-0001", "st-01");
   */
  meaning(code: string, stop?: string): Promise<ScanMeaning>;
  /**
   * Records what the courier did: on the disk when it resolves, sent later, once, in the stop's order.
   * @throws PannierError the refusal's code (docs/errors.md), as `photo_missing` or `stop_closed`; nothing is changed then
   * @example await pannier.record({ kind: "note", stop: "st-01", text: "Rang twice" });
   */
  record(intent: Intent, options?: RecordOptions): Promise<Receipt>;
  /**
   * Stores a photo's or signature's bytes, 50 MB at most, and gives their handle. What nothing names within a day is removed.
   * @throws PannierError `photo_empty`, `photo_too_large`, `photo_not_a_picture`, `storage_full`
   * @example
   * const { handle } = await pannier.stage(await file.arrayBuffer(), file.type);
   * await pannier.record({ kind: "photo", stop: "st-01", blob: handle });
   */
  stage(bytes: ArrayBuffer, mediaType: string): Promise<BlobMeta>;
  /**
   * Stored bytes by their handle.
   * @example const photo = await pannier.blob(handle); if (photo) image.src = URL.createObjectURL(photo);
   */
  blob(handle: string): Promise<Blob | undefined>;
  /**
   * A half-filled stop, as it was last saved.
   * @example const draft = await pannier.draft("st-01"); form.fill(draft?.fields ?? {});
   */
  draft(stop: string): Promise<Draft | undefined>;
  /**
   * Keeps a half-filled stop over the end of the page. `blobs` keeps staged bytes alive; `fields` is the page's own, 64 KB at most.
   * @throws PannierError `draft_too_large`
   * @example await pannier.saveDraft("st-01", [handle], { recipient: "Maria" });
   */
  saveDraft(stop: string, blobs: string[], fields: Record<string, unknown>): Promise<void>;
  /**
   * What was recorded, in its order, with what became of it.
   * @example
   * const { items, more } = await pannier.outbox({ state: "unsettled", limit: 50 });
   * const older = more ? await pannier.outbox({ state: "unsettled", limit: 50, before: items[0]?.seq }) : undefined;
   */
  outbox(query?: OutboxQuery): Promise<OutboxPage>;
  /**
   * Counts, reachability and one line in words for a bar.
   * @example const { waiting, parked, bytesWaiting } = await pannier.status();
   */
  status(): Promise<Status>;
  /**
   * Sends what is due. Resolves when nothing more can be done now, or at the budget (milliseconds). `attachWakes` calls it
   * whenever there is reason to; a button calls it with `manual`.
   * @example const { settled, stopped } = await pannier.drain("manual", { budgetMs: 10_000 });
   */
  drain(reason: WakeReason, options?: { budgetMs?: number }): Promise<DrainReport>;
  /**
   * Gives the operating system what it may send while nothing of ours runs, in a shell (`system` of `openWithSystem`): when the
   * app leaves the screen. Its answers are taken by the next drain. In a Capacitor app `openShell` calls it.
   * @throws PannierError `system_missing`
   * @example App.addListener("pause", () => pannier.handOver());
   */
  handOver(): Promise<DrainReport>;
  /**
   * Sends a parked or waiting operation again.
   * @throws PannierError `operation_unknown`, `operation_in_flight`, `operation_settled`
   * @example await pannier.retry(item.id);
   */
  retry(operation: string): Promise<void>;
  /**
   * Sets an operation aside for good, with a person's reason; it is kept with it.
   * @throws PannierError `operation_unknown`, `operation_in_flight`, `operation_in_doubt`, `operation_settled`, `reason_missing`
   * @example await pannier.discard(item.id, "written at the wrong door");
   */
  discard(operation: string, reason: string): Promise<void>;
  /**
   * Corrects what was recorded: in its place before its first attempt, else by a new operation that supersedes it.
   * `changes`: fields of the intent, those that the item's `amend` names.
   * @throws PannierError `operation_unknown`, `operation_settled`, `amend_unsupported`, `changes_invalid`
   * @example await pannier.amend(item.id, { recipient: "Karin Ekholm" });
   */
  amend(operation: string, changes: Record<string, unknown>): Promise<Receipt>;
  /**
   * What a person should know although nothing waits for him, newest first.
   * @example for (const { code, text } of await pannier.notices()) tell(code, text);
   */
  notices(): Promise<Notice[]>;
  /**
   * A person has read it.
   * @example await pannier.putAway(notice);
   */
  putAway(notice: Pick<Notice, "at" | "seq">): Promise<void>;
  /**
   * What the backend was found to hold more often than once, of what it has confirmed and is still kept here (14 days unless
   * set otherwise): for the office, and there whether or not somebody has put the notice away.
   * @example for (const { id, stop, reason } of await pannier.duplicates()) report(id, stop, reason?.times);
   */
  duplicates(): Promise<OutboxItem[]>;
  /**
   * Every attempt of one operation, settled or not.
   * @throws PannierError `operation_unknown`
   * @example const { attempts } = await pannier.history(item.id); // attempts.at(-1)?.text
   */
  history(operation: string): Promise<History>;
  /**
   * Tries to send what is left, for 20 s unless `budgetMs` (milliseconds) says otherwise, then says what could not be: to be
   * read before a phone is handed in. The file for the office is made by `pannier/export`.
   * @example const { clear, text, items } = await pannier.closeShift();
   */
  closeShift(options?: { budgetMs?: number }): Promise<ShiftClose>;
  /**
   * Other accounts' unsent work on this device; works signed out, too.
   * @example const [other] = await pannier.others(); // other?.waiting of other?.whose
   */
  others(): Promise<OtherAccount[]>;
  /**
   * At which ages of the oldest unsent recording, in minutes, a person is told (10 and 30 unless set); none: never. Kept on
   * the device, for page and worker alike. Without `minutes`: as they are.
   * @throws PannierError `thresholds_invalid`
   * @example await pannier.thresholds([15, 45]);
   */
  thresholds(minutes?: number[]): Promise<number[]>;
  /**
   * Everything for a look at how this phone fared: wakes, reachability, what waits, storage, versions.
   * @example download("diagnostics.json", JSON.stringify(await pannier.diagnostics()));
   */
  diagnostics(): Promise<Diagnostics>;
  /**
   * Figures for the host's own telemetry.
   * @example telemetry.gauge(await pannier.health());
   */
  health(): Promise<Health>;
  /**
   * Told once at the beginning and whenever a figure changed (storage's excepted), one after the other, until the function it
   * returns is called; a listener's own error is its own.
   * @example const stop = pannier.onHealth(({ parked, waiting }) => telemetry.gauge({ parked, waiting }));
   */
  onHealth(listener: (health: Health) => void): () => void;
  /**
   * The public key of whoever sends push messages, in base64url, as the profile says. For most, `startPush` is the call.
   * @throws PannierError `push_unsupported`, `push_unreachable`, `signed_out`
   * @example const key = await pannier.pushKey();
   */
  pushKey(): Promise<string>;
  /**
   * What the browser has now; the sender is told when it is new or was told over ten minutes ago. For most, `lookAtPush`.
   * @throws PannierError `signed_out`, and the store's
   * @example if (await pannier.push(subscription) === "lost") offerWakeUps();
   */
  push(subscription?: Subscription): Promise<PushState>;
  /**
   * The person wants none any more; the sender is told if it can be. For most, `stopPush`.
   * @example await pannier.endPush(subscription);
   */
  endPush(was: Subscription): Promise<PushState>;
  /**
   * One bounded turn of pruning; runs by itself at launch and after drains, at most every ten minutes.
   * @example const { photos, more } = await pannier.tidy();
   */
  tidy(): Promise<Tidied>;
  /**
   * Tells of changes, of other windows and the worker too, until the function it returns is called. Told once for many;
   * who comes late or is slow reads again what he shows and has missed nothing.
   * @example const stop = pannier.subscribe(async () => render(await pannier.route()));
   */
  subscribe(listener: ChangeListener): () => void;
  /**
   * What runs here.
   * @example const { core, restarts } = pannier.versions();
   */
  versions(): Versions;
  /**
   * Ends this client; further calls are refused with `closed`. What is on its way ends by itself.
   * @example pannier.close();
   */
  close(): void;
}
