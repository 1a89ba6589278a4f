// How big the download is, and whether that is still what was promised (budgets.json).

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { at, dist } from "./paths.mjs";

const gzipped = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
export const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

export function measure(files, precache) {
  const sizes = files.map((file) => ({ file, raw: statSync(join(dist, file)).size, gzip: gzipped(join(dist, file)), precached: precache.includes(file) }));
  const listed = sizes.filter(({ precached }) => precached);
  const sum = (key) => listed.reduce((total, one) => total + one[key], 0);
  return { files: sizes, precache: { files: listed.length, raw: sum("raw"), gzip: sum("gzip") } };
}

/** What is over, with the numbers. A budget whose file is not there is broken too: nothing hides by a new name. */
export function judge({ files, precache }, table = JSON.parse(readFileSync(at("scripts", "budgets.json"), "utf8")).budgets) {
  return Object.entries(table).map(([key, { label, kb: limit }]) => {
    const gzip = key === "precache" ? precache.gzip : files.find(({ file }) => file === key)?.gzip;
    return { key, label, limit: limit * 1024, gzip, kept: gzip !== undefined && gzip <= limit * 1024 };
  });
}
