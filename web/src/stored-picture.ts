// <courier-picture>: a picture from the core's store by its handle. The address of the bytes is
// given back when the element goes, so that pictures do not pile up in memory.

import { html, LitElement, type PropertyValues } from "lit";
import type { PannierApi } from "pannier";
import { icon } from "./icons";
import { texts } from "./texts";

export class StoredPicture extends LitElement {
  static override properties = { handle: { type: String }, label: { type: String }, told: { type: Boolean } };
  declare handle: string;
  declare label: string;
  /** says in words why there is nothing to see */
  declare told: boolean;
  declare api: PannierApi;
  #address: string | undefined;
  /** the bytes are gone, or of a kind that this browser cannot show */
  #unseen: "missing" | "unshown" | undefined;

  protected override createRenderRoot(): this {
    return this;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("handle")) void this.#read(this.handle);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#release();
  }

  #release(): void {
    if (this.#address !== undefined) URL.revokeObjectURL(this.#address);
    this.#address = undefined;
  }

  async #read(handle: string): Promise<void> {
    // A picture that cannot be read is as good as missing here; its operation is not touched by it.
    const blob = await this.api.blob(handle).catch(() => undefined);
    if (handle !== this.handle || !this.isConnected) return;
    this.#release();
    this.#unseen = blob === undefined ? "missing" : undefined;
    if (blob) this.#address = URL.createObjectURL(blob);
    this.requestUpdate();
  }

  protected override render(): unknown {
    const unshown = (): void => {
      this.#unseen = "unshown";
      this.requestUpdate();
    };
    if (this.#address !== undefined && this.#unseen === undefined) return html`<img src=${this.#address} alt=${this.label} @error=${unshown}>`;
    const words = this.#unseen === undefined ? "" : texts.photo[this.#unseen];
    return html`<span class="no-picture" title=${words}>${icon("photo")}${this.told && words ? html`<span>${words}</span>` : ""}</span>`;
  }
}
customElements.define("courier-picture", StoredPicture);
