// A new version of the app: offered, taken by one tap, and nothing half filled in is lost by it. Page
// and worker of different versions work together meanwhile.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dist } from "../../scripts/lib/paths.mjs";
import { evaluate, find, log, peek, screenshot, startSandbox, tap, type, until } from "./lib/index.mjs";
import { allSent, arrive, at, engines, note, on, shellIsCached, signIn, toStop, withCourier } from "./stories/courier.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import { operations, wakeRecords } from "./stories/store.mjs";

const shots = process.env.PANNIER_SHOTS;
async function shot({ browser }, name) {
  if (!shots || browser.engine !== "chromium") return;
  mkdirSync(shots, { recursive: true });
  for (const dark of [false, true]) await screenshot(browser, join(shots, `${name}-${dark ? "dark" : "light"}.png`), { dark });
}

/** The server has another version from now on: a page that says so, and a worker that knows of it. */
function publish(folder) {
  const page = join(folder, "app.js"), worker = join(folder, "sw.js");
  writeFileSync(page, `${readFileSync(page, "utf8")}\n;document.documentElement.dataset.version = "2";\n`);
  const listed = /\{"revision":"[0-9a-f]+","url":"app\.js"\}/u;
  const script = readFileSync(worker, "utf8");
  assert.match(script, listed, "the worker lists the page's script");
  writeFileSync(worker, script.replace(listed, `{"revision":"of-the-second-version","url":"app.js"}`));
}

/** As WebKit does now and then: the page has its worker before it hears that the worker is installed. */
function tellOfTheControllerEarly(folder) {
  const page = join(folder, "app.js");
  writeFileSync(page, `{
    const container = navigator.serviceWorker, { register } = container;
    container.register = async (...given) => {
      const registration = await register.apply(container, given);
      Object.defineProperty(container, "controller", { get: () => registration.active ?? registration.waiting ?? registration.installing });
      return registration;
    };
  }\n${readFileSync(page, "utf8")}`);
}

const activations = async ({ driver }) => (await wakeRecords(driver)).filter(({ context, reason }) => context === "worker" && reason === "activate").length;
const version = ({ driver }) => driver.executeScript("return document.documentElement.dataset.version ?? '1'");
const lookForNews = ({ driver }) => evaluate(driver, "() => { document.dispatchEvent(new Event('visibilitychange')); }");
const isVersion = (courier, wanted, ms = 20_000) => until(async () => {
  try { return await version(courier) === wanted && await peek(courier.driver, "main.outlet h1") !== null; } catch { return false; }
}, { what: `version ${wanted} of the page`, ms });

