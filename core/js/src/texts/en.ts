// English. Each table has a text for every code that the core gives, which TypeScript proves against
// the types made from the Rust ones; another language has the same keys.

import type { CameraErrorCode } from "../scanner/camera.js";
import type { PhotoErrorCode } from "../photo/photo.js";
import type { ScannerError } from "../scanner/scanner.js";
import type {
  Advice, AttemptCode, ErrorCode, Intent, ItemSaid, MeaningVerdict, Notice, OutboxItem, Overdue, Reachability, Reason, ReasonCode,
  RouteNews, RouteNewsCode, RouteOutcome, RouteRefresh, ScanMeaning, ShiftClose, StaysBehind, Status, StatusSaid, StopNoticeCode, StopPlace, Title,
} from "../types.js";
import { byteSize, clockTime, count, listed } from "./format.js";

/** What is said of something: a sentence, or how it is made of the values. */
export type Text<V> = string | ((values: V) => string);
/** What comes with an error's code. */
export type Values = Readonly<Record<string, unknown>>;
/** Codes that the client itself gives. */
export type ClientErrorCode = PhotoErrorCode | CameraErrorCode | ScannerError["code"]
  | "closed" | "core_failed" | "core_restarted" | "core_unavailable" | "push_refused" | "seal_key_invalid" | "seal_key_missing" | "system_missing" | "unexpected";
type TitleTexts = { [C in Title["code"]]: Text<Extract<Title, { code: C }>> };

const recordings = (n: number): string => count(n, "recording", "recordings");
const parcels = (n: number): string => count(n, "parcel", "parcels");
const stays: Record<StaysBehind, string> = { pickup: "is a pickup", cancelled: "was cancelled by the office", closed: "already has its outcome" };
const proofs: Record<string, string> = { scan: "scan of every parcel", photo: "photo", signature: "signature" };
const fields: Record<string, string> = { signer: "signer's name", note: "note", recipient: "recipient", text: "text" };
/** The server's own words, where it gave some. */
const saying = (words: unknown): string => (words ? `: ${String(words)}` : "");

const status: Record<StatusSaid, Text<Status>> = {
  signed_out: "Not signed in",
  sign_in: ({ waiting }) => (waiting === 0 ? "Sign in again" : `Sign in again to send ${recordings(waiting)}`),
  needs_person: ({ parked }) => `${count(parked, "recording needs", "recordings need")} you`,
  out_of_reach: ({ waiting }) => (waiting === 0 ? "No contact; nothing waits" : `No contact; ${recordings(waiting)} kept safe here`),
  all_sent: "Everything is sent",
  sending: ({ waiting }) => `Sending; ${recordings(waiting)} to go`,
  waiting: ({ waiting }) => `${recordings(waiting)} to send`,
};

const contact: Record<Reachability, (at?: string) => string> = {
  unknown: (at) => (at === undefined ? "Backend not tried yet" : `Last contact ${at}`),
  reachable: (at) => (at === undefined ? "In contact" : `In contact ${at}`),
  unreachable: (at) => (at === undefined ? "No contact yet" : `Last contact ${at}`),
  offline: (at) => (at === undefined ? "No internet here" : `No internet here; last contact ${at}`),
  captive_portal: () => "This wireless network wants a login",
  backend_down: (at) => (at === undefined ? "Internet works, the backend is silent" : `Internet works, the backend is silent since ${at}`),
  sign_in_needed: (at) => (at === undefined ? "Sign-in needed" : `Last contact ${at}`),
  backend_trouble: (at) => (at === undefined ? "The backend has trouble" : `The backend has trouble; last contact ${at}`),
};

const tried: Record<Reachability, string> = {
  unknown: "Not tried yet",
  reachable: "The backend answered",
  unreachable: "No connection to the backend",
  offline: "No internet",
  captive_portal: "A login page answered in the backend's place",
  backend_down: "The app's own server answered, the backend did not",
  sign_in_needed: "The backend asks for a new sign-in",
  backend_trouble: "The backend had a problem of its own",
};

