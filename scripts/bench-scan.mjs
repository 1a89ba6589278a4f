// Measures the scanner that ships: how many codes of each set of pictures it reads, and how long a
// frame takes, beside the other scanners that a browser can have, in one JavaScript engine.

import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { at, cache } from "./lib/paths.mjs";
import { Failure, isMain, main, must, options } from "./lib/run.mjs";
import { modules } from "./lib/wasm.mjs";
import { buildModules } from "./build.mjs";
import { ensure } from "./setup.mjs";

const shared = ["manifest.jsonl", "frames.jsonl"].map((file) => at("..", "shared", "qr", file));
/** Our own frames: seed and frames of each family. */
const SEED = 1, EACH = 8;
/** Each time is the best of so many, ours and the peer's in turns: what else the machine does falls out. */
const TIMES = 5;
/** An empty frame stays before the lens this long, so that every try of the live scanner has its turn. */
const EMPTY_RUN = 24;

const pictures = (args) => must("cargo", ["run", "--release", "-q", "-p", "pannier-scan", "--example", "pictures", "--", ...args], { quiet: true });

/** The project's own frames, rendered unless they are there. */
async function rendered(seed, each) {
  const hash = createHash("sha256");
  for (const file of ["main.rs", "render.rs"]) hash.update(readFileSync(at("core", "scan", "examples", "pictures", file)));
  const folder = join(cache, "bench", `frames-${hash.digest("hex").slice(0, 12)}-${seed}-${each}`);
  const manifest = join(folder, "manifest.jsonl"), done = join(folder, "done");
  if (!existsSync(done)) {
    console.error(`rendering ${each} frames of each family`);
    await pictures(["render", folder, "--seed", String(seed), "--each", String(each)]);
    mkdirSync(done);
  }
  return manifest;
}

/** Every picture as RGBA in a file of its own, and the rows that name them. */
async function decoded(manifests) {
  const key = createHash("sha256");
  for (const file of manifests) key.update(`${file}\0${statSync(file).mtimeMs}\0`).update(readFileSync(file));
  const folder = join(cache, "bench", `pixels-${key.digest("hex").slice(0, 16)}`), done = join(folder, "done");
  if (!existsSync(done)) {
    rmSync(folder, { recursive: true, force: true });
    console.error("decoding the pictures");
    await pictures(["decode", folder, ...manifests]);
    mkdirSync(done);
  }
  return readFileSync(join(folder, "rows.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line))
    .map((row) => ({ ...row, pixels: join(folder, row.pixels) }));
}

async function ours() {
  const { out, name } = modules.find(({ file }) => file === "scan.wasm");
  const bytes = readFileSync(at(out, `${name}_bg.wasm`));
  const glue = await import(pathToFileURL(at(out, `${name}.js`)).href);
  const { memory } = await glue.default({ module_or_path: bytes });
  const scanner = new glue.Scanner();
  const read = (image, still) => {
    const address = scanner.buffer(image.width, image.height) >>> 0;
    new Uint8Array(memory.buffer, address, image.data.length).set(image.data);
    return scanner.scan(image.width, image.height, still ? undefined : performance.now());
  };
  return {
    size: gzipSync(bytes, { level: 9 }).length,
    /** a frame as if it were the first */
    scan(image, still) {
      scanner.forget();
      return read(image, still);
    },
    /** a frame after others */
    next: (image) => read(image, false),
    found: ({ codes }) => codes.map(({ bytes: found }) => found),
  };
}

async function zxing() {
  const { prepareZXingModule, readBarcodes } = await import("zxing-wasm/reader");
  const wasmBinary = readFileSync(at("node_modules", "zxing-wasm", "dist", "reader", "zxing_reader.wasm"));
  await prepareZXingModule({ overrides: { wasmBinary: wasmBinary.buffer.slice(wasmBinary.byteOffset, wasmBinary.byteOffset + wasmBinary.length) }, fireImmediately: true });
  const all = { tryHarder: true, tryRotate: true, tryInvert: true, tryDownscale: true, tryDenoise: true };
  const plain = { tryHarder: false, tryRotate: false, tryInvert: false, tryDownscale: false, tryDenoise: false };
  // Only the kind that stands in the picture: the peer at its fastest.
  const formats = ({ symbology }) => (symbology === "code128" ? ["Code128"] : ["QRCode"]);
  return {
    name: "zxing-wasm",
    scan: (image) => readBarcodes(image, { ...all, formats: formats(image) }),
    plain: (image) => readBarcodes(image, { ...plain, formats: formats(image) }),
    found: (results) => results.filter(({ isValid }) => isValid).map(({ bytes }) => bytes),
  };
}

async function jsqr() {
  const jsQR = (await import("jsqr")).default;
  const read = jsQR.default ?? jsQR;
  return {
    name: "jsQR",
    reads: ({ symbology }) => symbology !== "code128",
    scan: (image) => read(image.data, image.width, image.height, { inversionAttempts: "attemptBoth" }),
    found: (result) => (result ? [Uint8Array.from(result.binaryData)] : []),
  };
}

const charsets = ["utf-8", "latin1", "shift_jis", "gb18030", "big5", "euc-kr"];
const trimmed = (text) => text.replace(/[\s\0]+$/u, "");

/** What these bytes may say: a character set is nobody's to guess, so any of the usual ones will do. */
function sayings(bytes) {
  return charsets.flatMap((charset) => {
    try { return [trimmed(new TextDecoder(charset, { fatal: true }).decode(bytes))]; } catch { return []; }
  });
}

/** All that stands there was found; something was found that does not stand there. */
function verdict(found, row) {
  const wanted = [row.expected_base64, ...(row.also_base64 ?? [])].filter((text) => typeof text === "string").map((text) => sayings(Buffer.from(text, "base64")));
  const read = found.map(sayings);
  const same = (a, b) => a.some((text) => b.includes(text));
  return {
    right: wanted.length > 0 && wanted.every((want) => read.some((one) => same(one, want))),
    wrong: read.some((one) => !wanted.some((want) => same(one, want))),
  };
}

const quantile = (list, q) => {
  if (list.length === 0) return null;
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length - 1) * q + 0.5))];
};
const rounded = (value) => (value === null ? null : Math.round(value * 1_000) / 1_000);

