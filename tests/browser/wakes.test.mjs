// Always in motion, and always the truth on the screen: what a wake finds, what it leaves on record,
// when a person is told, and what a hidden page leaves alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, find, gone, log, peek, says, tap, text, until } from "./lib/index.mjs";
import { applied, exactlyOnce, taken } from "./stories/backend.mjs";
import { allSent, arrive, comeBack, engines, networkIsBack, note, on, photograph, shellIsCached, signIn, toRoute, toStop, withCourier } from "./stories/courier.mjs";
import { gateway, withProxy } from "./stories/proxy.mjs";
import { speaks } from "./stories/screens.mjs";
import { grow, operations } from "./stories/store.mjs";
import { dayOf } from "./stories/words.mjs";
import { closeTheApp, inWorker } from "./stories/worker.mjs";

const MINUTE_MS = 60_000;
const bar = on("status-bar");
const found = ({ driver }, reachability) => find(driver, `${bar}[data-reachability=${reachability}]`, { ms: 30_000 });
const told = ({ driver }) => evaluate(driver, `() => document.querySelector("pannier-sync-bar").shadowRoot.querySelector("[part=contact]").textContent`);
/** What a phone does when another app comes to the front. */
const seen = ({ driver }, state) => evaluate(driver, `(state) => {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}`, state);
/** What the phone tells a page, by the reason that a wake has then. Chromium's network can really go and come. */
const comings = {
  shown: ({ driver }) => evaluate(driver, "() => { dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })); }"),
  online: async (courier) => {
    if (courier.engine !== "chromium") return networkIsBack(courier);
    for (const offline of [true, false]) await courier.browser.cdp("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  },
  focus: ({ driver }) => evaluate(driver, "() => { dispatchEvent(new Event('focus')); }"),
  visible: (courier) => seen(courier, "visible"),
};
const wakes = ({ driver }) => evaluate(driver, "() => document.querySelector('courier-app').api.diagnostics().then(({ wakes }) => wakes)");
/** The badge is drawn outside of any page; what the page asks for can be seen. */
const watchBadge = ({ driver }) => evaluate(driver, `() => {
  window.pannierBadge = [];
  const proto = Navigator.prototype;
  proto.setAppBadge = async (count) => { window.pannierBadge.push(count); };
  proto.clearAppBadge = async () => { window.pannierBadge.push(0); };
}`);
const badge = ({ driver }) => evaluate(driver, "() => window.pannierBadge.at(-1)");
/**
 * What is shown is the system's; a headless browser has none and may forget what it was given. WebKit's driver grants
 * no notifications: there the permission is made up, so that what the app asks for can be read.
 */
const watch = `
  const world = typeof window === "undefined" ? self : window;
  const proto = world.ServiceWorkerRegistration.prototype;
  const show = world.Notification?.permission === "granted" ? proto.showNotification : undefined;
  world.pannierShown = [];
  if (!show) world.Notification = { permission: "granted" };
  proto.showNotification = function (title, options) {
    world.pannierShown.push([title, options.body.replace(/\\d\\d:\\d\\d/, '14:05'), options.tag, options.lang]);
    return show?.call(this, title, options) ?? Promise.resolve();
  };`;
/** Whether they are the browser's own. */
const watchNotifications = ({ driver }) => evaluate(driver, `() => { ${watch} return show !== undefined; }`);
const shownTo = ({ driver }) => evaluate(driver, "() => window.pannierShown.map((one) => [...one])");
const lately = { ms: 30_000 };

for (const engine of engines) {
  // From the first request on: the app may ask its own origin before the story's first step.
  let mood = "ours";
  test(`${engine}: offline, a login page, a backend that is down and one that is back are told apart`, { timeout: 120_000 }, withProxy({ engine }, async (courier) => {
    await signIn(courier);
    // Known from here on: what the app's own server says when it is itself.
    await until(async () => (await log(courier.server)).length > 0 && mood === "asked", { what: "the own origin to be asked", ...lately });
    await courier.faults.set({ fault: "dead", path: "/api/*" });
    await note(courier, "st-07", "Waits for whom?");
    await found(courier, "backend_down");
    assert.match(await told(courier), /Internet works, the backend is silent/);
    mood = "login page";
    await networkIsBack(courier);
    await found(courier, "captive_portal");
    assert.match(await told(courier), /wants a login/);
    mood = "silent";
    await networkIsBack(courier);
    await found(courier, "offline");
    assert.match(await told(courier), /No internet here/);
    mood = "asked";
    await courier.faults.clear();
    // Nothing tells the page; it looks by itself.
    await found(courier, "reachable");
    await allSent(courier);
    await exactlyOnce(courier);
    const states = (await wakes(courier)).map(({ reachability }) => reachability);
    for (const state of ["backend_down", "captive_portal", "offline", "reachable"]) assert.ok(states.includes(state), `${state} is on record: ${states}`);
  }, {
    args: (port) => ["--allow-origin", `http://localhost:${port}`],
    change: ({ url }) => {
      if (url === "/config.json") return { path: "/config.json?origin=second" };
      if (url !== "/pannier-probe.txt") return undefined;
      if (mood === "ours") mood = "asked";
      if (mood === "login page") return { status: 200, headers: { "content-type": "text/html" }, body: "<form>Welcome to our wireless network</form>" };
      return mood === "silent" ? { hangUp: true } : undefined;
    },
  }));

  test(`${engine}: a network that comes back without a word is found within seconds`, { timeout: 120_000 }, withCourier({ engine }, async (courier) => {
    await signIn(courier);
    await courier.faults.dead();
    await note(courier, "st-07", "Found again");
    // One server for both: its silence says nothing of the network.
    await found(courier, "unreachable");
    // The wake that the recording itself asked for is over, not only one that was under way by then.
    await until(async () => (await operations(courier.driver)).at(-1).attempts.length > 0, { what: "the note's first attempt", ...lately });
    await courier.faults.alive();
    await allSent(courier, { ms: 20_000 });
    await exactlyOnce(courier);
    const after = (await wakes(courier)).findLast(({ reachability }) => reachability === "unreachable").at;
    const [next] = (await wakes(courier)).filter(({ at }) => at > after);
    assert.deepEqual([next.reason, next.reachability], ["timer", "reachable"]);
  }));

  test(`${engine}: work that waits too long is told once on the screen, on the icon and by a notification`, { timeout: 120_000 }, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    await watchBadge(courier);
    await courier.faults.dead();
    await arrive(courier, "st-07");
    await arrive(courier, "st-10");
    if (engine === "chromium") await until(async () => await badge(courier) === 2, { what: "two deliveries on the icon", ...lately });
    assert.equal(await peek(driver, on("overdue")), null);
    await found(courier, "unreachable");
    assert.equal(await watchNotifications(courier), engine !== "webkit");
    await grow(driver, 11 * MINUTE_MS);
    await networkIsBack(courier);
    await find(driver, `${on("overdue")}[data-minutes="10"]`, lately);
    assert.match(await text(driver, on("overdue")), /^Open Pannier near a window: 2 deliveries wait since \d\d:\d\d$/);
    const one = ["Open Pannier near a window", "2 deliveries wait since 14:05", "pannier-unsent", "en"];
    await until(async () => (await shownTo(courier)).length === 1, { what: "the notification" });
    assert.deepEqual(await shownTo(courier), [one]);
    // The same threshold says nothing any more.
    const count = (await wakes(courier)).length;
    await seen(courier, "visible");
    await until(async () => (await wakes(courier)).length > count, { what: "one more wake", ...lately });
    assert.deepEqual(await shownTo(courier), [one]);
    // The second time in the other language.
    await speaks(courier, "sv");
    await find(driver, on("overdue"), lately);
    await watchNotifications(courier);
    await watchBadge(courier);
    await grow(driver, 20 * MINUTE_MS);
    await networkIsBack(courier);
    await find(driver, `${on("overdue")}[data-minutes="30"]`, lately);
    assert.match(await text(driver, on("overdue")), /^Öppna Pannier nära ett fönster: 2 leveranser väntar sedan \d\d:\d\d$/);
    await until(async () => (await shownTo(courier)).length === 1, { what: "the second notification" });
    assert.deepEqual(await shownTo(courier), [["Öppna Pannier nära ett fönster", "2 leveranser väntar sedan 14:05", "pannier-unsent", "sv"]]);
    await courier.faults.alive();
    await networkIsBack(courier);
    await allSent(courier);
    await gone(driver, on("overdue"), lately);
    if (engine === "chromium") await until(async () => await badge(courier) === 0, { what: "nothing on the icon", ...lately });
    await exactlyOnce(courier);
  }));

  test(`${engine}: the ages at which a courier is told are his own`, { timeout: 90_000 }, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await tap(driver, on("tab-more"));
    await find(driver, `${on("thresholds-10-30")}:checked`);
    await tap(driver, on("thresholds-5-15"));
    await until(() => evaluate(driver, "() => document.querySelector('courier-app').api.thresholds().then((kept) => String(kept) === '5,15')"), { what: "the choice to be kept" });
    await courier.faults.dead();
    await note(courier, "st-07", "Six minutes old");
    await found(courier, "unreachable");
    await grow(driver, 6 * MINUTE_MS);
    await networkIsBack(courier);
    await find(driver, `${on("overdue")}[data-minutes="5"]`, lately);
    await toRoute(courier);
    await tap(driver, on("tab-more"));
    await tap(driver, on("thresholds-never"));
    await gone(driver, on("overdue"), lately);
  }));

  // Firefox's driver has no hand on the page's own world.
  if (engine !== "firefox") test(`${engine}: notifications are asked for in a tap, whatever the backend knows of push`, { timeout: 60_000 }, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    const phone = (permission) => driver.executeScript(`
      const answer = arguments[0];
      window.Notification = class { static permission = "default"; static asked = 0; static async requestPermission() { this.asked += 1; return this.permission = answer; } };
      location.hash = "#/route";`, permission);
    for (const answer of ["granted", "denied"]) {
      await phone(answer);
      await tap(driver, on("tab-more"));
      await tap(driver, on("thresholds-10-30"));
      await tap(driver, on("allow-notifications"));
      await gone(driver, on("allow-notifications"), lately);
      assert.equal(await driver.executeScript("return Notification.asked"), 1);
      if (answer === "denied") await says(driver, on("notifications-denied"), /phone's settings/u);
      await tap(driver, on("thresholds-never"));
      await gone(driver, on("notifications-denied"), lately);
    }
  }));

  let gate;
  test(`${engine}: a page that is hidden while it sends ends what is on its way, sends what is short and leaves the photo until it is seen`, { timeout: 120_000 }, withProxy({ engine }, async (courier) => {
    const { driver } = courier;
    gate = undefined;
    await signIn(courier);
    await courier.faults.dead();
    await arrive(courier, "st-01");
    await photograph(courier, "st-01");
    await note(courier, "st-07", "Half of its answer is lost");
    await until(async () => (await operations(driver)).every(({ state }) => state.is !== "in_flight" && (state.floor_at ?? 0) <= Date.now()), { what: "cut attempts to be out of doubt's way" });
    // The arrival and the note are on their way when the page goes; behind the arrival stands the photo.
    const { held, open } = gate = gateway();
    await courier.faults.set({ fault: "cut_half", method: "POST", path: "/api/stops/st-07/notes", times: 1 });
    await networkIsBack(courier);
    await until(() => new Set(held).size === 2, { what: "two requests to be on their way", ...lately });
    await seen(courier, "hidden");
    assert.deepEqual((await operations(driver)).map(({ intent, state }) => [intent.kind, state.is]), [["arrive", "in_flight"], ["photo", "waiting"], ["note", "in_flight"]]);
    assert.equal((await applied(courier.server)).length, 0);
    open();
    await until(async () => (await wakes(courier)).at(-1).stopped === "too_long", { what: "a wake that leaves the photo", ...lately });
    await note(courier, "st-10", "Short");
    await taken(courier.server, 3);
    await until(async () => (await operations(driver)).filter(({ state }) => state.is === "settled").length === 3, { what: "all but the photo to be settled", ...lately });
    const short = (await applied(courier.server)).map(({ path }) => path.split("/").slice(-2).join(" ")).sort();
    assert.deepEqual(short, ["st-01 arrive", "st-07 notes", "st-10 notes"], "once each, and no photo");
    assert.ok((await wakes(courier)).at(-1).stopped === "too_long");
    await seen(courier, "visible");
    await allSent(courier);
    await exactlyOnce(courier);
  }, {
    change: ({ method, url }) => (method === "POST" && /arrive$|notes$/u.test(url) ? gate?.hold(url) : undefined),
  }));

  test(`${engine}: every wake is on record, drawn on one screen, and taken out without a person in it`, { timeout: 120_000 }, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await comeBack(courier);
    await courier.faults.dead();
    await note(courier, "st-07", "Left with Mrs Lindqvist");
    await courier.faults.alive();
    // One that comes while another is at work joins it and may leave no record of its own.
    for (const [reason, comes] of Object.entries(comings)) {
      await until(async () => {
        await comes(courier);
        return (await wakes(courier)).some((one) => one.context === "page" && one.reason === reason);
      }, { what: `the wake "${reason}" to be on record`, ...lately });
    }
    await allSent(courier);
    const reasons = new Set((await wakes(courier)).map(({ reason, context }) => `${context} ${reason}`));
    for (const reason of ["opened", "recorded"]) assert.ok(reasons.has(`page ${reason}`), `${reason}: ${[...reasons]}`);
    await shellIsCached(courier);
    await toRoute(courier);
    await tap(driver, on("tab-load"));
    await until(() => evaluate(driver, "() => { const { cameraStats, stats } = document.querySelector('pannier-scanner') ?? {}; return cameraStats !== undefined && stats !== undefined; }"), { what: "the scanner to look", ...lately });
    await tap(driver, on("tab-more"));
    await tap(driver, on("diagnostics"));
    await find(driver, on("timeline"));
    const drawn = await evaluate(driver, `() => [...document.querySelectorAll("[data-test=timeline] .wake")].map(({ dataset: { row }, classList }) => row + (classList.contains("sent") ? " sent" : ""))`);
    assert.ok(drawn.length >= (await wakes(courier)).length - 1 && drawn.some((one) => one.endsWith(" sent")), `${drawn}`);
    assert.ok(await peek(driver, `${on("timeline")} .band.good`));
    assert.match(await text(driver, on("wakes-foreground")), /[1-9]/);
    const [page, worker] = [await text(driver, on("version-page")), await text(driver, on("version-worker"))];
    assert.match(page, /^[0-9a-f]{8} · 0\.\d+\.\d+ · 1 · /);
    assert.equal(worker.split(" · ")[0], page.split(" · ")[0], "made together");
    assert.match(await text(driver, on("camera-figures")), /^open after \d+\.\d s$/);
    assert.match(await text(driver, on("scanner-figures")), /^\d+ pictures a second, \d+ ms each, \d+ × \d+/);
    await evaluate(driver, `() => {
      const make = URL.createObjectURL;
      URL.createObjectURL = (file) => { window.pannierFile = file; return make(file); };
    }`);
    await tap(driver, on("export-diagnostics"));
    const file = await until(() => evaluate(driver, "() => window.pannierFile && window.pannierFile.text().then((body) => ({ body, name: window.pannierFile.name }))"), { what: "the file" });
    assert.match(file.name, /^pannier-diagnostics-[\dT-]+\.json$/);
    const kept = JSON.parse(file.body);
    // What the storage held comes with the wakes where the browser says it, and is drawn.
    const tells = await evaluate(driver, "() => navigator.storage?.estimate !== undefined");
    assert.equal(kept.wakes.some(({ used }) => used > 0), tells);
    assert.equal(await peek(driver, `${on("timeline")} .used`) !== null, tells);
    assert.ok(kept.wakes.length > 3 && kept.wakes.every(({ at, tookMs }) => at > 0 && tookMs >= 0));
    assert.ok(kept.versions.page.core && kept.storage.kind && kept.thresholds.length === 2);
    // Every word of the day by which somebody could be told: the backend's as it gave them, and the courier's.
    const leaves = (value) => (typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [value]);
    const [login, , { stops }] = await dayOf(courier.server);
    const day = leaves([login.courier, login.access_token, stops.map(({ id, address, note, parcels }) => [id, address, note, parcels.map(({ id: parcel, code, label }) => [parcel, code, label])])]);
    const words = new Set([...day.filter((word) => typeof word === "string" && word.length > 3 && /\D/u.test(word)), "anna", "Left with Mrs", "Lindqvist", "packet123"]);
    assert.ok(["phone", "door_code"].every((name) => stops.some(({ address }) => address[name])) && words.size > 60, `${words.size} words`);
    assert.deepEqual([...words].filter((word) => file.body.includes(word)), [], "is in the file");
  }));
}

