// WebKit without a driver: under its driver it forgets everything at its end, so what is to be
// killed and opened again is a plain MiniBrowser, spoken to through WebKit's remote inspector. What
// this gives looks like a driver to page.mjs and the stories, as far as they use one. The page is
// the one that ships, with its Content-Security-Policy; nothing of the test is loaded into it.
//
// Clicks, keys and strokes are made in the page. They come with a user's activation, as the
// inspector can give it, but `isTrusted` is false.

import WebSocket from "ws";
import { until, within } from "./waiting.mjs";

const START_MS = 30_000;
const SCRIPT_MS = 30_000;

/** The first page of the browser that listens there, as a driver. */
export async function inspect(port, { alive, silent }) {
  const path = await until(async () => {
    alive();
    try {
      const list = await (await fetch(`http://127.0.0.1:${port}/`)).text();
      return list.match(/\/socket\/\d+\/\d+\/WebPage/)?.[0];
    } catch (error) {
      if (error instanceof TypeError) return false;
      throw error;
    }
  }, { what: "WebKit's inspector to list the page", ms: START_MS });
  const page = await connect(`ws://127.0.0.1:${port}${path}`, silent);
  return { driver: makeDriver(page), close: page.close };
}

/** The protocol has two floors: to the browser, and wrapped in that to the page's present process. */
async function connect(address, silent) {
  const socket = new WebSocket(address);
  const waiting = new Map();
  let last = 0;
  let target;
  const failAll = (ofTarget, message) => {
    for (const [id, call] of waiting) {
      if (ofTarget !== undefined && call.target !== ofTarget) continue;
      waiting.delete(id);
      call.reject(new Error(`${call.method}: ${message}`));
    }
  };
  const settle = ({ id, error, result }) => {
    const call = waiting.get(id);
    // The outer answer to a wrapped call says only that it was passed on.
    if (!call) return;
    waiting.delete(id);
    if (!error) call.resolve(result);
    // What a reload between two calls leaves behind.
    else if (/Missing injected script/.test(error.message)) call.reject(new Error(`${call.method}: the document is gone`));
    else call.reject(new Error(`${call.method}: ${error.message}`));
  };
  // Inside the browser the answers pass a line that holds back a small one until the one before it is
  // acknowledged: for 40 ms, unless something is sent the other way. What is sent has no effect.
  let nudging;
  const nudge = () => {
    if (waiting.size === 0 || socket.readyState !== WebSocket.OPEN) return;
    nudging ??= setTimeout(() => { nudging = undefined; socket.send(JSON.stringify({ id: 0, method: "Target.exists" })); }, 3);
  };
  socket.on("message", (text) => {
    const message = JSON.parse(text);
    const { method, params } = message;
    if (method === "Target.dispatchMessageFromTarget") settle(JSON.parse(params.message));
    else if (method === "Target.targetCreated" && params.targetInfo.type === "page" && !params.targetInfo.isProvisional) target = params.targetInfo.targetId;
    // Another site is another process.
    else if (method === "Target.didCommitProvisionalTarget") { failAll(target, "the document is gone"); target = params.newTargetId; }
    else if (method === "Target.targetDestroyed") failAll(params.targetId, "the document is gone");
    else if (message.error) settle(message);
    nudge();
  });
  socket.on("close", () => failAll(undefined, "the browser is gone"));
  await within(new Promise((resolve, reject) => { socket.once("open", resolve); socket.once("error", reject); }), { what: "the inspector's connection", ms: START_MS });
  // A killed browser cuts the line; the calls under way are told by "close".
  socket.on("error", () => {});
  await until(() => target, { what: "the inspector to name the page", ms: START_MS });
  return {
    close: () => socket.terminate(),
    send(method, parameters, ms = SCRIPT_MS) {
      const id = (last += 1);
      const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject, method, target }));
      // One number for both floors.
      socket.send(JSON.stringify({ id, method: "Target.sendMessageToTarget", params: { targetId: target, message: JSON.stringify({ id, method, params: parameters }) } }));
      const what = `${method} in the page`;
      return within(answer, { what, ms }).catch(async (error) => {
        // A script that waits may wait for the page; one that does not has an answer at once, or the page is busy, or the answer went astray.
        throw error.message.startsWith(what) && method === "Runtime.evaluate" ? await silent(error) : error;
      });
    },
  };
}

const ELEMENT = "pannier-element";

/** In the page: elements are kept there and numbered here; a new document knows none of them. */
const frame = (body, given, waits) => `(${waits ? "async " : ""}() => {
  class Stale extends Error { name = "StaleElementReferenceError"; }
  const kept = window.pannierElements ??= [];
  const take = (value) => {
    if (Array.isArray(value)) return value.map(take);
    if (value === null || typeof value !== "object") return value;
    if (!("${ELEMENT}" in value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, take(one)]));
    const element = kept[value["${ELEMENT}"]];
    if (!element?.isConnected) throw new Stale("the element is not in the document");
    return element;
  };
  const give = (value) => {
    if (value instanceof Element) return { "${ELEMENT}": (kept.includes(value) ? kept.indexOf(value) : kept.push(value) - 1) };
    if (Array.isArray(value) || value instanceof NodeList) return [...value].map(give);
    if (value === null || typeof value !== "object") return value ?? null;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, give(one)]));
  };
  try {
    const given = take(${JSON.stringify(given)});
    return JSON.stringify({ value: give(${waits ? "await " : ""}(${body})(given)) ?? null });
  } catch (error) {
    return JSON.stringify({ error: { name: error?.name, message: String(error?.message ?? error) } });
  }
})()`;