const title: TitleTexts = {
  loaded: ({ parcel }) => `Loaded ${parcel}`,
  picked_up: ({ parcels: n }) => `Picked up ${parcels(n)}`,
  arrived: "Arrived",
  scanned: ({ parcel }) => `Scanned ${parcel}`,
  photo: "Photo",
  signature: ({ signer }) => (signer === undefined ? "Signature" : `Signature of ${signer}`),
  note: ({ text }) => `Note: ${text}`,
  delivered: ({ recipient, parcels: n, of }) => (n === of ? `Delivered to ${recipient}` : `Delivered ${n} of ${of} to ${recipient}`),
  failed: "Could not deliver",
  returned: ({ parcels: n }) => (n === 0 ? "Returned" : `Returned ${parcels(n)}`),
  custom: ({ name }) => name,
};

const kind: Record<Intent["kind"], string> = {
  load: "Loading", pick_up: "Pickup", arrive: "Arrival", scan: "Scan", photo: "Photo", signature: "Signature",
  note: "Note", deliver: "Delivery", fail: "Failed delivery", return: "Return", custom: "Recording",
};

const item: Record<ItemSaid, Text<Pick<OutboxItem, "setAside">>> = {
  waits: "Waits to be sent",
  will_be_counted: "Arrived; will be counted",
  will_be_sent_again: "Will be sent again",
  sending: "Being sent",
  handed_to_phone: "The phone itself sends it",
  counting: "Asking whether it is there once",
  asking: "Asking whether it arrived",
  in_doubt: "May have arrived; the backend will be asked",
  needs_person: "Needs you",
  travels_along: "Done; goes with a later one",
  confirmed: "Confirmed by the backend",
  replaced: "Replaced by a correction",
  backend_wins: "Set aside: the backend's state stands",
  set_aside: ({ setAside }) => `Set aside: ${setAside ?? ""}`,
};

const reason: Record<ReasonCode, Text<Reason>> = {
  unreachable: "No connection to the backend",
  timed_out: "The backend did not answer in time",
  interrupted: "The app was closed while it was being sent",
  auth: "The backend asks for a new sign-in",
  auth_unsure: "The backend asks for a new sign-in",
  throttled: "The backend asked to wait",
  retry: "The backend had a problem of its own",
  in_doubt: ({ detail }) => (detail === "taken_out" ? "It was taken out as a file and may have been sent from there, and the backend does not say" : "It may or may not have arrived, and the backend does not say"),
  conflict: "Someone else changed this stop first",
  probe: "The backend's state differs; it is being asked",
  invalid: "The backend does not take it as it is",
  unmatched: "The backend gave an answer that nobody has described",
  done_already: "The backend shows it as done; what you recorded stays here",
  duplicate: ({ times = 2 }) => `The backend holds it ${times} times`,
  not_shown: "The backend said yes, and does not show it",
  stop_unreadable: "What is known of this stop could not be read",
  stop_withdrawn: "The office took this stop away before it could be sent",
  blob_missing: "The picture is no longer on this phone",
  blob_changed: "The picture is not the one that was recorded",
  request_unbuildable: "This phone could not make the request",
};

const advice: Record<Advice, string> = {
  correct_or_discard: "Correct it, or discard it with a reason",
  discard_and_record: "Discard it with a reason and record it anew",
  look_at_stop: "Look at the stop, then retry or discard",
  ask_office: "Ask the office whether it is there: if so discard it, if not retry",
  photo_again: "Take the photo again, then discard this one",
  fetch_route: "Fetch the route, then retry",
  retry_or_export: "Retry; if it comes back, export it for the office",
  sign_in: "Sign in again",
  go_to_signal: "Go where there is signal, then try again",
  waits_for_earlier: "It waits for the one before it",
  wait_a_minute: "Wait a minute, then try again",
};

const attempt: Record<AttemptCode, string> = {
  applied: "The backend said yes",
  already: "The backend had it already",
  found: "The backend has it",
  not_found: "The backend has it not",
  unclear: "The backend's answer leaves it open",
  counted: "The backend has been counted",
  invalid: "The backend does not take it as it is",
  unmatched: "An answer that nobody has described",
  not_sent: "It could not be sent",
  unreachable: "No connection to the backend",
  timed_out: "The backend did not answer in time",
  interrupted: "The app was closed while it was being sent",
  auth: "The backend asks for a new sign-in",
  auth_unsure: "The backend asks for a new sign-in",
  throttled: "The backend asked to wait",
  retry: "The backend had a problem of its own",
  in_doubt: "The backend had a problem of its own",
  conflict: "The backend's state differs",
  probe: "The backend's state differs; it is being asked",
};

