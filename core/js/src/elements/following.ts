// What an element shows of the core, read again after each change.

import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { PannierApi } from "../api.js";
import { onSpeak } from "../texts/index.js";

/** Relative times on the screen grow old. */
const AGEING_MS = 20_000;

interface Host extends ReactiveControllerHost { client: PannierApi | undefined }

/** Follows the host's `client` while the host is in the page: once for many changes, and never two reads at once. */
export class Following implements ReactiveController {
  readonly #host: Host;
  readonly #read: (client: PannierApi) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  #client: PannierApi | undefined;
  #end: () => void = () => undefined;
  #connected = false;
  #hush: () => void = () => undefined;
  #reading = false;
  #asked = false;

  constructor(host: Host, read: (client: PannierApi) => Promise<void>, failed: (error: unknown) => void) {
    this.#host = host;
    this.#read = read;
    this.#failed = failed;
    host.addController(this);
  }

  hostConnected(): void {
    this.#connected = true;
    this.#hush = onSpeak(() => this.#host.requestUpdate());
    this.#follow();
  }

  hostDisconnected(): void {
    this.#connected = false;
    this.#hush();
    this.#follow();
  }

  hostUpdate(): void {
    if (this.#host.client !== this.#client) this.#follow();
  }

  /** Reads anew, after the read that is under way. */
  again(): void {
    this.#asked = true;
    if (!this.#reading) void this.#run();
  }

  #follow(): void {
    this.#end();
    this.#client = this.#connected ? this.#host.client : undefined;
    const client = this.#client;
    if (!client) return;
    const look = (): void => { if (document.visibilityState === "visible") this.again(); };
    const stop = client.subscribe(() => this.again());
    const timer = setInterval(look, AGEING_MS);
    // A page that slept may have missed changes of other contexts.
    document.addEventListener("visibilitychange", look);
    addEventListener("pageshow", look);
    this.#end = () => {
      stop();
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("pageshow", look);
      this.#end = () => undefined;
    };
    this.again();
  }

  async #run(): Promise<void> {
    this.#reading = true;
    while (this.#asked) {
      this.#asked = false;
      const client = this.#client;
      if (!client) break;
      try {
        await this.#read(client);
      } catch (error) {
        this.#failed(error);
      }
      this.#host.requestUpdate();
    }
    this.#reading = false;
  }
}
