// What the check does, in this order: first what asks nobody, then what asks for a tap or a
// permission, at last the camera, since its stream is kept through the sleep that follows.

import type { Bench } from "./bench";
import type { Note } from "./outcome";
import { camera, frames, torch } from "./steps/camera";
import { apiFacts, engine, screenFacts } from "./steps/device";
import { clock, network } from "./steps/network";
import { mayAskNotifications, notifications, position, push } from "./steps/permissions";
import { badge, compression, vibration, wakeLock } from "./steps/small";
import { commits, photo, snapshot, storage } from "./steps/stores";
import { channel, core, dedicated, locks, scanner, serviceWorker } from "./steps/workers";

export interface Step {
  /** in the report */
  name: string;
  deadlineMs: number;
  work: (note: Note, signal: AbortSignal) => Promise<void>;
  /** whether it has to begin in a tap of its own */
  needsTap?: () => boolean;
}

const second = 1_000;

export const steps = (bench: Bench): Step[] => [
  { name: "engine", deadlineMs: second, work: engine },
  { name: "screen", deadlineMs: second, work: screenFacts },
  { name: "api", deadlineMs: second, work: apiFacts },
  { name: "network", deadlineMs: 10 * second, work: network },
  { name: "clock", deadlineMs: 5 * second, work: clock },
  { name: "storage", deadlineMs: 10 * second, work: storage },
  { name: "idb-500", deadlineMs: 20 * second, work: commits(500) },
  { name: "idb-200k", deadlineMs: 30 * second, work: commits(200_000) },
  { name: "photo", deadlineMs: 20 * second, work: photo },
  { name: "worker", deadlineMs: 10 * second, work: dedicated(bench) },
  { name: "sw", deadlineMs: 30 * second, work: serviceWorker },
  { name: "channel", deadlineMs: 15 * second, work: channel(bench) },
  { name: "locks", deadlineMs: 25 * second, work: locks(bench) },
  { name: "core", deadlineMs: 30 * second, work: core(bench) },
  { name: "scanner", deadlineMs: 30 * second, work: scanner(bench) },
  { name: "gzip", deadlineMs: 10 * second, work: compression },
  { name: "wakelock", deadlineMs: 5 * second, work: wakeLock },
  { name: "vibrate", deadlineMs: 2 * second, work: vibration },
  { name: "notify", deadlineMs: 60 * second, work: notifications, needsTap: mayAskNotifications },
  { name: "push", deadlineMs: 10 * second, work: push },
  { name: "badge", deadlineMs: 5 * second, work: badge },
  // A person has to answer meanwhile.
  { name: "position", deadlineMs: 30 * second, work: position },
  { name: "camera", deadlineMs: 30 * second, work: camera(bench) },
  { name: "frames", deadlineMs: 50 * second, work: frames(bench) },
  { name: "snapshot", deadlineMs: 10 * second, work: snapshot(bench) },
  { name: "torch", deadlineMs: 5 * second, work: torch(bench) },
];
