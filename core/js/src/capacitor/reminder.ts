// Tells the courier of unsent work when nothing of ours runs any more: the system shows a
// notification that was scheduled when there was something to send, unless it was sent before.

import { LocalNotifications } from "@capacitor/local-notifications";
import type { Pannier } from "../client.js";
import { statusText, words } from "../texts/index.js";
import type { Status } from "../types.js";

/** What the reminder says and when. */
export interface ReminderOptions {
  /** milliseconds from the oldest unsent recording to the reminder (default: half an hour) */
  afterMs?: number;
  /** its words (default: those of `pannier/texts`); given how the outbox stands */
  words?: (status: Status) => { title: string; body: string };
}

/** One reminder at a time: a later one takes its place. */
const ID = 7_266_437;
const AFTER_MS = 30 * 60_000;
const said = (status: Status): { title: string; body: string } => {
  const { reminder } = words();
  return { title: reminder.title, body: `${statusText({ ...status, said: "waiting" })}. ${reminder.hint}` };
};

/** @internal Keeps the reminder in step with the outbox until the function it returns is called. */
export function keepReminder(api: Pannier, options: ReminderOptions): () => void {
  let told: string | undefined;
  let asked = false;
  let running = false;
  let again = false;

  async function allowed(): Promise<boolean> {
    let { display } = await LocalNotifications.checkPermissions();
    if (display !== "granted" && display !== "denied" && !asked) {
      asked = true;
      ({ display } = await LocalNotifications.requestPermissions());
    }
    return display === "granted";
  }

  async function look(): Promise<void> {
    const status = await api.status();
    const { waiting, oldestWaitingAt = Date.now() } = status;
    if (!waiting) {
      // At the first look as well: what an earlier run scheduled may have been sent since by the system.
      if (told === "") return;
      await LocalNotifications.cancel({ notifications: [{ id: ID }] });
      told = "";
      return;
    }
    // What is overdue was either shown or comes again in its time.
    const after = options.afterMs ?? AFTER_MS;
    const late = Math.max(0, Math.ceil((Date.now() - oldestWaitingAt) / after));
    const at = oldestWaitingAt + Math.max(1, late) * after;
    const key = `${at} ${waiting}`;
    if (key === told || !await allowed()) return;
    await LocalNotifications.schedule({
      // An exact alarm needs a right of its own on Android; some minutes do not matter.
      notifications: [{ id: ID, ...(options.words ?? said)(status), schedule: { at: new Date(at), allowWhileIdle: true }, isExactNotification: false, foreground: false }],
    });
    told = key;
  }

  async function keep(): Promise<void> {
    if (running) { again = true; return; }
    running = true;
    do {
      again = false;
      // Without its reminder the work is as safe as with it; the next change is another try.
      await look().catch(() => undefined);
    } while (again);
    running = false;
  }

  void keep();
  return api.subscribe(() => void keep());
}
