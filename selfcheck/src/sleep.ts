// The phone is locked for a minute: what was going on before, and what of it lives afterwards. What
// happens meanwhile nobody sees; hearts that beat once a second in the page and both workers leave
// their gaps as traces.
//
// A page that is thrown away meanwhile cannot answer. The next one finds where it stopped in the
// memory, asks what outlives a page, and says so: `afterDeath`.

import type { Bench } from "./bench";
import { registration } from "./bench";
import { Heart, type Beats } from "./beats";
import { databases, get, open, put } from "./database";
import { now, seconds, since, some, yes } from "./figures";
import type { Memory } from "./memory";
import { Skipped, errorText, runStep, within, type Line, type Note } from "./outcome";
import { openCamera } from "./steps/camera";
import { channelTrip } from "./steps/workers";
import { ask, type Hello } from "./worker-words";

const SLOW_MS = 60_000;
const TIMEOUT_MS = 20_000;
const STEP_MS_MAX = 12_000;
const PICTURE_MS_MAX = 3_000;
/** Shorter absences are a glance at another app; the check goes on waiting. */
export const AWAY_MS_MIN = 20_000;
const EVENTS_MAX = 10;
const HELD_BY_PAGE = "pannier-selfcheck:page";
const HELD_BY_WORKER = "pannier-selfcheck:worker";

const pageEvents = ["pagehide", "pageshow", "online", "offline"] as const;
const documentEvents = ["visibilitychange", "freeze", "resume"] as const;

/** Tells when something happened, counted from the beginning. */
type Mark = string | undefined;

export class Sleep {
  readonly began = Date.now();
  readonly #monoBegan = now();
  readonly #bench: Bench;
  readonly #tell: () => void;
  readonly #events: string[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #heart: Heart;
  #hiddenAt: number | undefined;
  awayMs = 0;
  /** the latest absence */
  lastAwayMs = 0;
  #database: IDBDatabase | undefined;
  #closeEvent = false;
  #lost: string | undefined;
  #slow: Mark;
  #abort: Mark;
  #timer: Mark;
  #trackEvents: string[] = [];
  #frames = 0;
  #hello: Hello | undefined;

  /** `tell` is called whenever there is something new to see. */
  constructor(bench: Bench, beat: (beats: Beats) => void, tell: () => void) {
    this.#bench = bench;
    this.#tell = tell;
    this.#heart = new Heart((beats) => { beat(beats); tell(); });
    this.#ends.push(() => this.#heart.stop());
  }

