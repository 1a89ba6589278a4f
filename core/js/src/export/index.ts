// `pannier/export`: everything unsettled of an account as one ZIP with a readable index, in clear for
// the account's own courier, sealed to the office for any other. docs/export.md is the format. An
// entry of its own, so that a page loads it when somebody asks for it.
//
// One photo at a time: what is packed goes into parts of a Blob, which the browser may keep on its
// disk, so that two hundred photos are never in the page's memory together.

import { makeZip } from "client-zip";
import type { Pannier } from "../client.js";
import { indexOf, type ExportIndex, type Records } from "./index-file.js";
import { PannierError } from "../error.js";
import { seal } from "./seal.js";

export type { ExportBlob, ExportedOperation, ExportIndex } from "./index-file.js";

/** The archive, and what is in it. */
export interface ExportFile {
  /** a file name without anybody's name in it */
  name: string;
  blob: Blob;
  operations: number;
  photos: number;
  /** photos whose bytes are missing, or not those that were recorded: the index says which */
  damaged: number;
}

/** Bytes that are gathered before the browser gets them. */
const PART_BYTES = 1 << 20;

async function sha256(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The archive's files, made one after the other; the index comes last, since it says what was found. */
async function* files(pannier: Pannier, index: ExportIndex, of: string | undefined): AsyncGenerator<{ name: string; input: ArrayBuffer | string }> {
  for (const blob of index.blobs) {
    const bytes = await (await pannier.blob(blob.handle, of))?.arrayBuffer();
    if (bytes === undefined) blob.damage = "missing";
    else if (await sha256(bytes) !== blob.sha256) blob.damage = "changed";
    if (bytes !== undefined) yield { name: blob.path, input: bytes };
  }
  yield { name: "index.json", input: JSON.stringify(index, undefined, 1) };
}

async function gathered(stream: ReadableStream<Uint8Array>, type: string): Promise<Blob> {
  const reader = stream.getReader();
  const parts: Blob[] = [];
  let waiting: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (value) {
      waiting.push(new Uint8Array(value));
      bytes += value.byteLength;
    }
    if (bytes >= PART_BYTES || done) {
      parts.push(new Blob(waiting));
      waiting = [];
      bytes = 0;
    }
    if (done) return new Blob(parts, { type });
  }
}

/** "2026-11-22-1405", in the phone's own time */
function moment(ms: number): string {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16).replace("T", "-").replace(":", "");
}

/**
 * The archive as a stream, for a host that sends it somewhere; `index` is complete when the stream has ended.
 * @example const { stream } = await exportStream(pannier); await fetch(address, { method: "POST", body: stream, duplex: "half" });
 */
export async function exportStream(pannier: Pannier, of?: string): Promise<{ index: ExportIndex; stream: ReadableStream<Uint8Array> }> {
  const records = await pannier.exportRecords(of) as Records;
  const index = indexOf(records, pannier.versions().core);
  return { index, stream: makeZip(files(pannier, index, of), { buffersAreUTF8: true }) };
}

function told(index: ExportIndex, name: string, blob: Blob): ExportFile {
  const damaged = index.blobs.filter(({ damage }) => damage !== undefined).length;
  return { name, blob, operations: index.operations.length, photos: index.blobs.length, damaged };
}

/**
 * Everything of the current account that is not settled, parked and discarded included, and what could not be read.
 * @throws PannierError `signed_out`, `storage_*`
 * @example const { blob, name } = await exportUnsettled(pannier); share(new File([blob], name));
 */
export async function exportUnsettled(pannier: Pannier): Promise<ExportFile> {
  const { index, stream } = await exportStream(pannier);
  const blob = await gathered(stream, "application/zip");
  return told(index, `pannier-${moment(index.exportedAt)}.zip`, blob);
}

/**
 * Another account's work (`others()` gives the reference), encrypted to the key that the host gave at opening: whoever
 * exports it cannot read it.
 * @throws PannierError `seal_key_missing`, `seal_key_invalid`, `account_unknown`, `storage_*`
 * @example const [other] = await pannier.others(); const { blob } = await exportSealed(pannier, other.reference);
 */
export async function exportSealed(pannier: Pannier, reference: string): Promise<ExportFile> {
  if (pannier.sealTo === undefined) {
    throw new PannierError("seal_key_missing", "the office has given this app no key, so another courier's work cannot be taken out; hand the phone back instead");
  }
  const sealed = await seal(pannier.sealTo);
  const { index, stream } = await exportStream(pannier, reference);
  const blob = await gathered(stream.pipeThrough(sealed), "application/octet-stream");
  return told(index, `pannier-${moment(index.exportedAt)}.sealed`, blob);
}
