// Sign in: the only screen that needs a network. A courier whose sign-in has expired may go on
// without it; what he records waits.

import { html, nothing } from "lit";
import { bar, button, field } from "../parts";
import { icon } from "../icons";
import { sentence } from "../formats";
import { Screen } from "../screen";
import { texts } from "../texts";

export class SignInScreen extends Screen {
  #username = "";
  #password = "";
  #error = "";

  protected async load(): Promise<void> {
    // Nothing to read: who is signed in comes with the status.
  }

  async #signIn(): Promise<void> {
    this.#error = "";
    await this.act("sign-in", async () => {
      try {
        await this.shell.api.signIn({ username: this.#username, password: this.#password });
      } catch (error) {
        this.#error = error instanceof Error && error.name === "PannierError" ? sentence(error.message) : texts.common.unexpected;
        return;
      }
      // Another courier has no use for the place the last one left.
      this.shell.go({ screen: "route" }, "replace");
      await this.shell.sessionChanged();
    });
  }

  /** Before the day begins is the time to say it: later there is work that could be lost. */
  #storageWarning(): unknown {
    const { kind } = this.shell.status?.storage ?? {};
    const { standalone } = navigator as Navigator & { standalone?: boolean };
    const text = kind === "temporary" ? texts.storage.temporaryLead : kind === "evictable" && standalone === false ? texts.storage.tabLead : undefined;
    return text === undefined ? nothing : html`<p class="notice attention" data-test="storage-warning">${icon("attention")}<span>${text}</span></p>`;
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
          ${field({ test: "username", label: texts.signIn.username, value: this.#username, autocomplete: "username", capitalize: "none", change: (value) => { this.#username = value; } })}
          ${field({ test: "password", label: texts.signIn.password, value: this.#password, type: "password", autocomplete: "current-password", capitalize: "none", change: (value) => { this.#password = value; } })}
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
