// Proves the harness against a page of its own, in every engine:
//   node --test tests/browser/lib/harness.selftest.mjs
// Not part of `npm test`, whose tests use all of this anyway.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as harness from "./index.mjs";
import { family } from "./programs.mjs";

const { find, tap, type, says, until, evaluate, draw } = harness;

const page = `<!doctype html><meta name="viewport" content="width=device-width"><title>harness</title>
<main><x-outer></x-outer></main>
<script>
class Inner extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" }).innerHTML = '<button data-test="late" disabled>tap</button> <input data-test="field"> <p data-test="out"></p><input type="file" data-test="file" hidden><canvas data-test="pad" width="200" height="100" style="touch-action:none;border:1px solid"></canvas>';
    const $ = (name) => this.shadowRoot.querySelector('[data-test=' + name + ']');
    setTimeout(() => { $("late").disabled = false; }, 300);
    $("late").onclick = () => { $("out").textContent = "tapped " + $("field").value; };
    $("file").onchange = () => { $("out").textContent = "file " + $("file").files[0].size; };
    let moves = 0;
    $("pad").onpointermove = (event) => { if (event.buttons) $("out").textContent = "drawn " + (moves += 1); };
  }
}
class Outer extends HTMLElement { constructor() { super(); this.attachShadow({ mode: "open" }).innerHTML = "<x-inner></x-inner>"; } }
customElements.define("x-inner", Inner);
customElements.define("x-outer", Outer);
</script>`;
const worker = `
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
const tell = (event, what) => event.waitUntil(fetch("/report?what=" + encodeURIComponent(what)));
self.addEventListener("sync", (event) => tell(event, "sync " + event.tag));
self.addEventListener("push", (event) => { event.waitUntil(self.registration.showNotification("hello")); tell(event, "push " + event.data.text()); });`;
let server, origin, folder;
const reports = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "pannier-harness-"));
  server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    const give = (type, text) => { response.setHeader("content-type", type); response.end(text); };
    if (url.pathname === "/report") { reports.push(url.searchParams.get("what")); give("text/plain", "ok"); }
    else if (url.pathname === "/sw.js") give("text/javascript", worker);
    else give("text/html", page);
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  origin = `http://localhost:${server.address().port}`;
});
after(() => { server.closeAllConnections(); server.close(); rmSync(folder, { recursive: true, force: true }); });

const reported = (what) => until(() => reports.includes(what), { what: `the report "${what}", not only ${reports}` });

const count = `() => new Promise((resolve, reject) => {
  const open = indexedDB.open("kept", 1);
  open.onupgradeneeded = () => open.result.createObjectStore("s");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const transaction = open.result.transaction("s", "readwrite", { durability: "strict" });
    const read = transaction.objectStore("s").get("k");
    read.onsuccess = () => transaction.objectStore("s").put((read.result ?? 0) + 1, "k");
    transaction.oncomplete = () => resolve((read.result ?? 0) + 1);
  };
})`;

const camera = `async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: stream });
  await video.play();
  return [video.videoWidth, video.videoHeight];
}`;

async function works({ driver }) {
  await driver.get(origin);
  await type(driver, "[data-test=field]", "abc");
  await tap(driver, "[data-test=late]");
  await says(driver, "[data-test=out]", "tapped abc");
  await draw(driver, "[data-test=pad]", [[0.1, 0.1], [0.5, 0.9], [0.9, 0.1]]);
  await says(driver, "[data-test=out]", "drawn");
  await assert.rejects(find(driver, "[data-test=none]", { ms: 200 }), /in vain for \[data-test=none\]/);
  await assert.rejects(evaluate(driver, "() => { throw new RangeError('mine'); }"), /RangeError: mine/);
  const size = await evaluate(driver, camera);
  assert.ok(size[0] > 0, `camera of ${size}`);
  await harness.showLabel(driver, `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>`, { width: 320, height: 200 });
  assert.deepEqual(await evaluate(driver, camera), [320, 200]);
  await harness.showDevice(driver);
  assert.deepEqual(await evaluate(driver, camera), size);
}

for (const engine of ["chromium", "firefox", "webkit"]) {
  test(`${engine}: finds, taps, types and draws through shadow roots`, async () => {
    const browser = await harness.openBrowser({ engine });
    try {
      await works(browser);
      await harness.choose(browser.driver, "[data-test=file]", import.meta.filename);
      await says(browser.driver, "[data-test=out]", `file ${statSync(import.meta.filename).size}`);
      const registered = await evaluate(browser.driver, "async () => { await navigator.serviceWorker.register('/sw.js'); const ready = await navigator.serviceWorker.ready; return [Boolean(ready.active), 'sync' in ready, self.isSecureContext, 'locks' in navigator]; }");
      console.log(engine, "worker, sync, secure, locks:", registered.join(" "));
    } finally {
      await browser.close();
    }
    assert.deepEqual(family(process.pid).filter((pid) => pid !== process.pid).length <= 1, true, "only a display may be left");
  });
}

for (const engine of ["chromium", "firefox", "webkit"]) {
  test(`${engine}: is killed and finds its data again`, async () => {
    const profileDir = join(folder, engine);
    for (const expected of [1, 2, 3]) {
      const browser = await harness.openBrowser({ engine, profileDir });
      await browser.driver.get(origin);
      assert.equal(await evaluate(browser.driver, count), expected);
      await browser.kill();
    }
  });
}

test("webkit without its driver: finds, taps, types and draws all the same", async () => {
  const browser = await harness.openBrowser({ engine: "webkit", profileDir: join(folder, "plain") });
  try { await works(browser); } finally { await browser.close(); }
});

test("chromium: sync and push reach the worker with every page closed; the camera sees a label", async () => {
  const video = harness.makeCameraVideo({ codes: ["PKT-0001", "PKT-0002"], out: join(folder, "label.y4m") });
  const browser = await harness.openBrowser({ engine: "chromium", camera: video });
  try {
    await browser.driver.get(origin);
    assert.deepEqual(await evaluate(browser.driver, camera), [640, 480]);
    const file = join(folder, "dark.png");
    await harness.screenshot(browser, file, { dark: true });
    assert.ok(statSync(file).size > 1_000);
    await evaluate(browser.driver, "async () => { await navigator.serviceWorker.register('/sw.js'); await navigator.serviceWorker.ready; }");
    await browser.driver.get("about:blank");
    const devtools = await browser.devtools();
    const scope = await devtools.serviceWorker(`${origin}/`);
    await scope.sync("outbox");
    await reported("sync outbox");
    await scope.stop();
    await scope.push('{"a":1}');
    await reported('push {"a":1}');
    await scope.close();
  } finally {
    await browser.close();
  }
});
