// A tone and a buzz for a scanned code, so that the courier can keep his eyes on the parcels: one
// rising for a parcel that belongs here, a short double one for a parcel seen before, a falling one
// for the wrong parcel. All are extras: a phone without them, or a page not yet touched, stays silent.

import { preference } from "./preferences";

/** What a code turned out to be. */
export type Signal = "good" | "known" | "bad";

/** Pitch (Hz), start and length (s); the buzz in ms, on and off by turns. No two are alike to the ear or to the hand. */
const signals: Record<Signal, { tones: [number, number, number][]; buzz: number[] }> = {
  good: { tones: [[1320, 0, 0.12]], buzz: [40] },
  known: { tones: [[880, 0, 0.07], [880, 0.11, 0.07]], buzz: [30, 60, 30] },
  bad: { tones: [[330, 0, 0.16], [247, 0.2, 0.3]], buzz: [160, 80, 240] },
};

/** A tone that comes later than this is taken for the next parcel's. */
const LATE_MS = 700;

let audio: AudioContext | undefined;

/** The way to the loudspeaker: it may be shut until the first touch, and again after a call or a pause. */
async function opened(): Promise<AudioContext> {
  audio ??= new AudioContext();
  if (audio.state !== "running") await audio.resume();
  return audio;
}

/** Browsers let a page sound only after a touch, or, on an iPhone, while it has the camera. */
export function listenForFirstTouch(): void {
  const open = (): void => void opened().catch(() => undefined);
  // A finger that comes down is not one yet, one that is lifted is; a hand scanner's keys are.
  for (const touch of ["pointerdown", "pointerup", "click", "keydown"]) addEventListener(touch, open, { passive: true });
}

function tone(audio: AudioContext, frequency: number, startS: number, lengthS: number): void {
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  const begin = audio.currentTime + startS;
  oscillator.frequency.value = frequency;
  oscillator.type = "triangle";
  gain.gain.setValueAtTime(0.25, begin);
  gain.gain.exponentialRampToValueAtTime(0.001, begin + lengthS);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(begin);
  oscillator.stop(begin + lengthS);
}

export function signal(which: Signal): void {
  if (preference("sound") === false) return;
  const { tones, buzz } = signals[which];
  const due = performance.now();
  // The picture and the words have already said it.
  opened().then((way) => {
    if (performance.now() - due < LATE_MS) for (const one of tones) tone(way, ...one);
  }).catch(() => undefined);
  try {
    navigator.vibrate?.(buzz);
  } catch {
    // As above.
  }
}
