// The sandbox's own labels, as a printer would get them, to be held before the camera.

import { makeCameraVideo } from "../lib/index.mjs";

/** The picture `/labels/{code}.svg`, or with bars. */
export async function labelPicture(server, code, { bars = false } = {}) {
  const answer = await fetch(new URL(`/labels/${code}${bars ? ".bars" : ""}.svg`, server.page));
  if (!answer.ok) throw new Error(`no label of ${code}: ${answer.status}`);
  return answer.text();
}

/** Its modules. */
async function printedLabel(server, code) {
  const svg = await labelPicture(server, code);
  const squares = [...svg.matchAll(/M(\d+) (\d+)h(\d+)v(\d+)/g)].map((found) => found.slice(1).map(Number));
  if (squares.length === 0) throw new Error(`the label of ${code} is drawn in a way this test does not know: ${svg.slice(0, 300)}`);
  const module = squares[0][2];
  const left = Math.min(...squares.map(([x]) => x));
  const top = Math.min(...squares.map(([, y]) => y));
  const size = (Math.max(...squares.map(([x]) => x)) - left) / module + 1;
  const dark = new Set(squares.map(([x, y]) => `${(x - left) / module},${(y - top) / module}`));
  return { size, dark: (x, y) => dark.has(`${x},${y}`) };
}

/** The bars, in the middle of a square as wide as they are with their quiet zones. */
async function printedBars(server, code) {
  const svg = await labelPicture(server, code, { bars: true });
  const size = Number(svg.match(/viewBox="0 0 (\d+) /)?.[1]);
  const dark = new Set([...svg.matchAll(/M(\d+) 0h1v/g)].map(([, x]) => Number(x)));
  if (!size || dark.size === 0) throw new Error(`the bars of ${code} are drawn in a way this test does not know: ${svg.slice(0, 300)}`);
  return { size, dark: (x, y) => dark.has(x) && Math.abs(y - size / 2) < size * 0.17 };
}

/** Chromium's camera sees these labels one after the other, again and again. */
export const labelVideo = async (server, codes, options) =>
  makeCameraVideo({ ...options, codes: await Promise.all(codes.map((code) => (options.bars ? printedBars(server, code) : printedLabel(server, code)))) });
