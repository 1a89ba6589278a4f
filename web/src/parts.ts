// Pieces that several screens are made of.

import { html, nothing, type TemplateResult } from "lit";
import type { Permission, NeedView, Status, StopState, StopView } from "pannier";
import { addressOf, type Place, type ScreenName } from "./places";
import { icon, type IconName } from "./icons";
import { refusalText } from "pannier/texts";
import { shown } from "./formats";
import { texts } from "./texts";

/** The head of a screen: a way back, and where the courier is. */
export function bar(title: string, back?: Place, extra: unknown = nothing): TemplateResult {
  return html`<header class="head">
    ${back ? html`<a class="round" href=${addressOf(back)} data-test="back" aria-label=${texts.common.back}>${icon("back")}</a>` : nothing}
    <h1 tabindex="-1">${title}</h1>
    ${extra}
  </header>`;
}

export function empty(name: IconName, title: string, hint: string): TemplateResult {
  return html`<div class="empty">${icon(name)}<p class="strong">${title}</p><p class="quiet">${hint}</p></div>`;
}

export interface ButtonLook {
  test: string;
  label: string;
  icon?: IconName;
  /** a second line: what is there already, or why it cannot be tapped */
  hint?: string | undefined;
  kind?: "primary" | "plain" | "danger" | "step" | "quiet";
  /** for a step: whether it is satisfied */
  ticked?: boolean;
  disabled?: boolean;
  /** the name of the running action of the screen */
  busy?: string | undefined;
  tap: () => void;
}

/** A button that shows when its own action runs and cannot be tapped while any does. */
export function button(look: ButtonLook): TemplateResult {
  const running = look.busy === look.test;
  return html`<button type="button" class="button ${look.kind ?? "plain"} ${look.ticked ? "ticked" : ""}" data-test=${look.test}
      ?disabled=${Boolean(look.disabled) || look.busy !== undefined} aria-busy=${running ? "true" : nothing} @click=${look.tap}>
    ${running ? html`<span class="spinner" aria-hidden="true"></span>` : look.icon ? icon(look.icon) : nothing}
    <span class="words"><span class="label">${look.label}</span>${look.hint ? html`<small>${look.hint}</small>` : nothing}</span>
    ${look.kind === "step" ? html`<span class="end">${icon(look.ticked ? "done" : "next")}</span>` : nothing}
  </button>`;
}

/** The step that helps where the sign-in has ended: no sending does. */
export function signInAgain(): TemplateResult {
  return html`<a class="button primary" href=${addressOf({ screen: "sign-in" })} data-test="sign-in-again">${icon("key")}<span class="words"><span class="label">${texts.more.signIn}</span></span></a>`;
}

/** What a permission means for a button: the core decides, and says why not. */
export function permitted(permission: Permission): { disabled: boolean; hint: string | undefined } {
  return { disabled: !permission.allowed, hint: refusalText(permission) };
}

const stateIcons: Record<StopState, IconName> = {
  open: "open", arrived: "arrived", waiting: "waiting", done: "done", attention: "attention",
};

export function stopChip(stop: StopView): TemplateResult {
  const outcome = stop.outcome ? texts.stopOutcome[stop.outcome] : undefined;
  const word = stop.state === "done" ? outcome ?? texts.stopState.done
    : stop.state === "waiting" && outcome ? texts.unsent(outcome)
      : texts.stopState[stop.state];
  return html`<span class="chip ${stop.state}" data-test="state-${stop.id}" data-state=${stop.state}>${icon(stateIcons[stop.state])}${word}</span>`;
}

const proofIcons: Record<NeedView["proof"], IconName> = { photo: "photo", signature: "signature", scan: "scan" };

export function needChip(need: NeedView): TemplateResult {
  return html`<li class="chip ${need.requirement === "required" ? "attention" : "open"}">${icon(proofIcons[need.proof])}${texts.need(need)}
    <span class="quiet">${texts.requirement[need.requirement]}</span></li>`;
}

const tabIcons = { route: "route", load: "load", outbox: "outbox", more: "more" } as const satisfies Partial<Record<ScreenName, IconName>>;

/** The way between the main screens, at the thumb. */
export function tabs(current: keyof typeof tabIcons, status: Status | undefined): TemplateResult {
  const names = ["route", "load", "outbox", "more"] as const;
  return html`<nav class="tabs" aria-label=${texts.tabs.label}>${names.map((name) => {
    const count = name !== "outbox" || !status ? 0 : status.parked || status.waiting;
    return html`<a href=${addressOf({ screen: name })} data-test="tab-${name}" aria-current=${name === current ? "page" : nothing}>
      <span class="glyph">${icon(tabIcons[name])}${count > 0 ? html`<span class="count ${status?.parked ? "attention" : ""}">${count}</span>` : nothing}</span>
      ${texts.tabs[name]}</a>`;
  })}</nav>`;
}

/** A text field that tells each change. */
export function field(look: {
  test: string; label: string; value: string; lines?: number; type?: string; optional?: boolean;
  autocomplete?: string; capitalize?: string; change: (value: string) => void;
}): TemplateResult {
  const changed = (event: Event): void => {
    const target = event.target;
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) look.change(target.value);
  };
  const label = html`<span class="label">${look.label}${look.optional ? html` <span class="quiet">(${texts.common.optional})</span>` : nothing}</span>`;
  return html`<label class="field">${label}${look.lines
    ? html`<textarea rows=${look.lines} data-test=${look.test} .value=${look.value} @input=${changed}></textarea>`
    : html`<input type=${look.type ?? "text"} data-test=${look.test} name=${look.test} autocomplete=${look.autocomplete ?? "off"}
        autocapitalize=${look.capitalize ?? "sentences"} spellcheck="false" enterkeyhint="done" .value=${look.value} @input=${changed}>`}</label>`;
}

/** An address in one line. */
export function placeLine(stop: StopView): string {
  return shown(`${stop.address.postalCode} ${stop.address.city}`.trim(), 80);
}
