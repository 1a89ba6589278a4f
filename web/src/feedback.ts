// A tone and a buzz for a scanned code, so that the courier can keep his eyes on the parcels.
// Both are extras: a phone without them, or a page not yet touched, stays silent.

import { preference } from "./preferences";

let audio: AudioContext | undefined;

/** Browsers let a page sound only after a touch; the first one opens the way. */
export function listenForFirstTouch(): void {
  addEventListener("pointerdown", () => {
    try {
      audio ??= new AudioContext();
      if (audio.state === "suspended") void audio.resume().catch(() => undefined);
    } catch {
      // No sound on this device.
    }
  }, { passive: true });
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

export function signal(good: boolean): void {
  if (preference("sound") === false) return;
  try {
    if (good) {
      tone(1320, 0, 0.12);
      navigator.vibrate?.(40);
    } else {
      tone(330, 0, 0.16);
      tone(247, 0.2, 0.3);
      navigator.vibrate?.([120, 70, 120]);
    }
  } catch {
    // The picture and the words have already said it.
  }
}
