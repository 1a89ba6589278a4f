// A page with nothing but the public API on it, bundled as an app would bundle it.

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { at, dist } from "../../../scripts/lib/paths.mjs";

/** Fills `folder` with what a sandbox serves as the page. */
export async function clientPage(folder) {
  mkdirSync(folder, { recursive: true });
  const built = process.env.PANNIER_DIST ?? dist;
  for (const file of ["core.wasm", "profile.json"]) copyFileSync(join(built, file), join(folder, file));
  await build({
    absWorkingDir: at(), entryPoints: ["tests/browser/pages/client.mjs"], outfile: join(folder, "client.js"),
    bundle: true, format: "esm", target: "safari16.4", logLevel: "silent",
  });
  writeFileSync(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><title>client</title><body>opening<script type="module" src="/client.js"></script>`);
  return folder;
}
