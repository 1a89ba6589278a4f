// The page's side of the scanner: takes frames from a video and asks the worker, one at a time.
//
// Decoding never happens here. Frames that arrive while one is in flight are dropped, not queued. A
// worker that traps, or does not answer, is discarded and replaced; the camera goes on meanwhile.

import { PannierError } from "../error.js";
import type { Advice, FoundCode, FrameResult, FrameSource, FromWorker, PictureQuality, ToWorker, Wanted } from "./protocol.js";

export type { Advice, FoundCode, PictureQuality } from "./protocol.js";

/** Longer sides are scaled down before they are scanned. */
const SIDE_MAX = 1280;
/** A worker that has not answered for so long is replaced. */
const ANSWER_MS_MAX = 5_000;
/** Replacements without a single answer in between; then the scanner gives up and says so. */
const RESTARTS_IN_A_ROW_MAX = 5;
/** So many frames without a code in a row must ask for the same before it is advised: hands shake. */
const ADVICE_FRAMES = 6;
/** Frames that are all black although the camera runs: this way of reading frames is broken. */
const BLACK_FRAMES_MAX = 15;

/** Figures of the last frames, for a developer's eye. */
export interface ScannerStats extends PictureQuality {
  /** frames looked at in a second, over the last few */
  fps: number;
  /** how long the last frame took, in milliseconds */
  decodeMs: number;
  /** of the frame as it was scanned, in pixels */
  width: number;
  /** of the frame as it was scanned, in pixels */
  height: number;
  /** workers replaced since the start */
  restarts: number;
  /** what would help, when the last frames without a code said the same */
  advice?: Advice;
  /** the try that found the last code */
  foundBy?: string;
  /** how frames reach the worker in this browser: as the camera gives them, as bitmaps, or through a canvas */
  way: "video" | "bitmap" | "canvas";
}

/** Where the scanner's files are, and what it tells. */
export interface ScannerOptions {
  /** where the worker's script is (default: `scanner-worker.js` beside this script, where bundlers put it) */
  workerUrl?: string | URL;
  /** where the scanner's wasm is (default: `scan.wasm` beside this script, where bundlers put it) */
  wasmUrl?: string | URL;
  /** called with at least one code of a video, as often as one is seen; `isNew` tells the first time; `width` and `height` are the frame's, in pixels */
  onCodes?: (codes: FoundCode[], frame: { width: number; height: number }) => void;
  onStats?: (stats: ScannerStats) => void;
  /** the worker has its module and waits for pictures; told again after each replacement */
  onReady?: () => void;
  /** the worker cannot be started or keeps failing; scanning has stopped */
  onError?: (error: ScannerError) => void;
}

/**
 * `scanner_unavailable`: the worker or its module cannot be loaded; `scanner_failing`: it starts and dies again and again.
 * @example onError: (error: ScannerError) => offerTyping(error.message)
 */
export class ScannerError extends PannierError {
  declare readonly code: "scanner_unavailable" | "scanner_failing";
  constructor(code: ScannerError["code"], message: string, cause?: string) {
    super(code, message, { cause });
  }
}

type Way = ScannerStats["way"];

/**
 * Looks for codes in a video or a picture, in a worker of its own.
 * @example
 * const scanner = new Scanner({ onCodes: ([code]) => console.log(code?.text) });
 * scanner.start(document.querySelector("video"));
 */
export class Scanner {
  readonly #options: ScannerOptions;
  #worker: Worker | undefined;
  #module: WebAssembly.Module | undefined;
  #ready = false;
  #video: HTMLVideoElement | undefined;
  #frameRequest = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #way: Way = typeof VideoFrame === "function" ? "video" : "bitmap";
  #black = 0;
  #canvas: HTMLCanvasElement | undefined;
  /** id of the frame in flight; 0 when none is */
  #inFlight = 0;
  #lastId = 0;
  #busy = false;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  /** a picture by itself, and who waits for what it says; without the picture, it is with the worker */
  #still: { picture: ImageBitmap | undefined; wanted: "still" | "quality"; resolve: (result: FrameResult) => void; reject: (error: Error) => void } | undefined;
  #restarts = 0;
  #failedInARow = 0;
  #answeredAt: number[] = [];
  /** the next frame is the first of its video */
  #fresh = true;
  #advised: { advice: Advice | undefined; frames: number } = { advice: undefined, frames: 0 };
  #foundBy: string | undefined;

  constructor(options: ScannerOptions) {
    this.#options = options;
  }

