// The self-check in three engines: from a tap to a report, what is absent where, refusals, a page
// that does not live. What it says of this machine's engines is in docs/devices.md.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import QRCode from "qrcode";
import { Key } from "selenium-webdriver";
import { at } from "../../scripts/lib/paths.mjs";
import { faults, find, makeCameraVideo, reload, showLabel, startSandbox, tap, until } from "./lib/index.mjs";
import { engines, note, shellIsCached, signIn, withCourier } from "./stories/courier.mjs";
import { beats, fromQr, nothingLeft, on, parsed, report, run, says, shownCode, staticHost, withPhone } from "./stories/selfcheck.mjs";
import { operations } from "./stories/store.mjs";

const LABEL = "PN-SELF-CHECK";
const folder = mkdtempSync(join(tmpdir(), "pannier-selfcheck-"));
let server;
before(async () => { server = await startSandbox(); });
after(async () => { await server.stop(); rmSync(folder, { recursive: true, force: true }); });
const page = () => server.page;

let video;
/** A label before the lens: by the browser where it can be given a picture, else by the page's own canvas. */
const lens = (engine) => (engine === "chromium" ? { camera: video ??= makeCameraVideo({ codes: [LABEL], out: join(folder, "label.y4m") }) } : {});
const holdLabel = async ({ engine, driver }) => { if (engine !== "chromium") await showLabel(driver, await QRCode.toString(LABEL, { type: "svg" })); };

/** What these engines, as they are driven here, have not. */
const absent = {
  chromium: { lines: ["torch"], apis: ["barcode", "share"] },
  firefox: { lines: ["badge", "torch", "vibrate"], apis: ["sync", "badge", "barcode", "vibrate"] },
  webkit: { lines: ["badge", "push", "torch", "vibrate"], apis: ["sync", "push", "badge", "storage", "barcode", "vibrate"] },
};
/** There, and yet nothing comes of it: no push service can be reached, nobody answers a prompt. */
const notOk = {
  chromium: { push: "failed", wakelock: "refused" },
  firefox: { push: "failed" },
  webkit: { notify: "refused", position: "skipped" },
};

const number = (text) => { assert.match(text ?? "", /^-?\d+(?:\.\d+)?(?:s|m|b|kb|mb|gb|tb)?$/, `a figure: ${text}`); return Number.parseFloat(text); };
const between = (text, low, high, what) => { const value = number(text); assert.ok(value >= low && value <= high, `${what}: ${low} <= ${text} <= ${high}`); };
/** In order, as min, median and so on have to be. */
function rising(text, count, what) {
  const values = text.split("/").map(number);
  assert.equal(values.length, count, what);
  assert.deepEqual([...values].sort((a, b) => a - b), values, `${what}: ${text}`);
}

function assertFacts(engine, lines) {
  for (const [name, { outcome, error }] of Object.entries(lines)) {
    const wanted = absent[engine].lines.includes(name) ? "absent" : notOk[engine][name] ?? "ok";
    assert.equal(outcome, wanted, `${name}: ${error ?? ""}`);
    assert.equal(error !== undefined, wanted === "failed" || wanted === "refused", `${name} and its error`);
  }
  const missing = lines.api.values.no.split(",");
  for (const api of absent[engine].apis) assert.ok(missing.includes(api), `${engine} has no ${api}`);
  for (const api of ["idb", "durability", "locks", "channel", "sw", "simd", "camera", "subtle"]) assert.ok(!missing.includes(api), `${engine} has ${api}`);

  const { screen, storage, photo, snapshot, locks, core, sw, frames, scanner, clock } = lines;
  assert.ok(screen.words.includes("tab"));
  assert.equal(screen.values.secure, "y");
  assert.equal(storage.words[0], { chromium: "evictable", firefox: "evictable", webkit: "temporary" }[engine]);
  for (const size of ["idb-500", "idb-200k"]) {
    const { strict, relaxed, named } = lines[size].values;
    assert.equal(named, "y", "the transactions name the durability that was asked for");
    for (const times of [strict, relaxed]) {
      rising(times.split("/").slice(0, 3).join("/"), 3, size);
      between(times.split("/")[3], 0, 10_000, "the mean");
    }
  }
  assert.equal(photo.values.same, "y", "the picture came back as it went in");
  assert.match(photo.values.size, /kb$/);
  assert.equal(snapshot.values.same, "y", "so did what the camera saw");
  assert.equal(photo.values.blob, engine === "webkit" ? "unknownerror" : "y", "a private WebKit stores no Blob");
  for (const way of ["handover", "ended", "window"]) between(locks.values[way], 0, 5_000, `lock: ${way}`);
  for (const what of ["fetch", "cold", "again", "worker"]) between(core.values[what], 0, 30_000, `core: ${what}`);
  assert.ok(number(sw.values.script) <= number(sw.values.wasm) && number(sw.values.wasm) <= number(sw.values.core), "script, then wasm, then core");
  assert.equal(scanner.values.code, "right");
  between(clock.values.server, -3, 3, "this machine's clock against itself");
  assert.equal(frames.values.n, "100");
  rising(frames.values.decode, 4, "decoding");
  between(frames.values.fps, 0.5, 120, "frames in a second");
  const [withCode, codes] = frames.values.coded.split("/").map(number);
  assert.ok(withCode > 20 && codes === 1, `one label, seen again and again: ${frames.values.coded}`);
}

