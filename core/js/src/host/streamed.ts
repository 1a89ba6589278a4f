// A browser repeats a request by itself when a used connection dies under it, one with effects too;
// what it reads from a stream it cannot read twice, and so does not repeat.

/** The newest protocol that was seen for this address; nothing where the browser or the server does not tell. */
function protocolOf(address: string): string | undefined {
  const { origin } = new URL(address);
  const entries = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type) as PerformanceResourceTiming[]);
  return entries.filter(({ name, nextHopProtocol }) => nextHopProtocol && name.startsWith(`${origin}/`)).at(-1)?.nextHopProtocol;
}

/**
 * The same request with its body as a stream, where the browser can (Chromium) and the server is known
 * to speak HTTP/2 or 3, without which it would not leave at all; otherwise the request as it is.
 */
export function streamedRequest(request: Request): Request {
  if (!("duplex" in Request.prototype) || !request.body || !/^h[23]/.test(protocolOf(request.url) ?? "")) return request;
  return new Request(request, { body: request.body, duplex: "half" } as RequestInit);
}
