// The page's side of the service worker: registered at every launch and whenever the app comes back
// (iOS may have dropped it meanwhile), asked for news, and replaced only when the courier says so.

const askAgainMs = 2_000;
/** After so many words a reload is the better answer to a tap than none. */
const asks = 5;

export interface Newer {
  /** "waiting": a new worker waits for the courier; "elsewhere": another window has taken it already */
  kind: "waiting" | "elsewhere";
  /** Ends in a reload of the page. */
  take(): void;
}

export function attachWorker(announce: (newer: Newer) => void): void {
  if (!("serviceWorker" in navigator)) return;
  const container = navigator.serviceWorker;
  let tapped = false;
  let reloaded = false;
  let controlled = container.controller !== null;

  function reloadOnce(): void {
    if (reloaded) return;
    reloaded = true;
    location.reload();
  }

  container.addEventListener("controllerchange", () => {
    if (tapped) reloadOnce();
    // The first worker of all takes a page that had none; that is no new version.
    else if (controlled) announce({ kind: "elsewhere", take: reloadOnce });
    controlled = true;
  });

  function offer(registration: ServiceWorkerRegistration, worker: ServiceWorker): void {
    announce({
      kind: "waiting",
      take: () => {
        tapped = true;
        let left = asks;
        // Said again until it is heard: a browser that is busy may lose the word. WebKit may also take
        // over and not tell (https://bugs.webkit.org/show_bug.cgi?id=199110): what is registered says so.
        const ask = (): void => {
          if (worker.state !== "installed" || registration.waiting === null || left === 0) {
            reloadOnce();
            return;
          }
          left -= 1;
          worker.postMessage({ type: "pannier:take-over" });
          setTimeout(ask, askAgainMs);
        };
        ask();
      },
    });
  }

  const followed = new WeakSet<ServiceWorkerRegistration>();

  function follow(registration: ServiceWorkerRegistration): void {
    if (followed.has(registration)) return;
    followed.add(registration);
    // The first worker of all is no new version. That it has the page is not enough to tell: WebKit may
    // say so before it says that it is installed.
    const isNews = (): boolean => registration.active !== null && container.controller !== null;
    if (registration.waiting && isNews()) offer(registration, registration.waiting);
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      const succeeds = isNews();
      worker?.addEventListener("statechange", () => {
        if (worker.state === "installed" && succeeds) offer(registration, worker);
      });
    });
  }

  /** Registers it if it is not there (any more), and asks for news of it. */
  async function keep(): Promise<void> {
    if (document.visibilityState !== "visible") return;
    const registration = await container.register("/sw.js", { updateViaCache: "none" });
    follow(registration);
    // No network is an ordinary answer here.
    await registration.update().catch(() => undefined);
  }

  const ask = (): void => {
    keep().catch((error: unknown) => console.warn("the service worker could not be registered", error));
  };
  document.addEventListener("visibilitychange", ask);
  addEventListener("pageshow", ask);
  ask();
}
