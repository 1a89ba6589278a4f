// Bad input: clear words or shown harmlessly, and nothing recorded is lost.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { all, choose, evaluate, find, peek, ready, says, tap, text, until } from "./lib/index.mjs";
import { applied, exactlyOnce } from "./stories/backend.mjs";
import {
  allSent, arrive, comeBack, engines, keepPhoto, networkIsBack, note, on, outbox, readError, shownStops, signIn, toRoute, toScanner, toStop, verdict,
  withCourier,
} from "./stories/courier.mjs";
import { call, done, withClient } from "./stories/client-page.mjs";
import { jpegSize, pictureFiles } from "./stories/pictures.mjs";
import { withProxy } from "./stories/proxy.mjs";
import { operations } from "./stories/store.mjs";

const json = { "content-type": "application/json" };

/** What the backend itself would say. */
async function realRoute(server) {
  const ask = async (path, options = {}) => (await fetch(new URL(path, server.page), options)).json();
  const { access_token: token } = await ask("/api/login", { method: "POST", headers: json, body: JSON.stringify({ username: "anna", password: "packet123" }) });
  return ask("/api/route", { headers: { authorization: `Bearer ${token}` } });
}

const answerRoute = (courier, body) => courier.faults.set({ fault: "status", status: 200, method: "GET", path: "/api/route", body });

async function fetchRoute({ driver }) {
  await tap(driver, on("fetch-route"));
  await until(() => driver.executeScript(`const button = document.querySelector(arguments[0]); return button && !button.disabled`, on("fetch-route")), { what: "the route to be fetched", ms: 20_000 });
}

/** Typed or pasted: a person's hand cannot make some of these, a clipboard can. */
async function give({ driver }, code) {
  const field = await ready(driver, "input[name=code]");
  await driver.executeScript("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', { bubbles: true, composed: true }));", field, code);
  await tap(driver, "[part=typed-button]");
}