/** The best of some runs of each, in turns. */
async function timed(works) {
  const best = works.map(() => Infinity);
  for (let turn = 0; turn < TIMES; turn += 1) {
    for (const [index, work] of works.entries()) {
      const began = performance.now();
      await work();
      best[index] = Math.min(best[index], performance.now() - began);
    }
  }
  return best;
}

const setOf = (row) => row.family ?? row.set ?? "unnamed";

async function measure(rows, { peers: wantPeers, still, timing, say }) {
  const own = await ours();
  const fast = await zxing();
  const peers = wantPeers ? [fast, await jsqr()] : [];
  const sets = new Map();
  const empty = { own: [], peer: [], first: [] };
  const image = (row) => ({ data: new Uint8ClampedArray(readFileSync(row.pixels)), width: row.width, height: row.height, symbology: row.symbology });
  const misses = [];
  for (const [index, row] of rows.entries()) {
    const name = setOf(row), positive = row.kind === "positive";
    if (!sets.has(name)) sets.set(name, { name, positives: 0, decoded: 0, decoded_live: 0, wrong: 0, negatives: 0, false_positives: 0, ms: [], peers: Object.fromEntries(peers.map((peer) => [peer.name, { decoded: 0, wrong: 0, false_positives: 0, ms: [] }])) });
    const set = sets.get(name);
    const picture = image(row);
    const live = verdict(own.found(own.scan(picture, false)), row);
    const thorough = still ? verdict(own.found(own.scan(picture, true)), row) : live;
    const wrong = live.wrong || thorough.wrong;
    if (positive) {
      set.positives += 1;
      set.decoded += thorough.right;
      set.decoded_live += live.right;
      set.wrong += wrong;
      if (!thorough.right || !live.right || wrong) misses.push(`${row.file}${thorough.right ? "" : " not read"}${live.right ? "" : " not live"}${wrong ? " WRONG" : ""}`);
    } else {
      set.negatives += 1;
      set.false_positives += wrong;
      if (wrong) misses.push(`${row.file} WRONG`);
    }
    const both = [];
    for (const peer of peers) {
      if (peer.reads?.(picture) === false) continue;
      const seen = verdict(peer.found(await peer.scan(picture)), row);
      const into = set.peers[peer.name];
      if (positive) { into.decoded += seen.right; into.wrong += seen.wrong; } else into.false_positives += seen.wrong;
      if (positive && live.right && seen.right) both.push(peer);
    }
    if (!timing) continue;
    if (positive && live.right && (!wantPeers || both.includes(fast))) {
      const [mine, theirs] = await timed([() => own.scan(picture, false), ...(wantPeers ? [() => fast.scan(picture)] : [])]);
      set.ms.push(mine);
      if (wantPeers) set.peers[fast.name].ms.push(theirs);
    }
    const other = both.find((peer) => peer !== fast);
    if (other) {
      const began = performance.now();
      other.scan(picture);
      set.peers[other.name].ms.push(performance.now() - began);
    }
    if (!positive && row.width * row.height === 1280 * 720) {
      const run = () => { for (let i = 0; i < EMPTY_RUN; i += 1) own.next(picture); };
      const [mine, theirs, first] = await timed([run, () => fast.plain(picture), () => own.scan(picture, false)]);
      empty.own.push(mine / EMPTY_RUN);
      empty.peer.push(theirs);
      empty.first.push(first);
    }
    if (index % 25 === 24) say(`${index + 1} of ${rows.length} pictures`);
  }
  const all = { own: [], peer: [] };
  const list = [...sets.values()].map(({ ms, peers: theirs, ...set }) => {
    all.own.push(...ms);
    if (wantPeers) all.peer.push(...theirs[fast.name].ms);
    return {
      ...set, median_ms: rounded(quantile(ms, 0.5)), p95_ms: rounded(quantile(ms, 0.95)),
      peers: Object.fromEntries(Object.entries(theirs).map(([peer, { ms: times, ...rest }]) => [peer, { ...rest, median_ms: rounded(quantile(times, 0.5)), p95_ms: rounded(quantile(times, 0.95)) }])),
    };
  });
  return {
    report: { sets: list, empty_frame_ms: rounded(quantile(empty.own, 0.5)), empty_frame_ms_peer: rounded(quantile(empty.peer, 0.5)), size_gzip_bytes: own.size },
    first: rounded(quantile(empty.first, 0.5)), all, misses,
  };
}

