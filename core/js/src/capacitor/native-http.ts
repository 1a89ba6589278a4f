// Requests by the operating system instead of the web view: no CORS, and so every backend. What a
// request sends crosses Capacitor's bridge as base64.

import { Capacitor, CapacitorHttp } from "@capacitor/core";
import { base64Text } from "../base64.js";

/** A host that keeps silent is given up; the core's own deadline is shorter as a rule. */
const SILENCE_MS_MAX = 120_000;
/** Statuses whose answer has no body, so that `Response` takes none. */
const bodiless = new Set([101, 103, 204, 205, 304]);

/**
 * The systems give JSON parsed whatever is asked for, everything else as text. JSON that could not be parsed comes as a text,
 * too (on iOS as the parser's complaint): left as it is it is none, and the core takes the answer for a cut one.
 */
const bodyOf = (data: unknown): string => (typeof data === "string" ? data : data === null || data === undefined ? "" : JSON.stringify(data));

/**
 * Sends a request by Capacitor's native HTTP: `exchange` of `openShell`, as `network: "native"` sets it. Numbers in JSON answers pass through the system's own
 * reader: whole ones above 2^53 lose digits. In a browser, where an app of the shell is tried while it is written, it is `fetch`.
 * @throws TypeError where no answer came, as `fetch` does
 * @example const { pannier } = await openShell({ profile, exchange: (request) => request.url.startsWith(cdn) ? fetch(request) : nativeExchange(request) });
 */
export async function nativeExchange(request: Request): Promise<Response> {
  // Its twin for browsers would send the base64 itself.
  if (!Capacitor.isNativePlatform()) return fetch(request);
  const body = await request.arrayBuffer();
  const answer = await CapacitorHttp.request({
    url: request.url,
    method: request.method,
    headers: Object.fromEntries(request.headers),
    // The address is whole; encoding it again would change a signed one.
    shouldEncodeUrlParams: false,
    responseType: "text",
    connectTimeout: SILENCE_MS_MAX,
    readTimeout: SILENCE_MS_MAX,
    ...(body.byteLength ? { data: base64Text(body), dataType: "file" as const } : {}),
  }).catch((error: unknown) => { throw new TypeError(`no answer: ${String(error)}`); });
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    try { headers.set(name, String(value)); } catch { /* A name or value that no browser would take is not shown either. */ }
  }
  return new Response(bodiless.has(answer.status) ? null : bodyOf(answer.data), { status: answer.status, headers });
}
