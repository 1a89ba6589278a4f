// Whoever imports something finds there what it is, in which units, how it fails, and an example.

import assert from "node:assert/strict";
import { test } from "node:test";
import { at } from "./lib/paths.mjs";
import { entryFiles, exported, members, quantities } from "./lib/api-docs.mjs";

/** Kinds that somebody calls or makes. */
const used = new Set(["function", "class", "const"]);

test("every entry of the package is looked at, and each exports something", () => {
  const all = exported();
  for (const { entry } of entryFiles()) assert.ok(all.some((one) => one.entry === entry), entry);
  assert.ok(all.some(({ name, kind }) => name === "openPannier" && kind === "const"));
  assert.ok(all.some(({ name, kind }) => name === "OutboxItem" && kind === "interface"), "types of the core are among them");
});

test("every export says what it is", () => {
  const silent = exported().filter(({ said }) => said === "").map(({ entry, name }) => `${entry}: ${name}`);
  assert.deepEqual(silent, []);
});

test("every export that is called has an example", () => {
  const without = exported().filter(({ kind, said }) => used.has(kind) && !said.includes("@example")).map(({ entry, name }) => `${entry}: ${name}`);
  assert.deepEqual([...new Set(without)], []);
});

test("every call of the client has its words and an example", () => {
  const calls = members(at("core", "js", "src", "api.ts"), "PannierApi").filter(({ call }) => call);
  assert.ok(calls.length > 25, "the calls were found");
  assert.deepEqual(calls.filter(({ said }) => said === "").map(({ name }) => name), [], "without words");
  assert.deepEqual(calls.filter(({ said }) => !said.includes("@example")).map(({ name }) => name), [], "without an example");
});

test("every option and every field that is given says what it is", () => {
  for (const name of ["OpenOptions", "RecordOptions", "Status", "Health", "Versions"]) {
    const silent = members(at("core", "js", "src", "api.ts"), name).filter(({ said }) => said === "");
    assert.deepEqual(silent.map((one) => one.name), [], name);
  }
});

test("every exported quantity says its unit", () => {
  const units = /\b(?:milliseconds|seconds|minutes|hours|days|bytes|pixels|degrees|metres|percent|0 to 1|0 \(\w+\) to 1)\b/iu;
  const all = quantities();
  for (const [type, name] of [["OutboxItem", "recordedAt"], ["Position", "accuracyM"], ["ScannerStats", "decodeMs"], ["ExportBlob", "bytes"], ["StorageHealth", "quota"], ["PictureQuality", "exposure"]]) {
    assert.ok(all.some((one) => one.type === type && one.name === name), `${type}.${name} is looked at`);
  }
  const silent = all.filter(({ said }) => !units.test(said)).map(({ type, name }) => `${type}.${name}`);
  assert.deepEqual(silent, []);
});
