// The camera as the product opens it, a hundred of its pictures through the product's scanner, and
// its lamp. Of codes only how many there were is told.

import { Camera, type CameraError, type ScannerStats } from "pannier/scanner";
import type { Bench } from "../bench";
import { ms, now, quantile, since, some, word, yes } from "../figures";
import { Absent, Skipped, type Note } from "../outcome";

const FRAMES = 100;
/** What came until then is told. */
const FRAMES_MS_MAX = 45_000;

type Capabilities = MediaTrackCapabilities & { torch?: boolean; zoom?: { min: number; max: number }; focusMode?: string[] };

const track = (video: HTMLVideoElement): MediaStreamTrack | undefined =>
  video.srcObject instanceof MediaStream ? video.srcObject.getVideoTracks()[0] : undefined;

/** Resolves when the product says that there are pictures. */
export function openCamera(bench: Bench): Promise<void> {
  return new Promise((resolve, reject) => {
    const camera = new Camera(bench.video, {
      onState: (state, error?: CameraError) => {
        if (state === "live") resolve();
        if (state === "failed") reject(error ?? new Error("the camera failed"));
      },
    });
    bench.camera = camera;
    bench.show(true);
    camera.open().catch(reject);
  });
}

export const camera = (bench: Bench) => async (note: Note): Promise<void> => {
  const began = now();
  try {
    await openCamera(bench);
  } catch (error) {
    bench.closeCamera();
    // What the browser said tells more than our sentence.
    const { cause } = error as Error;
    if (cause instanceof Error || cause instanceof DOMException) {
      const told = new Error(`${cause.name} ${cause.message}`);
      throw Object.assign(told, { name: "CameraError", code: (error as CameraError).code });
    }
    throw error;
  }
  note(`open=${since(began)}`);
  const source = track(bench.video);
  if (!source) throw new Error("there is no picture track");
  const { width, height, frameRate, facingMode } = source.getSettings();
  const { torch, zoom, focusMode } = (source.getCapabilities?.() ?? {}) as Capabilities;
  note(`${width}x${height}/${Math.round(frameRate ?? 0)}`, ...some("facing", facingMode), ...some("torch", torch, yes),
    ...some("zoom", zoom, ({ min, max }) => `${min}..${max}`), ...some("focus", focusMode?.join(",") || undefined), `lens=${word(source.label)}`);
};

export const frames = (bench: Bench) => async (note: Note, signal: AbortSignal): Promise<void> => {
  const { scanner } = bench;
  if (!bench.camera) throw new Skipped("there is no camera");
  if (!scanner) throw new Error("there is no scanner");
  const decode: number[] = [];
  let last: ScannerStats | undefined;
  let withCodes = 0;
  const seen = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let began = now();
  const restartsBefore = scanner.restarts;
  try {
    await new Promise<void>((resolve) => {
      bench.onStats = (stats) => {
        // From the first answer on, so that the speed is that of running.
        if (decode.length === 0) began = now();
        last = stats;
        decode.push(stats.decodeMs);
        bench.onPictures?.(decode.length);
        if (decode.length >= FRAMES) resolve();
      };
      bench.onCodes = (codes) => {
        withCodes += 1;
        for (const { bytes } of codes) seen.add(bytes.join());
      };
      signal.addEventListener("abort", () => resolve());
      timer = setTimeout(resolve, FRAMES_MS_MAX);
      scanner.start(bench.video);
    });
  } finally {
    clearTimeout(timer);
    scanner.pause();
    bench.onStats = bench.onCodes = undefined;
  }
  const spanMs = now() - began;
  note(`n=${decode.length}`, `decode=${[Math.min(...decode), quantile(decode, 0.5), quantile(decode, 0.95), Math.max(...decode)].map(ms).join("/")}`,
    `fps=${Math.round((decode.length - 1) / spanMs * 10_000) / 10}`, `coded=${withCodes}/${seen.size}`,
    `${last?.width}x${last?.height}`, `${last?.way}`, `restarts=${scanner.restarts - restartsBefore}`);
  if (decode.length < FRAMES) throw new Error(`only ${decode.length} pictures in ${FRAMES_MS_MAX / 1000} s`);
};

export const torch = (bench: Bench) => async (note: Note): Promise<void> => {
  const { camera: open } = bench;
  if (!open) throw new Skipped("there is no camera");
  if (!open.hasTorch) throw new Absent("torch");
  let began = now();
  if (!await open.setTorch(true)) throw new Error("it did not obey");
  note(`on=${since(began)}`);
  began = now();
  await open.setTorch(false);
  note(`off=${since(began)}`);
};

/** A second hand on the stream stays through the sleep; the product's own gives it back on hidden. */
export function keepStream(bench: Bench): void {
  const { srcObject } = bench.video;
  if (bench.camera && srcObject instanceof MediaStream) bench.kept = srcObject.clone();
  bench.closeCamera();
}
