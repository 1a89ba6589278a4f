// The rest: who is signed in, the switches of this phone, and what runs here.

import { html, nothing, type TemplateResult } from "lit";
import { lookAtPush, startPush, stopPush } from "pannier";
import { byteSize, relativeTime, shown } from "../formats";
import { icon } from "../icons";
import { bar, button, signInAgain, tabs } from "../parts";
import { addressOf } from "../places";
import { prefer, preference } from "../preferences";
import { Screen } from "../screen";
import { SigningOut } from "../signing-out";
import { choice, choose, type Language, languages, texts } from "../texts";

/** The browser may have to be asked, and the sender told. */
const longestLookMs = 1_000;

export class MoreScreen extends Screen {
  readonly #signingOut = new SigningOut(this, () => this.shell);

  #thresholds: number[] | undefined;
  /** Before, nothing is shown: what comes later would move what is already under the thumb. */
  #loaded = false;
  #looked = false;
  /** asked for before the tap: some browsers let nothing come between a tap and their question */
  #pushKey: string | undefined;

  protected async load(): Promise<void> {
    const look = this.#lookAtPush();
    try {
      this.#thresholds ??= await this.shell.api.thresholds();
      if (!this.#loaded) await Promise.race([look, new Promise((resolve) => { setTimeout(resolve, longestLookMs); })]);
    } finally {
      this.#loaded = true;
    }
  }

  /** Once, where somebody is signed in. */
  async #lookAtPush(): Promise<void> {
    if (this.#looked || !this.shell.status?.signedIn) return;
    this.#looked = true;
    this.shell.pushFound(await lookAtPush(this.shell.api).catch(() => this.shell.push));
    this.requestUpdate();
    if (this.shell.push === "off" || this.shell.push === "lost") {
      // Not waited for: it may come from the network.
      this.shell.api.pushKey().then((key) => { this.#pushKey = key; }, () => undefined);
    }
  }

  #pushSwitch(): TemplateResult | typeof nothing {
    const state = this.shell.push;
    if (state === "absent" || state === "unsupported") return nothing;
    const turn = (on: boolean): void => void this.act("push", async () => {
      this.shell.pushFound(await (on ? startPush(this.shell.api, this.#pushKey) : stopPush(this.shell.api)));
    });
    return this.#switch("switch-push", texts.more.push, texts.more.pushHint[state], state === "on" || state === "untold", turn);
  }

  #switch(test: string, label: string, hint: string, on: boolean, turn: (on: boolean) => void): TemplateResult {
    const turned = (event: Event): void => {
      if (event.target instanceof HTMLInputElement) turn(event.target.checked);
      this.requestUpdate();
    };
    return html`<label class="switch card"><span class="words"><span class="strong">${label}</span><small>${hint}</small></span>
      <input type="checkbox" role="switch" data-test=${test} .checked=${on} @change=${turned}></label>`;
  }

  /** Ages at which a courier may want to be told, in minutes; whatever else the host has set is offered beside them. */
  #warnings(): TemplateResult {
    const now = this.#thresholds;
    if (!now) return html``;
    const ways = [[5, 15], [10, 30], [20, 60], []];
    const all = ways.some((way) => String(way) === String(now)) ? ways : [now, ...ways];
    return html`<fieldset class="card"><legend class="strong">${texts.warnings.label}</legend><p class="quiet">${texts.warnings.hint}</p><div class="segments">
      ${all.map((way) => html`<label class="segment"><input type="radio" name="thresholds" data-test="thresholds-${way.join("-") || "never"}" .checked=${String(way) === String(now)}
        @change=${() => void this.act("thresholds", async () => { this.#thresholds = await this.shell.api.thresholds(way); await this.shell.sessionChanged(); })}><span>${way.length > 0 ? texts.warnings.after(way) : texts.warnings.never}</span></label>`)}</div>${now.length > 0 ? this.#notifications() : nothing}</fieldset>`;
  }

  /** Without the permission a phone shows no warning while the app is shut, and an iPhone no count on the icon. */
  #notifications(): TemplateResult | typeof nothing {
    const permission = typeof Notification === "undefined" ? "granted" : Notification.permission;
    if (permission === "denied") return html`<p class="quiet" data-test="notifications-denied">${texts.warnings.denied}</p>`;
    if (permission === "granted") return nothing;
    // Asked in the tap itself: nothing may come between.
    const ask = (): void => { const asked = Notification.requestPermission(); void this.act("allow-notifications", async () => { await asked; }); };
    return button({ test: "allow-notifications", label: texts.warnings.allow, busy: this.busy, tap: ask });
  }

  #languages(): TemplateResult {
    const one = (language: Language | undefined, name: string): TemplateResult => html`<label class="segment"><input type="radio" name="language" data-test="language-${language ?? "phone"}"
      .checked=${choice() === language} @change=${() => void this.act("language", () => choose(language))}><span lang=${language ?? nothing}>${name}</span></label>`;
    return html`<fieldset class="card"><legend class="strong">${texts.more.languageTitle}</legend><div class="segments">
      ${one(undefined, texts.more.languageOfPhone)}
      ${Object.entries(languages).map(([language, name]) => one(language as Language, name))}</div></fieldset>`;
  }

  #positionHint(): string {
    const { positions } = this.shell;
    if (positions.denied) return texts.more.positionDenied;
    if (!positions.on) return texts.more.positionHint;
    const fix = positions.last();
    return fix ? texts.more.positionFix(Math.round(fix.accuracyM), relativeTime(Date.now() - fix.ageMs)) : texts.more.positionNone;
  }

  protected override render(): unknown {
    const { status, api, positions } = this.shell;
    if (!this.#loaded) return html`${bar(texts.more.title)}<div class="content"></div>${tabs("more", status)}`;
    const versions = api.versions();
    const { storage } = status ?? {};
    return html`${bar(texts.more.title)}
      <div class="content">
        <div class="card">
          <p class="quiet">${texts.more.signedInAs}</p>
          <p class="strong" data-test="account">${shown(status?.account?.name ?? "", 80)}</p>
          ${status && !status.signedIn ? html`<p class="notice attention">${icon("key")}<span>${texts.more.notSignedIn}</span></p>
            ${signInAgain()}` : nothing}
        </div>
        ${this.#switch("switch-position", texts.more.position, this.#positionHint(), positions.on, (on) => positions.turn(on))}
        ${this.#switch("switch-sound", texts.more.sound, texts.more.soundHint, preference("sound") !== false, (on) => prefer("sound", on))}
        ${this.#pushSwitch()}
        ${this.#warnings()}
        ${this.#languages()}
        <div class="card">
          <p class="quiet">${texts.more.storage}</p>
          <p data-test="storage" data-kind=${storage?.kind ?? nothing}>${texts.storage[storage?.kind ?? "unknown"]}</p>
          ${storage?.usage !== undefined && storage.quota !== undefined ? html`<p class="quiet">${texts.more.used(byteSize(storage.usage), byteSize(storage.quota))}</p>` : nothing}
        </div>
        <div class="card">
          <p class="quiet">${texts.more.version}</p>
          <p data-test="version">${shown(`${versions.core} · ${versions.schema}${versions.profile ? ` · ${versions.profile}` : ""}`, 120)}</p>
        </div>
        <a class="button plain" href="/selfcheck" data-test="selfcheck">${icon("check")}<span class="words"><span class="label">${texts.more.selfcheck}</span><small>${texts.more.selfcheckHint}</small></span></a>
        <a class="button plain" href=${addressOf({ screen: "diagnostics" })} data-test="diagnostics">${icon("signal")}<span class="words"><span class="label">${texts.diagnostics.title}</span><small>${texts.diagnostics.hint}</small></span></a>
        <a class="button plain" href=${addressOf({ screen: "shift" })} data-test="close-shift">${icon("done")}<span class="words"><span class="label">${texts.more.closeShift}</span><small>${texts.more.closeShiftHint}</small></span></a>
        ${button({ test: "sign-out", label: texts.more.signOut, hint: texts.more.signOutHint, icon: "key", busy: this.busy, tap: () => void this.act("sign-out", () => this.#signingOut.ask()) })}
      </div>
      ${tabs("more", status)}
      ${this.#signingOut.dialog(this.busy)}`;
  }
}
customElements.define("courier-more", MoreScreen);
