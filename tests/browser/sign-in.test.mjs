// The sign-in screen asks for what the profile's sign-in uses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { all, says, tap, type, until } from "./lib/index.mjs";
import { engines, on, shownStops } from "./stories/courier.mjs";
import { withSpoiledApp } from "./stories/spoiled-app.mjs";

const asked = async ({ driver }) => {
  const fields = await all(driver, "form label.field input");
  return Promise.all(fields.map(async (field) => [await field.getAttribute("data-test"), await field.getAttribute("type")]));
};
const rewritten = (profile, names) => JSON.parse(JSON.stringify(profile).replace(/\$credentials\.(\w+)/gu, (_, name) => `$credentials.${names[name]}`));

for (const engine of engines) {
  const story = (name, profile, work) => test(`${engine}: ${name}`, { timeout: 120_000 }, withSpoiledApp({ engine, profile }, "", work));

  story("a key and the name of a van", (profile) => rewritten(profile, { username: "account", password: "key" }), async (courier) => {
    const { driver } = courier;
    await says(driver, "form", "Name of this van or courier");
    assert.deepEqual(await asked(courier), [["account", "text"], ["key", "password"]], "who comes before what proves it");
    await type(driver, on("account"), "anna");
    await type(driver, on("key"), "packet123");
    await tap(driver, on("sign-in"));
    await until(async () => (await shownStops(courier)).length >= 10, { what: "the route", ms: 15_000 });
  });

  // The sandbox sends no codes: its sign-in is the second request, its health the first.
  const byCode = (profile) => {
    const out = rewritten(profile, { username: "phone", password: "code" });
    out.signIn.kind = "code";
    out.signIn.start = { ...profile.heartbeat, request: { ...profile.heartbeat.request, url: `${profile.heartbeat.request.url}{?phone}`, parameters: { phone: "$credentials.phone" } } };
    return out;
  };
  story("a code that comes between two requests", byCode, async (courier) => {
    const { driver } = courier;
    await says(driver, "form", "Phone number");
    assert.deepEqual(await asked(courier), [["phone", "text"]]);
    await type(driver, on("phone"), "anna");
    await tap(driver, on("sign-in"));
    await says(driver, on("sign-in-error"), /code that you were sent/);
    await type(driver, on("code"), "wrong");
    await tap(driver, on("sign-in"));
    await says(driver, on("sign-in-error"), /did not let you in/);
    await type(driver, on("code"), "packet123");
    await tap(driver, on("sign-in"));
    await until(async () => (await shownStops(courier)).length >= 10, { what: "the route", ms: 15_000 });
  });
}
