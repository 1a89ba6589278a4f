// The three browsers, driven alike through their own drivers. Nothing is looked up or downloaded:
// scripts/lib/browsers.mjs knows the paths.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Builder, Capabilities } from "selenium-webdriver";
import { BROWSER_LOST, chromiumArguments, need } from "../../../scripts/lib/browsers.mjs";
import { connect } from "./devtools.mjs";
import { display } from "./display.mjs";
import { inspect } from "./inspector.mjs";
import { alive, busyness, freePort, killFamily, start, stop } from "./programs.mjs";
import { until, within } from "./waiting.mjs";

// A machine that does much else at once takes its time.
const START_MS = 60_000;
// What a script and a page are given, and how much later than that a driver may say that it is over.
const SCRIPT_MS = 30_000;
const SILENT_MS = 15_000;

/** What a courier grants. In Chromium and Firefox what is not named is refused without asking. */
const chromiumPermissions = { camera: "videoCapture", geolocation: "geolocation", notifications: "notifications" };

async function startDriver(command, args, env) {
  const port = await freePort();
  const driver = start(command, [...args, `--port=${port}`], { env });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    alive(driver);
    try { return (await fetch(`${url}/status`)).ok; } catch { return false; }
  }, { what: `${driver.name} to listen`, ms: START_MS });
  return { driver, url };
}

/**
 * WebKitGTK's driver now and then waits for its browser for ever while the browser has nothing to do:
 * an answer went astray between the two. That is told apart from a page that computes without an end,
 * and from then on nothing more is asked. scripts/test.mjs tells such a story once more, and says so.
 */
function answersInTime(driver, { engine, program, folder }) {
  const execute = driver.execute.bind(driver);
  let lost, script = SCRIPT_MS;
  driver.execute = async (command) => {
    if (lost) throw lost;
    if (command.getName() === "setTimeout") script = command.getParameter("script") ?? script;
    const what = `${engine}'s answer to ${command.getName()} ${JSON.stringify(command.getParameters()).replace(/(\\n|\s)+/g, " ").slice(0, 200)}`;
    try {
      return await within(execute(command), { what, ms: script + SILENT_MS });
    } catch (error) {
      if (!error.message.startsWith(what)) throw error;
      lost = await silence(error, program.pid, folder);
      throw lost;
    }
  };
}

/** The error of a browser that did not answer, with what it did meanwhile. */
async function silence(error, pid, folder) {
  const { idle, text } = await busyness(pid, folder);
  return new Error(`${idle ? BROWSER_LOST : "browser_busy"}: ${error.message}; in one second its processes computed for: ${text}`, { cause: error });
}

async function chromium({ folder, camera, permissions, args, insecure }) {
  const { driver, url } = await startDriver(need("chromedriver"), []);
  const capabilities = new Capabilities({
    browserName: "chrome",
    "goog:chromeOptions": {
      binary: need("chromium"),
      args: [
        ...chromiumArguments, `--user-data-dir=${folder}`, "--window-size=390,844",
        ...(camera || permissions.includes("camera") ? ["--use-fake-device-for-media-stream"] : []),
        ...(camera ? [`--use-file-for-fake-video-capture=${camera}`] : []),
        ...(permissions.includes("camera") ? ["--use-fake-ui-for-media-stream"] : ["--deny-permission-prompts"]),
        ...args,
      ],
    },
    "goog:loggingPrefs": { browser: "ALL" },
    acceptInsecureCerts: insecure,
  });
  return { driver, url, capabilities };
}

async function firefox({ folder, permissions, args, insecure }) {
  const { driver, url } = await startDriver(need("geckodriver"), []);
  const choice = (name) => (permissions.includes(name) ? 1 : 2);
  const capabilities = new Capabilities({
    browserName: "firefox",
    acceptInsecureCerts: insecure,
    "moz:firefoxOptions": {
      binary: need("firefox"),
      args: ["-headless", "-profile", folder, "--width=390", "--height=844", ...args],
      prefs: {
        "media.navigator.streams.fake": true,
        "media.navigator.permission.disabled": permissions.includes("camera"),
        "permissions.default.camera": choice("camera"),
        "permissions.default.geo": choice("geolocation"),
        "permissions.default.desktop-notification": choice("notifications"),
        "geo.provider.testing": true,
        "geo.provider.network.url": `data:application/json,${JSON.stringify({ location: { lat: 59.3293, lng: 18.0686 }, accuracy: 12 })}`,
        // A test machine talks to nobody but the test's server.
        "network.captive-portal-service.enabled": false,
        "network.connectivity-service.enabled": false,
        "toolkit.telemetry.enabled": false,
        "browser.safebrowsing.update.enabled": false,
        "app.update.enabled": false,
        "dom.push.connection.enabled": false,
      },
    },
  });
  return { driver, url, capabilities };
}

/** Its session under a driver is ephemeral: nothing survives it. With a profile folder it is opened plainly: see below. */
async function webkit({ folder, permissions, args, insecure }) {
  const { driver, url } = await startDriver(need("webkitdriver"), [], await webkitEnvironment(folder));
  const capabilities = new Capabilities({
    browserName: "MiniBrowser",
    acceptInsecureCerts: insecure,
    "webkitgtk:browserOptions": {
      binary: need("minibrowser"),
      args: ["--automation", ...(permissions.includes("camera") ? ["--enable-mock-capture-devices=true"] : []), ...args],
    },
  });
  return { driver, url, capabilities };
}

