// The app's service worker, spoken to while no page of the app is open. Chromium only.

import { until } from "../lib/index.mjs";

/** The app is closed; a blank tab stays, so that the browser does. */
export async function closeTheApp(courier) {
  await courier.driver.get("about:blank");
  const devtools = await courier.browser.devtools();
  await until(async () => {
    const { targetInfos } = await devtools.send("Target.getTargets");
    return !targetInfos.some(({ type, url }) => type === "page" && url.startsWith(courier.page));
  }, { what: "every page of the app to be closed" });
  return devtools.serviceWorker(`${courier.page}/`);
}

/** Runs an expression in the worker, which is started when it sleeps. */
export async function inWorker(courier, expression) {
  const devtools = await courier.browser.devtools();
  const { targetId: blank } = await devtools.send("Target.createTarget", { url: "about:blank" });
  const { sessionId: tab } = await devtools.send("Target.attachToTarget", { targetId: blank, flatten: true });
  await devtools.send("ServiceWorker.enable", {}, tab);
  await devtools.send("ServiceWorker.startWorker", { scopeURL: `${courier.page}/` }, tab);
  const target = await until(async () => {
    const { targetInfos } = await devtools.send("Target.getTargets");
    return targetInfos.find(({ type, url }) => type === "service_worker" && url === `${courier.page}/sw.js`);
  }, { what: "the running service worker" });
  const { sessionId } = await devtools.send("Target.attachToTarget", { targetId: target.targetId, flatten: true });
  const { result, exceptionDetails } = await devtools.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true }, sessionId);
  await devtools.send("Target.detachFromTarget", { sessionId });
  await devtools.send("Target.closeTarget", { targetId: blank });
  if (exceptionDetails) throw new Error(`in the worker: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  return result.value;
}

/** What the running worker asks to have shown from now on: a headless browser has no place for it, and may forget it. */
export const watchShown = (courier) => inWorker(courier, `{
  const show = ServiceWorkerRegistration.prototype.showNotification;
  self.pannierShown = [];
  ServiceWorkerRegistration.prototype.showNotification = function (title, { body }) { pannierShown.push({ title, body }); return show.apply(this, arguments); };
}`);
export const shown = (courier) => inWorker(courier, "self.pannierShown");

export const notifications = (courier) =>
  inWorker(courier, "registration.getNotifications().then((all) => all.map(({ title, body }) => ({ title, body })))");
