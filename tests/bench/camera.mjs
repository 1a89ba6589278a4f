// The scanner on a fed camera, in the app itself: how long from the tap to the camera's picture and
// to the first parcel, how many parcels a minute when labels pass the lens faster than a hand holds
// them up, and the longest task that scanning puts on the page's main thread (PANNIER_TRACE=1 says
// what it is made of). The raw limit is the video: what is not shown nobody reads. Chromium only: no
// other engine here plays a video for its camera, and none tells of long tasks.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate, find, startSandbox, tap, until } from "../browser/lib/index.mjs";
import { arrive, arriveAtWork, on, signIn, toScanner, toStop } from "../browser/stories/courier.mjs";
import { labelVideo } from "../browser/stories/labels.mjs";
import { operations } from "../browser/stories/store.mjs";
import { build } from "../../scripts/build.mjs";
import { Failure, isMain, main, must, options } from "../../scripts/lib/run.mjs";
import { table, under } from "../../scripts/lib/table.mjs";
import { ensure } from "../../scripts/setup.mjs";

const engine = "chromium";
/** ms from the tap to the camera's picture, the permission being there; of the median */
const PICTURE_MS_MAX = 1_000;
/** ms that a task may take on the main thread while codes are read */
const TASK_MS_MAX = 50;
/** Labels of the van, as the sandbox numbers them; those of the pickup are none of it. */
const labels = Array.from({ length: 10 }, (_, index) => `PN-7H2K-00${String(index + 1).padStart(2, "0")}`);
/** Each label is before the lens for 0.6 s and gone for 0.2 s: 75 a minute, which no hand does. */
const video = { fps: 15, framesEach: 9, framesBetween: 3 };
const shownPerMinute = (60 * video.fps) / (video.framesEach + video.framesBetween);

const median = (values) => [...values].sort((one, other) => one - other)[values.length >> 1];

/** Moments by the page's clock: the tap, the camera's first picture, the first ticked parcel. */
const watch = `() => {
  const seen = window.seen = { tap: undefined, picture: undefined, parcel: undefined };
  addEventListener("click", ({ timeStamp }) => { seen.tap ??= timeStamp; }, { capture: true, once: true });
  const look = () => {
    if (seen.picture === undefined && document.querySelector("pannier-scanner")?.shadowRoot?.querySelector("video")?.videoWidth > 0) seen.picture = performance.now();
    if (seen.parcel === undefined && document.querySelector("[data-ticked=true]")) seen.parcel = performance.now();
    if (seen.parcel === undefined) requestAnimationFrame(look);
  };
  look();
}`;

/**
 * What the page's main thread is given until `end` is called: the longest task, by the time that the
 * processor worked on it, which a busy machine does not stretch; and what it was mostly about.
 */
async function traced({ browser, page }) {
  const devtools = await browser.devtools();
  const events = [];
  let complete = false;
  const off = devtools.on(({ method, params }) => {
    if (method === "Tracing.dataCollected") events.push(...params.value);
    if (method === "Tracing.tracingComplete") complete = true;
  });
  await devtools.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel", "devtools.timeline", "v8"] } });
  return async function end() {
    await devtools.send("Tracing.end");
    await until(() => complete, { what: "the trace", ms: 60_000 });
    off();
    // The page's process is the one that drew the page; its main thread has this name.
    const drew = new Set(events.filter(({ args }) => args?.data?.url?.startsWith?.(page)).map(({ pid }) => pid));
    const mains = new Set(events.filter(({ name, args, pid }) => name === "thread_name" && args.name === "CrRendererMain" && drew.has(pid)).map(({ pid, tid }) => `${pid} ${tid}`));
    const there = events.filter(({ pid, tid, tdur }) => tdur > 0 && mains.has(`${pid} ${tid}`));
    const tasks = there.filter(({ name }) => name === "ThreadControllerImpl::RunTask").sort((one, other) => other.tdur - one.tdur);
    const inside = (task) => there.filter((one) => one !== task && one.tid === task.tid && one.ts >= task.ts && one.ts + one.dur <= task.ts + task.dur)
      .sort((one, other) => other.tdur - one.tdur).slice(0, 8).map(({ name, tdur, args }) => `${name} ${(tdur / 1000).toFixed(1)} ${args?.data?.functionName ?? ""}`.trim());
    return tasks.slice(0, 3).map((task) => ({ ms: Number((task.tdur / 1000).toFixed(1)), inside: inside(task) }));
  };
}

