// Scanning at a stop: every parcel that is to be handed over or picked up here.

import { html, nothing, type TemplateResult } from "lit";
import type { ParcelView, StopView } from "pannier";
import "pannier/elements";
import type { CodeDetail } from "pannier/elements";
import { CodeReader } from "../code-reader";
import { shown } from "../formats";
import { icon } from "../icons";
import { bar, button, permitted } from "../parts";
import { StopScreen } from "../screen";
import { texts } from "../texts";

export function scanner(reader: CodeReader): TemplateResult {
  const seen = (event: CustomEvent<CodeDetail>): void => reader.read(event.detail);
  return html`<pannier-scanner wedge data-test="scanner" @pannier-code=${seen}></pannier-scanner>`;
}

export function parcelLine(parcel: ParcelView, ticked: boolean, where = ""): TemplateResult {
  return html`<li class=${ticked ? "ticked" : ""} data-test="parcel-${parcel.id}" data-ticked=${ticked ? "true" : "false"}>
    ${icon(ticked ? "done" : "open")}<span class="words"><span class="strong">${shown(parcel.label, 60)}</span><small class="code">${shown(parcel.code, 60)}</small>
      ${where ? html`<small>${where}</small>` : nothing}</span>
    <span class="hidden">${ticked ? texts.scan.ticked : texts.scan.unticked}</span></li>`;
}

export function running(have: number, want: number): TemplateResult {
  return html`<span class="counter" data-test="scan-count">${texts.scan.count(have, want)}</span>`;
}

export class ScanScreen extends StopScreen {
  #reader: CodeReader | undefined;

  protected view(stop: StopView): TemplateResult {
    this.#reader ??= new CodeReader({ shell: () => this.shell, stop: this.stopId, changed: () => this.requestUpdate() });
    const need = stop.needs.find((entry) => entry.proof === "scan");
    const have = need?.have ?? stop.parcels.filter((parcel) => parcel.scanned).length;
    return html`${bar(texts.scan.title, { screen: "stop", stop: stop.id }, running(have, need?.want ?? stop.parcels.length))}
      <div class="content scan">
        ${scanner(this.#reader)}
        ${stop.can.scan.allowed ? nothing : html`<p class="notice"><span>${permitted(stop.can.scan).hint}</span></p>`}
        <ul class="parcels">${stop.parcels.map((parcel) => parcelLine(parcel, parcel.scanned))}</ul>
      </div>
      <footer class="actions">${this.#reader.verdict()}
        ${button({ test: "scan-done", label: texts.scan.done, kind: "primary", icon: "check", tap: () => this.backToStop() })}</footer>`;
  }
}
customElements.define("courier-scan", ScanScreen);
