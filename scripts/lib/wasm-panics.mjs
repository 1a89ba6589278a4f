// A panic of the core is a trap: the runtime sees it where the module is entered, and says which
// function it was. The texts that the standard library would print, the code that prints them, and a
// file, line and column for each place that can panic were 5 KB of the download.

import { DATA, bodies, namesOf, sections, withBodies } from "./wasm-sections.mjs";

/** What does nothing but panic, by path without hashes; each ends in the first one. */
const PANICS = [
  /^core::panicking::/, /^__rustc::rust_begin_unwind$/,
  /^core::(?:option|result)::(?:expect|unwrap)_failed$/, /^core::cell::panic_/, /^core::cell::lazy::panic_poisoned$/,
  /^core::slice::.*_fail$/, /^<alloc::vec::Vec<.*>>::\w+::assert_failed$/,
  /^alloc::raw_vec::(?:handle_error|capacity_overflow)$/, /^alloc::alloc::handle_alloc_error$/,
  /^wasm_bindgen::(?:throw_str|__rt::throw_null)$/,
];
const plain = (name = "") => name.replace(/\[[0-9a-f]{12,}\]/g, "").replace(/::h[0-9a-f]{16}$/, "");
export const isPanic = (name) => PANICS.some((one) => one.test(plain(name)));

/** No locals, `unreachable`, `end`. */
const TRAP = Buffer.from([0, 0x00, 0x0b]);

/** The bytes of a module's data, by address: `[address, a view of the bytes]` for each segment. */
function* segments(bytes) {
  const section = sections(bytes).find(({ id }) => id === DATA);
  if (!section) return;
  let at = section.body;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  };
  for (let left = number(); left > 0; left -= 1) {
    // i32.const address, end: what rustc's linker writes, and nothing else is touched.
    if (bytes[at] !== 0 || bytes[at + 1] !== 0x41) return;
    at += 2;
    const address = number();
    at += 1;
    const length = number();
    yield [address, bytes.subarray(at, at + length)];
    at += length;
  }
}

/** Zeroes, in place, every `Location` (address and length of a file's name, line, column) and the names. */
function forgetPlaces(bytes) {
  const files = new Set();
  const all = [...segments(bytes)];
  const text = (address, length) => {
    const found = all.find(([from, data]) => address >= from && address + length <= from + data.length);
    return found && found[1].subarray(address - found[0], address - found[0] + length);
  };
  for (const [from, data] of all) {
    for (let at = (4 - (from & 3)) & 3; at + 16 <= data.length; at += 4) {
      const address = data.readUInt32LE(at), length = data.readUInt32LE(at + 4);
      if (length < 6 || length > 200) continue;
      const name = text(address, length);
      if (!name || !/^[\w/.+-]+\.rs$/.test(name.toString("latin1"))) continue;
      files.add(name);
      data.fill(0, at, at + 16);
    }
  }
  for (const name of files) name.fill(0);
}

/**
 * What panics say, as it lies in the data: word for word, since a length that stands in the code may be written in more than
 * one way, and what lies behind a text is another one. Newer compilers may say other things; those weigh what they weigh.
 */
const SAID = [
  "called `Option::unwrap()` on a `None` value", "called `Option::unwrap_throw()` on a `None` value", "called `Result::unwrap_throw()` on an `Err` value",
  "RefCell already borrowed", "RefCell already mutably borrowed", "LazyCell instance has previously been poisoned",
  "`async fn` resumed after completion", "cannot poll Select twice", "internal error: entered unreachable code", "capacity overflow",
  "index out of bounds: the len is ", " but the index is ", "range start index ", "range end index ", " out of range for slice of length ",
  "slice index starts at ", " but ends at ", "copy_from_slice: source slice length (", ") does not match destination slice length (",
  "insertion index (is ", ") should be <= len (is ", "swap_remove index (is ", ") should be < len (is ",
  "assertion failed: !ret.inner.is_empty()", "assertion failed: src.len() == dst.len()", "assertion failed: self.is_char_boundary(new_len)",
  "assertion failed: idx < CAPACITY", "assertion failed: edge.height == self.height - 1", "assertion failed: edge.height == self.node.height - 1",
  "a formatting trait implementation returned an error when the underlying stream did not", "a Display implementation returned an error unexpectedly",
  "attempt to join into collection with len > usize::MAX", "Tried to shrink to a larger capacity",
  "null pointer passed to rust", "FnOnce called more than once", "closure invoked recursively or after being dropped",
  "attempted to take ownership of Rust value while it was borrowed", "recursive use of an object detected which would lead to unsafe aliasing in rust",
];

function forgetWords(bytes) {
  for (const [, data] of segments(bytes)) {
    for (const words of SAID) {
      for (let at = data.indexOf(words); at >= 0; at = data.indexOf(words, at)) data.fill(0, at, at + words.length);
    }
  }
}

/** The module as it is before it is optimized, which takes off what nothing calls any more. */
export function trapping(bytes) {
  const names = namesOf(bytes);
  const { imported, bodies: codes } = bodies(bytes);
  const out = withBodies(bytes, codes.map((code, index) => (isPanic(names.get(imported + index)) ? TRAP : code)));
  forgetPlaces(out);
  forgetWords(out);
  return out;
}

/** Each of these came in once by one careless line, and nothing of ours needs it. */
const HEAVY = [
  [/^core::panicking::/, "panics that print"],
  [/PanicHookInfo|std::panicking::(?:set_hook|panic_with_hook)/, "the panic hook: a trap is seen by the runtime"],
  [/slice_error_fail/, "a text cut by [a..b]: domain::text::cut"],
  [/StrSearcher|TwoWaySearcher/, "a text searched for a text: domain::text"],
  [/core::fmt::(?:float|num::imp::fmt_u128)|flt2dec|dec2flt|grisu|dragon/, "a float printed or read: numbers stay text"],
  [/escape_debug|is_printable|<str as core::fmt::Debug>/, "a text printed by Debug: {:?}, or an expect"],
  [/::sort::(?:stable|unstable)|driftsort|ipnsort|heapsort/, "the standard library's sorts: domain::dictionary::ordered"],
  [/dlmalloc/, "the standard library's allocator beside core/wasm/src/heap.rs"],
  [/core::unicode::(?:conversions|unicode_data)/, "Unicode tables: to_ascii_lowercase, is_ascii_..."],
  [/^serde_json::(?:de|ser|read)::|as serde::/, "serde's reader or printer: domain::json"],
  [/hash::(?:map|set)::|hashbrown|siphash/i, "a hash table: domain::dictionary"],
];

/** What came back that a phone should not download: names of functions, each with what it is. */
export function heavy(bytes) {
  const { imported, bodies: codes } = bodies(bytes);
  // A trap has the name of whichever of its equals wasm-opt kept.
  const weighs = ([index]) => !codes[index - imported]?.equals(TRAP);
  const names = [...namesOf(bytes)].filter(weighs).map(([, name]) => plain(name));
  return HEAVY.flatMap(([pattern, what]) => {
    const found = names.find((name) => pattern.test(name));
    return found ? [{ what, name: found }] : [];
  });
}
