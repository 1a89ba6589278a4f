// The shapes that cross between the core and JavaScript. The core (Rust) makes and checks them;
// each interface here mirrors a serde type of `core/src`. Times are Unix milliseconds unless a
// name says otherwise. Ids and codes are opaque strings.

import type { StorageHealth } from "./storage";

/** When and where something was recorded. */
export interface Position { lat: number; lon: number; accuracyM: number; /** age of the fix when recorded */ ageMs: number }

export type StopKind = "delivery" | "pickup";
/** How much a stop insists on one kind of proof. */
export type Requirement = "required" | "warned" | "optional";
export interface ProofPolicy {
  photo: Requirement; signature: Requirement; scan: Requirement;
  /** a required proof may be left out when the courier gives a reason */
  overridable: boolean;
}
export interface Address { name: string; street: string; postalCode: string; city: string; doorCode?: string; floor?: string; lat?: number; lon?: number; phone?: string }
/** Both ends in Unix milliseconds, in the backend's clock. */
export interface TimeWindow { from: number; to: number }

/**
 * open: nothing done; arrived: at the door; waiting: an outcome is recorded and not yet confirmed by the backend;
 * done: the backend has said yes to the outcome; attention: an operation of this stop is parked.
 */
export type StopState = "open" | "arrived" | "waiting" | "done" | "attention";
export type ParcelOutcomeKind = "delivered" | "failed" | "returned" | "picked_up";

export interface ParcelView {
  id: string; code: string; label: string;
  /** loaded into the van */
  loaded: boolean;
  /** scanned at this stop */
  scanned: boolean;
  outcome?: ParcelOutcomeKind;
}
/** What may be tapped now; when not, why, with a stable code and a sentence. */
export interface Permission { allowed: boolean; code?: string; text?: string }
/** One line of "what is still missing here". */
export interface ProofNeed { proof: "photo" | "signature" | "scan"; requirement: Requirement; have: number; want: number; satisfied: boolean }

export interface StopView {
  id: string; sequence: number; kind: StopKind; address: Address; window?: TimeWindow; note?: string;
  state: StopState;
  /** operations of this stop that wait, are in flight, or are parked */
  waiting: number; parked: number;
  /** the outcome of the stop as a whole once recorded: delivered, partial, failed, returned, picked_up */
  outcome?: "delivered" | "partial" | "failed" | "returned" | "picked_up";
  /** the office cancelled it, or it is gone from the route while work on it is unsent */
  withdrawn?: "cancelled" | "gone";
  parcels: ParcelView[];
  proof: ProofPolicy; needs: ProofNeed[];
  photos: string[]; signature?: string; notes: string[]; arrivedAt?: number;
  can: Record<"arrive" | "scan" | "photo" | "signature" | "note" | "deliver" | "fail" | "return" | "pick_up", Permission>;
  /** fixed choices for `fail` and `return`, from the profile */
  reasons: { fail: Choice[]; return: Choice[] };
}
export interface Choice { code: string; text: string }
export interface RouteView {
  /** store-wide change number; a view with an older one is stale */
  revision: number;
  id?: string; date?: string; fetchedAt?: number;
  stops: StopView[];
  parcels: { total: number; loaded: number; done: number };
  /** stops that left the route at the backend while work on them is unsent: kept and shown */
  changes: string[];
}

export interface ParcelOutcome { parcel: string; outcome: "delivered" | "failed" | "returned"; reason?: string }
/** What the courier did. `record` makes it durable; the core checks it first. */
export type Intent =
  | { kind: "load"; code: string }
  | { kind: "pick_up"; stop: string; parcels: string[]; overrides?: Override[] }
  | { kind: "arrive"; stop: string }
  | { kind: "scan"; stop: string; code: string; source: "camera" | "typed" | "wedge" }
  | { kind: "photo"; stop: string; blob: string }
  | { kind: "signature"; stop: string; blob: string; signer?: string }
  | { kind: "note"; stop: string; text: string }
  | { kind: "deliver"; stop: string; recipient: string; outcomes: ParcelOutcome[]; overrides?: Override[] }
  | { kind: "fail"; stop: string; reason: string; text?: string }
  | { kind: "return"; stop: string; reason: string; text?: string }
  | { kind: "custom"; name: string; stop?: string; fields: Record<string, string | number | boolean | null> };