const stopNotice: Record<StopNoticeCode, Text<Notice>> = {
  stop_cancelled: ({ reported }) => `Cancelled by the office; ${reported ? "what you recorded there is still reported" : "what you recorded there is kept"}`,
  stop_gone: ({ reported }) => `No longer on your route; ${reported ? "what you recorded there is still reported" : "what you recorded there is kept"}`,
};

const routeNews: Record<RouteNewsCode, Text<RouteNews>> = {
  new_stop: "New stop",
  left: "Left your route",
  gone: "No longer on your route; what you recorded there is kept",
  cancelled: "Cancelled by the office",
  new_address: "New address",
  other_parcels: ({ parcels: n }) => `Now ${parcels(n)}`,
};

const meaning: Record<MeaningVerdict, Text<ScanMeaning>> = {
  expected: ({ code }) => `${code} belongs here`,
  already_scanned: ({ code }) => `${code} is already scanned`,
  already_loaded: ({ code }) => `${code} is already in the van`,
  other_stop: ({ code, place, staysBehind }) => (!place ? `${code} belongs to another stop`
    : staysBehind ? `${code} stays behind: stop ${place.sequence} ${stays[staysBehind]}` : `${code} belongs to stop ${place.sequence}, ${place.street}`),
  unlisted: ({ code }) => `${code} is on no stop of this route`,
  unreadable: "This is no parcel's code",
};

const refresh: Record<RouteOutcome, Text<RouteRefresh>> = {
  updated: ({ unreadable, kept }) => (unreadable > 0
    ? `${count(unreadable, "stop", "stops")} of the route could not be read. Tell the office.`
    : kept ? "The route came back empty, and the backend cannot confirm it. Nothing was removed." : "The route is up to date"),
  unreachable: "The backend could not be reached. The route is as last fetched.",
  sign_in: "Sign in to fetch the route",
  refused: ({ detail }) => `The backend gave no route${saying(detail)}`,
};

