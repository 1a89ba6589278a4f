// An app over Workbox Background Sync: it sends, and takes a network error for "queued".

Object.assign(globalThis, {
  async send({ path = "/api/records", method = "POST", headers = {}, body }) {
    try {
      return { status: (await fetch(path, { method, headers, body })).status };
    } catch {
      return { queued: true };
    }
  },
});
await navigator.serviceWorker.register("/sw.js");
await navigator.serviceWorker.ready;
if (!navigator.serviceWorker.controller) await new Promise((resolve) => { navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }); });
document.body.textContent = "ready";
