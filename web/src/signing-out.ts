// Signing out, with the question before unsent work is left behind. The core says what would stay and
// what would be lost.

import { html, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";
import { errorText } from "pannier/texts";
import { icon } from "./icons";
import { button } from "./parts";
import type { Shell } from "./screen";
import { texts } from "./texts";

export class SigningOut implements ReactiveController {
  #why: unknown;

  constructor(private readonly host: ReactiveControllerHost & HTMLElement, private readonly shell: () => Shell) {
    host.addController(this);
  }

  hostConnected(): void {
    this.#why = undefined;
  }

  get #sheet(): HTMLDialogElement | null {
    return this.host.querySelector<HTMLDialogElement>("dialog.sign-out");
  }

  async ask(force = false): Promise<void> {
    const shell = this.shell();
    const { hash } = location;
    await shell.drafts.flush();
    try {
      await shell.api.signOut(force ? { force } : {});
    } catch (error) {
      if (force || !(error instanceof Error) || !("code" in error) || error.code !== "unsent_work") throw error;
      this.#why = error;
      this.host.requestUpdate();
      await this.host.updateComplete;
      this.#sheet?.showModal();
      return;
    }
    this.#sheet?.close();
    // Whoever signs in next has no use for the place the last one left. The door shows as soon as the
    // sign-in is gone, so somebody may have gone on from there while the rest was wiped.
    if (location.hash === hash) shell.go({ screen: "route" }, "replace");
    await shell.sessionChanged();
  }

  dialog(busy: string | undefined): TemplateResult {
    const anyway = (): void => void this.ask(true).catch((error: unknown) => this.shell().failed(error));
    return html`<dialog class="sheet sign-out" data-test="sign-out-dialog" aria-labelledby="sign-out-title">
      <h2 id="sign-out-title">${icon("attention")}${texts.more.signOutTitle}</h2>
      <p data-test="sign-out-why">${this.#why === undefined ? "" : errorText(this.#why)}</p><p class="quiet">${texts.more.signOutLead}</p>
      ${button({ test: "sign-out-stay", label: texts.more.stay, kind: "primary", busy, tap: () => this.#sheet?.close() })}
      ${button({ test: "sign-out-anyway", label: texts.more.signOutAnyway, kind: "danger", busy, tap: anyway })}
    </dialog>`;
  }
}
