// An app that signs in at an OpenID provider, with nothing else to it.

import { openPannier } from "pannier";
import { beginSignIn, finishSignIn } from "pannier/oidc";

const json = async (address) => (await fetch(address)).json();
const [profile, provider] = await Promise.all([json("/profile.json"), json("/provider.json")]);
const pannier = await openPannier({ profile });
Object.assign(globalThis, { pannier, begin: () => beginSignIn(provider) });
try {
  const credentials = finishSignIn(provider);
  if (credentials) {
    history.replaceState(null, "", "/");
    const { account } = await pannier.signIn(credentials);
    document.body.textContent = `signed in as ${account.id}`;
  } else {
    document.body.textContent = "ready";
  }
} catch (error) {
  document.body.textContent = `${error.code}: ${error.message}`;
}
