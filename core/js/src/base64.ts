// Bytes as base64, in pieces: `btoa` wants a string, and a call takes so many arguments only.

/** A multiple of three, so that pieces join without padding between them. */
const PIECE_BYTES = 3 << 14;

/** Whole groups of three bytes each, as text that is put together without more. */
export function* base64(bytes: ArrayBuffer): Generator<string> {
  for (let from = 0; from < bytes.byteLength; from += PIECE_BYTES) {
    yield btoa(String.fromCharCode(...new Uint8Array(bytes, from, Math.min(PIECE_BYTES, bytes.byteLength - from))));
  }
}

/** The pieces as one text. */
export const base64Text = (bytes: ArrayBuffer): string => [...base64(bytes)].join("");
