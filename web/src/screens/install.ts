// In a tab on iOS: how the app is put on the Home Screen, in pictures. No work is begun before, since
// the phone wipes what a tab stored; what is here already can be sent or taken out.

import { html, nothing, svg, type TemplateResult } from "lit";
import { button, bar } from "../parts";
import { icon } from "../icons";
import { Screen } from "../screen";
import { texts } from "../texts";

// The same phone in each, drawn for this app. They show what the words beside them say, so that they
// are hidden from a screen reader.
const glyph = { share: "M60 26v-15M54 16.5l6-6 6 6M53 21h-4v17h22v-17h-4", plus: "M0-6v12M-6 0h12" };

function picture(inside: TemplateResult): TemplateResult {
  return html`<svg class="how" viewBox="14 0 92 96" aria-hidden="true" focusable="false">${inside}</svg>`;
}

const pictures: readonly TemplateResult[] = [
  // The foot of the browser, with its share sign.
  picture(svg`<path class="device" d="M22 -10v92a10 10 0 0 0 10 10h56a10 10 0 0 0 10-10v-92"></path>
    <path class="faint" d="M32 8h40M32 18h52M32 28h46"></path><rect class="soft" x="28" y="44" width="64" height="38" rx="10"></rect>
    <circle class="ring" cx="60" cy="63" r="17"></circle><path class="sign" d=${glyph.share} transform="translate(60 63) scale(.75) translate(-60 -25)"></path>`),
  // The list, with one line that counts.
  picture(svg`<path class="device" d="M22 -10v92a10 10 0 0 0 10 10h56a10 10 0 0 0 10-10v-92"></path>
    <path class="faint" d="M34 12h38M34 76h44"></path><rect class="ring" x="28" y="26" width="64" height="32" rx="9"></rect>
    <path class="line" d="M36 38h24M36 47h16"></path><rect class="sign" x="70" y="34" width="16" height="16" rx="4"></rect><path class="sign" d=${glyph.plus} transform="translate(78 42) scale(.8)"></path>`),
  // The sheet: its switch on, and the button above.
  picture(svg`<path class="device" d="M22 -10v92a10 10 0 0 0 10 10h56a10 10 0 0 0 10-10v-92"></path>
    <rect class="full" x="66" y="8" width="26" height="18" rx="9"></rect><path class="on" d="M73 17l4 4 7-8"></path>
    <path class="faint" d="M32 17h22"></path><rect class="soft" x="28" y="42" width="64" height="34" rx="9"></rect><path class="line" d="M36 55h18M36 63h12"></path>
    <rect class="full" x="62" y="50" width="26" height="16" rx="8"></rect><circle class="knob" cx="80" cy="58" r="6"></circle>`),
  // The Home Screen, with the app's own sign among the others.
  picture(svg`<path class="device" d="M22 -10v92a10 10 0 0 0 10 10h56a10 10 0 0 0 10-10v-92"></path>
    ${[[32, 8], [76, 8], [32, 34], [76, 34], [54, 8]].map(([x, y]) => svg`<rect class="soft" x=${x} y=${y} width="16" height="16" rx="5"></rect>`)}
    <rect class="full" x="51" y="31" width="22" height="22" rx="6"></rect><path class="on" d="M57 46v-8h5a3.5 3.5 0 0 1 0 7h-5"></path><circle class="ring" cx="62" cy="42" r="20"></circle>`),
];

export class InstallScreen extends Screen {
  #copied = false;

  protected load(): Promise<void> {
    // Everything here comes with the status.
    return Promise.resolve();
  }

  /** Work that was begun here before is not locked in. */
  #left(): TemplateResult | typeof nothing {
    const { status } = this.shell;
    const n = status?.waiting ?? 0;
    if (status?.account === undefined) return nothing;
    return html`<div class="notice ${n > 0 ? "attention" : ""}" data-test="left-here">${icon("outbox")}<div><p>${n > 0 ? texts.install.waits(n) : texts.install.nothingWaits}</p>
      ${button({ test: "finish", label: n > 0 ? texts.install.finish : texts.install.leave, tap: () => this.shell.go({ screen: n > 0 ? "outbox" : "more" }) })}</div></div>`;
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(location.origin);
      this.#copied = true;
    } catch {
      // It stands beside the button and can be typed.
    }
    this.requestUpdate();
  }

  protected override render(): unknown {
    return html`${bar(texts.install.title)}
      <div class="content install">
        <p class="lead">${texts.install.lead}</p>
        ${this.#left()}
        <ol class="how-to">${texts.install.steps.map((step, place) => html`<li class="card">${pictures[place]}<p><span class="strong">${place + 1}. ${step.do}</span><small>${step.more}</small></p></li>`)}</ol>
        <div class="notice">${icon("route")}<div><p>${texts.install.elsewhere}</p><p class="code">${location.origin}</p>
          ${button({ test: "copy-address", label: this.#copied ? texts.install.copied : texts.install.copy, ...(this.#copied ? { icon: "check" } : {}), tap: () => void this.#copy() })}</div></div>
      </div>`;
  }
}
customElements.define("courier-install", InstallScreen);
