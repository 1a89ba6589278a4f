// From a camera frame or a file to a small JPEG without metadata.
//
// What the bytes are is told from the bytes, never from a name or a declared type. The orientation
// is turned into pixels; drawing on a canvas leaves everything else of the file behind: place, time,
// camera, thumbnail. One picture is worked on at a time, the engine makes it smaller while it decodes,
// and the canvas gives its memory back, because phones end pages that hold several large pictures.
//
// What the engine cannot decode (HEIC, outside of Safari) is kept as it is where the backend takes
// it: with its metadata, and judged by nobody here.

import { PannierError } from "../error.js";
import { sizeOf, sniff } from "./sniff.js";

/** Why there is no photo: stable. */
export type PhotoErrorCode = "photo_empty" | "photo_too_large" | "photo_not_a_picture" | "photo_undecodable" | "photo_heic";

const sentences: Record<PhotoErrorCode, string> = {
  photo_empty: "The picture is empty. Take it again.",
  photo_too_large: "The picture is too large. Take a smaller one.",
  photo_not_a_picture: "This file is not a picture.",
  photo_undecodable: "This picture cannot be read. Take it again.",
  photo_heic: "This browser cannot read HEIC pictures. Take the photo here, or set the camera to \u201cMost Compatible\u201d.",
};

/**
 * Why there is no photo. `code` is stable, `message` is a sentence for a person.
 * @example try { await encodePhoto(file); } catch (error) { if (error instanceof PhotoError) show(error.message); }
 */
export class PhotoError extends PannierError {
  declare readonly code: PhotoErrorCode;
  constructor(code: PhotoErrorCode, message: string = sentences[code], cause?: unknown) {
    super(code, message, { cause });
  }
}

/** How a photo is made smaller. */
export interface EncodeOptions {
  /** longest side in pixels (default 1600) */
  maxSide?: number;
  /** 0 to 1 (default 0.8) */
  quality?: number;
  /** default image/jpeg; a browser that cannot write it gives another, see `mediaType` of the result */
  type?: string;
  /** media types that the backend takes; an empty list, and none, takes all. A HEIC file that the browser cannot read is kept as it is where it is taken */
  accepts?: readonly string[];
}

/** A picture turned upright, without metadata; width and height in pixels. */
export interface EncodedPhoto {
  bytes: ArrayBuffer;
  mediaType: string;
  /** pixels; 0 with `asItIs` */
  width: number;
  /** pixels; 0 with `asItIs` */
  height: number;
  /** the file's own bytes: this browser cannot read them, nor show them */
  asItIs?: true;
}

/** A larger file is refused, in bytes. */
export const PHOTO_BYTES_MAX = 50 * 1024 * 1024;
/** More pixels than any phone's camera takes; decoding them would end the page. */
const PIXELS_MAX = 120_000_000;

let last: Promise<unknown> = Promise.resolve();

/**
 * One picture after the other, in the order of the calls. Rejects with a `PhotoError`.
 * A video's frame is the one it shows when its turn comes; it is taken at once when nothing else runs.
 * @example const { bytes, mediaType } = await encodePhoto(input.files[0], { maxSide: 1600 });
 */
export function encodePhoto(source: Blob | HTMLVideoElement, options: EncodeOptions = {}): Promise<EncodedPhoto> {
  const turn = last.then(() => encoded(source, options));
  last = turn.catch(() => undefined);
  return turn;
}

async function encoded(source: Blob | HTMLVideoElement, options: EncodeOptions): Promise<EncodedPhoto> {
  const maxSide = Math.max(1, options.maxSide ?? 1600);
  if (source instanceof Blob) {
    const picture = await decoded(source, maxSide, options.accepts ?? []);
    if ("bytes" in picture) return picture;
    try {
      return await drawn(picture.source, picture.width, picture.height, maxSide, options);
    } finally {
      picture.release();
    }
  }
  const { videoWidth, videoHeight, readyState } = source;
  if (!videoWidth || !videoHeight || readyState < HTMLMediaElement.HAVE_CURRENT_DATA) throw new PhotoError("photo_empty", "The camera shows no picture yet.");
  return drawn(source, videoWidth, videoHeight, maxSide, options);
}

interface Decoded { source: CanvasImageSource; width: number; height: number; release(): void }

