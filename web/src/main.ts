// The courier's page: opens the core, attaches the worker and what wakes the core, and shows the app.

import { attachWakes, deadline, openPannier, type OpenOptions } from "pannier";
import { CourierApp } from "./app";
import { listenForFirstTouch } from "./feedback";
import { speakChosen } from "./texts";
import { attachWorker } from "./worker";

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

async function start(app: CourierApp): Promise<void> {
  try {
    const api = await openPannier(await openOptions());
    attachWakes(api);
    await app.open(api);
  } catch (error) {
    app.couldNotOpen(error, () => void start(app));
  }
}

// Asked at every launch, as the browser may take it back; the answer is the core's to show.
navigator.storage?.persist?.().catch(() => undefined);
listenForFirstTouch();

// A language whose file cannot be had is no reason to stay away: the page speaks English then.
await speakChosen().catch(() => undefined);
const app = new CourierApp();
document.body.replaceChildren(app);
attachWorker((newer) => app.announce(newer));
void start(app);