for (const engine of engines) {
  const story = (name, work, { prepare } = {}) => test(`${engine}: ${name}`, { timeout: 180_000 }, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), "pannier-update-"));
    cpSync(process.env.PANNIER_DIST ?? dist, folder, { recursive: true });
    prepare?.(folder);
    const server = await startSandbox({ static: folder });
    try {
      await withCourier({ engine, server }, (courier) => work(courier, folder))(context);
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  story("the first worker is not told as a new version", async (courier) => {
    await signIn(courier);
    await shellIsCached(courier);
    assert.equal(await peek(courier.driver, on("update")), null);
  }, { prepare: tellOfTheControllerEarly });

  story("a new version is offered, and one tap takes it without losing a half-filled stop", async (courier, folder) => {
    const { driver } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    await arrive(courier, "st-01");
    await tap(driver, on("note"));
    await type(driver, on("note-text"), "Half written when the version came");
    publish(folder);
    await lookForNews(courier);
    await find(driver, on("update"), { ms: 20_000 });
    assert.equal(await version(courier), "1", "nobody is interrupted");
    // The first worker's, where it came after the sign-in.
    const before = await activations(courier);
    // The first word to the new worker is lost: seen in WebKit on a busy machine.
    await evaluate(driver, `() => {
      const { prototype } = window.ServiceWorker, say = prototype.postMessage;
      prototype.postMessage = function () { prototype.postMessage = say; };
    }`);
    await shot(courier, "update");
    await tap(driver, on("update"));
    await shot(courier, "update-heard");
    await isVersion(courier, "2");
    await at(courier, "#/note/st-01");
    await until(() => driver.executeScript("return document.querySelector(arguments[0])?.value === 'Half written when the version came'", on("note-text")), { what: "the note as it was left" });
    assert.equal(await peek(driver, on("update")), null);
    await tap(driver, on("save-note"));
    await until(async () => (await operations(driver)).length === 2, { what: "the note to be recorded" });
    await until(async () => await activations(courier) > before, { what: "the new worker's activation to be on record", ms: 20_000 });
    await allSent(courier);
    await exactlyOnce(courier);
  });

  story("an old page works on with the new worker, and is told", async (courier, folder) => {
    const { driver } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    const old = await driver.getWindowHandle();
    await driver.switchTo().newWindow("window");
    const other = await driver.getWindowHandle();
    await driver.get(courier.page);
    await find(driver, on("stop-st-01"));
    publish(folder);
    await lookForNews(courier);
    await tap(driver, on("update"), { ms: 20_000 });
    await isVersion(courier, "2");
    await driver.switchTo().window(old);
    await find(driver, on("update"), { ms: 20_000 });
    assert.equal(await version(courier), "1");
    await note(courier, "st-07", "By the old page under the new worker");
    await driver.switchTo().window(other);
    await note(courier, "st-07", "By the new page");
    await allSent(courier);
    await exactlyOnce(courier);
    await driver.switchTo().window(old);
    await toStop(courier, "st-07");
    await tap(driver, on("update"));
    await isVersion(courier, "2");
  });

  story("a new version is there after the tap, even where the browser does not tell that it took over", async (courier, folder) => {
    const { driver } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    publish(folder);
    await lookForNews(courier);
    await find(driver, on("update"), { ms: 20_000 });
    // As WebKit now and then: https://bugs.webkit.org/show_bug.cgi?id=199110
    await evaluate(driver, `() => {
      navigator.serviceWorker.addEventListener("controllerchange", (event) => event.stopImmediatePropagation(), { capture: true });
    }`);
    await tap(driver, on("update"));
    await isVersion(courier, "2");
    await find(driver, on("stop-st-01"));
  });

  for (const [when, words] of [["waits for", ["drain"]], ["is about to wait for", ["drain", "let-go"]]]) story(`a new version does not wait for what the old worker ${when}`, async (courier, folder) => {
    const { driver } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    // Longer than the page is waited for below, and short enough for the worker to stay and wait.
    await courier.faults.set({ fault: "status", status: 429, retry_after: "18", method: "POST", times: 1 });
    await arrive(courier, "st-01");
    await until(async () => (await log(courier.server)).some(({ status }) => status === 429), { what: "the pause to be asked for" });
    await evaluate(driver, `async (words) => {
      const { active } = await navigator.serviceWorker.ready;
      for (const word of words) active.postMessage({ type: "pannier:" + word });
    }`, words);
    await until(async () => (await wakeRecords(driver)).some(({ context, reason }) => context === "worker" && reason === "message"), { what: "the worker to have looked" });
    publish(folder);
    await lookForNews(courier);
    await tap(driver, on("update"), { ms: 20_000 });
    await isVersion(courier, "2", 15_000);
    assert.equal((await operations(driver)).length, 1, "what waits is still there");
  });

  // WebKit's driver has no way past a worker.
  if (engine !== "webkit") story("a new page works with the old worker", async (courier, folder) => {
    const { driver, browser } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    publish(folder);
    // Past the worker, as a forced reload goes.
    if (engine === "chromium") await browser.cdp("Page.reload", { ignoreCache: true });
    else await driver.navigate().refresh();
    await isVersion(courier, "2");
    const waiting = await evaluate(driver, "async () => { const { active, waiting } = await navigator.serviceWorker.getRegistration(); return [active?.state, waiting?.state ?? null]; }");
    assert.equal(waiting[0], "activated", "the old worker is in its place");
    await note(courier, "st-07", "By the new page beside the old worker");
    await arrive(courier, "st-01");
    await allSent(courier);
    await exactlyOnce(courier);
  });
}
