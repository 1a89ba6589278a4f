// A Swedish courier's day: the language is chosen in More, the day goes on in it, and no screen on the
// way says a word that is neither Swedish nor the route's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { find, says, tap, until } from "./lib/index.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import {
  allSent, arrive, at, confirmDelivery, couldNotDeliver, drawSignature, engines, fillDelivery, keepPhoto, keepSignature, networkIsBack, on, readError, scanTyped, signIn,
  takePhoto, toRoute, typed, verdict, withCourier,
} from "./stories/courier.mjs";
import { dayOf, strange, vocabulary } from "./stories/words.mjs";

const signer = "Elin Sandström";
const why = "Mörkt i alla fönster";

for (const engine of engines.filter((one) => one !== "firefox")) {
  test(`${engine}: a day in Swedish, from the choice to the end of the shift`, { timeout: 200_000 }, withCourier({ engine }, async (courier) => {
    const { driver, faults, server } = courier;
    const known = vocabulary("sv", await dayOf(server), signer, why, "anna");
    const swedish = async (where) => assert.deepEqual(await strange(driver, known), [], where);

    await signIn(courier);
    await tap(driver, on("tab-more"));
    // The choice is left for the worker in a cache, which has other things to do while the app installs itself.
    await driver.executeScript("CacheStorage.prototype.open = () => new Promise(() => {});");
    await tap(driver, on("language-sv"));
    await says(driver, "h1", "Mer");
    assert.equal(await driver.executeScript("return document.documentElement.lang"), "sv");
    await swedish("more");
    await tap(driver, on("tab-route"));
    await says(driver, on("stop-st-01"), "Öppet");
    await swedish("route");

    await faults.dead();
    await tap(driver, on("tab-load"));
    await typed(courier, "PN-7H2K-0001");
    await verdict(courier, "good", /Lastat/u);
    await swedish("load");

    // A signature is wanted at the fifth.
    await arrive(courier, "st-05");
    await says(driver, on("toast"), "Sparat");
    await says(driver, on("arrive"), "Framme");
    await swedish("stop");
    await scanTyped(courier, "st-05", ["PN-7H2K-0010"]);
    await takePhoto(courier, "st-05", { look: () => swedish("photo") });
    await swedish("the photo just taken");
    await keepPhoto(courier, "st-05");
    await says(driver, on("uploads"), "Fotot är inte skickat än");
    await drawSignature(courier, "st-05", signer);
    await swedish("signature");
    await keepSignature(courier, "st-05");
    await fillDelivery(courier, "st-05", { recipient: signer });
    await swedish("deliver");
    await confirmDelivery(courier, "st-05");
    await says(driver, on("state-st-05"), "Levererat, ej skickat");
    await arrive(courier, "st-03");
    await couldNotDeliver(courier, "st-03", { reason: "nobody_home", words: why, look: async () => {
      await says(driver, `label:has(${on("reason-nobody_home")})`, "Ingen hemma");
      await swedish("could not deliver");
    } });

    // What cannot be done is said in Swedish too.
    await tap(driver, on("fetch-route"));
    await swedish("an error");
    await readError(courier, /Servern kunde inte nås/u);
    await tap(driver, on("tab-outbox"));
    await says(driver, "li[data-kind=deliver]", `Levererat till ${signer}`);
    await swedish("outbox");

    await toRoute(courier);
    await faults.alive();
    await networkIsBack(courier);
    await allSent(courier);
    await until(async () => /Levererat$/u.test(await driver.executeScript("return document.querySelector(arguments[0])?.innerText.trim()", on("state-st-05"))), { what: "the stop to be done" });
    await says(driver, on("status-bar"), "Allt är skickat");
    await swedish("the route in the evening");
    await tap(driver, on("tab-more"));
    await tap(driver, on("close-shift"));
    await at(courier, "#/shift");
    await says(driver, on("shift-clear"), "Telefonen kan lämnas in.", { ms: 20_000 });
    await swedish("shift");
    await exactlyOnce(courier);
    await tap(driver, on("shift-sign-out"));
    await find(driver, on("username"));
    await swedish("sign-in");
  }));
}