const story = engines.includes("chromium") ? test : test.skip;
const inChromium = (run) => withCourier({ engine: "chromium" }, run);

story("the worker tells of what waits too long, once, with every page closed", { timeout: 120_000 }, inChromium(async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  await courier.faults.dead();
  await arrive(courier, "st-07");
  const worker = await closeTheApp(courier);
  const turned = (ms) => inWorker(courier, `{ const real = Date.now.bind(Date); Date.now = () => real() + ${ms}; }`);
  await turned(12 * MINUTE_MS);
  await inWorker(courier, `{ ${watch} }`);
  const asked = async () => (await log(courier.server)).length;
  const before = await asked();
  await worker.sync("pannier");
  const shown = () => inWorker(courier, "pannierShown");
  await until(async () => (await shown()).length === 1, { what: "the worker to tell", ...lately });
  const one = ["Open Pannier near a window", "1 delivery waits since 14:05", "pannier-unsent", "en"];
  assert.deepEqual(await shown(), [one]);
  assert.ok(await asked() > before, "it tried first");
  const again = await asked();
  await worker.sync("pannier");
  await until(async () => await asked() > again, { what: "the second try" });
  assert.deepEqual(await shown(), [one]);
  await courier.driver.get(courier.page);
  await courier.faults.alive();
  await allSent(courier);
  const last = (await wakes(courier)).filter(({ context, reason }) => context === "worker" && reason === "sync");
  assert.equal(last.length, 2);
  await exactlyOnce(courier);
}));

