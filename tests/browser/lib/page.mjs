// What a thumb and an eye do: find, tap, type, read. Shadow roots are looked through, as a person does.

import { until } from "./waiting.mjs";

// Breadth first through every open shadow root. Gives the element, or all of them.
const search = `
  const [selector, all] = arguments;
  const found = [], roots = [document];
  for (const root of roots) {
    found.push(...root.querySelectorAll(selector));
    if (found.length && !all) return found[0];
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) roots.push(element.shadowRoot);
  }
  return all ? found : null;`;

/** The first element now, or null. */
export const peek = (driver, selector) => driver.executeScript(search, selector, false);
/** All of them now, document by document. */
export const all = (driver, selector) => driver.executeScript(search, selector, true);

/** The element, as soon as it is there. */
export const find = (driver, selector, { ms } = {}) => until(() => peek(driver, selector), { what: selector, ms });

const usable = `
  const [element] = arguments;
  if (!element.isConnected || element.disabled || element.matches(":disabled") || element.getAttribute("aria-disabled") === "true") return false;
  for (let one = element; one; one = one.assignedSlot ?? one.parentNode ?? one.host) if (one.inert) return false;
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility !== "hidden";`;

/** The element, as soon as it is there, visible and enabled. */
export const ready = (driver, selector, { ms } = {}) => until(async () => {
  const element = await peek(driver, selector);
  return element && await driver.executeScript(usable, element) && element;
}, { what: `${selector} to be visible and enabled`, ms });

// Beside the scrolling it notes where clicks arrive, for the message of a failure: a page that moved
// under the finger looks like one that does not answer.
const aim = `
  const [element, selector] = arguments;
  if (!window.pannierTaps) {
    window.pannierTaps = [];
    const note = ({ isTrusted, target }) => { window.pannierTaps.push("hit " + (target.dataset?.test ?? target.localName ?? "the page") + (isTrusted ? "" : " by a script")); };
    for (const type of ["click", "change"]) addEventListener(type, note, { capture: true });
    navigator.serviceWorker?.getRegistration().then((found) => { window.pannierWorkers = found; });
  }
  window.pannierTaps.push("meant " + selector);
  element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });`;

/**
 * Does something with an element as soon as that is possible; a page that redraws under the finger
 * is asked again. The element is brought to the middle first, as a thumb does: WebKit's driver takes
 * one that lies half behind the bar at the foot for scrolled into view, and then for covered.
 */
const act = (driver, selector, work, { ms } = {}) => until(async () => {
  const element = await peek(driver, selector);
  if (!element || !await driver.executeScript(usable, element)) return false;
  await driver.executeScript(aim, element, selector);
  await work(element);
  return true;
}, { what: `${selector} to be visible, enabled and not covered`, ms });

export const tap = (driver, selector, options) => act(driver, selector, (element) => element.click(), options);

/** Replaces what is in a field, key by key. */
export const type = (driver, selector, text, options) => act(driver, selector, async (field) => {
  await field.clear();
  // WebKit's driver takes no empty text.
  if (text) await field.sendKeys(text);
}, options);

/** Chooses a file; the field itself is often hidden behind a button. */
export async function choose(driver, selector, path, { ms } = {}) {
  await (await find(driver, selector, { ms })).sendKeys(path);
}

// A shadow root's text is in nobody's innerText: it is asked for by itself, however deep.
const visibleText = `
  const texts = (element) => [
    ...[element, ...element.querySelectorAll("*")].filter(({ shadowRoot }) => shadowRoot)
      .flatMap(({ shadowRoot }) => [...shadowRoot.children].filter(({ localName }) => localName !== "style").flatMap(texts)),
    element.innerText ?? "",
  ];
  return texts(arguments[0]).join(" ").replace(/\\s+/g, " ").trim();`;

/** What an element says, spaces folded; undefined when it is not there. */
export async function text(driver, selector) {
  const element = await peek(driver, selector);
  // Between two documents a driver may give nothing for a text.
  return element ? (await driver.executeScript(visibleText, element)) ?? undefined : undefined;
}

/** Waits until an element says this (a text that is contained, or a regular expression). */
export const says = (driver, selector, wanted, { ms } = {}) => {
  let last;
  return until(async () => {
    last = await text(driver, selector);
    return last !== undefined && (wanted instanceof RegExp ? wanted.test(last) : last.includes(wanted));
  }, { what: `${selector} to say ${wanted}`, ms }).catch((error) => { throw new Error(`${error.message}; it says: ${last}`); });
};

export const gone = (driver, selector, { ms } = {}) =>
  until(async () => (await peek(driver, selector)) === null, { what: `${selector} to be gone`, ms });

/** Draws on an element with one finger: points are fractions of its width and height. */
export async function draw(driver, selector, points, { ms } = {}) {
  const element = await ready(driver, selector, { ms });
  await driver.executeScript("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", element);
  const { width, height } = await driver.executeScript("const box = arguments[0].getBoundingClientRect(); return { width: box.width, height: box.height };", element);
  // Offsets count from the element's centre.
  const at = ([x, y]) => ({ origin: element, x: Math.round((x - 0.5) * width), y: Math.round((y - 0.5) * height), duration: 20 });
  const [first, ...rest] = points;
  let actions = driver.actions({ async: true }).move(at(first)).press();
  for (const point of rest) actions = actions.move(at(point));
  await actions.release().perform();
}

/**
 * Runs an async function in the page and gives its value; what it throws is thrown here. What is to
 * stay for a later call goes into `window`: in Firefox each script has a globalThis of its own.
 */
export async function evaluate(driver, work, ...parameters) {
  const answer = await driver.executeAsyncScript(`
    const done = arguments[arguments.length - 1];
    Promise.resolve().then(() => (${work})(...[...arguments].slice(0, -1)))
      .then((value) => done({ value }), (error) => done({ error: String(error?.stack ?? error), name: error?.name, message: error?.message }));`, ...parameters);
  if (answer.error !== undefined) throw new Error(`in the page: ${answer.name}: ${answer.message}\n${answer.error}`);
  return answer.value;
}

/**
 * Reloads as a person does, and waits for the new document. Not the driver's own refresh: in
 * Firefox that is a forced reload, which goes past the service worker.
 */
export async function reload(driver) {
  await driver.executeScript("window.pannierOldDocument = true; location.reload();");
  await until(async () => {
    try {
      return await driver.executeScript("return window.pannierOldDocument === undefined && document.readyState === 'complete'");
    } catch (error) {
      // Between two documents there is none to ask.
      if (/context|document|frame|navigat|aborted/i.test(error.message)) return false;
      throw error;
    }
  }, { what: "the page to be loaded anew" });
}

/** Presses keys one after the other, into whatever has the focus. */
export const keys = (driver, typed) => driver.actions({ async: true }).sendKeys(typed).perform();

/**
 * A hand scanner's keys, with Enter at their end, into whatever has the focus. They are made in the
 * page, in one go: a driver's come too slowly for a scanner's when the machine is busy. A scanner's
 * keys have the times at which it sent them, however late the page comes to them: so have these.
 */
export const burst = (driver, typed) => driver.executeScript(`
  const began = performance.now();
  for (const [place, key] of [...arguments[0], "Enter"].entries()) {
    for (const type of ["keydown", "keyup"]) {
      const event = new KeyboardEvent(type, { key, bubbles: true, cancelable: true, composed: true });
      Object.defineProperty(event, "timeStamp", { value: began + 2 * place });
      (document.activeElement ?? document.body).dispatchEvent(event);
    }
  }`, typed);
