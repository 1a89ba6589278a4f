// One stop: where it is, what is to be done there step by step, and how it ended.

import { html, nothing, type TemplateResult } from "lit";
import type { OutboxItem, StopView } from "pannier";
import { clockTime, shown, shownLines, timeSpan } from "../formats";
import { icon } from "../icons";
import { bar, button, needChip, permitted, placeLine, stopChip } from "../parts";
import { addressOf, type ScreenName } from "../places";
import { StopScreen } from "../screen";
import "../stored-picture";
import { texts } from "../texts";
import { unsettledPhotos, uploadsText } from "../uploads";

export class StopOverview extends StopScreen {
  #unsettled: ReadonlyMap<string, OutboxItem> = new Map();

  protected override async load(): Promise<void> {
    await super.load();
    this.#unsettled = this.stop?.photos.length ? await unsettledPhotos(this.shell.api, this.stopId) : new Map();
  }

  #go(screen: ScreenName): () => void {
    return () => this.shell.go({ screen, stop: this.stopId });
  }

  #arrive(): Promise<void> {
    return this.act("arrive", async () => {
      const receipt = await this.shell.record({ kind: "arrive", stop: this.stopId });
      this.shell.saved(receipt);
      await this.refresh();
    });
  }

  #address(stop: StopView): TemplateResult {
    const { address } = stop;
    return html`<section class="address">
      <p class="street">${shown(address.street, 120)}</p>
      <p>${placeLine(stop)}</p>
      <p class="name">${shown(address.name, 120)}</p>
      <dl class="details">
        ${stop.window ? html`<div>${icon("waiting")}<dt>${texts.stop.window}</dt><dd>${timeSpan(stop.window.from, stop.window.to)}</dd></div>` : nothing}
        ${address.doorCode ? html`<div class="door">${icon("door")}<dt>${texts.stop.doorCode}</dt><dd data-test="door-code">${shown(address.doorCode, 24)}</dd></div>` : nothing}
        ${address.floor ? html`<div>${icon("floor")}<dt>${texts.stop.floor}</dt><dd>${shown(address.floor, 40)}</dd></div>` : nothing}
      </dl>
      ${address.phone ? html`<a class="button plain" data-test="phone" href=${`tel:${address.phone.replace(/[^+\d]/gu, "")}`}>${icon("phone")}
        <span class="words"><span class="label">${texts.stop.phone} ${shown(address.phone, 24)}</span></span></a>` : nothing}
      ${stop.note ? html`<div class="notice">${icon("note")}<div><p class="strong">${texts.stop.note}</p><p class="lines">${shownLines(stop.note)}</p></div></div>` : nothing}
    </section>`;
  }

  #steps(stop: StopView): TemplateResult {
    const { can } = stop;
    const busy = this.busy;
    const fields = this.draft.fields;
    const uploads = uploadsText(stop, this.#unsettled);
    const scans = stop.needs.find((need) => need.proof === "scan");
    const scanned = scans?.have ?? stop.parcels.filter((parcel) => parcel.scanned).length;
    const toScan = scans?.want ?? stop.parcels.length;
    /** the first step that is open and not done stands out */
    let begun = false;
    /** what is there wins over why it cannot be tapped again */
    const step = (test: string, label: string, iconName: Parameters<typeof icon>[0], permission: keyof StopView["can"], have: string | undefined, ticked: boolean, tap: () => void): TemplateResult => {
      const { disabled, hint } = permitted(can[permission]);
      const next = !begun && !disabled && !ticked;
      begun ||= next;
      return html`<li class=${next ? "next" : ""}>${button({ test, label, icon: iconName, kind: "step", ticked, disabled, hint: have ?? hint, busy, tap })}</li>`;
    };
    return html`<section><h2 class="hidden">${texts.stop.steps}</h2><ol class="steps">
      ${step("arrive", stop.arrivedAt === undefined ? texts.stop.arrive : texts.stop.arrived, "arrived", "arrive", stop.arrivedAt === undefined ? undefined : clockTime(stop.arrivedAt), stop.arrivedAt !== undefined, () => void this.#arrive())}
      ${step("scan", texts.stop.scan, "scan", "scan", scanned > 0 || can.scan.allowed ? texts.stop.scanned(scanned, toScan) : undefined, toScan > 0 && scanned >= toScan, this.#go("scan"))}
      ${step("photo", texts.stop.photo, "photo", "photo", fields.photos?.length ? texts.stop.photoDraft : stop.photos.length > 0 ? texts.stop.photos(stop.photos.length) : undefined, stop.photos.length > 0, this.#go("photo"))}
      ${stop.photos.length > 0 ? html`<li class="thumbnails">${stop.photos.map((handle, index) => html`<courier-picture .api=${this.shell.api} .handle=${handle} .label=${texts.photo.saved(index + 1)}></courier-picture>`)}</li>` : nothing}
      ${uploads === undefined ? nothing : html`<li class="quiet uploading" data-test="uploads">${icon("outbox")}${uploads}</li>`}
      ${step("signature", texts.stop.signature, "signature", "signature", stop.signature !== undefined ? texts.stop.signed : fields.signatureSvg ? texts.stop.signatureDraft : undefined, stop.signature !== undefined, this.#go("signature"))}
      ${step("note", texts.stop.noteStep, "note", "note", fields.note ? texts.stop.noteDraft : stop.notes.length > 0 ? texts.stop.notes(stop.notes.length) : undefined, stop.notes.length > 0, this.#go("note"))}
    </ol></section>`;
  }

  #outcomes(stop: StopView): TemplateResult {
    const { can } = stop;
    const { fields } = this.draft;
    const busy = this.busy;
    const pickup = stop.kind === "pickup";
    const main = pickup
      ? button({ test: "pick-up", label: texts.stop.pickUp, icon: "pickup", kind: "primary", busy, tap: this.#go("pick-up"), ...permitted(can.pick_up) })
      : button({ test: "deliver", label: texts.stop.deliver, icon: "check", kind: "primary", busy, tap: this.#go("deliver"), ...this.#ending(can.deliver, fields.recipient ?? fields.outcomes) });
    // Where all are refused for the same cause it is said once.
    const endings = [pickup ? can.pick_up : can.deliver, can.fail, can.return];
    if (stop.outcome !== undefined && endings.every((permission) => !permission.allowed)) {
      return html`<footer class="actions">${button({ test: "to-route", label: texts.stop.toRoute, kind: "primary", icon: "route", tap: () => this.shell.go({ screen: "route" }) })}</footer>`;
    }
    const same = endings.every((permission) => !permission.allowed && permission.code === endings[0]?.code);
    const quiet = <T extends { hint: string | undefined }>(look: T): T => (same ? { ...look, hint: undefined } : look);
    return html`<footer class="actions">
      ${main}
      <div class="pair">
        ${button({ test: "fail", label: pickup ? texts.stop.failPickup : texts.stop.fail, busy, tap: this.#go("fail"), ...quiet(this.#ending(can.fail, fields.failReason)) })}
        ${pickup ? nothing : button({ test: "return", label: texts.stop.return, busy, tap: this.#go("return"), ...quiet(this.#ending(can.return, fields.returnReason)) })}
      </div>
    </footer>`;
  }

  /** An outcome that was begun says so. */
  #ending(permission: StopView["can"]["deliver"], begun: unknown): { disabled: boolean; hint: string | undefined } {
    return begun && permission.allowed ? { disabled: false, hint: texts.stop.halfDone } : permitted(permission);
  }

  protected view(stop: StopView): TemplateResult {
    const missing = stop.needs.filter((need) => !need.satisfied && need.requirement !== "optional");
    return html`${bar(texts.stop.title(stop.sequence), { screen: "route" }, stopChip(stop))}
      <div class="content">
        ${stop.parked > 0 ? html`<div class="notice attention">${icon("attention")}<span>${texts.stop.attention(stop.parked)}</span>
          <a class="button plain" data-test="stop-outbox" href=${addressOf({ screen: "outbox", stop: stop.id })}>${texts.stop.look}</a></div>` : nothing}
        ${stop.withdrawn ? html`<div class="notice attention" data-test="withdrawn">${icon("attention")}<span>${texts.stop.withdrawn[stop.withdrawn]}</span></div>` : nothing}
        ${stop.outcome === undefined ? nothing : html`<div class="notice ${stop.state === "done" ? "done" : "waiting"}" data-test="outcome">${icon(stop.state === "done" ? "done" : "waiting")}
          <div><p class="strong">${texts.stopOutcome[stop.outcome]}</p>${stop.waiting > 0 ? html`<p>${texts.stop.waiting(stop.waiting)}</p>` : nothing}</div></div>`}
        ${this.#address(stop)}
        ${this.#steps(stop)}
        ${missing.length > 0 && stop.outcome === undefined ? html`<section data-test="needs"><h2>${texts.stop.missing}</h2><ul class="chips">${missing.map((need) => needChip(need))}</ul></section>` : nothing}
        <section><h2>${texts.stop.parcels}</h2><ul class="parcels">${stop.parcels.map((parcel) => html`<li data-test="parcel-${parcel.id}">
          ${icon(parcel.scanned ? "done" : "parcel")}<span class="words"><span class="strong">${shown(parcel.label, 60)}</span><small class="code">${shown(parcel.code, 60)}</small></span>
          ${parcel.outcome ? html`<span class="quiet">${texts.parcelOutcome[parcel.outcome]}</span>` : nothing}</li>`)}</ul></section>
      </div>
      ${this.#outcomes(stop)}`;
  }
}
customElements.define("courier-stop", StopOverview);
