// Made from the Rust types by core/json-derive/tests/types.rs, which says how to write it anew.
// Not to be edited: what is wrong here is wrong in core/src. Times are Unix milliseconds of the
// device's clock unless a field says otherwise; ids, codes and handles are opaque strings.

/**
 * What the courier did. Recording makes it durable; it is checked first.
 *
 * ```json
 * { "kind": "scan", "stop": "st-07", "code": "PN-7H2K-0012", "source": "camera" }
 * ```
 */
export type Intent =
  /** a parcel goes into the van */
  | {
      kind: "load";
      code: string;
    }
  /** parcels are taken over at a stop */
  | {
      kind: "pick_up";
      stop: string;
      parcels: string[];
      /** required proofs that are left out, and why */
      overrides?: ProofOverride[];
    }
  /** at the door */
  | {
      kind: "arrive";
      stop: string;
    }
  /** a parcel's label */
  | {
      kind: "scan";
      stop: string;
      code: string;
      source: ScanSource;
    }
  /** a photo whose bytes are staged */
  | {
      kind: "photo";
      stop: string;
      blob: string;
    }
  /** a signature whose picture is staged */
  | {
      kind: "signature";
      stop: string;
      blob: string;
      /** who signed */
      signer?: string;
    }
  /** what the office should read */
  | {
      kind: "note";
      stop: string;
      text: string;
    }
  /** the stop is done; each parcel has its own outcome */
  | {
      kind: "deliver";
      stop: string;
      recipient: string;
      outcomes: ParcelOutcome[];
      /** required proofs that are left out, and why */
      overrides?: ProofOverride[];
    }
  /** nothing could be handed over here */
  | {
      kind: "fail";
      stop: string;
      /** one of the profile's, by its code */
      reason: string;
      text?: string;
    }
  /** everything goes back */
  | {
      kind: "return";
      stop: string;
      /** one of the profile's, by its code */
      reason: string;
      text?: string;
    }
  /** What a company has of its own: a PIN, cash collected, an identity check. */
  | {
      kind: "custom";
      /** as the profile calls it */
      name: string;
      stop?: string;
      fields?: Record<string, unknown>;
    };

/** The courier's reason for leaving a required proof out. */
export interface ProofOverride {
  proof: Proof;
  reason: string;
}

/** A kind of proof. */
export type Proof = "scan" | "photo" | "signature";

/**
 * How a code came in.
 * - `typed`: by finger
 * - `wedge`: a hand scanner that types
 */
export type ScanSource = "camera" | "typed" | "wedge";

/** One parcel's line of a `deliver` operation. */
export interface ParcelOutcome {
  parcel: string;
  outcome: ParcelFate;
  /** why it was not delivered: one of the profile's, by its code */
  reason?: string;
}

/** What became of one parcel. */
export type ParcelFate = "delivered" | "failed" | "returned" | "picked_up";

/** A fix the device gave when something was recorded. */
export interface Position {
  /** degrees, WGS 84 */
  lat: number;
  /** degrees, WGS 84 */
  lon: number;
  /** metres */
  accuracyM: number;
  /** how old the fix was at that moment, in milliseconds */
  ageMs: number;
}

/** Which operations are wanted. */
export interface OutboxQuery {
  /** all of them unless said */
  state?: OutboxFilter;
  /** only this stop's */
  stop?: string;
  /** the newest so many, 500 at most */
  limit?: number;
  /** only what was recorded before this `seq` */
  before?: number;
}

/**
 * Which states are wanted.
 * - `unsettled`: what still waits for something
 * - `settled`: confirmed by the backend, or set aside
 */
export type OutboxFilter = "unsettled" | "settled" | "all";

/**
 * Why something woke the core.
 * - `shown`: back from the browser's page cache
 * - `focus`: the window is in use again, though it was never hidden
 * - `timer`: what was due, or the heartbeat
 * - `click`: a notification was tapped
 * - `navigation`: a page was asked for through the worker
 * - `paused`: the app leaves the screen, and the system goes on for it
 * - `back`: for an attempt: the heartbeat had just found the backend again
 */
export type WakeReason = "recorded" | "opened" | "visible" | "shown" | "focus" | "online" | "timer" | "manual" | "sync" | "push" | "click" | "message" | "activate" | "navigation" | "signed_in" | "paused" | "back";

