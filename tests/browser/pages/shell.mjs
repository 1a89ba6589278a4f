// An app of somebody's own in a Capacitor shell: `pannier/capacitor`, and `pannier` where it is not to be used.

import { openPannier } from "pannier";
import { openShell, inShell } from "pannier/capacitor";

const json = async (address) => (await globalThis.CapacitorWebFetch(address)).json();
const [profile, { servers }, { foreign, ...options }] = await Promise.all([json("/profile.json"), json("/config.json?origin=second"), json("/options.json")]);
if (foreign) {
  // Somebody else's fetch, with the browser's own out of reach.
  const own = globalThis.fetch;
  globalThis.fetch = (...given) => own(...given);
  delete globalThis.CapacitorWebFetch;
}
Object.assign(globalThis, { inShell, openPannier });
try {
  globalThis.shell = await openShell({ profile, servers, ...options });
  globalThis.pannier = globalThis.shell.pannier;
  document.body.textContent = "ready";
} catch (error) {
  document.body.textContent = `refused ${error.code} ${error.message}`;
}
