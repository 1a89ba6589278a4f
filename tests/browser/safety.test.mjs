// What strangers say stays words: the page's policy runs no script of theirs, and messages that nobody
// of the app sent change nothing.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dist } from "../../scripts/lib/paths.mjs";
import { evaluate, find, until } from "./lib/index.mjs";
import { allSent, engines, note, on, shellIsCached, signIn, withCourier } from "./stories/courier.mjs";
import { exactlyOnce } from "./stories/backend.mjs";

const wakes = ({ driver }) => evaluate(driver, "() => document.querySelector('courier-app').api.diagnostics().then(({ wakes }) => wakes)");

test("no page of the app holds a script, a handler or an address that is code", () => {
  const folder = process.env.PANNIER_DIST ?? dist;
  const pages = readdirSync(folder).filter((file) => file.endsWith(".html"));
  assert.ok(pages.includes("index.html"));
  for (const page of pages) {
    const html = readFileSync(join(folder, page), "utf8");
    for (const script of html.match(/<script[^>]*>[^]*?<\/script>/gu) ?? []) assert.match(script, /^<script[^>]* src="[^"]+"[^>]*><\/script>$/u, page);
    assert.doesNotMatch(html, /\son[a-z]+\s*=|javascript:/iu, page);
  }
});

for (const engine of engines) {
  test(`${engine}: the page's policy lets WebAssembly run and nothing else that is not the app's own file`, { timeout: 60_000 }, withCourier({ engine }, async ({ driver, page }) => {
    const policy = (await fetch(page)).headers.get("content-security-policy");
    const scripts = policy.split(";").map((one) => one.trim().split(/\s+/u)).find(([name]) => name === "script-src");
    assert.deepEqual(scripts.slice(1).sort(), ["'self'", "'wasm-unsafe-eval'"]);
    assert.match(policy, /default-src 'self'/u);
    assert.match(policy, /object-src 'none'/u);
    assert.match(policy, /base-uri 'none'/u);
    // What a hostile text would need, tried in the page itself.
    await find(driver, on("username"));
    const ran = await evaluate(driver, `async () => {
      const refused = new Set();
      document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => refused.add(effectiveDirective));
      const hostile = document.createElement("div");
      hostile.innerHTML = '<img src="/nothing" onerror="window.pwned = 1">';
      const inline = document.createElement("script");
      inline.textContent = "window.pwned = 2";
      hostile.append(inline);
      const image = hostile.querySelector("img");
      const failed = new Promise((resolve) => image.addEventListener("error", resolve));
      document.body.append(hostile);
      await failed;
      hostile.remove();
      return { pwned: window.pwned ?? null, refused: [...refused].some((one) => one.startsWith("script-src")) };
    }`);
    assert.deepEqual(ran, { pwned: null, refused: true });
  }));

  test(`${engine}: messages that nobody of the app sent are ignored by page and worker`, { timeout: 120_000 }, withCourier({ engine }, async (courier) => {
    const { driver } = courier;
    await signIn(courier);
    await shellIsCached(courier);
    await evaluate(driver, `() => {
      window.pannierTrouble = [];
      window.addEventListener("error", ({ message }) => { window.pannierTrouble.push(String(message)); });
      window.addEventListener("unhandledrejection", ({ reason }) => { window.pannierTrouble.push(String(reason)); });
      window.pannierRevisions = [];
      document.querySelector("courier-app").api.subscribe(({ revision }) => { window.pannierRevisions.push(revision); });
    }`);
    const worker = await evaluate(driver, `async () => {
      const { active } = await navigator.serviceWorker.getRegistration();
      const ring = { type: "pannier:ring" };
      ring.ring = ring;
      const junk = [
        undefined, null, true, 7, NaN, 7n, "", "pannier:drain", "pannier:take-over", new Date(0), /x/u, [], ["pannier:drain"], [[[]]], new Map([["type", "pannier:drain"]]), new Uint8Array(9).buffer,
        {}, ring, { type: 3 }, { type: null }, { type: {} }, { type: ["pannier:drain"] }, { type: "pannier:take-over-now" }, { type: "PANNIER:DRAIN" }, { type: "pannier:versions" }, { Type: "pannier:drain" },
        { type: "x".repeat(5_000_000) }, { type: "pannier:drain" + "\u0000" },
        { revision: "many" }, { revision: NaN }, { revision: Infinity }, { revision: -1 }, { revision: 1e300 }, { revision: 0.5 }, { revision: null }, { revision: { valueOf: 1 } },
      ];
      const channel = new BroadcastChannel("pannier:pannier");
      for (const one of junk) {
        active.postMessage(one);
        channel.postMessage(one);
        window.postMessage(one, "*");
        for (const origin of [location.origin, "https://somebody.example"]) {
          navigator.serviceWorker.dispatchEvent(new MessageEvent("message", { data: one, origin }));
          window.dispatchEvent(new MessageEvent("message", { data: one, origin }));
        }
      }
      channel.close();
      // What is right comes behind it all, in the order of posting, and is answered.
      const { port1, port2 } = new MessageChannel();
      const answered = new Promise((resolve) => { port1.onmessage = resolve; });
      active.postMessage({ type: "pannier:versions" }, [port2]);
      await answered;
      return active.state;
    }`);
    assert.equal(worker, "activated");
    // The worker's answer came behind whatever the junk would have begun; nothing else here begins a wake so.
    const begun = (await wakes(courier)).map(({ context, reason }) => `${context} ${reason}`);
    assert.deepEqual(begun.filter((one) => /message|manual|click|push|sync|online|shown/u.test(one)), [], "nobody was woken by it");
    await note(courier, "st-07", "After the junk");
    await allSent(courier);
    await exactlyOnce(courier);
    await until(() => evaluate(driver, "async () => (await navigator.serviceWorker.getRegistration()).active.state === 'activated'"), { what: "the worker as it was" });
    const { trouble, revisions } = await evaluate(driver, "() => ({ trouble: window.pannierTrouble, revisions: window.pannierRevisions.map(String) })");
    assert.deepEqual(trouble, []);
    // A change is told by the number of its commit, whatever anybody said before.
    assert.ok(revisions.length > 0 && revisions.every((one) => /^\d{1,6}$/u.test(one)), `${revisions}`);
    assert.equal(await driver.executeScript("return document.querySelector(arguments[0])?.open ?? false", `dialog${on("error")}`), false, "and nothing is said of it");
  }));
}
