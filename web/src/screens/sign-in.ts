// Sign in: the only screen that needs a network. It asks for what the profile's sign-in uses. A
// courier whose sign-in has expired may go on without it; what he records waits.

import { html, nothing } from "lit";
import { bar, button, field } from "../parts";
import { icon } from "../icons";
import { errorText } from "pannier/texts";
import { shown } from "../formats";
import { addressOf } from "../places";
import { Screen } from "../screen";
import { texts } from "../texts";

/** Who one is comes before what proves it. */
const secret = /password|key|secret|pin|token/iu;

export class SignInScreen extends Screen {
  #fields: string[] = [];
  #given: Record<string, string> = {};
  /** The first of two requests went through: now the code is asked for. */
  #codeSent = false;
  #error = "";

  protected async load(): Promise<void> {
    const { fields } = await this.shell.api.session();
    this.#fields = fields.filter((name) => name !== "code").sort((one, other) => Number(secret.test(one)) - Number(secret.test(other)));
    if (fields.includes("code")) this.#fields.push("code");
  }

  async #signIn(): Promise<void> {
    this.#error = "";
    await this.act("sign-in", async () => {
      try {
        const { code, ...rest } = this.#given;
        await this.shell.api.signIn(this.#codeSent && code ? this.#given : rest);
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "code_needed") this.#codeSent = true;
        this.#error = error instanceof Error && error.name === "PannierError" ? shown(errorText(error), 400) : texts.common.unexpected;
        return;
      }
      // Another courier has no use for the place the last one left.
      this.shell.go({ screen: "route" }, "replace");
      await this.shell.sessionChanged();
    });
  }

  /** Before the day begins is the time to say it: later there is work that could be lost. */
  #storageWarning(): unknown {
    if (this.shell.status?.storage.kind !== "temporary") return nothing;
    return html`<p class="notice attention" data-test="storage-warning">${icon("attention")}<span>${texts.storage.temporaryLead}</span></p>`;
  }

  /** Whoever takes this phone over should know before he signs in. */
  #leftBehind(): unknown {
    const n = this.shell.status?.otherAccounts;
    return n ? html`<p class="notice waiting" data-test="left-behind">${icon("outbox")}<span>${texts.outbox.otherAccounts(n)}</span>
      <a class="button plain" href=${addressOf({ screen: "others" })} data-test="others">${texts.outbox.look}</a></p>` : nothing;
  }

  protected override render(): unknown {
    const known = this.shell.status?.account;
    const submit = (event: Event): void => {
      event.preventDefault();
      void this.#signIn();
    };
    return html`${bar(texts.signIn.title, known ? { screen: "more" } : undefined)}
      <form class="screen-like" @submit=${submit}>
        <div class="content">
          ${known ? nothing : html`<p class="brand"><img src="/icons/icon.svg" alt="" width="72" height="72"><span>${texts.appName}</span></p>`}
          <p class="lead">${known ? texts.signIn.again : texts.signIn.lead}</p>
          ${this.#storageWarning()}
          ${known ? nothing : this.#leftBehind()}
          ${this.#fields.filter((name) => name !== "code" || this.#codeSent).map((name) => field({
            test: name, label: texts.signIn.field(name), value: this.#given[name] ?? "", capitalize: "none",
            ...(secret.test(name) ? { type: "password" } : {}),
            autocomplete: name === "code" ? "one-time-code" : secret.test(name) ? "current-password" : "username",
            change: (value) => { this.#given = { ...this.#given, [name]: secret.test(name) ? value : value.trim() }; },
          }))}
          <div role="alert" data-test="sign-in-error">${this.#error ? html`<p class="notice attention">${icon("attention")}<span>${this.#error}</span></p>` : nothing}
            ${this.#error && !navigator.onLine ? html`<p class="notice">${icon("noSignal")}<span>${texts.signIn.offline}</span></p>` : nothing}</div>
        </div>
        <footer class="actions">
          <button type="submit" class="button primary" data-test="sign-in" ?disabled=${this.busy !== undefined} aria-busy=${this.busy ? "true" : nothing}>
            ${this.busy ? html`<span class="spinner" aria-hidden="true"></span>` : nothing}
            <span class="words"><span class="label">${this.busy ? texts.signIn.busy : texts.signIn.submit}</span></span></button>
          ${known ? button({ test: "later", label: texts.signIn.later, kind: "quiet", busy: this.busy, tap: () => this.shell.go({ screen: "route" }) }) : nothing}
        </footer>
      </form>`;
  }
}
customElements.define("courier-sign-in", SignInScreen);