  get restarts(): number { return this.#restarts; }

  /** Loads the worker and its module, so that the first picture does not wait for them. */
  warm(): void { this.#open(); }

  /** Scans what `video` shows until `stop`. Starting again moves to another video. */
  start(video: HTMLVideoElement): void {
    this.pause();
    this.#video = video;
    this.#fresh = true;
    this.#foundBy = undefined;
    this.#failedInARow = 0;
    this.#open();
    this.#next();
  }

  /** Takes no more frames; the worker stays warm. */
  pause(): void {
    const video = this.#video;
    if (video && this.#frameRequest && "cancelVideoFrameCallback" in video) video.cancelVideoFrameCallback(this.#frameRequest);
    clearTimeout(this.#timer);
    this.#frameRequest = 0;
    this.#video = undefined;
    this.#answeredAt = [];
  }

  /** Takes no more frames and ends the worker. */
  stop(): void {
    this.pause();
    this.#close();
    this.#refuseStill(new ScannerError("scanner_unavailable", "Scanning was stopped."));
  }

  /** One still picture, with more effort than a live frame gets. Not while a video is scanned. */
  async scanStill(picture: ImageBitmapSource): Promise<FoundCode[]> {
    return (await this.#one(picture, "still")).codes;
  }

  /**
   * How sharp and how bright a picture is, and what would make it better; no code is looked for. A few
   * milliseconds once the module is there. Not while a video is scanned. Rejects with a `ScannerError`,
   * and with what `createImageBitmap` throws for a picture that it cannot read.
   * @example if ((await scanner.judge(photo)).advice) warn();
   */
  async judge(picture: ImageBitmapSource): Promise<PictureQuality> {
    const { sharpness, exposure, advice } = await this.#one(picture, "quality");
    return { sharpness, exposure, ...(advice ? { advice } : {}) };
  }

  async #one(source: ImageBitmapSource, wanted: "still" | "quality"): Promise<FrameResult> {
    const busy = (): boolean => this.#video !== undefined || this.#still !== undefined;
    const picture = busy() ? undefined : await createImageBitmap(source);
    if (!picture || busy()) {
      picture?.close();
      throw new ScannerError("scanner_unavailable", "The scanner is busy.");
    }
    return new Promise<FrameResult>((resolve, reject) => {
      this.#still = { picture, wanted, resolve, reject };
      this.#open();
      this.#sendStill();
    });
  }

  /** As soon as the worker is there. */
  #sendStill(): void {
    const still = this.#still;
    if (!still?.picture || !this.#ready) return;
    const bitmap = still.picture;
    still.picture = undefined;
    this.#send({ bitmap }, [bitmap], still.wanted);
  }

  #refuseStill(error: ScannerError): void {
    this.#still?.picture?.close();
    this.#still?.reject(error);
    this.#still = undefined;
  }

  #open(): void {
    if (this.#worker) return;
    try {
      const { workerUrl, wasmUrl } = this.#options;
      // Written as bundlers look for it.
      const worker = workerUrl === undefined ? new Worker(new URL("./scanner-worker.js", import.meta.url)) : new Worker(workerUrl);
      worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => { if (worker === this.#worker) this.#heard(data); });
      worker.addEventListener("error", (event) => { if (worker === this.#worker) this.#lost(event.message || "the worker's script failed"); });
      this.#worker = worker;
      this.#ready = false;
      // Loading may be slow on a bad network; from the compiled module it is not.
      this.#watch(this.#module ? ANSWER_MS_MAX : ANSWER_MS_MAX * 12);
      const wasm = this.#module ?? (wasmUrl === undefined ? new URL("./scan.wasm", import.meta.url) : new URL(wasmUrl, document.baseURI)).href;
      worker.postMessage({ type: "start", wasm } satisfies ToWorker);
    } catch (error) {
      this.#giveUp("scanner_unavailable", error instanceof Error ? error.message : String(error));
    }
  }

  #close(): void {
    clearTimeout(this.#watchdog);
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#ready = false;
    this.#inFlight = 0;
  }

  #watch(ms: number): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost("no answer"), ms);
  }

  /** The worker is dead or as good as dead. */
  #lost(why: string): void {
    const started = this.#ready;
    this.#close();
    this.#failedInARow += 1;
    this.#refuseStill(new ScannerError("scanner_failing", "The picture could not be scanned."));
    if (this.#failedInARow > RESTARTS_IN_A_ROW_MAX) return this.#giveUp(started ? "scanner_failing" : "scanner_unavailable", why);
    this.#restarts += 1;
    this.#open();
  }

  #giveUp(code: ScannerError["code"], why: string): void {
    const text = code === "scanner_failing" ? "The scanner keeps failing. Type the code instead." : "The scanner could not be loaded. Type the code instead.";
    const error = new ScannerError(code, text, why);
    this.#refuseStill(error);
    this.stop();
    this.#options.onError?.(error);
  }

  #heard(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        clearTimeout(this.#watchdog);
        this.#module = message.module;
        this.#ready = true;
        if (!message.offscreen && this.#way === "bitmap") this.#way = "canvas";
        this.#options.onReady?.();
        return this.#sendStill();
      case "failed":
        this.#module = undefined;
        return this.#lost(message.message);
      case "trapped":
        return this.#lost(message.message);
      case "unsupported":
        this.#settle(message.id);
        this.#refuseStill(new ScannerError("scanner_unavailable", "This browser cannot scan pictures."));
        this.#way = message.source === "video" ? "bitmap" : "canvas";
        return;
      case "result":
        return this.#answered(message);
    }
  }

  #settle(id: number): void {
    if (id !== this.#inFlight) return;
    clearTimeout(this.#watchdog);
    this.#inFlight = 0;
  }

  #answered(result: FrameResult): void {
    this.#settle(result.id);
    this.#failedInARow = 0;
    if (result.rgba) this.#spare = result.rgba;
    if (this.#still) {
      this.#still.resolve(result);
      this.#still = undefined;
      return;
    }
    if (!this.#video) return;
    this.#black = result.exposure === 0 ? this.#black + 1 : 0;
    if (this.#way === "video" && this.#black > BLACK_FRAMES_MAX) this.#way = "bitmap";
    this.#stats(result);
    if (result.codes.length > 0) this.#options.onCodes?.(result.codes, { width: result.width, height: result.height });
  }

  #stats(result: FrameResult): void {
    const now = performance.now();
    this.#answeredAt.push(now);
    if (this.#answeredAt.length > 20) this.#answeredAt.shift();
    const span = now - (this.#answeredAt[0] ?? now);
    const { codes, decodeMs, width, height, sharpness, exposure, advice } = result;
    const same = codes.length === 0 && advice === this.#advised.advice;
    this.#advised = { advice: codes.length ? undefined : advice, frames: same ? this.#advised.frames + 1 : 1 };
    this.#foundBy = codes[0]?.foundBy ?? this.#foundBy;
    const advised = this.#advised.frames >= ADVICE_FRAMES ? this.#advised.advice : undefined;
    const fps = span > 0 ? (this.#answeredAt.length - 1) / span * 1_000 : 0;
    this.#options.onStats?.({ fps, decodeMs, width, height, restarts: this.#restarts, sharpness, exposure, way: this.#way, ...(advised ? { advice: advised } : {}), ...(this.#foundBy ? { foundBy: this.#foundBy } : {}) });
  }

  /** Waits for the next new picture. */
  #next(): void {
    const video = this.#video;
    if (!video) return;
    const take = (): void => {
      if (video !== this.#video) return;
      void this.#take(video).finally(() => { if (video === this.#video) this.#next(); });
    };
    if ("requestVideoFrameCallback" in video) this.#frameRequest = video.requestVideoFrameCallback(take);
    else this.#timer = setTimeout(take, 66);
  }

  async #take(video: HTMLVideoElement): Promise<void> {
    const { videoWidth: width, videoHeight: height } = video;
    if (!this.#ready || this.#inFlight || this.#busy || !width || !height || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const large = Math.max(width, height) > SIDE_MAX;
    try {
      this.#busy = true;
      if (this.#way === "video" && !large) {
        const frame = new VideoFrame(video, { timestamp: 0 });
        this.#send({ video: frame }, [frame]);
      } else if (this.#way !== "canvas") {
        const scale = SIDE_MAX / Math.max(width, height);
        const size = { resizeWidth: Math.round(width * scale), resizeHeight: Math.round(height * scale) };
        const bitmap = await createImageBitmap(video, large ? size : {});
        if (video !== this.#video || !this.#ready) return bitmap.close();
        this.#send({ bitmap }, [bitmap]);
      } else {
        const rgba = this.#drawn(video, Math.min(1, SIDE_MAX / Math.max(width, height)));
        this.#send(rgba, [rgba.rgba]);
      }
    } catch {
      // A video without a current frame, or a way this browser only seems to have: try the next one.
      if (this.#way !== "canvas" && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.#way = this.#way === "video" ? "bitmap" : "canvas";
    } finally {
      this.#busy = false;
    }
  }

  /** The bytes that came back, for the next frame of the same size. */
  #spare: ArrayBuffer | undefined;

  #drawn(video: HTMLVideoElement, scale: number): { rgba: ArrayBuffer; width: number; height: number } {
    const width = Math.round(video.videoWidth * scale);
    const height = Math.round(video.videoHeight * scale);
    const canvas = this.#canvas ??= document.createElement("canvas");
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("no 2D canvas");
    context.drawImage(video, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const spare = this.#spare;
    this.#spare = undefined;
    if (!spare || spare.byteLength !== data.byteLength) return { rgba: data.buffer as ArrayBuffer, width, height };
    new Uint8Array(spare).set(data);
    return { rgba: spare, width, height };
  }

  #send(source: FrameSource, transfer: Transferable[], wanted: Wanted = this.#fresh ? "first" : "next"): void {
    this.#lastId += 1;
    this.#inFlight = this.#lastId;
    this.#watch(wanted === "still" ? ANSWER_MS_MAX * 4 : ANSWER_MS_MAX);
    if (wanted === "first") this.#fresh = false;
    this.#worker?.postMessage({ type: "frame", id: this.#inFlight, source, wanted } satisfies ToWorker, transfer);
  }
}
