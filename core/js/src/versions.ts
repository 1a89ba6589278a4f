// What runs where: an old page may meet a new worker, and the reverse.

import { after } from "./time.js";
import type { Versions } from "./api.js";

const ANSWER_MS_MAX = 2_000;

/** Without what is undefined. */
export function defined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function isVersions(data: unknown): data is Versions {
  return typeof data === "object" && data !== null && "core" in data && typeof data.core === "string";
}

/** Of the worker that controls this page; nothing where there is none, or none that answers. */
export function workerVersions(): Promise<Versions | undefined> {
  const controller = globalThis.navigator?.serviceWorker?.controller;
  if (!controller) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const callOff = after(ANSWER_MS_MAX, () => resolve(undefined));
    port1.onmessage = ({ data }: MessageEvent<unknown>) => {
      callOff();
      port1.close();
      resolve(isVersions(data) ? data : undefined);
    };
    controller.postMessage({ type: "pannier:versions" }, [port2]);
  });
}
