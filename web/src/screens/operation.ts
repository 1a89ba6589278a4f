// The whole history of one operation: every attempt, what woke it, what came of it.

import { html, nothing, type TemplateResult } from "lit";
import type { AttemptView, History } from "pannier";
import { attemptText, itemText, reasonText, titleText, words } from "pannier/texts";
import { clockTime, seconds, shown } from "../formats";
import { icon } from "../icons";
import { bar, empty } from "../parts";
import { Screen } from "../screen";
import { texts } from "../texts";

const wentWell = new Set(["applied", "already"]);

export class OperationScreen extends Screen {
  operation = "";
  #history: History | undefined;

  protected async load(): Promise<void> {
    this.#history = await this.shell.api.history(this.operation);
  }

  #attempt(attempt: AttemptView): TemplateResult {
    const good = attempt.verdict !== undefined && wentWell.has(attempt.verdict);
    const facts = [
      texts.history.purpose(attempt.purpose),
      // What woke a later version may have no words here.
      (texts.history.trigger as Record<string, string>)[attempt.trigger] ?? attempt.trigger,
      ...(attempt.status === undefined ? [] : [texts.history.status(attempt.status)]),
      ...(attempt.endedAt === undefined ? [] : [seconds(attempt.endedAt - attempt.startedAt)]),
    ];
    return html`<li class="card item ${good ? "done" : "waiting"}" data-test="attempt-${attempt.number}" data-status=${attempt.status ?? nothing}>
      <p class="strong title">${attempt.number}. ${clockTime(attempt.startedAt)}</p>
      <p>${attemptText(attempt)}</p>
      <p class="quiet times">${facts.map((fact) => html`<span>${fact}</span>`)}</p>
      ${attempt.said ? html`<p class="quiet">${words().outbox.backend}: <q>${shown(attempt.said, 300)}</q></p>` : nothing}
    </li>`;
  }

  #attempts({ attempts }: History): unknown {
    if (attempts.length === 0) return empty("waiting", texts.history.none, "");
    // The newest is what one came for.
    return html`<ol class="items">${[...attempts].reverse().map((attempt, index, all) => {
      const before = all[index + 1];
      const missing = attempt.number - (before?.number ?? 0) - 1;
      return html`${this.#attempt(attempt)}${missing > 0 ? html`<li class="quiet">${texts.history.missing(missing)}</li>` : nothing}`;
    })}</ol>`;
  }

  protected override render(): unknown {
    const item = this.#history?.item;
    return html`${bar(texts.history.title, { screen: "outbox" })}
      <div class="content">${this.#history && item ? html`
        <div class="card item"><p class="strong title" data-test="title">${shown(titleText(item.title), 120)}</p>
          ${item.place ? html`<p class="quiet">${shown(words().place(item.place), 120)}</p>` : nothing}
          <p data-test="state" data-state=${item.state}>${shown(itemText(item), 160)}</p>
          <p class="quiet times"><span>${words().outbox.recorded(clockTime(item.recordedAt))}</span>${item.settledAt === undefined ? nothing : html`<span>${words().outbox.settled(clockTime(item.settledAt))}</span>`}</p>
          ${item.reason ? html`<div class="reason"><p>${shown(reasonText(item.reason), 300)}</p></div>` : nothing}
          ${item.advice ? html`<p class="told">${icon("next")}<span>${words().advice[item.advice]}</span></p>` : nothing}</div>
        ${this.#attempts(this.#history)}` : nothing}</div>`;
  }
}
customElements.define("courier-operation", OperationScreen);
