// What several steps share: workers, the scanner, the camera. One bench for one check; `clear` puts
// everything away, the databases and the service worker included.

import type { Camera, FoundCode, Scanner, ScannerStats } from "pannier/scanner";
import type { Pannier } from "pannier";
import { databases, remove } from "./database";
import { ask } from "./worker-words";

export const WORKER = "/selfcheck-worker.js";
/** No page is in it, the check's own neither: its worker controls nothing. */
export const SCOPE = "/selfcheck/";

/** What the check's service worker is called by, if it is there. */
export const registration = async (): Promise<ServiceWorkerRegistration | undefined> => {
  if (!("serviceWorker" in navigator)) return undefined;
  const found = await navigator.serviceWorker.getRegistration(SCOPE).catch(() => undefined);
  return found && new URL(found.scope).pathname === SCOPE ? found : undefined;
};

export class Bench {
  /** shows the camera while there is one */
  readonly video = document.createElement("video");
  helper: Worker | undefined;
  client: Pannier | undefined;
  scanner: Scanner | undefined;
  onCodes: ((codes: FoundCode[]) => void) | undefined;
  onStats: ((stats: ScannerStats) => void) | undefined;
  camera: Camera | undefined;
  /** a second hand on the camera's stream, which outlives the product's own */
  kept: MediaStream | undefined;
  wakeLock: WakeLockSentinel | undefined;
  /** told when the camera opens or closes, so that the page shows it or not */
  onCamera: (() => void) | undefined;
  showsCamera = false;
  /** told how many pictures were looked at */
  onPictures: ((count: number) => void) | undefined;

  constructor() {
    this.video.playsInline = true;
    this.video.muted = true;
    this.video.className = "lens";
  }

  worker(): Worker {
    return this.helper ??= new Worker(WORKER);
  }

  show(camera: boolean): void {
    this.showsCamera = camera;
    this.onCamera?.();
  }

  closeCamera(): void {
    this.scanner?.pause();
    this.camera?.close();
    this.camera = undefined;
    this.show(false);
  }

  letGoOfStream(): void {
    this.kept?.getTracks().forEach((track) => track.stop());
    this.kept = undefined;
  }

  async keepAwake(): Promise<void> {
    this.wakeLock = await navigator.wakeLock?.request("screen").catch(() => undefined);
  }

  async letSleep(): Promise<void> {
    await this.wakeLock?.release().catch(() => undefined);
    this.wakeLock = undefined;
  }

  async clear(): Promise<void> {
    this.closeCamera();
    this.letGoOfStream();
    this.scanner?.stop();
    this.client?.close();
    this.helper?.terminate();
    this.helper = undefined;
    await this.letSleep();
    await clearAway();
  }
}

/** Also what a page that died has left. */
export async function clearAway(): Promise<void> {
  const found = await registration();
  const worker = found?.active;
  // It closes its databases, so that they can go; and it lives until they are gone: WebKit waits for
  // the word of one that was ended while it was closing (seen with a beat's put under way).
  if (worker) await ask(worker, "end", {}, 2_000).catch(() => undefined);
  await Promise.all(Object.values(databases).map(remove));
  await found?.unregister().catch(() => undefined);
}