story("a push sends what is short and leaves the photo to a sync", { timeout: 120_000 }, inChromium(async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  await courier.faults.dead();
  await arrive(courier, "st-01");
  await photograph(courier, "st-01");
  await note(courier, "st-07", "Short");
  await until(async () => (await operations(courier.driver)).every(({ state }) => state.is !== "in_flight" && (state.floor_at ?? 0) <= Date.now()), { what: "cut attempts to be out of doubt's way" });
  const worker = await closeTheApp(courier);
  await worker.stop();
  await courier.faults.alive();
  await worker.push("");
  await taken(courier.server, 2);
  await until(async () => (await applied(courier.server)).length === 2, { what: "two to be taken" });
  assert.deepEqual((await applied(courier.server)).map(({ path }) => path.split("/").at(-1)).sort(), ["arrive", "notes"]);
  await worker.sync("pannier");
  await taken(courier.server, 3);
  await courier.driver.get(courier.page);
  await allSent(courier);
  const pushed = (await wakes(courier)).find(({ reason }) => reason === "push");
  assert.deepEqual([pushed.context, pushed.settled, pushed.stopped], ["worker", 2, "too_long"]);
  await exactlyOnce(courier);
}));

story("a page of the same origin that is not the app lets the worker send, after it is there", { timeout: 120_000 }, inChromium(async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  await courier.faults.dead();
  await note(courier, "st-07", "Sent by somebody else's page");
  const worker = await closeTheApp(courier);
  await worker.stop();
  await courier.faults.alive();
  await courier.driver.get(new URL("/labels", courier.page).href);
  assert.equal((await applied(courier.server)).length, 0, "the page was there first");
  await taken(courier.server, 1);
  await courier.driver.get(courier.page);
  await allSent(courier);
  assert.ok((await wakes(courier)).some(({ context, reason }) => context === "worker" && reason === "navigation"));
  await exactlyOnce(courier);
}));

story("work that came while a page was closed is asked for by a sync that was registered with it", { timeout: 90_000 }, inChromium(async (courier) => {
  await signIn(courier);
  await shellIsCached(courier);
  await courier.browser.cdp("Browser.grantPermissions", { permissions: ["backgroundSync", "notifications", "geolocation", "videoCapture"] });
  const tags = () => evaluate(courier.driver, "async () => (await navigator.serviceWorker.getRegistration()).sync.getTags()");
  await courier.faults.dead();
  await toStop(courier, "st-07");
  await note(courier, "st-07", "Registered");
  // The browser is online and fires it soon; while work remains it is registered again.
  await until(async () => (await wakes(courier)).some(({ reason }) => reason === "sync") || (await tags()).includes("pannier"), { what: "the sync", ...lately });
  await courier.faults.alive();
  await allSent(courier);
  await exactlyOnce(courier);
}));

