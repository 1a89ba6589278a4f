// What leaves the phone as a file, what the host is told, and what goes from the phone by itself:
// through the public API, in a page with nothing else on it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "@hpke/core";
import { evaluate, log, until } from "./lib/index.mjs";
import { allSent, engines } from "./stories/courier.mjs";
import { call, done, file, officeKeys, photograph, withClient, write } from "./stories/client-page.mjs";
import { operations, session, storedPictures } from "./stories/store.mjs";
import { unzipped } from "./stories/zip.mjs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** As an office opens it: by the document, with an HPKE that is not ours. */
async function opened(bytes, privateKey) {
  const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const exact = (from, to) => new Uint8Array(bytes.subarray(from, to)).buffer;
  assert.equal(bytes.toString("latin1", 0, 16), "pannier-sealed-1");
  const context = await suite.createRecipientContext({ recipientKey: privateKey, enc: exact(48, 113), info: exact(0, 16) });
  const pieces = [];
  for (let at = 113, last = false; !last;) {
    const head = bytes.readUInt32BE(at);
    last = head >= 0x8000_0000;
    const length = head & 0x7fff_ffff;
    pieces.push(Buffer.from(await context.open(exact(at + 4, at + 4 + length), new Uint8Array([last ? 1 : 0]).buffer)));
    at += 4 + length;
    if (last) assert.equal(at, bytes.length, "nothing comes after the last piece");
  }
  return { plain: Buffer.concat(pieces), pieces: pieces.length };
}

