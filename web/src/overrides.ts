// Proofs that are still missing when an outcome is about to be confirmed: what the stop insists on
// may be left out with a reason where its policy allows, and the core judges the reason.

import { html, nothing, type TemplateResult } from "lit";
import type { ProofOverride, StopView } from "pannier";
import type { StopDraft } from "./drafts";
import { icon } from "./icons";
import { field } from "./parts";
import { texts } from "./texts";

function missing(stop: StopView): StopView["needs"] {
  return stop.needs.filter((need) => !need.satisfied && need.requirement !== "optional");
}

export function overridesOf(stop: StopView, draft: StopDraft): ProofOverride[] {
  return missing(stop).flatMap(({ proof }) => {
    const reason = draft.fields.overrides?.[proof]?.trim();
    return reason ? [{ proof, reason }] : [];
  });
}

export function missingProofs(stop: StopView, draft: StopDraft): TemplateResult | typeof nothing {
  const needs = missing(stop);
  if (needs.length === 0) return nothing;
  return html`<section data-test="needs"><h2>${texts.stop.missing}</h2>${needs.map((need) => {
    const required = need.requirement === "required";
    return html`<div class="card need ${required ? "attention" : ""}">
      <p class="strong">${icon("attention")}${texts.need(need)} <span class="quiet">${texts.requirement[need.requirement]}</span></p>
      ${!required ? nothing : stop.proof.overridable
        ? field({
          test: `override-${need.proof}`, label: texts.outcome.why, value: draft.fields.overrides?.[need.proof] ?? "",
          change: (reason) => draft.changeSoon({ overrides: { ...draft.fields.overrides, [need.proof]: reason } }),
        })
        : html`<p class="quiet">${texts.outcome.notOverridable}</p>`}
    </div>`;
  })}</section>`;
}
