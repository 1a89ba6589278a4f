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
    const worker = await evaluate(driver, `async () => {
      const { active } = await navigator.serviceWorker.getRegistration();
      const junk = [null, 7, "pannier:drain", [], {}, { type: 3 }, { type: "pannier:take-over-now" }, { type: { toString: () => "x" }.constructor.name }, { revision: "many" }, { revision: NaN }, { revision: -1 }];
      const channel = new BroadcastChannel("pannier:pannier");
      for (const one of junk) { active.postMessage(one); channel.postMessage(one); navigator.serviceWorker.dispatchEvent(new MessageEvent("message", { data: one })); }
      channel.close();
      return active.state;
    }`);
    assert.equal(worker, "activated");
    await note(courier, "st-07", "After the junk");
    await allSent(courier);
    await exactlyOnce(courier);
    await until(() => evaluate(driver, "async () => (await navigator.serviceWorker.getRegistration()).active.state === 'activated'"), { what: "the worker as it was" });
    assert.equal(await driver.executeScript("return document.querySelector(arguments[0])?.open ?? false", `dialog${on("error")}`), false, "and nothing is said of it");
  }));
}
