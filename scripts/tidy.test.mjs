// Each rule can fail, and does not fail for what only looks like it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, rules, shippedProfiles } from "./lib/rules.mjs";

const broken = (project) => Object.fromEntries(judge(new Map(Object.entries(project))).filter((one) => one.broken.length).map(({ name, broken: places }) => [name, places.map(({ file, line }) => `${file}:${line}`)]));
const tested = new Set();

/** The rule that starts like this is broken at these places by the first project and kept by the second. */
function check(start, bad, places, good) {
  const rule = rules.find(({ name }) => name.startsWith(start));
  assert.ok(rule, `no rule is called ${start}`);
  tested.add(rule.name);
  test(rule.name, () => {
    assert.deepEqual(broken(bad)[rule.name], places);
    assert.equal(broken(good)[rule.name], undefined);
  });
}

check("the core is pure",
  { "core/src/a.rs": "// fine\nuse web_sys::Window;\nfn f(x: JsValue) {}" }, ["core/src/a.rs:2", "core/src/a.rs:3"],
  { "core/src/a.rs": "//! never a JsValue\nconst A: &str = \"tokio\"; const B: char = '\"'; /* web_sys /* js_sys */ */", "core/wasm/src/a.rs": "use web_sys::Window;" });
check("core/src/domain",
  { "core/src/domain/a.rs": "use crate::{\n  domain::b,\n  engine::{self, x},\n};\nfn f() { crate::ports::y(); super::super::profile::z(); }" }, ["core/src/domain/a.rs:3", "core/src/domain/a.rs:5", "core/src/domain/a.rs:5"],
  { "core/src/domain/a.rs": "use crate::domain::{engine_room, profile}; // crate::engine", "core/src/engine/a.rs": "use crate::profile::x;" });
check("core/src/engine",
  { "core/src/engine/a.rs": "use crate::ports::Store;" }, ["core/src/engine/a.rs:1"],
  { "core/src/engine/a.rs": "use crate::domain::Stop;", "core/src/ports/a.rs": "use crate::engine::x;" });
check("core/src/profile",
  { "core/src/profile/a.rs": "\nuse crate::engine::x;" }, ["core/src/profile/a.rs:2"],
  { "core/src/profile/a.rs": "use crate::domain::x;" });
check("the scanner knows nothing",
  { "core/scan/Cargo.toml": "[dependencies]\npannier.workspace = true\n", "core/scan/src/a.rs": "use pannier::x;" }, ["core/scan/Cargo.toml:2", "core/scan/src/a.rs:1"],
  { "core/scan/Cargo.toml": "[package]\nname = \"pannier-scan\"\n[dependencies]\nrqrr.workspace = true\n", "core/scan/benches/a.rs": "use pannier_scan::x;" });
check("the checker does nothing",
  { "check/src/a.rs": "use std::fs;\nfn f() { println!(\"x\"); }" }, ["check/src/a.rs:1", "check/src/a.rs:2"],
  { "check/src/a.rs": "// std::fs\nuse std::fmt;", "check/tests/a.rs": "use std::fs;", "cli/src/a.rs": "use std::fs; fn f() { eprintln!(); }" });
check("web imports",
  { "web/src/a.ts": "import x from \"lit\";\nimport { y } from '../../core/js/src/z.js';\nconst w = await import(\"workbox-core\");\nexport * from \"pannier/service-worker\";" }, ["web/src/a.ts:2", "web/src/a.ts:4", "web/src/a.ts:3"],
  { "web/src/a.ts": "import {\n a } from \"pannier\";\nimport \"pannier/elements\";\nimport { b } from \"lit/directives/repeat.js\";\nimport c from \"./c.js\"; // from \"elsewhere\"" });
check("selfcheck imports",
  { "selfcheck/src/a.ts": "import { a } from \"pannier/elements\";\nimport { b } from \"../../web/src/texts\";" }, ["selfcheck/src/a.ts:1", "selfcheck/src/a.ts:2"],
  { "selfcheck/src/a.ts": "import { a } from \"pannier\";\nimport { b } from \"pannier/scanner\";\nimport { html } from \"lit\";\nimport qrcode from \"qrcode\";\nimport \"./b\";" });
check("service-worker imports",
  { "service-worker/src/sw.ts": "import { a } from \"pannier\";" }, ["service-worker/src/sw.ts:1"],
  { "service-worker/src/sw.ts": "import { a } from \"pannier/service-worker\";\nimport { b } from \"workbox-precaching\";" });
check("the service worker's own script",
  { "service-worker/src/sw.ts": "a\n".repeat(100), "service-worker/src/b.ts": "b\n".repeat(50) }, ["service-worker/src/sw.ts:100"],
  { "service-worker/src/sw.ts": "a\n".repeat(149) });
check("unsafe only",
  { "sandbox/src/main.rs": "fn f() { unsafe { g() } }" }, ["sandbox/src/main.rs:1"],
  { "core/wasm/src/a.rs": "unsafe {}", "core/src/a.rs": "// unsafe\n#![deny(unsafe_code)] const A: &str = r#\"unsafe \"quoted\" \"#;" });
