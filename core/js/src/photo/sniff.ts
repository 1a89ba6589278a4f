// What a file is, and how large its picture is, from its first bytes.

/** Media types that are pictures here. */
export type PictureKind = "image/jpeg" | "image/png" | "image/gif" | "image/webp" | "image/bmp" | "image/heic" | "image/avif" | "image/tiff";

const heic = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"];

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

/** `undefined` for what no browser calls a picture. SVG is not one here: it is a document. */
export function sniff(bytes: Uint8Array): PictureKind | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "image/jpeg";
  if (bytes[0] === 0x89 && ascii(bytes, 1, 4) === "PNG") return "image/png";
  if (/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) return "image/gif";
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 12) === "WEBP") return "image/webp";
  if (ascii(bytes, 4, 8) === "ftyp") {
    const brand = ascii(bytes, 8, 12);
    if (brand === "avif" || brand === "avis") return "image/avif";
    if (heic.includes(brand)) return "image/heic";
    return undefined;
  }
  if (/^(?:II\*\0|MM\0\*)$/.test(ascii(bytes, 0, 4))) return "image/tiff";
  // "BM" alone is the start of many a text: the header's length must be one of the few there are.
  if (ascii(bytes, 0, 2) === "BM" && [12, 40, 52, 56, 64, 108, 124].includes(bytes[14] ?? 0) && bytes[15] === 0) return "image/bmp";
  return undefined;
}

/** Width and height as a person sees them; `undefined` where the first bytes do not tell. */
export function sizeOf(bytes: Uint8Array, kind: PictureKind): { width: number; height: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (kind === "image/png") return bytes.length >= 24 ? { width: view.getUint32(16), height: view.getUint32(20) } : undefined;
  return kind === "image/jpeg" ? jpegSize(view) : kind === "image/heic" || kind === "image/avif" ? heifSize(view) : undefined;
}

/** A picture of tiles names the size of each and of the whole: the whole is the largest. */
function heifSize(view: DataView): { width: number; height: number } | undefined {
  const ISPE = 0x69737065, IROT = 0x69726f74;
  let [width, height, turned] = [0, 0, false];
  for (let at = 4; at + 16 <= view.byteLength; at++) {
    const type = view.getUint32(at);
    if (type === ISPE && view.getUint32(at - 4) === 20) {
      const [wide, high] = [view.getUint32(at + 8), view.getUint32(at + 12)];
      if (wide * high > width * height) [width, height] = [wide, high];
    } else if (type === IROT && view.getUint32(at - 4) === 9) {
      turned ||= (view.getUint8(at + 4) & 1) === 1;
    }
  }
  if (!width || !height) return undefined;
  return turned ? { width: height, height: width } : { width, height };
}

function jpegSize(view: DataView): { width: number; height: number } | undefined {
  let turned = false;
  let at = 2;
  while (at + 9 < view.byteLength) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) { at += 1; continue; }
    const length = view.getUint16(at + 2);
    // Start of frame, whatever the coding; the others of this range are tables.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      return turned ? { width: height, height: width } : { width, height };
    }
    if (marker === 0xda || length < 2) return undefined;
    if (marker === 0xe1) turned ||= orientation(view, at + 4, length - 2) >= 5;
    at += 2 + length;
  }
  return undefined;
}

/** The EXIF orientation, 1 when there is none. */
function orientation(view: DataView, start: number, length: number): number {
  const end = Math.min(start + length, view.byteLength);
  if (start + 14 > end || view.getUint32(start) !== 0x45786966) return 1;
  const tiff = start + 6;
  const little = view.getUint16(tiff) === 0x4949;
  const directory = tiff + view.getUint32(tiff + 4, little);
  if (directory + 2 > end) return 1;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * 12;
    if (entry + 12 > end) return 1;
    if (view.getUint16(entry, little) === 0x0112) return view.getUint16(entry + 8, little);
  }
  return 1;
}
