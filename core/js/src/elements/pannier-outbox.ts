import { LitElement, css, html, nothing, type PropertyDeclarations, type PropertyValues, type TemplateResult } from "lit";
import type { PannierApi } from "../api.js";
import {
  byteSize, clockTime, itemText, reasonText, relativeTime, titleText, words, type Texts,
} from "../texts/index.js";
import type { Advice, OperationStateName, OutboxFilter, OutboxItem, OutboxPage } from "../types.js";
import { errorDetail, tell, type ErrorDetail } from "./events.js";
import { Following } from "./following.js";
import { sentence, shown } from "./format.js";
import { theme } from "./theme.js";

const PIECE = 50;

/** The words of the outbox. */
export type OutboxLabels = Texts["outbox"];
/** Which operations are shown: the core's states, or those that need a person. */
export type OutboxState = OutboxFilter | "attention";

// Strokes on a 24-unit grid; decoration beside a word.
const icons: Record<OperationStateName, string> = {
  waiting: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 8v4.5l3 2",
  in_flight: "M12 19V6M6.5 11.5L12 6l5.5 5.5",
  in_doubt: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.3v.1",
  parked: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.3v.1",
  settled: "M5 12.5l4.5 4.5L19 7.5",
  discarded: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7",
};

/** What of an operation can be corrected as a text. */
const correctable = { text: "amendText", signer: "amendSigner", recipient: "amendRecipient" } as const satisfies Record<string, keyof OutboxLabels>;
type Correctable = keyof typeof correctable;

/** The step that the core's advice names; everything else stays within reach, but quieter. */
const right: Partial<Record<Advice, "amend" | "discard" | "stop">> = {
  correct_or_discard: "amend", discard_and_record: "discard", look_at_stop: "stop", photo_again: "stop",
};

type Asked =
  | { what: "discard"; item: OutboxItem }
  | { what: "amend"; item: OutboxItem; fields: [Correctable, string][] };

/**
 * What was recorded, in its order, with what became of it. What needs a person is tried again, corrected or set
 * aside here, with a reason; the step that the core advises stands out.
 *
 * Give it the opened client: `outbox.client = pannier`. It follows every change by itself.
 * Fires `pannier-outbox-change` ({@link OutboxChangeDetail}) after a person's choice took effect, and
 * `pannier-error` ({@link ErrorDetail}).
 * Parts: `list`, `item` (and `item-<state>`, as `item-parked`), `title`, `subtitle`, `state`, `times`, `reason`, `backend`, `advice`,
 * `retry`, `amend`, `discard`, `stop`, `history`, `send`, `more`, `empty`, `error`, `dialog`, `dialog-title`, `dialog-reason`,
 * `dialog-<field>`, `dialog-confirm`, `dialog-cancel`.
 *
 * @example
 * const outbox = document.createElement("pannier-outbox");
 * outbox.state = "all";
 * outbox.client = pannier;
 */
export class PannierOutbox extends LitElement {
  static override properties: PropertyDeclarations = {
    client: { attribute: false },
    state: {},
    stop: {},
    noSend: { type: Boolean, attribute: "no-send" },
    labels: { attribute: false },
    historyHref: { attribute: false },
    stopHref: { attribute: false },
    _busy: { state: true }, _error: { state: true }, _asked: { state: true },
  };

  /** what `openPannier` gave */
  declare client: PannierApi | undefined;
  /** which operations: `unsettled` (default), `settled`, `all`, or `attention` for those that need a person */
  declare state: OutboxState;
  /** only this stop's */
  declare stop: string | undefined;
  /** has no button for sending now: the host has one */
  declare noSend: boolean;
  /** other words than those of the language that is spoken (`pannier/texts`) */
  declare labels: Partial<OutboxLabels>;
  /** where an operation's history is shown; without it there is no link */
  declare historyHref: ((item: OutboxItem) => string) | undefined;
  /** where an operation's stop is shown; without it there is no link */
  declare stopHref: ((stop: string) => string) | undefined;
  /** an operation's id, or `send` */
  declare private _busy: string | undefined;
  declare private _error: ErrorDetail | undefined;
  declare private _asked: Asked | undefined;
  #page: OutboxPage | undefined;
  #limit = PIECE;
  readonly #following: Following;

