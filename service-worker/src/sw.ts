/// <reference lib="webworker" />
// The service worker of the courier's page: the app shell from its own cache, and the core's
// wake-ups. Everything that decides anything is in the core.

import { addPlugins, cleanupOutdatedCaches, createHandlerBoundToURL, matchPrecache, precacheAndRoute, type PrecacheEntry } from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";
import { StaleWhileRevalidate } from "workbox-strategies";
import { attachPannier, deadline } from "pannier/service-worker";
import { chosen, en, speak } from "pannier/texts";
import { sv } from "pannier/texts/sv.js";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: (PrecacheEntry | string)[] };

/** A shell file that is not in the cache may be asked for, but never waited for without end. */
const SHELL_DEADLINE_MS = 5_000;
const INSTALL_DEADLINE_MS = 60_000;

attachPannier(self, {
  app: PANNIER_BUILD,
  wasm: async () => (await matchPrecache("/core.wasm")) ?? "/core.wasm",
  notification: { icon: "/icons/icon-192.png", badge: "/icons/icon-192.png" },
  // What was chosen in More, which the page leaves here (web/src/preferences.ts); else as the phone.
  language: async () => {
    const kept = await (await (await caches.open("pannier-language")).match("/language"))?.text();
    speak(chosen(["en", "sv"], kept ? [kept] : navigator.languages) === "sv" ? sv : en);
  },
});

addPlugins([{
  requestWillFetch: async ({ request, event }) => new Request(request, {
    signal: deadline(event?.type === "install" ? INSTALL_DEADLINE_MS : SHELL_DEADLINE_MS),
  }),
}]);
cleanupOutdatedCaches();
precacheAndRoute(self.__WB_MANIFEST);

// Pages of the app are one page; what the sandbox shows of itself is not the app's. The self-check
// is a page of its own, which the list above serves as it does any of its files.
registerRoute(new NavigationRoute(createHandlerBoundToURL("/index.html"), {
  denylist: [/^\/(api|log|labels|faults|control|selfcheck)(\/|$|\?|\.json)/],
}));
// Where the backend is may change between releases. The last answer opens the app, "there is none"
// too, so that no launch waits on a network that does not answer; a new one counts at the next launch.
registerRoute(({ url }) => url.pathname === "/config.json", new StaleWhileRevalidate({
  cacheName: "pannier-config",
  plugins: [{ cacheWillUpdate: async ({ response }) => (response.ok || response.status === 404 ? response : null) }],
}));

// The first worker takes the page that installed it, so that its first reload may be offline.
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
