// The sandbox's own labels, as a printer would get them, to be held before the camera.

import { makeCameraVideo } from "../lib/index.mjs";

/** The picture `/labels/{code}.svg`. */
export async function labelPicture(server, code) {
  const answer = await fetch(new URL(`/labels/${code}.svg`, server.page));
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

/** Chromium's camera sees these labels one after the other, again and again. */
export const labelVideo = async (server, codes, options) =>
  makeCameraVideo({ ...options, codes: await Promise.all(codes.map((code) => printedLabel(server, code))) });
