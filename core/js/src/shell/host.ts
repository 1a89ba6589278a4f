// What a shell lends its core beside what a browser does: an operating system that sends while
// nothing of ours runs.

import type { HandedRequest, HandOver } from "../api.js";
import { BrowserHost, type HostOptions } from "../host/index.js";
import type { WireRequest } from "../host/net.js";

interface Upload { note: Omit<HandedRequest, "request">; request: WireRequest }

/** As `BrowserHost`; only the module for shells calls what is added. */
export class ShellHost extends BrowserHost {
  readonly #system: HandOver | undefined;

  constructor(options: HostOptions) {
    super(options);
    this.#system = options.system;
  }

  /**
   * Requests for the operating system, lane by lane in their order: a lane is given whole, so that nothing behind a no goes out,
   * and alone, so that the photos of no more than one are in memory. What cannot be made ends its lane.
   */
  async handOver(uploads: string): Promise<void> {
    const lanes = new Map<string, Upload[]>();
    for (const upload of JSON.parse(uploads) as Upload[]) {
      const lane = lanes.get(upload.note.lane);
      if (lane) lane.push(upload); else lanes.set(upload.note.lane, [upload]);
    }
    for (const lane of lanes.values()) {
      const made: HandedRequest[] = [];
      for (const { note, request } of lane) {
        const built = await this.build(request).catch(() => undefined);
        if (!built) break;
        made.push({ ...note, request: built });
      }
      if (made.length > 0) await this.#system?.begin(made);
    }
  }

  /** What the system tells of them, as JSON. Rejects where it does not answer. */
  async handed(): Promise<string> {
    return JSON.stringify(await this.#system?.list() ?? []);
  }

  async forget(ids: string): Promise<void> {
    await this.#system?.forget(JSON.parse(ids) as string[]);
  }
}
