// The core in a Capacitor shell: one call for an app of one's own. There is no service worker under
// capacitor://, so the page is all that runs, woken by the system's own events.

import { App } from "@capacitor/app";
import { Capacitor } from "@capacitor/core";
import { Network } from "@capacitor/network";
import { PannierError } from "../error.js";
import type { Pannier } from "../index.js";
import { openWithSystem, type SystemOptions } from "../shell/index.js";
import { attachWakes } from "../wakes.js";
import { nativeExchange } from "./native-http.js";
import { keepReminder, type ReminderOptions } from "./reminder.js";
import { systemUploads, Uploads } from "./uploads.js";

export { nativeExchange } from "./native-http.js";
export type { ReminderOptions } from "./reminder.js";

/** What `openShell` takes beside the options of `openWithSystem`; the package brings a `system` of its own. */
export interface ShellOptions extends SystemOptions {
  /**
   * How requests leave while the app is open. `web` (the default): the web view's own `fetch`, for backends whose CORS rules let
   * in `capacitor://localhost` (iOS) and `https://localhost` (Android). `native`: past the web view, where no CORS rules hold.
   */
  network?: "web" | "native";
  /** whether the operating system gets what it may send when the app leaves the screen (default: where the app was built with it) */
  handOver?: boolean;
  /** the notification about unsent work; false: none */
  reminder?: ReminderOptions | false;
}

/** What `openShell` gives. */
export interface Shell {
  pannier: Pannier;
  /** Ends what wakes it and what it keeps up, and closes the client. */
  close(): Promise<void>;
}

/**
 * Whether the page runs inside a Capacitor app of iOS or Android.
 * @example const { pannier } = inShell() ? await openShell(options) : { pannier: await openPannier(options) };
 */
export const inShell = (): boolean => Capacitor.isNativePlatform();

/**
 * Capacitor may have put a `fetch` of its own in the browser's place and then keeps that one beside it. Where somebody else's
 * stands there and the browser's is gone, nothing that is known would send what the core wants sent.
 */
function refusePatchedFetch(): void {
  const { CapacitorWebFetch } = globalThis as { CapacitorWebFetch?: unknown };
  if (typeof CapacitorWebFetch === "function" || /\[native code\]/.test(Function.prototype.toString.call(fetch))) return;
  throw new PannierError("fetch_patched", "the web view's fetch was replaced and the original is not to be had; set network: \"native\"");
}

/**
 * Opens the core in a Capacitor app and wires it up: sends when the app comes to the foreground and when the network comes back,
 * gives the operating system what it may send when the app leaves the screen, reminds of unsent work by a notification. Instead of `openPannier` and `attachWakes`.
 * @example const { pannier } = await openShell({ profile, servers: { api: "https://api.example.com" }, network: "native" });
 * @throws PannierError as `openPannier`; `fetch_patched`
 */
export async function openShell({ network = "web", reminder, handOver = true, ...options }: ShellOptions): Promise<Shell> {
  if (network === "web") refusePatchedFetch();
  const exchange = options.exchange ?? (network === "native" ? nativeExchange : undefined);
  const system = options.system ?? (handOver && Capacitor.isPluginAvailable("PannierUploads") ? systemUploads : undefined);
  // The page's own files are inside the app: asking for one tells nothing of a network.
  const pannier = await openWithSystem({ probe: false, ...options, system, ...(exchange ? { exchange } : {}) });
  const ends = [attachWakes(pannier, { overdue: false })];
  const listeners = await Promise.all([
    // The system's word; the web view tells of becoming visible as well, but not always.
    App.addListener("resume", () => pannier.onWork?.("visible")),
    // A hint, as everything about networks is: it is tried.
    Network.addListener("networkStatusChange", ({ connected }) => { if (connected) pannier.onWork?.("online"); }),
  ]);
  if (system === systemUploads) {
    const leave = async (): Promise<void> => {
      // What could not be handed over waits as before.
      await pannier.handOver().catch(() => undefined);
      await Uploads.rest();
    };
    listeners.push(await App.addListener("pause", () => void leave()), await Uploads.addListener("changed", () => pannier.onWork?.("message")));
  }
  if (reminder !== false) ends.push(keepReminder(pannier, reminder ?? {}));
  return {
    pannier,
    async close() {
      for (const end of ends) end();
      await Promise.all(listeners.map((listener) => listener.remove()));
      pannier.close();
    },
  };
}
