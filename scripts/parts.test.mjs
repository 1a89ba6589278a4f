// What the end of a long run tells of its failures.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nodeFailures, nodeTests } from "./lib/parts.mjs";
import { run } from "./lib/run.mjs";

test("a failed test is named with how its error begins, a passed one is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pannier-parts-"));
  try {
    const file = join(folder, "story.test.mjs");
    writeFileSync(file, `
      import test from "node:test";
      import assert from "node:assert/strict";
      test("wheels turn", () => {});
      test("bell rings", () => { assert.equal(1, 2, "one ring, not two"); });
      test("brake holds", () => { throw new Error("worn\\n--- on the screen: a worn brake"); });
    `);
    // A run within a run would report to its parent, in another form.
    const { output } = await run("env", ["-u", "NODE_TEST_CONTEXT", "node", "--test", "--test-reporter=spec", file], { quiet: true });
    const [bell, brake, ...others] = nodeFailures(output);
    assert.match(bell, /bell rings[^]*one ring, not two[^]*story\.test\.mjs/);
    assert.match(brake, /brake holds[^]*worn[^]*a worn brake/);
    assert.deepEqual(others, []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a test whose browser was lost is run once more and said to be, one that failed is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pannier-parts-"));
  const file = (name, body) => {
    const path = join(folder, name);
    writeFileSync(path, `import test from "node:test"; import { appendFileSync, readFileSync } from "node:fs"; ${body}`);
    return path;
  };
  const ran = join(folder, "ran");
  const loses = file("loses.test.mjs", `test("first time lost", () => { appendFileSync("${ran}", "x"); if (readFileSync("${ran}", "utf8") === "x") throw new Error("gone_astray: nobody computes"); });`);
  const holds = file("holds.test.mjs", 'test("holds", () => {});');
  const breaks = file("breaks.test.mjs", 'test("breaks", () => { throw new Error("worn, not gone_astray"); });');
  const told = (files) => nodeTests(files, { together: 2, again: "gone_astray", quiet: true, env: { NODE_TEST_CONTEXT: undefined } });
  const times = () => readFileSync(ran, "utf8").length;
  try {
    const { why, ...counts } = await told([loses, holds]);
    assert.deepEqual(counts, { passed: 2, failed: 0 });
    assert.match(why, /gone_astray: run again .*loses\.test\.mjs$/);
    assert.equal(times(), 2);
    rmSync(ran);
    const beside = await told([loses, breaks, holds]);
    assert.deepEqual([beside.passed, beside.failed, beside.why], [1, 2, undefined]);
    assert.equal(times(), 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
