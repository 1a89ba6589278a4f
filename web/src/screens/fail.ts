// Could not deliver, and returned: why, out of the profile's reasons, and a word more where needed.

import { html, type TemplateResult } from "lit";
import type { Permission, StopView } from "pannier";
import { choiceText } from "pannier/texts";
import type { DraftFields } from "../drafts";
import { shown } from "../formats";
import { bar, button, field, permitted } from "../parts";
import { StopScreen } from "../screen";
import { texts } from "../texts";

abstract class ReasonScreen extends StopScreen {
  protected abstract readonly kind: "fail" | "return";
  protected abstract readonly reasonField: "failReason" | "returnReason";
  protected abstract readonly textField: "failText" | "returnText";
  protected abstract words(stop: StopView): { title: string; confirm: string };

  #confirm(): Promise<void> {
    return this.act(`confirm-${this.kind}`, async () => {
      const text = this.draft.fields[this.textField]?.trim();
      const receipt = await this.shell.record({
        kind: this.kind,
        stop: this.stopId,
        reason: this.draft.fields[this.reasonField] ?? "",
        ...(text ? { text } : {}),
      });
      this.shell.saved(receipt);
      await this.draft.change({ [this.reasonField]: undefined, [this.textField]: undefined });
      this.shell.go({ screen: "route" }, "replace");
    });
  }

  #choose(fields: DraftFields): void {
    this.draft.changeSoon(fields);
    this.requestUpdate();
  }

  protected view(stop: StopView): TemplateResult {
    const { title, confirm } = this.words(stop);
    const chosen = this.draft.fields[this.reasonField];
    const permission: Permission = stop.can[this.kind];
    return html`${bar(title, { screen: "stop", stop: stop.id })}
      <div class="content">
        <fieldset class="reasons"><legend class="label">${texts.outcome.pickReason}</legend>
          ${stop.reasons[this.kind].map((reason) => html`<label class="choice"><input type="radio" name="reason" value=${reason.code} data-test="reason-${reason.code}"
            .checked=${chosen === reason.code} @change=${() => this.#choose({ [this.reasonField]: reason.code })}><span>${shown(choiceText(reason), 120)}</span></label>`)}</fieldset>
        ${field({ test: "reason-text", label: texts.outcome.text, value: this.draft.fields[this.textField] ?? "", lines: 3, optional: true, change: (value) => this.#choose({ [this.textField]: value }) })}
      </div>
      <footer class="actions">${button({ test: `confirm-${this.kind}`, label: confirm, kind: "primary", busy: this.busy, ...permitted(permission), tap: () => void this.#confirm() })}</footer>`;
  }
}

export class FailScreen extends ReasonScreen {
  protected readonly kind = "fail";
  protected readonly reasonField = "failReason";
  protected readonly textField = "failText";
  protected words(stop: StopView): { title: string; confirm: string } {
    return stop.kind === "pickup"
      ? { title: texts.outcome.failPickupTitle, confirm: texts.outcome.confirmFailPickup }
      : { title: texts.outcome.failTitle, confirm: texts.outcome.confirmFail };
  }
}
customElements.define("courier-fail", FailScreen);

export class ReturnScreen extends ReasonScreen {
  protected readonly kind = "return";
  protected readonly reasonField = "returnReason";
  protected readonly textField = "returnText";
  protected words(): { title: string; confirm: string } {
    return { title: texts.outcome.returnTitle, confirm: texts.outcome.confirmReturn };
  }
}
customElements.define("courier-return", ReturnScreen);
