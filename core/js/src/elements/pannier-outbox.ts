import { LitElement, css, html, nothing, type PropertyDeclarations, type PropertyValues } from "lit";
import type { PannierApi } from "../api.js";
import type { OutboxFilter, OutboxItem, OutboxPage } from "../types.js";
import { errorDetail, tell, type ErrorDetail } from "./events.js";
import { Following } from "./following.js";
import { byteSize, clockTime, relativeTime } from "../texts/index.js";
import { sentence, shown } from "./format.js";
import { theme } from "./theme.js";

const PIECE = 50;

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;
const defaults = {
  nothingWaits: "Nothing waits: everything recorded has reached the backend",
  nothing: "Nothing recorded yet",
  send: "Send now", sending: "Sending", more: "Show older ones",
  recorded: (time: string): string => `Recorded ${time}`,
  settled: (time: string): string => `Confirmed ${time}`,
  attempts: (count: number, when: string): string => `${plural(count, "attempt", "attempts")}, ${when}`,
  notTried: "Not tried yet",
  due: (when: string): string => `Next try ${when}`,
  backend: "The backend says",
  retry: "Retry", discard: "Discard",
  discardTitle: "Discard this item?", discardLead: "It is never sent. It stays in the list with your reason.",
  discardReason: "Reason", discardConfirm: "Discard for good", cancel: "Cancel",
};
/** The words of the outbox. */
export type OutboxLabels = typeof defaults;

