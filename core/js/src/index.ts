// The public API: see types.ts for the shapes.

import { Pannier } from "./client.js";
import { PannierError } from "./error.js";
import { storageHealth } from "./storage.js";
import type { OpenOptions } from "./api.js";

export type {
  ChangeListener, Diagnostics, HandedReport, HandedRequest, HandOver, Health, HostCall, OpenOptions, PannierApi, RecordOptions, Status, Versions, WasmSource,
} from "./api.js";
export type * from "./types.js";
export { PannierError } from "./error.js";
export type { Pannier } from "./client.js";
export { attachWakes, type WakeOptions } from "./wakes.js";
export type { OverdueNotification, OverdueWords } from "./unsent.js";
export { lookAtPush, startPush, stopPush, type PushLook } from "./push.js";
export { storageHealth, type StorageHealth, type StorageKind } from "./storage.js";
export { deadline } from "./time.js";

/**
 * Opens the core on this device's store.
 * @example const pannier = await openPannier({ profile, servers: { api: "https://api.example.com" } });
 * @throws PannierError `profile_*`, `server_unknown`, `storage_*`, `core_unavailable`, `core_mismatch`
 */
export const openPannier = async (options: OpenOptions = {}): Promise<Pannier> => {
  const { Capacitor } = globalThis as { Capacitor?: { isNativePlatform?: () => boolean } };
  // What a start before this one handed to the system only the shell's module takes back.
  if (Capacitor?.isNativePlatform?.()) throw new PannierError("core_mismatch", "in a Capacitor app openShell opens the core");
  // The first status waits for it: it is found out while the module is compiled.
  void storageHealth();
  // Written as bundlers look for it. Not asked for when the caller knows better.
  return Pannier.open({ ...options, wasm: options.wasm ?? new URL("./core.wasm", import.meta.url) });
};
