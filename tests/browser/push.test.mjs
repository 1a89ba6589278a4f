// A push from the switch in the app to the worker that sends: the real page, core, sandbox and
// relay; a stand-in for the push service, which no test can reach, that reads what it is sent with
// Node's own cryptography; DevTools hand the message to the worker. Chromium only.

import assert from "node:assert/strict";
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { control, evaluate, gone, log, says, startSandbox, tap, until } from "./lib/index.mjs";
import { exactlyOnce, taken } from "./stories/backend.mjs";
import { allSent, arrive, engines, note, on, shellIsCached, signIn, withCourier } from "./stories/courier.mjs";
import { closeTheApp, notifications, shown, watchShown } from "./stories/worker.mjs";

const engine = "chromium";
const story = engines.includes(engine) ? test : test.skip;
const text = (bytes) => Buffer.from(bytes).toString("base64url");

/** A browser's half of a subscription, and the service it names. */
async function pushService() {
  const messages = [];
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    messages.push({ url: request.url, headers: request.headers, body: Buffer.concat(pieces) });
    response.writeHead(201).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `http://127.0.0.1:${server.address().port}`;
  const keys = createECDH("prime256v1");
  keys.generateKeys();
  const auth = randomBytes(16);
  return {
    address, messages,
    subscription: { endpoint: `${address}/phone`, keys: { p256dh: text(keys.getPublicKey()), auth: text(auth) } },
    /** RFC 8188 and 8291, from the phone's side. */
    open(body) {
      const [salt, idLength] = [body.subarray(0, 16), body[20]];
      const sender = body.subarray(21, 21 + idLength);
      const info = Buffer.concat([Buffer.from("WebPush: info\0"), keys.getPublicKey(), sender]);
      const secret = hkdfSync("sha256", keys.computeSecret(sender), auth, info, 32);
      const derive = (name, length) => Buffer.from(hkdfSync("sha256", secret, salt, Buffer.from(`Content-Encoding: ${name}\0`), length));
      const sealed = body.subarray(21 + idLength);
      const cipher = createDecipheriv("aes-128-gcm", derive("aes128gcm", 16), derive("nonce", 12));
      cipher.setAuthTag(sealed.subarray(-16));
      const plain = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
      const end = plain.lastIndexOf(2);
      return plain.subarray(0, end).toString();
    },
    close: () => server.close(),
  };
}

