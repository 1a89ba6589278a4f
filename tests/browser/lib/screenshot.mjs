// Pictures of the page as a phone shows it. Chromium only, through DevTools.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Writes a PNG of 390 x 844 points, light or dark. */
export async function screenshot(browser, file, { dark = false, width = 390, height = 844, scale = 2 } = {}) {
  await browser.cdp("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: true });
  await browser.cdp("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }, { name: "prefers-reduced-motion", value: "reduce" }],
  });
  try {
    // Two frames: one to lay out anew, one to paint it.
    await browser.driver.executeAsyncScript("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));");
    const { data } = await browser.cdp("Page.captureScreenshot", { format: "png" });
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(data, "base64"));
  } finally {
    await browser.cdp("Emulation.setEmulatedMedia", { features: [] });
    await browser.cdp("Emulation.clearDeviceMetricsOverride");
  }
  return file;
}
