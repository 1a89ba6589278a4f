// The fault table: which rows there are, one run of each, and what came of it.

import { identities } from "./backend.mjs";
import { OPERATIONS, faults } from "./faults.mjs";
import { judge, wrong } from "./judge.mjs";
import { runPannier } from "./pannier.mjs";
import { runWorkbox } from "./workbox.mjs";

export { faults, identities, wrong };
export const browsers = ["chromium", "firefox", "webkit"];
export const subjects = ["pannier", "workbox"];

/** What a peer is measured under: nothing, and the one identity that it can carry without a word about it. */
const peerIdentities = ["none", "header"];

/** Every row that the filters leave; a filter is a list of names, none means all. */
export function rows({ browser = browsers, fault = Object.keys(faults), identity = identities, subject = subjects } = {}) {
  return browser.flatMap((engine) => fault.flatMap((name) => subject.flatMap((who) => identity.map((one) => ({ browser: engine, fault: name, subject: who, identity: one })))))
    .filter(({ browser: engine, fault: name, subject: who, identity: one }) => {
      if (faults[name].devtools && engine !== "chromium") return false;
      return who === "pannier" || (engine === "chromium" && peerIdentities.includes(one));
    });
}

export async function measure({ browser, fault, subject, identity }, { count = OPERATIONS } = {}) {
  const work = { engine: browser, fault: faults[fault], identity, count };
  const result = subject === "pannier" ? await runPannier(work) : await runWorkbox(work);
  const { said, backend: { ledger }, stored = [], parked = [], blocked = [], told = 0, reported = 0 } = result;
  const kept = result.kept ?? new Set(stored.filter(({ state: { is } }) => is !== "settled").map(({ intent, blob }) => blob?.sha256 ?? intent.text));
  const { unknown, ...found } = judge({ said, ledger, kept });
  return {
    browser, fault, subject, identity, recorded: found.recorded, lost: found.lost, duplicated: found.duplicated, reported_duplicates: reported,
    out_of_order: found.out_of_order, blocked: blocked.length, parked: parked.length, told,
    unknown, ...(faults[fault].kills ? { kills: result.killed } : {}),
  };
}
