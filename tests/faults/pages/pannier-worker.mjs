// The worker of an app that embeds Pannier, with nothing else in it.

import { attachPannier } from "pannier/service-worker";

attachPannier(self, { wasm: () => fetch("/core.wasm") });
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
