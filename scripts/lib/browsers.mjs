// Where the three browsers and their drivers are. A machine that keeps them elsewhere says so in
// the environment, under the name in the first column.

import { Failure, which } from "./run.mjs";

const webkitFolders = ["4.1", "6.0", "4.0"].flatMap((api) => [
  `/usr/lib/x86_64-linux-gnu/webkit2gtk-${api}/MiniBrowser`,
  `/usr/lib/aarch64-linux-gnu/webkit2gtk-${api}/MiniBrowser`,
  `/usr/libexec/webkit2gtk-${api}/MiniBrowser`,
]);

/** variable, candidates in order, Debian package (or cargo crate) that brings it */
const programs = {
  chromium: { variable: "CHROMIUM", names: ["/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"], debian: "chromium" },
  chromedriver: { variable: "CHROMEDRIVER", names: ["/usr/bin/chromedriver", "chromedriver"], debian: "chromium-driver" },
  firefox: { variable: "FIREFOX", names: ["/usr/bin/firefox-esr", "firefox-esr", "firefox"], debian: "firefox-esr" },
  geckodriver: { variable: "GECKODRIVER", names: ["geckodriver"], crate: "geckodriver" },
  minibrowser: { variable: "MINIBROWSER", names: webkitFolders, debian: "webkit2gtk-driver" },
  webkitdriver: { variable: "WEBKITDRIVER", names: ["/usr/bin/WebKitWebDriver", "WebKitWebDriver"], debian: "webkit2gtk-driver" },
  xvfb: { variable: "XVFB", names: ["Xvfb"], debian: "xvfb" },
};

export const engines = ["chromium", "firefox", "webkit"];

/** How the error begins of a test whose browser had nothing to do while its driver waited for it. */
export const BROWSER_LOST = "browser_lost";

export function find(name) {
  const program = programs[name];
  return which(process.env[program.variable], ...program.names);
}

/** The program's path, or a sentence that says what to install. */
export function need(name) {
  const path = find(name);
  if (path) return path;
  const { variable, debian, crate } = programs[name];
  throw new Failure(`${name} is not installed: ${debian ? `Debian package ${debian}` : `cargo install ${crate}`}, or set ${variable} to its path`);
}

export const missingDebianPackages = () =>
  [...new Set(Object.keys(programs).filter((name) => programs[name].debian && !find(name)).map((name) => programs[name].debian))];

/** What Chromium needs to run as root, without a display, and without talking to its maker. */
export const chromiumArguments = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