export interface Override { proof: "photo" | "signature" | "scan"; reason: string }
export interface RecordOptions { position?: Position }
/** The operation is on disk when this is returned. `duplicate` tells that the same thing was recorded before and nothing was added. */
export interface Receipt { operation: string; seq: number; revision: number; duplicate: boolean }

/** What a code in front of the camera means, before anything is recorded. */
export interface ScanMeaning {
  verdict: "expected" | "already_scanned" | "other_stop" | "unlisted" | "unreadable";
  code: string; text: string; parcel?: string; stop?: string;
}

export interface StagedBlob { handle: string; mediaType: string; bytes: number; sha256: string }

/** A half-filled stop. `blobs` keeps the staged photos alive; `fields` is the page's own. */
export interface Draft { stop: string; blobs: string[]; fields: Record<string, unknown>; savedAt: number }

export type OperationStateName = "waiting" | "in_flight" | "in_doubt" | "parked" | "settled" | "discarded";
export interface OutboxItem {
  id: string; seq: number; lane: string; stop?: string; kind: string;
  /** one line for a person: "Delivered to Anna Berg", with the stop's address */
  title: string; subtitle: string;
  state: OperationStateName; stateText: string;
  /** bytes to send: request fields and photo */
  bytes: number;
  recordedAt: number; attempts: number; lastAttemptAt?: number; dueAt?: number; settledAt?: number;
  /** why it is not settled, in words, and its stable code */
  reason?: { code: string; text: string; backend?: string };
  /** what a person can do about it */
  advice?: string;
  blob?: string; sha256?: string;
  /** ids: the recording that it corrects, and the one that corrects it */
  supersedes?: string; supersededBy?: string;
  /** the fields that `amend` takes now, as they stand */
  amend?: Record<string, unknown>;
  /** a correction takes its place; otherwise it becomes an operation of its own */
  amendInPlace: boolean;
}
export interface OutboxQuery { state?: "unsettled" | "settled" | "all"; stop?: string; limit?: number; before?: number }
export interface OutboxPage { revision: number; items: OutboxItem[]; more: boolean }

export type Reachability = "unknown" | "reachable" | "unreachable" | "sign_in_needed" | "backend_trouble";
export interface Status {
  revision: number;
  account?: { id: string; name: string };
  signedIn: boolean;
  waiting: number; parked: number; inFlight: number; oldestWaitingAt?: number;
  bytesWaiting: number;
  /** work of another account on this phone, counted and kept */
  otherAccounts: number;
  reachability: Reachability; lastReachedAt?: number; lastTryAt?: number; lastTryText?: string;
  nextWakeAt?: number;
  /** one line for the bar, in words */
  text: string;
  /** what this browser's storage is worth */
  storage: StorageHealth;
  /** records that could not be read and were set aside raw; an export holds them */
  quarantined: number;
  /** the schema that a newer version of the core left here: everything is read-only until this one is updated */
  storageNewer?: number;
  /** how many `notices` nobody has put away */
  notices: number;
}

/**
 * What a person should know although nothing waits for him: `duplicate`, the backend holds it more often than once;
 * `not_shown`, it said yes and does not show it; `done_already`, it refused and a newer route shows it as done; `stop_cancelled`, `stop_gone`, the office took a stop away with unsent work on it. Kept until it is put away, the newest 200 of them.
 */
export interface Notice { at: number; seq: number; code: "duplicate" | "not_shown" | "done_already" | "stop_cancelled" | "stop_gone"; text: string; operation?: string; stop?: string }

/** One try to send an operation, or to ask what became of it. */
export interface AttemptView {
  number: number; step: string; purpose: string;
  /** what woke the drain */
  trigger: WakeReason;
  startedAt: number; endedAt?: number;
  /** the answer's, where one came */
  status?: number;
  /** the verdict's name, or the network failure's; absent while nothing is known */
  verdict?: string;
  /** the same in words */
  text: string;
  /** the backend's own words, at most 300 characters */
  said?: string;
  /** the first 2,000 characters of an answer that parked it */
  answer?: string;
}
/** Everything that is known of one operation. Of one that was tried more than a thousand times, attempts between the first 20 and the newest 980 are gone. */
export interface History {
  item: OutboxItem;
  /** in their order */
  attempts: AttemptView[];
  /** what the backend has said yes to, with what was captured from its answers */
  steps: { step: string; at: number; outputs: Record<string, unknown> }[];
  /** the profile's revision it is pinned to, from its first attempt on */
  profile?: string;
}