/**
 * How long what is settled stays; what is left out is as usual. Kept in the store, so that the
 * worker goes by the same.
 */
export interface Keep {
  /** days after which the photo of a settled operation goes */
  photoDays?: number;
  /** days after which a settled or discarded operation goes, with its names and addresses */
  personalDays?: number;
  /** percent of the browser's quota; above it the oldest settled photos go whatever their age */
  storagePercent?: number;
}

/** What a browser's `PushSubscription` says. */
export interface Subscription {
  endpoint: string;
  p256dh: string;
  auth: string;
}

/** Who is signed in, and what a sign-in asks for. */
export interface SessionView {
  /** whose work is shown; stays when the sign-in has ended */
  account?: AccountView;
  signedIn: boolean;
  /** the names of what the profile's sign-in asks a person for */
  fields: string[];
}

/** Whose work it is. */
export interface AccountView {
  id: string;
  name: string;
}

/** The route with everything that is known of it: the backend's word and the courier's recordings. */
export interface RouteView {
  /** the store's change number; a view with a smaller one is older */
  revision: number;
  id?: string;
  date?: string;
  /** when the backend last gave it, in Unix milliseconds */
  fetchedAt?: number;
  /** in the route's order */
  stops: StopView[];
  parcels: ParcelCounts;
  /** what the newest route changed that the courier should know */
  changes: RouteNews[];
}

/** One stop as a screen shows it. */
export interface StopView {
  id: string;
  /** its place in the route */
  sequence: number;
  kind: StopKind;
  address: Address;
  window?: TimeWindow;
  note?: string;
  state: StopState;
  /** operations of this stop that are not settled and need nobody */
  waiting: number;
  /** operations of this stop that need a person */
  parked: number;
  /** what became of the stop as a whole, once it is recorded */
  outcome?: StopStatus;
  /** the office cancelled it, or it is gone from the route, with unsent work on it */
  withdrawn?: string;
  parcels: ParcelView[];
  proof: ProofPolicy;
  /** what is still missing here, and what is there */
  needs: NeedView[];
  /** handles of recorded photos */
  photos: string[];
  /** the handle of a recorded signature */
  signature?: string;
  /** what the courier noted */
  notes: string[];
  /** Unix milliseconds */
  arrivedAt?: number;
  /** its parcels belong into the van: a delivery that is still to come */
  toLoad: boolean;
  can: Permissions;
  pictures: PicturesView;
  reasons: ReasonsView;
}

/** What is done at a stop. */
export type StopKind = "delivery" | "pickup";

/** Where a stop is and who is there; empty texts where the backend says nothing. */
export interface Address {
  name: string;
  street: string;
  postalCode: string;
  city: string;
  doorCode?: string;
  floor?: string;
  /** degrees, WGS 84 */
  lat?: number;
  /** degrees, WGS 84 */
  lon?: number;
  phone?: string;
}

/** Both ends in Unix milliseconds of the backend's clock. */
export interface TimeWindow {
  from: number;
  to: number;
}

/**
 * Where a stop stands.
 * - `open`: nothing is done here
 * - `arrived`: at the door
 * - `waiting`: an outcome is recorded and not yet confirmed
 * - `done`: the backend has said yes to everything that was recorded here
 * - `attention`: an operation of this stop needs a person
 */
export type StopState = "open" | "arrived" | "waiting" | "done" | "attention";

/** What became of a stop. */
export type StopStatus = "open" | "arrived" | "delivered" | "partial" | "failed" | "returned" | "picked_up" | "cancelled";

/** One parcel of a stop. */
export interface ParcelView {
  id: string;
  /** what its label says */
  code: string;
  /** what it is called */
  label: string;
  /** in the van */
  loaded: boolean;
  /** scanned at this stop */
  scanned: boolean;
  outcome?: ParcelFate;
}

/** How much a stop insists on each proof. */
export interface ProofPolicy {
  photo: Requirement;
  signature: Requirement;
  scan: Requirement;
  /** a required proof may be left out when the courier gives a reason */
  overridable: boolean;
}

/**
 * How much a stop insists on one kind of proof.
 * - `required`: nothing is delivered without it
 * - `warned`: asked for, not insisted on
 */
export type Requirement = "required" | "warned" | "optional";

