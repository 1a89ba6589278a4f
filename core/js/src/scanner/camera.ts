// The phone's camera, opened once and shared: iOS may ask for permission again at every opening, so
// scanner and photo view of one visit use the same stream, which lingers a moment between the two,
// or as long as somebody keeps it.
//
// A hidden page gives the camera back and opens it again when visible. A stream that ends, stays
// muted, or shows no new picture is opened again a bounded number of times.

import { PannierError } from "../error.js";

/** Why there is no picture: stable. */
export type CameraErrorCode = "camera_denied" | "camera_absent" | "camera_busy" | "camera_insecure";

const sentences: Record<CameraErrorCode, string> = {
  camera_denied: "The camera may not be used. Allow it in the browser's settings for this page.",
  camera_absent: "No camera was found.",
  camera_busy: "The camera gives no picture. Another app may be using it.",
  camera_insecure: "The camera needs a secure (https) page.",
};

/**
 * Why there is no picture. `code` is stable, `message` is a sentence for a person.
 * @example if (error instanceof CameraError && error.code === "camera_denied") showHowToAllow();
 */
export class CameraError extends PannierError {
  declare readonly code: CameraErrorCode;
  constructor(code: CameraErrorCode, cause?: unknown) {
    super(code, sentences[code], { cause });
  }
}

/** The picture must arrive, and go on arriving, within this time. */
const PICTURE_MS_MAX = 4_000;
/** Mute events within the first second are spurious on iOS. */
const MUTE_MS_MAX = 1_000;
const LINGER_MS = 3_000;
/** A kept camera that nobody looks through costs the battery; after so long another question costs less. */
const KEPT_MS_MAX = 120_000;
const REOPENINGS_MAX = 3;
/** Openings because the picture stands still although the stream says it runs; a lens in the dark looks the same. */
const STALE_MAX = 2;

const wanted: MediaStreamConstraints = {
  audio: false,
  video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } },
};

let shared: Promise<MediaStream> | undefined;
let users = 0;
let keepers = 0;
let lingering: ReturnType<typeof setTimeout> | undefined;

function live(stream: MediaStream): boolean {
  return stream.getVideoTracks().some((track) => track.readyState === "live");
}

function drop(): void {
  clearTimeout(lingering);
  const old = shared;
  shared = undefined;
  void old?.then((stream) => stream.getTracks().forEach((track) => track.stop()), () => undefined);
}

/** Nobody looks through it any more: it is given back soon, or late when somebody keeps it. */
function linger(): void {
  clearTimeout(lingering);
  if (users === 0) lingering = setTimeout(drop, keepers > 0 ? KEPT_MS_MAX : LINGER_MS);
}

/** A hidden page has no use for it, whoever keeps it. */
function hidden(): void {
  if (document.hidden && users === 0) drop();
}

/**
 * Keeps a camera that was opened over the pauses of one visit, so that it is not asked for again: for two minutes
 * after the last use, and no longer than the page is seen. Opens none. Call what it gives when the visit is over.
 * @example
 * const release = keepCamera();
 * // scanner, form, photo view
 * release();
 */
export function keepCamera(): () => void {
  keepers += 1;
  // The last screen of the visit may have let go already.
  if (shared) linger();
  if (keepers === 1) document.addEventListener("visibilitychange", hidden);
  let kept = true;
  return () => {
    if (!kept) return;
    kept = false;
    keepers -= 1;
    if (keepers > 0) return;
    document.removeEventListener("visibilitychange", hidden);
    linger();
  };
}

/** The shared stream, opened when it is not there or `fresh` is wanted. */
async function acquired(fresh: boolean): Promise<MediaStream> {
  clearTimeout(lingering);
  if (fresh) drop();
  const kept = shared && await shared.catch(() => undefined);
  if (kept && live(kept)) return kept;
  const opening = opened();
  shared = opening;
  opening.catch(() => { if (shared === opening) shared = undefined; });
  return opening;
}

