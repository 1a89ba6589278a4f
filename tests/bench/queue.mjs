// What the queue costs, as ratios to what an app without it would do in the same browser at the same
// time: both sides take turns, so that whatever else the machine does falls on both. A side is its
// median, or where much is short the mean of its middle half. Ends with 1 and names the ratio that is over its limit.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate, openBrowser, says } from "../browser/lib/index.mjs";
import { family } from "../browser/lib/programs.mjs";
import { build } from "../../scripts/build.mjs";
import { Failure, isMain, main, options } from "../../scripts/lib/run.mjs";
import { table, under } from "../../scripts/lib/table.mjs";
import { ensure } from "../../scripts/setup.mjs";
import { startBackend } from "../faults/backend.mjs";
import { pannierFiles } from "../faults/files.mjs";
import { profileFor } from "../faults/profile.mjs";
import { runWorkbox } from "../faults/workbox.mjs";

const READY_MS = 60_000, SCRIPT_MS = 600_000, SHIFT_STOPS = 60, BROWSERS = 3;
const engines = ["chromium", "firefox", "webkit"];
const parts = ["recording", "photo", "replay", "replay_0", "grown", "shift"];

const median = (values) => {
  const sorted = [...values].sort((one, other) => one - other), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};
/** The mean of the middle half: as deaf to a pause as a median, and not as coarse as the clock, which tells whole milliseconds in Firefox. */
const middle = (values) => {
  const sorted = [...values].sort((one, other) => one - other), quarter = Math.floor(sorted.length / 4);
  const half = sorted.slice(quarter, sorted.length - quarter);
  return half.reduce((sum, value) => sum + value, 0) / half.length;
};
const rounded = (value, digits = 2) => Number(value.toFixed(digits));

