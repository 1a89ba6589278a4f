// A real label before the lens: QR modules drawn as a camera sees them (turned a little, off
// centre, soft, noisy, unevenly lit), into a raw video that Chromium takes for its camera; for the
// other engines a label's picture on a canvas whose stream the page gets instead of its camera's.

import { closeSync, openSync, writeSync } from "node:fs";
import QRCode from "qrcode";
import { evaluate } from "./page.mjs";

/** The modules of a code: { size, dark(x, y) }; the quiet zone of four modules is the caller's. */
export function modules(text, { errorCorrectionLevel = "M" } = {}) {
  const { modules: { size, data } } = QRCode.create(text, { errorCorrectionLevel });
  return { size, dark: (x, y) => x >= 0 && y >= 0 && x < size && y < size && data[y * size + x] === 1 };
}

/** A small generator with a seed, so that a video is the same every time. */
function noise(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state / 2 ** 32;
  };
}

const QUIET = 4;

/** One frame's luma. `code` undefined: an empty table. */
function luma({ width, height, code, share, degrees, shift, random }) {
  const frame = Buffer.alloc(width * height);
  const module = code ? (share * Math.min(width, height)) / (code.size + 2 * QUIET) : 1;
  const half = code ? (code.size + 2 * QUIET) / 2 : 0;
  const [sine, cosine] = [Math.sin((degrees * Math.PI) / 180) / module, Math.cos((degrees * Math.PI) / 180) / module];
  const [centreX, centreY] = [width / 2 + shift[0], height / 2 + shift[1]];
  const sample = (x, y) => {
    const [dx, dy] = [x - centreX, y - centreY];
    const [u, v] = [dx * cosine + dy * sine, dy * cosine - dx * sine];
    if (!code || Math.abs(u) > half || Math.abs(v) > half) return 96;
    return code.dark(Math.floor(u + half) - QUIET, Math.floor(v + half) - QUIET) ? 38 : 214;
  };
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const grey = (sample(x + 0.2, y + 0.2) + sample(x + 0.8, y + 0.2) + sample(x + 0.2, y + 0.8) + sample(x + 0.8, y + 0.8)) / 4;
      const light = 0.88 + 0.12 * (x / width) - 0.06 * (y / height);
      frame[y * width + x] = Math.max(0, Math.min(255, grey * light + (random() - 0.5) * 8));
    }
  }
  return frame;
}

/**
 * Writes a .y4m in which each of `codes` is held before the camera for `framesEach` frames with an
 * empty table between; the browser plays it in a loop from the moment the camera is opened.
 * A code is its text, or the modules of a printed one.
 * @param {{ codes: (string | ReturnType<typeof modules>)[], out: string, width?: number, height?: number, fps?: number, framesEach?: number, framesBetween?: number, degrees?: number, share?: number }} options
 */
export function makeCameraVideo({ codes, out, width = 640, height = 480, fps = 10, framesEach = 10, framesBetween = 5, degrees = 7, share = 0.6 }) {
  if (!out.endsWith(".y4m")) throw new Error("the camera's video is a .y4m file");
  const random = noise(20_211);
  const file = openSync(out, "w");
  const colour = Buffer.alloc((width * height) / 2, 128);
  const write = (code, index) => {
    const shift = [Math.round(Math.sin(index) * 6), Math.round(Math.cos(index * 1.3) * 5)];
    writeSync(file, "FRAME\n");
    writeSync(file, luma({ width, height, code, share, degrees: degrees + Math.sin(index) * 1.5, shift, random }));
    writeSync(file, colour);
  };
  try {
    writeSync(file, `YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420\n`);
    for (const text of codes) {
      for (let index = 0; index < framesBetween; index += 1) write(undefined, index);
      const code = typeof text === "string" ? modules(text) : text;
      for (let index = 0; index < framesEach; index += 1) write(code, index);
    }
  } finally {
    closeSync(file);
  }
  return out;
}

// In the page: one lens, with the device behind it or a canvas. Whoever turns it ends the streams of
// the other side, as the app keeps one open for a moment between two screens.
const lens = `
  const lens = window.pannierLens ??= (() => {
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    const lens = { streams: [], canvas: undefined };
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      const stream = lens.canvas ? lens.canvas.captureStream(15) : await open(wanted);
      lens.streams.push(stream);
      return stream;
    };
    lens.turnTo = (canvas) => {
      if (lens.canvas === canvas) return;
      lens.canvas = canvas;
      for (const stream of lens.streams.splice(0)) for (const track of stream.getTracks()) track.stop();
    };
    return lens;
  })();`;

/**
 * For engines whose camera cannot be given a picture: from now on, until the page is reloaded or
 * `showDevice` is called, the page's getUserMedia gives a canvas stream with this label (its SVG, or
 * the text of its code) on it, held a little askew. Call it again to hold another label before the
 * same stream.
 */
export const showLabel = async (driver, label, { width = 640, height = 480, degrees = 5 } = {}) => evaluate(driver, `async (svg, width, height, degrees) => {
  ${lens}
  const label = new Image();
  label.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  await label.decode();
  URL.revokeObjectURL(label.src);
  const canvas = lens.table ??= Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d");
  lens.draw = () => {
    pen.resetTransform();
    pen.fillStyle = "#777";
    pen.fillRect(0, 0, width, height);
    pen.translate(width / 2, height / 2);
    pen.rotate((degrees * Math.PI) / 180);
    // In its own shape: bars that are squeezed into a square are no bars any more.
    const scale = Math.min((0.9 * width) / label.naturalWidth, (0.7 * height) / label.naturalHeight);
    const [wide, high] = [label.naturalWidth * scale, label.naturalHeight * scale];
    pen.drawImage(label, -wide / 2, -high / 2, wide, high);
  };
  lens.draw();
  // A stream gives a frame only when the canvas is drawn on.
  lens.timer ??= setInterval(() => lens.draw(), 100);
  lens.turnTo(canvas);
}`, label.includes("<svg") ? label : await QRCode.toString(label, { type: "svg", margin: QUIET, width: 200 }), width, height, degrees);

/** The browser's own camera, real or pretended. To be called before the camera's first opening, or streams from before are not given up for a label. */
export const showDevice = (driver) => evaluate(driver, `() => { ${lens} lens.turnTo(undefined); }`);
