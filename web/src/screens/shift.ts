// The end of a shift: a last try to send, then "nothing unsent", or exactly what is, before the phone
// is handed in.

import { html, nothing, type TemplateResult } from "lit";
import type { OutboxItem, ShiftClose } from "pannier";
import { Exporting } from "../exporting";
import { itemText, reasonText, titleText, words } from "pannier/texts";
import { shown } from "../formats";
import { icon } from "../icons";
import { bar, button, signInAgain } from "../parts";
import { addressOf } from "../places";
import { Screen } from "../screen";
import { SigningOut } from "../signing-out";
import { texts } from "../texts";

export class ShiftScreen extends Screen {
  #close: ShiftClose | undefined;
  readonly #exporting = new Exporting(this);
  readonly #signingOut = new SigningOut(this, () => this.shell);

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#try();
  }

  protected async load(): Promise<void> {
    // What was found speaks of one moment: when some of it has gone out since, it is looked at anew.
    if (this.#close === undefined || this.#close.more || this.busy !== undefined) return;
    const { waiting } = await this.shell.api.status();
    if (waiting !== this.#close.items.length) void this.#try();
  }

  #try(): Promise<void> {
    return this.act("shift-again", async () => {
      await this.shell.drafts.flush();
      this.#close = await this.shell.api.closeShift();
    });
  }

  #item(item: OutboxItem): TemplateResult {
    return html`<li class="card item ${item.state === "parked" ? "attention" : "waiting"}" data-test="left-${item.id}" data-kind=${item.kind} data-state=${item.state}>
      <a class="strong title" href=${addressOf({ screen: "operation", operation: item.id })}>${shown(titleText(item.title), 120)}</a>
      <p>${shown(item.reason ? reasonText(item.reason) : itemText(item), 300)}</p>
      ${item.advice ? html`<p class="advice" data-test="advice" data-advice=${item.advice}><span class="quiet">${words().outbox.advice}:</span> ${words().advice[item.advice]}</p>` : nothing}</li>`;
  }

  #left(close: ShiftClose): TemplateResult {
    const stops = new Map<string, OutboxItem[]>();
    for (const item of close.items) {
      const place = item.place ? words().place(item.place) : "";
      stops.set(place, [...stops.get(place) ?? [], item]);
    }
    return html`<p class="notice attention" role="status" data-test="shift-left" data-unsent=${close.unsent}>${icon("attention")}<span class="strong">${words().shift(close)}</span></p>
      ${[...stops].map(([stop, items]) => html`<section><h2>${stop === "" ? texts.shift.noStop : shown(stop, 120)}</h2><ol class="items">${items.map((item) => this.#item(item))}</ol></section>`)}
      ${close.more ? html`<p class="quiet">${texts.shift.more}</p>` : nothing}
      ${close.unfinished.length > 0 ? html`<section><h2>${texts.shift.unfinished}</h2><ol class="items">${close.unfinished.map(({ stop, place, photos }) => html`
        <li class="card item" data-test="unfinished-${stop}"><a class="strong title" href=${addressOf({ screen: "stop", stop })}>${shown(place ? words().place(place) : stop, 120)}</a>
          ${photos > 0 ? html`<p>${texts.shift.unfinishedPhotos(photos)}</p>` : nothing}<p class="quiet">${texts.shift.unfinishedHint}</p></li>`)}</ol></section>` : nothing}
      ${close.quarantined > 0 ? html`<p class="notice attention">${icon("attention")}<span>${texts.shift.quarantined(close.quarantined)}</span></p>` : nothing}
      ${button({ test: "export", label: this.busy === "export" ? texts.exported.busy : texts.outbox.export, hint: texts.outbox.exportHint, icon: "outbox", busy: this.busy, tap: () => void this.act("export", () => this.#exporting.pack(this.shell.api)) })}`;
  }

  protected override render(): unknown {
    const close = this.busy === "shift-again" ? undefined : this.#close;
    return html`${bar(texts.shift.title, { screen: "more" })}
      <div class="content">
        ${close === undefined ? html`<div class="empty" role="status">${this.busy ? html`<span class="spinner" aria-hidden="true"></span><p class="strong">${texts.shift.checking}</p>` : nothing}</div>`
          : close.clear ? html`<div class="empty clear" role="status" data-test="shift-clear">${icon("done")}<p class="strong">${words().shift(close)}</p><p class="quiet">${texts.shift.clearHint}</p></div>`
            : this.#left(close)}
      </div>
      <footer class="actions two">
        ${close && !close.clear ? this.shell.status?.signedIn === false ? signInAgain() : button({ test: "shift-again", label: texts.shift.again, kind: "primary", icon: "refresh", busy: this.busy, tap: () => void this.#try() }) : nothing}
        ${close ? button({ test: "shift-sign-out", label: texts.shift.done, kind: close.clear ? "primary" : "plain", icon: "key", busy: this.busy, tap: () => void this.act("shift-sign-out", () => this.#signingOut.ask()) }) : nothing}
      </footer>
      ${this.#signingOut.dialog(this.busy)}
      ${this.#exporting.dialog()}`;
  }
}
customElements.define("courier-shift", ShiftScreen);