  get beats(): number { return this.#heart.beats.count; }
  get boot(): string | undefined { return this.#hello?.boot; }

  #mark(): string { return seconds(Date.now() - this.began); }

  #on(target: EventTarget, name: string, heard: (event: Event) => void): void {
    target.addEventListener(name, heard);
    this.#ends.push(() => target.removeEventListener(name, heard));
  }

  /** Starts everything that could die. Nothing here may fail as a whole. */
  async begin(): Promise<void> {
    for (const name of documentEvents) this.#on(document, name, () => this.#event(name === "visibilitychange" ? document.visibilityState : name));
    for (const name of pageEvents) this.#on(window, name, (event) => this.#event(event instanceof PageTransitionEvent && event.persisted ? `${name}+kept` : name));
    this.#fetchSlowly();
    this.#setTimers();
    this.#watchCamera();
    await Promise.allSettled([this.#openStore(), this.#holdLocks(), this.#wakeWorkers()]);
  }

  #event(name: string): void {
    if (this.#events.length < EVENTS_MAX) this.#events.push(name);
    if (name === "hidden") this.#hiddenAt = Date.now();
    if (name === "visible" && this.#hiddenAt !== undefined) {
      this.lastAwayMs = Date.now() - this.#hiddenAt;
      this.awayMs += this.lastAwayMs;
      this.#hiddenAt = undefined;
    }
    this.#tell();
  }

  #fetchSlowly(): void {
    const controller = new AbortController();
    this.#ends.push(() => controller.abort());
    fetch(`/selfcheck/slow?ms=${SLOW_MS}`, { cache: "no-store", signal: controller.signal }).then(async (answer) => {
      // Any other server answers something of its own.
      const right = answer.ok && (await answer.text()).startsWith("slow");
      this.#slow = right ? `answered@${this.#mark()}` : "-";
    }).catch((error: unknown) => { if (!controller.signal.aborted) this.#slow = `${errorText(error).split(":")[0]}@${this.#mark()}`; });
  }

  #setTimers(): void {
    const timer = setTimeout(() => { this.#timer = this.#mark(); }, TIMEOUT_MS);
    this.#ends.push(() => clearTimeout(timer));
    if ("timeout" in AbortSignal) AbortSignal.timeout(TIMEOUT_MS).addEventListener("abort", () => { this.#abort = this.#mark(); });
  }

  #watchCamera(): void {
    const { kept, video } = this.#bench;
    const track = kept?.getVideoTracks()[0];
    if (!kept || !track) return;
    for (const name of ["mute", "unmute", "ended"]) this.#on(track, name, () => { if (this.#trackEvents.length < EVENTS_MAX) this.#trackEvents.push(name); });
    video.srcObject = kept;
    void video.play().catch(() => undefined);
    this.#ends.push(() => { video.srcObject = null; });
    if (!("requestVideoFrameCallback" in video)) return;
    let handle = 0;
    const count = (): void => { this.#frames += 1; handle = video.requestVideoFrameCallback(count); };
    handle = video.requestVideoFrameCallback(count);
    this.#ends.push(() => video.cancelVideoFrameCallback(handle));
  }

  async #openStore(): Promise<void> {
    const database = await open(databases.sleep);
    database.onclose = () => { this.#closeEvent = true; };
    this.#database = database;
    this.#ends.push(() => database.close());
    await put(database, "before", this.began, "strict");
  }

  async #holdLocks(): Promise<void> {
    if (!("locks" in navigator)) return;
    await new Promise<void>((holding) => {
      navigator.locks.request(HELD_BY_PAGE, () => new Promise<void>((release) => { this.#ends.push(release); holding(); }))
        .catch((error: unknown) => { this.#lost = errorText(error).split(":")[0]; });
    });
    await ask(this.#bench.worker(), "lock", { lock: HELD_BY_WORKER });
  }

  async #wakeWorkers(): Promise<void> {
    await ask(this.#bench.worker(), "beat", {});
    const worker = (await registration())?.active;
    if (!worker) return;
    this.#hello = await ask(worker, "hello", {});
    await ask(worker, "beat", {});
  }

  /** What lives. To be called when the person is back. */
  async end(skip: AbortSignal): Promise<Line[]> {
    if (this.#hiddenAt !== undefined) this.#event("visible");
    const steps: [string, (note: Note) => Promise<void>][] = [
      ["sleep", (note) => this.#self(note)],
      ["sleep-time", (note) => this.#time(note)],
      ["sleep-store", (note) => this.#store(note)],
      ["sleep-net", (note) => this.#net(note)],
      ["sleep-locks", (note) => this.#locks(note)],
      ["sleep-sw", (note) => this.#serviceWorker(note)],
      ["sleep-camera", (note) => this.#camera(note)],
    ];
    const lines: Line[] = [];
    for (const [name, work] of steps) {
      const line = await runStep({ name, deadlineMs: STEP_MS_MAX, skip, work });
      // Nothing slept: the figures are true, and say nothing about sleep.
      if (name === "sleep" && line.outcome === "ok" && this.awayMs === 0) line.outcome = "skipped";
      lines.push(line);
    }
    this.stop();
    return lines;
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  async #self(note: Note): Promise<void> {
    const { gapMs, gapMonoMs } = this.#heart.beats;
    note(`away=${seconds(this.awayMs)}`, "lived", `wall=${this.#mark()}`, `mono=${seconds(now() - this.#monoBegan)}`,
      `gap=${seconds(gapMs)}/${seconds(gapMonoMs)}`, ...some("events", this.#events.join(",") || undefined));
  }

  /** Beats that came of those that were due, and when two alarms for 20 s went off. */
  async #time(note: Note): Promise<void> {
    const due = Math.floor((Date.now() - this.began) / 1000);
    const worker = await ask(this.#bench.worker(), "beats", {}, 3_000);
    note(`page=${this.#heart.beats.count}/${due}`, ...some("timer20", this.#timer), ...some("abort20", this.#abort));
    note(`worker=${worker.count}/${due}`, `gap=${seconds(worker.gapMs)}`);
  }

  async #store(note: Note): Promise<void> {
    const database = this.#database;
    if (!database) throw new Error("the store could not be opened before");
    const began = now();
    try {
      await within(put(database, "after", Date.now(), "strict"), 5_000, "the commit");
      note(`same=${since(began)}`, `close=${yes(this.#closeEvent)}`);
    } catch (error) {
      note(`same=${errorText(error).split(":")[0]}`, `close=${yes(this.#closeEvent)}`);
      const opening = now();
      const fresh = await open(databases.sleep);
      try {
        await put(fresh, "after", Date.now(), "strict");
        note(`healed=${since(opening)}`);
      } finally {
        fresh.close();
      }
      throw error;
    }
  }

  async #net(note: Note): Promise<void> {
    note(`slow60=${this.#slow ?? "open"}`);
    const began = now();
    await fetch("/", { method: "HEAD", cache: "no-store" });
    note(`fetch=${since(began)}`, `online=${yes(navigator.onLine)}`);
  }

  async #locks(note: Note): Promise<void> {
    if ("locks" in navigator) {
      const { held } = await navigator.locks.query();
      const has = (name: string): boolean => held?.some((one) => one.name === name) === true;
      note(`page=${has(HELD_BY_PAGE) ? "held" : this.#lost ?? "lost"}`, `worker=${has(HELD_BY_WORKER) ? "held" : "lost"}`);
    }
    note(`channel=${await channelTrip(this.#bench.worker(), "pannier-selfcheck:after")}`);
  }

  async #serviceWorker(note: Note): Promise<void> {
    await serviceWorkerAfter(note, this.#hello?.boot, this.began);
  }

  /** The stream that was open all the time; then the product's own way back to the camera. */
  async #camera(note: Note): Promise<void> {
    const bench = this.#bench;
    const track = bench.kept?.getVideoTracks()[0];
    if (!track) throw new Skipped("there was no camera");
    const { readyState, muted } = track;
    // A video that went out of sight is paused; every page has to start it again.
    const before = this.#frames;
    void bench.video.play().catch(() => undefined);
    for (const waited = now(); this.#frames === before && now() - waited < PICTURE_MS_MAX;) await new Promise((resolve) => { setTimeout(resolve, 50); });
    note(readyState, `muted=${yes(muted)}`, `pictures=${this.#frames > before ? "again" : "none"}`, ...some("events", this.#trackEvents.join(",") || undefined));
    bench.letGoOfStream();
    const began = now();
    try {
      await openCamera(bench);
      note(`reopened=${since(began)}`);
    } finally {
      bench.closeCamera();
    }
  }
}

/** Whether it is the same one, and how long its heart went on beating. */
async function serviceWorkerAfter(note: Note, boot: string | undefined, began: number): Promise<void> {
  const found = await registration();
  if (!boot) throw new Skipped("there was no service worker");
  if (!found?.active) throw new Error("the registration is gone");
  const asked = now();
  const hello = await ask(found.active, "hello", {});
  const trip = since(asked);
  note(hello.boot === boot ? "same" : "restarted", `answer=${trip}`);
  const due = Math.floor((Date.now() - began) / 1000);
  if (hello.boot === boot) {
    const { count, gapMs } = await ask(found.active, "beats", {});
    note(`beats=${count}/${due}`, `gap=${seconds(gapMs)}`);
    return;
  }
  const database = await open(databases.beats);
  try {
    const beats = await get(database, "beats") as (Beats & { boot: string }) | undefined;
    note(beats?.boot === boot ? `beats=${beats.count}/${due}` : "beats=-", beats ? `last=${seconds(beats.lastAt - began)}` : "last=-");
  } finally {
    database.close();
  }
}

/** What a page finds out whose predecessor did not live. */
export async function afterDeath(memory: Memory, skip: AbortSignal): Promise<Line[]> {
  const began = memory.sleepAt ?? memory.startedAt;
  const run = (name: string, work: (note: Note) => Promise<void>): Promise<Line> => runStep({ name, deadlineMs: STEP_MS_MAX, skip, work });
  return [
    await run("sleep", async (note) => {
      note("died", `last=${seconds((memory.lastAt ?? began) - began)}`, `found=${seconds(Date.now() - began)}`);
      throw new Error("the page did not live");
    }),
    await run("sleep-store", async (note) => {
      const opening = now();
      const database = await open(databases.sleep);
      note(`open=${since(opening)}`);
      try {
        note(`before=${await get(database, "before") === began ? "there" : "lost"}`);
        await put(database, "after", Date.now(), "strict");
      } finally {
        database.close();
      }
    }),
    await run("sleep-locks", async (note) => {
      const { held } = "locks" in navigator ? await navigator.locks.query() : { held: [] };
      const has = (name: string): string => (held?.some((one) => one.name === name) ? "held" : "free");
      note(`page=${has(HELD_BY_PAGE)}`, `worker=${has(HELD_BY_WORKER)}`);
    }),
    await run("sleep-sw", (note) => serviceWorkerAfter(note, memory.boot, began)),
  ];
}