function print({ report, first, all }) {
  const peers = Object.keys(report.sets[0]?.peers ?? {});
  const cell = (value) => (value === null || value === undefined ? "-" : typeof value === "number" && !Number.isInteger(value) ? value.toFixed(1) : String(value));
  const head = ["set", "of", "still", "live", "wrong", "none", "false", "ms", "p95", ...peers.flatMap((peer) => [peer, "wrong", "ms", "p95"])];
  const rows = report.sets.map((set) => [set.name, set.positives, set.decoded, set.decoded_live, set.wrong, set.negatives, set.false_positives, set.median_ms, set.p95_ms,
    ...peers.flatMap((peer) => [set.peers[peer].decoded, set.peers[peer].wrong + set.peers[peer].false_positives, set.peers[peer].median_ms, set.peers[peer].p95_ms])].map(cell));
  const sum = (pick) => report.sets.reduce((total, set) => total + pick(set), 0);
  rows.push(["all", sum((s) => s.positives), sum((s) => s.decoded), sum((s) => s.decoded_live), sum((s) => s.wrong), sum((s) => s.negatives), sum((s) => s.false_positives),
    rounded(quantile(all.own, 0.5)), rounded(quantile(all.own, 0.95)), ...peers.flatMap((peer, i) => [sum((s) => s.peers[peer].decoded), sum((s) => s.peers[peer].wrong + s.peers[peer].false_positives), ...(i === 0 ? [rounded(quantile(all.peer, 0.5)), rounded(quantile(all.peer, 0.95))] : [null, null])])].map(cell));
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  for (const row of [head, ...rows]) console.log(row.map((text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]))).join("  "));
  const ratio = (a, b) => (a === null || b === null || b === undefined || a === undefined ? "-" : (a / b).toFixed(2));
  if (peers.length) console.log(`\nlive against ${peers[0]} on the frames that both read: median ${ratio(quantile(all.own, 0.5), quantile(all.peer, 0.5))}, p95 ${ratio(quantile(all.own, 0.95), quantile(all.peer, 0.95))}`);
  console.log(`empty 720p frame, live: ${cell(report.empty_frame_ms)} ms (the first one ${cell(first)} ms), zxing-wasm without options ${cell(report.empty_frame_ms_peer)} ms: ${ratio(report.empty_frame_ms, report.empty_frame_ms_peer)}`);
  console.log(`scanner module: ${(report.size_gzip_bytes / 1024).toFixed(1)} KB gzipped`);
}

if (isMain(import.meta)) {
  await main(async () => {
    const given = options(process.argv.slice(2), {
      manifest: { value: "file", many: true, help: "rows of JSON, one a picture; may be given again. Without: ../shared/qr if it is there, and our own frames" },
      peers: { help: "zxing-wasm with all options, and jsQR" },
      json: { help: "one object on standard output" },
      own: { help: "our own frames beside the manifests" },
      seed: { value: "number", help: `of our own frames (${SEED})` },
      each: { value: "number", help: `our own frames of each family (${EACH})` },
      only: { value: "text", help: "only sets whose name contains this" },
      live: { help: "leaves the thorough scan out" },
      untimed: { help: "leaves the times out" },
      missed: { help: "names what was missed" },
    }, { usage: "npm run bench:scan -- [--manifest FILE]... [options]" });
    await ensure();
    await buildModules((line) => console.error(line), ["scan.wasm"]);
    const here = process.env.INIT_CWD ?? process.cwd();
    const manifests = given.manifest?.map((file) => resolve(here, file)) ?? shared.filter((file) => existsSync(file));
    const missing = manifests.find((file) => !existsSync(file));
    if (missing) throw new Failure(`${missing} is not there`);
    if (!given.manifest || given.own) manifests.push(await rendered(Number(given.seed ?? SEED), Number(given.each ?? EACH)));
    const rows = (await decoded(manifests)).filter((row) => !given.only || setOf(row).includes(given.only));
    if (rows.length === 0) throw new Failure("there is no picture to measure");
    const result = await measure(rows, { peers: given.peers, still: !given.live, timing: !given.untimed, say: given.json ? console.error : console.error });
    if (given.missed) for (const line of result.misses) console.error(line);
    if (given.json) console.log(JSON.stringify(result.report)); else print(result);
  });
}