/** Unsent work of another account on this device. Neither its contents nor who it is can be had from here. */
export interface OtherAccount {
  /** names the account in further calls; not its id */
  reference: string;
  /** a first name and an initial; empty where the sign-in gave no name */
  whose: string;
  waiting: number; parked: number; oldestAt?: number;
  bytes: number;
  /** records that could not be read and were set aside raw */
  quarantined: number;
}

/** What a phone would be handed in with. */
export interface ShiftClose {
  /** nothing unsent, nothing half filled in, nothing set aside unread */
  clear: boolean;
  /** one line: "Nothing unsent", or what there is */
  text: string;
  /** how the last try to send ended */
  stopped: DrainReport["stopped"];
  /** unsent operations in the order of the stops, each with `reason` and `advice`; 500 at most */
  items: OutboxItem[];
  more: boolean;
  /** half-filled stops: nothing of them is recorded */
  unfinished: { stop: string; title: string; photos: number }[];
  quarantined: number;
}

/** For the host's own telemetry: counts, moments and codes, nothing about a person. */
export interface Health {
  at: number; signedIn: boolean;
  waiting: number; inFlight: number; bytesWaiting: number; oldestWaitingAt?: number;
  /** how many lanes wait for a person, by the reason's code (docs/errors.md) */
  parked: Record<string, number>;
  /** when the backend last confirmed an operation */
  lastSuccessAt?: number;
  lastReachedAt?: number;
  quarantined: number;
  /** operations of other accounts on this device */
  otherAccounts: number;
  storage: StorageHealth;
}

/** How long what is settled stays on the device; what is not settled is never pruned. */
export interface Keep {
  /** days after which the photo of a settled operation goes (3) */
  photoDays?: number;
  /** days after which a settled or discarded operation goes, with its names and addresses (14) */
  personalDays?: number;
  /** percent of the browser's quota; above it the oldest settled photos go whatever their age (50) */
  storagePercent?: number;
}
/** What one turn of pruning removed; `more`: another may follow at once. `orphans`: staged photos that nothing named. */
export interface Tidied { orphans: number; photos: number; operations: number; more: boolean }

export type WakeReason = "recorded" | "opened" | "visible" | "online" | "timer" | "manual" | "sync" | "push" | "message" | "activate" | "signed_in";
export interface DrainReport {
  reason: WakeReason; attempted: number; settled: number; parked: number; failed: number; waiting: number;
  /** idle: nothing left due; busy: another context drains; budget: out of time */
  stopped: "idle" | "busy" | "budget" | "unreachable" | "sign_in";
  nextWakeAt?: number; tookMs: number;
  /** parked operations that a newer profile revision has settled, or sends again */
  rejudgedSettled: number; rejudgedAgain: number;
  /** operations that the backend turned out to hold more often than once */
  duplicates: number;
}
export interface RouteRefresh { outcome: "updated" | "unreachable" | "sign_in" | "refused"; text: string; /** stops that could not be read; the text names the first */ unreadable: number; revision: number }

/** Every refusal and failure: `name` is "PannierError", `code` is stable, `message` is a sentence for a person. */
export interface PannierErrorShape { name: "PannierError"; code: string; message: string }

