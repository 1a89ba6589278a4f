// The backend behind the page's own origin, as a reverse proxy, and on another one with CORS.

import assert from "node:assert/strict";
import { test } from "node:test";
import { log } from "./lib/index.mjs";
import { exactlyOnce } from "./stories/backend.mjs";
import {
  allSent, arrive, comeBack, deliver, engines, networkIsBack, note, photograph, scanTyped, shellIsCached, signIn, withCourier,
} from "./stories/courier.mjs";
import { withProxy } from "./stories/proxy.mjs";

async function shortDay(courier) {
  await signIn(courier);
  await shellIsCached(courier);
  await courier.faults.dead();
  await arrive(courier, "st-01");
  await scanTyped(courier, "st-01", ["PN-7H2K-0001"]);
  await photograph(courier, "st-01");
  await note(courier, "st-01", "Left at the door");
  // A reload without network: where the backend is must be remembered too.
  await comeBack(courier);
  await deliver(courier, "st-01", { recipient: "Karin" });
  await courier.faults.alive();
  await networkIsBack(courier);
  await allSent(courier);
  await exactlyOnce(courier);
  const posts = (await log(courier.server)).filter(({ method, status }) => method === "POST" && status !== null);
  return { origins: new Set(posts.map(({ origin }) => origin)), preflights: (await log(courier.server)).filter(({ method }) => method === "OPTIONS").length };
}

for (const engine of engines) {
  test(`${engine}: the backend behind the page's origin`, withCourier({ engine }, async (courier) => {
    const { origins, preflights } = await shortDay(courier);
    assert.deepEqual([...origins], ["page"]);
    assert.equal(preflights, 0, "same origin: nothing to ask first");
  }));

  test(`${engine}: the backend on another origin, with an ordinary company's CORS`, withProxy({ engine }, async (courier) => {
    const { servers } = await (await fetch(new URL("/config.json", courier.page))).json();
    assert.notEqual(new URL(servers.api).origin, courier.page);
    const { origins, preflights } = await shortDay(courier);
    assert.deepEqual([...origins], ["api"]);
    assert.ok(preflights > 0, "another origin: the browser asks first");
  }, {
    args: (port) => ["--allow-origin", `http://localhost:${port}`],
    // The sandbox itself tells where its other origin is.
    change: ({ url }) => (url === "/config.json" ? { path: "/config.json?origin=second" } : undefined),
  }));
}
