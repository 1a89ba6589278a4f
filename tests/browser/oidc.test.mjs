// Signing in at an OpenID provider: the browser goes there and comes back with a code, the core
// exchanges it and renews its token by itself.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";
import { at, dist } from "../../scripts/lib/paths.mjs";
import { evaluate, openBrowser, says, startSandbox } from "./lib/index.mjs";
import { engines } from "./stories/courier.mjs";

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A provider with one person, who always says yes, and an API that takes its tokens. */
async function startProvider() {
  const state = { codes: new Map(), access: "", refresh: "", seconds: 300, asked: [], refuse: false };
  const server = createServer(async (request, answer) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    let body = "";
    for await (const chunk of request) body += chunk;
    const say = (status, value) => answer.writeHead(status, {
      "content-type": "application/json", "access-control-allow-origin": "*", "access-control-allow-headers": "authorization, content-type",
    }).end(JSON.stringify(value));
    if (request.method === "OPTIONS") return say(200, {});
    state.asked.push(`${request.method} ${url.pathname}`);
    if (url.pathname === "/authorize") {
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.searchParams.set("state", url.searchParams.get("state"));
      back.searchParams.set("iss", state.issuer);
      if (state.refuse) {
        back.searchParams.set("error", "access_denied");
      } else {
        assert.equal(url.searchParams.get("code_challenge_method"), "S256");
        const code = `code-${state.codes.size}`;
        state.codes.set(code, url.searchParams.get("code_challenge"));
        back.searchParams.set("code", code);
      }
      return answer.writeHead(302, { location: back.href }).end();
    }
    if (url.pathname === "/token") {
      const form = new URLSearchParams(body);
      const tokens = () => {
        state.access = `a${state.asked.length}`;
        state.refresh = `r${state.asked.length}`;
        return { access_token: state.access, refresh_token: state.refresh, expires_in: state.seconds, id_token: `${encoded({})}.${encoded({ sub: "anna" })}.x` };
      };
      if (form.get("grant_type") === "refresh_token") return form.get("refresh_token") === state.refresh ? say(200, tokens()) : say(400, { error: "invalid_grant" });
      const challenge = state.codes.get(form.get("code"));
      // A code serves once, and only who knows what was hashed.
      state.codes.delete(form.get("code"));
      const proof = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
      return challenge !== undefined && challenge === proof ? say(200, tokens()) : say(400, { error: "invalid_grant" });
    }
    if (request.headers.authorization !== `Bearer ${state.access}`) return say(401, {});
    return say(200, { stops: [{ id: "s1" }] });
  });
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  state.issuer = `http://127.0.0.1:${server.address().port}`;
  state.close = () => { server.closeAllConnections(); server.close(); };
  return state;
}

function profileFor({ issuer }) {
  const token = (fields) => ({ method: "POST", url: "{+provider}/token", auth: false, body: { form: { client_id: "app", ...fields } } });
  const rules = [{ when: { status: [200], body: { at: "#/access_token", exists: true } }, then: "applied" }, { when: { status: [400] }, then: "auth", message: "#/error" }];
  const outputs = { token: "$response.body#/access_token", refreshToken: "$response.body#/refresh_token", expiresInS: "$response.body#/expires_in" };
  return {
    pannier: 1, name: "oidc", revision: "1", servers: { provider: issuer },
    signIn: {
      kind: "authorizationCode",
      request: token({ grant_type: "authorization_code", code: "$credentials.code", code_verifier: "$credentials.verifier", redirect_uri: "$credentials.redirectUri" }),
      outcomes: rules, outputs: { account: { $claim: "$response.body#/id_token", give: "sub" }, ...outputs },
      refresh: { request: token({ grant_type: "refresh_token", refresh_token: "$session.refreshToken" }), outcomes: rules, outputs },
      headers: { Authorization: { $concat: ["Bearer ", "$session.token"] } },
    },
    outcomes: [{ when: { status: [401] }, then: "auth" }],
    route: { reads: [{ readId: "stops", request: { method: "GET", url: "{+provider}/stops" }, outcomes: [{ when: { status: [200] }, then: "applied" }], items: "#/stops" }], stop: { id: "$item.id" } },
    operations: {},
  };
}

for (const engine of engines) {
  test(`${engine}: the browser goes to a provider and comes back signed in`, { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "pannier-oidc-"));
    const provider = await startProvider();
    const server = await startSandbox({ static: folder });
    const browser = await openBrowser({ engine });
    try {
      const { driver } = browser;
      const home = new URL("/", server.page).href;
      copyFileSync(join(process.env.PANNIER_DIST ?? dist, "core.wasm"), join(folder, "core.wasm"));
      writeFileSync(join(folder, "profile.json"), JSON.stringify(profileFor(provider)));
      writeFileSync(join(folder, "provider.json"), JSON.stringify({ issuer: provider.issuer, authorizationEndpoint: `${provider.issuer}/authorize`, clientId: "app", redirectUri: home }));
      await build({ absWorkingDir: at(), entryPoints: ["tests/browser/pages/oidc.mjs"], outfile: join(folder, "oidc.js"), bundle: true, format: "esm", target: "safari16.4", logLevel: "silent" });
      writeFileSync(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><title>oidc</title><body>opening<script type="module" src="/oidc.js"></script>`);
      const begin = () => driver.executeScript("void window.begin()");

      await driver.get(home);
      await says(driver, "body", "ready");
      provider.refuse = true;
      await begin();
      await says(driver, "body", /sign_in_refused: the provider did not let you in/);

      provider.refuse = false;
      await driver.get(home);
      await says(driver, "body", "ready");
      await begin();
      await says(driver, "body", "signed in as anna");
      assert.equal(await driver.executeScript("return location.search"), "", "no code stays in the address");

      // The core goes on by itself: its token ends, it gets the next one.
      const before = provider.access;
      provider.access = "ended";
      const refreshed = await evaluate(driver, "() => window.pannier.refreshRoute()");
      assert.equal(refreshed.outcome, "updated", refreshed.text);
      assert.notEqual(provider.access, before);

      // An answer that nobody here asked for is not taken.
      await driver.get(`${home}?code=stolen&state=guessed&iss=${encodeURIComponent(provider.issuer)}`);
      await says(driver, "body", /sign_in_refused: this answer of the sign-in belongs to none/);
    } finally {
      await browser.close();
      await server.stop();
      provider.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
