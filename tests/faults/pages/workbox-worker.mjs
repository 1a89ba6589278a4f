// The worker of an app with Workbox Background Sync as its documentation sets it up: what cannot be
// sent is queued and replayed.

import { BackgroundSyncPlugin } from "workbox-background-sync";
import { registerRoute } from "workbox-routing";
import { NetworkOnly } from "workbox-strategies";

const NAME = "outbox";
let outbox;
const plugin = new BackgroundSyncPlugin(NAME, {
  maxRetentionTime: 24 * 60,
  // The plugin's own replay, with its queue kept for a tab that asks for one.
  onSync: async ({ queue }) => { outbox = queue; await queue.replayRequests(); },
});
for (const method of ["POST", "PUT"]) {
  registerRoute(({ url }) => url.pathname.startsWith("/api/records"), new NetworkOnly({ plugins: [plugin] }), method);
}

self.addEventListener("message", (event) => {
  if (event.data === "replay") event.waitUntil((outbox ?? plugin._queue).replayRequests().catch(() => undefined));
});
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