/** One line of what a stop insists on. */
export interface NeedView {
  proof: Proof;
  requirement: Requirement;
  have: number;
  want: number;
  satisfied: boolean;
}

/** What may be recorded at a stop now. */
export interface Permissions {
  arrive: Permission;
  scan: Permission;
  photo: Permission;
  signature: Permission;
  note: Permission;
  deliver: Permission;
  fail: Permission;
  return: Permission;
  pick_up: Permission;
}

/** Whether something may be done now and, where it may not, why. */
export interface Permission {
  allowed: boolean;
  /** stable */
  code?: string;
  /** what the sentence for the courier names */
  values?: Record<string, unknown>;
}

/** Media types of pictures that the backend takes; an empty list takes all. */
export interface PicturesView {
  photo: string[];
  signature: string[];
}

/** The profile's fixed choices for what could not be delivered. */
export interface ReasonsView {
  fail: Choice[];
  return: Choice[];
}

/** One of the profile's fixed choices. */
export interface Choice {
  /** what is recorded */
  code: string;
  /** what the courier reads */
  text: string;
  /** the same in other languages, by their tags: `{ "sv": "Ingen hemma" }` */
  texts?: Record<string, string>;
}

/** Parcels of a whole route. */
export interface ParcelCounts {
  total: number;
  /** in the van */
  loaded: number;
  /** with an outcome, sent or not */
  done: number;
}

/** One thing that a newer route changed. */
export interface RouteNews {
  code: RouteNewsCode;
  stop: string;
  place: StopPlace;
  /** how many the stop has now */
  parcels: number;
}

/**
 * What a newer route changed at a stop.
 * - `left`: it is no longer on the route; nothing of it waited
 * - `gone`: it is no longer on the route, and work on it is unsent
 */
export type RouteNewsCode = "new_stop" | "left" | "gone" | "cancelled" | "new_address" | "other_parcels";

/** A stop in a line of text. */
export interface StopPlace {
  sequence: number;
  /** shortened and harmless to show */
  street: string;
}

/** What came of asking for the route. Whatever it is, the stored route is still there. */
export interface RouteRefresh {
  outcome: RouteOutcome;
  /** for developers: what was refused, or what is wrong with the first stop that could not be read */
  detail?: string;
  /** stops that could not be read */
  unreadable: number;
  /** the route came empty, the backend could not prove it, and nothing was removed */
  kept: boolean;
  /** the store's change number */
  revision: number;
}

/**
 * How the backend answered for the route.
 * - `sign_in`: it asks for a new sign-in
 * - `refused`: it said no, or something that is no route
 */
export type RouteOutcome = "updated" | "unreachable" | "sign_in" | "refused";

/** What a code in front of the camera means, before anything is recorded. */
export interface ScanMeaning {
  verdict: MeaningVerdict;
  /** shortened and harmless to show; record the code as scanned */
  code: string;
  /** where the parcel is to be handed over */
  place?: StopPlace;
  /** why it does not go into the van */
  staysBehind?: StaysBehind;
  parcel?: string;
  stop?: string;
}

/**
 * Whether a code belongs here.
 * - `expected`: it does, and may be recorded
 * - `already_loaded`: in the van
 * - `other_stop`: a parcel of this route, to be handed over elsewhere
 * - `unlisted`: no parcel of this route
 * - `unreadable`: empty, too long, or no text
 */
export type MeaningVerdict = "expected" | "already_scanned" | "already_loaded" | "other_stop" | "unlisted" | "unreadable";

/**
 * Why a stop's parcels do not go into the van.
 * - `pickup`: they are taken over there
 * - `closed`: the stop has its outcome already
 */
export type StaysBehind = "pickup" | "cancelled" | "closed";

/** The operation is on the disk. */
export interface Receipt {
  operation: string;
  /** its place in the order of recording */
  seq: number;
  /** the store's change number with it */
  revision: number;
  /** the same thing was recorded before (the same parcel, the same bytes): nothing was added */
  duplicate: boolean;
}

/** What is known of staged bytes; the bytes themselves never pass through the core. */
export interface BlobMeta {
  handle: string;
  mediaType: string;
  /** bytes */
  bytes: number;
  /** lower-case hex */
  sha256: string;
  /** Unix milliseconds */
  stagedAt: number;
  /** the operation that needs these bytes; they are never swept while it is set */
  pinnedBy?: number;
}

