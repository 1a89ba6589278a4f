// What passes between the page and the scanner's worker. One frame is in flight at most.

/** A code as it was read. */
export interface FoundCode {
  /** only when the bytes are UTF-8; control characters are passed as they are: show them harmlessly */
  text?: string;
  bytes: Uint8Array;
  /** x0, y0 … x3, y3 in pixels of the frame that was scanned, clockwise */
  corners: number[];
  version: number;
  ecLevel: "L" | "M" | "Q" | "H";
  inverted: boolean;
  mirrored: boolean;
}

/** How the frame reaches the worker: as the camera gives it, as a bitmap, or as bytes that come back. */
export type FrameSource =
  | { video: VideoFrame }
  | { bitmap: ImageBitmap }
  | { rgba: ArrayBuffer; width: number; height: number };

export type ToWorker =
  | { type: "start"; wasm: string | WebAssembly.Module }
  | { type: "frame"; id: number; source: FrameSource; still: boolean };

export interface FrameResult {
  type: "result";
  id: number;
  codes: FoundCode[];
  /** converting and decoding, in the worker */
  decodeMs: number;
  /** 0 (soft) to 1 (as fine as the pixels) */
  sharpness: number;
  /** mean brightness, 0 to 1 */
  exposure: number;
  width: number;
  height: number;
  /** the bytes of an `rgba` frame, to be used again */
  rgba?: ArrayBuffer;
}

export type FromWorker =
  /** `module` is compiled already: a successor starts from it without a download */
  | { type: "ready"; module: WebAssembly.Module; offscreen: boolean }
  | FrameResult
  /** this way of handing over frames does not work in this browser; use the next one */
  | { type: "unsupported"; id: number; source: "video" | "bitmap" }
  /** the instance is gone; the page discards this worker and starts another */
  | { type: "trapped"; id: number; message: string }
  | { type: "failed"; message: string };