for (const engine of engines) {
  const story = (name, work, options = {}) => test(`${engine}: ${name}`, { timeout: 180_000 }, withCourier({ engine, ...options }, work));

  story("files that are no photos are refused in words, and a turned one comes out upright", async (courier, t) => {
    const { driver, server } = courier;
    const folder = mkdtempSync(join(tmpdir(), "pannier-pictures-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const files = pictureFiles(folder);
    await signIn(courier);
    await arrive(courier, "st-01");
    await tap(driver, on("photo"));
    await tap(driver, "[part=switch]");
    const refused = async (path, words) => {
      await choose(driver, "input[type=file]", path);
      await says(driver, "[part=error]", words, { ms: 30_000 });
      assert.equal(await peek(driver, on("photo-preview")), null);
      // The next one has a clean slate.
      await tap(driver, "[part=switch]");
      await tap(driver, "[part=switch]");
      await until(async () => (await text(driver, "[part=error]")) === "", { what: "the words to be gone" });
    };
    await refused(files.empty, "The picture is empty");
    await refused(files.words, "This file is no picture");
    await refused(files.broken, "This picture cannot be read");
    await refused(files.huge, "The picture is too large");
    assert.deepEqual((await operations(driver)).map(({ intent }) => intent.kind), ["arrive"]);

    await choose(driver, "input[type=file]", files.turned);
    await find(driver, on("photo-preview"), { ms: 15_000 });
    await keepPhoto(courier, "st-01");
    await allSent(courier);
    await exactlyOnce(courier);
    const { body } = (await applied(server)).find(({ type }) => type === "photo");
    const bytes = Buffer.from(await (await fetch(new URL(`/log/photos/${body.id}`, server.page))).arrayBuffer());
    assert.deepEqual(jpegSize(bytes), { width: 200, height: 320 });
    for (const word of ["Exif", "Secret", "59.3293"]) assert.ok(!bytes.includes(word), `${word} is gone`);
    // Turned to the right: what was left is above.
    const colours = await evaluate(driver, `async (address) => {
      const picture = await createImageBitmap(await (await fetch(address)).blob());
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      const pen = canvas.getContext("2d");
      pen.drawImage(picture, 0, 0);
      const at = (x, y) => { const [red, , blue] = pen.getImageData(x, y, 1, 1).data; return red > 200 && blue < 60 ? "red" : blue > 200 && red < 60 ? "blue" : [red, blue].join(); };
      return [at(100, 20), at(100, 300)];
    }`, `/log/photos/${body.id}`);
    assert.deepEqual(colours, ["red", "blue"]);
  });

  story("codes and words of any kind are shown and do nothing", async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await arrive(courier, "st-01");
    await toScanner(courier, "st-01");
    const harmless = async () => {
      assert.equal(await driver.executeScript("return window.pwned"), null);
      assert.deepEqual(await all(driver, `${on("verdict")} img, ${on("verdict")} b, ${on("verdict")} script, ${on("verdict")} iframe`), []);
      assert.ok(await driver.executeScript("return document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the screen");
    };
    await give(courier, "PN-NOT-OURS");
    await verdict(courier, "bad", "PN-NOT-OURS is on no stop of this route");
    await harmless();
    await give(courier, `<img src=x onerror="window.pwned=1"><b>bold</b>`);
    await verdict(courier, "bad", "<img src=x");
    await harmless();
    await give(courier, "PN\u0000\u0007\u001b[31m\u202e7H2K\u200b-0001");
    await verdict(courier, "bad", "PN\u25a1");
    await harmless();
    const long = "L".repeat(4096);
    await give(courier, long);
    await verdict(courier, "bad", "LLLL");
    assert.ok((await text(driver, on("verdict"))).length < 600, "cut to what can be read");
    await harmless();
    assert.deepEqual((await operations(driver)).map(({ intent }) => intent.kind), ["arrive"], "none of it was recorded");
    // And the real one still works.
    await give(courier, "PN-7H2K-0001");
    await find(driver, `${on("parcel-p-01")}[data-ticked=true]`);

    const words = `<script>window.pwned = 1</script><img src=x onerror="window.pwned=2"> & "quotes" \u202eright to left`;
    await note(courier, "st-01", words);
    await tap(driver, on("note"));
    await says(driver, "p.card.lines", "<script>window.pwned = 1</script>");
    assert.equal(await driver.executeScript("return window.pwned"), null);
    await allSent(courier);
    await outbox(courier, 3, { all: true });
    assert.equal(await driver.executeScript("return window.pwned"), null);
    await exactlyOnce(courier);
    const sent = (await applied(courier.server)).find(({ type }) => type === "note");
    assert.equal(sent.body.text, words, "what was written is what arrives");
  });

  story("a note that is too long is refused in words and kept", async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await toStop(courier, "st-01");
    await tap(driver, on("note"));
    const field = await ready(driver, on("note-text"));
    await driver.executeScript("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', { bubbles: true }));", field, "n".repeat(5_000));
    await tap(driver, on("save-note"));
    await readError(courier, /2[ ,]?000/);
    assert.equal(await driver.executeScript("return document.querySelector(arguments[0]).value.length", on("note-text")), 5_000);
    assert.equal((await operations(driver)).length, 0);
  });

  story("route answers that are not what the profile says", async (courier, t) => {
    const { driver, server, faults } = courier;
    const real = await realRoute(server);
    const known = real.stops.map(({ id }) => id);
    await signIn(courier);
    await faults.set({ fault: "dead" });
    await note(courier, "st-07", "Recorded before the bad routes");
    await toRoute(courier);
    const kept = await operations(driver);
    await faults.alive();
    const asLeft = async () => {
      assert.deepEqual((await shownStops(courier)).map(({ id }) => id), known, "the route as it was");
      assert.deepEqual((await operations(driver)).map(({ id }) => id), kept.map(({ id }) => id), "what was recorded as it was");
    };

    await t.test("no stops where they should be", async () => {
      await answerRoute(courier, { route: {}, stops: "twelve" });
      await tap(driver, on("fetch-route"));
      await readError(courier, /no list of stops/);
      await asLeft();
    });
    await t.test("not a route at all", async () => {
      await answerRoute(courier, { hello: "world" });
      await tap(driver, on("fetch-route"));
      await readError(courier, /route/i);
      await asLeft();
    });
    await t.test("text that is no JSON", async () => {
      await answerRoute(courier, "{\"stops\": [");
      await tap(driver, on("fetch-route"));
      await readError(courier, /route|backend/i);
      await asLeft();
    });
    await t.test("a login portal", async () => {
      await faults.set({ fault: "html", method: "GET", path: "/api/route" });
      await tap(driver, on("fetch-route"));
      await readError(courier, /could not be reached/i);
      await asLeft();
    });
    await t.test("the same stop twice", async () => {
      await answerRoute(courier, { ...real, stops: [...real.stops, real.stops[0]] });
      await tap(driver, on("fetch-route"));
      await readError(courier, /names a stop twice \(stop: st-01\)/);
      await asLeft();
    });
    await t.test("fields that nobody knows", async () => {
      const odd = { surprise: { nested: [1, null, "<b>"] } };
      await answerRoute(courier, { ...odd, ...real, route: { ...odd, ...real.route }, stops: real.stops.map((stop) => ({ ...odd, ...stop, address: { ...odd, ...stop.address }, parcels: stop.parcels.map((parcel) => ({ ...odd, ...parcel })) })) });
      await fetchRoute(courier);
      assert.equal(await peek(driver, `dialog${on("error")}[open]`), null);
      await asLeft();
    });
    await t.test("texts with markup and without end", async () => {
      const odd = real.stops.map((stop, index) => (index === 0
        ? { ...stop, note: `<img src=x onerror="window.pwned=1">${"long ".repeat(5_000)}`, address: { ...stop.address, street: `<b>Götgatan</b>${"g".repeat(3_000)}` } }
        : stop));
      await answerRoute(courier, { ...real, stops: odd });
      await fetchRoute(courier);
      await says(driver, on("stop-st-01"), "<b>Götgatan</b>");
      await toStop(courier, "st-01");
      await says(driver, "main", "<img src=x");
      assert.equal(await driver.executeScript("return window.pwned"), null);
      await toRoute(courier);
      await asLeft();
    });
    await t.test("one broken stop among good ones", async () => {
      const [first, second, ...rest] = real.stops;
      await answerRoute(courier, { ...real, stops: [first, { ...second, id: null, parcels: 7 }, ...rest] });
      await tap(driver, on("fetch-route"));
      // What can be read is there, what was known before stays, and the courier is told.
      await readError(courier, /could not be read/);
      await asLeft();
    });
    await faults.alive();
    await comeBack(courier);
    await networkIsBack(courier);
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("ten thousand stops are refused in words, and the page stays awake", async (courier) => {
    const { driver, server, faults } = courier;
    const real = await realRoute(server);
    await signIn(courier);
    await faults.dead();
    await note(courier, "st-07", "Recorded before the endless route");
    await toRoute(courier);
    const [model] = real.stops;
    const stops = Array.from({ length: 10_000 }, (_, index) => ({ ...model, id: `many-${index}`, sequence: index + 1 }));
    await answerRoute(courier, { ...real, stops });
    await tap(driver, on("fetch-route"));
    await readError(courier, /10000 stops; at most 2000/);
    assert.deepEqual((await shownStops(courier)).map(({ id }) => id), real.stops.map(({ id }) => id));
    await networkIsBack(courier);
    await allSent(courier);
    await exactlyOnce(courier);
  });

  for (const [name, profile, words] of [
    ["is cut in half", "{\"pannier\": 1, \"name\":", /profile/i],
    ["lacks what it needs", JSON.stringify({ pannier: 1, name: "half" }), /profile/i],
    ["is of a later language", JSON.stringify({ pannier: 99, name: "later" }), /profile/i],
  ]) {
    test(`${engine}: a profile that ${name} is told at the door`, { timeout: 60_000 }, withProxy({ engine }, async ({ driver }) => {
      await find(driver, on("open-again"));
      await says(driver, "h1", "The app could not start");
      await says(driver, "main", words);
    }, { change: ({ url }) => (url === "/profile.json" ? { status: 200, headers: json, body: profile } : undefined) }));
  }

  test(`${engine}: a profile that does not parse leaves what is recorded alone`, { timeout: 60_000 }, withClient({ engine }, async (courier) => {
    const { driver } = courier;
    await courier.faults.dead();
    const { operation } = await done(driver, `() => pannier.record({ kind: "note", stop: "st-07", text: "before the bad profile" })`);
    for (const [profile, code] of [["{\"pannier\": 1,", "profile_unreadable"], [{ pannier: 1, name: "half" }, "profile_unreadable"], ["x".repeat(5_000_000), "profile_too_large"]]) {
      const refused = await call(driver, "(profile) => openAnother({ profile }).then(() => null)", profile);
      assert.deepEqual([refused.name, refused.code], ["PannierError", code], refused.message);
    }
    await courier.faults.alive();
    const { items } = await done(driver, "() => pannier.outbox()");
    assert.deepEqual(items.map(({ id }) => id), [operation]);
    await done(driver, `() => pannier.drain("manual")`);
    await allSent(courier);
    await exactlyOnce(courier);
  }));

  test(`${engine}: a profile of a later language is told as such`, { timeout: 60_000 }, withClient({ engine }, async ({ driver }) => {
    const refused = await call(driver, "() => openAnother({ profile: { pannier: 99, name: 'later', somethingNew: {} } }).then(() => null)");
    assert.deepEqual([refused.name, refused.code], ["PannierError", "profile_language"], refused.message);
  }));
}
