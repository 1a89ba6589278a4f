// What the backend serves as the page of each subject: bundled as an app would bundle it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { at, dist } from "../../scripts/lib/paths.mjs";

const bundled = new Map();

async function script(entry, format) {
  if (!bundled.has(entry)) {
    const { outputFiles } = await build({
      absWorkingDir: at(), entryPoints: [entry], write: false, bundle: true, format, target: "safari16.4", logLevel: "silent", minify: true,
      define: { "process.env.NODE_ENV": '"production"', ...(format === "iife" ? { "import.meta.url": "self.location.href" } : {}) },
    });
    bundled.set(entry, outputFiles[0].text);
  }
  return { type: "text/javascript", text: bundled.get(entry) };
}

const html = (text) => ({ type: "text/html", text });
const shell = `<!doctype html><meta charset="utf-8"><title>app</title><body>opening<script type="module" src="/client.js"></script>`;

// Read once, as the scripts are bundled once: a build meanwhile changes nothing.
let wasm;

export async function pannierFiles(profile, { page = "tests/browser/pages/client.mjs" } = {}) {
  return {
    "/": html(shell), "/client.js": await script(page, "esm"), "/sw.js": await script("tests/faults/pages/pannier-worker.mjs", "iife"),
    "/core.wasm": { type: "application/wasm", text: (wasm ??= readFileSync(join(process.env.PANNIER_DIST ?? dist, "core.wasm"))) },
    "/profile.json": { type: "application/json", text: JSON.stringify(profile) },
  };
}

export const workboxFiles = async () => ({
  "/": html(shell), "/client.js": await script("tests/faults/pages/workbox-page.mjs", "esm"), "/sw.js": await script("tests/faults/pages/workbox-worker.mjs", "iife"),
});
