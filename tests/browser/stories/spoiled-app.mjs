// The courier's app on a phone whose browser behaves as pages/ways.mjs says from the first moment.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { at, dist } from "../../../scripts/lib/paths.mjs";
import { startSandbox } from "../lib/index.mjs";
import { withCourier } from "./courier.mjs";

/**
 * `spoil`: statements with `ways` at hand, run before the app's own script at each load.
 * `options.profile` makes another profile of the shipped one.
 */
export const withSpoiledApp = (options, spoil, story) => async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "pannier-spoiled-"));
  cpSync(process.env.PANNIER_DIST ?? dist, folder, { recursive: true });
  await build({
    absWorkingDir: at(), stdin: { contents: `import * as ways from "./tests/browser/pages/ways.mjs"; window.ways = ways; ${spoil}`, resolveDir: at() },
    outfile: join(folder, "spoil.js"), bundle: true, format: "iife", target: "safari16.4", logLevel: "silent",
  });
  if (options.profile) {
    const file = join(folder, "profile.json");
    writeFileSync(file, JSON.stringify(options.profile(JSON.parse(readFileSync(file, "utf8")))));
  }
  const page = join(folder, "index.html");
  writeFileSync(page, readFileSync(page, "utf8").replace("<head>", `<head><script src="/spoil.js"></script>`));
  const server = await startSandbox({ static: folder });
  try {
    await withCourier({ ...options, server }, story)(context);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};