/** What lived although nobody locked anything: everything. */
function assertAwake(lines) {
  assert.ok(lines.sleep.words.includes("lived"));
  for (const name of ["sleep-time", "sleep-store", "sleep-net", "sleep-locks", "sleep-sw", "sleep-camera"]) assert.equal(lines[name]?.outcome, "ok", `${name}: ${lines[name]?.error}`);
  const [beaten, due] = lines["sleep-time"].values.page.split("/").map(number);
  assert.ok(beaten >= 2 && beaten <= due + 1, `beats of the page: ${beaten} of ${due}`);
  assert.equal(lines["sleep-locks"].values.page, "held");
  assert.equal(lines["sleep-locks"].values.worker, "held");
  assert.equal(lines["sleep-sw"].words[0], "same");
  assert.equal(lines["sleep-camera"].words[0], "live");
  assert.equal(lines["sleep-camera"].values.pictures, "again");
}

/** In Firefox and WebKit a tab in front of another does not hide it when a driver opens it. */
async function hide({ engine, driver }) {
  if (engine !== "chromium") return;
  const here = await driver.getWindowHandle();
  await driver.switchTo().newWindow("tab");
  await driver.close();
  await driver.switchTo().window(here);
}

test("every report in docs/devices is one", () => {
  const files = readdirSync(at("docs", "devices"));
  assert.ok(files.length > 0);
  for (const file of files) {
    assert.match(file, /^\d{4}-\d\d-\d\d-[a-z0-9.-]+\.txt$/, "its name tells date, device and engine");
    const text = readFileSync(at("docs", "devices", file), "utf8");
    assert.match(text, /^[a-z0-9 \-+./:=,\n]+$/, `${file}: in the characters of the report`);
    assert.equal(parsed(text).at?.outcome, "ok", file);
  }
});

