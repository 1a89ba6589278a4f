// The outbox: everything recorded, in its order, with what became of it, shown by the package's own
// element. What needs the courier has a list of its own, which is what one comes to first.

import { html, nothing, type TemplateResult } from "lit";
import type { Notice, OutboxItem, Status } from "pannier";
import type { OutboxChangeDetail, OutboxState } from "pannier/elements";
import { noticeText, words } from "pannier/texts";
import { Exporting } from "../exporting";
import { byteSize, clockTime, relativeTime, shown } from "../formats";
import { icon } from "../icons";
import { bar, button, signInAgain, tabs } from "../parts";
import { addressOf } from "../places";
import { Screen } from "../screen";
import { texts } from "../texts";

const historyHref = (item: OutboxItem): string => addressOf({ screen: "operation", operation: item.id });
const stopHref = (stop: string): string => addressOf({ screen: "stop", stop });

export class OutboxScreen extends Screen {
  /** only this stop's operations */
  onlyStop: string | undefined;
  #notices: Notice[] = [];
  /** what the courier chose; before that, what needs him comes first */
  #filter: OutboxState | undefined;
  readonly #exporting = new Exporting(this);

  protected async load(): Promise<void> {
    this.#notices = await this.shell.api.notices();
  }

  #sendNow(): Promise<void> {
    return this.act("send-now", async () => void await this.shell.api.drain("manual"));
  }

  #putAway(notice: Notice): Promise<void> {
    return this.act(`put-away-${notice.at}-${notice.seq}`, async () => {
      await this.shell.api.putAway(notice);
      await this.refresh();
    });
  }

  #chosen({ detail }: CustomEvent<OutboxChangeDetail>): void {
    // What was set aside lost to somebody else's change: what the stop is now, the backend knows.
    if (detail.choice === "discard") void this.shell.api.refreshRoute().catch(() => undefined);
  }

  #notice(notice: Notice): TemplateResult {
    return html`<div class="notice attention" data-test="notice" data-code=${notice.code} data-operation=${notice.operation ?? nothing} data-stop=${notice.stop ?? nothing}>${icon("attention")}
      <p>${clockTime(notice.at)}: ${shown(noticeText(notice), 300)}</p>
      <button type="button" class="button plain" data-test="put-away" ?disabled=${this.busy !== undefined} @click=${() => this.#putAway(notice)}><span class="label">${texts.outbox.putAway}</span></button></div>`;
  }

  #segments(filter: OutboxState, parked: number): TemplateResult {
    const segment = (state: OutboxState, label: string): TemplateResult => html`<label class="segment"><input type="radio" name="filter" data-test="filter-${state}"
      .checked=${filter === state} @change=${() => { this.#filter = state; this.requestUpdate(); }}><span>${label}</span></label>`;
    return html`<div class="segments" role="radiogroup" aria-label=${texts.outbox.title}>
      ${parked > 0 || filter === "attention" ? segment("attention", texts.outbox.attention(parked)) : nothing}
      ${segment("unsettled", texts.outbox.unsettled)}${segment("all", texts.outbox.all)}</div>`;
  }

  /** At the thumb: the step that helps. Where each entry has its own, sending stands behind it. */
  #next(status: Status | undefined, filter: OutboxState | undefined, unsent: number): TemplateResult {
    if (status && !status.signedIn) return signInAgain();
    return button({ test: "send-now", label: this.busy === "send-now" ? words().outbox.sending : words().outbox.send, kind: filter === "attention" ? "plain" : "primary", icon: "outbox", busy: this.busy,
      hint: unsent > 0 ? words().outbox.summary(unsent, byteSize(status?.bytesWaiting ?? 0)) : undefined, tap: () => void this.#sendNow() });
  }

  protected override render(): unknown {
    const { status, api } = this.shell;
    const unsent = status ? status.waiting : 0;
    const parked = status?.parked ?? 0;
    const filter = this.#filter ??= status === undefined ? undefined : parked > 0 ? "attention" : "unsettled";
    const notices = this.#notices.filter(({ stop }) => this.onlyStop === undefined || stop === this.onlyStop);
    return html`${bar(texts.outbox.title, this.onlyStop === undefined ? undefined : { screen: "stop", stop: this.onlyStop })}
      <div class="content">
        ${this.#segments(filter ?? "unsettled", parked)}
        ${this.onlyStop === undefined ? nothing : html`<p class="notice"><span>${texts.outbox.ofStop}</span><a class="button plain" href=${addressOf({ screen: "outbox" })}>${texts.outbox.allStops}</a></p>`}
        ${status && !status.signedIn ? html`<p class="notice attention">${icon("key")}<span>${texts.more.notSignedIn}</span></p>` : nothing}
        ${status?.lastTryAt === undefined ? nothing : html`<p class="quiet" data-test="last-try">${words().tried[status.reachability]}, ${relativeTime(status.lastTryAt)}</p>`}
        ${notices.map((notice) => this.#notice(notice))}
        ${filter === undefined ? nothing : html`<pannier-outbox no-send .client=${api} .state=${filter} .stop=${this.onlyStop} .historyHref=${historyHref} .stopHref=${stopHref} @pannier-outbox-change=${this.#chosen}></pannier-outbox>`}
        ${status?.quarantined ? html`<p class="notice attention">${icon("attention")}<span>${texts.outbox.quarantined(status.quarantined)}</span></p>` : nothing}
        ${status?.otherAccounts ? html`<p class="notice">${icon("attention")}<span>${texts.outbox.otherAccounts(status.otherAccounts)}</span>
          <a class="button plain" href=${addressOf({ screen: "others" })} data-test="others">${texts.outbox.look}</a></p>` : nothing}
        ${unsent > 0 || status?.quarantined ? button({ test: "export", label: this.busy === "export" ? texts.exported.busy : texts.outbox.export, hint: texts.outbox.exportHint, icon: "outbox", busy: this.busy, tap: () => void this.act("export", () => this.#exporting.pack(api)) }) : nothing}
      </div>
      <footer class="actions above-tabs">
        ${this.#next(status, filter, unsent)}
      </footer>
      ${tabs("outbox", status)}
      ${this.#exporting.dialog()}`;
  }
}
customElements.define("courier-outbox", OutboxScreen);