/** A half-filled stop. The page owns `fields`; `blobs` keeps staged pictures alive. */
export interface Draft {
  account: string;
  stop: string;
  blobs: string[];
  fields: Record<string, unknown>;
  /** Unix milliseconds */
  savedAt: number;
}

/** A piece of the outbox, oldest first. */
export interface OutboxPage {
  /** the store's change number when it was read */
  revision: number;
  items: OutboxItem[];
  /** there are older ones: ask again with `before`, the first item's `seq` */
  more: boolean;
}

/** One operation as a person reads it. */
export interface OutboxItem {
  id: string;
  /** its place in the order of recording */
  seq: number;
  /** what it waits behind: only a lane's first is tried */
  lane: string;
  stop?: string;
  /** as in `Intent`; a custom one's own name */
  kind: string;
  /** what was done */
  title: Title;
  /** where */
  place?: StopPlace;
  state: OperationStateName;
  /** the state, as a person is told of it */
  said: ItemSaid;
  /** a person's reason for setting it aside */
  setAside?: string;
  /** to be sent: fields and picture, in bytes */
  bytes: number;
  /** Unix milliseconds */
  recordedAt: number;
  attempts: number;
  /** Unix milliseconds */
  lastAttemptAt?: number;
  /** when it is tried next by itself, in Unix milliseconds */
  dueAt?: number;
  /** Unix milliseconds */
  settledAt?: number;
  /** why it is not settled */
  reason?: Reason;
  /** what a person can do about it */
  advice?: Advice;
  /** the handle of its picture */
  blob?: string;
  /** of the picture, lower-case hex */
  sha256?: string;
  /** the recording that it corrects, and the one that corrects it */
  supersedes?: string;
  supersededBy?: string;
  /** what a person may correct now, as it stands */
  amend?: Record<string, unknown>;
  /** a correction takes its place; otherwise it becomes an operation of its own */
  amendInPlace: boolean;
}

/** What was done, in a line: a code and what its sentence names, shortened and harmless to show. */
export type Title =
  | {
      code: "loaded";
      parcel: string;
    }
  | {
      code: "picked_up";
      parcels: number;
    }
  | {
      code: "arrived";
    }
  | {
      code: "scanned";
      parcel: string;
    }
  | {
      code: "photo";
    }
  | {
      code: "signature";
      signer?: string;
    }
  | {
      code: "note";
      text: string;
    }
  | {
      code: "delivered";
      recipient: string;
      /** so many parcels of `of` were handed over */
      parcels: number;
      of: number;
    }
  | {
      code: "failed";
    }
  | {
      code: "returned";
      parcels: number;
    }
  /** a company's own operation, by its name */
  | {
      code: "custom";
      name: string;
    };

/**
 * Where an operation stands.
 * - `waiting`: not sent, or answered "later"
 * - `in_flight`: an attempt is on its way
 * - `in_doubt`: the backend may have it; that is being found out
 * - `parked`: needs a person, and holds what was recorded at its stop later
 * - `settled`: the backend has it, or the profile has no request for it
 * - `discarded`: set aside by a person or by the profile's policy; kept with the reason
 */
export type OperationStateName = "waiting" | "in_flight" | "in_doubt" | "parked" | "settled" | "discarded";

/**
 * Where an operation stands, as a person is told of it.
 * - `will_be_counted`: the backend has it; how often is still asked
 * - `handed_to_phone`: the phone's own system sends it
 * - `asking`: the backend is asked whether it has it
 * - `travels_along`: the profile has no request for it: its fields go with a later one
 * - `backend_wins`: by the profile's policy: the backend's state stands
 */
export type ItemSaid = "waits" | "will_be_counted" | "will_be_sent_again" | "sending" | "handed_to_phone" | "counting" | "asking" | "in_doubt" | "needs_person" | "travels_along" | "confirmed" | "replaced" | "backend_wins" | "set_aside";

/** Why an operation is not settled: a stable code, and the backend's own words. */
export interface Reason {
  code: string;
  /** for developers: what exactly is wrong */
  detail?: string;
  backend?: string;
  /** how often the backend holds it */
  times?: number;
}

/** What a person can do about an operation. */
export type Advice = "correct_or_discard" | "discard_and_record" | "look_at_stop" | "ask_office" | "photo_again" | "fetch_route" | "retry_or_export" | "sign_in" | "go_to_signal" | "waits_for_earlier" | "wait_a_minute";

