// The self-check as a person runs it, and its report read back as a program does.

import assert from "node:assert/strict";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { dist } from "../../../scripts/lib/paths.mjs";
import { evaluate, find, openBrowser, tap, text, until } from "../lib/index.mjs";

export const on = (name) => `[data-test="${name}"]`;

/** A browser with the check open in it, put away however the story ends. */
export const withPhone = ({ engine, page, ...options }, story) => async (context) => {
  const browser = await openBrowser({ engine, ...options });
  const phone = { engine, browser, driver: browser.driver, page: await page() };
  try {
    await phone.driver.get(`${phone.page}/selfcheck`);
    await story(phone, context);
  } catch (error) {
    const seen = await phone.driver.executeScript("return [location.href, document.body.innerText]").catch(() => []);
    error.message += `\n--- on the screen: ${seen.join("\n")}\n---`;
    throw error;
  } finally {
    await browser.close();
  }
};

const place = ({ driver }) => driver.executeScript(`
  const there = (name) => document.querySelector('[data-test="' + name + '"]');
  return there("now")?.dataset.step ?? (there("allow") ? "ask" : there("beats") ? "sleep" : there("report") ? "report" : "");`);

/**
 * Taps Start and whatever is asked until the screen that says to lock the phone. `meanwhile` is told
 * each step once, and `true` from it means that the story goes on elsewhere.
 */
export async function run(phone, meanwhile = () => false) {
  await tap(phone.driver, on("start"));
  let last;
  await until(async () => {
    const now = await place(phone);
    if (now === last) return false;
    last = now;
    if (now === "sleep" || await meanwhile(now)) return true;
    if (now === "ask") await tap(phone.driver, on("allow"));
    return false;
  }, { what: "the screen that says to lock the phone", ms: 150_000, every: 15 });
}

/** The hearts of page and workers have beaten so often since. */
export const beats = ({ driver }, count) => until(async () => {
  const beaten = await driver.executeScript(`return Number(document.querySelector('${on("beats")}')?.dataset.beats)`);
  return beaten >= count;
}, { what: `${count} beats`, ms: 15_000 });

export async function report({ driver }) {
  await find(driver, on("report"), { ms: 60_000 });
  return driver.executeScript(`return document.querySelector('${on("report")}').textContent`);
}

/** name: { outcome, values: { key: value }, words: [...], error? }, as docs/devices.md describes it. */
export function parsed(report) {
  const [first, ...lines] = report.trimEnd().split("\n");
  assert.equal(first, "pannier-selfcheck 1");
  return Object.fromEntries(lines.map((line) => {
    const [said, error] = line.split(" -- ");
    const [name, outcome, ...rest] = said.split(" ");
    assert.match(outcome, /^(?:ok|absent|refused|failed|skipped)$/, line);
    const values = Object.fromEntries(rest.filter((one) => one.includes("=")).map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)]));
    return [name, { outcome, values, words: rest.filter((one) => !one.includes("=")), ...(error === undefined ? {} : { error }) }];
  }));
}

/** What docs/devices.md says of the QR code, turned round. */
export const fromQr = (code) => code.toLowerCase().replace(/[%$*]/g, (one) => ({ "%": "\n", $: "=", "*": "," })[one]);

/** The code on the screen, read from its pixels by the scanner that ships. */
export const shownCode = ({ driver }) => evaluate(driver, `async () => {
  const canvas = document.querySelector('[data-test="qr-code"]');
  const { width, height } = canvas;
  const rgba = canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer;
  const worker = new Worker("/scanner-worker.js");
  try {
    return await new Promise((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data }) => {
        if (data.type === "ready") worker.postMessage({ type: "frame", id: 1, source: { rgba, width, height }, still: true }, [rgba]);
        else if (data.type === "result") resolve({ texts: data.codes.map(({ text }) => text), version: Number(canvas.dataset.version) });
        else reject(new Error(JSON.stringify(data)));
      };
      worker.postMessage({ type: "start", wasm: "/scan.wasm" });
    });
  } finally {
    worker.terminate();
  }
}`);

/** What the check leaves in the browser: databases and workers by name. */
export const left = ({ driver }) => evaluate(driver, `async () => ({
  databases: (await indexedDB.databases()).map(({ name }) => name).filter((name) => name !== "pannier").sort(),
  workers: (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => new URL(scope).pathname).filter((scope) => scope !== "/"),
})`);

/** A database that a worker held goes once the worker is gone, which a browser may put off. */
export async function nothingLeft(phone) {
  let found;
  await until(async () => {
    found = await left(phone);
    return found.databases.length + found.workers.length === 0;
  }, { what: "the check's databases and workers to be gone" }).catch((error) => { throw new Error(`${error.message}: ${JSON.stringify(found)}`); });
}

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml", ".png": "image/png" };

/** Any host that serves files and takes nothing. */
export async function staticHost(folder = process.env.PANNIER_DIST ?? dist) {
  const server = createServer((request, answer) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = [join(folder, pathname), join(folder, `${pathname}.html`)].find((one) => existsSync(one) && statSync(one).isFile());
    if (request.method !== "GET" && request.method !== "HEAD") return answer.writeHead(405).end();
    if (!file) return answer.writeHead(404).end();
    answer.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
    return request.method === "HEAD" ? answer.end() : createReadStream(file).pipe(answer);
  });
  await new Promise((resolve) => { server.listen(0, "localhost", resolve); });
  return { page: `http://localhost:${server.address().port}`, stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

export const says = async (phone, selector) => { await find(phone.driver, selector); return text(phone.driver, selector); };