  constructor() {
    super();
    this.state = "unsettled";
    this.noSend = false;
    this.labels = {};
    this.#following = new Following(this, async (client) => {
      const attention = this.state === "attention";
      const page = await client.outbox({
        state: this.state === "attention" ? "unsettled" : this.state,
        ...(attention ? {} : { limit: this.#limit }),
        ...(this.stop === undefined ? {} : { stop: this.stop }),
      });
      this.#page = attention ? { ...page, items: page.items.filter(({ state }) => state === "parked"), more: false } : page;
    }, (error) => this.#failed(error));
  }

  static override styles = [theme, css`
    ol { list-style: none; margin: 0; padding: 0; display: grid; gap: 12px; }
    li { border: 1px solid var(--_line); border-inline-start: 6px solid var(--_muted); border-radius: var(--_radius); padding: 12px 14px; background: var(--_surface); }
    li.parked { border-color: var(--_danger); }
    li.in_doubt { border-inline-start-color: var(--_danger); }
    li.settled { border-inline-start-color: var(--_good); }
    li.waiting, li.in_flight { border-inline-start-color: var(--_accent); }
    p { margin: 0 0 4px; overflow-wrap: anywhere; }
    .title { font-size: 1.0625em; font-weight: 650; }
    .quiet { color: var(--_muted); }
    .state { display: flex; align-items: center; gap: 6px; font-weight: 600; }
    .settled .state { color: var(--_good); }
    .parked .state { color: var(--_danger); }
    svg { width: 20px; height: 20px; flex: none; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    .times { font-size: 0.9375em; font-variant-numeric: tabular-nums; }
    .times span + span::before { content: " · "; }
    .reason { margin: 8px 0; padding-inline-start: 10px; border-inline-start: 3px solid var(--_line); }
    q { unicode-bidi: isolate; }
    .row { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 8px; }
    .row > * { flex: 1 1 auto; }
    .row.end { margin-top: 12px; }
    .danger { color: var(--_danger); border-color: var(--_danger); }
    .button { display: grid; place-items: center; text-align: center; text-decoration: none; }
    .link { display: inline-flex; align-items: center; min-height: var(--_target); color: var(--_accent); font-weight: 600; }
    dialog { border: 0; border-radius: var(--_radius); padding: 20px; width: min(90vw, 480px); max-height: 85vh; overflow-y: auto; background: var(--_surface); color: var(--_text); }
    dialog::backdrop { background: rgb(0 0 0 / 0.6); }
    dialog label { display: block; margin: 8px 0; font-weight: 600; }
    dialog input { display: block; width: 100%; margin-top: 4px; font-size: max(1rem, 16px); font-weight: 400; }
    h2 { font-size: 1.2rem; margin: 0 0 8px; }
  `];

  protected override updated(changed: PropertyValues): void {
    if (changed.has("state") || changed.has("stop")) {
      this.#limit = PIECE;
      this.#following.again();
    }
    const dialog = this.renderRoot.querySelector("dialog");
    if (this._asked && dialog && !dialog.open) dialog.showModal();
    if (!this._asked && dialog?.open) dialog.close();
  }

  #failed(error: unknown): void {
    this._error = errorDetail(error);
    tell(this, "pannier-error", this._error);
  }