async function withCamera(server, codes, options, work) {
  const folder = mkdtempSync(join(tmpdir(), "pannier-bench-camera-"));
  const camera = await labelVideo(server, codes, { out: join(folder, "labels.y4m"), ...options });
  const courier = await arriveAtWork({ engine, server, browser: { camera } });
  try {
    return await work(courier);
  } finally {
    await courier.leave();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** From the tap on "Scan parcels" to picture and parcel, in a fresh browser each time: nothing is warm. */
async function opening(times) {
  const found = [];
  for (let turn = 0; turn < times; turn += 1) {
    const server = await startSandbox();
    try {
      await withCamera(server, [labels[0]], { framesEach: 15, framesBetween: 0 }, async (courier) => {
        await signIn(courier);
        await arrive(courier, "st-01");
        await evaluate(courier.driver, watch);
        await tap(courier.driver, on("scan"));
        found.push(await until(() => courier.driver.executeScript("return window.seen.parcel === undefined ? null : window.seen"), { what: "the first parcel", ms: 60_000 }));
      });
    } finally {
      await server.stop();
    }
  }
  const picture = median(found.map(({ tap: from, picture: at }) => at - from)), parcel = median(found.map(({ tap: from, parcel: at }) => at - from));
  return [
    { what: "from the tap to the camera's picture", value: Math.round(picture), unit: "ms", limit: `<= ${PICTURE_MS_MAX}`, kept: picture <= PICTURE_MS_MAX },
    { what: "from the tap to the first parcel on record", value: Math.round(parcel), unit: "ms" },
  ];
}

/** The van is loaded from a belt: what is recorded of what passes, and what it does to the page. */
async function belt() {
  const server = await startSandbox();
  try {
    return await withCamera(server, labels, video, async (courier) => {
      const { driver } = courier;
      await signIn(courier);
      // The scanner is warm: its opening is measured above.
      await toStop(courier, "st-04");
      await arrive(courier, "st-04");
      await toScanner(courier, "st-04");
      await find(driver, `[data-test=verdict][data-tone]`, { ms: 60_000 });
      await driver.executeScript("location.hash = '#/load'");
      await find(driver, "pannier-scanner");
      await evaluate(driver, `() => {
        window.tasks = [];
        window.scripts = [];
        new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
        new PerformanceObserver((list) => window.scripts.push(...list.getEntries().flatMap(({ scripts }) => scripts.map(({ duration }) => duration)))).observe({ type: "long-animation-frame" });
      }`);
      const end = await traced(courier);
      const loads = async () => (await operations(driver)).filter(({ intent }) => intent.kind === "load");
      // Nothing is asked of the page meanwhile: the driver's own questions are tasks too.
      await until(async () => (await driver.executeScript("return Number(document.querySelector(arguments[0])?.dataset.loaded ?? 0)", on("tally"))) >= labels.length,
        { what: "every label on record", ms: 120_000, every: 1_000 });
      const [worst, ...next] = await end();
      if (process.env.PANNIER_TRACE) console.error(JSON.stringify([worst, ...next], undefined, 1));
      const recorded = await loads();
      const times = recorded.map(({ recorded: { at } }) => at).sort((one, other) => one - other);
      const perMinute = ((recorded.length - 1) * 60_000) / (times.at(-1) - times[0]);
      const longestOf = async (name) => Math.round(Math.max(0, ...await driver.executeScript("return window[arguments[0]]", name)));
      const longest = await longestOf("tasks");
      const stats = await driver.executeScript("return document.querySelector('pannier-scanner').stats");
      return [
        { what: "parcels a minute", value: Math.round(perMinute), unit: "", against: `${shownPerMinute} shown`, ratio: Number((perMinute / shownPerMinute).toFixed(2)) },
        { what: "frames looked at in a second", value: Number(stats.fps.toFixed(1)), unit: "", against: `${video.fps} shown`, ratio: Number((stats.fps / video.fps).toFixed(2)) },
        { what: "longest script of a slow frame (0: no frame over 50)", value: await longestOf("scripts"), unit: "ms" },
        { what: "longest task on the main thread, processor time", value: worst?.ms ?? 0, unit: "ms", limit: `<= ${TASK_MS_MAX}`, kept: (worst?.ms ?? 0) <= TASK_MS_MAX },
        // By the clock it counts what else the machine does meanwhile.
        { what: "the same by the clock (0: none over 50)", value: longest, unit: "ms" },
      ];
    });
  } finally {
    await server.stop();
  }
}

if (isMain(import.meta)) {
  await main(async () => {
    const given = options(process.argv.slice(2), {
      json: { help: "{ figures } as JSON on standard output" },
      times: { value: "number", help: "openings (default 5)" },
    }, { usage: "npm run bench:camera -- [options]" });
    const times = Number(given.times ?? 5);
    if (!(Number.isInteger(times) && times > 0)) throw new Failure("--times needs a number above 0");
    await ensure({ tests: true });
    await build({ say: () => undefined });
    await must("cargo", ["build", "--release", "-q", "-p", "pannier-sandbox"]);
    const figures = [...await opening(times), ...await belt()];
    if (given.json) console.log(JSON.stringify({ figures }, undefined, 1));
    else console.log(`\n${table(under(["what", "value", "unit", "against", "ratio", "limit"], figures))}`);
    const over = figures.filter(({ kept }) => kept === false);
    if (over.length) throw new Failure(over.map(({ what, value, unit, limit }) => `${what}: ${value} ${unit}, must be ${limit}`).join("\n"));
  });
}
