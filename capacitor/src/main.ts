// The courier's page in the shell: the same app, opened by the shell's entry of the core. There is no
// service worker here; the files are the app's own.

import { openShell, type ShellOptions } from "pannier/capacitor";
import { startApp } from "../../web/src/start";

/** How requests leave, as the build was told: `{ "network": "native" }`. */
async function networkIn(address: string): Promise<NonNullable<ShellOptions["network"]>> {
  const config: unknown = await (await fetch(address)).json();
  return typeof config === "object" && config !== null && "network" in config && config.network === "web" ? "web" : "native";
}

await startApp(async (options) => (await openShell({ ...options, app: PANNIER_BUILD, network: await networkIn("/config.json") })).pannier);
