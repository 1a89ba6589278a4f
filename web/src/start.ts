// What page and shell have in common: where the backend is, and the app around an opened core.

import { deadline, type OpenOptions, type Pannier } from "pannier";
import { CourierApp } from "./app";
import { listenForFirstTouch } from "./feedback";
import { speakChosen } from "./texts";

/** The page's own deadline for files that the worker's cache should have. */
const fileDeadlineMs = 4000;

/** A file that cannot be had is not needed: the core then uses what it stored before. */
async function jsonFile(address: string): Promise<unknown> {
  try {
    const answer = await fetch(address, { signal: deadline(fileDeadlineMs) });
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined;
  }
}

/** `{ "servers": { "api": "https://..." } }` */
function serversIn(config: unknown): Record<string, string> | undefined {
  if (typeof config !== "object" || config === null || !("servers" in config)) return undefined;
  const { servers } = config;
  if (typeof servers !== "object" || servers === null) return undefined;
  const texts = Object.entries(servers).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(texts);
}

/** The office's public key, to which another courier's work is sealed: `{ "sealTo": { "kty": "EC", ... } }` */
function sealKeyIn(config: unknown): OpenOptions["sealTo"] {
  if (typeof config !== "object" || config === null || !("sealTo" in config)) return undefined;
  const { sealTo } = config;
  return typeof sealTo === "string" || (typeof sealTo === "object" && sealTo !== null) ? sealTo as OpenOptions["sealTo"] : undefined;
}

async function openOptions(): Promise<OpenOptions> {
  const [profile, config] = await Promise.all([jsonFile("/profile.json"), jsonFile("/config.json")]);
  const options: OpenOptions = {};
  if (typeof profile === "object" && profile !== null) options.profile = profile;
  const servers = serversIn(config);
  if (servers) options.servers = servers;
  const sealTo = sealKeyIn(config);
  if (sealTo !== undefined) options.sealTo = sealTo;
  return options;
}

/** Shows the app, and opens the core in its own way. Tried again by a tap where that fails. */
export async function startApp(open: (options: OpenOptions) => Promise<Pannier>): Promise<CourierApp> {
  // A language whose file cannot be had is no reason to stay away: the page speaks English then.
  await speakChosen().catch(() => undefined);
  const app = new CourierApp();
  const start = async (): Promise<void> => {
    try {
      await app.open(await open(await openOptions()));
    } catch (error) {
      app.couldNotOpen(error, () => void start());
    }
  };
  // Asked at every launch, as the browser may take it back; the answer is the core's to show.
  navigator.storage?.persist?.().catch(() => undefined);
  listenForFirstTouch();
  document.body.replaceChildren(app);
  void start();
  return app;
}
