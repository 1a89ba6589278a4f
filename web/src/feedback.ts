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

let audio: AudioContext | undefined;

/** Browsers let a page sound only after a touch; the first one opens the way, and one after a call or a pause opens it again. */
export function listenForFirstTouch(): void {
  const open = (): void => {
    try {
      audio ??= new AudioContext();
      if (audio.state !== "running") void audio.resume().catch(() => undefined);
    } catch {
      // No sound on this device.
    }
  };
  // A hand scanner's keys are a touch as well.
  for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, open, { passive: true });
}

function tone(frequency: number, startS: number, lengthS: number): void {
  if (!audio || audio.state !== "running") return;
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
  try {
    for (const one of tones) tone(...one);
    navigator.vibrate?.(buzz);
  } catch {
    // The picture and the words have already said it.
  }
}
