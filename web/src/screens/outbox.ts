// The outbox: everything recorded, in its order, with what became of it. What is parked needs the
// courier: it is tried again or discarded with a reason.

import { html, nothing, type TemplateResult } from "lit";
import type { Notice, OperationStateName, OutboxItem, OutboxPage } from "pannier";
import { words } from "pannier/texts";
import { Exporting } from "../exporting";
import { byteSize, clockTime, relativeTime, sentence, shown } from "../formats";
import { icon, type IconName } from "../icons";
import { bar, button, empty, field, tabs } from "../parts";
import { addressOf } from "../places";
import { Screen } from "../screen";
import { texts } from "../texts";

const stateIcons: Record<OperationStateName, IconName> = {
  waiting: "waiting", in_flight: "outbox", in_doubt: "attention", parked: "attention", settled: "done", discarded: "bin",
};
/** the look of a state, in the colours that the stops use */
const stateColours: Record<OperationStateName, string> = {
  waiting: "waiting", in_flight: "arrived", in_doubt: "waiting", parked: "attention", settled: "done", discarded: "open",
};

const pieceLength = 50;

export class OutboxScreen extends Screen {
  /** only this stop's operations */
  onlyStop: string | undefined;
  #page: OutboxPage | undefined;
  #notices: Notice[] = [];
  #filter: "unsettled" | "all" = "unsettled";
  #limit = pieceLength;
  readonly #exporting = new Exporting(this);
  /** the operation that is about to be discarded, and why */
  #discarding: { id: string; reason: string } | undefined;
  /** the operation that is being corrected, and how its fields read by now */
  #amending: { id: string; inPlace: boolean; fields: Record<string, string> } | undefined;

  protected async load(): Promise<void> {
    [this.#page, this.#notices] = await Promise.all([
      this.shell.api.outbox({ state: this.#filter, limit: this.#limit, ...(this.onlyStop === undefined ? {} : { stop: this.onlyStop }) }),
      this.shell.api.notices(),
    ]);
  }

  #show(filter: "unsettled" | "all"): void {
    this.#filter = filter;
    this.#limit = pieceLength;
    void this.refresh();
  }