/** What a page of this engine is asked to do, on a backend of its own. */
async function withPage(engine, work, { stops } = {}) {
  const profile = profileFor("header");
  const backend = await startBackend({ identity: "header", stops, files: await pannierFiles(profile, { page: "tests/bench/pages/queue.mjs" }) });
  // On a disk, as on a phone: under its driver WebKit would keep all of it in memory.
  const profileDir = mkdtempSync(join(tmpdir(), `pannier-bench-${engine}-`));
  let browser;
  try {
    browser = await openBrowser({ engine, permissions: [], profileDir });
    await browser.driver.manage().setTimeouts({ script: SCRIPT_MS });
    await browser.driver.get(`${backend.page}/`);
    await says(browser.driver, "body", "ready", { ms: READY_MS });
    backend.begin();
    return await work({ backend, browser, ask: (name, ...given) => evaluate(browser.driver, `async (name, given) => queue[name](...given)`, name, given) });
  } finally {
    try { await browser?.close(); } finally {
      await backend.stop();
      rmSync(profileDir, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

/** One figure: ours against theirs, and what it may be at most (or, for a peer, at least). */
function figure([what, against], ours, theirs, { most, least, unit = "ms" }) {
  const ratio = rounded(ours / theirs);
  return { what, against, ours: rounded(ours), theirs: rounded(theirs), unit, ratio, ...(most ? { limit: `<= ${most}`, kept: ratio <= most } : {}), ...(least ? { limit: `>= ${least}`, kept: ratio >= least } : {}) };
}

/**
 * Both sides once as the page comes to it, and then when the browser has compiled what both go through: that is the figure
 * with the limit. The first shows what a page that was just opened is like. In three browsers one after the other, and the
 * middle of all: how a browser compiles differs from one start to the next, by more than from one round to the next.
 */
async function twice(engine, [what, against], limit, first, then = first) {
  const found = { first: [], then: [] };
  for (let start = 0; start < BROWSERS; start += 1) {
    await withPage(engine, async ({ ask }) => {
      found.first.push(await first(ask));
      found.then.push(await then(ask));
    });
  }
  const one = (name, rounds, given) => figure([name, against], middle(rounds.flatMap(({ ours }) => ours)), middle(rounds.flatMap(({ theirs }) => theirs)), given);
  return [one(what, found.then, limit), one(`${what}, the first in a page`, found.first, {})];
}

/** Milliseconds of whole replays, by turns. */
async function replays(ask, operations, turns) {
  const times = { ours: [], theirs: [] };
  for (let turn = 0; turn < turns; turn += 1) {
    const order = ["ours", "theirs"];
    for (const side of turn % 2 ? order.reverse() : order) times[side].push(await ask("replay", side === "ours" ? "pannier" : "commits", operations));
  }
  return times;
}

const measures = {
  recording: (engine) => twice(engine, ["recording one operation", "plain JavaScript"], { most: 1.25 }, (ask) => ask("recording", 30, 10)),

  photo: (engine) => twice(engine, ["recording a photo of 200 KB", "plain JavaScript"], { most: 1.25 }, (ask) => ask("photographing", 20, 4)),

  replay: (engine, { operations = 1_000 } = {}) => withPage(engine, async ({ ask, backend }) => {
    backend.latencyMs = 50;
    const times = { pannier: [], raw: [] };
    for (const who of ["pannier", "raw", "raw", "pannier"]) times[who].push(await ask("replay", who, operations));
    const ours = median(times.pannier);
    const found = [figure([`sending ${operations} at 50 ms`, "fetch alone, 4 at once"], ours, median(times.raw), { most: 1.2 })];
    if (engine === "chromium") {
      const { replayMs } = await runWorkbox({ fault: { latencyMs: 50 }, identity: "header", count: operations });
      found.push({ ...figure([`sending ${operations} at 50 ms`, "Workbox: how many times faster"], replayMs, ours, { least: 3.5 }), ours: rounded(ours), theirs: rounded(replayMs) });
    }
    return found;
  }),

  replay_0: (engine, { operations = 400 } = {}) =>
    twice(engine, [`sending ${operations} at 0 ms`, "fetch and the same commits"], { most: 1.3 }, (ask) => replays(ask, operations, 1), (ask) => replays(ask, operations, 4)),

  grown: (engine, { settled = 20_000 } = {}) => withPage(engine, async ({ ask, backend }) => {
    const sizes = [10, 1_000, 5_000];
    for (const size of sizes) await ask("fill", `waiting-${size}`, size, settled);
    backend.begin({ fault: "later" });
    await ask("grown", 2, 3);
    const found = await ask("grown", 24, 5);
    const of = (size, what) => middle(found[`waiting-${size}`][what]);
    return sizes.slice(1).flatMap((size) => [
      figure([`a wake-up, ${size} waiting and ${settled} settled`, "10 waiting"], of(size, "wake"), of(10, "wake"), { most: 1.5 }),
      figure([`recording, ${size} waiting and ${settled} settled`, "10 waiting"], of(size, "record"), of(10, "record"), { most: 1.3 }),
    ]);
  }),

  shift: (engine) => withPage(engine, async ({ ask, backend, browser }) => {
    const measured = async (who) => {
      const [cpu, wire] = [cpuMs(browser.folder), backend.wire()];
      await ask("shift", who, SHIFT_STOPS);
      const now = backend.wire();
      return { cpu: cpuMs(browser.folder) - cpu, up: now.up - wire.up, down: now.down - wire.down };
    };
    // Each side pays for what the browser has to warm up in its first run.
    const theirs = await measured("plain");
    const ours = await measured("pannier");
    return [
      figure([`CPU of a shift of ${SHIFT_STOPS} stops`, "plain JavaScript"], ours.cpu, theirs.cpu, {}),
      figure([`bytes sent in a shift of ${SHIFT_STOPS} stops`, "plain JavaScript"], ours.up, theirs.up, { unit: "bytes" }),
      figure([`bytes received in a shift of ${SHIFT_STOPS} stops`, "plain JavaScript"], ours.down, theirs.down, { unit: "bytes" }),
    ];
  }, { stops: SHIFT_STOPS }),
};

/** Processor time of everything that belongs to this browser, in ms. */
function cpuMs(folder) {
  const TICKS_PER_S = 100;
  return family(-1, folder).reduce((sum, pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13).map(Number);
      return sum + ((user + system) * 1_000) / TICKS_PER_S;
    } catch {
      return sum;
    }
  }, 0);
}

if (isMain(import.meta)) {
  await main(async () => {
    const given = options(process.argv.slice(2), {
      json: { help: "{ figures } as JSON on standard output" },
      browser: { value: "a,b", help: "only these: chromium, firefox, webkit" },
      part: { value: "a,b", help: `only these: ${parts.join(", ")}` },
    }, { usage: "npm run bench:queue -- [options]" });
    const chosen = (name, known) => {
      const wanted = given[name]?.split(",") ?? known;
      const unknown = wanted.find((one) => !known.includes(one));
      if (unknown) throw new Failure(`there is no ${name} ${unknown}: ${known.join(", ")}`);
      return wanted;
    };
    await ensure({ tests: true });
    await build({ say: () => undefined });
    const figures = [];
    for (const browser of chosen("browser", engines)) {
      for (const part of chosen("part", parts)) {
        const found = (await measures[part](browser)).map((one) => ({ browser, ...one }));
        for (const one of found) console.error(`${browser}: ${one.what}, against ${one.against}: ${one.ratio}${one.limit ? ` (${one.limit})` : ""}`);
        figures.push(...found);
      }
    }
    if (given.json) console.log(JSON.stringify({ figures }, undefined, 1));
    else console.log(`\n${table(under(["browser", "what", "against", "ours", "theirs", "unit", "ratio", "limit"], figures), { names: 3 })}`);
    const over = figures.filter(({ kept }) => kept === false);
    if (over.length) throw new Failure(over.map(({ browser, what, against, ratio, limit }) => `${browser}: ${what}, against ${against}: ${ratio}, must be ${limit}`).join("\n"));
  });
}