for (const engine of engines) {
  test(`${engine}: from a tap to a report that is copied, sent and shown`, { timeout: 240_000 }, withPhone({ engine, page, ...lens(engine) }, async (phone) => {
    const { driver } = phone;
    await holdLabel(phone);
    await run(phone, async (step) => { if (engine === "webkit" && step === "position") await tap(driver, on("skip")); });
    await beats(phone, 1);
    await hide(phone);
    await beats(phone, 2);
    await tap(driver, on("back"));
    const said = await report(phone);
    const lines = parsed(said);
    const { sleep, ...others } = lines;
    assertFacts(engine, others);
    assertAwake(lines);
    if (engine === "chromium") assert.match(sleep.values.events ?? "", /hidden.*visible/, "the tab was away for a moment");
    else assert.deepEqual([sleep.outcome, sleep.values.away], ["skipped", "0s"], "nobody locked anything");
    assert.ok(said.length < 1_800, `short enough for a code: ${said.length}`);
    assert.match(said, /^[a-z0-9 \-+./:=,\n]+$/, "in the characters of the report");
    assert.doesNotMatch(said, /59\.3|18\.06/, "no place in it");
    await nothingLeft(phone);

    await tap(driver, on("send"));
    assert.match(await says(phone, on("kept")), /Kept here as report \d+/);
    const { reports } = await (await fetch(`${server.page}/selfcheck/reports.json`)).json();
    assert.equal(reports[0].text, said);

    await tap(driver, on("qr"));
    const code = await shownCode(phone);
    assert.deepEqual(code.texts.map(fromQr), [said]);
    assert.ok(code.version <= 25, `version ${code.version}`);
    await tap(driver, on("qr-close"));

    if (engine === "chromium") {
      // Nobody allowed it yet: then the text is marked for a thumb.
      await tap(driver, on("copy"));
      await find(driver, on("by-hand"));
      assert.equal(await driver.executeScript("return getSelection().toString() || document.activeElement.value"), said);
      await phone.browser.cdp("Browser.setPermission", { permission: { name: "clipboard-write" }, setting: "granted" });
    }
    await tap(driver, on("copy"));
    await until(async () => /Copied/.test(await says(phone, on("copy"))), { what: "the copy to be confirmed" });
    await driver.executeScript("document.body.append(Object.assign(document.createElement('textarea'), { id: 'paste' }))");
    await (await find(driver, "#paste")).sendKeys(Key.chord(Key.CONTROL, "v"));
    // A browser fetches what is pasted from the display's clipboard in its own time.
    const pasted = await until(() => driver.executeScript("return document.querySelector('#paste').value || null"), { what: "the pasted text" });
    assert.equal(pasted, said);
  }));

  // There is a camera, and nobody may use it.
  const refusing = { permissions: [], ...(engine === "chromium" ? { args: ["--use-fake-device-for-media-stream"] } : {}) };
  test(`${engine}: who refuses everything gets a report too`, { timeout: 180_000 }, withPhone({ engine, page, ...refusing }, async (phone) => {
    if (engine === "chromium") await phone.browser.cdp("Browser.setPermission", { permission: { name: "geolocation" }, setting: "denied" });
    await run(phone, async (step) => { if (engine === "webkit" && step === "position") await tap(phone.driver, on("skip")); });
    await tap(phone.driver, on("skip"));
    const lines = parsed(await report(phone));
    assert.equal(lines.notify.outcome, "refused");
    // MiniBrowser asks nobody: without its mock devices there is no camera.
    assert.equal(lines.camera.outcome, engine === "webkit" ? "absent" : "refused", lines.camera.error);
    if (engine !== "webkit") assert.equal(lines.position.outcome, "refused", lines.position.error);
    for (const name of ["frames", "snapshot", "torch", "sleep"]) assert.equal(lines[name].outcome, "skipped", name);
    for (const name of ["idb-500", "photo", "core", "sw", "scanner"]) assert.equal(lines[name].outcome, "ok", `${name}: ${lines[name].error}`);
    await nothingLeft(phone);
  }));

  test(`${engine}: a page that dies in a step or in its sleep is told of by the next one`, { timeout: 240_000 }, withPhone({ engine, page, ...lens(engine) }, async (phone) => {
    const { driver } = phone;
    await run(phone, (step) => step === "frames");
    await reload(driver);
    await tap(driver, on("broken"));
    const broken = parsed(await report(phone));
    assert.equal(broken.camera.outcome, "ok");
    assert.deepEqual([broken.frames.outcome, broken.frames.error], ["failed", "died: the page ended in this step"]);

    await tap(driver, on("again"));
    await run(phone, async (step) => { if (engine === "webkit" && step === "position") await tap(driver, on("skip")); });
    await beats(phone, 2);
    await reload(driver);
    await find(driver, on("died"), { ms: 60_000 });
    const { sleep, ...lines } = parsed(await report(phone));
    assert.equal(sleep.outcome, "failed");
    assert.ok(sleep.words.includes("died"));
    between(sleep.values.last, 1, 60, "seconds until the last sign of life");
    assert.ok(number(sleep.values.found) >= number(sleep.values.last));
    assert.deepEqual([lines["sleep-store"].outcome, lines["sleep-store"].values.before], ["ok", "there"]);
    assert.deepEqual([lines["sleep-locks"].values.page, lines["sleep-locks"].values.worker], ["free", "free"]);
    assert.equal(lines["sleep-sw"].outcome, "ok", lines["sleep-sw"].error);
    assert.equal(lines.core.outcome, "ok", "what was found before is in it");
    await nothingLeft(phone);
  }));

  test(`${engine}: all of it can be skipped, and a server that takes no reports is no trouble`, { timeout: 120_000 }, async (context) => {
    const host = await staticHost();
    try {
      await withPhone({ engine, page: () => host.page }, async (phone) => {
        const { driver } = phone;
        await tap(driver, on("start"));
        await until(async () => {
          const there = await driver.executeScript(`
            if (document.querySelector('${on("report")}')) return true;
            document.querySelector('${on("skip")}:not(:disabled)')?.click();
            return false;`);
          return there;
        }, { what: "the report", ms: 60_000, every: 10 });
        const lines = parsed(await report(phone));
        assert.equal(lines.sleep.outcome, "skipped");
        assert.ok(Object.values(lines).filter(({ outcome }) => outcome === "skipped").length >= 5, "skipped steps are called so");
        await tap(driver, on("send"));
        assert.match(await says(phone, on("not-sent")), /takes no reports/);
      })(context);
    } finally {
      await host.stop();
    }
  });

  test(`${engine}: it opens without a network, and the app's outbox is none of its business`, { timeout: 240_000 }, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    await courier.faults.set({ fault: "status", status: 503, path: "/api" });
    await note(courier, "st-01", "Waits while the phone is checked");
    const recorded = (await operations(driver)).map(({ id, intent, seq }) => ({ id, intent, seq }));
    assert.equal(recorded.length, 1);
    await courier.faults.dead();
    await driver.get(`${courier.page}/selfcheck`);
    await find(driver, on("start"));
    await faults(courier.server).set({ fault: "status", status: 503, path: "/api" });
    const phone = { engine, driver };
    await run(phone, async (step) => { if (engine === "webkit" && step === "position") await tap(driver, on("skip")); });
    await tap(driver, on("skip"));
    const lines = parsed(await report(phone));
    assert.equal(lines.screen.values.sw, "y", "the app's worker served it");
    assert.equal(lines.core.outcome, "ok", lines.core.error);
    assert.deepEqual((await operations(driver)).map(({ id, intent, seq }) => ({ id, intent, seq })), recorded);
    await nothingLeft(phone);
    assert.equal(await driver.executeAsyncScript("const done = arguments[0]; navigator.serviceWorker.getRegistration('/').then((found) => done(found?.active?.state))"), "activated", "the app's worker is there as before");
    await driver.get(`${courier.page}/selfcheck/reports`);
    assert.match(await driver.getTitle(), /Self-check reports/, "and lets the sandbox's own page through");
  }));
}
