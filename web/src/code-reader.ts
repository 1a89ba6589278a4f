// What was scanned, asked after and recorded, one code after the other, and what is to be said of it.
// Every code is first asked after: only what the core expects here is recorded, and "scanned" is said
// when it is durable. Parcels that lie together before the lens are told together.

import { html, nothing, type TemplateResult } from "lit";
import type { ScanMeaning } from "pannier";
import type { CodeDetail } from "pannier/elements";
import { signal, type Signal } from "./feedback";
import { shown } from "./formats";
import { icon, type IconName } from "./icons";
import { addressOf } from "./places";
import type { Shell } from "./screen";
import { meaningText } from "pannier/texts";
import { texts } from "./texts";

/** The camera sees one label many times; what was just said about it is not said again. */
const sameCodeMs = 2500;
/** Codes that follow one another faster lay together before the lens: one hand holds up no two parcels in that time. */
const togetherMs = 600;
/** A label beside a new one is seen as if it had come back. */
const besideMs = 60;
/** So many of the wrong ones are told by name; the rest is counted. */
const namedMost = 3;
/** A day's codes; more is a hand that plays. */
const rememberedMost = 5000;

type Tone = Signal | "busy";
/** One code and what it turned out to be. */
export interface Read {
  tone: Signal;
  title: string;
  text: string;
  code: string;
  verdict: ScanMeaning["verdict"] | undefined;
  /** the stop that it belongs to instead */
  other: string | undefined;
}

const tones: Record<ScanMeaning["verdict"], Signal> = {
  expected: "good", already_scanned: "known", already_loaded: "known", other_stop: "bad", unlisted: "bad", unreadable: "bad",
};
const toneIcons: Record<Signal, IconName> = { good: "done", known: "attention", bad: "wrong" };
/** What the person has to act on wins. */
const weight: Record<Signal, number> = { known: 0, good: 1, bad: 2 };

interface Place {
  shell: () => Shell;
  /** without one it is the van that is loaded */
  stop?: string;
  /** something is to be shown anew */
  changed: () => void;
  /** what to say of a parcel that is expected, in place of the core's words */
  where?: (meaning: ScanMeaning) => string | undefined;
  /** told of each code, in its order */
  read?: (read: Read) => void;
}

export class CodeReader {
  readonly #place: Place;
  /** what lies together before the lens, as far as it is known */
  #together: Read[] = [];
  #lastCameraMs = 0;
  #asking: string | undefined;
  #queue: Promise<void> = Promise.resolve();
  #last: { text: string; atMs: number } | undefined;
  readonly #told = new Set<string>();

  constructor(place: Place) {
    this.#place = place;
  }

  read({ text, source }: CodeDetail): void {
    const now = Date.now();
    const sinceLast = now - this.#lastCameraMs;
    if (text !== undefined && source === "camera") {
      if (this.#last?.text === text && now - this.#last.atMs < sameCodeMs) {
        this.#last.atMs = now;
        return;
      }
      if (this.#told.has(text) && sinceLast < besideMs) return;
    }
    // Typing and a hand scanner say one thing at a time.
    if (source !== "camera" || sinceLast > togetherMs) this.#together = [];
    if (source === "camera") this.#lastCameraMs = now;
    const together = this.#together;
    if (text === undefined) {
      this.#tell(together, { tone: "bad", title: texts.scan.verdict.unreadable, text: texts.scan.noText, code: "", verdict: "unreadable", other: undefined });
      return;
    }
    this.#last = { text, atMs: now };
    if (this.#told.size < rememberedMost) this.#told.add(text);
    this.#queue = this.#queue.then(() => this.#take(text, source, together));
  }

  #tell(together: Read[], read: Read): void {
    // Seen once more, it counts once.
    const before = together.findIndex(({ code }) => code === read.code);
    if (before >= 0) together.splice(before, 1);
    together.push(read);
    this.#asking = undefined;
    signal(read.tone);
    this.#place.read?.(read);
    this.#place.changed();
  }

  async #take(text: string, source: CodeDetail["source"], together: Read[]): Promise<void> {
    const { shell, stop, where, changed } = this.#place;
    const code = shown(text, 60);
    this.#asking = code;
    changed();
    try {
      const meaning = await shell().api.meaning(text, stop);
      let title = texts.scan.verdict[meaning.verdict];
      let tone = tones[meaning.verdict];
      let words = meaningText(meaning);
      if (meaning.verdict === "expected") {
        const receipt = await shell().record(stop === undefined ? { kind: "load", code: text } : { kind: "scan", stop, code: text, source });
        if (stop === undefined) title = texts.scan.loaded;
        words = where?.(meaning) ?? words;
        if (receipt.duplicate) {
          title = texts.scan.verdict[stop === undefined ? "already_loaded" : "already_scanned"];
          tone = tones.already_scanned;
        }
      }
      this.#tell(together, { tone, title, text: shown(words, 240), code, verdict: meaning.verdict, other: meaning.verdict === "other_stop" ? meaning.stop : undefined });
    } catch (error) {
      this.#tell(together, { tone: "bad", title: texts.common.notSaved, text: "", code, verdict: undefined, other: undefined });
      shell().failed(error);
    }
  }

  /** What was just scanned, in words, for the eye and the ear. */
  verdict(): TemplateResult {
    const reads = this.#together;
    // While the next of several is asked after, what is known of the others stays.
    const busy = this.#asking !== undefined && reads.length === 0;
    const tone: Tone | undefined = busy ? "busy" : reads.reduce<Signal | undefined>((worst, { tone: one }) => (worst === undefined || weight[one] > weight[worst] ? one : worst), undefined);
    return html`<div class="verdict ${tone ?? "none"}" role="status" aria-live="assertive" data-test="verdict" data-tone=${tone ?? nothing}>
      ${busy ? html`<span class="spinner" aria-hidden="true"></span><div class="words"><p class="title">${texts.scan.checking}</p><p class="code">${this.#asking}</p></div>`
        : tone === undefined || tone === "busy" ? html`${icon("scan")}<p>${texts.scan.ready}</p>`
          : html`${icon(toneIcons[tone])}<div class="words">${reads.length === 1 ? reads.map((read) => this.#one(read)) : this.#several(reads)}</div>`}
    </div>`;
  }

  #one(read: Read): TemplateResult {
    return html`<p class="title">${read.title}</p><p class="code">${read.code}</p>${read.text ? html`<p>${read.text}</p>` : nothing}${this.#way(read)}`;
  }

  #way({ other }: Read): unknown {
    return other ? html`<a class="button plain" href=${addressOf({ screen: "stop", stop: other })} data-test="open-other">${texts.scan.openOther}</a>` : nothing;
  }

  #several(reads: Read[]): TemplateResult {
    const of = (tone: Signal): Read[] => reads.filter((read) => read.tone === tone);
    const wrong = of("bad");
    return html`<p class="title">${texts.scan.together(of("good").length, of("known").length, wrong.length)}</p>
      ${wrong.length > 0
        ? wrong.slice(0, namedMost).map((read) => html`<p>${read.text || `${read.code} ${read.title}`}</p>${this.#way(read)}`)
        : html`<p class="code">${reads.slice(0, namedMost).map(({ code }) => code).join(", ")}${reads.length > namedMost ? "…" : ""}</p>`}`;
  }
}
