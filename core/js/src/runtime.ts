// The wasm instance of this page or worker, and what happens when it dies.
//
// A Rust panic or a trap leaves an instance that must not be called again, and its promises never
// settle. So every call is on a list; when the instance falls, all of them are rejected, the
// instance is discarded, and the next call runs on a fresh one, whose state comes from the store.

import init, { __wbg_reset_state, onTrap } from "../wasm/core-shell/pannier_core.js";
import { PannierError } from "./error.js";
import type { WasmSource } from "./api.js";
import type { BrowserHost } from "./host/index.js";

/** Raised by each restart; what was made under an older one is gone. */
let generation = 0;
let restarts = 0;
let starting: Promise<void> | undefined;
const underWay = new Set<(reason: PannierError) => void>();
const lent = new Set<BrowserHost>();

/** How often the core was started again here. */
export const restartCount = (): number => restarts;
/** What this core goes by is taken back when the instance dies. */
export function lend(host: BrowserHost): BrowserHost {
  lent.add(host);
  return host;
}

/** A host that nobody uses any more. */
export function giveBack(host: BrowserHost | undefined): void {
  if (host && lent.delete(host)) host.close();
}

/** Which instance runs: what was made under another is gone. */
export const currentGeneration = (): number => generation;

/** The functions that a trap came through, as far as the browser tells: `npm run size -- --place 123` names one of them. */
const placesOf = (trap: Error): string => [...(trap.stack ?? "").matchAll(/wasm-function\[(\d+)\]/g)].slice(0, 4).map(([, index]) => index).join(" < ");

/** Starts the module once for all clients of this page or worker. */
export function start(wasm: WasmSource): Promise<void> {
  starting ??= (async () => {
    await init({ module_or_path: wasm });
    // A panic too is a trap. One in somebody else's module is not told here.
    onTrap(fall);
  })().catch((error: unknown) => {
    starting = undefined;
    throw new PannierError("core_unavailable", `the core could not be started: ${String(error)}`);
  });
  return starting;
}

let falling = false;

function fall(trap: Error): void {
  if (falling) return;
  falling = true;
  generation += 1;
  restarts += 1;
  const places = placesOf(trap);
  const reason = new PannierError(
    "core_restarted",
    `the core stopped and was started again; what was confirmed is safe, look before you repeat this (${trap.message}${places ? ` in function ${places}` : ""})`,
  );
  for (const reject of underWay) reject(reason);
  underWay.clear();
  // Only the dead instance could have released what it held.
  for (const host of lent) host.end();
  lent.clear();
  starting = new Promise((resolve) => {
    setTimeout(() => {
      __wbg_reset_state();
      falling = false;
      resolve();
    }, 0);
  });
}

/** Runs one call on the instance; rejected when the instance dies under it. */
export function guarded<T>(work: () => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    underWay.add(reject);
    const settle = (): void => void underWay.delete(reject);
    Promise.resolve().then(work).then(
      (value) => { settle(); resolve(value); },
      (thrown: unknown) => {
        settle();
        // After a trap it has been rejected already.
        reject(PannierError.from(thrown));
      },
    );
  });
}
