// A link in the documents leads somewhere: to a file that is there, and to a heading in it.

import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { at } from "./lib/paths.mjs";
import { must } from "./lib/run.mjs";

const { stdout } = await must("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], { quiet: true });
const documents = stdout.split("\0").filter((file) => file && existsSync(at(file)));

/** Without what is code: examples may show any link. */
const prose = (file) => readFileSync(at(file), "utf8").replace(/^```.*?^```/gmsu, "").replace(/`[^`\n]*`/gu, (code) => "`".repeat(code.length));

/** As GitHub names a heading, the second of a name with -1. */
function anchors(file) {
  const times = new Map();
  const text = readFileSync(at(file), "utf8").replace(/^```.*?^```/gmsu, "");
  return new Set([...text.matchAll(/^#{1,6} +(.+)$/gmu)].map(([, heading]) => {
    const name = heading.replace(/\[([^\]]*)\]\([^)]*\)/gu, "$1").toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/gu, "-");
    const n = times.get(name) ?? 0;
    times.set(name, n + 1);
    return n ? `${name}-${n}` : name;
  }));
}

export function broken(file) {
  const out = [];
  for (const [, target] of prose(file).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/gu)) {
    if (/^[a-z]+:/iu.test(target)) continue;
    const [path, anchor] = target.split("#");
    const there = path ? normalize(join(dirname(file), path)) : file;
    if (!existsSync(at(there))) out.push(`${target}: there is no ${there}`);
    else if (anchor && statSync(at(there)).isFile() && there.endsWith(".md") && !anchors(there).has(anchor)) out.push(`${target}: ${there} has no such heading`);
  }
  return out;
}

test("there are documents with links", () => {
  assert.ok(documents.length > 15 && documents.some((file) => /\]\(/u.test(prose(file))));
});

for (const file of documents) test(`every link of ${file} leads somewhere`, () => assert.deepEqual(broken(file), []));
