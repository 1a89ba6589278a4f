// Signing in at an OpenID provider: the authorization code flow with PKCE, for profiles whose
// sign-in is of the kind `authorizationCode`. The way there and back is made here; the code is
// exchanged, and tokens are renewed, by the core as the profile says.

import {
  calculatePKCECodeChallenge, generateRandomCodeVerifier, generateRandomState, validateAuthResponse,
  type AuthorizationServer, type Client,
} from "oauth4webapi";
import { PannierError } from "./error.js";

/** An OpenID provider, and this app as it is registered there. */
export interface Provider {
  /** as the provider's metadata has it; compared with what comes back */
  issuer: string;
  authorizationEndpoint: string;
  clientId: string;
  /** a page of the app, registered at the provider */
  redirectUri: string;
  /** `openid` unless said; `offline_access` where the provider wants it for a refresh token */
  scope?: string;
}

/** What the client's `signIn` takes from here. */
export interface CodeCredentials extends Record<string, unknown> { code: string; verifier: string; redirectUri: string }

const KEY = "pannier:oidc";

interface Begun { state: string; verifier: string; redirectUri: string }

// An installed app on iOS may come back in another window than it left, so not sessionStorage.
const storage = (): Storage => globalThis.localStorage;

/**
 * Leaves the page for the provider; it comes back to `redirectUri`.
 * @example await beginSignIn({ issuer, authorizationEndpoint, clientId: "courier-app", redirectUri: `${location.origin}/` });
 */
export async function beginSignIn(provider: Provider): Promise<void> {
  const begun: Begun = { state: generateRandomState(), verifier: generateRandomCodeVerifier(), redirectUri: provider.redirectUri };
  const address = new URL(provider.authorizationEndpoint);
  const parameters = {
    response_type: "code", client_id: provider.clientId, redirect_uri: provider.redirectUri, scope: provider.scope ?? "openid",
    state: begun.state, code_challenge: await calculatePKCECodeChallenge(begun.verifier), code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  storage().setItem(KEY, JSON.stringify(begun));
  location.assign(address);
}

/**
 * What the provider sent back with this address; undefined when it is none of its answers.
 * @throws PannierError `sign_in_refused` when the provider or the person said no, or the answer belongs to no sign-in begun here
 * @example
 * const credentials = finishSignIn(provider);
 * if (credentials) await pannier.signIn(credentials);
 */
export function finishSignIn(provider: Provider, address: URL | string = location.href): CodeCredentials | undefined {
  const url = new URL(address);
  if (!url.searchParams.has("code") && !url.searchParams.has("error")) return undefined;
  const kept = storage().getItem(KEY);
  // One code, one use: a reload of this address must not try it again.
  storage().removeItem(KEY);
  if (kept === null) throw new PannierError("sign_in_refused", "this answer of the sign-in belongs to none that was begun here; sign in again");
  const begun = JSON.parse(kept) as Begun;
  const server: AuthorizationServer = { issuer: provider.issuer };
  const client: Client = { client_id: provider.clientId };
  try {
    const given = validateAuthResponse(server, client, url, begun.state);
    return { code: given.get("code") ?? "", verifier: begun.verifier, redirectUri: begun.redirectUri };
  } catch (error) {
    throw new PannierError("sign_in_refused", `the provider did not let you in: ${error instanceof Error ? error.message : String(error)}`);
  }
}
