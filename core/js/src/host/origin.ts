// Our own origin, asked beside the backend: a tiny file with known content, past every cache. What
// the two answers mean together is the core's to say.

import { deadline } from "../time.js";

/** What the file holds: an answer with anything else is somebody else's. */
const PROBE_TEXT = "pannier";
const PROBE_MS_MAX = 4_000;
const PROBE_PATH = "/pannier-probe.txt";

/** As `Origin` in the core. */
type Origin = "unasked" | "ours" | "other" | "silent" | "silent_too";

/** `where`: the file's address, or false where the app has no server of its own, as inside a Capacitor shell. */
export async function originSays(where: string | false | undefined, backend: string): Promise<Origin> {
  const { location } = globalThis;
  if (where === false || !location?.protocol.startsWith("http")) return "unasked";
  const address = new URL(where ?? PROBE_PATH, location.href);
  try {
    // Not followed: a login page is somewhere else.
    const answer = await fetch(address, { cache: "no-store", credentials: "omit", redirect: "manual", signal: deadline(PROBE_MS_MAX) });
    return answer.ok && (await answer.text()).trim() === PROBE_TEXT ? "ours" : "other";
  } catch {
    return new URL(backend, location.href).origin === address.origin ? "silent_too" : "silent";
  }
}
