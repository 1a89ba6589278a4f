// The operating system behind a Capacitor app, as a process of the test's own: it keeps what an app
// gave it (notifications) while the app is dead, and sends what the app asks it to send past the web
// view, really and over the network. Plugins are spoken to through Capacitor's own bridge.

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { at, dist } from "../../../scripts/lib/paths.mjs";
import { done } from "./client-page.mjs";
import { withCourier } from "./courier.mjs";
import { startProxy } from "./proxy.mjs";
import { freePort, says, startSandbox } from "../lib/index.mjs";

/** The methods of each plugin that `pannier/capacitor` calls. */
const plugins = {
  App: [], Network: ["getStatus"], CapacitorHttp: ["request"],
  LocalNotifications: ["checkPermissions", "requestPermissions", "schedule", "cancel", "getPending"],
};

/** A request as the systems make it: Capacitor's form of request and answer (HttpRequestHandler of @capacitor/ios and android). */
async function exchange({ url, method, headers, data, dataType }) {
  const body = data === undefined ? undefined : dataType === "file" ? Buffer.from(data, "base64") : data;
  const answer = await fetch(url, { method, headers, body });
  const text = await answer.text();
  const json = (answer.headers.get("content-type") ?? "").includes("application/json");
  const parsed = () => { try { return JSON.parse(text); } catch (error) { return String(error); } };
  return { status: answer.status, headers: Object.fromEntries(answer.headers), url: answer.url, data: json ? parsed() : text };
}

/** { address, calls, notifications, permission, stop }: the phone beside its app. */
export async function startPhone() {
  const phone = { calls: [], notifications: new Map(), permission: "prompt" };
  const methods = {
    Network: { getStatus: () => ({ connected: true, connectionType: "cellular" }) },
    CapacitorHttp: { request: exchange },
    LocalNotifications: {
      checkPermissions: () => ({ display: phone.permission }),
      requestPermissions: () => { if (phone.permission === "prompt") phone.permission = "granted"; return { display: phone.permission }; },
      schedule: ({ notifications }) => { for (const one of notifications) phone.notifications.set(one.id, one); return { notifications }; },
      cancel: ({ notifications }) => { for (const { id } of notifications) phone.notifications.delete(id); },
      getPending: () => ({ notifications: [...phone.notifications.values()] }),
    },
  };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pluginId, methodName, options } = JSON.parse(Buffer.concat(chunks).toString());
    phone.calls.push({ plugin: pluginId, method: methodName, options });
    let told;
    try { told = { data: await methods[pluginId][methodName](options) ?? {} }; } catch (error) { told = { error: { message: String(error) } }; }
    response.writeHead(200, { "access-control-allow-origin": "*", "content-type": "application/json" }).end(JSON.stringify(told));
  });
  const port = await freePort();
  await new Promise((resolve) => { server.listen(port, "127.0.0.1", resolve); });
  return Object.assign(phone, {
    address: `http://127.0.0.1:${port}`,
    called: (plugin, method) => phone.calls.filter((call) => call.plugin === plugin && call.method === method),
    stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }),
  });
}

/** Fills `folder` with the shell's page, the bridge before it. */
async function shellPage(folder, { phone, patched, options }) {
  mkdirSync(folder, { recursive: true });
  for (const file of ["core.wasm", "profile.json"]) copyFileSync(join(process.env.PANNIER_DIST ?? dist, file), join(folder, file));
  await build({
    absWorkingDir: at(), entryPoints: ["tests/browser/pages/shell.mjs"], outfile: join(folder, "shell.js"),
    bundle: true, format: "esm", target: "safari16.4", logLevel: "silent",
  });
  const before = `const PHONE = ${JSON.stringify(phone.address)}, PATCHED = ${patched}, PLUGINS = ${JSON.stringify(plugins)};\n`;
  const bridge = readFileSync(at("node_modules", "@capacitor", "android", "capacitor", "src", "main", "assets", "native-bridge.js"));
  writeFileSync(join(folder, "native.js"), `{${before}${readFileSync(at("tests", "browser", "pages", "native.js"))}}\n${bridge}`);
  writeFileSync(join(folder, "options.json"), JSON.stringify(options));
  writeFileSync(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><title>shell</title><body>opening<script src="/native.js"></script><script type="module" src="/shell.js"></script>`);
  return folder;
}

/**
 * An app in the shell on a phone of its own, against a backend on another origin: without any CORS rule, unless `admitted`.
 * `options` are those of `openShell`; `patched`: the app has Capacitor's own fetch switched on. The courier has signed in where
 * `signedIn` is not false.
 */
export const withShell = ({ options = { network: "native" }, patched = false, admitted = false, signedIn = true, ...rest }, work) => async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "pannier-shell-"));
  const [phone, port] = [await startPhone(), await freePort()];
  const args = admitted ? ["--allow-origin", `http://localhost:${port}`] : [];
  const server = await startSandbox({ args, static: await shellPage(folder, { phone, patched, options }) });
  // The app's files are at an origin of their own, as capacitor://localhost is one.
  const app = await startProxy({ port, to: server.page });
  try {
    await withCourier({ ...rest, server, page: app.page }, async (courier) => {
      await says(courier.driver, "body", /ready|refused/, { ms: 15_000 });
      if (signedIn) await done(courier.driver, `async () => { await pannier.signIn({ username: "anna", password: "packet123" }); await pannier.refreshRoute(); }`);
      await work(Object.assign(courier, { phone }));
    })(context);
  } finally {
    await app.stop();
    await phone.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};