/** How the outbox and the backend stand. */
export interface Status {
  /** the store's change number */
  revision: number;
  /** whose work it is, signed in or not */
  account?: AccountView;
  signedIn: boolean;
  /** operations that are not settled, those that need a person among them */
  waiting: number;
  /** stops and lanes that need a person */
  parked: number;
  inFlight: number;
  /** Unix milliseconds */
  oldestWaitingAt?: number;
  /** bytes */
  bytesWaiting: number;
  /** operations of other accounts on this phone: counted, kept, sent by nobody else */
  otherAccounts: number;
  reachability: Reachability;
  /** Unix milliseconds */
  lastReachedAt?: number;
  /** Unix milliseconds */
  lastTryAt?: number;
  /** when the next try is due by itself, in Unix milliseconds */
  nextWakeAt?: number;
  /** what the bar says in one line; the values it names are beside it */
  said: StatusSaid;
  /** records that could not be read and were set aside as they are */
  quarantined: number;
  /** what a person should know and has not put away yet */
  notices: number;
  /** stops with something unsent */
  stopsWaiting: number;
  /** what has waited longer than a person should leave it */
  overdue?: Overdue;
}

/**
 * How the backend was found the last time it was tried.
 * - `unknown`: not tried yet
 * - `unreachable`: no answer, and nothing else tells why: no network, no server, or no permission to speak to it
 * - `offline`: neither the backend nor the app's own server answers: no internet here
 * - `captive_portal`: something between answers for others, as a login page of a wireless network does
 * - `backend_down`: the app's own server answers, the backend does not
 * - `backend_trouble`: it answers with failures of its own
 */
export type Reachability = "unknown" | "reachable" | "unreachable" | "offline" | "captive_portal" | "backend_down" | "sign_in_needed" | "backend_trouble";

/**
 * What matters most of a `Status`.
 * - `sign_in`: nothing goes out before a new sign-in
 * - `waiting`: in reach, and waiting for its time
 */
export type StatusSaid = "signed_out" | "sign_in" | "needs_person" | "out_of_reach" | "all_sent" | "sending" | "waiting";

/** Work that has waited longer than a person should leave it. */
export interface Overdue {
  /** the threshold that was passed, in minutes */
  minutes: number;
  /** when the oldest of it was recorded, in Unix milliseconds */
  since: number;
  /** stops that it belongs to */
  stops: number;
  operations: number;
}

/** What a person should know although no operation waits for him. Kept until he has put it away. */
export interface Notice {
  /** Unix milliseconds */
  at: number;
  /** the operation's place in the order of recording */
  seq: number;
  /** `duplicate`: the backend holds it more often than once; `not_shown`: it said yes and does not show it; `done_already`: it refused, and a newer route shows it as done; `stop_cancelled`, `stop_gone`: the office took a stop away with unsent work on it */
  code: string;
  /** the operation's, as in `Intent`; a custom one's own name */
  kind?: string;
  /** the stop's */
  place?: StopPlace;
  /** how often the backend holds it */
  times?: number;
  /** an outcome was recorded there and is still reported */
  reported: boolean;
  /** none where it is about a stop as a whole */
  operation?: string;
  stop?: string;
}

/** Another account's unsent work on this device, with as little about the person as a handover needs. */
export interface OtherAccount {
  /** names the account in further calls; not its id */
  reference: string;
  /** a first name and an initial; empty where the sign-in gave no name */
  whose: string;
  /** operations that are not settled */
  waiting: number;
  /** lanes that need a person */
  parked: number;
  /** Unix milliseconds */
  oldestAt?: number;
  /** to be sent, in bytes */
  bytes: number;
  /** records that could not be read */
  quarantined: number;
}

/**
 * Everything that is known of one operation. Of one that was tried more than a thousand times,
 * attempts between the first 20 and the newest 980 are gone.
 */
export interface History {
  item: OutboxItem;
  /** in their order */
  attempts: AttemptView[];
  /** what the backend has said yes to, with what was captured from its answers */
  steps: StepDone[];
  /** the profile's revision it is pinned to, from its first attempt on */
  profile?: string;
}