export interface OpenOptions {
  /** name of the IndexedDB database (default "pannier") */
  database?: string;
  /** the backend profile: JSON text or the parsed document; without it the stored one is used (service worker) */
  profile?: string | object;
  /** values for the profile's server variables, e.g. { api: "https://api.example.com" } */
  servers?: Record<string, string>;
  /** texts that the profile names under `secrets`, kept on the device for the service worker; never in logs, exports or errors */
  secrets?: Record<string, string>;
  /**
   * For profiles whose sign-in is of the kind `host`: asked whenever a token has ended. Gives what `signIn` takes;
   * null when the person has to sign in again; throws or gives nothing when it cannot say now.
   */
  token?: () => Promise<Record<string, unknown> | null | undefined>;
  /** how long what is settled stays; kept on the device, so that the service worker goes by the same */
  keep?: Keep;
  /**
   * The office's public key, to which another account's work is sealed (docs/export.md): a P-256 key as a JWK, or as
   * PEM text ("-----BEGIN PUBLIC KEY-----"). Without one `exportSealed` is refused with `seal_key_missing`.
   */
  sealTo?: JsonWebKey | string;
  /** where the core's wasm is: URL, Response or bytes */
  wasm: string | URL | Response | Promise<Response> | BufferSource;
}
export interface Session { account?: { id: string; name: string }; signedIn: boolean; fields: string[] }

/** Told after each change; `revision` only grows. Read again what you show; missing one loses nothing. */
export type ChangeListener = (change: { revision: number }) => void;

/** The offline core. Open one per page; calls may overlap. */
export interface PannierApi {
  /** `fields`: the names of what the profile's sign-in asks a person for */
  session(): Promise<Session>;
  /** What the profile's kind of sign-in needs: `username` and `password`, `key`, `token`, `code`, or nothing. `code_needed`: call again with `code` */
  signIn(credentials: Record<string, unknown>): Promise<{ account: { id: string; name: string } }>;
  /**
   * Wipes what is settled: history, route, photos, sign-in. Refused with code `unsent_work` while operations wait or a
   * stop is half filled in, unless `force`: unsent work then stays, counted and exportable; half-filled stops go.
   */
  signOut(options?: { force?: boolean }): Promise<void>;
  refreshRoute(): Promise<RouteRefresh>;
  route(): Promise<RouteView>;
  stop(id: string): Promise<StopView | undefined>;
  /** What this code means at this stop (or, without a stop, for loading the van). Records nothing. */
  meaning(code: string, stop?: string): Promise<ScanMeaning>;
  record(intent: Intent, options?: RecordOptions): Promise<Receipt>;
  /** Stores photo or signature bytes durably and gives their handle. */
  stage(bytes: ArrayBuffer, mediaType: string): Promise<StagedBlob>;
  blob(handle: string): Promise<Blob | undefined>;
  draft(stop: string): Promise<Draft | undefined>;
  saveDraft(stop: string, blobs: string[], fields: Record<string, unknown>): Promise<void>;
  outbox(query?: OutboxQuery): Promise<OutboxPage>;
  status(): Promise<Status>;
  /** Sends what is due. Resolves when nothing more can be done now, or at the budget. */
  drain(reason: WakeReason, options?: { budgetMs?: number }): Promise<DrainReport>;
  retry(operation: string): Promise<void>;
  discard(operation: string, reason: string): Promise<void>;
  /**
   * Corrects what was recorded: in its place before its first attempt, else by a new operation that supersedes it.
   * `changes`: fields of the intent, those that the item's `amend` names.
   */
  amend(operation: string, changes: Record<string, unknown>): Promise<Receipt>;
  /** Newest first. */
  notices(): Promise<Notice[]>;
  /** A person has read it. */
  putAway(notice: Pick<Notice, "at" | "seq">): Promise<void>;
  /**
   * Every attempt of one operation, settled or not.
   * @throws PannierError `operation_unknown`, `signed_out`
   */
  history(operation: string): Promise<History>;
  /** Tries to send what is left, for 20 s unless `budgetMs` says otherwise, then says what could not be: to be read before a phone is handed in. */
  closeShift(options?: { budgetMs?: number }): Promise<ShiftClose>;
  /** Other accounts' unsent work on this device; works signed out, too. */
  others(): Promise<OtherAccount[]>;
  health(): Promise<Health>;
  /** Told once at the beginning and whenever a figure changed (storage's excepted), one after the other; a listener's own error is its own. */
  onHealth(listener: (health: Health) => void): () => void;
  /** One bounded turn of pruning; runs by itself at launch and after drains, at most every ten minutes. */
  tidy(): Promise<Tidied>;
  subscribe(listener: ChangeListener): () => void;
  versions(): { core: string; schema: number; profile?: string; restarts: number };
  close(): void;
}