/**
 * What was recorded, in its order, with what became of it. What needs a person is tried again or set
 * aside here, with a reason.
 *
 * Give it the opened client: `outbox.client = pannier`. It follows every change by itself.
 * Fires `pannier-outbox-change` ({@link OutboxChangeDetail}) after a person's choice took effect, and
 * `pannier-error` ({@link ErrorDetail}).
 * Parts: `list`, `item` (and `item-<state>`, as `item-parked`), `title`, `subtitle`, `state`, `times`, `reason`, `backend`, `advice`,
 * `retry`, `discard`, `send`, `more`, `empty`, `error`, `dialog`, `dialog-title`, `dialog-reason`, `dialog-confirm`, `dialog-cancel`.
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
    labels: { attribute: false },
    _busy: { state: true }, _error: { state: true }, _discarding: { state: true },
  };

  /** what `openPannier` gave */
  declare client: PannierApi | undefined;
  /** which operations: `unsettled` (default), `settled` or `all` */
  declare state: OutboxFilter;
  /** only this stop's */
  declare stop: string | undefined;
  /** other words than the English ones */
  declare labels: Partial<OutboxLabels>;
  /** an operation's id, or `send` */
  declare private _busy: string | undefined;
  declare private _error: ErrorDetail | undefined;
  declare private _discarding: OutboxItem | undefined;
  #page: OutboxPage | undefined;
  #limit = PIECE;
  readonly #following: Following;

  constructor() {
    super();
    this.state = "unsettled";
    this.labels = {};
    this.#following = new Following(this, async (client) => {
      this.#page = await client.outbox({ state: this.state, limit: this.#limit, ...(this.stop === undefined ? {} : { stop: this.stop }) });
    }, (error) => this.#failed(error));
  }

  static override styles = [theme, css`
    ol { list-style: none; margin: 0; padding: 0; display: grid; gap: 12px; }
    li { border: 1px solid var(--_line); border-inline-start: 6px solid var(--_muted); border-radius: var(--_radius); padding: 12px; background: var(--_surface); }
    li.parked, li.in_doubt { border-inline-start-color: var(--_danger); }
    li.settled { border-inline-start-color: var(--_good); }
    li.waiting, li.in_flight { border-inline-start-color: var(--_accent); }
    p { margin: 0 0 4px; overflow-wrap: anywhere; }
    .title { font-weight: 650; }
    .quiet { color: var(--_muted); }
    .times span + span::before { content: " \\00b7 "; }
    .row { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 8px; }
    .row > * { flex: 1; }
    .danger { color: var(--_danger); border-color: var(--_danger); }
    dialog { border: 0; border-radius: var(--_radius); padding: 20px; max-width: min(90vw, 420px); background: var(--_surface); color: var(--_text); }
    dialog::backdrop { background: rgb(0 0 0 / 0.5); }
    dialog input { width: 100%; font-size: max(1rem, 16px); }
    h2 { font-size: 1.1rem; margin: 0 0 8px; }
  `];

  protected override updated(changed: PropertyValues): void {
    if (changed.has("state") || changed.has("stop")) {
      this.#limit = PIECE;
      this.#following.again();
    }
    const dialog = this.renderRoot.querySelector("dialog");
    if (this._discarding && dialog && !dialog.open) dialog.showModal();
    if (!this._discarding && dialog?.open) dialog.close();
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

  #discard(event: SubmitEvent, { id }: OutboxItem): Promise<void> {
    event.preventDefault();
    const reason = this.renderRoot.querySelector<HTMLInputElement>("dialog input")?.value.trim() ?? "";
    return this.#act(id, async (client) => {
      await client.discard(id, reason);
      this._discarding = undefined;
      tell(this, "pannier-outbox-change", { operation: id, choice: "discard" });
    });
  }

  #times(item: OutboxItem, words: OutboxLabels): unknown {
    const tried = item.attempts === 0 || item.lastAttemptAt === undefined
      ? words.notTried : words.attempts(item.attempts, relativeTime(item.lastAttemptAt));
    const parts = [
      words.recorded(clockTime(item.recordedAt)),
      item.settledAt === undefined ? tried : words.settled(clockTime(item.settledAt)),
      ...(item.state === "waiting" && item.dueAt !== undefined && item.dueAt > Date.now() ? [words.due(relativeTime(item.dueAt))] : []),
      byteSize(item.bytes),
    ];
    return html`<p class="quiet times" part="times">${parts.map((part) => html`<span>${part}</span>`)}</p>`;
  }

  #item(item: OutboxItem, words: OutboxLabels): unknown {
    return html`<li class=${item.state} part="item item-${item.state}" data-operation=${item.id}>
      <p class="title" part="title">${sentence(item.title, 120)}</p>
      ${item.subtitle ? html`<p class="quiet" part="subtitle">${shown(item.subtitle, 120)}</p>` : nothing}
      <p part="state">${sentence(item.stateText, 120)}</p>
      ${this.#times(item, words)}
      ${item.reason ? html`<p part="reason">${sentence(item.reason.text, 300)}</p>` : nothing}
      ${item.reason?.backend ? html`<p class="quiet" part="backend">${words.backend}: <q>${shown(item.reason.backend, 300)}</q></p>` : nothing}
      ${item.advice ? html`<p part="advice">${sentence(item.advice, 300)}</p>` : nothing}
      ${item.state === "parked" ? html`<div class="row">
        <button type="button" part="retry" ?disabled=${this._busy !== undefined} @click=${() => this.#retry(item.id)}>${words.retry}</button>
        <button type="button" part="discard" class="danger" ?disabled=${this._busy !== undefined} @click=${() => { this._discarding = item; }}>${words.discard}</button>
      </div>` : nothing}
    </li>`;
  }

  #dialog(words: OutboxLabels): unknown {
    const item = this._discarding;
    return html`<dialog part="dialog" aria-labelledby="title" @close=${() => { this._discarding = undefined; }}>
      ${item ? html`<form @submit=${(event: SubmitEvent) => this.#discard(event, item)}>
        <h2 id="title" part="dialog-title">${words.discardTitle}</h2><p>${sentence(item.title, 120)}</p><p>${words.discardLead}</p>
        <input part="dialog-reason" aria-label=${words.discardReason} placeholder=${words.discardReason} autocomplete="off" required>
        <div class="row"><button type="button" part="dialog-cancel" @click=${() => { this._discarding = undefined; }}>${words.cancel}</button>
          <button part="dialog-confirm" class="danger" ?disabled=${this._busy !== undefined}>${words.discardConfirm}</button></div>
      </form>` : nothing}
    </dialog>`;
  }

  protected override render(): unknown {
    const words = { ...defaults, ...this.labels };
    const page = this.#page;
    const sending = this._busy === "send";
    return html`
      <p class="error" part="error" role="alert" ?hidden=${!this._error}>${this._error ? sentence(this._error.message) : nothing}</p>
      ${page?.items.length === 0 ? html`<p class="quiet" part="empty">${this.state === "unsettled" ? words.nothingWaits : words.nothing}</p>` : nothing}
      <ol part="list">${page?.items.map((item) => this.#item(item, words))}</ol>
      <div class="row">
        ${page?.more ? html`<button type="button" part="more" @click=${() => { this.#limit += PIECE; this.#following.again(); }}>${words.more}</button>` : nothing}
        <button type="button" class="primary" part="send" ?disabled=${this._busy !== undefined || !this.client}
          @click=${() => this.#act("send", async (client) => void await client.drain("manual"))}>${sending ? words.sending : words.send}</button>
      </div>
      ${this.#dialog(words)}`;
  }
}
