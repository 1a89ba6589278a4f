// What the operating system sends while the app sleeps or is dead: a background URLSession on iOS,
// WorkManager on Android, by the native part of this package (ios/, android/).

import { registerPlugin, type PluginListenerHandle } from "@capacitor/core";
import type { HandedReport, HandedRequest, HandOver } from "../api.js";
import { base64Text } from "../base64.js";

/** A request as it crosses the bridge; its body goes before it. */
interface BridgedRequest extends Omit<HandedRequest, "request"> { url: string; method: string; requestHeaders: Record<string, string> }

interface UploadsPlugin {
  /** Makes a file of a body: `data` is base64. */
  put(options: { id: string; data: string }): Promise<void>;
  /** Takes these up, whose bodies are files by now. A body that nothing names goes. */
  begin(options: { uploads: BridgedRequest[] }): Promise<void>;
  list(): Promise<{ uploads: HandedReport[] }>;
  forget(options: { ids: string[] }): Promise<void>;
  /** The app may sleep now: iOS holds it awake from its leaving the screen until this, as long as it allows. */
  rest(): Promise<void>;
  addListener(event: "changed", listener: () => void): Promise<PluginListenerHandle>;
}

/** @internal */
export const Uploads = registerPlugin<UploadsPlugin>("PannierUploads");

/** @internal `system` of `openWithSystem`. */
export const systemUploads: HandOver = {
  async begin(requests) {
    const uploads: BridgedRequest[] = [];
    for (const { request, ...note } of requests) {
      // What crosses the bridge is text several times over, on both sides: one photo at a time.
      await Uploads.put({ id: note.id, data: base64Text(await request.arrayBuffer()) });
      uploads.push({ ...note, url: request.url, method: request.method, requestHeaders: Object.fromEntries(request.headers) });
    }
    await Uploads.begin({ uploads });
  },
  list: async () => (await Uploads.list()).uploads,
  forget: (ids) => Uploads.forget({ ids }),
};