for (const engine of engines) {
  const story = (name, work) => test(`${engine}: ${name}`, { timeout: 120_000 }, withClient({ engine }, work));

  story("an export is one archive with a readable index, the photos as they were taken, and no token", async (courier) => {
    const { driver, faults } = courier;
    await write(driver, "sent before");
    await done(driver, `() => pannier.drain("manual")`);
    await allSent(courier);
    await faults.set({ fault: "status", status: 422, path: "/api/stops/st-07/notes" }, { fault: "status", status: 503, path: "/api/photos", method: "POST" });
    const parked = await write(driver, "the backend does not take this");
    const photo = await photograph(driver, "st-08", 10);
    const gone = await write(driver, "set aside", "st-09");
    await done(driver, `(id) => pannier.discard(id, "written at the wrong door")`, gone.operation);
    await done(driver, `() => pannier.drain("manual")`);

    const made = await file(driver, "() => exportUnsettled(pannier)");
    assert.match(made.name, /^pannier-\d{4}-\d\d-\d\d-\d{4}\.zip$/u);
    assert.deepEqual([made.type, made.operations, made.photos, made.damaged], ["application/zip", 3, 1, 0]);
    const files = unzipped(made.bytes);
    const index = JSON.parse(files["index.json"]);
    assert.deepEqual([index.format, index.version, index.account.id], ["pannier-export", 1, "c-anna"]);
    const of = ({ operation }) => index.operations.find(({ id }) => id === operation);
    const { state, attempts, identity, intent, lane, stop, kind, profile } = of(parked);
    assert.deepEqual([state.is, state.reason.code, attempts[0].status, lane, stop, kind], ["parked", "invalid", 422, "stop/st-07", "st-07", "note"]);
    assert.equal(intent.text, "the backend does not take this");
    assert.ok(Object.values(identity).every(({ kind: how }) => typeof how === "string") && Object.keys(identity).length > 0);
    const pinned = index.profiles.find(({ revision }) => revision === profile);
    assert.ok(pinned.document.operations.note, "the profile it goes by is in it");
    assert.equal(of(gone).state.reason, "written at the wrong door");
    const [blob] = index.blobs;
    assert.equal(of(photo).blob.handle, blob.handle);
    assert.deepEqual(Object.keys(files).sort(), ["index.json", blob.path].sort());
    assert.equal(sha256(files[blob.path]), blob.sha256);
    assert.equal(files[blob.path].length, blob.bytes);
    assert.deepEqual(index.stops.map(({ mirror }) => mirror.id).sort(), ["st-07", "st-08", "st-09"]);
    const { token, refreshToken } = await session(driver);
    for (const secret of [token, refreshToken]) assert.equal(made.bytes.includes(secret), false);
  });

  story("another account's work goes to the office sealed, and to nobody else", async (courier) => {
    const { driver, faults } = courier;
    await faults.dead();
    const note = await write(driver, "Anna's own words");
    for (let hue = 0; hue < 3; hue += 1) await photograph(driver, "st-08", 100 * hue);
    assert.equal((await call(driver, "() => pannier.signOut()")).code, "unsent_work");
    await done(driver, "() => pannier.signOut({ force: true })");
    const pictures = await storedPictures(driver);
    assert.equal(Object.keys(pictures).length, 3, "her photos are still here");
    await faults.alive();
    await done(driver, `() => pannier.signIn({ username: "omar", password: "packet123" })`);
    const [her, ...more] = await done(driver, "() => pannier.others()");
    assert.deepEqual([her.waiting, more], [4, []]);
    assert.match(her.whose, /^Anna \p{L}\.$/u);
    assert.equal(JSON.stringify(her).includes("c-anna"), false);
    assert.equal((await done(driver, "() => pannier.outbox()")).items.length, 0);
    await done(driver, `() => pannier.drain("manual")`);
    assert.equal((await log(courier.server, { applied: true })).filter(({ method, path }) => method === "POST" && /notes|photos/u.test(path)).length, 0);

    const refused = await call(driver, "(reference) => exportSealed(pannier, reference)", her.reference);
    assert.deepEqual([refused.name, refused.code], ["PannierError", "seal_key_missing"]);
    const bad = await call(driver, `async (reference) => exportSealed(await openAnother({ sealTo: "no key" }), reference)`, her.reference);
    assert.equal(bad.code, "seal_key_invalid");

    const office = await officeKeys();
    for (const sealTo of [office.jwk, office.pem]) {
      const made = await file(driver, `async (sealTo, reference) => exportSealed(await openAnother({ sealTo }), reference)`, sealTo, her.reference);
      assert.match(made.name, /\.sealed$/u);
      assert.equal(made.bytes.includes("Anna"), false);
      assert.equal(made.bytes.subarray(16, 48).toString("hex"), sha256(office.raw), "it says for which key");
      const { plain } = await opened(made.bytes, office.privateKey);
      const files = unzipped(plain);
      const index = JSON.parse(files["index.json"]);
      assert.equal(index.account.id, "c-anna");
      assert.equal(index.operations.find(({ id }) => id === note.operation).intent.text, "Anna's own words");
      assert.deepEqual(index.blobs.map(({ path }) => sha256(files[path])).sort(), Object.values(pictures).sort());
      const cut = made.bytes.subarray(0, made.bytes.length - 20);
      await assert.rejects(opened(cut, office.privateKey), "a cut file does not open");
      await assert.rejects(opened(made.bytes, (await officeKeys()).privateKey), "nor with another key");
    }

    await done(driver, `async () => { await pannier.signOut(); await pannier.signIn({ username: "anna", password: "packet123" }); await pannier.drain("manual"); }`);
    await allSent(courier);
    assert.deepEqual(await done(driver, "() => pannier.others()"), []);
  });

  story("photos that are damaged or gone are not sent, and an export says which", async (courier) => {
    const { driver, faults } = courier;
    await faults.dead();
    await photograph(driver, "st-08", 10);
    await photograph(driver, "st-09", 20);
    const handles = (await operations(driver)).map(({ blob }) => blob.handle);
    await evaluate(driver, `([changed, gone]) => new Promise((resolve, reject) => {
      const open = indexedDB.open("pannier");
      open.onsuccess = () => {
        const transaction = open.result.transaction("blob_data", "readwrite");
        const store = transaction.objectStore("blob_data");
        store.get(["c-anna", changed]).onsuccess = ({ target: { result } }) => { new Uint8Array(result.d)[100] ^= 1; store.put(result); };
        store.delete(["c-anna", gone]);
        transaction.oncomplete = () => { open.result.close(); resolve(); };
        transaction.onabort = () => reject(transaction.error);
      };
    })`, handles);
    await faults.alive();
    await done(driver, `() => pannier.drain("manual")`);
    const { items } = await done(driver, `() => pannier.outbox({ state: "unsettled" })`);
    assert.deepEqual(items.map(({ state, reason }) => [state, reason.code]), [["parked", "blob_changed"], ["parked", "blob_missing"]]);
    assert.ok(items.every(({ advice }) => advice === "photo_again"));
    assert.equal((await log(courier.server)).filter(({ method, path }) => method === "POST" && path === "/api/photos").length, 0, "no byte of them left");
    const { attempts } = await done(driver, "(id) => pannier.history(id)", items[0].id);
    assert.equal(attempts.at(-1).verdict, "not_sent");
    const made = await file(driver, "() => exportUnsettled(pannier)");
    assert.equal(made.damaged, 2);
    const files = unzipped(made.bytes);
    assert.deepEqual(JSON.parse(files["index.json"]).blobs.map(({ damage }) => damage), ["changed", "missing"]);
  });

  story("what is settled goes when its time has come, what is not stays, and a worker goes by the same", async (courier) => {
    const { driver, faults } = courier;
    await write(driver, "settled");
    await photograph(driver, "st-08", 10);
    await done(driver, `() => pannier.drain("manual")`);
    await allSent(courier);
    await faults.dead();
    await photograph(driver, "st-09", 20);
    await done(driver, "() => pannier.tidy()");
    assert.equal(Object.keys(await storedPictures(driver)).length, 2, "by default nothing goes on the same day");
    await done(driver, "async () => (await openAnother({ keep: { photoDays: 0, personalDays: 0 } })).close()");
    await done(driver, "async () => (await openAnother()).tidy()");
    assert.deepEqual((await operations(driver)).map(({ intent }) => intent.kind), ["photo"], "a client that says nothing of it keeps to what was said");
    assert.equal(Object.keys(await storedPictures(driver)).length, 1);
  });

  story("health is told as it changes, in figures", async (courier) => {
    const { driver, faults } = courier;
    await faults.set({ fault: "status", status: 422, path: "/api/stops/st-07/notes" });
    await evaluate(driver, `() => { window.health = []; window.stopHealth = pannier.onHealth((one) => health.push(one)); }`);
    const last = (what, holds) => until(async () => {
      const one = await driver.executeScript("return window.health.at(-1)");
      return one && holds(one) && one;
    }, { what });
    const calm = await last("the first word", () => true);
    assert.deepEqual([calm.waiting, calm.parked, calm.otherAccounts], [0, {}, 0]);
    await write(driver, "first");
    const waiting = await last("what waits", ({ waiting: n }) => n === 1);
    assert.ok(waiting.oldestWaitingAt > 0 && waiting.bytesWaiting > 0);
    await write(driver, "second", "st-08");
    await done(driver, `() => pannier.drain("manual")`);
    const parked = await last("the parked one", ({ parked: codes, waiting: n }) => codes.invalid === 1 && n === 1);
    assert.ok(parked.lastSuccessAt > 0);
    assert.ok(["persistent", "evictable", "temporary", "unknown"].includes(parked.storage.kind));
    const told = JSON.stringify(await driver.executeScript("return window.health"));
    for (const personal of ["anna", "Anna", "st-0", "first"]) assert.equal(told.includes(personal), false, personal);
    await evaluate(driver, "() => { window.stopHealth(); window.health.length = 0; }");
    await write(driver, "third", "st-09");
    await done(driver, "() => pannier.health()");
    assert.equal(await driver.executeScript("return window.health.length"), 0);
  });
}
