// Delivered: to whom, and how it ended for each parcel.

import { html, nothing, type TemplateResult } from "lit";
import type { Choice, ParcelOutcome, ParcelView, StopView } from "pannier";
import { choiceText } from "pannier/texts";
import type { ParcelChoice } from "../drafts";
import { shown } from "../formats";
import { bar, button, field, permitted } from "../parts";
import { missingProofs, overridesOf } from "../overrides";
import { StopScreen } from "../screen";
import { texts } from "../texts";

const outcomes = ["delivered", "failed", "returned"] as const satisfies readonly ParcelOutcome["outcome"][];

export class DeliverScreen extends StopScreen {
  #choice(parcel: ParcelView): ParcelChoice {
    return this.draft.fields.outcomes?.[parcel.id] ?? { outcome: "delivered" };
  }

  #choose(parcel: ParcelView, choice: ParcelChoice): void {
    this.draft.changeSoon({ outcomes: { ...this.draft.fields.outcomes, [parcel.id]: choice } });
    this.requestUpdate();
  }

  #confirm(stop: StopView): Promise<void> {
    return this.act("confirm-deliver", async () => {
      const overrides = overridesOf(stop, this.draft);
      const receipt = await this.shell.record({
        kind: "deliver",
        stop: stop.id,
        recipient: (this.draft.fields.recipient ?? "").trim(),
        outcomes: stop.parcels.map((parcel): ParcelOutcome => ({ parcel: parcel.id, ...this.#choice(parcel) })),
        ...(overrides.length > 0 ? { overrides } : {}),
      });
      this.shell.saved(receipt);
      await this.draft.change({ recipient: undefined, outcomes: undefined, overrides: undefined });
      this.shell.go({ screen: "route" }, "replace");
    });
  }

  #reason(parcel: ParcelView, choice: ParcelChoice, reasons: Choice[]): TemplateResult {
    const chosen = (event: Event): void => {
      if (event.target instanceof HTMLSelectElement) this.#choose(parcel, { outcome: choice.outcome, reason: event.target.value });
    };
    return html`<label class="field"><span class="label">${texts.outcome.reason}</span>
      <select data-test="parcel-reason-${parcel.id}" @change=${chosen}>
        <option value="" disabled ?selected=${choice.reason === undefined}>${texts.outcome.choose}</option>
        ${reasons.map((reason) => html`<option value=${reason.code} ?selected=${choice.reason === reason.code}>${shown(choiceText(reason), 80)}</option>`)}
      </select></label>`;
  }

  #parcel(parcel: ParcelView, stop: StopView): TemplateResult {
    const choice = this.#choice(parcel);
    return html`<fieldset class="card" data-test="outcome-${parcel.id}">
      <legend class="strong">${shown(parcel.label, 60)} <small class="code">${shown(parcel.code, 60)}</small></legend>
      <div class="segments">${outcomes.map((outcome) => html`<label class="segment ${outcome}">
        <input type="radio" name="outcome-${parcel.id}" value=${outcome} data-test="outcome-${parcel.id}-${outcome}" .checked=${choice.outcome === outcome}
          @change=${() => this.#choose(parcel, { outcome })}><span>${texts.outcome.each[outcome]}</span></label>`)}</div>
      ${choice.outcome === "failed" ? this.#reason(parcel, choice, stop.reasons.fail) : nothing}
      ${choice.outcome === "returned" ? this.#reason(parcel, choice, stop.reasons.return) : nothing}
    </fieldset>`;
  }

  protected view(stop: StopView): TemplateResult {
    const recipient = this.draft.fields.recipient ?? "";
    const addressee = stop.address.name;
    const change = (value: string): void => {
      this.draft.changeSoon({ recipient: value });
      this.requestUpdate();
    };
    return html`${bar(texts.outcome.deliverTitle, { screen: "stop", stop: stop.id })}
      <div class="content">
        <section>${field({ test: "recipient", label: texts.outcome.recipient, value: recipient, capitalize: "words", change })}
          ${recipient === "" && addressee ? button({ test: "use-addressee", label: texts.outcome.useName(shown(addressee, 40)), busy: this.busy, tap: () => change(addressee) }) : nothing}</section>
        <section><h2>${texts.outcome.parcels}</h2>${stop.parcels.map((parcel) => this.#parcel(parcel, stop))}</section>
        ${missingProofs(stop, this.draft)}
      </div>
      <footer class="actions">${button({ test: "confirm-deliver", label: texts.outcome.confirmDeliver, kind: "primary", icon: "check", busy: this.busy, ...permitted(stop.can.deliver), tap: () => void this.#confirm(stop) })}</footer>`;
  }
}
customElements.define("courier-deliver", DeliverScreen);