async function decoded(blob: Blob, maxSide: number, accepts: readonly string[]): Promise<Decoded | EncodedPhoto> {
  if (blob.size === 0) throw new PhotoError("photo_empty");
  if (blob.size > PHOTO_BYTES_MAX) throw new PhotoError("photo_too_large");
  const head = new Uint8Array(await read(blob.slice(0, 256 * 1024)));
  const kind = sniff(head);
  if (!kind) throw new PhotoError("photo_not_a_picture");
  const size = sizeOf(head, kind);
  if (size && size.width * size.height > PIXELS_MAX) throw new PhotoError("photo_too_large");
  // Some engines go by the declared type.
  const typed = blob.type === kind ? blob : blob.slice(0, blob.size, kind);
  try {
    return await bitmap(typed, size, maxSide);
  } catch {
    try {
      // An engine may show more kinds of picture than it turns into bitmaps.
      return await element(typed);
    } catch (error) {
      // Of the kinds that a phone's camera writes this is the one that engines lack; any other is broken.
      if (kind === "image/heic" && (accepts.length === 0 || accepts.includes(kind))) {
        return { bytes: await read(blob), mediaType: kind, width: 0, height: 0, asItIs: true };
      }
      throw new PhotoError(kind === "image/heic" ? "photo_heic" : "photo_undecodable", undefined, error);
    }
  }
}

async function read(blob: Blob): Promise<ArrayBuffer> {
  try {
    return await blob.arrayBuffer();
  } catch (error) {
    // The file behind a Blob may be gone or not downloaded yet.
    throw new PhotoError("photo_undecodable", undefined, error);
  }
}

async function bitmap(blob: Blob, size: { width: number; height: number } | undefined, maxSide: number): Promise<Decoded> {
  const options: ImageBitmapOptions = { imageOrientation: "from-image" };
  const long = size ? Math.max(size.width, size.height) : 0;
  if (size && long > maxSide * 2) {
    // Twice the wanted size, by one side only: the engine keeps the proportions, whether it turns
    // before or after, and the last halving on the canvas is smooth.
    options.resizeWidth = Math.max(1, Math.round((size.width * maxSide * 2) / long));
    options.resizeQuality = "medium";
  }
  const made = await createImageBitmap(blob, options);
  return { source: made, width: made.width, height: made.height, release: () => made.close() };
}

async function element(blob: Blob): Promise<Decoded> {
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    if (!image.naturalWidth) throw new Error("no pixels");
    return { source: image, width: image.naturalWidth, height: image.naturalHeight, release: () => URL.revokeObjectURL(url) };
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  }
}

async function drawn(source: CanvasImageSource, fromWidth: number, fromHeight: number, maxSide: number, options: EncodeOptions): Promise<EncodedPhoto> {
  const scale = Math.min(1, maxSide / Math.max(fromWidth, fromHeight));
  const width = Math.max(1, Math.round(fromWidth * scale));
  const height = Math.max(1, Math.round(fromHeight * scale));
  const canvas = typeof OffscreenCanvas === "function" ? new OffscreenCanvas(width, height) : document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { alpha: false }) as CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null;
  if (!context) throw new PhotoError("photo_undecodable");
  // What is transparent becomes white, not black.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  const blob = await written(canvas, options.type ?? wanted(options.accepts), options.quality ?? 0.8);
  // Safari keeps a canvas's memory until it is collected, which may be long after the next picture.
  canvas.width = canvas.height = 0;
  const bytes = await blob.arrayBuffer();
  if (bytes.byteLength === 0) throw new PhotoError("photo_empty");
  return { bytes, mediaType: blob.type, width, height };
}

/** What a canvas is written as: JPEG, unless the backend takes only others. */
function wanted(accepts: readonly string[] = []): string {
  return accepts.length === 0 || accepts.includes("image/jpeg") ? "image/jpeg" : ["image/webp", "image/png"].find((type) => accepts.includes(type)) ?? "image/jpeg";
}

function written(from: OffscreenCanvas | HTMLCanvasElement, type: string, quality: number): Promise<Blob> {
  if ("convertToBlob" in from) return from.convertToBlob({ type, quality });
  return new Promise((resolve, reject) => {
    from.toBlob((blob) => (blob ? resolve(blob) : reject(new PhotoError("photo_undecodable"))), type, quality);
  });
}
