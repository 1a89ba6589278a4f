// docs/embedding.md, done as it says with each bundler: the package from its archive, a build, a
// browser, a delivery.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, test } from "node:test";
import { build as esbuild } from "esbuild";
import webpack from "webpack";
import { at } from "../../scripts/lib/paths.mjs";
import { startSandbox } from "../browser/lib/index.mjs";
import { withCourier } from "../browser/stories/courier.mjs";
import { chosenInTheOutbox, deliverAParcel, sentByTheWorker } from "./lib/delivery.mjs";
import { endOfPacking, project } from "./lib/project.mjs";
import { block, files } from "./lib/tutorial.mjs";

const profile = { "src/profile.json": readFileSync(at("profiles", "sandbox.json"), "utf8") };
const pageOf = (script) => (tutorial) => ({ ...tutorial, "index.html": tutorial["index.html"].replace("/src/main.ts", script) });

function packed(config) {
  return new Promise((resolve, reject) => webpack(config, (error, stats) => {
    if (error) reject(error);
    else if (stats.hasErrors() || stats.hasWarnings()) reject(new Error(stats.toString({ all: false, errors: true, warnings: true })));
    else resolve();
  }));
}

/** files: what the tutorial says; build: what it says to do; lean: a page that only opens the core */
const bundlers = {
  vite: {
    tools: ["vite"],
    files: files("An app", "Its worker"),
    async build({ run }) {
      await run("typescript/bin/tsc");
      await run("vite/bin/vite.js", "build");
      await run("vite/bin/vite.js", "build", "--mode", "worker");
    },
    lean: ({ run }) => run("vite/bin/vite.js", "build"),
  },
  webpack: {
    tools: ["vite", "webpack"],
    files: ((tutorial) => {
      const worker = tutorial["src/sw.ts"].replace(/^import coreUrl from .*$/m, "").replace("const SHELL =", `${block("With webpack", "coreUrl")}const SHELL =`);
      return { ...pageOf("/main.js")(tutorial), "src/sw.ts": worker };
    })(files("An app", "Its worker", "With webpack")),
    async build({ folder, run }) {
      await run("typescript/bin/tsc", "--noEmit", "false", "--rootDir", "src", "--outDir", "build");
      mkdirSync(join(folder, "dist"));
      cpSync(join(folder, "index.html"), join(folder, "dist", "index.html"));
      const cwd = process.cwd();
      // Its paths are those of who calls it, as on a command line.
      process.chdir(folder);
      try {
        const { default: config } = await import(pathToFileURL(join(folder, "webpack.config.js")));
        await packed({ context: folder, ...config() });
        await packed({ context: folder, ...config({ worker: true }) });
      } finally {
        process.chdir(cwd);
      }
    },
    async lean({ folder }) {
      await packed({ context: folder, mode: "production", performance: { hints: false }, entry: "./src/main.js", output: { path: join(folder, "dist") } });
    },
  },
  esbuild: {
    tools: ["vite", "esbuild", "workbox-build", "workbox-precaching", "workbox-routing", "workbox-core"],
    files: pageOf("/main.js")(files("An app", "Its worker", "With esbuild, and beside Workbox")),
    async build({ run, node }) {
      await run("typescript/bin/tsc");
      await node("build.mjs");
    },
    lean: ({ folder }) => esbuild({ absWorkingDir: folder, entryPoints: ["src/main.js"], bundle: true, format: "esm", minify: true, outfile: "dist/main.js", logLevel: "silent" }),
  },
};

after(endOfPacking);

const filesIn = (folder) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));

for (const [name, { tools, files: given, build, lean }] of Object.entries(bundlers)) {
  test(`${name}: the tutorial's app delivers a parcel without a network, once, and its worker sends with every page closed`, { timeout: 180_000 }, async (context) => {
    const app = await project({ tools, files: { ...given, ...profile } });
    try {
      await build(app);
      const server = await startSandbox({ static: join(app.folder, "dist") });
      try {
        await withCourier({ engine: "chromium", server }, async (courier) => {
          await deliverAParcel(courier);
          const without = await chosenInTheOutbox(courier);
          await sentByTheWorker(courier, { without });
        })(context);
      } finally {
        await server.stop();
      }
    } finally {
      app.remove();
    }
  });

  test(`${name}: who uses no scanner bundles none, and no browser the module of shells`, { timeout: 60_000 }, async () => {
    const app = await project({
      tools: tools.slice(0, 1),
      files: {
        "index.html": `<!doctype html><script type="module" src="/src/main.js"></script>`,
        "src/main.js": `import { attachWakes, openPannier } from "pannier"; attachWakes(await openPannier());`,
      },
    });
    try {
      await lean(app);
      const built = filesIn(join(app.folder, "dist"));
      assert.ok(built.some((file) => file.endsWith(".js")));
      const core = readFileSync(join(app.folder, "node_modules", "pannier", "lib", "core.wasm"));
      assert.deepEqual(WebAssembly.Module.imports(await WebAssembly.compile(core)).filter((one) => /_(?:handOver|handed|forget)_/.test(one.name)), [], "no system is asked for anything");
      for (const file of built) {
        assert.doesNotMatch(file, /scan/, "no file of the scanner");
        if (file.endsWith(".wasm")) assert.ok(readFileSync(file).equals(core), `${file} is the core's`);
        if (file.endsWith(".js")) assert.doesNotMatch(readFileSync(file, "utf8"), /scanner-worker|requestVideoFrameCallback/, `no script of the scanner in ${file}`);
      }
    } finally {
      app.remove();
    }
  });
}
