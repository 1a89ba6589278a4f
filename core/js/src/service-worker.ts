// All wake-ups of a service worker in one call, beside whatever else the worker does. Listeners
// are registered synchronously, as browsers demand; the core is started inside `waitUntil`. Every
// wake is taken for a cold start, and the worker may be stopped at any point.

import { Pannier } from "./client.js";
import type { WasmSource } from "./api.js";
import type { WakeReason } from "./types.js";
import { words, type Texts } from "./texts/index.js";
import { showUnsent, type OverdueWords } from "./unsent.js";
import { registerSync, SYNC_TAG } from "./wakes.js";

export { deadline } from "./time.js";
export type { OverdueNotification, OverdueWords } from "./unsent.js";

/** What `attachPannier` needs to know. */
export interface WorkerOptions {
  /** called at the first wake, inside `waitUntil` */
  wasm: () => WasmSource | Promise<WasmSource>;
  /** name of the IndexedDB database, as the page opens it (default `pannier`) */
  database?: string;
  /** what a push shows that says nothing itself (default: "Pannier", and the words of `pannier/texts`) */
  notification?: { title?: string; body?: string; icon?: string; badge?: string };
  /** called before words are shown, the place to `speak` the language of whoever reads them: a worker lives longer than a choice */
  language?: () => void | Promise<void>;
  /** words and look of the notification about work that has waited too long (default: those of `pannier/texts`); false: none */
  overdue?: OverdueWords | false;
  /** as `openPannier`'s */
  probe?: string | false;
  /** as `openPannier`'s */
  app?: string;
}

/** iOS holds a worker about 10 s for a push; Chrome ends a sync after 3 minutes. */
const BUDGET_MS: Partial<Record<WakeReason, number>> = { push: 8_000, sync: 150_000, message: 25_000, activate: 2_000 };

/** A page that is being opened comes first: by then it has sent what it can, or is at it. */
const NAVIGATION_DELAY_MS = 6_000;

/** What is left of a budget when nothing new is waited for. */
const MARGIN_MS = 1_500;

interface SyncEvent extends ExtendableEvent { readonly tag: string; readonly lastChance: boolean }

/**
 * Sends what waits while no page is open: on `sync`, `push`, a tap on a notification, `message`, `activate` and some seconds
 * after a navigation, each within the time that browsers give; a push takes no pictures. Call it while the worker's script runs; it registers listeners and nothing else, so it stands beside Workbox or
 * anything of your own. A page makes a waiting worker take over by the message `{ type: "pannier:take-over" }`; the one before
 * it then ends what it is at and waits for nothing more.
 * @example attachPannier(self, { wasm: async () => (await caches.match("/core.wasm")) ?? "/core.wasm" });
 */
