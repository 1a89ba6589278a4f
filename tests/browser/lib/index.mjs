// Everything a browser test needs. Each test starts what it needs and stops it again.

export { openBrowser } from "./browser.mjs";
export { makeCameraVideo, modules, showDevice, showLabel } from "./camera.mjs";
export { all, burst, choose, draw, evaluate, find, gone, keys, peek, ready, reload, says, tap, text, type } from "./page.mjs";
export { freePort } from "./programs.mjs";
export { control, faults, log, startSandbox } from "./sandbox.mjs";
export { screenshot, sideways } from "./screenshot.mjs";
export { until, within } from "./waiting.mjs";
