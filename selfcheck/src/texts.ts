// Every word of the page. Plain ones: the owner of an old phone reads them in the street.

import type { Outcome } from "./outcome";

export const outcomes: Record<Outcome, string> = {
  ok: "fine", absent: "not there", refused: "refused", failed: "failed", skipped: "skipped",
};

/** What a step is called on the screen, and what to do meanwhile. */
export const stepTexts: Record<string, { title: string; hint?: string }> = {
  engine: { title: "Browser" },
  screen: { title: "Screen and mode" },
  api: { title: "What the browser has" },
  network: { title: "The way to the server" },
  clock: { title: "The clock" },
  storage: { title: "Storage" },
  "idb-500": { title: "Saving something small" },
  "idb-200k": { title: "Saving something larger" },
  photo: { title: "Saving a photo" },
  worker: { title: "A helper in the background" },
  sw: { title: "The offline helper" },
  channel: { title: "Talking to the helpers" },
  locks: { title: "Taking turns" },
  core: { title: "The heart of Pannier" },
  scanner: { title: "The code reader" },
  gzip: { title: "Packing" },
  wakelock: { title: "Keeping the screen on" },
  vibrate: { title: "Vibration" },
  notify: { title: "Notifications", hint: "Answer the question of your phone." },
  push: { title: "Push messages" },
  badge: { title: "Number on the icon" },
  position: { title: "Position", hint: "Allow it when your phone asks. The report tells how exact it is, not where." },
  camera: { title: "Camera", hint: "Allow it when your phone asks." },
  frames: { title: "A hundred pictures", hint: "Hold the camera at anything, best at a parcel label." },
  snapshot: { title: "Saving what the camera sees" },
  torch: { title: "Lamp" },
};

export const texts = {
  title: "Self-check",
  intro: {
    heading: "What can this phone do?",
    lead: "Two or three minutes, one thumb, no account.",
    steps: [
      ["Everything is tried", "Half a minute; you only watch."],
      ["Three questions", "Notifications, position, camera. Refuse or skip what you like."],
      ["One minute locked", "To see what goes on living."],
      ["A short report", "To copy, to send, or as a QR code."],
    ],
    keeps: "Nothing of your route is touched. The report has no place, no picture and no name in it.",
    start: "Start",
    last: "Show the last report",
    broken: "The last check stopped in the middle.",
    brokenShow: "Show what it found",
  },
  run: {
    pictures: (done: number) => `${done} of 100`,
    progress: (done: number, all: number) => `${done} of ${all}`,
    skip: "Skip this",
  },
  ask: {
    heading: "Allow notifications?",
    text: "Pannier uses them to say that something waits. Nothing is sent to you by this check.",
    allow: "Ask my phone",
    skip: "Skip",
  },
  sleep: {
    heading: "Lock the phone now",
    text: "Wait one minute. Then unlock it and come back to this page.",
    why: "A locked phone stops pages. This finds out what goes on living.",
    camera: "The camera stays on meanwhile, to see whether it survives.",
    getting: "One moment",
    short: (s: number) => `Only ${s} seconds. Lock it once more for a minute, or go on.`,
    back: "I was away, go on",
    skip: "Skip this",
    looking: "Looking at what lived",
  },
  report: {
    heading: "The report",
    died: "The page did not live while the phone was locked. That is worth knowing: the report says so.",
    copy: "Copy",
    copied: "Copied",
    copyByHand: "Your browser does not let the page copy. The text is marked: copy it by hand.",
    send: "Send to this server",
    sending: "Sending",
    kept: "Sent",
    sent: (id: number) => `Kept here as report ${id}`,
    noTaker: "This server takes no reports. Copy it, or show it as a QR code.",
    noAnswer: "No answer from the server. Copy it, or show it as a QR code.",
    qr: "QR code",
    qrTitle: "Read this with another phone",
    close: "Close",
    again: "Check again",
  },
};
