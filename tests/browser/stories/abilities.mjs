// What a browser can do, per engine, and that it is so: where a story counts on something being
// absent, it must be absent. WebKit here is the nearest thing to iOS that runs on Linux.

import assert from "node:assert/strict";
import { evaluate } from "../lib/index.mjs";

/**
 * sync, periodicSync, push: what could wake the app from outside. Where there is none of it, all
 * that is sent is sent by the page's own triggers.
 * storage: can say whether it keeps what it is given. detector: reads codes by itself; none does, so
 * that every scan in these stories is the app's own.
 * camera: the name of the device that the app gets of those that the browser pretends to have: at the back, where there are two.
 */
const abilities = {
  chromium: { sync: true, periodicSync: true, push: true, storage: true, detector: false, camera: /labels\.y4m$/ },
  firefox: { sync: false, periodicSync: false, push: true, storage: true, detector: false, camera: /^Default Video Device$/ },
  webkit: { sync: false, periodicSync: false, push: false, storage: false, detector: false, camera: /^Mock video device 2$/ },
};

/** The phone can do what its engine can and nothing else, and the service worker has the page in hand. */
export async function ableAsExpected({ driver, engine }) {
  const { camera, ...expected } = abilities[engine];
  assert.deepEqual(await evaluate(driver, `async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    return {
      sync: "sync" in registration, periodicSync: "periodicSync" in registration, push: "pushManager" in registration && "PushManager" in window,
      storage: "storage" in navigator, detector: "BarcodeDetector" in window, worker: navigator.serviceWorker.controller?.state,
    };
  }`), { ...expected, worker: "activated" });
}

/** On a screen with a camera: the picture is the device's own, and it moves on. */
export async function seesThroughTheDevice({ driver, engine }, video) {
  const { label, frames } = await evaluate(driver, `async (video) => {
    const frames = [];
    while (frames.length < 3) {
      frames.push(await new Promise((resolve) => { video.requestVideoFrameCallback((_, { presentedFrames }) => resolve(presentedFrames)); }));
    }
    return { label: video.srcObject.getVideoTracks()[0].label, frames };
  }`, video);
  assert.match(label, abilities[engine].camera);
  assert.ok(frames[0] < frames[1] && frames[1] < frames[2], `frames ${frames}`);
}