/** One try to send an operation, or to ask what became of it. */
export interface AttemptView {
  number: number;
  /** of the profile */
  step: string;
  purpose: Purpose;
  /** what woke the drain: a `WakeReason` */
  trigger: string;
  /** Unix milliseconds */
  startedAt: number;
  /** Unix milliseconds */
  endedAt?: number;
  /** the answer's, where one came */
  status?: number;
  /** the verdict's name, or the network failure's; absent while nothing is known */
  verdict?: string;
  /** what a person should know of it although the operation went on */
  reason?: Reason;
  /** of an answer that came when the operation had moved on; it changed nothing */
  lateStatus?: number;
  /** the backend's own words, at most 300 characters */
  said?: string;
  /** the beginning of an answer that parked it, with its media type */
  answer?: string;
  mediaType?: string;
}

/** - `count`: how many the backend holds of a step that it has said yes to */
export type Purpose = "send" | "probe" | "count";

/** A step the backend has said yes to, with what was captured from its answer. */
export interface StepDone {
  step: string;
  /** Unix milliseconds */
  at: number;
  outputs: Record<string, unknown>;
  /** the backend had it before this attempt */
  already: boolean;
}

/** What a phone would be handed in with. */
export interface ShiftClose {
  /** nothing unsent, nothing half filled, nothing set aside unread */
  clear: boolean;
  /** operations that are not settled */
  unsent: number;
  /** how the last try to send ended */
  stopped: Stopped;
  /** what is unsent, in the order of the stops, each with `reason` and `advice` */
  items: OutboxItem[];
  /** there are more than are listed */
  more: boolean;
  unfinished: Unfinished[];
  /** records that could not be read and were set aside as they are */
  quarantined: number;
}

/**
 * Why a drain ended.
 * - `idle`: nothing is left that is due
 * - `busy`: another window or the worker drains
 * - `budget`: the time is used up
 * - `too_long`: what is left are pictures, and this is no moment for them: the page is hidden, or a push gives seconds only
 * - `sign_in`: the backend asks for a new sign-in
 * - `host_needed`: what is due needs a function of the host that is not there, as in a service worker
 */
export type Stopped = "idle" | "busy" | "budget" | "too_long" | "unreachable" | "sign_in" | "host_needed";

/** A half-filled stop: nothing of it is recorded. */
export interface Unfinished {
  stop: string;
  place?: StopPlace;
  photos: number;
}

/** For the host's own telemetry: counts, moments and codes, nothing about a person. */
export interface Health {
  /** when it was read, in Unix milliseconds */
  at: number;
  signedIn: boolean;
  waiting: number;
  inFlight: number;
  /** bytes */
  bytesWaiting: number;
  /** Unix milliseconds */
  oldestWaitingAt?: number;
  /** the reason's code of each lane that waits for a person */
  parked: string[];
  /** when the backend last confirmed an operation, in Unix milliseconds */
  lastSuccessAt?: number;
  /** Unix milliseconds */
  lastReachedAt?: number;
  quarantined: number;
  /** operations of other accounts on this device */
  otherAccounts: number;
}

/** What one turn removed. */
export interface Tidied {
  /** staged pictures that nothing named */
  orphans: number;
  /** photos of settled operations */
  photos: number;
  /** settled and discarded operations */
  operations: number;
  /** there is more: another turn may follow at once */
  more: boolean;
}

/** What came of a drain. */
export interface DrainReport {
  reason: WakeReason;
  /** attempts that were begun */
  attempted: number;
  /** operations that the backend has now */
  settled: number;
  /** operations that need a person now */
  parked: number;
  /** attempts that settled nothing */
  failed: number;
  /** operations that are not settled */
  waiting: number;
  stopped: Stopped;
  /** when the next try is due by itself, in Unix milliseconds */
  nextWakeAt?: number;
  /** when a visible page should look whether the backend is there, though nothing is due, in Unix milliseconds */
  nextBeatAt?: number;
  /** stops with something unsent */
  stopsWaiting: number;
  /** what has waited too long, where that is news: told once a threshold, by whichever context */
  overdue?: Overdue;
  /** parked ones that a newer profile has settled */
  rejudgedSettled: number;
  /** parked ones that go out again by a newer profile */
  rejudgedAgain: number;
  /** what the backend turned out to hold more often than once */
  duplicates: number;
  /** milliseconds */
  tookMs: number;
}

