// The courier's page: opens the core, attaches the worker and what wakes the core, and shows the app.

import { attachWakes, openPannier } from "pannier";
import { startApp } from "./start";
import { attachWorker } from "./worker";

const app = await startApp(async (options) => {
  const api = await openPannier(options);
  attachWakes(api);
  return api;
});
attachWorker((newer) => app.announce(newer));
