// Chromium's DevTools protocol for the whole browser, with events: what a driver's one-way door
// cannot do, such as speaking to a service worker when every page is closed.

import WebSocket from "ws";
import { until, within } from "./waiting.mjs";

const ANSWER_MS = 15_000;

export async function connect(debuggerAddress) {
  const { webSocketDebuggerUrl } = await (await fetch(`http://${debuggerAddress}/json/version`)).json();
  const socket = new WebSocket(webSocketDebuggerUrl);
  await within(new Promise((resolve, reject) => { socket.once("open", resolve); socket.once("error", reject); }), { what: "the DevTools connection", ms: ANSWER_MS });
  const waiting = new Map();
  const listeners = new Set();
  let last = 0;
  socket.on("message", (text) => {
    const message = JSON.parse(text);
    if (message.id === undefined) { for (const listener of listeners) listener(message); return; }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) call?.reject(new Error(`${call.method}: ${message.error.message}`)); else call?.resolve(message.result);
  });
  socket.on("close", () => { for (const { reject, method } of waiting.values()) reject(new Error(`${method}: the browser is gone`)); });

  const send = (method, params = {}, sessionId) => {
    const id = (last += 1);
    const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject, method }));
    socket.send(JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) }));
    return within(answer, { what: method, ms: ANSWER_MS });
  };

  const devtools = {
    send,
    /** Calls back with { method, params, sessionId } of every event; gives the way to stop. */
    on(listener) { listeners.add(listener); return () => listeners.delete(listener); },
    close() { socket.terminate(); },

    /** The service worker of this scope, spoken to from a blank tab of its own, so that no page of the app has to be open. */
    async serviceWorker(scopeUrl) {
      const { targetId } = await send("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
      const registrations = new Map();
      let versions = [];
      const off = devtools.on(({ method, params, sessionId: from }) => {
        if (from !== sessionId) return;
        if (method === "ServiceWorker.workerRegistrationUpdated") {
          for (const one of params.registrations) if (one.isDeleted) registrations.delete(one.registrationId); else registrations.set(one.registrationId, one);
        }
        if (method === "ServiceWorker.workerVersionUpdated") {
          const fresh = new Set(params.versions.map(({ versionId }) => versionId));
          versions = [...versions.filter(({ versionId }) => !fresh.has(versionId)), ...params.versions];
        }
      });
      await send("ServiceWorker.enable", {}, sessionId);
      const registration = await until(() => [...registrations.values()].find(({ scopeURL }) => scopeURL === scopeUrl), { what: `a service worker for ${scopeUrl}` });
      const { origin } = new URL(scopeUrl);
      const { registrationId } = registration;
      const mine = () => versions.filter((version) => version.registrationId === registrationId && version.status !== "redundant");
      return {
        registrationId,
        versions: mine,
        sync: (tag, { lastChance = false } = {}) => send("ServiceWorker.dispatchSyncEvent", { origin, registrationId, tag, lastChance }, sessionId),
        push: (data) => send("ServiceWorker.deliverPushMessage", { origin, registrationId, data }, sessionId),
        async stop() {
          for (const { versionId } of mine()) await send("ServiceWorker.stopWorker", { versionId }, sessionId);
          await until(() => mine().every(({ runningStatus }) => runningStatus === "stopped"), { what: "the service worker to stop" });
        },
        async close() { off(); await send("Target.closeTarget", { targetId }); },
      };
    },
  };
  return devtools;
}
