// Proof photos and signatures: large ones, several, dark ones, files that the browser cannot read,
// and a page that dies at the wrong moment.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { choose, evaluate, find, gone, peek, ready, reload, says, screenshot, tap, until } from "./lib/index.mjs";
import { allSent, arrive, at, drawSignature, durable, engines, keepPhoto, keepSignature, networkIsBack, on, shellIsCached, signIn, takePhoto, toStop, withCourier } from "./stories/courier.mjs";
import { applied, exactlyOnce } from "./stories/backend.mjs";
import { jpegSize } from "./stories/pictures.mjs";
import { gateway, withProxy } from "./stories/proxy.mjs";
import { withSpoiledApp } from "./stories/spoiled-app.mjs";
import { operations } from "./stories/store.mjs";

const shots = process.env.PANNIER_SHOTS;
async function shot({ browser }, name) {
  if (!shots || browser.engine !== "chromium") return;
  mkdirSync(shots, { recursive: true });
  for (const dark of [false, true]) await screenshot(browser, join(shots, `${name}-${dark ? "dark" : "light"}.png`), { dark });
}

/** A scene as a JPEG file, drawn in the browser: sharp edges in every place, `light` 0 to 1, moved by `blur` pixels. */
async function scene({ driver }, path, { width, height, light = 1, blur = 0 }) {
  const encoded = await evaluate(driver, `async (width, height, light, blur) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#999";
    pen.fillRect(0, 0, width, height);
    for (let at = 0; at < 400; at += 1) {
      pen.fillStyle = ["#111", "#eee", "#a33", "#36c"][at % 4];
      pen.fillRect((at * 7919) % width, (at * 104729) % height, width / 30, height / 40);
    }
    if (light < 1) { pen.fillStyle = "rgb(0 0 0 / " + (1 - light) + ")"; pen.fillRect(0, 0, width, height); }
    if (blur) {
      // The hand moved: the mean of copies side by side, alike in every engine, which their scaling is not.
      const copy = Object.assign(document.createElement("canvas"), { width, height });
      copy.getContext("2d").drawImage(canvas, 0, 0);
      for (let step = 0; step < blur; step += 1) {
        pen.globalAlpha = 1 / (step + 1);
        pen.drawImage(copy, step - blur / 2, 0);
      }
    }
    return canvas.toDataURL("image/jpeg", 0.9);
  }`, width, height, light, blur);
  writeFileSync(path, Buffer.from(encoded.slice(encoded.indexOf(",") + 1), "base64"));
  return path;
}

/** What phones call a HEIC file, as far as its first bytes tell; no browser here reads any. */
const heic = (tail = 0) => Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from("ftypheic"), Buffer.from([0, 0, 0, 0]), Buffer.from("mif1heic"), Buffer.alloc(5_000, tail)]);

async function toFile(courier, stop) {
  await toStop(courier, stop);
  await tap(courier.driver, on("photo"));
  await at(courier, `#/photo/${stop}`);
  if (!await peek(courier.driver, "input[type=file]")) await tap(courier.driver, "[part=switch]");
}
const advice = ({ driver }) => driver.executeScript("return document.querySelector(arguments[0])?.dataset.advice ?? null", on("photo-advice"));
const photosOf = async ({ driver }, stop) => (await operations(driver)).filter(({ intent }) => intent.kind === "photo" && intent.stop === stop);
async function picture({ server }, id) {
  return Buffer.from(await (await fetch(new URL(`/log/photos/${id}`, server.page))).arrayBuffer());
}

