// The public API alone, without the courier's page: for what no button does.

import { attachWakes, openPannier, storageHealth } from "pannier";
import { exportSealed, exportUnsettled } from "pannier/export";
import * as ways from "./ways.mjs";

const json = async (address) => (await fetch(address)).json();
const [profile, { servers }] = await Promise.all([json("/profile.json"), json("/config.json")]);
// Another module than the page would load.
const wasm = new URLSearchParams(location.search).get("wasm");
const open = (other = {}) => openPannier({ profile, servers, ...(wasm ? { wasm } : {}), ...other });
try {
  Object.assign(globalThis, {
    ways, storageHealth, exportSealed, exportUnsettled,
    pannier: await open(),
    openAnother: open,
    attachWakes: (client = globalThis.pannier) => attachWakes(client),
  });
  document.body.textContent = "ready";
} catch (error) {
  document.body.textContent = `refused ${error.code} ${error.message}`;
}
