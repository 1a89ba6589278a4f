import assert from "node:assert/strict";
import { test } from "node:test";
import { withShortDoors } from "./lib/wasm-doors.mjs";
import { numbered } from "./lib/wasm-locals.mjs";
import { kinship } from "./lib/wasm-order.mjs";
import { heavy, isPanic, trapping } from "./lib/wasm-panics.mjs";
import { bodies, crateOf, crates, renamed, sections, stripped } from "./lib/wasm-sections.mjs";

// One function `serde_json::de::parse` of four bytes, one without a name, and the name section.
const name = "serde_json::de::parse::h0123456789abcdef";
const code = [10, 8, 2, 4, 0, 65, 0, 11, 2, 0, 11];
code[1] = code.length - 2;
const names = [4, ...Buffer.from("name"), 1, name.length + 3, 1, 0, name.length, ...Buffer.from(name)];
const wasm = Buffer.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 3, 2, 0, 0, ...code, 0, names.length, ...names]);

test("bytes are counted for the crate that a function's name begins with", () => {
  assert.deepEqual(crates(wasm), [{ name: "(types, imports, tables)", raw: 11 }, { name: "serde_json", raw: 4 }, { name: "(unnamed)", raw: 2 }]);
});

test("stripping leaves a module without names and with all else", () => {
  const small = stripped(wasm);
  assert.deepEqual(sections(small).map(({ id }) => id), [1, 3, 10]);
  assert.ok(!small.includes("serde"));
});

test("names of both manglings and of impls find their crate", () => {
  for (const [mangled, crate] of [
    ["core[c5930c85a12de822]::fmt::write", "core"],
    ["<dlmalloc[e24a27700634d609]::dlmalloc::Dlmalloc<x::y>>::malloc", "dlmalloc"],
    ["<str as core[c5930c85a12de822]::fmt::Debug>::fmt", "core"],
    ["<&mut serde_json::Value as serde::de::Deserializer>::go::habc", "serde_json"],
    ["<char>::escape_debug_ext", "core"],
    ["__rustc[b7974e8690430dd9]::__rdl_alloc", "runtime"],
    ["<T as pannier::ports::Store>::commit::h1", "pannier"],
    ["memcpy", "runtime"], ["parse multivalue shim", "exports and glue"],
  ]) assert.equal(crateOf(mangled), crate, mangled);
});

test("a renamed module has its code, and only the new names", () => {
  const other = renamed(wasm, ["a", "b"]);
  assert.deepEqual(bodies(other), bodies(wasm));
  assert.ok(other.includes("\u0001a") && !other.includes("serde"));
});

test("locals are numbered alike in every function, and mean what they meant", async () => {
  // (a, b) -> a * 1000 + frame * 100 + i64 * 10 + b, and a local that nobody uses.
  const body = [
    3, 1, 0x7e, 2, 0x7f, 1, 0x7c, // i64 2, i32 3 and 4, f64 5
    0x23, 0, 0x41, 16, 0x6b, 0x22, 4, 0x1a, // 4 = the stack's end - 16
    0x42, 3, 0x21, 2, // 2 = 3
    0x41, 1, 0x21, 3, 0x20, 3, 0x20, 3, 0x6a, 0x21, 3, // 3 = 2, used more often than the frame
    0x20, 0, 0x41, 0xe8, 0x07, 0x6c, 0x20, 4, 0x41, 0xe4, 0, 0x6c, 0x6a, 0x20, 2, 0xa7, 0x41, 10, 0x6c, 0x6a, 0x20, 3, 0x6a, 0x20, 1, 0x6a,
    0x0b,
  ];
  const exported = [1, 1, "f".charCodeAt(0), 0, 0];
  const module = Buffer.from([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 0x7f, 0x7f, 1, 0x7f, 3, 2, 1, 0, 6, 6, 1, 0x7f, 1, 0x41, 20, 0x0b,
    7, exported.length, ...exported, 10, body.length + 2, 1, body.length, ...body,
  ]);
  const answer = async (bytes) => (await WebAssembly.instantiate(bytes)).instance.exports.f(7, 5);
  const other = numbered(module);
  assert.equal(await answer(module), 7_000 + 400 + 30 + 2 + 5);
  assert.equal(await answer(other), await answer(module));
  const code = bodies(other).bodies[0];
  // Up to 5, the 64-bit one, up to 10, the frame and one more; what nobody uses is gone.
  assert.deepEqual([...code.subarray(0, 7)], [3, 3, 0x7f, 1, 0x7e, 6, 0x7f]);
  assert.deepEqual([...code.subarray(12, 14)], [0x22, 10], "the frame comes first");
  assert.deepEqual(numbered(other), other);
  assert.throws(() => numbered(Buffer.concat([module.subarray(0, -1), Buffer.from([0xff])])), /not known/);
});

