// The scanner's worker: everything that costs time with a camera frame happens here.
//
// The first message names the wasm module; each later one is a frame, answered before the next one
// is sent. The pixels go straight into the module's one input buffer. After a trap the instance is
// poisoned and the glue cannot be started twice in one worker, so the page replaces the worker; the
// compiled module it was given makes that a matter of milliseconds.

import init, { Scanner, type InitOutput, type ScanResult } from "../../wasm/scan/pannier_scan.js";
import type { FromWorker, ToWorker, Wanted } from "./protocol.js";

const scope = self as unknown as DedicatedWorkerGlobalScope;
let exports: InitOutput | undefined;
let scanner: Scanner | undefined;
let canvas: OffscreenCanvas | undefined;
let context: OffscreenCanvasRenderingContext2D | null = null;

function say(message: FromWorker, transfer: Transferable[] = []): void {
  scope.postMessage(message, transfer);
}

async function start(wasm: string | WebAssembly.Module): Promise<void> {
  try {
    const module = typeof wasm === "string" ? await compiled(wasm) : wasm;
    exports = await init({ module_or_path: module });
    scanner = new Scanner();
    say({ type: "ready", module, offscreen: typeof OffscreenCanvas === "function" });
  } catch (error) {
    say({ type: "failed", message: text(error) });
  }
}

async function compiled(url: string): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the scanner's module answered ${response.status}`);
  // Not compileStreaming: it insists on a media type that some servers do not send.
  return WebAssembly.compile(await response.arrayBuffer());
}

/** A view of the input buffer; not to be kept, a growing memory detaches it. */
function input(width: number, height: number, length: number): Uint8Array {
  if (!scanner || !exports) throw new Error("the scanner has not started");
  const at = scanner.buffer(width, height);
  return new Uint8Array(exports.memory.buffer, at >>> 0, length);
}

interface Scanned { result: ScanResult; width: number; height: number; rgba?: ArrayBuffer }

/** Longest sides: of what is only judged, the size that its limits were chosen for; of the rest, what the module takes. */
const SIDE_MAX = { first: 4096, next: 4096, still: 4096, quality: 1280 };

class Unsupported extends Error {}

function scanned(width: number, height: number, wanted: Wanted, luma: boolean): Scanned {
  if (!scanner) throw new Error("the scanner has not started");
  if (wanted === "first") scanner.forget();
  if (wanted === "quality") return { result: { codes: [], ...scanner.measure(width, height) }, width, height };
  const now = wanted === "still" ? undefined : performance.now();
  const result = luma ? scanner.scanLuma(width, height, now) : scanner.scan(width, height, now);
  return { result, width, height };
}

/** Cameras give planes with luma first; it is copied and the rest is not looked at. */
async function scanVideo(frame: VideoFrame, wanted: Wanted): Promise<Scanned> {
  try {
    const format = frame.format ?? "";
    const planar = /^(?:I4|NV12)/.test(format);
    if (!planar && !/^(?:RGB|BGR)/.test(format)) throw new Unsupported(`frames of format ${format}`);
    const rect = frame.visibleRect;
    const { width, height } = rect ?? { width: frame.codedWidth, height: frame.codedHeight };
    const room = width * height * 4;
    const options: VideoFrameCopyToOptions = rect ? { rect } : {};
    if (planar) options.layout = planes(format, width, height);
    try {
      if (frame.allocationSize(options) > room) throw new Unsupported("a frame larger than its pixels");
      // Nothing else runs in this worker's module while the copy is under way.
      await frame.copyTo(input(width, height, room), options);
    } catch (error) {
      throw error instanceof WebAssembly.RuntimeError ? error : new Unsupported(text(error));
    }
    return scanned(width, height, wanted, planar);
  } finally {
    frame.close();
  }
}

/** Luma without padding at the start, the other planes behind it. */
function planes(format: string, width: number, height: number): PlaneLayout[] {
  const half = (n: number): number => (n + 1) >> 1;
  let sizes: [stride: number, rows: number][];
  if (format.startsWith("NV12")) sizes = [[2 * half(width), half(height)]];
  else if (format.startsWith("I422")) sizes = [[half(width), height], [half(width), height]];
  else if (format.startsWith("I444")) sizes = [[width, height], [width, height]];
  else sizes = [[half(width), half(height)], [half(width), half(height)]];
  if (format.endsWith("A")) sizes.push([width, height]);
  const layout: PlaneLayout[] = [{ offset: 0, stride: width }];
  let offset = width * height;
  for (const [stride, rows] of sizes) {
    layout.push({ offset, stride });
    offset += stride * rows;
  }
  return layout;
}

function scanBitmap(bitmap: ImageBitmap, wanted: Wanted): Scanned {
  try {
    const scale = Math.min(1, SIDE_MAX[wanted] / Math.max(bitmap.width, bitmap.height));
    const width = Math.max(1, Math.round(bitmap.width * scale)), height = Math.max(1, Math.round(bitmap.height * scale));
    if (!canvas || canvas.width !== width || canvas.height !== height) {
      canvas ??= new OffscreenCanvas(width, height);
      canvas.width = width;
      canvas.height = height;
      context = canvas.getContext("2d", { willReadFrequently: true });
    }
    if (!context) throw new Unsupported("no 2D canvas in a worker");
    context.drawImage(bitmap, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    input(width, height, data.length).set(data);
    const done = scanned(width, height, wanted, false);
    // Places are told in pixels of the picture that was handed over.
    for (const code of scale < 1 ? done.result.codes : []) code.corners = code.corners.map((at) => at / scale);
    return { ...done, width: bitmap.width, height: bitmap.height };
  } finally {
    bitmap.close();
  }
}

async function frame(message: ToWorker & { type: "frame" }): Promise<void> {
  const { id, source, wanted } = message;
  const began = performance.now();
  try {
    let done: Scanned;
    if ("video" in source) done = await scanVideo(source.video, wanted);
    else if ("bitmap" in source) done = scanBitmap(source.bitmap, wanted);
    else {
      const { rgba, width, height } = source;
      input(width, height, width * height * 4).set(new Uint8Array(rgba, 0, width * height * 4));
      done = { ...scanned(width, height, wanted, false), rgba };
    }
    const { result, width, height, rgba } = done;
    say({ type: "result", id, ...result, decodeMs: performance.now() - began, width, height, ...(rgba ? { rgba } : {}) }, rgba ? [rgba] : []);
  } catch (error) {
    if (error instanceof Unsupported) say({ type: "unsupported", id, source: "video" in source ? "video" : "bitmap" });
    else say({ type: "trapped", id, message: text(error) });
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

scope.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  void (data.type === "start" ? start(data.wasm) : frame(data));
});
