import { define } from "./define.js";
import { PannierSyncBar } from "./pannier-sync-bar.js";

export { PannierSyncBar };
export type { SyncBarLabels } from "./pannier-sync-bar.js";

declare global {
  interface HTMLElementTagNameMap { "pannier-sync-bar": PannierSyncBar }
}

define("pannier-sync-bar", PannierSyncBar);