  #sendNow(): Promise<void> {
    return this.act("send-now", async () => {
      await this.shell.api.drain("manual");
      await this.refresh();
    });
  }

  #retry(id: string): Promise<void> {
    return this.act(`retry-${id}`, async () => {
      await this.shell.api.retry(id);
      await this.refresh();
    });
  }

  #discard(id: string, reason: string): Promise<void> {
    return this.act("discard-confirm", async () => {
      await this.shell.api.discard(id, reason.trim());
      // What was set aside lost to somebody else's change: what the stop is now, the backend knows.
      void this.shell.api.refreshRoute().catch(() => undefined);
      this.#discarding = undefined;
      this.querySelector<HTMLDialogElement>("dialog.discard")?.close();
      await this.refresh();
    });
  }

  #putAway(notice: Notice): Promise<void> {
    return this.act(`put-away-${notice.at}-${notice.seq}`, async () => {
      await this.shell.api.putAway(notice);
      await this.refresh();
    });
  }

  #notice(notice: Notice): TemplateResult {
    return html`<p class="notice attention" data-test="notice" data-code=${notice.code} data-operation=${notice.operation ?? nothing} data-stop=${notice.stop ?? nothing}>${icon("attention")}
      <span>${clockTime(notice.at)}: ${sentence(notice.text, 300)}</span>
      <button type="button" class="button plain" data-test="put-away" ?disabled=${this.busy !== undefined} @click=${() => this.#putAway(notice)}><span class="label">${texts.outbox.putAway}</span></button></p>`;
  }

  #askDiscard(id: string): void {
    this.#discarding = { id, reason: "" };
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLDialogElement>("dialog.discard")?.showModal());
  }

  /** What of an operation can be corrected as a text. */
  #correctable({ amend = {} }: OutboxItem): [string, string][] {
    return Object.entries(amend)
      .filter(([name, value]) => name in texts.outbox.amendFields && (value === null || typeof value === "string"))
      .map(([name, value]) => [name, value === null ? "" : String(value)]);
  }

  #askAmend(item: OutboxItem): void {
    this.#amending = { id: item.id, inPlace: item.amendInPlace, fields: Object.fromEntries(this.#correctable(item)) };
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector<HTMLDialogElement>("dialog.amend")?.showModal());
  }

  #amend(id: string, fields: Record<string, string>): Promise<void> {
    return this.act("amend-confirm", async () => {
      // An empty field was left out.
      const changes = Object.entries(fields).map(([name, value]) => [name, value.trim() === "" ? null : value.trim()]);
      await this.shell.api.amend(id, Object.fromEntries(changes));
      this.querySelector<HTMLDialogElement>("dialog.amend")?.close();
      await this.refresh();
    });
  }

  #amendDialog(): TemplateResult {
    const asked = this.#amending;
    return html`<dialog class="sheet amend" data-test="amend-dialog" aria-labelledby="amend-title" @close=${() => { this.#amending = undefined; this.requestUpdate(); }}>
      ${asked ? html`<h2 id="amend-title">${texts.outbox.amendTitle}</h2><p>${asked.inPlace ? texts.outbox.amendInPlace : texts.outbox.amendAsNew}</p>
        ${Object.entries(asked.fields).map(([name, value]) => field({
          test: `amend-${name}`, label: texts.outbox.amendFields[name] ?? name, value, change: (changed) => { asked.fields[name] = changed; } }))}
        ${button({ test: "amend-confirm", label: texts.outbox.amendConfirm, kind: "primary", busy: this.busy, tap: () => void this.#amend(asked.id, asked.fields) })}
        ${button({ test: "amend-cancel", label: texts.common.cancel, busy: this.busy, tap: () => this.querySelector<HTMLDialogElement>("dialog.amend")?.close() })}` : nothing}
    </dialog>`;
  }

  #times(item: OutboxItem): TemplateResult {
    const tries = item.attempts === 0 || item.lastAttemptAt === undefined
      ? texts.outbox.notTried
      : texts.outbox.attempts(item.attempts, relativeTime(item.lastAttemptAt));
    const due = item.state === "waiting" && item.dueAt !== undefined && item.dueAt > Date.now() ? texts.outbox.due(relativeTime(item.dueAt)) : undefined;
    const parts = [
      texts.outbox.recorded(clockTime(item.recordedAt)),
      item.settledAt === undefined ? tries : texts.outbox.settled(clockTime(item.settledAt)),
      ...(due ? [due] : []),
      byteSize(item.bytes),
    ];
    return html`<p class="quiet times">${parts.map((part) => html`<span>${part}</span>`)}</p>`;
  }

  #item(item: OutboxItem): TemplateResult {
    const retrying = this.busy === `retry-${item.id}`;
    return html`<li class="card item ${stateColours[item.state]}" data-test="item-${item.id}" data-state=${item.state} data-kind=${item.kind} data-seq=${item.seq}>
      <p class="strong title">${sentence(item.title, 120)}</p>
      <p class="quiet">${shown(item.subtitle, 120)}</p>
      <span class="chip ${stateColours[item.state]}">${icon(stateIcons[item.state])}${sentence(item.stateText, 80)}</span>
      ${this.#times(item)}
      ${item.reason ? html`<div class="reason"><p>${sentence(item.reason.text, 300)}</p>
        ${item.reason.backend ? html`<p class="quiet">${texts.outbox.backend}: <q>${shown(item.reason.backend, 300)}</q></p>` : nothing}</div>` : nothing}
      ${item.advice ? html`<p class="advice"><span class="quiet">${texts.outbox.advice}:</span> ${sentence(item.advice, 200)}</p>` : nothing}
      ${item.state === "parked" ? html`<div class="pair">
        <button type="button" class="button plain" data-test="retry" data-operation=${item.id} ?disabled=${this.busy !== undefined} aria-busy=${retrying ? "true" : nothing} @click=${() => this.#retry(item.id)}>
          ${retrying ? html`<span class="spinner" aria-hidden="true"></span>` : icon("refresh")}<span class="words"><span class="label">${texts.outbox.retry}</span></span></button>
        <button type="button" class="button danger" data-test="discard" data-operation=${item.id} ?disabled=${this.busy !== undefined} @click=${() => this.#askDiscard(item.id)}>
          ${icon("bin")}<span class="words"><span class="label">${texts.outbox.discard}</span></span></button></div>` : nothing}
      ${this.#correctable(item).length > 0 ? html`<button type="button" class="button plain" data-test="amend" data-operation=${item.id} ?disabled=${this.busy !== undefined} @click=${() => this.#askAmend(item)}>
        <span class="words"><span class="label">${texts.outbox.amend}</span></span></button>` : nothing}
      <a class="more" href=${addressOf({ screen: "operation", operation: item.id })} data-test="history-${item.id}">${texts.outbox.history}${icon("next")}</a>
    </li>`;
  }

  #dialog(): TemplateResult {
    const asked = this.#discarding;
    return html`<dialog class="sheet discard" data-test="discard-dialog" aria-labelledby="discard-title" @close=${() => { this.#discarding = undefined; this.requestUpdate(); }}>
      ${asked ? html`<h2 id="discard-title">${icon("bin")}${texts.outbox.discardTitle}</h2><p>${texts.outbox.discardLead}</p>
        ${field({ test: "discard-reason", label: texts.outbox.discardReason, value: asked.reason, change: (reason) => { asked.reason = reason; } })}
        ${button({ test: "discard-confirm", label: texts.outbox.discardConfirm, kind: "danger", icon: "bin", busy: this.busy, tap: () => void this.#discard(asked.id, asked.reason) })}
        ${button({ test: "discard-cancel", label: texts.common.cancel, busy: this.busy, tap: () => this.querySelector<HTMLDialogElement>("dialog.discard")?.close() })}` : nothing}
    </dialog>`;
  }

  #list(page: OutboxPage): TemplateResult {
    if (page.items.length === 0) {
      return this.#filter === "unsettled"
        ? empty("done", texts.outbox.nothingWaits, texts.outbox.nothingWaitsHint)
        : empty("outbox", texts.outbox.nothing, "");
    }
    return html`<ol class="items">${page.items.map((item) => this.#item(item))}</ol>
      ${page.more ? button({ test: "more-items", label: texts.common.showMore, tap: () => { this.#limit += pieceLength; void this.refresh(); } }) : nothing}`;
  }

  protected override render(): unknown {
    const { status } = this.shell;
    const segment = (filter: "unsettled" | "all", label: string): TemplateResult => html`<label class="segment"><input type="radio" name="filter" data-test="filter-${filter}"
      .checked=${this.#filter === filter} @change=${() => this.#show(filter)}><span>${label}</span></label>`;
    const unsent = status ? status.waiting : 0;
    return html`${bar(texts.outbox.title, this.onlyStop === undefined ? undefined : { screen: "stop", stop: this.onlyStop })}
      <div class="content">
        <div class="segments">${segment("unsettled", texts.outbox.unsettled)}${segment("all", texts.outbox.all)}</div>
        ${this.onlyStop === undefined ? nothing : html`<p class="notice"><span>${texts.outbox.ofStop}</span><a class="button plain" href=${addressOf({ screen: "outbox" })}>${texts.outbox.allStops}</a></p>`}
        ${status && !status.signedIn ? html`<p class="notice attention">${icon("key")}<span>${texts.more.notSignedIn}</span>
          <a class="button plain" href=${addressOf({ screen: "sign-in" })} data-test="sign-in-again">${texts.signIn.title}</a></p>` : nothing}
        ${status?.lastTryAt === undefined ? nothing : html`<p class="quiet" data-test="last-try">${words().tried[status.reachability]}, ${relativeTime(status.lastTryAt)}</p>`}
        ${this.#notices.filter(({ stop }) => this.onlyStop === undefined || stop === this.onlyStop).map((notice) => this.#notice(notice))}
        ${this.#page ? this.#list(this.#page) : nothing}
        ${status?.quarantined ? html`<p class="notice attention">${icon("attention")}<span>${texts.outbox.quarantined(status.quarantined)}</span></p>` : nothing}
        ${status?.otherAccounts ? html`<p class="notice">${icon("attention")}<span>${texts.outbox.otherAccounts(status.otherAccounts)}</span>
          <a class="button plain" href=${addressOf({ screen: "others" })} data-test="others">${texts.outbox.look}</a></p>` : nothing}
        ${unsent > 0 || status?.quarantined ? button({ test: "export", label: this.busy === "export" ? texts.exported.busy : texts.outbox.export, hint: texts.outbox.exportHint, icon: "outbox", busy: this.busy, tap: () => void this.act("export", () => this.#exporting.pack(this.shell.api)) }) : nothing}
      </div>
      <footer class="actions above-tabs">
        ${button({ test: "send-now", label: this.busy === "send-now" ? texts.outbox.sending : texts.outbox.sendNow, kind: "primary", icon: "outbox", busy: this.busy, hint: status && unsent > 0 ? texts.outbox.summary(unsent, byteSize(status.bytesWaiting)) : undefined, tap: () => void this.#sendNow() })}
      </footer>
      ${tabs("outbox", status)}
      ${this.#dialog()}
      ${this.#exporting.dialog()}
      ${this.#amendDialog()}`;
  }
}
customElements.define("courier-outbox", OutboxScreen);
