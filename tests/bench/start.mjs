// How long it takes from the tap on the Home Screen to a route that can be used: a browser that was
// not running, a worker that was not either, and no network; or one that takes requests and answers
// none. Read from the page's own clock, which begins with the navigation. Beside it stands what the
// browser and its worker took to give the page's HTML out of the cache, which no app gets below; and
// in Chromium what the main thread worked for it, which other programs on the machine do not change.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBrowser, startSandbox, until } from "../browser/lib/index.mjs";
import { allSent, comeBack, shellIsCached, signIn } from "../browser/stories/courier.mjs";
import { build } from "../../scripts/build.mjs";
import { Failure, isMain, main, must, options } from "../../scripts/lib/run.mjs";
import { table, under } from "../../scripts/lib/table.mjs";
import { ensure } from "../../scripts/setup.mjs";

const engines = ["chromium", "firefox", "webkit"];
const networks = ["hanging", "none"];
/** Of the median, in ms. */
const USABLE_MS_MAX = 1_000;
const sorted = (values) => [...values].sort((one, other) => one - other);
const quantile = (values, share) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * share))];
const rounded = (value) => Math.round(value);

/** One launch: when what was there, in ms since the navigation began. */
async function launch(engine, profileDir, page) {
  const browser = await openBrowser({ engine, profileDir, permissions: [] });
  try {
    if (engine === "chromium") await browser.cdp("Performance.enable", { timeDomain: "threadTicks" });
    await browser.driver.get(`${page}/`);
    const found = await until(() => browser.driver.executeScript(`
      const usable = performance.getEntriesByName("pannier-usable")[0]?.startTime;
      if (usable === undefined) return null;
      const end = (name) => performance.getEntriesByType("resource").find((entry) => entry.name.endsWith(name))?.responseEnd;
      return { html: performance.getEntriesByType("navigation")[0].responseEnd, script: end("/app.js"), core: end("/core.wasm"), usable, stops: document.querySelectorAll("a.stop").length };`),
    { what: `a route on ${engine}'s screen`, ms: 60_000 });
    const { metrics = [] } = engine === "chromium" ? await browser.cdp("Performance.getMetrics") : {};
    const worked = metrics.find(({ name }) => name === "ThreadTime");
    return { ...found, ...(worked ? { cpu: worked.value * 1_000 } : {}) };
  } finally {
    await browser.close();
  }
}

/** Every launch of one engine, with a courier who signed in yesterday. */
async function measured(engine, times) {
  const server = await startSandbox();
  const profileDir = mkdtempSync(join(tmpdir(), `pannier-start-${engine}-`));
  try {
    const courier = { engine, server, page: server.page };
    courier.browser = await openBrowser({ engine, profileDir, permissions: [] });
    courier.driver = courier.browser.driver;
    await courier.driver.get(`${server.page}/`);
    await signIn(courier);
    await shellIsCached(courier);
    await allSent(courier);
    // The worker has seen a launch: from here on it is one of many.
    await comeBack(courier);
    await courier.browser.close();
    const figures = [];
    for (const network of networks) {
      // A server that stands still takes connections and answers none; one that is gone refuses them.
      if (network === "hanging") process.kill(server.pid, "SIGSTOP");
      else {
        process.kill(server.pid, "SIGCONT");
        await server.stop();
      }
      const launches = [];
      for (let turn = 0; turn < times; turn += 1) launches.push(await launch(engine, profileDir, server.page));
      const of = (name) => launches.map((one) => one[name]);
      const median = quantile(of("usable"), 0.5), html = quantile(of("html"), 0.5);
      figures.push({
        browser: engine, network, launches: times, html: rounded(html), script: rounded(quantile(of("script"), 0.5) ?? NaN), core: rounded(quantile(of("core"), 0.5) ?? NaN),
        ...(launches.every(({ cpu }) => cpu !== undefined) ? { cpu: rounded(quantile(of("cpu"), 0.5)) } : {}),
        median: rounded(median), p95: rounded(quantile(of("usable"), 0.95)), ratio: Number((median / Math.max(1, html)).toFixed(1)),
        // Firefox is measured; what was promised is the other two.
        ...(engine === "firefox" ? {} : { limit: `<= ${USABLE_MS_MAX}`, kept: median <= USABLE_MS_MAX }),
      });
      console.error(`${engine}, network ${network}: ${rounded(median)} ms to a usable route (HTML after ${rounded(html)})`);
    }
    return figures;
  } finally {
    try { process.kill(server.pid, "SIGCONT"); } catch { /* It has ended. */ }
    await server.stop().catch(() => undefined);
    rmSync(profileDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

if (isMain(import.meta)) {
  await main(async () => {
    const given = options(process.argv.slice(2), {
      json: { help: "{ figures } as JSON on standard output" },
      browser: { value: "a,b", help: "only these: chromium, firefox, webkit" },
      times: { value: "number", help: "launches of each kind (default 9)" },
    }, { usage: "npm run bench:start -- [options]" });
    const wanted = given.browser?.split(",") ?? engines;
    const unknown = wanted.find((one) => !engines.includes(one));
    if (unknown) throw new Failure(`there is no browser ${unknown}: ${engines.join(", ")}`);
    const times = Number(given.times ?? 9);
    if (!(Number.isInteger(times) && times > 0)) throw new Failure("--times needs a number above 0");
    await ensure({ tests: true });
    await build({ say: () => undefined });
    await must("cargo", ["build", "--release", "-q", "-p", "pannier-sandbox"]);
    const figures = [];
    for (const engine of wanted) figures.push(...await measured(engine, times));
    if (given.json) console.log(JSON.stringify({ figures }, undefined, 1));
    else console.log(`\n${table(under(["browser", "network", "launches", "html", "script", "core", "cpu", "median", "p95", "ratio", "limit"], figures), { names: 2 })}\n\nms since the navigation began, but for cpu: work of the main thread; medians, but for p95`);
    const over = figures.filter(({ kept }) => kept === false);
    if (over.length) throw new Failure(over.map(({ browser, network, median }) => `${browser}, network ${network}: ${median} ms to a usable route, must be <= ${USABLE_MS_MAX}`).join("\n"));
  });
}
