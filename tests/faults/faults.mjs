// The faults of the table: what goes wrong, and what it needs of a browser.

/**
 * operations or photos: how many are recorded. fault: the backend's, see backend.mjs. kills: how often
 * the browser is killed while it sends, in turn while a write arrives and when it is applied and not answered. race: worker and two tabs send at once. quota: the store fills
 * up while recording. signIn: somebody signs in again when asked. http2: over that. devtools: needs them.
 */
export const faults = {
  none: {},
  500: { fault: "500" },
  refused: { fault: "refused" },
  cut_close: { fault: "cut_close" },
  cut_keepalive: { fault: "cut_keepalive" },
  cut_h2: { fault: "cut_keepalive", http2: true },
  late: { fault: "late" },
  429: { fault: "429" },
  401: { fault: "401", signIn: true },
  kill: { kills: 6, latencyMs: 20 },
  kill_photos: { photos: 40, kills: 6, latencyMs: 20 },
  race: { race: true, latencyMs: 20 },
  quota: { quota: true, devtools: true },
};

/** At which the next kill happens, of so many effects and kills. */
export const killAt = (killed, { kills, count }) => Math.floor((count * (killed + 1)) / (kills + 1));
export const killWhile = (killed) => (killed % 2 ? "applied" : "arriving");

export const OPERATIONS = 200;
export const PHOTO_BYTES = 200_000;
