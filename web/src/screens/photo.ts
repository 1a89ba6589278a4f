// The proof photo. Its bytes are staged and noted in the draft before the preview is shown, so that
// a page killed here loses no frame; the courier's yes then makes it part of the stop. A picture that
// is dark or blurred is said to be, and may be used all the same.

import { html, nothing, type TemplateResult } from "lit";
import type { OutboxItem, StopView } from "pannier";
import { Scanner, type PhotoDetail } from "pannier/elements";
import { icon, type IconName } from "../icons";
import { bar, button, permitted } from "../parts";
import { StopScreen } from "../screen";
import "../stored-picture";
import { texts } from "../texts";
import { unsettledPhotos, uploadText } from "../uploads";

/** What would have made a picture better. */
type Advice = "light" | "shade" | "still";

const stateIcons: Partial<Record<OutboxItem["state"], IconName>> = { parked: "attention", settled: "done", discarded: "bin" };

export class PhotoScreen extends StopScreen {
  /** taken and not yet on the disk: only while staging runs or after it failed */
  #unstaged: PhotoDetail | undefined;
  #staging = false;
  #captured = false;
  /** this stop's photos that are not settled, by their handles */
  #unsettled = new Map<string, OutboxItem>();
  /** looks at pictures in a worker of its own; the same figures as under the viewfinder */
  #judge: Scanner | undefined;
  #judged: { handle: string; advice?: Advice } | undefined;

  protected override async load(): Promise<void> {
    await super.load();
    if (!this.stop?.photos.length) return;
    this.#unsettled = await unsettledPhotos(this.shell.api, this.stopId);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#judge?.stop();
    this.#judge = undefined;
  }

  async #lookAt(handle: string): Promise<void> {
    if (this.#judged?.handle === handle) return;
    this.#judged = { handle };
    try {
      const blob = await this.shell.api.blob(handle);
      if (!blob || !this.isConnected) return;
      this.#judge ??= new Scanner({});
      const { advice } = await this.#judge.judge(blob);
      if (this.#judged?.handle !== handle || !advice) return;
      this.#judged = { handle, advice };
      this.requestUpdate();
    } catch {
      // Advice is an extra: without it the picture is as good as the courier finds it.
    }
  }

  /** Never in turn with other actions: a shutter that was pressed while one still ran would have to be pressed again. */
  async #stage(photo: PhotoDetail): Promise<void> {
    this.#unstaged = photo;
    this.#staging = true;
    this.requestUpdate();
    try {
      const staged = await this.shell.api.stage(photo.bytes, photo.mediaType);
      const waiting = this.draft.fields.photos ?? [];
      await this.draft.change({ photos: [...waiting, staged.handle] }, { keep: [staged.handle] });
      this.#unstaged = undefined;
    } catch (error) {
      this.shell.failed(error);
    } finally {
      this.#staging = false;
      this.requestUpdate();
    }
  }

  async #drop(handle: string): Promise<void> {
    const waiting = (this.draft.fields.photos ?? []).filter((other) => other !== handle);
    await this.draft.change({ photos: waiting.length > 0 ? waiting : undefined }, { drop: [handle] });
  }

  #use(handle: string, button: "use-photo" | "use-and-next"): Promise<void> {
    return this.act(button, async () => {
      const receipt = await this.shell.record({ kind: "photo", stop: this.stopId, blob: handle });
      this.shell.saved(receipt);
      await this.#drop(handle);
      if (button === "use-photo" && !this.draft.fields.photos) this.backToStop();
      else await this.refresh();
    });
  }

  /** Stays behind the preview once it was shown: a phone may ask again for a camera that was let go. */
  #capture(stop: StopView, hidden: boolean): TemplateResult {
    const taken = (event: CustomEvent<PhotoDetail>): void => void this.#stage(event.detail);
    return html`<div class="content photo" ?hidden=${hidden}>
        ${stop.can.photo.allowed ? nothing : html`<p class="notice">${icon("attention")}<span>${permitted(stop.can.photo).hint}</span></p>`}
        <pannier-photo data-test="camera" .accepts=${stop.pictures.photo} @pannier-photo=${taken}></pannier-photo>
        <p class="quiet center">${texts.photo.lead}</p>
        ${stop.photos.length > 0 ? html`<ul class="uploads">${stop.photos.map((handle, index) => this.#upload(handle, index))}</ul>` : nothing}
      </div>`;
  }

  /** What became of a photo that was recorded. */
  #upload(handle: string, index: number): TemplateResult {
    const item = this.#unsettled.get(handle);
    const state = item?.state ?? "settled";
    const name = texts.photo.saved(index + 1);
    return html`<li data-test="upload-${index + 1}" data-state=${state}><courier-picture .api=${this.shell.api} .handle=${handle} .label=${name}></courier-picture>
      <span class="words"><span class="strong">${name}</span><small>${uploadText(item)}</small></span>
      ${state === "in_flight" ? html`<span class="spinner" aria-hidden="true"></span>` : icon(stateIcons[state] ?? "waiting")}</li>`;
  }

  #preview(handle: string, stop: StopView): TemplateResult {
    void this.#lookAt(handle);
    const advice = this.#judged?.handle === handle ? this.#judged.advice : undefined;
    const use = (button: "use-photo" | "use-and-next") => (): void => void this.#use(handle, button);
    return html`<div class="content preview" data-test="photo-preview"><courier-picture told .api=${this.shell.api} .handle=${handle} .label=${texts.photo.preview}></courier-picture></div>
      <footer class="actions two">
        <div role="status" data-test="photo-advice" data-advice=${advice ?? nothing}>${advice ? html`<p class="notice waiting">${icon("attention")}<span>${texts.photo.advice[advice]}</span></p>` : nothing}</div>
        ${stop.can.photo.allowed ? nothing : html`<p class="quiet">${permitted(stop.can.photo).hint}</p>`}
        ${button({ test: "use-photo", label: texts.photo.use, kind: "primary", icon: "check", busy: this.busy, tap: use("use-photo") })}
        <div class="pair">
          ${button({ test: "retake", label: texts.photo.retake, icon: "photo", busy: this.busy, tap: () => void this.act("retake", () => this.#drop(handle)) })}
          ${button({ test: "use-and-next", label: texts.photo.another, icon: "photo", busy: this.busy, tap: use("use-and-next") })}
        </div>
      </footer>`;
  }

  #notStored(photo: PhotoDetail): TemplateResult {
    if (this.#staging) return html`<div class="content"><div class="empty" role="status"><span class="spinner" aria-hidden="true"></span><p class="strong">${texts.photo.storing}</p></div></div>`;
    return html`<div class="content"><div class="empty" role="alert">${icon("attention")}<p class="strong">${texts.photo.notStored}</p></div></div>
      <footer class="actions">${button({ test: "store-photo", label: texts.photo.storeAgain, kind: "primary", busy: this.busy, tap: () => void this.#stage(photo) })}
        ${button({ test: "retake", label: texts.photo.retake, icon: "photo", tap: () => { this.#unstaged = undefined; this.requestUpdate(); } })}</footer>`;
  }

  protected view(stop: StopView): TemplateResult {
    const handle = this.draft.fields.photos?.[0];
    const capturing = !this.#unstaged && handle === undefined;
    this.#captured ||= capturing;
    return html`${bar(texts.photo.title, { screen: "stop", stop: stop.id })}
      ${this.#captured ? this.#capture(stop, !capturing) : nothing}
      ${this.#unstaged ? this.#notStored(this.#unstaged) : handle !== undefined ? this.#preview(handle, stop) : nothing}`;
  }
}
customElements.define("courier-photo", PhotoScreen);