async function webkitEnvironment(folder) {
  const places = Object.fromEntries(["data", "cache", "config", "state"].map((name) => [`XDG_${name.toUpperCase()}_HOME`, join(folder, name)]));
  for (const place of Object.values(places)) mkdirSync(place, { recursive: true });
  return {
    ...places,
    DISPLAY: await display(),
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
    LIBGL_ALWAYS_SOFTWARE: "1",
    NO_AT_BRIDGE: "1",
    GSETTINGS_BACKEND: "memory",
  };
}

const starters = { chromium, firefox, webkit };

/**
 * Opens a browser.
 * @param {object} options
 * @param {"chromium"|"firefox"|"webkit"} options.engine
 * @param {string} [options.profileDir] a folder that stays; without it a fresh one is used and removed. In WebKit it means: without its driver
 * @param {string} [options.camera] a .y4m or .mjpeg before the lens (Chromium only)
 * @param {string[]} [options.permissions] of "camera", "geolocation", "notifications"
 * @param {boolean} [options.insecure] takes a certificate that nobody vouches for; only under a driver
 * @param {string[]} [options.args] further arguments of the browser
 */
export async function openBrowser({ engine, profileDir, camera, permissions = ["camera", "geolocation", "notifications"], args = [], insecure = false }) {
  if (!starters[engine]) throw new Error(`unknown engine: ${engine}`);
  if (camera && engine !== "chromium") throw new Error(`${engine} cannot be given a picture for its camera: use a canvas stream`);
  if (profileDir && engine === "webkit") return openPlainWebKit({ profileDir, permissions, args });
  const folder = profileDir ?? mkdtempSync(join(tmpdir(), `pannier-${engine}-`));
  mkdirSync(folder, { recursive: true });
  const tidy = () => { if (!profileDir) rmSync(folder, { recursive: true, force: true, maxRetries: 5 }); };

  const { driver: program, url, capabilities } = await starters[engine]({ folder, camera, permissions, args, insecure });
  let driver;
  try {
    driver = await within(
      new Builder().disableEnvironmentOverrides().usingServer(url).withCapabilities(capabilities).build(),
      { what: `${engine}'s start`, ms: START_MS },
    );
  } catch (error) {
    await killFamily(program.pid, folder);
    tidy();
    throw new Error(`${engine} did not start: ${error.message}\n${program.output()}`);
  }
  answersInTime(driver, { engine, program, folder });
  await driver.manage().setTimeouts({ script: SCRIPT_MS, pageLoad: SCRIPT_MS, implicit: 0 });

  let devtools;
  const browser = {
    engine, driver, folder,
    /** What browser and driver have said so far. */
    output: () => program.output(),
    /** Chromium's DevTools protocol, for the page that is in front. */
    async cdp(command, parameters = {}) {
      if (engine !== "chromium") throw new Error(`${engine} has no DevTools protocol: ${command}`);
      return driver.sendAndGetDevToolsCommand(command, parameters);
    },
    /** The same for the whole browser, with events: see devtools.mjs. */
    async devtools() {
      if (engine !== "chromium") throw new Error(`${engine} has no DevTools protocol`);
      if (!devtools) {
        const { debuggerAddress } = (await driver.getCapabilities()).get("goog:chromeOptions");
        devtools = await connect(debuggerAddress);
      }
      return devtools;
    },
    /** SIGKILL for browser, helpers and driver. The profile folder stays as it was at that moment. */
    async kill() {
      devtools?.close();
      await killFamily(program.pid, folder);
      tidy();
    },
    async close() {
      devtools?.close();
      try {
        await within(driver.quit(), { what: `${engine}'s end`, ms: 10_000 });
      } catch {
        // It is killed below; what counts is that nothing is left.
      }
      await stop(program);
      await killFamily(program.pid, folder);
      tidy();
    },
  };
  // Under its driver MiniBrowser does not heed --geometry. Its own bar keeps it a little wider than a phone.
  if (engine === "webkit") await driver.manage().window().setRect({ x: 0, y: 0, width: 390, height: 844 });
  if (engine === "chromium") {
    const granted = permissions.map((name) => chromiumPermissions[name]);
    if (granted.length) await browser.cdp("Browser.grantPermissions", { permissions: granted });
    if (permissions.includes("geolocation")) {
      await browser.cdp("Emulation.setGeolocationOverride", { latitude: 59.3293, longitude: 18.0686, accuracy: 12 });
    }
  }
  return browser;
}

/** MiniBrowser without its driver, with a data folder that survives it, driven through its inspector: see inspector.mjs. */
async function openPlainWebKit({ profileDir, permissions, args }) {
  const port = await freePort();
  const program = start(need("minibrowser"), [
    "--geometry=390x844", "--enable-developer-extras=true",
    // Nobody is there to answer a question.
    ...(permissions.includes("camera") ? ["--enable-mock-capture-devices=true", "--features=-MockCaptureDevicesPrompt"] : []),
    ...args, "about:blank",
  ], { env: { ...await webkitEnvironment(profileDir), WEBKIT_INSPECTOR_HTTP_SERVER: `127.0.0.1:${port}` } });
  let page;
  try {
    page = await inspect(port, { alive: () => alive(program), silent: (error) => silence(error, program.pid, profileDir) });
  } catch (error) {
    await killFamily(program.pid, profileDir);
    throw new Error(`webkit did not start: ${error.message}\n${program.output()}`);
  }
  return {
    engine: "webkit", driver: page.driver, folder: profileDir,
    output: () => program.output(),
    async kill() { await killFamily(program.pid, profileDir); page.close(); },
    async close() { page.close(); await stop(program); await killFamily(program.pid, profileDir); },
  };
}
