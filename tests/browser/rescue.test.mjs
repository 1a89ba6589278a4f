// A phone is lost, an export of it is not: `desk-rescue` sends what is in the file from a desk,
// under the same identities, and the browser that comes back later finds it there. Real browser,
// real export, real backend, and the command as it is built.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { at } from "../../scripts/lib/paths.mjs";
import { says } from "./lib/index.mjs";
import { start } from "./lib/programs.mjs";
import { applied, exactlyOnce, resentByTheBrowser } from "./stories/backend.mjs";
import { call, done, file, officeKeys, photograph, withClient, write } from "./stories/client-page.mjs";
import { allSent, engines } from "./stories/courier.mjs";
import { operations } from "./stories/store.mjs";

const binary = () => process.env.PANNIER_DESK_RESCUE ?? at("target", "release", "desk-rescue");

/** A desk with a folder of its own: gives what runs the command there. */
function desk(server) {
  const folder = mkdtempSync(join(tmpdir(), "desk-rescue-"));
  const env = { ANNA: "packet123", OMAR: "packet123" };
  const run = async (name, args = [], { username = "anna" } = {}) => {
    const program = start(binary(), [
      join(folder, name), "--json", "--base-url", `api=${new URL(server.api).origin}`,
      "--username", username, "--password-env", username.toUpperCase(), ...args,
    ], { env, name: "desk-rescue" });
    const { code } = await program.done;
    const line = program.text.split("\n").find((one) => one.startsWith("{"));
    assert.ok(line, program.text);
    return { exit: code, text: program.text, ...JSON.parse(line) };
  };
  return {
    run,
    keep: (name, bytes) => writeFileSync(join(folder, name), bytes),
    path: (name) => join(folder, name),
    leave: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The page is gone, and with it all that could send; what lies in its store is not. */
const lost = (courier) => courier.driver.get("about:blank");
const found = async (courier) => {
  await courier.driver.get(courier.page);
  await says(courier.driver, "body", "ready", { ms: 15_000 });
};

/** Everything that is done at a door. */
const wholeStop = (driver, stop) => done(driver, `async (id) => {
  const stop = (await pannier.route()).stops.find((one) => one.id === id);
  await pannier.record({ kind: "arrive", stop: id });
  for (const { code } of stop.parcels) await pannier.record({ kind: "scan", stop: id, code, source: "typed" });
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  canvas.getContext("2d").fillText(id, 20, 20);
  for (const [kind, type] of [["photo", "image/jpeg"], ["signature", "image/png"]]) {
    const picture = await new Promise((resolve) => canvas.toBlob(resolve, type));
    const { handle } = await pannier.stage(await picture.arrayBuffer(), type);
    await pannier.record({ kind, stop: id, blob: handle, ...(kind === "signature" ? { signer: "Maria Lind" } : {}) });
  }
  const outcomes = stop.parcels.map(({ id: parcel }) => ({ parcel, outcome: "delivered" }));
  await pannier.record({ kind: "deliver", stop: id, recipient: "Maria Lind", outcomes });
}`, stop);

for (const engine of engines) {
  const story = (name, work) => test(`${engine}: ${name}`, { timeout: 180_000 }, withClient({ engine }, async (courier) => {
    const office = desk(courier.server);
    try { await work(courier, office); } finally { office.leave(); }
  }));

  story("what a lost phone could not send goes out from a desk, and the phone that comes back finds it there", async (courier, office) => {
    const { driver, faults, server } = courier;
    await faults.set({ fault: "cut_after", path: "/api/stops/st-01/arrive", method: "POST", times: 1 });
    await wholeStop(driver, "st-01");
    await done(driver, `() => pannier.drain("manual", { budgetMs: 1500 })`);
    await faults.set({ fault: "status", status: 422, path: "/api/stops/st-05/notes", method: "POST" });
    const refused = await write(driver, "the backend does not take this yet", "st-05");
    await done(driver, `() => pannier.drain("manual", { budgetMs: 1500 })`);
    await faults.dead();
    await wholeStop(driver, "st-02");
    await write(driver, "for the neighbour at 2B", "st-03");
    await photograph(driver, "st-04", 40);
    const gone = await write(driver, "at the wrong door", "st-04");
    await done(driver, `(id) => pannier.discard(id, "written at the wrong door")`, gone.operation);
    const recorded = await operations(driver);
    const resent = await resentByTheBrowser(courier);
    const left = recorded.filter(({ state }) => !["settled", "discarded"].includes(state.is));
    const made = await file(driver, "() => exportUnsettled(pannier)");
    await lost(courier);
    office.keep("lost.zip", made.bytes);
    await faults.clear();
    await faults.set({ fault: "status", status: 422, path: "/api/stops/st-05/notes", method: "POST" });

    const other = await office.run("lost.zip", ["--store", office.path("omar.sqlite")], { username: "omar" });
    assert.deepEqual([other.exit, other.error.code], [2, "account_other"]);
    const before = (await applied(server)).length;

    // A first desk, with a file that suffered on its way: one photo is not what it was.
    const spoilt = Buffer.from(made.bytes);
    const photo = left.find(({ intent }) => intent.kind === "photo" && intent.stop === "st-04");
    const place = spoilt.indexOf(`photos/${photo.blob.handle}`);
    spoilt[place + 300] ^= 1;
    office.keep("spoilt.zip", spoilt);
    const first = await office.run("spoilt.zip");
    assert.equal(first.exit, 1, first.text);
    assert.deepEqual([first.account, first.loaded, first.damaged], ["c-anna", left.length, 1]);
    assert.deepEqual(first.left.map(({ id, code }) => [id, code]).sort(), [[photo.id, "blob_missing"], [refused.operation, "invalid"]].sort(), first.text);
    assert.ok((await applied(server)).length > before);

    // Another desk with the whole file: what the first one sent is found, not sent again.
    const second = await office.run("lost.zip");
    assert.equal(second.exit, 1, second.text);
    assert.deepEqual(second.left.map(({ id, code }) => [id, code]), [[refused.operation, "invalid"]]);
    assert.equal(second.settled.length, left.length - 1);
    await faults.clear();
    const third = await office.run("lost.zip", ["--retry", "all"]);
    assert.deepEqual([third.exit, third.loadedBefore, third.clear, third.left], [0, true, true, []], third.text);
    const there = await applied(server);

    await found(courier);
    await done(driver, "(id) => pannier.retry(id)", refused.operation);
    await done(driver, `() => pannier.closeShift()`);
    await allSent(courier);
    assert.deepEqual((await applied(server)).map(({ n }) => n), there.map(({ n }) => n), "the phone brought nothing a second time");
    await exactlyOnce(courier, { without: [...resent, gone.operation] });
    assert.deepEqual(await done(driver, "() => pannier.notices()"), []);
  });

  story("another courier's sealed work goes out with the office's key, and with no other", async (courier, office) => {
    const { driver, faults } = courier;
    await faults.dead();
    await write(driver, "Anna's own words", "st-01");
    await photograph(driver, "st-02", 10);
    await done(driver, "() => pannier.signOut({ force: true })");
    await faults.alive();
    await done(driver, `() => pannier.signIn({ username: "omar", password: "packet123" })`);
    const [her] = await done(driver, "() => pannier.others()");
    const keys = await officeKeys();
    const made = await file(driver, `async (sealTo, reference) => exportSealed(await openAnother({ sealTo }), reference)`, keys.jwk, her.reference);
    office.keep("key.pem", await keys.privatePem());
    office.keep("other.pem", await (await officeKeys()).privatePem());
    office.keep("hers.sealed", made.bytes);
    office.keep("cut.sealed", made.bytes.subarray(0, made.bytes.length - 20));
    const changed = Buffer.from(made.bytes);
    changed[made.bytes.length - 100] ^= 1;
    office.keep("changed.sealed", changed);
    office.keep("letter.txt", "dear office");
    const plain = await file(driver, "() => exportUnsettled(pannier)");
    office.keep("cut.zip", plain.bytes.subarray(0, plain.bytes.length - 40));
    const key = ["--office-key", office.path("key.pem")];
    for (const [name, args, code] of [
      ["hers.sealed", [], "seal_key_needed"],
      ["hers.sealed", ["--office-key", office.path("other.pem")], "seal_key_other"],
      ["hers.sealed", ["--office-key", office.path("letter.txt")], "seal_key_invalid"],
      ["cut.sealed", key, "seal_damaged"],
      ["changed.sealed", key, "seal_damaged"],
      ["letter.txt", [], "archive_unknown"],
      ["cut.zip", [], "archive_damaged"],
      ["nothing.zip", [], "file_unreadable"],
    ]) {
      const ran = await office.run(name, args);
      assert.deepEqual([ran.exit, ran.error?.code], [2, code], `${name} ${args.join(" ")}`);
    }
    const looked = await office.run("hers.sealed", [...key, "--look"]);
    assert.deepEqual([looked.exit, looked.account.id, looked.operations.length, looked.noted], [0, "c-anna", 2, true]);
    assert.equal((await applied(courier.server)).length, 0, "looking sends nothing");
    const ran = await office.run("hers.sealed", key);
    assert.deepEqual([ran.exit, ran.settled.length, ran.left], [0, 2, []], ran.text);
    office.keep("his.zip", plain.bytes);
    const used = await office.run("his.zip", ["--store", office.path("hers.sqlite")], { username: "omar" });
    assert.deepEqual([used.exit, used.error?.code], [2, "store_used"]);

    await done(driver, `async () => { await pannier.signOut(); await pannier.signIn({ username: "anna", password: "packet123" }); await pannier.refreshRoute(); await pannier.closeShift(); }`);
    await allSent(courier);
    await exactlyOnce(courier);
    assert.equal((await call(driver, "() => pannier.others()")).value.length, 0);
  });
}
