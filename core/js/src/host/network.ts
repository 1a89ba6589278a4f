// How requests leave. The core makes them and judges the answers; here one goes out.

import { streamedRequest } from "./streamed.js";
import type { OpenOptions } from "../api.js";

/**
 * The browser's own `fetch`. Capacitor can put another in its place, which turns bytes into text and heeds no abort; the
 * browser's is kept beside it then.
 */
export const ownFetch = (request: Request): Promise<Response> =>
  ((globalThis as { CapacitorWebFetch?: typeof fetch }).CapacitorWebFetch ?? globalThis.fetch)(request);

/** What the core calls. A request that the host sends itself is no stream: nothing repeats it there. */
export const leaveBy = (exchange: OpenOptions["exchange"]) => (request: Request, streamed: boolean): Promise<Response> =>
  exchange?.(request) ?? ownFetch(streamed ? streamedRequest(request) : request);
