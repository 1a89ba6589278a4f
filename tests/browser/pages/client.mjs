// The public API alone, without the courier's page: for what no button does.

import { attachWakes, openPannier, storageHealth } from "pannier";
import { exportSealed, exportUnsettled } from "pannier/export";
import * as ways from "./ways.mjs";

const json = async (address) => (await fetch(address)).json();
const [profile, { servers }] = await Promise.all([json("/profile.json"), json("/config.json")]);
const open = (other = {}) => openPannier({ profile, servers, ...other });
Object.assign(globalThis, {
  ways, storageHealth, exportSealed, exportUnsettled,
  pannier: await open(),
  openAnother: open,
  attachWakes: (client = globalThis.pannier) => attachWakes(client),
});
document.body.textContent = "ready";
