// The contract suites of core/wasm in one browser: cargo compiles them, wasm-bindgen-test-runner
// serves them to the browser and prints what it says. See setup.mjs for why not wasm-pack.

import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { display } from "../../tests/browser/lib/display.mjs";
import { freePort, start, stop } from "../../tests/browser/lib/programs.mjs";
import { until } from "../../tests/browser/lib/waiting.mjs";
import { chromiumArguments, need } from "./browsers.mjs";
import { wasmTarget } from "./cargo.mjs";
import { hostScript } from "./package.mjs";
import { cache, root } from "./paths.mjs";
import { run } from "./run.mjs";

/** Each gives the environment that makes the runner use this engine, and how to take it down. */
const engines = {
  async chromium() {
    const capabilities = { "goog:chromeOptions": { binary: need("chromium"), args: chromiumArguments } };
    return { env: { CHROMEDRIVER: need("chromedriver") }, capabilities, down: async () => {} };
  },
  async firefox() {
    const capabilities = { "moz:firefoxOptions": { binary: need("firefox") } };
    return { env: { GECKODRIVER: need("geckodriver") }, capabilities, down: async () => {} };
  },
  async webkit() {
    const port = await freePort();
    const driver = start(need("webkitdriver"), [`--port=${port}`], {
      env: { DISPLAY: await display(), WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", LIBGL_ALWAYS_SOFTWARE: "1", NO_AT_BRIDGE: "1" },
    });
    await until(async () => {
      try { return (await fetch(`http://127.0.0.1:${port}/status`)).ok; } catch { return false; }
    }, { what: "WebKitWebDriver to listen", ms: 15_000 });
    const door = await safariDoor(port);
    return { env: { SAFARIDRIVER_REMOTE: door.url }, down: async () => { door.close(); await stop(driver); } };
  },
};

/**
 * The runner takes WebKit for Safari and asks for a session without saying which browser; what
 * MiniBrowser needs to be driven is put in on the way. Everything else passes through.
 */
function safariDoor(port) {
  const wanted = { capabilities: { alwaysMatch: { "webkitgtk:browserOptions": { binary: need("minibrowser"), args: ["--automation"] } } } };
  const server = createServer((incoming, outgoing) => {
    const chunks = [];
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", () => {
      const isNewSession = incoming.method === "POST" && incoming.url === "/session";
      const body = isNewSession ? Buffer.from(JSON.stringify(wanted)) : Buffer.concat(chunks);
      const onward = request({ port, host: "127.0.0.1", method: incoming.method, path: incoming.url, headers: { ...incoming.headers, host: `127.0.0.1:${port}`, "content-length": body.length } }, (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on("error", () => outgoing.destroy());
      onward.end(body);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve({ url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } }));
  });
}

/** Runs `cargo test` for the browser crates in one engine; `run`'s result. */
export async function contractSuite(engine, { runner, packages, cwd = root }) {
  await hostScript();
  const { env, capabilities, down } = await engines[engine]();
  const folder = join(cache, "contract");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${engine}.json`);
  writeFileSync(file, JSON.stringify(capabilities ?? {}));
  try {
    return await run("cargo", ["test", ...packages.flatMap((name) => ["-p", name]), "--target", wasmTarget], {
      cwd,
      env: {
        // Another engine's variable in the person's shell must not win.
        CHROMEDRIVER_REMOTE: undefined, GECKODRIVER_REMOTE: undefined, SAFARIDRIVER_REMOTE: undefined, CHROMEDRIVER: undefined, GECKODRIVER: undefined, SAFARIDRIVER: undefined,
        ...env,
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: runner,
        WASM_BINDGEN_TEST_WEBDRIVER_JSON: file,
        WASM_BINDGEN_TEST_TIMEOUT: "120",
        WASM_BINDGEN_TEST_DRIVER_TIMEOUT: "20",
      },
    });
  } finally {
    await down();
  }
}
