// Fills www with the app's files: the built page without its service worker, with the shell's own
// script in the place of the page's, and with where the backend is.

import { cpSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { shell } from "../scripts/lib/bundles.mjs";
import { at, dist } from "../scripts/lib/paths.mjs";
import { Failure, isMain, main, options } from "../scripts/lib/run.mjs";

/** What has no use inside an app: the worker, the self-check and the core of browsers, and maps. */
const left = /^(?:sw\.js|selfcheck.*|core\.wasm|.*\.map)$/;

/** `servers` as in `openPannier`; `network`: `native` or `web`. */
export async function prepare({ servers, network = "native", folder = at("capacitor", "www") }) {
  if (!existsSync(join(dist, "app.js"))) throw new Failure("nothing was built yet: npm run build");
  rmSync(folder, { recursive: true, force: true });
  cpSync(dist, folder, { recursive: true, filter: (path) => path === dist || !left.test(basename(path)) });
  await shell(join(folder, "app.js"));
  cpSync(at("core", "js", "lib", "shell", "core-shell.wasm"), join(folder, "core-shell.wasm"));
  writeFileSync(join(folder, "config.json"), `${JSON.stringify({ servers, network }, undefined, 2)}\n`);
}

if (isMain(import.meta)) {
  await main(async () => {
    const { server, network } = options(process.argv.slice(2), {
      server: { value: "URL", help: "where the backend is, as the profile's server `api` (default http://localhost:8080)" },
      network: { value: "native|web", help: "how requests leave: past the web view (default), or by its fetch, under the backend's CORS rules" },
    }, { usage: "node capacitor/prepare.mjs [options]" });
    if (network !== undefined && !["native", "web"].includes(network)) throw new Failure(`--network ${network}: native or web`);
    await prepare({ servers: { api: server ?? "http://localhost:8080" }, network });
    console.log("capacitor/www is filled; `npx cap sync` in capacitor/ takes it into the native projects (Node 22)");
  });
}