// What a click does: the element, or something in it, has to be on top where the thumb lands.
const click = `function ([element]) {
  const named = (name, message) => { throw Object.assign(new Error(message), { name }); };
  if (element.localName === "option") {
    const list = element.closest("select");
    list.focus();
    list.value = element.value;
    for (const type of ["input", "change"]) list.dispatchEvent(new Event(type, { bubbles: true, composed: true }));
    return;
  }
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.height === 0) named("ElementNotInteractableError", "the element has no size");
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  let hit = document.elementFromPoint(x, y);
  while (hit?.shadowRoot?.elementFromPoint(x, y) && hit.shadowRoot.elementFromPoint(x, y) !== hit) hit = hit.shadowRoot.elementFromPoint(x, y);
  for (let one = hit; one !== element; one = one.parentNode ?? one.host) {
    if (!one) named("ElementClickInterceptedError", "covered by " + (hit ? hit.localName + " " + hit.className : "nothing of the page"));
  }
  if (element.matches("a, button, input, select, textarea")) element.focus();
  element.click();
}`;

// The browser's own editing, so that the page sees the events of a keyboard.
const focus = `function ([element]) {
  element.focus();
  const root = element.getRootNode();
  if (root.activeElement !== element) throw Object.assign(new Error("the element takes no focus"), { name: "ElementNotInteractableError" });
}`;
const clear = `function () { document.execCommand("selectAll"); document.execCommand("delete"); }`;
const enter = `function ([text]) { for (const letter of text) document.execCommand("insertText", false, letter); }`;

// One finger, at most one place per frame, as the screen tells them.
const stroke = `async function (steps) {
  const nextFrame = () => new Promise((resolve) => { requestAnimationFrame(resolve); });
  let down = false;
  let point = { x: 0, y: 0 };
  for (const { type, element, x, y } of steps) {
    if (element) {
      const box = element.getBoundingClientRect();
      point = { x: box.left + box.width / 2 + x, y: box.top + box.height / 2 + y };
    }
    if (type !== "pointermove") down = type === "pointerdown";
    let hit = document.elementFromPoint(point.x, point.y);
    while (hit?.shadowRoot?.elementFromPoint(point.x, point.y)) hit = hit.shadowRoot.elementFromPoint(point.x, point.y);
    // Number 1 is the mouse, the one pointer that may be captured without a hand on it.
    hit.dispatchEvent(new PointerEvent(type, {
      pointerId: 1, pointerType: "mouse", isPrimary: true, button: type === "pointermove" ? -1 : 0, buttons: down ? 1 : 0,
      clientX: point.x, clientY: point.y, bubbles: true, cancelable: true, composed: true,
    }));
    await nextFrame();
  }
}`;

function makeDriver(page) {
  let scriptMs = SCRIPT_MS;
  const run = async (body, given, { waits = false } = {}) => {
    const started = await page.send("Runtime.evaluate", { expression: frame(body, given, waits), emulateUserGesture: true });
    const { result, wasThrown } = waits ? await page.send("Runtime.awaitPromise", { promiseObjectId: started.result.objectId, returnByValue: true }, scriptMs) : started;
    if (wasThrown) throw new Error(`in the page: ${result.description}`);
    const { error, value } = JSON.parse(result.value);
    if (error) throw Object.assign(new Error(error.message), { name: error.name });
    return dress(value);
  };

  const dress = (value) => {
    if (Array.isArray(value)) return value.map(dress);
    if (value === null || typeof value !== "object") return value;
    if (ELEMENT in value) return makeElement(value);
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, dress(one)]));
  };

  const makeElement = (handle) => ({
    ...handle,
    click: () => run(click, [handle]),
    clear: async () => { await run(focus, [handle]); await run(clear, []); },
    sendKeys: async (text) => { await run(focus, [handle]); await run(enter, [text]); },
    findElement: ({ value: selector }) => run("([element, selector]) => element.querySelector(selector)", [handle, selector]),
  });

  const driver = {
    executeScript: (script, ...given) => run(`function (given) { return (function () { ${script} }).apply(window, given); }`, given),
    executeAsyncScript: (script, ...given) =>
      run(`(given) => new Promise((resolve) => { (function () { ${script} }).apply(window, [...given, resolve]); })`, given, { waits: true }),
    /** How long what is waited for in the page may take; the other two of Selenium's are not known here. */
    manage: () => ({ setTimeouts: ({ script = scriptMs }) => { scriptMs = script; } }),
    /** Another document; a place within this one is no journey. */
    async get(address) {
      await driver.executeScript("window.pannierOldDocument = true; location.href = arguments[0];", address);
      await until(async () => {
        try {
          return await driver.executeScript("return window.pannierOldDocument === undefined && document.readyState === 'complete'");
        } catch (error) {
          if (/document is gone/.test(error.message)) return false;
          throw error;
        }
      }, { what: `${address} to be loaded`, ms: START_MS });
    },
    actions() {
      const steps = [];
      const chain = {
        move: ({ origin, x, y }) => { steps.push({ type: "pointermove", element: origin, x, y }); return chain; },
        press: () => { steps.push({ type: "pointerdown" }); return chain; },
        release: () => { steps.push({ type: "pointerup" }); return chain; },
        perform: () => run(stroke, steps, { waits: true }),
      };
      return chain;
    },
  };
  return driver;
}
