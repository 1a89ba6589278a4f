// Proves the sandbox's side of the harness: node --test tests/browser/lib/sandbox.selftest.mjs

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { control, faults, log, startSandbox } from "./index.mjs";

test("the sandbox starts, dies, revives and restarts with its data", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pannier-static-"));
  writeFileSync(join(folder, "index.html"), "<title>here</title>");
  const server = await startSandbox({ static: folder });
  try {
    const { page, api } = server;
    assert.match(await (await fetch(page)).text(), /here/);
    const signIn = () => fetch(`${api}/api/session`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
    await signIn();
    await faults(server).dead();
    await assert.rejects(fetch(page));
    await assert.rejects(signIn());
    assert.equal((await faults(server).get()).length, 1);
    await faults(server).alive();
    assert.equal((await fetch(page)).status, 200);
    const before = (await log(server)).length;
    assert.ok(before >= 1);
    await control(server, "expire-tokens");
    await server.restart();
    assert.deepEqual([server.page, server.api], [page, api]);
    assert.ok((await log(server)).length >= before);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
