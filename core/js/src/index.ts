// The public API: see types.ts for the shapes.

import { Pannier } from "./client";
import type { OpenOptions } from "./types";

export * from "./types";
export { PannierError } from "./error";
export { Pannier } from "./client";
export { attachWakes } from "./wakes";
export { storageHealth, type StorageHealth, type StorageKind } from "./storage";
export { deadline } from "./time";

/**
 * Opens the core on this device's store.
 * @throws PannierError `profile_*`, `server_unknown`, `storage_*`, `core_unavailable`
 */
export const openPannier = (options: OpenOptions): Promise<Pannier> => Pannier.open(options);
