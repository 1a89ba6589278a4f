// The elements' events, typed for `addEventListener`.

import type { Status } from "../api.js";
import type { EncodedPhoto } from "../photo/photo.js";
import { errorText } from "../texts/index.js";

/** A code that was scanned, typed, or came from a keyboard wedge. */
export interface CodeDetail {
  /** Only where it is no guess: UTF-8, or as the code itself says. May hold control characters: show it as text, never as markup. */
  text?: string;
  bytes: Uint8Array;
  /** x0, y0 … x3, y3 in pixels of the camera's picture; empty when not from the camera */
  corners: number[];
  source: "camera" | "wedge" | "typed";
  /** from the camera only: nothing else says it */
  symbology?: "qr" | "code128";
}
/** A photo straight from the shutter or the file, turned upright and without metadata; or a file as it is (`asItIs`). */
export type PhotoDetail = EncodedPhoto;
/** A person's choice on an operation, which has taken effect. */
export interface OutboxChangeDetail { operation: string; choice: "retry" | "amend" | "discard" }
/** What went wrong: a stable code and a sentence for a person. */
export interface ErrorDetail { code: string; message: string }

declare global {
  interface HTMLElementEventMap {
    "pannier-code": CustomEvent<CodeDetail>;
    "pannier-photo": CustomEvent<PhotoDetail>;
    "pannier-signature-change": CustomEvent<{ isEmpty: boolean }>;
    "pannier-status": CustomEvent<Status>;
    "pannier-outbox-change": CustomEvent<OutboxChangeDetail>;
    "pannier-error": CustomEvent<ErrorDetail>;
  }
}

/** Fires one of the events above, through every shadow root. */
export function tell<K extends keyof HTMLElementEventMap>(from: HTMLElement, name: K, detail: HTMLElementEventMap[K] extends CustomEvent<infer D> ? D : never): void {
  from.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
}

/** Any failure as a stable code and a sentence in the language that is spoken. */
export function errorDetail(error: unknown): ErrorDetail {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unexpected";
  return { code, message: errorText(error) };
}