export function attachPannier(scope: ServiceWorkerGlobalScope, options: WorkerOptions): void {
  let opening: Promise<Pannier> | undefined;
  const open = (): Promise<Pannier> => {
    opening ??= (async () => Pannier.open({
      wasm: await options.wasm(),
      ...(options.database === undefined ? {} : { database: options.database }),
      ...(options.app === undefined ? {} : { app: options.app }),
      ...(options.probe === undefined ? {} : { probe: options.probe }),
    }))();
    opening.catch(() => { opening = undefined; });
    return opening;
  };
  /** Another language than the person's is better than no word. */
  const spoken = async (): Promise<Texts> => {
    try {
      await options.language?.();
    } catch {
      // As it was.
    }
    return words();
  };

  /** Called off when a new version is to take over: browsers let it wait for every event that this worker has begun. */
  let staying = new AbortController();
  /** True when the time is over; false as soon as it is called off, or if it was before. */
  const stays = (ms: number, { signal }: AbortController): Promise<boolean> => new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(end, signal.aborted ? 0 : ms);
    signal.addEventListener("abort", end);
  });
  const drains = new Set<Promise<boolean>>();

  /**
   * True when nothing is left to send. What comes due within the budget (a doubt that settles, a
   * short backoff) is waited for: with every page closed no later wake is sure to come. A store
   * without profile or sign-in has nothing.
   */
  function drain(reason: WakeReason): Promise<boolean> {
    const under = drainFor(reason, staying);
    drains.add(under);
    return under.finally(() => drains.delete(under));
  }

  async function drainFor(reason: WakeReason, stay: AbortController): Promise<boolean> {
    const ends = Date.now() + (BUDGET_MS[reason] ?? 10_000);
    try {
      const client = await open();
      for (let why = reason; ; why = "timer") {
        const report = await client.drain(why, { budgetMs: Math.max(ends - Date.now(), 0) });
        if (report.overdue) await spoken();
        await showUnsent(report, scope.registration, options.overdue);
        if (report.waiting === 0 || report.stopped === "sign_in") return true;
        if (report.nextWakeAt === undefined || report.stopped === "unreachable" || report.nextWakeAt + MARGIN_MS > ends) return false;
        if (!await stays(Math.max(report.nextWakeAt - Date.now(), 50), stay)) return false;
      }
    } catch {
      // The outbox is as it was; the next wake tries again.
      return false;
    }
  }

  scope.addEventListener("sync", (event) => {
    const { tag, lastChance } = event as SyncEvent;
    if (tag !== SYNC_TAG) return;
    (event as SyncEvent).waitUntil((async () => {
      const done = await drain("sync");
      // A rejected sync comes again by itself, until the browser gives up.
      if (!done && !lastChance) throw new Error("work remains");
    })());
  });

  let pushes = 0;
  /** Seconds only, for whatever runs at that moment: nothing long is begun. */
  async function briefly(work: () => Promise<unknown>): Promise<void> {
    pushes += 1;
    try {
      (await open()).seen(false);
      await work();
    } catch {
      // The outbox is as it was.
    } finally {
      pushes -= 1;
      if (pushes === 0) await opening?.then((client) => client.seen(true), () => undefined);
    }
  }

  scope.addEventListener("push", (event) => {
    const { title = "Pannier", body, icon, badge } = options.notification ?? {};
    // WebKit gives the words of a declarative message as a notification, and no data with it.
    const told = said(event.data ? parsed(event.data) : Reflect.get(event, "notification"));
    event.waitUntil((async () => {
      // First of all: WebKit ends the subscription of a worker that stays silent three times.
      const { language, woken } = await spoken();
      await scope.registration.showNotification(told.title ?? title, {
        body: told.body ?? body ?? woken,
        // What comes with words of its own says nothing of their language.
        ...(told.body === undefined && body === undefined ? { lang: language } : {}),
        tag: "pannier",
        ...(icon === undefined ? {} : { icon }),
        ...(badge === undefined ? {} : { badge }),
      });
      await briefly(() => drain("push"));
      // What a push is too short for; refused where no page is open.
      await registerSync(scope.registration);
    })());
  });

  scope.addEventListener("notificationclick", (event) => {
    event.notification.close();
    event.waitUntil((async () => {
      const windows = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
      const [first] = windows;
      // The page sends by itself; where none comes, this does.
      const came = await (first ? first.focus() : scope.clients.openWindow("/")).catch(() => null);
      if (!came) await drain("click");
    })());
  });

  scope.addEventListener("message", (event) => {
    if (event.origin !== "" && event.origin !== scope.location.origin) return;
    if (isMessage(event.data, "pannier:drain")) event.waitUntil(drain("message"));
    if (isMessage(event.data, "pannier:take-over")) {
      scope.registration.active?.postMessage({ type: "pannier:let-go" });
      event.waitUntil(scope.skipWaiting());
    }
    if (isMessage(event.data, "pannier:let-go")) {
      staying.abort();
      staying = new AbortController();
      // What is on its way is ended, and nothing long begun.
      if (drains.size > 0) event.waitUntil(briefly(() => Promise.all(drains)));
    }
    const [port] = event.ports;
    if (isMessage(event.data, "pannier:versions") && port) {
      event.waitUntil(open().then((client) => port.postMessage(client.versions()), () => port.postMessage(undefined)));
    }
  });

  let navigated = false;
  // Answers nothing and keeps nobody waiting. The page that comes may be any page of this origin.
  scope.addEventListener("fetch", (event) => {
    if (event.request.mode !== "navigate" || navigated) return;
    navigated = true;
    event.waitUntil((async () => {
      const stayed = await stays(NAVIGATION_DELAY_MS, staying);
      navigated = false;
      if (!stayed) return;
      const waits = await open().then((client) => client.status(), () => undefined);
      if (waits?.signedIn && waits.waiting > 0 && waits.inFlight === 0) await drain("navigation");
    })());
  });

  // Not waited for: until this event is over the worker answers no request of a page, and the page
  // may hold the very lock that a drain waits for while its own request waits for the worker.
  scope.addEventListener("activate", () => void drain("activate"));
}

function isMessage(data: unknown, type: string): boolean {
  return typeof data === "object" && data !== null && "type" in data && data.type === type;
}

const WORDS_MAX = 200;

function parsed(data: PushMessageData): unknown {
  try {
    return data.json();
  } catch {
    return undefined;
  }
}

/** A push may hold anything, or nothing. */
function said(what: unknown): { title?: string; body?: string } {
  if (typeof what !== "object" || what === null) return {};
  // The declarative form carries its words in `notification`.
  const inner = "notification" in what && typeof what.notification === "object" && what.notification !== null ? what.notification : what;
  const text = (name: "title" | "body"): string | undefined => {
    const value: unknown = Reflect.get(inner, name);
    return typeof value === "string" && value !== "" ? value.slice(0, WORDS_MAX) : undefined;
  };
  const title = text("title");
  const body = text("body");
  return { ...(title === undefined ? {} : { title }), ...(body === undefined ? {} : { body }) };
}
