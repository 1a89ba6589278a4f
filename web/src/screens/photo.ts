// The proof photo. Its bytes are staged and noted in the draft before the preview is shown, so that
// a page killed here loses no frame; the courier's yes then makes it part of the stop.

import { html, nothing, type TemplateResult } from "lit";
import type { StopView } from "pannier";
import "pannier/elements";
import type { PhotoDetail } from "pannier/elements";
import { icon } from "../icons";
import { bar, button, permitted } from "../parts";
import { StopScreen } from "../screen";
import "../stored-picture";
import { texts } from "../texts";

export class PhotoScreen extends StopScreen {
  /** taken and not yet on the disk: only while staging runs or after it failed */
  #unstaged: PhotoDetail | undefined;
  #captured = false;

  async #stage(photo: PhotoDetail): Promise<void> {
    this.#unstaged = photo;
    await this.act("store-photo", async () => {
      const staged = await this.shell.api.stage(photo.bytes, photo.mediaType);
      const waiting = this.draft.fields.photos ?? [];
      await this.draft.change({ photos: [...waiting, staged.handle] }, { keep: [staged.handle] });
      this.#unstaged = undefined;
    });
  }

  async #drop(handle: string): Promise<void> {
    const waiting = (this.draft.fields.photos ?? []).filter((other) => other !== handle);
    await this.draft.change({ photos: waiting.length > 0 ? waiting : undefined }, { drop: [handle] });
  }

  #use(handle: string): Promise<void> {
    return this.act("use-photo", async () => {
      const receipt = await this.shell.record({ kind: "photo", stop: this.stopId, blob: handle });
      this.shell.saved(receipt);
      await this.#drop(handle);
      if (!this.draft.fields.photos) this.backToStop();
    });
  }

  /** Stays behind the preview once it was shown: a phone may ask again for a camera that was let go. */
  #capture(stop: StopView, hidden: boolean): TemplateResult {
    const taken = (event: CustomEvent<PhotoDetail>): void => void this.#stage(event.detail);
    return html`<div class="content photo" ?hidden=${hidden}>
        ${stop.can.photo.allowed ? nothing : html`<p class="notice">${icon("attention")}<span>${permitted(stop.can.photo).hint}</span></p>`}
        <pannier-photo data-test="camera" @pannier-photo=${taken}></pannier-photo>
        <p class="quiet center">${texts.photo.lead}</p>
        ${stop.photos.length > 0 ? html`<div class="thumbnails">${stop.photos.map((handle, index) => html`<courier-picture .api=${this.shell.api} .handle=${handle} .label=${texts.photo.saved(index + 1)}></courier-picture>`)}</div>` : nothing}
      </div>`;
  }

  #preview(handle: string, stop: StopView): TemplateResult {
    return html`<div class="content preview" data-test="photo-preview"><courier-picture .api=${this.shell.api} .handle=${handle} .label=${texts.photo.preview}></courier-picture></div>
      <footer class="actions two">
        ${stop.can.photo.allowed ? nothing : html`<p class="quiet">${permitted(stop.can.photo).hint}</p>`}
        ${button({ test: "use-photo", label: texts.photo.use, kind: "primary", icon: "check", busy: this.busy, tap: () => void this.#use(handle) })}
        ${button({ test: "retake", label: texts.photo.retake, icon: "photo", busy: this.busy, tap: () => void this.act("retake", () => this.#drop(handle)) })}
      </footer>`;
  }

  #notStored(photo: PhotoDetail): TemplateResult {
    if (this.busy !== undefined) return html`<div class="content"><div class="empty" role="status"><span class="spinner" aria-hidden="true"></span><p class="strong">${texts.photo.storing}</p></div></div>`;
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
