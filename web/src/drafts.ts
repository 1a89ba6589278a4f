// What the courier has half filled in, one draft per stop, kept in the core's store so that a
// killed page loses nothing. Several screens write parts of the same draft: each change is a patch
// that is merged into what is stored, and the patches of one stop are written one after another.
// A patch whose write failed is kept and goes with the next one.

import type { Draft, PannierApi, ParcelOutcome, NeedView } from "pannier";

export type Proof = NeedView["proof"];

interface FieldTypes {
  note: string;
  /** staged photos that wait for the courier's yes */
  photos: string[];
  signer: string;
  /** strokes not yet saved */
  signatureSvg: string;
  recipient: string;
  outcomes: Record<string, ParcelChoice>;
  notPicked: string[];
  overrides: Partial<Record<Proof, string>>;
  failReason: string;
  failText: string;
  returnReason: string;
  returnText: string;
}
/** The page's own part of a draft. Any may be missing, and nothing in it is trusted when read. */
export type DraftFields = { [Name in keyof FieldTypes]?: FieldTypes[Name] | undefined };
export interface ParcelChoice { outcome: ParcelOutcome["outcome"]; reason?: string }

interface Patch {
  fields: Partial<Record<keyof DraftFields, unknown>>;
  keep: Set<string>;
  drop: Set<string>;
}

const typingPauseMs = 300;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function textIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
function textsIn(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === "string") : undefined;
}

function outcomesIn(value: unknown): Record<string, ParcelChoice> | undefined {
  if (!isRecord(value)) return undefined;
  const choices: Record<string, ParcelChoice> = {};
  for (const [parcel, choice] of Object.entries(value)) {
    if (!isRecord(choice)) continue;
    const { outcome, reason } = choice;
    if (outcome !== "delivered" && outcome !== "failed" && outcome !== "returned") continue;
    choices[parcel] = typeof reason === "string" ? { outcome, reason } : { outcome };
  }
  return choices;
}

function overridesIn(value: unknown): Partial<Record<Proof, string>> | undefined {
  if (!isRecord(value)) return undefined;
  const reasons: Partial<Record<Proof, string>> = {};
  for (const proof of ["photo", "signature", "scan"] as const) {
    const reason = value[proof];
    if (typeof reason === "string") reasons[proof] = reason;
  }
  return reasons;
}

function fieldsIn(stored: Record<string, unknown>): DraftFields {
  const fields: DraftFields = {};
  for (const name of ["note", "signer", "signatureSvg", "recipient", "failReason", "failText", "returnReason", "returnText"] as const) {
    const value = textIn(stored[name]);
    if (value !== undefined) fields[name] = value;
  }
  for (const name of ["photos", "notPicked"] as const) {
    const value = textsIn(stored[name]);
    if (value) fields[name] = value;
  }
  const outcomes = outcomesIn(stored["outcomes"]);
  if (outcomes) fields.outcomes = outcomes;
  const overrides = overridesIn(stored["overrides"]);
  if (overrides) fields.overrides = overrides;
  return fields;
}

function emptyPatch(): Patch {
  return { fields: {}, keep: new Set(), drop: new Set() };
}

/** `later` wins over `earlier`. */
function joined(earlier: Patch, later: Patch): Patch {
  const keep = new Set([...earlier.keep].filter((blob) => !later.drop.has(blob)));
  const drop = new Set([...earlier.drop].filter((blob) => !later.keep.has(blob)));
  for (const blob of later.keep) keep.add(blob);
  for (const blob of later.drop) drop.add(blob);
  return { fields: { ...earlier.fields, ...later.fields }, keep, drop };
}

export class StopDraft {
  readonly #api: PannierApi;
  readonly #stop: string;
  readonly #failed: (error: unknown) => void;
  #unwritten: Patch | undefined;
  #queue: Promise<void> = Promise.resolve();
  #typing: ReturnType<typeof setTimeout> | undefined;
  #changes = 0;
  /** what the screens show: the stored draft with everything changed since */
  fields: DraftFields = {};

  constructor(api: PannierApi, stop: string, failed: (error: unknown) => void) {
    this.#api = api;
    this.#stop = stop;
    this.#failed = failed;
  }

  /** Reads the stored draft, after what is still being written. */
  async open(): Promise<void> {
    await this.flush();
    const changes = this.#changes;
    const stored = await this.#api.draft(this.#stop);
    // What was typed while reading, or could not be written, is newer than what was read.
    if (changes === this.#changes && !this.#unwritten) this.fields = fieldsIn(stored?.fields ?? {});
  }

  /** Resolves when the change is stored. A field set to `undefined` is removed. */
  change(fields: DraftFields, blobs: { keep?: string[]; drop?: string[] } = {}): Promise<void> {
    this.#take(fields, blobs);
    return this.#write();
  }

  /** For typing: stored after a short pause, or at once when the page is being left. */
  changeSoon(fields: DraftFields): void {
    this.#take(fields, {});
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => void this.flush(), typingPauseMs);
  }

  async flush(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      this.#failed(error);
    }
  }

  #take(fields: DraftFields, blobs: { keep?: string[]; drop?: string[] }): void {
    const patch: Patch = { fields, keep: new Set(blobs.keep), drop: new Set(blobs.drop) };
    this.#unwritten = joined(this.#unwritten ?? emptyPatch(), patch);
    this.fields = { ...this.fields, ...fields };
    this.#changes += 1;
  }

  #write(): Promise<void> {
    clearTimeout(this.#typing);
    const written = this.#queue.then(() => this.#writeNext());
    this.#queue = written.catch(() => undefined);
    return written;
  }

  async #writeNext(): Promise<void> {
    const patch = this.#unwritten;
    if (!patch) return;
    this.#unwritten = undefined;
    try {
      const stored: Pick<Draft, "blobs" | "fields"> = (await this.#api.draft(this.#stop)) ?? { blobs: [], fields: {} };
      const merged: Record<string, unknown> = { ...stored.fields, ...patch.fields };
      const present = Object.entries(merged).filter(([, value]) => value !== undefined);
      const blobs = new Set(stored.blobs.filter((blob) => !patch.drop.has(blob)));
      for (const blob of patch.keep) blobs.add(blob);
      await this.#api.saveDraft(this.#stop, [...blobs], Object.fromEntries(present));
    } catch (error) {
      this.#unwritten = this.#unwritten ? joined(patch, this.#unwritten) : patch;
      throw error;
    }
  }
}

export class Drafts {
  readonly #api: PannierApi;
  readonly #failed: (error: unknown) => void;
  readonly #open = new Map<string, StopDraft>();

  constructor(api: PannierApi, failed: (error: unknown) => void) {
    this.#api = api;
    this.#failed = failed;
    // "hidden" is the last thing a phone reliably says before it kills a page.
    addEventListener("pagehide", () => void this.flush());
    // A field that is left is complete.
    document.addEventListener("change", () => void this.flush());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") void this.flush();
    });
  }

  of(stop: string): StopDraft {
    let draft = this.#open.get(stop);
    if (!draft) {
      draft = new StopDraft(this.#api, stop, this.#failed);
      this.#open.set(stop, draft);
    }
    return draft;
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#open.values()].map((draft) => draft.flush()));
  }

  /** Another account must not see them. */
  forget(): void {
    this.#open.clear();
  }
}
