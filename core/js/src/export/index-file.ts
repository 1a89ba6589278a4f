// The index of an export: the core's records, arranged for a reader who has nothing else.

import type { Health } from "../api.js";
import { itemText, titleText } from "../texts/index.js";
import type { ItemSaid, Title } from "../types.js";

type Json = Record<string, unknown>;

/** A picture in the archive. */
export interface ExportBlob {
  handle: string;
  mediaType: string;
  /** bytes */
  bytes: number;
  /** lower-case hexadecimal digits */
  sha256: string;
  /** Unix milliseconds */
  stagedAt: number;
  /** the file in the archive */
  path: string;
  /** missing: there are no bytes; changed: they are not those that were recorded */
  damage?: "missing" | "changed";
}

/** An operation as the index tells it. */
export interface ExportedOperation extends Json {
  id: string; seq: number; lane: string; kind: string; stop?: string; title: string; stateText: string;
  state: Json; intent: Json; recorded: Json; steps: unknown[]; attempts: unknown[];
  /** revision of the profile it is pinned to; absent before its first attempt */
  profile?: string;
  /** how each step of it is recognised by the backend, by the step's name */
  identity: Record<string, unknown>;
}

/** `index.json` of the archive: docs/export.md. */
export interface ExportIndex {
  format: "pannier-export"; version: 1;
  exportedAt: Health["at"];
  core: string;
  account: { id: string; name?: string };
  /** today's profile revision: that of what was never attempted */
  profile: string;
  operations: ExportedOperation[];
  /** what is known of the operations' stops, and what earlier operations left there for them */
  stops: Json[];
  drafts: Json[];
  /** as they lay in the store */
  unreadable: { key: string; type: string; typeVersion: number; body: string }[];
  profiles: { revision: string; servers: Json; document: Json }[];
  blobs: ExportBlob[];
  /** false: the phone could not note that its work was taken out, and may send it again without asking */
  noted: boolean;
}

/** What the core gives. */
export interface Records {
  exportedAt: number; id: string; name?: string; profile: string;
  operations: Json[]; attempts: { operation: string; page: number; attempts: unknown[] }[];
  stops: Json[]; drafts: Json[]; blobs: ExportBlob[];
  profiles: { document: string; servers: Json }[];
  unreadable: ExportIndex["unreadable"];
  noted: boolean;
}

const get = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((at, name) => (typeof at === "object" && at !== null ? Reflect.get(at, name) : undefined), value);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function profilesOf(records: Records): ExportIndex["profiles"] {
  const found = new Map<string, ExportIndex["profiles"][number]>();
  for (const { document, servers } of records.profiles) {
    const parsed: Json = JSON.parse(document);
    found.set(String(parsed.revision), { revision: String(parsed.revision), servers, document: parsed });
  }
  return [...found.values()];
}

/** Every handle that something in these values names. */
function* handles(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (name === "handle" && typeof inner === "string") yield inner;
    else if (name === "blobs") yield* list(inner).filter((handle): handle is string => typeof handle === "string");
    else yield* handles(inner);
  }
}

/** The index of what the core gave. */
export function indexOf(records: Records, core: string): ExportIndex {
  const profiles = profilesOf(records);
  const pages = [...records.attempts].sort((one, other) => one.page - other.page);
  const operations = records.operations.map((op): ExportedOperation => {
    const { account: _whose, attemptCount: _count, said, title, ...rest } = op;
    const because = get(op, "state", "reason");
    const document = profiles.find(({ revision }) => revision === (op.profile ?? records.profile))?.document;
    const steps = list(get(document, "operations", String(op.kind), "steps"));
    const stop = get(op, "intent", "stop");
    return {
      ...rest as unknown as ExportedOperation,
      title: titleText(title as Title),
      stateText: itemText({ said: said as ItemSaid, ...(typeof because === "string" ? { setAside: because } : {}) }),
      ...(typeof stop === "string" ? { stop } : {}),
      identity: Object.fromEntries(steps.map((step) => [String(get(step, "stepId")), get(step, "identity") ?? { kind: "none" }])),
      attempts: [...pages.filter(({ operation }) => operation === op.id).flatMap(({ attempts }) => attempts), ...list(op.attempts)],
    };
  });
  const theirs = new Set(operations.map(({ stop }) => stop));
  const stops = records.stops.filter((stop) => theirs.has(get(stop, "mirror", "id") as string));
  const named = new Set(handles([operations, records.drafts, stops.map((stop) => get(stop, "progress", "carried"))]));
  const blobs = records.blobs.filter(({ handle }) => named.has(handle)).map(({ handle, mediaType, bytes, sha256, stagedAt }): ExportBlob => ({
    handle, mediaType, bytes, sha256, stagedAt,
    path: `photos/${handle}.${mediaType.replace(/^.*\//u, "").replace("jpeg", "jpg").replace(/\+.*$/u, "")}`,
  }));
  return {
    format: "pannier-export", version: 1, exportedAt: records.exportedAt, core,
    account: { id: records.id, ...(records.name ? { name: records.name } : {}) },
    profile: records.profile,
    operations, stops, drafts: records.drafts, unreadable: records.unreadable, profiles, blobs, noted: records.noted,
  };
}
