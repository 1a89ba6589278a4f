import assert from "node:assert/strict";
import { test } from "node:test";
import { kinship } from "./lib/wasm-order.mjs";
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

test("functions that have much in common come after each other", () => {
  const alike = (seed) => Buffer.from(Array.from({ length: 400 }, (_, i) => (i * seed) % 251));
  const [a, b] = [alike(7), alike(11)];
  const codes = [a, b, Buffer.concat([a, Buffer.from([1])]), b.subarray(3), a.subarray(5)];
  const order = kinship(codes);
  assert.deepEqual([...order].sort(), [0, 1, 2, 3, 4]);
  assert.deepEqual(order.slice(0, 3).sort(), [0, 2, 4], "the longest, then its like");
});
