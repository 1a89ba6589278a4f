// Pictures of the page as a phone shows it. Chromium only, through DevTools.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const names = `(element) => element.outerHTML.replace(/\\s+/g, " ").slice(0, 140)`;

/**
 * What makes the page one that can be pushed sideways, at the width that it was just given, with letters of so many
 * per cent: each box that scrolls so, with the innermost element that stands out of it. A row of pictures may.
 */
export const sideways = (driver, { width, text = 100 }) => driver.executeAsyncScript(`
  const [width, text, done] = arguments;
  const page = document.documentElement;
  page.style.fontSize = text === 100 ? "" : text + "%";
  const within = (root) => [...root.querySelectorAll("*")].flatMap((one) => [one, ...(one.shadowRoot ? within(one.shadowRoot) : [])]);
  const look = () => {
    const found = page.clientWidth === width ? [] : ["the page is " + page.clientWidth + " points wide"];
    for (const box of [page, ...within(document)]) {
      if (box.scrollWidth <= box.clientWidth || box.clientWidth === 0 || box.matches(".thumbnails")) continue;
      if (box !== page && !/auto|scroll/.test(getComputedStyle(box).overflowX)) continue;
      const edge = box.getBoundingClientRect().left + box.clientLeft + box.clientWidth;
      const out = within(box).filter((one) => one.getBoundingClientRect().right > edge + 0.5).at(-1) ?? box;
      found.push(box.scrollWidth + " points in " + box.clientWidth + ": " + (${names})(out));
    }
    done([...new Set(found)]);
  };
  // The new width comes with a frame, one more lays out anew.
  let frames = 0;
  const soon = () => { frames += 1; requestAnimationFrame(frames > 120 || (frames > 1 && page.clientWidth === width) ? look : soon); };
  soon();`, width, text);

/** Writes a PNG of 390 x 844 points, light or dark, with letters of so many per cent; tells what makes it scroll sideways. */
export async function screenshot(browser, file, { dark = false, width = 390, height = 844, scale = 2, text = 100 } = {}) {
  const { driver } = browser;
  await browser.cdp("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: true });
  await browser.cdp("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }, { name: "prefers-reduced-motion", value: "reduce" }],
  });
  try {
    const wide = await sideways(driver, { width, text });
    const { data } = await browser.cdp("Page.captureScreenshot", { format: "png" });
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(data, "base64"));
    return { wide };
  } finally {
    if (text !== 100) await driver.executeScript("document.documentElement.style.fontSize = ''");
    await browser.cdp("Emulation.setEmulatedMedia", { features: [] });
    await browser.cdp("Emulation.clearDeviceMetricsOverride");
  }
}
