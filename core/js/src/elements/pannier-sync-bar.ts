import { LitElement, css, html, nothing, type PropertyDeclarations, type TemplateResult } from "lit";
import type { PannierApi, Status } from "../api.js";
import type { Reachability } from "../types.js";
import { errorDetail, tell } from "./events.js";
import { Following } from "./following.js";
import { byteSize, clockTime, statusText, words, type Texts } from "../texts/index.js";
import { theme } from "./theme.js";

const ofLanguage = (texts: Texts) => ({
  opening: texts.opening,
  waiting: texts.waits,
  parked: texts.needsYou,
  line: statusText,
  left: texts.left,
  ...texts.contact,
});
/** The words of the sync bar. */
export type SyncBarLabels = ReturnType<typeof ofLanguage>;

// Strokes on a 24-unit grid; decoration beside a word.
const icons: Record<Reachability, string> = {
  unknown: "M5 18v-3M10 18v-6M15 18V9M20 18V5",
  reachable: "M5 18v-3M10 18v-6M15 18V9M20 18V5",
  unreachable: "M5 18v-3M10 18v-6M15 18v-2M20 18v-7M4 4l16 16",
  sign_in_needed: "M8 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12.5 12H21v3.5M17 12v2.5",
  offline: "M5 18v-3M10 18v-6M15 18v-2M20 18v-7M4 4l16 16",
  captive_portal: "M8 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12.5 12H21v3.5M17 12v2.5",
  backend_down: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.3v.1",
  backend_trouble: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.3v.1",
};

const countIcons = { parked: icons.backend_down, waiting: "M12 15.5V4M7 8.5L12 3.5l5 5M4.5 15v4.5h15V15" };

/**
 * One line on what waits, whether the backend is in reach, and what needs a person. Put it into a
 * link or a button to make it lead somewhere.
 *
 * Give it the opened client: `bar.client = pannier`. It follows every change by itself.
 * Fires `pannier-error` ({@link ErrorDetail}) when the store cannot be read, and
 * `pannier-status` ({@link Status}) after each reading.
 * Attributes for styles, set by itself: `reachability`, `waiting`, `parked`.
 * Parts: `icon`, `words`, `text`, `contact`, `counts`, `parked`, `waiting`.
 *
 * @example
 * const bar = document.createElement("pannier-sync-bar");
 * bar.client = await openPannier({ profile });
 * document.body.prepend(bar);
 */
export class PannierSyncBar extends LitElement {
  static override properties: PropertyDeclarations = {
    client: { attribute: false },
    labels: { attribute: false },
  };

  /** what `openPannier` gave */
  declare client: PannierApi | undefined;
  /** other words than those of the language that is spoken (`pannier/texts`) */
  declare labels: Partial<SyncBarLabels>;
  #status: Status | undefined;

  constructor() {
    super();
    this.labels = {};
    new Following(this, async (client) => {
      this.#status = await client.status();
      tell(this, "pannier-status", this.#status);
    }, (error) => tell(this, "pannier-error", errorDetail(error)));
  }

  static override styles = [theme, css`
    :host { display: flex; align-items: center; gap: 10px; min-height: var(--_target); color: inherit; }
    svg { width: 24px; height: 24px; flex: none; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    .words { flex: 1; min-width: 0; line-height: 1.25; }
    .words span { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
    small { display: block; opacity: 0.85; font-size: 0.875em; }
    .counts { flex: none; display: flex; flex-direction: column; align-items: flex-end; gap: 4px; }
    .counts > span { display: flex; align-items: center; gap: 4px; border-radius: 999px; padding: 1px 10px 1px 6px; font-size: 0.9375em; font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; background: #ffecc4; color: #5a3500; }
    .counts .parked { background: #fde3e0; color: #8a0f09; }
    .counts svg { width: 18px; height: 18px; }
    /* Beside the line the figures are enough for the eye; their words are for the ear. */
    .counts .word { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  `];

  protected override willUpdate(): void {
    const { reachability, waiting, parked } = this.#status ?? {};
    for (const [name, value] of Object.entries({ reachability, waiting, parked })) {
      if (value === undefined) this.removeAttribute(name);
      else this.setAttribute(name, String(value));
    }
  }

  #count(name: keyof typeof countIcons, n: number, word: string): TemplateResult {
    return html`<span class=${name} part=${name}><svg viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${countIcons[name]}></path></svg><span class="figure" aria-hidden="true">${n}</span><span class="word">${word}</span></span>`;
  }

  protected override render(): unknown {
    const said = { ...ofLanguage(words()), ...this.labels };
    const status = this.#status;
    const reach = status?.reachability ?? "unknown";
    const reached = status?.lastReachedAt === undefined ? undefined : clockTime(status.lastReachedAt);
    return html`
      <svg part="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${icons[reach]}></path></svg>
      <span class="words" part="words" aria-live="polite">
        <span part="text">${status ? said.line(status) : said.opening}</span>
        ${status ? html`<small part="contact">${status.said === "sending" ? said.left(byteSize(status.bytesWaiting)) : said[reach](reached)}</small>` : nothing}
      </span>
      <span class="counts" part="counts">
        ${status?.parked ? this.#count("parked", status.parked, said.parked(status.parked)) : nothing}
        ${status?.waiting ? this.#count("waiting", status.waiting, said.waiting(status.waiting)) : nothing}
      </span>`;
  }
}
