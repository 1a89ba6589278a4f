// Loading the van: every parcel of the day's deliveries is scanned into it. The screen says how many
// are in, which are missing, and which were scanned that do not belong into this van.

import { html, nothing, type TemplateResult } from "lit";
import type { ParcelView, RouteView, ScanMeaning, StopView } from "pannier";
import "pannier/elements";
import { CodeReader, type Read } from "../code-reader";
import { shown } from "../formats";
import { icon } from "../icons";
import { bar, button, empty, tabs } from "../parts";
import { Screen } from "../screen";
import { texts } from "../texts";
import { parcelLine, running, scanner } from "./scan";

/** A van of thousands of parcels is listed in part; the counts tell the rest. */
const longestList = 200;

export class LoadScreen extends Screen {
  #route: RouteView | undefined;
  /** scanned here and not for this van, newest first, until each is put aside: by its code */
  readonly #wrong = new Map<string, Read>();
  readonly #reader = new CodeReader({
    shell: () => this.shell,
    changed: () => this.requestUpdate(),
    where: (meaning) => this.#where(meaning),
    read: (read) => this.#remember(read),
  });

  protected async load(): Promise<void> {
    this.#route = await this.shell.api.route();
  }

  #where({ stop: id }: ScanMeaning): string | undefined {
    const stop = this.#route?.stops.find((one) => one.id === id);
    return stop && this.#stopLine(stop);
  }

  #stopLine(stop: StopView): string {
    return texts.load.forStop(stop.sequence, shown(stop.address.street, 60));
  }

  #remember(read: Read): void {
    this.#wrong.delete(read.code);
    if (read.verdict === "other_stop" || read.verdict === "unlisted") this.#wrong.set(read.code, read);
  }

  #strays(): TemplateResult | typeof nothing {
    if (this.#wrong.size === 0) return nothing;
    const put = (code: string): void => {
      this.#wrong.delete(code);
      this.requestUpdate();
    };
    return html`<section data-test="strays"><h2>${texts.load.wrongTitle}</h2>
      <ul class="parcels wrong">${[...this.#wrong.values()].reverse().map((read) => html`<li>
        ${icon("wrong")}<span class="words">${read.text}</span>
        <button type="button" class="button plain" @click=${() => put(read.code)}>${texts.load.putAside}<span class="hidden"> ${read.code}</span></button></li>`)}</ul></section>`;
  }

  #list(title: string, rows: [ParcelView, StopView][], loaded: boolean): TemplateResult {
    const more = rows.length - longestList;
    return html`<ul class="parcels" aria-label=${title}>${rows.slice(0, longestList).map(([parcel, stop]) => parcelLine(parcel, loaded, this.#stopLine(stop)))}</ul>
      ${more > 0 ? html`<p class="quiet">${texts.load.more(more)}</p>` : nothing}`;
  }

  protected override render(): unknown {
    const route = this.#route;
    if (!route) return html`${bar(texts.scan.loadTitle)}<div class="content"></div>${tabs("load", this.shell.status)}`;
    const rows = route.stops.filter((stop) => stop.toLoad).flatMap((stop) => stop.parcels.map((parcel): [ParcelView, StopView] => [parcel, stop]));
    const loaded = rows.filter(([parcel]) => parcel.loaded);
    const missing = rows.filter(([parcel]) => !parcel.loaded);
    const complete = rows.length > 0 && missing.length === 0;
    return html`${bar(texts.scan.loadTitle, undefined, running(loaded.length, rows.length))}
      <div class="content scan">
        ${rows.length === 0 && route.stops.length === 0 ? empty("load", texts.load.nothing, texts.load.nothingHint) : nothing}
        ${scanner(this.#reader)}
        <ul class="chips" data-test="tally" data-loaded=${loaded.length} data-missing=${missing.length} data-wrong=${this.#wrong.size}>
          <li class="chip ${missing.length > 0 ? "waiting" : "done"}">${icon(missing.length > 0 ? "open" : "done")}${missing.length > 0 ? texts.load.missing(missing.length) : texts.load.noneMissing}</li>
          ${this.#wrong.size > 0 ? html`<li class="chip attention">${icon("wrong")}${texts.load.wrong(this.#wrong.size)}</li>` : nothing}
        </ul>
        ${this.#strays()}
        ${missing.length > 0 ? html`<section><h2>${texts.load.missingTitle}</h2>${this.#list(texts.load.missingTitle, missing, false)}</section>` : nothing}
        ${loaded.length > 0 ? html`<section><h2>${texts.load.loadedTitle}</h2>${this.#list(texts.load.loadedTitle, loaded, true)}</section>` : nothing}
      </div>
      <footer class="actions above-tabs">${this.#reader.verdict()}
        ${complete && this.#wrong.size === 0 ? button({ test: "load-done", label: texts.load.done, kind: "primary", icon: "check", tap: () => this.shell.go({ screen: "route" }) }) : nothing}</footer>
      ${tabs("load", this.shell.status)}`;
  }
}
customElements.define("courier-load", LoadScreen);