async function opened(): Promise<MediaStream> {
  // Missing outside secure contexts, and in some web views without permission to the camera.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices?.getUserMedia) throw new CameraError(globalThis.isSecureContext ? "camera_absent" : "camera_insecure");
  try {
    return await devices.getUserMedia(wanted);
  } catch (error) {
    throw translated(error);
  }
}

function translated(error: unknown): CameraError {
  if (error instanceof CameraError) return error;
  switch (error instanceof Error || error instanceof DOMException ? error.name : "") {
    case "NotAllowedError": case "PermissionDeniedError": return new CameraError("camera_denied", error);
    case "SecurityError": return new CameraError(globalThis.isSecureContext ? "camera_denied" : "camera_insecure", error);
    case "NotFoundError": case "OverconstrainedError": case "DevicesNotFoundError": return new CameraError("camera_absent", error);
    default: return new CameraError("camera_busy", error);
  }
}

/** What the camera does now. */
export type CameraState = "closed" | "opening" | "live" | "paused" | "failed";

/** What a `Camera` tells. */
export interface CameraOptions {
  onState?: (state: CameraState, error?: CameraError) => void;
}

/**
 * Shows the camera in one video element.
 * @example const camera = new Camera(video, { onState: (state, error) => show(state, error?.message) });
 */
export class Camera {
  readonly #video: HTMLVideoElement;
  readonly #options: CameraOptions;
  #stream: MediaStream | undefined;
  #state: CameraState = "closed";
  /** raised by every opening and closing; what belongs to an older one is ignored */
  #turn = 0;
  #reopenings = 0;
  #stale = 0;
  #watch: ReturnType<typeof setInterval> | undefined;
  #mute: ReturnType<typeof setTimeout> | undefined;
  #pictureAt = 0;
  #lastTime = -1;
  #counted = false;

  constructor(video: HTMLVideoElement, options: CameraOptions = {}) {
    this.#video = video;
    this.#options = options;
  }

