// What passes between the page and the scanner's worker. One frame is in flight at most.

/** A code as it was read. */
export interface FoundCode {
  /** Data Matrix and other kinds are not read */
  symbology: "qr" | "code128";
  /**
   * Only where it is no guess: UTF-8, or a character set that the code names and that is known here.
   * Control characters are passed as they are: show them harmlessly.
   */
  text?: string;
  /** as they stand in the code; where a GS1 field ends, 0x1d */
  bytes: Uint8Array;
  /** x0, y0 … x3, y3 in pixels of the frame that was scanned, clockwise */
  corners: number[];
  /** of a QR code */
  version?: number;
  /** of a QR code */
  ecLevel?: "L" | "M" | "Q" | "H";
  /** codewords that were wrong */
  errorsCorrected: number;
  /** character sets that the code names, in order */
  eci: number[];
  gs1: boolean;
  /** one of several codes that belong together: index from 0, and a parity that all share */
  part?: { index: number; count: number; parity: number };
  inverted: boolean;
  mirrored: boolean;
  /** false while the same code stays before the camera */
  isNew: boolean;
  /** which try succeeded, for diagnostics: `full`, `half inverted`, `again full`, `bars` and others */
  foundBy: string;
}

/** What would help: more light, less of it, a still hand. */
export type Advice = "light" | "shade" | "still";

/** How the frame reaches the worker: as the camera gives it, as a bitmap, or as bytes that come back. */
export type FrameSource =
  | { video: VideoFrame }
  | { bitmap: ImageBitmap }
  | { rgba: ArrayBuffer; width: number; height: number };

/** How sharp and how bright a picture is. */
export interface PictureQuality {
  /** 0 (soft) to 1 (as fine as the pixels) */
  sharpness: number;
  /** mean brightness, 0 to 1 */
  exposure: number;
  /** what would help; without, the picture will do */
  advice?: Advice;
}

/** A camera's first frame, one after others, a picture by itself that is tried harder, or only how sharp and bright it is. */
export type Wanted = "first" | "next" | "still" | "quality";

/** What the page says to the worker. */
export type ToWorker =
  | { type: "start"; wasm: string | WebAssembly.Module }
  | { type: "frame"; id: number; source: FrameSource; wanted: Wanted };

/** What was seen in a frame. */
export interface FrameResult extends PictureQuality {
  type: "result";
  id: number;
  codes: FoundCode[];
  /** converting and decoding, in the worker */
  decodeMs: number;
  width: number;
  height: number;
  /** the bytes of an `rgba` frame, to be used again */
  rgba?: ArrayBuffer;
}

/** What the worker says to the page. */
export type FromWorker =
  /** `module` is compiled already: a successor starts from it without a download */
  | { type: "ready"; module: WebAssembly.Module; offscreen: boolean }
  | FrameResult
  /** this way of handing over frames does not work in this browser; use the next one */
  | { type: "unsupported"; id: number; source: "video" | "bitmap" }
  /** the instance is gone; the page discards this worker and starts another */
  | { type: "trapped"; id: number; message: string }
  | { type: "failed"; message: string };
