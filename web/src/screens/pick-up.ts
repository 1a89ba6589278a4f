// Picked up: which parcels came along.

import { html, type TemplateResult } from "lit";
import type { ParcelView, StopView } from "pannier";
import { shown } from "../formats";
import { bar, button, permitted } from "../parts";
import { missingProofs, overridesOf } from "../overrides";
import { StopScreen } from "../screen";
import { texts } from "../texts";

export class PickUpScreen extends StopScreen {
  #taken(parcel: ParcelView): boolean {
    return !this.draft.fields.notPicked?.includes(parcel.id);
  }

  #choose(parcel: ParcelView, taken: boolean): void {
    const others = (this.draft.fields.notPicked ?? []).filter((id) => id !== parcel.id);
    this.draft.changeSoon({ notPicked: taken ? others : [...others, parcel.id] });
    this.requestUpdate();
  }

  #confirm(stop: StopView): Promise<void> {
    return this.act("confirm-pick-up", async () => {
      const overrides = overridesOf(stop, this.draft);
      const receipt = await this.shell.record({
        kind: "pick_up",
        stop: stop.id,
        parcels: stop.parcels.filter((parcel) => this.#taken(parcel)).map((parcel) => parcel.id),
        ...(overrides.length > 0 ? { overrides } : {}),
      });
      this.shell.saved(receipt);
      await this.draft.change({ notPicked: undefined, overrides: undefined });
      this.shell.go({ screen: "route" }, "replace");
    });
  }

  #parcel(parcel: ParcelView): TemplateResult {
    const choice = (taken: boolean, name: string, label: string): TemplateResult => html`<label class="segment ${taken ? "delivered" : "failed"}">
      <input type="radio" name="outcome-${parcel.id}" data-test="outcome-${parcel.id}-${name}" .checked=${this.#taken(parcel) === taken}
        @change=${() => this.#choose(parcel, taken)}><span>${label}</span></label>`;
    return html`<fieldset class="card" data-test="outcome-${parcel.id}">
      <legend class="strong">${shown(parcel.label, 60)} <small class="code">${shown(parcel.code, 60)}</small></legend>
      <div class="segments">${choice(true, "picked_up", texts.outcome.picked)}${choice(false, "failed", texts.outcome.notPicked)}</div>
    </fieldset>`;
  }

  protected view(stop: StopView): TemplateResult {
    return html`${bar(texts.outcome.pickUpTitle, { screen: "stop", stop: stop.id })}
      <div class="content">
        <section><h2>${texts.outcome.parcels}</h2>${stop.parcels.map((parcel) => this.#parcel(parcel))}</section>
        ${missingProofs(stop, this.draft)}
      </div>
      <footer class="actions">${button({ test: "confirm-pick-up", label: texts.outcome.confirmPickUp, kind: "primary", icon: "check", busy: this.busy, ...permitted(stop.can.pick_up), tap: () => void this.#confirm(stop) })}</footer>`;
  }
}
customElements.define("courier-pick-up", PickUpScreen);