/** The signature of RFC 8292, by the key that the page subscribed with. */
function signedBy(key, { headers: { authorization } }) {
  const [, token, named] = authorization.match(/^vapid t=([^,]+), k=(.+)$/);
  assert.equal(named, key);
  const point = Buffer.from(key, "base64url");
  const jwk = { kty: "EC", crv: "P-256", x: text(point.subarray(1, 33)), y: text(point.subarray(33)) };
  const [head, claims, signature] = token.split(".");
  const good = verify("sha256", Buffer.from(`${head}.${claims}`), { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url"));
  assert.ok(good, "the signature is the relay's");
  return JSON.parse(Buffer.from(claims, "base64url"));
}

/** The browser's own half, as it would be with a push service in reach. */
const withPushService = (driver, subscription) => evaluate(driver, `(subscription) => {
  const kept = window.pushKept = { subscription: undefined, key: undefined, asked: 0 };
  const made = { toJSON: () => subscription, unsubscribe: async () => { kept.subscription = undefined; return true; } };
  PushManager.prototype.getSubscription = async () => kept.subscription;
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => { kept.key = applicationServerKey; return kept.subscription = made; };
  Notification.requestPermission = async () => { kept.asked += 1; return "granted"; };
}`, subscription);

story("a courier switches wake-ups on, the office changes his route, and the closed app sends", async () => {
  const service = await pushService();
  const server = await startSandbox({ args: ["--push-service", service.address] });
  try {
    await withCourier({ engine, server }, async (courier) => {
      const { driver } = courier;
      const registered = async (what = "/api/push/subscriptions") => (await log(server)).filter(({ path, status }) => path === what && status < 300).length;
      await signIn(courier);
      await shellIsCached(courier);
      await withPushService(driver, service.subscription);
      await tap(driver, on("tab-more"));
      await tap(driver, on("switch-push"));
      await until(() => evaluate(driver, `() => document.querySelector('${on("switch-push")}')?.checked && pushKept.subscription !== undefined`), { what: "the switch to be on" });
      await until(async () => await registered() === 1, { what: "the relay to know the phone" });
      const { key, asked } = await evaluate(driver, "() => ({ key: pushKept.key, asked: pushKept.asked })");
      assert.equal(asked, 1);

      await arrive(courier, "st-05");
      await courier.faults.dead();
      await note(courier, "st-05", "Written without a network");
      const worker = await closeTheApp(courier);
      await worker.stop();
      await courier.faults.alive();

      await control(server, "stop", { id: "st-09", remove: true });
      const [message] = await until(() => service.messages.length > 0 && service.messages, { what: "the relay to push" });
      const claims = signedBy(key, message);
      assert.equal(claims.aud, service.address);
      const payload = service.open(message.body);
      const { web_push: form, mutable, notification } = JSON.parse(payload);
      assert.deepEqual([form, mutable, notification.title], [8030, true, "Route changed"]);

      await worker.push(payload);
      await taken(server, 2);
      assert.deepEqual(await notifications(courier), [{ title: "Route changed", body: "Open the app to see it." }]);
      await worker.close();
      await driver.get(courier.page);
      await allSent(courier);
      await exactlyOnce(courier);
    })();
  } finally {
    await server.stop();
    service.close();
  }
});

story("a subscription that the browser ended is told, and one that is switched off is forgotten", async () => {
  const service = await pushService();
  const server = await startSandbox({ args: ["--push-service", service.address] });
  try {
    await withCourier({ engine, server }, async (courier) => {
      const { driver } = courier;
      const hint = () => evaluate(driver, `() => document.querySelector('${on("switch-push")}')?.closest("label").querySelector("small").textContent`);
      await signIn(courier);
      await shellIsCached(courier);
      await withPushService(driver, service.subscription);
      await tap(driver, on("tab-more"));
      await tap(driver, on("switch-push"));
      await until(async () => (await hint())?.startsWith("On."), { what: "the switch to be on" });
      // As iOS does, without a word.
      await evaluate(driver, "() => { pushKept.subscription = undefined; }");
      await tap(driver, on("tab-route"));
      await evaluate(driver, "() => { document.dispatchEvent(new Event('visibilitychange')); }");
      await says(driver, on("push-lost"), /The phone has ended them/u);
      await tap(driver, on("push-lost"));
      await until(async () => (await hint()) === "The phone has ended them. Switch them on again", { what: "the loss to be told" });
      await tap(driver, on("switch-push"));
      await until(async () => (await hint())?.startsWith("On."), { what: "the switch to be on again" });
      await gone(driver, on("push-lost"));
      await tap(driver, on("switch-push"));
      await until(async () => (await hint()) === "Sends what waits while the app is closed", { what: "the switch to be off" });
      const ended = (await log(server)).filter(({ path, status }) => path === "/api/push/subscriptions/end" && status === 200);
      assert.equal(ended.length, 1);
      await control(server, "stop", { id: "st-09", remove: true });
      assert.equal(service.messages.length, 0);
    })();
  } finally {
    await server.stop();
    service.close();
  }
});

story("a sign-out that is refused for unsent work leaves the subscription as it is", async () => {
  const service = await pushService();
  const server = await startSandbox({ args: ["--push-service", service.address] });
  try {
    await withCourier({ engine, server }, async (courier) => {
      const { driver } = courier;
      await signIn(courier);
      await shellIsCached(courier);
      await withPushService(driver, service.subscription);
      await tap(driver, on("tab-more"));
      await tap(driver, on("switch-push"));
      await until(async () => (await log(server)).some(({ path, status }) => path === "/api/push/subscriptions" && status < 300), { what: "the relay to know the phone" });
      await courier.faults.set({ fault: "refuse", method: "POST", path: "/api/stops" });
      await note(courier, "st-10", "Not sent");
      await tap(driver, on("back"));
      await tap(driver, on("tab-more"));
      await tap(driver, on("sign-out"));
      await tap(driver, on("sign-out-stay"));
      assert.equal(await evaluate(driver, "() => pushKept.subscription !== undefined"), true);
      assert.equal((await log(server)).filter(({ path }) => path === "/api/push/subscriptions/end").length, 0);
    })();
  } finally {
    await server.stop();
    service.close();
  }
});

story("the closed app's notifications speak the language that was chosen in More", withCourier({ engine }, async (courier) => {
  const { driver } = courier;
  await signIn(courier);
  await shellIsCached(courier);
  await tap(driver, on("tab-more"));
  await tap(driver, on("language-sv"));
  await says(driver, "h1", "Mer");
  const worker = await closeTheApp(courier);
  await watchShown(courier);
  await worker.push("{}");
  await until(async () => (await shown(courier)).length > 0, { what: "the notification" });
  assert.deepEqual(await shown(courier), [{ title: "Pannier", body: "Skickar det som väntar" }]);
  await worker.close();
}));

story("signing out ends the subscription: nobody's phone is woken for somebody who has left it", async () => {
  const service = await pushService();
  const server = await startSandbox({ args: ["--push-service", service.address] });
  try {
    await withCourier({ engine, server }, async (courier) => {
      const { driver } = courier;
      await signIn(courier);
      await shellIsCached(courier);
      await withPushService(driver, service.subscription);
      await tap(driver, on("tab-more"));
      await tap(driver, on("switch-push"));
      await until(() => evaluate(driver, "() => pushKept.subscription !== undefined"), { what: "the subscription" });
      await until(async () => (await log(server)).some(({ path, status }) => path === "/api/push/subscriptions" && status < 300), { what: "the relay to know the phone" });
      await tap(driver, on("sign-out"));
      await until(() => evaluate(driver, "() => pushKept.subscription === undefined"), { what: "the subscription to end" });
      const ended = (await log(server)).filter(({ path }) => path === "/api/push/subscriptions/end").map(({ status }) => status);
      assert.deepEqual(ended, [200], "the sender was told while there was somebody to speak for");
      await control(server, "stop", { id: "st-09", remove: true });
      assert.equal(service.messages.length, 0);
    })();
  } finally {
    await server.stop();
    service.close();
  }
});
