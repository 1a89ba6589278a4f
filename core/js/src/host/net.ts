// One exchange with a deadline of our own, given up when the core says so. How it leaves is
// network.ts's to say: by the browser's own `fetch`, or natively in the shell.

import { base64 } from "../base64.js";
import { afterAll } from "../time.js";
import type { IdbStore, Key } from "./store.js";

/** As `core/wasm` writes it; pictures by the keys of their bytes. */
export interface WireRequest {
  method: string;
  url: string;
  headers: [name: string, value: string][];
  /** that of the body, where no header says one; a form's is made with it */
  contentType: string | null;
  body: Body;
  cookies: boolean;
  streamed: boolean;
  deadlineMs: number;
  /** an answer that is longer is not read */
  answerMax: number;
}

type Body =
  | { kind: "empty" }
  | { kind: "text"; text: string }
  /** JSON with pictures in it, in base64 */
  | { kind: "pieces"; pieces: (string | { picture: Key })[] }
  | { kind: "blob"; picture: Key }
  | { kind: "form"; parts: { name: string; value?: string; filename?: string; mediaType?: string; picture?: Key }[] };

/** An answer, or why there is none. */
export type Exchange =
  | [status: number, headers: string, body: string]
  | ["unreachable"]
  | ["timed_out"]
  /** the request could not be formed, so nothing left */
  | ["not_sent", code: string, why: string];

class NotSent extends Error {
  constructor(readonly code: string, message: string) { super(message); }
}

/** The body, and what it is where the request does not say it itself. */
type Made = [body: BodyInit | undefined, mediaType: string | null];

/** Sends a request and gives the answer, or throws where none came. */
export type Leave = (request: Request, streamed: boolean) => Promise<Response>;

/** The exchanges of one core. */
export class Net {
  readonly #store: IdbStore;
  readonly #leave: Leave;
  readonly #underWay = new Map<number, AbortController>();

  constructor(store: IdbStore, leave: Leave) {
    this.#store = store;
    this.#leave = leave;
  }

  async exchange(ticket: number, request: WireRequest): Promise<Exchange> {
    const controller = new AbortController();
    this.#underWay.set(ticket, controller);
    try {
      return await inTime(request.deadlineMs, this.#ask(request, controller.signal), controller);
    } catch (error) {
      return error instanceof NotSent ? ["not_sent", error.code, error.message] : ["unreachable"];
    } finally {
      this.#underWay.delete(ticket);
    }
  }

  /** Nobody waits for it any more. */
  giveUp(ticket: number): void {
    this.#underWay.get(ticket)?.abort();
  }

  giveUpAll(): void {
    for (const controller of this.#underWay.values()) controller.abort();
  }

  async #ask(request: WireRequest, signal: AbortSignal): Promise<Exchange> {
    const { streamed, answerMax, deadlineMs } = request;
    const until = Date.now() + deadlineMs;
    const built = await this.build(request, signal);
    // Reading a picture took all of the time, or the page slept in the middle of it: by now somebody
    // else may have sent it, and the signal holds back nothing that the shell sends natively.
    if (signal.aborted || Date.now() >= until) return ["timed_out"];
    const response = await this.#leave(built, streamed);
    // An answer that is cut short is no answer.
    const body = await response.text();
    return [response.status, JSON.stringify([...response.headers]), body.length <= answerMax ? body : ""];
  }

  /** The request as the browser has it. */
  async build(wanted: WireRequest, signal: AbortSignal | null = null): Promise<Request> {
    const [body, mediaType] = await this.#body(wanted.body, wanted.contentType);
    try {
      const headers = new Headers();
      for (const [name, value] of wanted.headers) headers.set(name, value);
      if (mediaType !== null) headers.set("content-type", mediaType);
      return new Request(wanted.url, {
        method: wanted.method, headers, signal, cache: "no-store",
        credentials: wanted.cookies ? "include" : "omit",
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      throw new NotSent("request_unbuildable", `the request could not be made: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #body(body: Body, mediaType: string | null): Promise<Made> {
    switch (body.kind) {
      case "empty": return [undefined, null];
      case "text": return [body.text, mediaType];
      case "blob": return [await this.#bytes(body.picture), mediaType];
      case "pieces": {
        const parts: string[] = [];
        for (const piece of body.pieces) {
          if (typeof piece === "string") parts.push(piece);
          else parts.push(...base64(await this.#bytes(piece.picture)));
        }
        return [new Blob(parts), mediaType];
      }
      // Not a FormData: WebKit reads none with a picture in it back out of a request, and whoever
      // sends it past the web view has to.
      case "form": {
        const boundary = `pannier-${crypto.randomUUID()}`;
        const parts: BlobPart[] = [];
        for (const { name, value, filename, mediaType: type, picture } of body.parts) {
          parts.push(`--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`);
          if (picture === undefined) parts.push(`\r\n\r\n${value ?? ""}`);
          else parts.push(`; filename="${quoted(filename ?? "")}"\r\nContent-Type: ${type ?? ""}\r\n\r\n`, await this.#bytes(picture));
          parts.push("\r\n");
        }
        parts.push(`--${boundary}--\r\n`);
        return [new Blob(parts), `multipart/form-data; boundary=${boundary}`];
      }
    }
  }

  async #bytes(key: Key): Promise<ArrayBuffer> {
    // A store that fails here: nothing left, so nothing is in doubt; but it is no fault of the operation either.
    const found = await this.#store.picture(key);
    if (!found) throw new NotSent("blob_missing", "the picture is no longer on this device");
    return found.bytes;
  }
}

/** A name inside quotes, as browsers write it. */
const quoted = (name: string): string => name.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");

/** Whether the browser heeds the signal or not. */
function inTime(ms: number, asked: Promise<Exchange>, controller: AbortController): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const callOff = afterAll(ms, () => {
      resolve(["timed_out"]);
      controller.abort();
    });
    asked.then(resolve, reject).finally(callOff);
  });
}
