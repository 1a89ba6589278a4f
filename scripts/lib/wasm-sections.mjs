// Reads just enough of a WebAssembly module to say which crate its bytes come from, and to drop
// what a phone does not need (names, producers).

const CUSTOM = 0, CODE = 10;
export const IMPORT = 2, EXPORT = 7, DATA = 11;

export class Reader {
  constructor(bytes, at = 0, end = bytes.length) { this.bytes = bytes; this.at = at; this.end = end; }
  byte() { return this.bytes[this.at++]; }
  number() {
    let value = 0, scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }
  text() {
    const length = this.number();
    const text = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.at, length).toString("utf8");
    this.at += length;
    return text;
  }
}

export function sections(bytes) {
  if (bytes.length < 8 || Buffer.from(bytes.subarray(0, 4)).toString("latin1") !== "\0asm") throw new Error("not a WebAssembly module");
  const reader = new Reader(bytes, 8);
  const found = [];
  while (reader.at < bytes.length) {
    const start = reader.at;
    const id = reader.byte();
    const length = reader.number();
    const body = reader.at;
    found.push({ id, start, body, end: body + length, name: id === CUSTOM ? new Reader(bytes, body).text() : undefined });
    reader.at = body + length;
  }
  return found;
}

/** The module without its custom sections: the code is untouched. */
export function stripped(bytes) {
  const kept = sections(bytes).filter(({ id }) => id !== CUSTOM).map(({ start, end }) => bytes.subarray(start, end));
  return Buffer.concat([bytes.subarray(0, 8), ...kept]);
}

function importedFunctions(bytes, section) {
  const reader = new Reader(bytes, section.body);
  let functions = 0;
  for (let left = reader.number(); left > 0; left -= 1) {
    reader.text(); reader.text();
    const kind = reader.byte();
    if (kind === 0) { functions += 1; reader.number(); continue; }
    if (kind === 1) reader.byte();
    if (kind === 3) { reader.byte(); reader.byte(); continue; }
    if (kind === 4) { reader.byte(); reader.number(); continue; }
    const limits = reader.byte();
    reader.number();
    if (limits & 1) reader.number();
  }
  return functions;
}

function functionNames(bytes, section) {
  const names = new Map();
  const reader = new Reader(bytes, section.body);
  reader.text();
  while (reader.at < section.end) {
    const kind = reader.byte();
    const end = reader.number() + reader.at;
    if (kind === 1) for (let left = reader.number(); left > 0; left -= 1) { const index = reader.number(); names.set(index, reader.text()); }
    reader.at = end;
  }
  return names;
}

/** Names by index, imported functions first. */
export function namesOf(bytes) {
  const section = sections(bytes).find(({ name }) => name === "name");
  return section ? functionNames(bytes, section) : new Map();
}

/** `<alloc::vec::Vec<T> as core::fmt::Debug>::fmt` belongs to `alloc`; what has no path, to nobody we know. */
export function crateOf(mangled) {
  // The newer mangling gives each crate its hash.
  const name = mangled.replace(/\[[0-9a-f]{12,}\]/g, "");
  const own = name.match(/^(?:[<&*([]|mut |dyn |const )*([A-Za-z_]\w*)::/)?.[1] ?? name.match(/ as ([A-Za-z_]\w*)::/)?.[1];
  if (own) return own === "__rustc" ? "runtime" : own;
  if (/^<(?:[&*([]|mut |const )*(?:str|char|bool|[iuf]\d+|[iu]size)\b/.test(name)) return "core";
  return /^(?:mem(?:cpy|set|move|cmp)|__|rust_)/.test(name) ? "runtime" : "exports and glue";
}

/** Calls back with the name (or undefined) and size of each function, and with the size of every other section. */
function walk(bytes, onFunction, onSection) {
  const parts = sections(bytes);
  const names = namesOf(bytes);
  const imports = parts.find(({ id }) => id === IMPORT);
  let index = imports ? importedFunctions(bytes, imports) : 0;
  for (const { id, start, body, end } of parts) {
    if (id === CUSTOM) continue;
    if (id !== CODE) { onSection(id === DATA ? "(data: strings and tables)" : "(types, imports, tables)", end - start); continue; }
    const reader = new Reader(bytes, body);
    for (let left = reader.number(); left > 0; left -= 1) {
      const size = reader.number();
      onFunction(names.get(index), size);
      reader.at += size;
      index += 1;
    }
  }
}

/** The code of each of the module's own functions, in their order, and how many are imported before them. */
export function bodies(bytes) {
  const parts = sections(bytes);
  const imports = parts.find(({ id }) => id === IMPORT);
  const reader = new Reader(bytes, parts.find(({ id }) => id === CODE).body);
  const found = [];
  for (let left = reader.number(); left > 0; left -= 1) {
    const size = reader.number();
    found.push(bytes.subarray(reader.at, reader.at + size));
    reader.at += size;
  }
  return { imported: imports ? importedFunctions(bytes, imports) : 0, bodies: found };
}

export function number(value) {
  const out = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    out.push(value ? low | 128 : low);
  } while (value);
  return Buffer.from(out);
}
export const text = (value) => Buffer.concat([number(Buffer.byteLength(value)), Buffer.from(value)]);

/** The module with this code for its own functions. */
export function withBodies(bytes, codes) {
  const code = Buffer.concat([number(codes.length), ...codes.flatMap((one) => [number(one.length), one])]);
  return Buffer.concat([bytes.subarray(0, 8), ...sections(bytes).flatMap(({ id, start, end }) =>
    (id === CODE ? [Buffer.from([CODE]), number(code.length), code] : [bytes.subarray(start, end)]))]);
}

/** The module with these names for all its functions, imported ones first, and no other custom section. */
export function renamed(bytes, names) {
  const list = Buffer.concat([number(names.length), ...names.flatMap((name, index) => [number(index), text(name)])]);
  const section = Buffer.concat([text("name"), Buffer.from([1]), number(list.length), list]);
  return Buffer.concat([stripped(bytes), Buffer.from([CUSTOM]), number(section.length), section]);
}

const largest = (sums) => [...sums].map(([name, raw]) => ({ name, raw })).sort((a, b) => b.raw - a.raw);

/** Raw bytes by crate, largest first. Needs the names that a build keeps until `stripped`. */
export function crates(bytes) {
  const sums = new Map();
  const add = (key, size) => sums.set(key, (sums.get(key) ?? 0) + size);
  walk(bytes, (name, size) => add(name === undefined ? "(unnamed)" : crateOf(name), size), add);
  return largest(sums);
}

/** Raw bytes by function name, largest first: the same generic code made for several types is one line with `copies`. */
export function functions(bytes) {
  const sums = new Map(), copies = new Map();
  walk(bytes, (mangled = "(unnamed)", size) => {
    const name = mangled.replace(/\[[0-9a-f]{12,}\]/g, "").replace(/::h[0-9a-f]{16}(?= |$)/, "");
    sums.set(name, (sums.get(name) ?? 0) + size);
    copies.set(name, (copies.get(name) ?? 0) + 1);
  }, () => {});
  return largest(sums).map((one) => ({ ...one, copies: copies.get(one.name) }));
}