/** Why the core woke and what came of it. Nothing in it is about a person. */
export interface WakeRecord {
  /** when it began, in Unix milliseconds */
  at: number;
  /** tells wakes of one millisecond apart */
  by: number;
  /** `page` or `worker` */
  context: string;
  /** as `WakeReason` */
  reason: string;
  /** attempts that were begun */
  attempted: number;
  /** operations that the backend has since */
  settled: number;
  /** operations that were left */
  waiting: number;
  /** as `Stopped` */
  stopped: string;
  /** how the backend was found */
  reachability: Reachability;
  /** milliseconds */
  tookMs: number;
  /** so many wakes by timer followed that found all the same */
  again: number;
  /** when the last of those began, in Unix milliseconds */
  until?: number;
  /** bytes that the origin's storage held, where the browser says */
  used?: number;
}

/**
 * - `unsupported`: the profile describes none
 * - `off`: nobody has asked for it on this phone
 * - `untold`: subscribed, and the sender could not be told yet: the next foreground tries again
 * - `lost`: it was on, and the browser has ended it: a tap starts it again
 */
export type PushState = "unsupported" | "off" | "on" | "untold" | "lost";

/** Every code that a call of the core may be refused with, but for mistakes of a profile and of a call's arguments. */
export type ErrorCode =
  | "account_unknown"
  | "all_scanned"
  | "already_arrived"
  | "amend_unsupported"
  | "blob_unknown"
  | "changes_invalid"
  | "code_empty"
  | "code_needed"
  | "code_too_long"
  | "contended"
  | "custom_name"
  | "custom_too_large"
  | "draft_too_large"
  | "keep_invalid"
  | "not_arrived"
  | "nothing_delivered"
  | "operation_in_doubt"
  | "operation_in_flight"
  | "operation_settled"
  | "operation_unknown"
  | "operation_unsupported"
  | "outcome_unknown"
  | "override_not_allowed"
  | "override_reason_missing"
  | "parcel_twice"
  | "parcel_unlisted"
  | "parcel_without_outcome"
  | "parcels_missing"
  | "photo_empty"
  | "photo_missing"
  | "photo_not_a_picture"
  | "photo_too_large"
  | "photo_type_refused"
  | "profile_missing"
  | "push_unreachable"
  | "push_unsupported"
  | "reason_missing"
  | "reason_unknown"
  | "recipient_missing"
  | "record_unreadable"
  | "route_parcel_twice"
  | "route_stop_twice"
  | "route_too_large"
  | "route_unreadable"
  | "scan_missing"
  | "secret_missing"
  | "server_unknown"
  | "sign_in_failed"
  | "sign_in_refused"
  | "sign_in_unreadable"
  | "signature_missing"
  | "signed_out"
  | "stop_cancelled"
  | "stop_closed"
  | "stop_is_delivery"
  | "stop_is_pickup"
  | "stop_unknown"
  | "storage_blocked"
  | "storage_failed"
  | "storage_full"
  | "storage_lost"
  | "storage_newer"
  | "storage_timeout"
  | "storage_unavailable"
  | "text_missing"
  | "text_too_long"
  | "thresholds_invalid"
  | "unreachable"
  | "unsent_work";

/** Every code of a `Reason`, but for mistakes of a profile. */
export type ReasonCode =
  | "auth"
  | "auth_unsure"
  | "blob_changed"
  | "blob_missing"
  | "conflict"
  | "done_already"
  | "duplicate"
  | "in_doubt"
  | "interrupted"
  | "invalid"
  | "not_shown"
  | "probe"
  | "request_unbuildable"
  | "retry"
  | "stop_unreadable"
  | "stop_withdrawn"
  | "throttled"
  | "timed_out"
  | "unmatched"
  | "unreachable";

/** Every verdict that an attempt can end with. */
export type AttemptCode =
  | "already"
  | "applied"
  | "auth"
  | "auth_unsure"
  | "conflict"
  | "counted"
  | "found"
  | "in_doubt"
  | "interrupted"
  | "invalid"
  | "not_found"
  | "not_sent"
  | "probe"
  | "retry"
  | "throttled"
  | "timed_out"
  | "unclear"
  | "unmatched"
  | "unreachable";

/** The codes of notices that are about a stop as a whole; all others are those of a `Reason`. */
export type StopNoticeCode =
  | "stop_cancelled"
  | "stop_gone";
