// What a module imports and exports, by shorter names. wasm-bindgen ends each in a hash of sixteen
// digits, and no compression takes those off: 0.7 KB of the core's download, and nearly as much of
// each script with its glue. Two digits tell apart what has the same name otherwise.

import { EXPORT, IMPORT, Reader, number, sections, text } from "./wasm-sections.mjs";

const short = (name) => name.replace(/[0-9a-f]{14}(?=[0-9a-f]{2}$)/, "");

/** The section's entries with shorter names; `told` gets each old name with its new one. */
function shortened(bytes, { id, body }, told) {
  const reader = new Reader(bytes, body);
  const names = new Set(), out = [];
  const count = reader.number();
  for (let left = count; left > 0; left -= 1) {
    if (id === IMPORT) out.push(text(reader.text()));
    const name = reader.text(), now = short(name);
    if (names.has(now)) throw new Error(`${name} and another would both be ${now}`);
    names.add(now);
    told(name, now);
    const kind = reader.byte();
    if (id === IMPORT && kind !== 0) throw new Error(`${name} is imported and no function`);
    out.push(text(now), Buffer.from([kind]), number(reader.number()));
  }
  const content = Buffer.concat([number(count), ...out]);
  return Buffer.concat([Buffer.from([id]), number(content.length), content]);
}

/** The module with shorter names, and what does the same to its glue. */
export function withShortDoors(bytes) {
  const renamed = [];
  const parts = sections(bytes).map((section) => (section.id === IMPORT || section.id === EXPORT
    ? shortened(bytes, section, (name, now) => { if (now !== name) renamed.push([name, now]); })
    : bytes.subarray(section.start, section.end)));
  return {
    bytes: Buffer.concat([bytes.subarray(0, 8), ...parts]),
    inGlue: (script) => renamed.reduce((done, [name, now]) => done.replaceAll(name, now), script),
  };
}