check("no file of the core",
  { "core/src/a.rs": "//\n".repeat(701) }, ["core/src/a.rs:701"],
  { "core/src/a.rs": "//\n".repeat(700), "sandbox/src/a.rs": "//\n".repeat(900) });
const host = ["registry", "npmjs", "org"].join("."), index = ["crates", "io"].join(".");
const document = (revision, url) => JSON.stringify({ revision, route: { url } });
const recorded = JSON.stringify({ "profiles/a.json": Object.fromEntries(shippedProfiles(new Map([["profiles/a.json", document("1", "/a")]])).map((one) => [one.revision, one.digest])) });
check("a profile that changes",
  { "profiles/a.json": document("1", "/b"), "profiles/b.json": document("1", "/a"), "scripts/profile-revisions.json": recorded }, ["profiles/a.json:1", "profiles/b.json:1"],
  { "profiles/a.json": `{ "route": { "url": "/a" },\n "revision": "1" }`, "profiles/x.schema.json": "{}", "scripts/profile-revisions.json": recorded });
check("no registry is named",
  { "docs/a.md": `x\nsee ${index}`, "a.json": `"https://${host}/x"` }, ["docs/a.md:2", "a.json:1"],
  { "Cargo.lock": `source = "registry+https://github.com/rust-lang/${index}-index"\n`, "b.png": host });
test("a registry in a lock file is found too", () => {
  assert.deepEqual(broken({ "Cargo.lock": `source = "registry+https://mirror/${index}"` })["no registry is named"], ["Cargo.lock:1"]);
});
check("package-lock.json works",
  { "package-lock.json": "{\n\"resolved\": \"https://mirror/x.tgz\" }" }, ["package-lock.json:2"],
  { "package-lock.json": "{ \"resolved\": \"core/js\" }" });
check("package-lock.json is whole",
  { "package-lock.json": JSON.stringify({ packages: { "node_modules/a": { optionalDependencies: { "b-mac": "1" } }, "node_modules/c/node_modules/d": { optionalDependencies: { e: "1" } } } }, undefined, 1) }, ["package-lock.json:3", "package-lock.json:8"],
  { "package-lock.json": JSON.stringify({ packages: { "node_modules/c/node_modules/d": { optionalDependencies: { e: "1", f: "1", g: "1" } }, "node_modules/c/node_modules/d/node_modules/e": {}, "node_modules/c/node_modules/f": {}, "node_modules/g": {} } }) });
const limits = JSON.stringify({ budgets: { a: { label: "core wasm", kb: 19.5 }, b: { label: "page", kb: 3 }, c: { label: "worker", kb: 3 } } });
check("README tells the budgets",
  { "scripts/budgets.json": limits, "README.md": "| what | gzipped | budget |\n| core wasm | 19 KB | 20 KB |\n| page | 3.1 KB | 3 KB |\n" }, ["README.md:2", "README.md:3", "README.md:1"],
  { "scripts/budgets.json": limits, "README.md": "| page | 3 KB | 3 KB |\n| core wasm | 19.2 KB | 19.5 KB |\n| worker | 1 KB | 3 KB |\n" });
check("no path of one machine",
  { "a.mjs": `const a = "/${"work"}/x";` }, ["a.mjs:1"],
  { "a.mjs": `const a = "./${"work"}/x", b = "https://example.com/${"work"}/x";` });
check("nothing is left for later",
  { "core/src/a.rs": `// ${"TO"}DO later\n${"to"}do!()` }, ["core/src/a.rs:1", "core/src/a.rs:2"],
  { "clippy.toml": "todo = \"deny\"", "package-lock.json": `"${"FIX"}ME"` });
check("every direct dependency",
  { "core/Cargo.toml": "[dependencies]\nserde.workspace = true\nold = { package = \"renamed\", version = \"1\" }\n[dependencies.web-sys]\nfeatures = []\n[lints]\nworkspace = true\n", "web/package.json": "{\n\"dependencies\": { \"lit\": \"3\", \"pannier\": \"*\" } }" },
  ["core/Cargo.toml:2", "core/Cargo.toml:3", "core/Cargo.toml:4", "web/package.json:2"],
  { "core/Cargo.toml": "[target.'cfg(target_arch = \"wasm32\")'.dev-dependencies]\nserde = \"1\"\npannier.workspace = true\n", "docs/decisions/dependencies.md": "| name | why |\n|---|---|\n| `serde` | reading |\n" });
check("no reason outlives",
  { "docs/decisions/dependencies.md": "| `gone` | because |" }, ["docs/decisions/dependencies.md:1"],
  { "docs/decisions/dependencies.md": "| `serde` | because `gone` |", "core/Cargo.toml": "[dependencies]\nserde = \"1\"" });

test("every rule has its test", () => {
  assert.deepEqual(rules.map(({ name }) => name).filter((name) => !tested.has(name)), []);
});
