// Picture files as phones and people produce them, written where a file input can choose them.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../../../scripts/lib/paths.mjs";

/** 320 x 200, the left half red, the right half blue. */
const twoHalves = () => readFileSync(at("tests", "fixtures", "two-halves.jpg"));

/** The same with an Exif block: the phone was held upright (orientation 6: to be shown turned to the right), and words that nobody should get. */
function turned() {
  const words = Buffer.from("Secret camera 59.3293 N 18.0686 E\0");
  const entries = Buffer.alloc(2 + 2 * 12 + 4);
  entries.writeUInt16BE(2, 0);
  const entry = (index, tag, type, count, write) => {
    const place = 2 + index * 12;
    entries.writeUInt16BE(tag, place);
    entries.writeUInt16BE(type, place + 2);
    entries.writeUInt32BE(count, place + 4);
    write(place + 8);
  };
  entry(0, 0x010e, 2, words.length, (place) => entries.writeUInt32BE(8 + entries.length, place));
  entry(1, 0x0112, 3, 1, (place) => entries.writeUInt16BE(6, place));
  const tiff = Buffer.concat([Buffer.from("MM\0*\0\0\0\x08", "latin1"), entries, words]);
  const exif = Buffer.concat([Buffer.from("Exif\0\0"), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(exif.length + 2, 2);
  const plain = twoHalves();
  return Buffer.concat([plain.subarray(0, 2), head, exif, plain.subarray(2)]);
}

/** Writes them all and gives their paths. */
export function pictureFiles(folder) {
  const write = (name, bytes) => { const path = join(folder, name); writeFileSync(path, bytes); return path; };
  const huge = Buffer.alloc(60 * 1024 * 1024);
  twoHalves().copy(huge);
  return {
    turned: write("turned.jpg", turned()),
    empty: write("empty.jpg", Buffer.alloc(0)),
    words: write("words.jpg", "This is a shopping list, whatever it is called.\n"),
    broken: write("broken.jpg", twoHalves().subarray(0, 180)),
    huge: write("huge.jpg", huge),
  };
}

/** Width and height out of a JPEG's frame header. */
export function jpegSize(bytes) {
  for (let place = 2; place < bytes.length;) {
    const marker = bytes.readUInt16BE(place);
    if (marker >= 0xffc0 && marker <= 0xffc2) return { height: bytes.readUInt16BE(place + 5), width: bytes.readUInt16BE(place + 7) };
    place += 2 + bytes.readUInt16BE(place + 2);
  }
  throw new Error("no frame header");
}
