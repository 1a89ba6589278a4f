// The core in an app's shell, whose operating system may send while nothing of ours runs. It has a
// module of its own: a browser has no such system, and its module nothing that would ask one.

import { Pannier } from "../client.js";
import { storageHealth } from "../storage.js";
import type { HandOver, OpenOptions } from "../api.js";
import { ShellHost } from "./host.js";

export type { HandedReport, HandedRequest, HandOver } from "../api.js";

/** What `openWithSystem` takes beside the options of `openPannier`; `wasm` is by default `core-shell.wasm` beside the script. */
export interface SystemOptions extends OpenOptions {
  /** what sends while nothing of ours runs. Without one nothing is handed over; what an earlier start of the app handed over is in doubt and goes out again. */
  system?: HandOver | undefined;
}

/**
 * Opens the core in a shell that is not Capacitor's: `openPannier` with a service of the operating system behind it. Call
 * `handOver` when the app leaves the screen, and `drain` when it comes back.
 * @example const pannier = await openWithSystem({ profile, system: { begin, list, forget } });
 * @throws PannierError as `openPannier`
 */
export const openWithSystem = ({ system, ...options }: SystemOptions): Promise<Pannier> => {
  void storageHealth();
  return Pannier.open({ ...options, wasm: options.wasm ?? new URL("./core-shell.wasm", import.meta.url) }, { Host: ShellHost, system });
};
