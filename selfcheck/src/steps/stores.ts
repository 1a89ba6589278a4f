// The store: what it is worth, what a commit costs, and whether a picture comes back as it went in.

import { storageHealth } from "pannier";
import type { Bench } from "../bench";
import { databases, get, open, put, type Durability } from "../database";
import { bytes, mean, ms, now, quantile, since, some, timed, yes } from "../figures";
import { Absent, Skipped, errorText, type Note } from "../outcome";

const COMMITS = 20;
/** Firefox asks a person; nobody has to answer. */
const PERSIST_MS_MAX = 3_000;

export async function storage(note: Note): Promise<void> {
  // Asked first: the answer changes what the health is.
  const granted = await Promise.race([navigator.storage?.persist?.(), new Promise<"asks">((resolve) => { setTimeout(resolve, PERSIST_MS_MAX, "asks"); })]);
  const { kind, persisted, usage, quota } = await storageHealth();
  note(kind, ...some("persisted", persisted, yes), ...some("persist", granted, (told) => (told === "asks" ? told : yes(told))), ...some("used", usage, bytes), ...some("quota", quota, bytes));
}

/** min/median/p95/mean of commits of so many bytes, in both kinds of durability. */
export const commits = (size: number) => async (note: Note): Promise<void> => {
  const database = await open(databases.plain);
  try {
    const value = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)));
    const bytesIn = new Uint8Array(size).map((_, index) => value[index % value.length] ?? 0).buffer;
    const named: string[] = [];
    for (const durability of ["strict", "relaxed"] satisfies Durability[]) {
      let turn = 0;
      let told = "";
      const times = await timed(COMMITS, async () => { told = await put(database, `${size}/${turn += 1}`, bytesIn, durability); });
      named.push(told);
      note(`${durability}=${[Math.min(...times), quantile(times, 0.5), quantile(times, 0.95), mean(times)].map(ms).join("/")}`);
    }
    // Whether the browser knows what it was asked for; an older one has no word for it.
    note(`named=${named.join() === "strict,relaxed" ? "y" : named.join(",")}`);
  } finally {
    database.close();
  }
};

/** Something that no encoder makes short work of. */
export function picture(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Absent("2D canvas");
  const light = pen.createLinearGradient(0, 0, width, height);
  light.addColorStop(0, "#b7c4d8");
  light.addColorStop(1, "#5b4a36");
  pen.fillStyle = light;
  pen.fillRect(0, 0, width, height);
  // Always the same picture, so that its size can be compared.
  let state = 20_211;
  const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let index = 0; index < 1_500; index += 1) {
    pen.fillStyle = `hsl(${Math.round(next() * 360)} 40% ${Math.round(20 + next() * 60)}%)`;
    pen.fillRect(next() * width, next() * height, next() * 60, next() * 60);
  }
  return canvas;
}

const hex = (buffer: ArrayBuffer): string => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (buffer: ArrayBuffer): Promise<string> => hex(await crypto.subtle.digest("SHA-256", buffer));

/** Encodes, stores strictly, reads back and compares; gives what was encoded. */
async function thereAndBack(note: Note, canvas: HTMLCanvasElement, key: string): Promise<Blob> {
  let began = now();
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
  if (!blob || blob.type !== "image/jpeg") throw new Error("the canvas gave no JPEG");
  note(`encode=${since(began)}`);
  const buffer = await blob.arrayBuffer();
  began = now();
  const hash = await sha256(buffer);
  note(`size=${bytes(buffer.byteLength)}`, `hash=${since(began)}`);
  const database = await open(databases.plain);
  try {
    began = now();
    await put(database, key, buffer, "strict");
    note(`put=${since(began)}`);
    began = now();
    const back = await get(database, key);
    note(`get=${since(began)}`);
    const same = back instanceof ArrayBuffer && await sha256(back) === hash;
    note(`same=${yes(same)}`);
    if (!same) throw new Error("the picture came back different");
  } finally {
    database.close();
  }
  return blob;
}

const WIDTH = 1_600, HEIGHT = 1_200;

export async function photo(note: Note): Promise<void> {
  const blob = await thereAndBack(note, picture(WIDTH, HEIGHT), "photo");
  const database = await open(databases.plain);
  try {
    note(`blob=${await put(database, "blob", blob, "relaxed").then(() => "y", (error: unknown) => errorText(error).split(":")[0] ?? "n")}`);
  } finally {
    database.close();
  }
}

/** The same with what the camera shows. */
export const snapshot = (bench: Bench) => async (note: Note): Promise<void> => {
  const { camera, video } = bench;
  if (!camera) throw new Skipped("there is no camera");
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  await thereAndBack(note, canvas, "snapshot");
};
