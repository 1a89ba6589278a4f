// Every screen of the app in one walk, with the work of a day on it: for whoever looks at all of them.

import { control, evaluate, find, gone, ready, reload, says, tap, until } from "../lib/index.mjs";
import { allSent, arrive, networkIsBack, note, on, photograph, scanTyped, shellIsCached, signIn, typed, verdict } from "./courier.mjs";
import { grow } from "./store.mjs";

/** Something that needs a person, something that waits, something that is done. */
export async function prepare(courier) {
  const { driver, server, faults } = courier;
  await signIn(courier);
  // What a screen loads when it is first asked for comes from the worker's cache from here on.
  await shellIsCached(courier);
  await arrive(courier, "st-02");
  await note(courier, "st-02", "Lämnat hos grannen i 2B");
  await allSent(courier);
  await control(server, "stop", { id: "st-03", status: "returned" });
  await arrive(courier, "st-03");
  await find(driver, `${on("status-bar")}[data-parked="1"]`, { ms: 60_000 });
  await faults.dead();
  await arrive(courier, "st-01");
  await scanTyped(courier, "st-01", ["PN-7H2K-0001"]);
  await photograph(courier, "st-01");
  await note(courier, "st-01", "Portkoden har ändrats");
  await find(driver, `${on("status-bar")}[data-reachability=unreachable]`, { ms: 60_000 });
}

/** What a screen is held against besides a phone upright: narrow, low, wide, and read with large letters. */
export const shapes = [
  { width: 320, height: 568, label: "320x568" },
  { width: 844, height: 390, label: "844x390" },
  { width: 1024, height: 768, label: "1024x768" },
  { width: 390, height: 844, text: 200, label: "390x844-text-200" },
];

const open = (test) => `dialog${on(test)}[open]`;
const dialogOfOutbox = "dialog[open] [part=dialog-title]";

/** Two things that are done on a screen: what brings the dialog or the state, and what puts it away. */
const by = (act, leave) => ({ act, leave });

/** A dialog of this name: opened by a button, left by another. */
const asked = (button, dialog, away) => by(
  async ({ driver }) => { await tap(driver, button); await find(driver, dialog, { ms: 20_000 }); },
  async ({ driver }) => { await tap(driver, away); await gone(driver, dialog); },
);

/** A browser's tab on iOS, until it is put away again. */
const ofIos = by(
  async ({ driver }) => {
    await driver.executeScript("Object.defineProperty(navigator, 'standalone', { value: false, configurable: true }); location.hash = '#/load'");
    await find(driver, on("copy-address"), { ms: 20_000 });
  },
  ({ driver }) => driver.executeScript("delete navigator.standalone; location.hash = '#/route'"),
);

/** The first warning of work that waits too long, and again none. */
const overdue = by(
  async (courier) => {
    await thresholds(courier, [10, 30]);
    await grow(courier.driver, 11 * 60_000);
    await networkIsBack(courier);
    await find(courier.driver, on("overdue"), { ms: 20_000 });
  },
  async (courier) => {
    await thresholds(courier, []);
    await gone(courier.driver, on("overdue"), { ms: 20_000 });
  },
);
const thresholds = ({ driver }, minutes) => evaluate(driver, "(minutes) => { const app = document.querySelector('courier-app'); return app.api.thresholds(minutes).then(() => app.sessionChanged()); }", minutes);

/** Another version is there; the page is told as its worker would tell it. */
const newer = by(
  async ({ driver }) => {
    await driver.executeScript("document.querySelector('courier-app').announce({ kind: 'waiting', take() {} })");
    await find(driver, on("update"));
  },
  async ({ driver }) => {
    await driver.executeScript("document.querySelector('courier-app').announce(undefined)");
    await gone(driver, on("update"));
  },
);

