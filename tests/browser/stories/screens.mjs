// Every screen of the app in one walk, with the work of a day on it: for whoever looks at all of them.

import { control, evaluate, find, ready, reload, tap, until } from "../lib/index.mjs";
import { allSent, arrive, note, on, photograph, scanTyped, signIn } from "./courier.mjs";

/** Something that needs a person, something that waits, something that is done. */
export async function prepare(courier) {
  const { driver, server, faults } = courier;
  await signIn(courier);
  await arrive(courier, "st-02");
  await note(courier, "st-02", "Left with the neighbour at 2B");
  await allSent(courier);
  await control(server, "stop", { id: "st-03", status: "returned" });
  await arrive(courier, "st-03");
  await find(driver, `${on("status-bar")}[data-parked="1"]`, { ms: 60_000 });
  await faults.dead();
  await arrive(courier, "st-01");
  await scanTyped(courier, "st-01", ["PN-7H2K-0001"]);
  await photograph(courier, "st-01");
  await find(driver, `${on("status-bar")}[data-reachability=unreachable]`, { ms: 60_000 });
}

/** Opens an address as a link does. */
async function go(driver, address, ready) {
  await driver.executeScript("location.hash = arguments[0]", address);
  await find(driver, ready, { ms: 20_000 });
}

const screens = [
  ["route", "#/route", on("stop-st-01")],
  ["load", "#/load", "courier-load h1"],
  ["stop", "#/stop/st-01", on("arrive")],
  ["scan", "#/scan/st-01", on("scanner")],
  ["photo", "#/photo/st-01", "pannier-photo"],
  ["signature", "#/signature/st-01", "pannier-signature"],
  ["note", "#/note/st-01", on("note-text")],
  ["deliver", "#/deliver/st-01", on("confirm-deliver")],
  ["fail", "#/fail/st-01", on("confirm-fail")],
  ["return", "#/return/st-01", on("confirm-return")],
  ["attention", "#/outbox", "li[data-operation][data-state=parked]"],
  ["operation", undefined, on("attempt-1")],
  ["outbox", "#/outbox", "pannier-outbox"],
  ["more", "#/more", on("sign-out")],
  ["others", "#/others", "courier-others h1"],
];

/** Speaks this language from the next document on. */
export async function speaks(courier, language) {
  await evaluate(courier.driver, "(language) => localStorage.setItem('courier.language', language)", language);
  await reload(courier.driver);
  await until(() => courier.driver.executeScript("return document.documentElement.lang === arguments[0]", language), { what: `the page to speak ${language}`, ms: 20_000 });
}

/** Comes by every screen of whoever is signed in; `look` is called on each with its name. */
export async function walk(courier, look) {
  const { driver } = courier;
  for (const [name, address, there] of screens) {
    if (address === undefined) {
      await tap(driver, "[part=history]");
      await find(driver, there);
    } else {
      await go(driver, address, there);
    }
    if (name === "outbox") {
      await tap(driver, on("filter-all"));
      await ready(driver, "li[data-operation]");
    }
    await look(name);
  }
}
