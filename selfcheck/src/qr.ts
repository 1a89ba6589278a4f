// A text as a QR code on a canvas, one colour on the other whatever the theme: dark on white is
// what every reader expects.

import qrcode from "qrcode";

const QUIET = 4;

export interface Drawn { canvas: HTMLCanvasElement; version: number }

export function qrCanvas(text: string, scale: number): HTMLCanvasElement {
  return draw(text, () => scale).canvas;
}

/** `scale` gives the pixels of a module, told how many modules there are with the white around them. */
export function draw(text: string, scale: (modules: number) => number): Drawn {
  // The lowest correction: a screen has no scratches, and larger modules help more.
  const { modules: { size, data }, version } = qrcode.create(text, { errorCorrectionLevel: "L" });
  const whole = size + 2 * QUIET;
  const module = Math.max(1, Math.floor(scale(whole)));
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = whole * module;
  const pen = canvas.getContext("2d");
  if (pen) {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = "#000";
    data.forEach((dark, index) => {
      if (dark) pen.fillRect((QUIET + (index % size)) * module, (QUIET + Math.floor(index / size)) * module, module, module);
    });
  }
  return { canvas, version };
}
