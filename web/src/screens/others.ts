// What other couriers left unsent on this phone: that it is there, and the two ways out of it.

import { html, nothing, type TemplateResult } from "lit";
import type { OtherAccount } from "pannier";
import { Exporting } from "../exporting";
import { byteSize, relativeTime, shown } from "../formats";
import { icon } from "../icons";
import { bar, button, empty } from "../parts";
import { Screen } from "../screen";
import { SigningOut } from "../signing-out";
import { texts } from "../texts";

export class OthersScreen extends Screen {
  #others: OtherAccount[] | undefined;
  readonly #exporting = new Exporting(this);
  readonly #signingOut = new SigningOut(this, () => this.shell);

  protected async load(): Promise<void> {
    this.#others = await this.shell.api.others();
  }

  #other(other: OtherAccount): TemplateResult {
    const name = `seal-${other.reference}`;
    const facts = [
      texts.others.waiting(other.waiting, byteSize(other.bytes)),
      ...(other.parked ? [texts.others.parked(other.parked)] : []),
      ...(other.oldestAt === undefined ? [] : [texts.others.oldest(relativeTime(other.oldestAt))]),
      ...(other.quarantined ? [texts.others.quarantined(other.quarantined)] : []),
    ];
    return html`<li class="card item waiting" data-test="other-${other.reference}" data-waiting=${other.waiting}>
      <p class="strong title">${shown(other.whose, 40) || texts.others.someone}</p>
      <p class="quiet times">${facts.map((fact) => html`<span>${fact}</span>`)}</p>
      ${button({ test: name, label: this.busy === name ? texts.exported.busy : texts.others.seal, hint: texts.others.sealHint, icon: "outbox", busy: this.busy, tap: () => void this.act(name, () => this.#exporting.pack(this.shell.api, other.reference)) })}</li>`;
  }

  protected override render(): unknown {
    const account = this.shell.status?.account;
    const others = this.#others;
    return html`${bar(texts.others.title, { screen: account ? "outbox" : "sign-in" })}
      <div class="content">${others === undefined ? nothing : others.length === 0 ? empty("done", texts.others.none, "") : html`
        <p class="notice">${icon("attention")}<span>${texts.others.lead}</span></p>
        <ol class="items">${others.map((other) => this.#other(other))}</ol>`}</div>
      ${account && others?.length ? html`<footer class="actions">${button({ test: "hand-back", label: texts.others.handBack, icon: "key", busy: this.busy, tap: () => void this.act("hand-back", () => this.#signingOut.ask()) })}</footer>` : nothing}
      ${this.#signingOut.dialog(this.busy)}
      ${this.#exporting.dialog()}`;
  }
}
customElements.define("courier-others", OthersScreen);