test("functions that have much in common come after each other", () => {
  const alike = (seed) => Buffer.from(Array.from({ length: 400 }, (_, i) => (i * seed) % 251));
  const [a, b] = [alike(7), alike(11)];
  const codes = [a, b, Buffer.concat([a, Buffer.from([1])]), b.subarray(3), a.subarray(5)];
  const order = kinship(codes);
  assert.deepEqual([...order].sort(), [0, 1, 2, 3, 4]);
  assert.deepEqual(order.slice(0, 3).sort(), [0, 2, 4], "the longest, then its like");
});

test("what only panics becomes a trap, and what it would say and the places it would tell are zeroes", () => {
  // A string of the program's own, a file's name, a pair of words that look like one, and a place; a panic's words between others.
  const words = (...list) => Buffer.from(Uint32Array.from(list).buffer);
  const content = Buffer.concat([Buffer.from("kept"), Buffer.from("a/b/c.rs"), words(1024, 4), words(1028, 8, 7, 9), Buffer.from("!capacity overflow!")]);
  const data = [1, 0, 0x41, 0x80, 0x08, 0x0b, content.length, ...content];
  const panic = ["core[0123456789abcdef]::panicking::panic_fmt", "a::b"].map((one) => Buffer.from(one));
  const list = [2, ...panic.flatMap((one, index) => [index, one.length, ...one])];
  const module = Buffer.from([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 3, 2, 0, 0, 10, 10, 2, 4, 0, 65, 0, 11, 3, 0, 1, 11,
    11, data.length, ...data, 0, list.length + 7, 4, ...Buffer.from("name"), 1, list.length, ...list,
  ]);
  const made = trapping(module);
  assert.deepEqual(bodies(made).bodies.map((code) => [...code]), [[0, 0, 11], [0, 1, 11]]);
  const { body, end } = sections(made).find(({ id }) => id === 11);
  assert.deepEqual(made.subarray(body, end).subarray(7), Buffer.concat([Buffer.from("kept"), Buffer.alloc(8), words(1024, 4), Buffer.alloc(16), Buffer.from("!"), Buffer.alloc(17), Buffer.from("!")]));
  assert.ok(module.includes("a/b/c.rs"), "the module that was given is as it was");
});

test("what panics sometimes is no trap", () => {
  assert.ok(isPanic("core::option::unwrap_failed::h0123456789abcdef"));
  for (const name of ["<core::option::Option<T>>::unwrap_or", "core::result::Result<T,E>::unwrap_throw", "std::panicking::panic_count::increase", "a::panicking::b"]) assert.ok(!isPanic(name), name);
});

test("what is heavy is found by name", () => {
  const found = (name) => heavy(renamed(wasm, [name, "b"])).length;
  for (const name of [
    "<core::str::pattern::StrSearcher>::new", "core::str::slice_error_fail_rt", "<f64 as core::fmt::float::flt>::fmt", "core::num::flt2dec::strategy::grisu::format",
    "core::slice::sort::stable::driftsort_main", "<dlmalloc::dlmalloc::Dlmalloc>::malloc", "<char>::escape_debug_ext", "core[0123456789abcdef]::panicking::panic_fmt",
    "core::unicode::conversions::to_lower", "serde_json::de::from_str", "std::panicking::set_hook", "<std::collections::hash::map::HashMap<K,V>>::get",
  ]) assert.equal(found(name), 1, name);
  assert.equal(found("pannier::domain::text::cut"), 0);
});

/** Imports these functions of `m`, and exports the first of them by a name with a hash of its own. */
const doors = (...imports) => {
  const text = (value) => [value.length, ...Buffer.from(value)];
  const section = (id, ...content) => [id, content.length, ...content];
  return Buffer.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0,
    ...section(2, imports.length, ...imports.flatMap((name) => [...text("m"), ...text(name), 0, 0])),
    ...section(7, 1, ...text("invoke__h0123456789abcdef"), 0, 0)]);
};

test("imports and exports keep two digits of their hashes, in the module and in its glue", async () => {
  const { bytes, inGlue } = withShortDoors(doors("__wbg_then_00112233445566aa", "__wbg_then_00112233445566bb", "__wbg_core_new"));
  const called = [];
  const m = Object.fromEntries(["__wbg_then_aa", "__wbg_then_bb", "__wbg_core_new"].map((one) => [one, () => called.push(one)]));
  const { exports } = (await WebAssembly.instantiate(bytes, { m })).instance;
  exports.invoke__hef();
  assert.deepEqual(called, ["__wbg_then_aa"]);
  assert.equal(inGlue("__wbg_then_00112233445566bb: 1, __wbg_core_new: wasm.invoke__h0123456789abcdef"), "__wbg_then_bb: 1, __wbg_core_new: wasm.invoke__hef");
  assert.throws(() => withShortDoors(doors("then_00112233445566aa", "then_99112233445566aa")), /would both be then_aa/);
});