test("a picture's size is read from its first bytes, as a person sees it", async () => {
  const { sizeOf, sniff } = await import("../../core/js/lib/photo/sniff.js");
  const box = (type, ...numbers) => { const bytes = Buffer.alloc(8 + numbers.length * 4); bytes.writeUInt32BE(bytes.length); bytes.write(type, 4, "latin1"); numbers.forEach((one, place) => bytes.writeUInt32BE(one, 8 + place * 4)); return bytes; };
  const irot = Buffer.from([0, 0, 0, 9, ...Buffer.from("irot"), 1]);
  const file = (...boxes) => Buffer.concat([heic().subarray(0, 24), ...boxes, Buffer.alloc(64)]);
  assert.equal(sniff(file()), "image/heic");
  assert.equal(sizeOf(file(), "image/heic"), undefined);
  // A tile and the whole.
  assert.deepEqual(sizeOf(file(box("ispe", 0, 512, 512), box("ispe", 0, 4032, 3024)), "image/heic"), { width: 4032, height: 3024 });
  assert.deepEqual(sizeOf(file(box("ispe", 0, 4032, 3024), irot), "image/heic"), { width: 3024, height: 4032 });
});

/**
 * A ring drawn with a finger or a pen, as Chromium's own input makes them, and how the pad's strokes lie to it: the
 * greatest distance between the line and the ring in points, and the greatest turn within two points of way.
 */
async function ring({ browser, driver }, pointer) {
  const { x, y, radius } = await evaluate(driver, `() => {
    const canvas = document.querySelector("pannier-signature").shadowRoot.querySelector("canvas");
    canvas.scrollIntoView({ block: "center", behavior: "instant" });
    canvas.addEventListener("pointerdown", ({ pointerType }) => { window.pannierPointer = pointerType; }, { once: true });
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2, radius: Math.min(width, height) * 0.4 };
  }`);
  const at = (turn) => ({ x: x + radius * Math.cos(turn), y: y + radius * Math.sin(turn) });
  const steps = Array.from({ length: 73 }, (_, place) => at(place * Math.PI / 36));
  const [first, last] = [steps[0], steps.at(-1)];
  if (pointer === "touch") {
    const touch = (type, ...touchPoints) => browser.cdp("Input.dispatchTouchEvent", { type, touchPoints });
    await touch("touchStart", first);
    for (const step of steps.slice(1)) await touch("touchMove", step);
    await touch("touchEnd");
  } else {
    const pen = (type, where) => browser.cdp("Input.dispatchMouseEvent", { type, ...where, button: "left", buttons: 1, clickCount: 1, pointerType: "pen" });
    await pen("mousePressed", first);
    for (const step of steps.slice(1)) await pen("mouseMoved", step);
    await pen("mouseReleased", last);
  }
  return evaluate(driver, `(x, y, radius) => {
    const pad = document.querySelector("pannier-signature");
    const box = pad.shadowRoot.querySelector("canvas").getBoundingClientRect();
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", pad.toSvg().match(/ d="([^"]*)"/)[1]);
    const length = line.getTotalLength();
    const dots = Array.from({ length: Math.floor(length / 2) }, (_, place) => line.getPointAtLength(place * 2));
    const off = Math.max(...dots.map((dot) => Math.abs(Math.hypot(dot.x + box.left - x, dot.y + box.top - y) - radius)));
    const ways = dots.slice(1).map((dot, place) => Math.atan2(dot.y - dots[place].y, dot.x - dots[place].x));
    const turn = Math.max(...ways.slice(1).map((way, place) => Math.abs(Math.atan2(Math.sin(way - ways[place]), Math.cos(way - ways[place])))));
    return { pointer: window.pannierPointer, strokes: line.getAttribute("d").split("M").length - 1, rounds: length / (2 * Math.PI * radius), off, turn };
  }`, x, y, radius);
}