const error: Record<ErrorCode | ClientErrorCode, Text<Values>> = {
  account_unknown: "That account is no longer on this phone",
  all_scanned: "Every parcel is scanned",
  already_arrived: "Your arrival is already known",
  amend_unsupported: "This cannot be corrected. Discard it and record it again.",
  blob_unknown: "The picture is not on this phone. Take it again.",
  changes_invalid: "This cannot be changed so",
  code_empty: "The code has no text",
  code_needed: "Enter the code that you were sent",
  code_too_long: "This is too long for a parcel's code",
  contended: "Another window was busy all the time. Try again.",
  custom_name: "This recording has no name that is allowed",
  custom_too_large: "This recording is too large",
  draft_too_large: "What is filled in here is too much to keep",
  keep_invalid: "This storage setting is not possible",
  not_arrived: "Mark your arrival first",
  nothing_delivered: "No parcel was delivered: record it as not delivered",
  operation_in_doubt: "It may already have arrived. Wait until the backend has been asked.",
  operation_in_flight: "It is being sent just now",
  operation_settled: "It is settled already",
  operation_unknown: "It is no longer in the outbox",
  operation_unsupported: ({ words }) => (words ? String(words) : "Your company's system does not take this"),
  outcome_unknown: "A delivered parcel is delivered, failed or returned",
  override_not_allowed: ({ proof }) => `The ${proofs[String(proof)] ?? "proof"} may not be left out at this stop`,
  override_reason_missing: ({ proof }) => `Say why the ${proofs[String(proof)] ?? "proof"} is left out`,
  parcel_twice: ({ parcel }) => `Parcel ${String(parcel)} has two outcomes`,
  parcel_unlisted: ({ parcel }) => (parcel ? `${String(parcel)} is not listed at this stop` : "This parcel is not on today's route"),
  parcel_without_outcome: ({ parcel }) => `Parcel ${String(parcel)} has no outcome yet`,
  parcels_missing: "Say which parcels you took",
  photo_empty: "The picture is empty. Take it again.",
  photo_heic: "This browser cannot read HEIC pictures. Take the photo here, or set the camera to \u201cMost Compatible\u201d.",
  photo_missing: "This stop needs a photo",
  photo_not_a_picture: "This file is no picture that is known",
  photo_too_large: ({ most }) => (most ? `The picture is too large; at most ${byteSize(Number(most))} are taken` : "The picture is too large. Take a smaller one."),
  photo_type_refused: ({ takes }) => `Your company's system takes other pictures${takes ? `: ${listed((takes as unknown[]).map(String))}` : ""}`,
  photo_undecodable: "This picture cannot be read. Take it again.",
  profile_missing: "This app has not been set up yet. Tell the office.",
  push_refused: "The phone does not allow wake-up messages",
  push_unreachable: "The sender of wake-up messages could not be reached",
  push_unsupported: "Your company has no wake-up messages",
  reason_missing: "Choose a reason, or write one",
  reason_unknown: "Choose one of the reasons",
  recipient_missing: "Say who took the parcels",
  record_unreadable: "Something stored on this phone cannot be read. Tell the office.",
  route_parcel_twice: "The route names a parcel twice. Tell the office.",
  route_stop_twice: "The route names a stop twice. Tell the office.",
  route_too_large: "The route is larger than a shift can be. Tell the office.",
  route_unreadable: "The route cannot be read. Tell the office.",
  scan_missing: "Scan every parcel that you hand over",
  secret_missing: "This app is not set up completely. Tell the office.",
  server_unknown: "This app is not set up correctly. Tell the office.",
  sign_in_failed: ({ words }) => `Signing in did not work${saying(words)}`,
  sign_in_refused: ({ words }) => `The backend did not let you in${saying(words)}`,
  sign_in_unreadable: "The backend's answer to the sign-in cannot be read. Tell the office.",
  signature_missing: "This stop needs a signature",
  signed_out: "Nobody is signed in on this phone",
  seal_key_invalid: "The key that the office gave this app cannot be used. Tell the office.",
  seal_key_missing: "The office has given this app no key to seal this to. Tell the office.",
  stop_cancelled: "The office cancelled this stop",
  stop_closed: "This stop already has its outcome",
  stop_is_delivery: "Here parcels are delivered",
  stop_is_pickup: "Here parcels are picked up",
  stop_unknown: "This stop is not on the route",
  storage_blocked: "Another window holds the storage in an older version. Close that window.",
  storage_failed: "The phone's storage refused. Tell the office.",
  storage_full: "The phone is full. Free some space; what is recorded is safe.",
  storage_lost: "The phone's storage was lost for a moment. Restart the app; what is recorded is safe.",
  storage_newer: "A newer version of the app wrote this storage. Update the app.",
  storage_timeout: "The phone's storage did not answer in time. Restart the app; what was confirmed is safe.",
  storage_unavailable: "This browser gives no storage here",
  text_missing: ({ what }) => `Fill in the ${fields[String(what)] ?? "text"}`,
  text_too_long: ({ what, most }) => `The ${fields[String(what)] ?? "text"} is too long; at most ${String(most)} characters`,
  unreachable: "The backend could not be reached. Sign in where there is signal.",
  unsent_work: ({ kept, drafts }) => listed([
    ...(Number(kept) > 0 ? [`${recordings(Number(kept))} not sent yet; they stay on this phone if you sign out`] : []),
    ...(Number(drafts) > 0 ? [`${count(Number(drafts), "stop", "stops")} half filled in; this is lost if you sign out`] : []),
  ]),
  closed: "The app was closed in between. Restart it.",
  core_failed: "Something went wrong in the app. What you recorded before is kept.",
  core_restarted: "The app stumbled and caught itself. Look whether your last step is there, then go on.",
  core_unavailable: "A part of the app could not be loaded. Open it again where there is network.",
  system_missing: "What waits is sent when the app is open.",
  camera_denied: "The camera may not be used. Allow it in the phone's settings for this page.",
  camera_absent: "No camera was found",
  camera_busy: "The camera gives no picture. Another app may be using it.",
  camera_insecure: "The camera needs a secure (https) page",
  scanner_unavailable: "The scanner could not be loaded. Type the code instead.",
  scanner_failing: "The scanner keeps failing. Type the code instead.",
  thresholds_invalid: "These warning times are not possible",
  unexpected: "Something went wrong. Try again.",
};

/**
 * The texts in English.
 * @example speak(en);
 */