  get state(): CameraState { return this.#state; }

  /** Rejects with a `CameraError`. Later trouble is told through `onState`. */
  async open(): Promise<void> {
    if (this.#state === "opening" || this.#state === "live") return;
    document.addEventListener("visibilitychange", this.#visibility);
    if (!this.#counted) { this.#counted = true; users += 1; }
    this.#reopenings = 0;
    this.#stale = 0;
    if (document.hidden) return this.#become("paused");
    await this.#show(false);
  }

  /** Gives the camera back. */
  close(): void {
    document.removeEventListener("visibilitychange", this.#visibility);
    this.#leave();
    if (this.#counted) {
      this.#counted = false;
      users -= 1;
      linger();
    }
    this.#become("closed");
  }

  /** Never required; false where the browser or the phone has none. */
  get hasTorch(): boolean {
    const track = this.#stream?.getVideoTracks()[0];
    const capabilities = track?.getCapabilities?.() as (MediaTrackCapabilities & { torch?: boolean }) | undefined;
    return capabilities?.torch === true;
  }

  /** Says whether the torch obeyed. */
  async setTorch(on: boolean): Promise<boolean> {
    return this.hasTorch && this.#constrain({ torch: on });
  }

  /** The zoom that the camera offers, where the browser and the phone have one: from 1 on. */
  get zoom(): { now: number; min: number; max: number } | undefined {
    const track = this.#stream?.getVideoTracks()[0];
    const { zoom } = (track?.getCapabilities?.() ?? {}) as { zoom?: { min: number; max: number } };
    if (!track || !zoom || !(zoom.max > zoom.min)) return undefined;
    const now = (track.getSettings() as { zoom?: number }).zoom;
    return { now: now ?? zoom.min, min: zoom.min, max: zoom.max };
  }

  /** Says whether the zoom obeyed. */
  async setZoom(zoom: number): Promise<boolean> {
    return this.zoom !== undefined && this.#constrain({ zoom });
  }

  async #constrain(constraint: object): Promise<boolean> {
    try {
      await this.#stream?.getVideoTracks()[0]?.applyConstraints({ advanced: [constraint] } as MediaTrackConstraints);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Whoever looks at the pictures finds that they stand still, though the stream says it runs, as on a phone that
   * came back from the background: it is opened anew, twice at most, since a lens in the dark looks the same.
   */
  stale(): void {
    if (this.#state !== "live" || this.#stale >= STALE_MAX) return;
    this.#stale += 1;
    this.#again();
  }

  /** What moves again was not at its end. */
  moving(): void { this.#stale = 0; }

  #become(state: CameraState, error?: CameraError): void {
    this.#state = state;
    this.#options.onState?.(state, error);
  }

  async #show(fresh: boolean): Promise<void> {
    const turn = ++this.#turn;
    this.#become("opening");
    try {
      const stream = await acquired(fresh);
      if (turn !== this.#turn) return;
      this.#stream = stream;
      const track = stream.getVideoTracks()[0];
      track?.addEventListener("ended", this.#ended);
      track?.addEventListener("mute", this.#muted);
      track?.addEventListener("unmute", this.#unmuted);
      const video = this.#video;
      video.playsInline = true;
      video.muted = true;
      video.srcObject = stream;
      this.#watchPictures(turn);
      // Refused autoplay is not fatal: the picture may start by itself, and the watch notices when not.
      await video.play().catch(() => undefined);
    } catch (error) {
      if (turn !== this.#turn) return;
      const known = translated(error);
      this.#leave();
      this.#become("failed", known);
      throw known;
    }
  }

  /** Takes hands off the stream without stopping it for others. */
  #leave(): void {
    this.#turn += 1;
    clearInterval(this.#watch);
    clearTimeout(this.#mute);
    const track = this.#stream?.getVideoTracks()[0];
    track?.removeEventListener("ended", this.#ended);
    track?.removeEventListener("mute", this.#muted);
    track?.removeEventListener("unmute", this.#unmuted);
    this.#stream = undefined;
    this.#video.srcObject = null;
  }

  #watchPictures(turn: number): void {
    clearInterval(this.#watch);
    this.#pictureAt = performance.now();
    this.#lastTime = -1;
    this.#watch = setInterval(() => {
      if (turn !== this.#turn) return;
      const now = performance.now();
      const { currentTime, videoWidth } = this.#video;
      // A track that a page stops itself tells nobody, and a video's clock may run on without it.
      if (this.#stream && !live(this.#stream)) return this.#again();
      if (videoWidth > 0 && currentTime !== this.#lastTime) {
        this.#lastTime = currentTime;
        this.#pictureAt = now;
        if (this.#state === "opening") {
          this.#become("live");
        } else {
          this.#reopenings = 0;
        }
      } else if (now - this.#pictureAt > PICTURE_MS_MAX) {
        this.#again();
      }
    }, 100);
  }

  readonly #visibility = (): void => {
    if (document.hidden) {
      if (this.#state !== "live" && this.#state !== "opening") return;
      this.#leave();
      drop();
      this.#become("paused");
    } else if (this.#state === "paused" || this.#state === "failed") {
      this.#reopenings = 0;
      this.#show(false).catch(() => undefined);
    }
  };

  readonly #ended = (): void => this.#again();
  readonly #muted = (): void => {
    clearTimeout(this.#mute);
    this.#mute = setTimeout(() => this.#again(), MUTE_MS_MAX + PICTURE_MS_MAX);
  };
  readonly #unmuted = (): void => clearTimeout(this.#mute);

  #again(): void {
    if (this.#state !== "live" && this.#state !== "opening") return;
    this.#reopenings += 1;
    this.#leave();
    if (this.#reopenings > REOPENINGS_MAX) {
      drop();
      return this.#become("failed", new CameraError("camera_busy"));
    }
    this.#show(true).catch(() => undefined);
  }
}
