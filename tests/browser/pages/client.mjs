// The public API alone, without the courier's page: for what no button does.

import { attachWakes, openPannier } from "../../../core/js/src/index.ts";

const json = async (address) => (await fetch(address)).json();
const [profile, { servers }] = await Promise.all([json("/profile.json"), json("/config.json")]);
const open = (other = {}) => openPannier({ wasm: "/core.wasm", profile, servers, ...other });
globalThis.pannier = await open();
globalThis.openAnother = open;
globalThis.attachWakes = () => attachWakes(globalThis.pannier);
document.body.textContent = "ready";
