// How big the download is, and whether that is still what was promised (budgets.json).

import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { at, dist } from "./paths.mjs";

const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;
const gzipped = (path) => gzip(readFileSync(path));
const lib = (file) => at("core", "js", "lib", file);
export const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

/** What the package holds for apps alone, so that no browser finds it in dist. */
const shellModule = "shell/core-shell.wasm";

const sizeOf = (path) => ({ raw: statSync(path).size, gzip: gzipped(path) });

export function measure(files, precache) {
  const sizes = files.map((file) => ({ file, ...sizeOf(join(dist, file)), precached: precache.includes(file) }));
  const listed = sizes.filter(({ precached }) => precached);
  const sum = (key) => listed.reduce((total, one) => total + one[key], 0);
  return { files: sizes, apart: [{ file: basename(shellModule), ...sizeOf(lib(shellModule)) }], precache: { files: listed.length, raw: sum("raw"), gzip: sum("gzip") } };
}

/** files that an entry loads besides its script: at once, or only when it is used */
const entries = [
  { entry: "pannier", wasm: "core.wasm" },
  { entry: "pannier/service-worker", wasm: "core.wasm" },
  { entry: "pannier/elements", later: ["scanner/scan.wasm", "scanner/scanner-worker.js"] },
  { entry: "pannier/scanner", later: ["scanner/scan.wasm", "scanner/scanner-worker.js"] },
  { entry: "pannier/shell", wasm: shellModule },
  { entry: "pannier/capacitor", wasm: shellModule },
  { entry: "pannier/export" },
  { entry: "pannier/texts" },
  { entry: "pannier/oidc" },
];

/** What somebody's bundle grows by when it imports nothing but this entry, all of it. */
export async function entryCosts() {
  const esbuild = await import("esbuild");
  return Promise.all(entries.map(async ({ entry, wasm, later = [] }) => {
    const { outputFiles: [{ contents }] } = await esbuild.build({
      stdin: { contents: `export * from "${entry}";`, resolveDir: at("web") },
      bundle: true, minify: true, format: "esm", target: "safari16.4", write: false, legalComments: "none", logLevel: "error",
    });
    return { entry, script: gzip(contents), wasm: wasm ? gzipped(lib(wasm)) : 0, later: later.reduce((sum, file) => sum + gzipped(lib(file)), 0) };
  }));
}

/** What is over, with the numbers. A budget whose file is not there is broken too: nothing hides by a new name. */
export function judge({ files, apart = [], precache, entries: costs }, table = JSON.parse(readFileSync(at("scripts", "budgets.json"), "utf8")).budgets) {
  return Object.entries(table).map(([key, { label, kb: limit }]) => {
    const size = key === "precache" ? precache.gzip : [...files, ...apart].find(({ file }) => file === key)?.gzip ?? costs?.find(({ entry }) => entry === key)?.script;
    return { key, label, limit: limit * 1024, gzip: size, kept: size !== undefined && size <= limit * 1024 };
  });
}
