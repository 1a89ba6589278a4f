// The scanner's public interface before pictures that the page draws: a label as it lies on a parcel,
// sharp or not, light or dark, by itself or in a video.

import qrcode from "qrcode";
import { Scanner } from "pannier/scanner";

const WIDTH = 1280, HEIGHT = 720;

/** A label on a canvas: `text` as a QR code on white paper, `blur` in pixels, `light` 0 to 1, ink and paper `reversed` or not. */
function label({ text = "PN-7H2K-0001", blur = 0, light = 1, reversed = false, canvas = document.createElement("canvas") } = {}) {
  Object.assign(canvas, { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const level = (value) => `rgb(${[1, 1, 1].map(() => Math.round(value * light * 255)).join(",")})`;
  const [paper, ink] = reversed ? [0.1, 0.9] : [0.9, 0.1];
  context.fillStyle = level(0.45);
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.fillStyle = level(paper);
  context.fillRect(440, 160, 400, 400);
  if (text) {
    const { modules } = qrcode.create(text, { errorCorrectionLevel: "M" });
    const module = Math.floor(320 / modules.size), at = (i) => Math.round((i - modules.size / 2) * module);
    context.fillStyle = level(ink);
    for (let y = 0; y < modules.size; y += 1) for (let x = 0; x < modules.size; x += 1) if (modules.get(y, x)) context.fillRect(640 + at(x), 360 + at(y), module, module);
  }
  if (blur) soften(context, blur);
  return canvas;
}

/** Grey means of `2 * radius + 1` pixels along rows, then columns, twice: not every engine has a canvas filter. */
function soften(context, radius) {
  const picture = context.getImageData(0, 0, WIDTH, HEIGHT);
  let greys = Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => picture.data[4 * i]);
  for (const [count, lines, step, stride] of [[WIDTH, HEIGHT, 1, WIDTH], [HEIGHT, WIDTH, WIDTH, 1], [WIDTH, HEIGHT, 1, WIDTH], [HEIGHT, WIDTH, WIDTH, 1]]) {
    const out = new Float32Array(greys.length);
    for (let line = 0; line < lines; line += 1) {
      const at = (i) => greys[line * stride + Math.min(count - 1, Math.max(0, i)) * step];
      let sum = 0;
      for (let i = -radius; i <= radius; i += 1) sum += at(i);
      for (let i = 0; i < count; i += 1) {
        out[line * stride + i * step] = sum / (2 * radius + 1);
        sum += at(i + radius + 1) - at(i - radius);
      }
    }
    greys = out;
  }
  for (let i = 0; i < greys.length; i += 1) picture.data.fill(Math.round(greys[i]), 4 * i, 4 * i + 3);
  context.putImageData(picture, 0, 0);
}

/** A video that shows such a label, again and again drawn so that frames go on coming. */
async function video(look) {
  const canvas = label(look);
  const element = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  element.srcObject = canvas.captureStream(30);
  window.show = (next) => { look = next; };
  const draw = () => { label({ ...look, canvas }); requestAnimationFrame(draw); };
  requestAnimationFrame(draw);
  document.body.append(element);
  await element.play();
  return element;
}

Object.assign(window, { Scanner, label, video });
document.body.textContent = "ready";