  async #act(name: string, work: (client: PannierApi) => Promise<void>): Promise<void> {
    if (!this.client || this._busy !== undefined) return;
    this._busy = name;
    this._error = undefined;
    try {
      await work(this.client);
    } catch (error) {
      this.#failed(error);
    } finally {
      this._busy = undefined;
    }
  }

  #retry(operation: string): Promise<void> {
    return this.#act(operation, async (client) => {
      await client.retry(operation);
      tell(this, "pannier-outbox-change", { operation, choice: "retry" });
    });
  }

  #correctable({ amend = {} }: OutboxItem): [Correctable, string][] {
    return (Object.keys(correctable) as Correctable[])
      .filter((name) => name in amend && (amend[name] === null || typeof amend[name] === "string"))
      .map((name) => [name, String(amend[name] ?? "")]);
  }

  #value(part: string): string {
    return this.renderRoot.querySelector<HTMLInputElement>(`dialog input[part="dialog-${part}"]`)?.value.trim() ?? "";
  }

  #confirmed(event: SubmitEvent, asked: Asked): Promise<void> {
    event.preventDefault();
    const { id } = asked.item;
    return this.#act(id, async (client) => {
      if (asked.what === "discard") await client.discard(id, this.#value("reason"));
      // An empty field was left out.
      else await client.amend(id, Object.fromEntries(asked.fields.map(([name]) => [name, this.#value(name) || null])));
      this._asked = undefined;
      tell(this, "pannier-outbox-change", { operation: id, choice: asked.what });
    });
  }

  #times(item: OutboxItem, said: OutboxLabels): TemplateResult {
    const sending = item.state === "in_flight" && item.lastAttemptAt !== undefined;
    const tried = sending ? said.since(clockTime(item.lastAttemptAt ?? 0)) : item.attempts === 0 || item.lastAttemptAt === undefined
      ? said.notTried : said.attempts(item.attempts, relativeTime(item.lastAttemptAt));
    const parts = [
      said.recorded(clockTime(item.recordedAt)),
      item.settledAt === undefined ? tried : said.settled(clockTime(item.settledAt)),
      ...(item.state === "waiting" && item.dueAt !== undefined && item.dueAt > Date.now() ? [said.due(relativeTime(item.dueAt))] : []),
      ...(item.blob === undefined ? [] : [byteSize(item.bytes)]),
    ];
    return html`<p class="quiet times" part="times">${parts.map((part) => html`<span>${part}</span>`)}</p>`;
  }

  #choices(item: OutboxItem, said: OutboxLabels): unknown {
    const fields = this.#correctable(item);
    const parked = item.state === "parked";
    const stop = parked && item.stop !== undefined ? this.stopHref?.(item.stop) : undefined;
    if (!parked && fields.length === 0) return nothing;
    const busy = this._busy !== undefined;
    const named = parked && item.advice ? right[item.advice] : undefined;
    // Where the named step cannot be taken here, trying again is.
    const can = named === "amend" ? fields.length > 0 : named === "stop" ? stop !== undefined : named !== undefined;
    const first = !parked ? undefined : can ? named : "retry";
    const look = (name: string): string => (first === name ? "primary" : name === "discard" ? "danger" : "");
    return html`<div class="row">
      ${stop === undefined ? nothing : html`<a class="button ${look("stop")}" part="stop" href=${stop}>${said.toStop}</a>`}
      ${fields.length > 0 ? html`<button type="button" part="amend" class=${look("amend")} data-operation=${item.id} ?disabled=${busy} @click=${() => { this._asked = { what: "amend", item, fields }; }}>${said.amend}</button>` : nothing}
      ${parked ? html`<button type="button" part="retry" class=${look("retry")} data-operation=${item.id} ?disabled=${busy} aria-busy=${this._busy === item.id ? "true" : nothing} @click=${() => this.#retry(item.id)}>${said.retry}</button>
        <button type="button" part="discard" class=${look("discard")} data-operation=${item.id} ?disabled=${busy} @click=${() => { this._asked = { what: "discard", item }; }}>${said.discard}</button>` : nothing}
    </div>`;
  }

  #item(item: OutboxItem, said: OutboxLabels): TemplateResult {
    const { reason } = item;
    const history = this.historyHref?.(item);
    return html`<li class=${item.state} part="item item-${item.state}" data-operation=${item.id} data-state=${item.state} data-kind=${item.kind} data-seq=${item.seq}>
      <p class="title" part="title">${shown(titleText(item.title), 120)}</p>
      ${item.place ? html`<p class="quiet" part="subtitle">${shown(words().place(item.place), 120)}</p>` : nothing}
      <p class="state" part="state"><svg viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${icons[item.state]}></path></svg>${shown(itemText(item), 160)}</p>
      ${this.#times(item, said)}
      ${reason ? html`<div class="reason"><p part="reason">${shown(reasonText(reason), 300)}</p>
        ${reason.backend ? html`<p class="quiet" part="backend">${said.backend}: <q>${shown(reason.backend, 300)}</q></p>` : nothing}</div>` : nothing}
      ${item.advice ? html`<p part="advice"><span class="quiet">${said.advice}:</span> ${words().advice[item.advice]}</p>` : nothing}
      ${this.#choices(item, said)}
      ${history === undefined ? nothing : html`<a class="link" part="history" data-operation=${item.id} href=${history}>${said.history}</a>`}
    </li>`;
  }

  #dialog(said: OutboxLabels): TemplateResult {
    const asked = this._asked;
    const close = (): void => { this._asked = undefined; };
    const field = (part: string, label: string, value: string, required: boolean): TemplateResult =>
      html`<label>${label}<input part="dialog-${part}" .value=${value} autocomplete="off" ?required=${required}></label>`;
    const amending = asked?.what === "amend";
    return html`<dialog part="dialog" aria-labelledby="title" @close=${close}>
      ${asked ? html`<form @submit=${(event: SubmitEvent) => this.#confirmed(event, asked)}>
        <h2 id="title" part="dialog-title">${amending ? said.amendTitle : said.discardTitle}</h2>
        <p>${shown(titleText(asked.item.title), 120)}</p>
        <p>${!amending ? said.discardLead : asked.item.amendInPlace ? said.amendInPlace : said.amendAsNew}</p>
        ${asked.what === "amend" ? asked.fields.map(([name, value]) => field(name, said[correctable[name]], value, false)) : field("reason", said.discardReason, "", true)}
        ${this._error ? html`<p class="error" role="alert">${sentence(this._error.message)}</p>` : nothing}
        <div class="row"><button type="button" part="dialog-cancel" @click=${close}>${said.cancel}</button>
          <button part="dialog-confirm" class=${amending ? "primary" : "danger"} ?disabled=${this._busy !== undefined}>${amending ? said.amendConfirm : said.discardConfirm}</button></div>
      </form>` : nothing}
    </dialog>`;
  }

  protected override render(): unknown {
    const said = { ...words().outbox, ...this.labels };
    const page = this.#page;
    const waits = this.state === "unsettled" || this.state === "attention";
    return html`
      <p class="error" part="error" role="alert" ?hidden=${!this._error || this._asked !== undefined}>${this._error ? sentence(this._error.message) : nothing}</p>
      ${page?.items.length === 0 ? html`<div part="empty"><p class="title">${waits ? said.nothingWaits : said.nothing}</p>${waits ? html`<p class="quiet">${said.nothingWaitsHint}</p>` : nothing}</div>` : nothing}
      ${page?.items.length ? html`<ol part="list">${page.items.map((item) => this.#item(item, said))}</ol>` : nothing}
      <div class="row end">
        ${page?.more ? html`<button type="button" part="more" @click=${() => { this.#limit += PIECE; this.#following.again(); }}>${said.more}</button>` : nothing}
        ${this.noSend ? nothing : html`<button type="button" class="primary" part="send" ?disabled=${this._busy !== undefined || !this.client}
          @click=${() => this.#act("send", async (client) => void await client.drain("manual"))}>${this._busy === "send" ? said.sending : said.send}</button>`}
      </div>
      ${this.#dialog(said)}`;
  }
}
