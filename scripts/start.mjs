// Builds everything and serves it with the sandbox: the courier's app and a backend to try it on.

import { spawn } from "node:child_process";
import { at, dist } from "./lib/paths.mjs";
import { Failure, isMain, main, must, options } from "./lib/run.mjs";
import { build } from "./build.mjs";
import { ensure } from "./setup.mjs";

/** Runs the sandbox until it ends; gives its exit code. `told` gets its line for programs. */
function serve(args, told) {
  return new Promise((resolve, reject) => {
    const child = spawn(at("target", "release", "pannier-sandbox"), args, { stdio: ["inherit", "pipe", "inherit"] });
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      const mark = "PANNIER_SANDBOX ";
      // What follows the line for programs says the addresses and the sign-in to people.
      for (const line of lines) if (!line.startsWith(mark)) console.log(line);
      // Last, and nearest to the prompt: codes that scrolled away could not be scanned.
      for (const line of lines) if (line.startsWith(mark)) told(JSON.parse(line.slice(mark.length)));
    });
    const pass = (signal) => child.kill(signal);
    // In a terminal Ctrl-C reaches the child too; here we only wait for it to end.
    process.removeAllListeners("SIGINT").on("SIGINT", pass).removeAllListeners("SIGTERM").on("SIGTERM", pass);
    process.on("exit", () => child.kill("SIGKILL"));
    child.on("error", (error) => reject(new Failure(`the sandbox does not start: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (rest) console.log(rest);
      resolve(signal === "SIGINT" || signal === "SIGTERM" ? 0 : code ?? 1);
    });
  });
}

function checkPort(name, port) {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new Failure(`--${name} needs a number from 0 to 65535, not ${port}`);
}

if (isMain(import.meta)) {
  await main(async () => {
    const given = options(process.argv.slice(2), {
      port: { value: "number", help: "where the page is served (default 8080; 0 takes a free one)" },
      fresh: { help: "begin with a new database" },
      lan: { help: "for phones too: the local network by https" },
      "lan-port": { value: "number", help: "https port there (default 8443; the next two are taken as well)" },
      "lan-address": { value: "address", help: "this address there, instead of all that the machine has" },
    }, { usage: "npm start -- [options]" });
    const port = given.port ?? "8080";
    checkPort("port", port);
    const { "lan-port": lanPort, "lan-address": lanAddress } = given;
    if (!given.lan && (lanPort ?? lanAddress)) throw new Failure("--lan-port and --lan-address need --lan");
    if (lanPort) checkPort("lan-port", lanPort);
    await ensure();
    await build();
    await must("cargo", ["build", "--release", "-p", "pannier-sandbox"]);
    // Not before everything is installed: it draws with a package.
    const { lanText } = given.lan ? await import("./lib/lan.mjs") : {};
    const { columns = 80, isTTY } = process.stdout;
    return serve([
      "--port", port, "--static", dist, ...(given.fresh ? ["--fresh"] : []), ...(given.lan ? ["--lan"] : []),
      ...(lanPort ? ["--lan-port", lanPort] : []), ...(lanAddress ? ["--lan-address", lanAddress] : []),
    ], ({ lan }) => {
      if (lan) console.log(lanText(lan, { columns, colours: isTTY === true }));
    });
  });
}