/** name, address, what tells that it is there, and what is done there first and last */
const screens = [
  ["route", "#/route", on("stop-st-01")],
  ["error-dialog", "#/route", on("fetch-route"), asked(on("fetch-route"), open("error"), on("error-close"))],
  ["load", "#/load", "courier-load h1"],
  ["stop", "#/stop/st-01", on("arrive")],
  ["scan", "#/scan/st-01", on("scanner")],
  ["scan-wrong", "#/scan/st-01", on("scanner"), by(async (courier) => { await typed(courier, "PN-7H2K-0002"); await verdict(courier, "bad", /PN-7H2K-0002/u); })],
  ["photo", "#/photo/st-01", "pannier-photo"],
  ["photo-preview", "#/photo/st-01", "pannier-photo", asked("[part=shutter]", on("photo-preview"), on("retake"))],
  ["signature", "#/signature/st-01", "pannier-signature"],
  ["note", "#/note/st-01", on("note-text")],
  ["deliver", "#/deliver/st-01", on("confirm-deliver")],
  ["pick-up", "#/pick-up/st-06", on("confirm-pick-up")],
  ["fail", "#/fail/st-01", on("confirm-fail")],
  ["return", "#/return/st-01", on("confirm-return")],
  ["attention", "#/outbox", "li[data-operation][data-state=parked]"],
  ["discard-dialog", undefined, "[part=discard]", asked("[part=discard]", dialogOfOutbox, "[part=dialog-cancel]")],
  ["operation", undefined, on("attempt-1"), by(({ driver }) => tap(driver, "[part=history]"))],
  ["outbox", "#/outbox", "pannier-outbox", by(async ({ driver }) => { await tap(driver, on("filter-all")); await ready(driver, "li[data-operation][data-state=settled]"); })],
  ["amend-dialog", undefined, "[part=amend]", asked("[part=amend]", dialogOfOutbox, "[part=dialog-cancel]")],
  ["export-dialog", undefined, on("export"), asked(on("export"), open("export-dialog"), on("export-close"))],
  ["more", "#/more", on("sign-out")],
  ["sign-out-dialog", undefined, on("sign-out"), asked(on("sign-out"), open("sign-out-dialog"), on("sign-out-stay"))],
  ["shift", "#/shift", on("shift-left")],
  ["diagnostics", "#/diagnostics", on("timeline")],
  ["others", "#/others", "courier-others h1"],
  ["overdue", "#/route", on("stop-st-01"), overdue],
  ["update", "#/route", on("stop-st-01"), newer],
  // What needs a person is one of the five.
  ["install-with-work", undefined, on("left-here"), by(async (courier) => { await ofIos.act(courier); await says(courier.driver, on("left-here"), /\b5\b/u); }, ofIos.leave)],
];

/** What is seen before anybody has signed in. */
export async function door(courier, look) {
  const { driver } = courier;
  await find(driver, on("username"));
  await look("sign-in");
  await ofIos.act(courier);
  await look("install");
  await ofIos.leave(courier);
  await find(driver, on("username"));
}

/** Speaks this language from the next document on. */
export async function speaks(courier, language) {
  // A page that is loaded while the first worker takes over may be passed by, and stays without one.
  await shellIsCached(courier);
  await evaluate(courier.driver, "(language) => localStorage.setItem('courier.language', language)", language);
  await reload(courier.driver);
  await until(() => courier.driver.executeScript("return document.documentElement.lang === arguments[0]", language), { what: `the page to speak ${language}`, ms: 20_000 });
}

/** Comes by every screen and dialog of whoever is signed in; `look` is called on each with its name. */
export async function walk(courier, look) {
  const { driver } = courier;
  for (const [name, address, there, { act, leave } = {}] of screens) {
    if (address !== undefined) {
      await driver.executeScript("location.hash = arguments[0]", address);
      await find(driver, there, { ms: 20_000 });
    }
    await act?.(courier);
    if (address === undefined) await find(driver, there, { ms: 20_000 });
    await look(name);
    await leave?.(courier);
  }
}
