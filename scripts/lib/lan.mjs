// What a terminal shows of the sandbox in the local network: two QR codes for the phone, the
// address in words, and how to trust it.

import QRCode from "qrcode";

/** Light modules around a code, without which scanners do not see it. The standard wants four. */
const QUIET = 4;
/** A screen has no scratches; fewer modules are larger ones. */
const LEVEL = { errorCorrectionLevel: "L" };
const GAP = "   ";
// Black on white whatever the terminal's own colours are; of the 256, since not every terminal has more.
const INK = "\u001b[38;5;16;48;5;231m", PLAIN = "\u001b[0m";

/** The code's lines, two rows of modules in each. Without colours a full block is a light module, as on a dark terminal. */
export function qrLines(text, { colours }) {
  const { modules } = QRCode.create(text, LEVEL);
  const dark = (row, column) => row >= 0 && row < modules.size && column >= 0 && column < modules.size && modules.get(row, column) === 1;
  const lines = [];
  for (let row = -QUIET; row < modules.size + QUIET; row += 2) {
    let line = "";
    for (let column = -QUIET; column < modules.size + QUIET; column += 1) {
      const [upper, lower] = [dark(row, column), dark(row + 1, column)].map((one) => one === colours);
      line += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
    lines.push(colours ? INK + line + PLAIN : line);
  }
  return lines;
}

/** One block of lines, all equally wide: what the code is for, its address, and the code. */
function block(title, address, colours) {
  const code = qrLines(address, { colours }), codeWide = QRCode.create(address, LEVEL).modules.size + 2 * QUIET;
  const wide = Math.max(codeWide, title.length, address.length);
  return { wide, lines: [title.padEnd(wide), address.padEnd(wide), ...code.map((line) => line + " ".repeat(wide - codeWide))] };
}

function beside(left, right) {
  const count = Math.max(left.lines.length, right.lines.length);
  return Array.from({ length: count }, (_, index) => (left.lines[index] ?? " ".repeat(left.wide)) + GAP + (right.lines[index] ?? "")).map((line) => line.trimEnd());
}

/**
 * The sandbox's `lan` as a person at a terminal wants it. `columns` is how wide the terminal is,
 * `colours` whether it has them.
 */
export function lanText({ page, door }, { columns, colours }) {
  const trust = block("Code 1: trust this computer, once", `${door}/`, colours), app = block("Code 2: the app", `${page}/`, colours);
  const codes = trust.wide + GAP.length + app.wide <= columns ? beside(trust, app) : [...trust.lines, "", ...app.lines];
  return [
    "", ...codes, "",
    "1. iPhone: scan code 1, load the certificate; Settings > General > VPN & Device Management: install it.",
    "2. Settings > General > About > Certificate Trust Settings: switch it on. Then scan code 2.",
    "",
  ].join("\n");
}
