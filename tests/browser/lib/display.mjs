// A display for WebKit, which knows no headless mode. One for the whole test process.

import { spawn } from "node:child_process";
import { need } from "../../../scripts/lib/browsers.mjs";
import { within } from "./waiting.mjs";

let shared;

/** Starts Xvfb on the first free display and gives its name, e.g. ":99". */
export function display() {
  shared ??= within(open(), { what: "Xvfb's start", ms: 10_000 });
  return shared;
}

function open() {
  return new Promise((resolve, reject) => {
    const child = spawn(need("xvfb"), ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    process.on("exit", () => child.kill("SIGKILL"));
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
    let text = "";
    child.stdio[3].setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      if (!text.includes("\n")) return;
      // The display must not keep a finished test from ending.
      child.unref();
      child.stdio[3].unref();
      resolve(`:${text.trim()}`);
    });
  });
}
