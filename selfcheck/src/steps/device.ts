// What the browser says of itself, and which APIs are there. A browser's name for its system may be
// frozen (iOS says 18 for ever), so what is there and what is not tells its age better.

import { some, yes } from "../figures";
import type { Note } from "../outcome";

export async function engine(note: Note): Promise<void> {
  const [, system, products] = navigator.userAgent.match(/^Mozilla\/5\.0 \(([^)]*)\) ?(.*)$/) ?? [];
  if (products === undefined) return note(navigator.userAgent.slice(0, 120));
  note(products.replace(/ ?\([^)]*\)/g, "").slice(0, 90), (system ?? "").slice(0, 60));
}

export async function screenFacts(note: Note): Promise<void> {
  const { standalone } = navigator as Navigator & { standalone?: boolean };
  const memory = (navigator as Navigator & { deviceMemory?: number }).deviceMemory;
  const mode = ["fullscreen", "standalone", "minimal-ui", "browser"].find((one) => matchMedia(`(display-mode: ${one})`).matches);
  note(
    standalone || mode === "standalone" || mode === "fullscreen" ? "installed" : "tab",
    `mode=${mode ?? "-"}`, ...some("standalone", standalone, yes), `secure=${yes(isSecureContext)}`,
    `${screen.width}x${screen.height}/${Math.round(devicePixelRatio * 100) / 100}`,
    `touch=${navigator.maxTouchPoints ?? "-"}`, ...some("cores", navigator.hardwareConcurrency), ...some("gb", memory),
    // Whether the app's own worker stands before this page.
    `sw=${yes(navigator.serviceWorker?.controller)}`,
  );
}

const inside = (name: string, of: unknown): boolean => (typeof of === "object" || typeof of === "function") && of !== null && name in of;
const proto = (name: string, method: string): boolean => {
  const made: unknown = Reflect.get(globalThis, name);
  return typeof made === "function" && inside(method, made.prototype);
};
const there = (name: string): boolean => name in globalThis;

/** A module with one vector instruction. */
const simd = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);

/** Everything that Pannier touches, and a few that only tell a browser's age. */
const apis: Record<string, () => boolean> = {
  idb: () => there("indexedDB"),
  durability: () => proto("IDBTransaction", "durability"),
  databases: () => proto("IDBFactory", "databases"),
  locks: () => inside("locks", navigator),
  channel: () => there("BroadcastChannel"),
  sw: () => inside("serviceWorker", navigator),
  caches: () => there("caches"),
  sync: () => there("SyncManager"),
  push: () => there("PushManager"),
  notification: () => there("Notification"),
  badge: () => inside("setAppBadge", navigator),
  storage: () => inside("storage", navigator),
  persist: () => proto("StorageManager", "persist"),
  estimate: () => proto("StorageManager", "estimate"),
  opfs: () => proto("StorageManager", "getDirectory"),
  simd: () => WebAssembly.validate(simd),
  streaming: () => inside("instantiateStreaming", WebAssembly),
  camera: () => inside("mediaDevices", navigator),
  rvfc: () => proto("HTMLVideoElement", "requestVideoFrameCallback"),
  videoframe: () => there("VideoFrame"),
  offscreen: () => there("OffscreenCanvas"),
  bitmap: () => there("createImageBitmap"),
  barcode: () => there("BarcodeDetector"),
  imagecapture: () => there("ImageCapture"),
  geolocation: () => inside("geolocation", navigator),
  wakelock: () => inside("wakeLock", navigator),
  vibrate: () => inside("vibrate", navigator),
  share: () => inside("share", navigator),
  clipboard: () => inside("clipboard", navigator),
  compression: () => there("CompressionStream"),
  subtle: () => inside("subtle", globalThis.crypto),
  timeout: () => inside("timeout", AbortSignal),
  connection: () => inside("connection", navigator),
};

export async function apiFacts(note: Note): Promise<void> {
  const missing = Object.entries(apis).filter(([, has]) => { try { return !has(); } catch { return true; } }).map(([name]) => name);
  const all = Object.keys(apis).length;
  note(`${all - missing.length}/${all}`, `no=${missing.join(",") || "-"}`);
}
