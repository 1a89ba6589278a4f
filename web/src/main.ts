// The courier's page: opens the core, attaches the worker and what wakes the core, and shows the app.

import { attachWakes, openPannier, type PushLook } from "pannier";
import { startApp } from "./start";
import { attachWorker } from "./worker";

// The longest wait of a launch begins first; what the core opens with is asked for meanwhile. Not by
// a link in the page: WebKit asks the worker for such a file twice.
let module: Promise<Response> | undefined = fetch(new URL("core.wasm", import.meta.url));
module.catch(() => undefined);

let found: ((look: PushLook) => void) | undefined;
const app = await startApp(async (options) => {
  // An answer is read once: another try asks for itself.
  const wasm = module;
  module = undefined;
  const api = await openPannier({ ...options, app: PANNIER_BUILD, ...(wasm ? { wasm } : {}) });
  attachWakes(api, { onPush: (look) => found?.(look) });
  return api;
});
found = (look) => app.pushFound(look);
attachWorker((newer) => app.announce(newer));
