// The terminal's QR codes are read back from what is printed, module by module.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import QRCode from "qrcode";
import { at } from "./lib/paths.mjs";
import { lanText, qrLines } from "./lib/lan.mjs";

const lan = { page: "https://192.168.1.20:8443", api: "https://192.168.1.20:8444", door: "http://192.168.1.20:8445", addresses: ["192.168.1.20"], name: "vm.local" };
const halves = { "█": [1, 1], "▀": [1, 0], "▄": [0, 1], " ": [0, 0] };
const bare = (text) => text.replaceAll(/\u001b\[[\d;]*m/g, "");

/** Rows of 0 and 1, 1 where a scanner sees dark, from lines of half blocks. */
const seen = (lines, colours) => lines.flatMap((line) => [0, 1].map((half) => [...bare(line)].map((block) => (halves[block][half] === 1) === colours ? 1 : 0)));

/** The rows that the address must have, with a border of four light ones. */
function wanted(text) {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: "L" });
  return Array.from({ length: modules.size + 8 }, (_, row) => Array.from({ length: modules.size + 8 }, (_, column) => {
    const [x, y] = [column - 4, row - 4];
    return x >= 0 && y >= 0 && x < modules.size && y < modules.size && modules.get(y, x) ? 1 : 0;
  }));
}

for (const colours of [true, false]) {
  test(`a code ${colours ? "in colours" : "without colours"} has the modules of its address`, () => {
    const rows = wanted(`${lan.page}/`);
    assert.deepEqual(seen(qrLines(`${lan.page}/`, { colours }), colours).slice(0, rows.length), rows);
  });
}

/** Both codes cut out of the whole text again. */
function codes(text, columns) {
  const lines = bare(text).split("\n");
  const top = (title) => lines.findIndex((line) => line.includes(title));
  const cut = (title, address) => {
    const from = lines[top(title)].indexOf(title), size = wanted(address).length;
    return lines.slice(top(title) + 2, top(title) + 2 + Math.ceil(size / 2)).map((line) => line.padEnd(columns).slice(from, from + size));
  };
  return { beside: top("Code 1") === top("Code 2"), door: cut("Code 1", `${lan.door}/`), page: cut("Code 2", `${lan.page}/`) };
}

for (const [columns, beside] of [[80, true], [60, false]]) {
  test(`in ${columns} columns the codes stand ${beside ? "beside" : "below"} each other and say the door and the app`, () => {
    const text = lanText(lan, { columns, colours: false }), found = codes(text, columns);
    assert.equal(found.beside, beside);
    for (const which of ["door", "page"]) {
      const rows = wanted(`${lan[which]}/`);
      assert.deepEqual(seen(found[which], false).slice(0, rows.length), rows);
    }
    assert.ok(text.split("\n").filter((line) => /^[█▀▄ ]/.test(line)).every((line) => line.length <= columns));
  });
}

test("the addresses stand there in words, and two lines say how to trust them", () => {
  const lines = bare(lanText(lan, { columns: 80, colours: true })).trimEnd().split("\n");
  assert.match(lines.at(-2), /^1\. .*VPN & Device Management/);
  assert.match(lines.at(-1), /^2\. .*Certificate Trust Settings/);
  assert.ok(lines.some((line) => line.includes(`${lan.door}/`) && line.includes(`${lan.page}/`)));
});

for (const [option, says] of [[["--tunnel"], "unknown option: --tunnel"], [["--lan-port", "9000"], "--lan-port and --lan-address need --lan"], [["--lan", "--lan-port", "x"], "--lan-port needs a number"]]) {
  test(`npm start -- ${option.join(" ")} is refused before anything is built`, () => {
    const { status, stderr } = spawnSync(process.execPath, [at("scripts", "start.mjs"), ...option], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.ok(stderr.includes(says), stderr);
  });
}
