// Pictures of the page as a phone shows it. Chromium only, through DevTools.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a PNG of 390 x 844 points, light or dark, with letters of so many per cent; tells how wide
 * the page is, which is more than that where it can be pushed sideways.
 */
export async function screenshot(browser, file, { dark = false, width = 390, height = 844, scale = 2, text = 100 } = {}) {
  const { driver } = browser;
  await browser.cdp("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: true });
  await browser.cdp("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }, { name: "prefers-reduced-motion", value: "reduce" }],
  });
  try {
    // Two frames: one to lay out anew, one to paint it.
    const wide = await driver.executeAsyncScript(`
      const [text, done] = arguments;
      document.documentElement.style.fontSize = text === 100 ? "" : text + "%";
      const boxes = () => [document.documentElement, ...document.querySelectorAll(".content, .outlet, dialog[open]")];
      requestAnimationFrame(() => requestAnimationFrame(() => done(Math.max(...boxes().map((one) => innerWidth + one.scrollWidth - one.clientWidth)))));`, text);
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