export const en = {
  /** as in `<html lang>` */
  language: "en",
  /** for Intl */
  locale: "en-GB",
  opening: "Opening",

  /** the bar's line */
  status,
  /** the bar's second line, with the time when the backend was last reached, if ever */
  contact,
  /** what the last try came to */
  tried,
  /** the notification about unsent work, around the bar's line */
  reminder: { title: "Not sent yet", hint: "Open the app where there is a network." },
  /** the notification of a push that says nothing itself */
  woken: "Sending what waits",
  /** a notification, and a line on the screen: what waits too long, and what helps */
  overdue: {
    title: "Open Pannier near a window",
    waits: ({ stops, operations, since }: Overdue): string => (stops > 0
      ? `${count(stops, "delivery waits", "deliveries wait")} since ${clockTime(since)}`
      : `${count(operations, "recording waits", "recordings wait")} since ${clockTime(since)}`),
  },
  /** the bar's second line while something is being sent */
  left: (size: string): string => `${size} to go`,
  /** the bar's counts */
  waits: (n: number): string => `${n} waiting`,
  needsYou: (n: number): string => count(n, "needs you", "need you"),

  title, kind, item, reason, advice, attempt,
  place: ({ sequence, street }: StopPlace): string => `${sequence}. ${street}`,
  /** a code that this table has no text for: a mistake of the profile, which the office has to hear of */
  otherReason: ({ code }: Reason): string => `The app's description of the backend is wrong (${code})`,
  noAnswerYet: "No answer yet",
  endedWithout: "It ended without an answer",
  stopNotice, routeNews, meaning, refresh, error,
  otherError: (code: string): string => `That did not work (${code}). Tell the office.`,
  shift: ({ clear, unsent, unfinished, quarantined }: Pick<ShiftClose, "clear" | "unsent" | "unfinished" | "quarantined">): string => (clear ? "Nothing unsent" : listed([
    ...(unsent > 0 ? [`${recordings(unsent)} not sent`] : []),
    ...(unfinished.length > 0 ? [`${count(unfinished.length, "stop", "stops")} half filled in`] : []),
    ...(quarantined > 0 ? [`${count(quarantined, "record", "records")} unreadable`] : []),
  ])),

  outbox: {
    nothingWaits: "Nothing waits",
    nothingWaitsHint: "Everything recorded has reached the backend",
    nothing: "Nothing recorded yet",
    send: "Send now", sending: "Sending", more: "Show older ones",
    recorded: (time: string): string => `Recorded ${time}`,
    settled: (time: string): string => `Confirmed ${time}`,
    attempts: (n: number, when: string): string => `${count(n, "attempt", "attempts")}, ${when}`,
    notTried: "Not tried yet",
    since: (time: string): string => `since ${time}`,
    due: (when: string): string => `Next try ${when}`,
    backend: "The backend says",
    advice: "What to do",
    retry: "Retry", discard: "Discard", history: "History", toStop: "Look at the stop",
    discardTitle: "Discard this item?", discardLead: "It is never sent. It stays in the list with your reason.",
    discardReason: "Reason", discardConfirm: "Discard for good", cancel: "Cancel",
    amend: "Correct", amendTitle: "Correct this item",
    amendInPlace: "Nothing of it was sent yet: your correction takes its place.",
    amendAsNew: "It may have been sent: your correction goes out after it, or instead of it.",
    amendConfirm: "Save the correction",
    /** fields that can be corrected as texts */
    amendText: "Words", amendSigner: "Signed by", amendRecipient: "Recipient",
    summary: (n: number, size: string): string => `${count(n, "item", "items")} to send, ${size}`,
  },

  scanner: {
    opening: "Opening the camera …", aim: "Point the camera at a code", paused: "The camera is paused",
    light: "More light would help", shade: "Too bright: tilt the label", still: "Hold still", unreadable: "This code holds no text", read: "Code read", off: "The camera is off",
    torch: "Torch", zoom: "Zoom", typed: "Type the code", use: "Use", retry: "Try again",
  },
  photo: {
    opening: "Opening the camera …", shutter: "Take photo", file: "Choose or take a picture", working: "Saving the picture …",
    toFile: "Use the phone's camera app", toCamera: "Use the camera here",
  },
  signature: { label: "Sign here", clear: "Clear" },
};

/** Every text of one language. */
export type Texts = typeof en;
