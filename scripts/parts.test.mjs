// What the end of a long run tells of its failures.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nodeFailures } from "./lib/parts.mjs";
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
