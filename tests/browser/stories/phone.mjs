// The operating system behind a Capacitor app, as a process of the test's own: it keeps what an app
// gave it (notifications) while the app is dead, and sends what the app asks it to send past the web
// view, really and over the network. Plugins are spoken to through Capacitor's own bridge.

import assert from "node:assert/strict";
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
  PannierUploads: ["put", "begin", "list", "forget", "rest"],
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

/** What stands at a JSON Pointer. */
const standing = (pointer, json) => pointer.split("/").slice(1).reduce((here, part) => here?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], json);

/** As the native parts do it (core/js/ios, core/js/android). */
function isYes({ yes, status, body }) {
  let json;
  try { json = JSON.parse(body); } catch { json = undefined; }
  return yes.some((one) => one.status.includes(status) && one.body.every(({ at: pointer, eq }) => {
    const here = standing(pointer, json);
    return here !== undefined && here !== null && (eq === undefined || eq === null || here === eq);
  }));
}

/** { address, calls, notifications, permission, uploads, work, stop }: the phone beside its app. */
export async function startPhone() {
  const phone = { calls: [], notifications: new Map(), permission: "prompt", uploads: new Map() };
  const bodies = new Map();
  const laneOf = (one) => [...phone.uploads.values()].filter(({ account, lane }) => account === one.account && lane === one.lane).sort((a, b) => a.seq - b.seq);
  /** Sends up to `count` of what it was given, each lane in its order, really and without the app. */
  phone.work = async (count = Infinity) => {
    for (let done = 0; done < count; done += 1) {
      const next = [...phone.uploads.values()].find((one) => laneOf(one).find(({ state }) => state === "pending") === one);
      if (!next) return;
      const { url, method, requestHeaders: headers, data } = next;
      const answer = await fetch(url, { method, headers, body: data ? Buffer.from(data, "base64") : undefined }).catch(() => undefined);
      Object.assign(next, answer ? { state: "answered", status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() } : { state: "failed" });
      if (next.state !== "answered" || !isYes(next)) for (const later of laneOf(next)) if (later.state === "pending") later.state = "held";
    }
  };
  const methods = {
    Network: { getStatus: () => ({ connected: true, connectionType: "cellular" }) },
    CapacitorHttp: { request: exchange },
    PannierUploads: {
      put: ({ id, data }) => { bodies.set(id, data); },
      begin: ({ uploads }) => {
        for (const { id } of uploads) if (!bodies.has(id)) throw new Error(`${id} has no body`);
        for (const one of uploads) phone.uploads.set(one.id, { ...one, data: bodies.get(one.id), state: "pending" });
        bodies.clear();
      },
      list: () => ({ uploads: [...phone.uploads.values()].map(({ id, account, lane, seq, attempt, state, status, headers, body }) => ({ id, account, lane, seq, attempt, state, status, headers, body })) }),
      forget: ({ ids }) => { for (const id of ids) phone.uploads.delete(id); },
      rest: () => undefined,
    },
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
async function shellPage(folder, { phone, patched, options, profile }) {
  mkdirSync(folder, { recursive: true });
  for (const file of ["core.wasm", "profile.json"]) copyFileSync(join(process.env.PANNIER_DIST ?? dist, file), join(folder, file));
  copyFileSync(at("core", "js", "lib", "shell", "core-shell.wasm"), join(folder, "core-shell.wasm"));
  await build({
    absWorkingDir: at(), entryPoints: ["tests/browser/pages/shell.mjs"], outfile: join(folder, "shell.js"),
    bundle: true, format: "esm", target: "safari16.4", logLevel: "silent",
  });
  const before = `const PHONE = ${JSON.stringify(phone.address)}, PATCHED = ${patched}, PLUGINS = ${JSON.stringify(plugins)};\n`;
  const bridge = readFileSync(at("node_modules", "@capacitor", "android", "capacitor", "src", "main", "assets", "native-bridge.js"));
  writeFileSync(join(folder, "native.js"), `{${before}${readFileSync(at("tests", "browser", "pages", "native.js"))}}\n${bridge}`);
  const shipped = JSON.parse(readFileSync(join(folder, "profile.json"), "utf8"));
  writeFileSync(join(folder, "profile.json"), JSON.stringify(profile(shipped)));
  writeFileSync(join(folder, "options.json"), JSON.stringify(options));
  writeFileSync(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><title>shell</title><body>opening<script src="/native.js"></script><script type="module" src="/shell.js"></script>`);
  return folder;
}

/**
 * An app in the shell on a phone of its own, against a backend on another origin: without any CORS rule, unless `admitted`.
 * `options` are those of `openShell`; `patched`: the app has Capacitor's own fetch switched on. The courier has signed in where
 * `signedIn` is not false. `profile` makes the one it goes by from the one that ships.
 */
export const withShell = ({ options = { network: "native" }, patched = false, admitted = false, signedIn = true, profile = (shipped) => shipped, ...rest }, work) => async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "pannier-shell-"));
  const [phone, port] = [await startPhone(), await freePort()];
  const args = admitted ? ["--allow-origin", `http://localhost:${port}`] : [];
  const server = await startSandbox({ args, static: await shellPage(folder, { phone, patched, options, profile }) });
  // The app's files are at an origin of their own, as capacitor://localhost is one.
  const app = await startProxy({ port, to: server.page });
  try {
    await withCourier({ ...rest, server, page: app.page }, async (courier) => {
      await says(courier.driver, "body", /ready|refused/, { ms: 15_000 });
      if (signedIn) {
        await done(courier.driver, `() => pannier.signIn({ username: "anna", password: "packet123" })`);
        const { outcome, ...why } = await done(courier.driver, "() => pannier.refreshRoute()");
        assert.equal(outcome, "updated", JSON.stringify(why));
      }
      await work(Object.assign(courier, { phone }));
    })(context);
  } finally {
    await app.stop();
    await phone.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};