for (const engine of engines) {
  const inFolder = (work) => async (courier) => {
    const folder = mkdtempSync(join(tmpdir(), "pannier-pictures-"));
    try { await work(courier, folder); } finally { rmSync(folder, { recursive: true, force: true }); }
  };
  const story = (name, work) => test(`${engine}: ${name}`, { timeout: 240_000 }, withCourier({ engine }, inFolder(work)));

  let gate;
  test(`${engine}: several photos of twelve megapixels at one stop, each seen on its way`, { timeout: 240_000 }, withProxy({ engine }, inFolder(async (courier, folder) => {
    const { driver, faults } = courier;
    gate = undefined;
    await signIn(courier);
    await arrive(courier, "st-01");
    await allSent(courier);
    await faults.dead();
    const many = 4;
    await toFile(courier, "st-01");
    for (let count = 1; count <= many; count += 1) {
      const file = await scene(courier, join(folder, `large-${count}.jpg`), { width: 4000 + count, height: 3000 });
      await choose(driver, "input[type=file]", file);
      await find(driver, on("photo-preview"), { ms: 60_000 });
      if (count < many) {
        await durable(courier, { kind: "photo", stop: "st-01" }, async () => {
          await tap(driver, on("use-and-next"));
          // The first may have been tried, and may have arrived for all the phone knows.
          await says(driver, on(`upload-${count}`), /(?:Waits to be sent|Finding out whether it arrived), \d/);
        });
      } else {
        await keepPhoto(courier, "st-01");
      }
    }
    // The first is on its way for as long as one looks.
    gate = gateway();
    await faults.alive();
    await networkIsBack(courier);
    await until(() => gate.held.length > 0, { what: "the first photo to be on its way", ms: 30_000 });
    await says(driver, on("uploads"), /^Sending photo 1 of 4, \d+ kB, since \d\d:\d\d$/);
    await toFile(courier, "st-01");
    await says(driver, `${on("upload-1")}[data-state=in_flight]`, /^Photo 1 Sending, \d+ kB, since \d\d:\d\d$/);
    await says(driver, `${on("upload-2")}[data-state=waiting]`, /^Photo 2 Waits to be sent, \d+ kB$/);
    await shot(courier, "photo-on-its-way");
    gate.open();
    await allSent(courier);
    for (let count = 1; count <= many; count += 1) await says(driver, on(`upload-${count}`), "Sent");
    await shot(courier, "photo-uploads");
    await exactlyOnce(courier);
    for (const { body } of (await applied(courier.server)).filter(({ type }) => type === "photo")) {
      const { width, height } = jpegSize(await picture(courier, body.id));
      assert.ok(width === 1600 && Math.abs(height - 1200) <= 1, `made smaller, in its own shape: ${width} x ${height}`);
    }
  }), { change: ({ method, url }) => (method === "POST" && url === "/api/photos" ? gate?.hold(url) : undefined) }));

  story("a dark or a blurred photo is said to be, and is taken all the same", async (courier, folder) => {
    const { driver } = courier;
    await signIn(courier);
    await arrive(courier, "st-01");
    await toFile(courier, "st-01");
    const seen = async (name, look, expected) => {
      await choose(driver, "input[type=file]", await scene(courier, join(folder, `${name}.jpg`), { width: 1600, height: 1200, ...look }));
      await find(driver, on("photo-preview"), { ms: 30_000 });
      await until(async () => (await advice(courier)) === expected, { what: `the advice ${expected}`, ms: 30_000 });
      // Nothing is in the way.
      await ready(driver, on("use-photo"));
    };
    await seen("dark", { light: 0.08 }, "light");
    await shot(courier, "photo-dark");
    await tap(driver, on("retake"));
    await seen("blurred", { blur: 12 }, "still");
    await says(driver, on("photo-advice"), /Blurred/);
    await tap(driver, on("use-and-next"));
    await gone(driver, on("photo-preview"));
    await seen("good", {}, null);
    await keepPhoto(courier, "st-01");
    assert.equal((await photosOf(courier, "st-01")).length, 2, "advice keeps nothing back");
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("a photo outlives the page that dies right after the shutter", async (courier) => {
    const { driver, faults } = courier;
    await signIn(courier);
    await arrive(courier, "st-01");
    await allSent(courier);
    await shellIsCached(courier);
    await faults.dead();
    await takePhoto(courier, "st-01");
    const shown = await driver.executeScript("return document.querySelector(arguments[0]).handle", `${on("photo-preview")} courier-picture`);
    // Not a moment later: nothing was tapped since the shutter.
    await reload(driver);
    await find(driver, on("photo-preview"), { ms: 15_000 });
    await find(driver, `${on("photo-preview")} img`);
    assert.equal(await driver.executeScript("return document.querySelector(arguments[0]).handle", `${on("photo-preview")} courier-picture`), shown);
    await shot(courier, "photo-preview");
    await keepPhoto(courier, "st-01");
    await faults.alive();
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("a HEIC file is told by its bytes, and asked for again where the backend takes none", async (courier, folder) => {
    const { driver } = courier;
    await signIn(courier);
    await arrive(courier, "st-01");
    await toFile(courier, "st-01");
    const file = join(folder, "called.jpg");
    writeFileSync(file, heic());
    await choose(driver, "input[type=file]", file);
    await says(driver, "[part=error]", /HEIC/, { ms: 15_000 });
    assert.equal(await peek(driver, on("photo-preview")), null);
    assert.equal((await photosOf(courier, "st-01")).length, 0);
  });

  const takesHeic = (profile) => ({ ...profile, operations: { ...profile.operations, photo: { ...profile.operations.photo, blob: { mediaTypes: ["image/jpeg", "image/heic"] } } } });
  test(`${engine}: a HEIC file is kept as it is where the backend takes it`, { timeout: 120_000 }, withSpoiledApp({ engine, profile: takesHeic }, "", async (courier) => {
    const { driver } = courier;
    const folder = mkdtempSync(join(tmpdir(), "pannier-pictures-"));
    try {
      await signIn(courier);
      await arrive(courier, "st-01");
      await allSent(courier);
      await courier.faults.dead();
      await toFile(courier, "st-01");
      const file = join(folder, "called.jpg");
      writeFileSync(file, heic(7));
      await choose(driver, "input[type=file]", file);
      await says(driver, on("photo-preview"), /cannot show this kind of picture.*as it is/, { ms: 15_000 });
      await shot(courier, "photo-heic");
      await keepPhoto(courier, "st-01");
      const [{ blob }] = await photosOf(courier, "st-01");
      assert.deepEqual([blob.mediaType, blob.bytes], ["image/heic", heic(7).length]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }));

  const wantsSvg = (profile) => ({ ...profile, operations: { ...profile.operations, signature: { ...profile.operations.signature, blob: { mediaTypes: ["image/svg+xml"] } } } });
  test(`${engine}: a signature is stored as the strokes themselves where the backend wants them so`, { timeout: 120_000 }, withSpoiledApp({ engine, profile: wantsSvg }, "", async (courier) => {
    const { driver, server } = courier;
    await signIn(courier);
    await arrive(courier, "st-01");
    await drawSignature(courier, "st-01", "Karin Ekholm");
    if (engine === "chromium") for (const pointer of ["touch", "pen"]) {
      await tap(driver, on("sign-clear"));
      const { off, turn, rounds, ...drawn } = await ring(courier, pointer);
      assert.deepEqual(drawn, { pointer, strokes: 1 });
      assert.ok(off < 1 && turn < 0.2 && Math.abs(rounds - 1) < 0.05, `${pointer}: ${off} points beside, a turn of ${turn}, ${rounds} times round`);
    }
    // Signed anew before it is recorded.
    await tap(driver, on("sign-clear"));
    await drawSignature(courier, "st-01", "Karin Ekholm");
    await shot(courier, "signature");
    await keepSignature(courier, "st-01");
    await allSent(courier);
    const { body } = (await applied(server)).find(({ type }) => type === "photo");
    const svg = (await picture(courier, body.id)).toString();
    assert.match(svg, /^<svg [^>]*viewBox="0 0 \d+ \d+"/);
    assert.match(svg, /<path d="M[\d .qlM-]+"/);
    assert.ok(svg.length < 2_000, `${svg.length} bytes`);
    const [{ blob }] = (await operations(driver)).filter(({ intent }) => intent.kind === "signature");
    assert.equal(blob.mediaType, "image/svg+xml");
  }));
}
