// Scanning, at a stop or while loading the van. Every code is first asked after: only what the core
// expects here is recorded, and "scanned" is said when it is durable.

import { html, nothing, type TemplateResult } from "lit";
import type { ParcelView, RouteView, ScanMeaning, StopView } from "pannier";
import "pannier/elements";
import type { CodeDetail } from "pannier/elements";
import { signal } from "../feedback";
import { shown } from "../formats";
import { icon, type IconName } from "../icons";
import { bar, button, permitted, tabs } from "../parts";
import { addressOf } from "../places";
import { Screen, type Shell, StopScreen } from "../screen";
import { texts } from "../texts";

/** The camera sees one label many times; what was just said about it is not said again. */
const sameCodeMs = 2500;

type Tone = "good" | "known" | "bad" | "busy";
interface Said { tone: Tone; title: string; text: string; code: string; other: string | undefined }

const tones: Record<ScanMeaning["verdict"], Tone> = {
  expected: "good", already_scanned: "known", other_stop: "bad", unlisted: "bad", unreadable: "bad",
};
const toneIcons: Record<Tone, IconName> = { good: "done", known: "attention", bad: "wrong", busy: "waiting" };

/** Asks and records, one code after the other, and keeps what is to be said about the last one. */
class CodeReader {
  said: Said | undefined;
  #queue: Promise<void> = Promise.resolve();
  #last: { text: string; atMs: number } | undefined;

  constructor(
    private readonly shell: () => Shell,
    private readonly stop: string | undefined,
    private readonly changed: () => void,
  ) {}

  read({ text, source }: CodeDetail): void {
    const now = Date.now();
    if (text === undefined) {
      this.#say({ tone: "bad", title: texts.scan.verdict.unreadable, text: texts.scan.noText, code: "", other: undefined });
      signal(false);
      return;
    }
    if (source === "camera" && this.#last?.text === text && now - this.#last.atMs < sameCodeMs) {
      this.#last.atMs = now;
      return;
    }
    this.#last = { text, atMs: now };
    this.#queue = this.#queue.then(() => this.#take(text, source));
  }

  #say(said: Said): void {
    this.said = said;
    this.changed();
  }

  async #take(text: string, source: CodeDetail["source"]): Promise<void> {
    const code = shown(text, 60);
    try {
      this.#say({ tone: "busy", title: texts.scan.checking, text: "", code, other: undefined });
      const meaning = await this.shell().api.meaning(text, this.stop);
      let title = texts.scan.verdict[meaning.verdict];
      let tone = tones[meaning.verdict];
      if (meaning.verdict === "expected") {
        const receipt = await this.shell().record(this.stop === undefined
          ? { kind: "load", code: text }
          : { kind: "scan", stop: this.stop, code: text, source });
        if (this.stop === undefined) title = texts.scan.loaded;
        if (receipt.duplicate) {
          title = texts.scan.verdict.already_scanned;
          tone = tones.already_scanned;
        }
      }
      this.#say({ tone, title, text: shown(meaning.text, 240), code, other: meaning.verdict === "other_stop" ? meaning.stop : undefined });
      signal(tone === "good");
    } catch (error) {
      this.#say({ tone: "bad", title: texts.common.notSaved, text: "", code, other: undefined });
      signal(false);
      this.shell().failed(error);
    }
  }
}

function scanner(reader: CodeReader): TemplateResult {
  const seen = (event: CustomEvent<CodeDetail>): void => reader.read(event.detail);
  return html`<pannier-scanner wedge data-test="scanner" @pannier-code=${seen}></pannier-scanner>`;
}

function verdict(said: Said | undefined): TemplateResult {
  return html`<div class="verdict ${said?.tone ?? "none"}" role="status" aria-live="assertive" data-test="verdict" data-tone=${said?.tone ?? nothing}>
    ${said
      ? html`${said.tone === "busy" ? html`<span class="spinner" aria-hidden="true"></span>` : icon(toneIcons[said.tone])}
        <div class="words"><p class="title">${said.title}</p><p class="code">${said.code}</p>${said.text ? html`<p>${said.text}</p>` : nothing}
        ${said.other ? html`<a class="button plain" href=${addressOf({ screen: "stop", stop: said.other })} data-test="open-other">${texts.scan.openOther}</a>` : nothing}</div>`
      : html`${icon("scan")}<p>${texts.scan.ready}</p>`}
  </div>`;
}

function parcelLine(parcel: ParcelView, ticked: boolean): TemplateResult {
  return html`<li class=${ticked ? "ticked" : ""} data-test="parcel-${parcel.id}" data-ticked=${ticked ? "true" : "false"}>
    ${icon(ticked ? "done" : "open")}<span class="words"><span class="strong">${shown(parcel.label, 60)}</span><small class="code">${shown(parcel.code, 60)}</small></span>
    <span class="hidden">${ticked ? texts.scan.ticked : texts.scan.unticked}</span></li>`;
}

function running(have: number, want: number): TemplateResult {
  return html`<span class="counter" data-test="scan-count">${texts.scan.count(have, want)}</span>`;
}

export class ScanScreen extends StopScreen {
  #reader: CodeReader | undefined;

  protected view(stop: StopView): TemplateResult {
    this.#reader ??= new CodeReader(() => this.shell, this.stopId, () => this.requestUpdate());
    const need = stop.needs.find((entry) => entry.proof === "scan");
    const have = need?.have ?? stop.parcels.filter((parcel) => parcel.scanned).length;
    return html`${bar(texts.scan.title, { screen: "stop", stop: stop.id }, running(have, need?.want ?? stop.parcels.length))}
      <div class="content scan">
        ${scanner(this.#reader)}
        ${stop.can.scan.allowed ? nothing : html`<p class="notice"><span>${permitted(stop.can.scan).hint}</span></p>`}
        <ul class="parcels">${stop.parcels.map((parcel) => parcelLine(parcel, parcel.scanned))}</ul>
      </div>
      <footer class="actions">${verdict(this.#reader.said)}
        ${button({ test: "scan-done", label: texts.scan.done, kind: "primary", icon: "check", tap: () => this.backToStop() })}</footer>`;
  }
}
customElements.define("courier-scan", ScanScreen);

/** A van of thousands of parcels is listed in part; the count tells the rest. */
const longestList = 200;

export class LoadScreen extends Screen {
  #route: RouteView | undefined;
  readonly #reader = new CodeReader(() => this.shell, undefined, () => this.requestUpdate());

  protected async load(): Promise<void> {
    this.#route = await this.shell.api.route();
  }

  protected override render(): unknown {
    const route = this.#route;
    const parcels = route?.stops.flatMap((stop) => stop.kind === "pickup" ? [] : stop.parcels).slice(0, longestList) ?? [];
    return html`${bar(texts.scan.loadTitle, undefined, route ? running(route.parcels.loaded, route.parcels.total) : nothing)}
      <div class="content scan">
        ${scanner(this.#reader)}
        <ul class="parcels">${parcels.map((parcel) => parcelLine(parcel, parcel.loaded))}</ul>
      </div>
      <footer class="actions above-tabs">${verdict(this.#reader.said)}</footer>
      ${tabs("load", this.shell.status)}`;
  }
}
customElements.define("courier-load", LoadScreen);
