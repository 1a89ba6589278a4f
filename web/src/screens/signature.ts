// The signature. Its strokes and the signer's name are kept in the draft as they come; what was
// begun before a kill is shown again as a picture, to be saved or begun anew.

import { html, nothing, type TemplateResult } from "lit";
import type { StopView } from "pannier";
import "pannier/elements";
import type { PannierSignature } from "pannier/elements";
import { icon } from "../icons";
import { bar, button, field, permitted } from "../parts";
import { StopScreen } from "../screen";
import "../stored-picture";
import { texts } from "../texts";

const pngWidth = 1200;

/** The pad's SVG has a shape and no size; without one some browsers draw nothing of it. */
function sized(svg: string): string {
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/u.exec(svg) ?? [];
  return width && height ? svg.replace("<svg ", `<svg width="${width}" height="${height}" `) : svg;
}

/** Strokes kept as SVG, drawn as the PNG that a backend takes. */
async function pngOf(address: string): Promise<ArrayBuffer> {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const ratio = picture.naturalHeight / picture.naturalWidth || 0.5;
  const canvas = document.createElement("canvas");
  canvas.width = pngWidth;
  canvas.height = Math.round(pngWidth * ratio);
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("no canvas");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  // Not `toBlob`: a browser may put that off until it is idle, and the courier waits for this.
  const encoded = canvas.toDataURL("image/png");
  return Uint8Array.from(atob(encoded.slice(encoded.indexOf(",") + 1)), (byte) => byte.charCodeAt(0)).buffer;
}

export class SignatureScreen extends StopScreen {
  /** the address of strokes kept from before, while they are shown instead of the pad */
  #kept: string | undefined;
  #keptRead = false;
  #signed = false;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#releaseKept();
  }

  #releaseKept(): void {
    if (this.#kept !== undefined) URL.revokeObjectURL(this.#kept);
    this.#kept = undefined;
  }

  #readKept(): void {
    if (this.#keptRead) return;
    this.#keptRead = true;
    const svg = this.draft.fields.signatureSvg;
    if (svg) this.#kept = URL.createObjectURL(new Blob([sized(svg)], { type: "image/svg+xml" }));
  }

  get #pad(): PannierSignature | null {
    return this.querySelector("pannier-signature");
  }

  #strokes(): void {
    const pad = this.#pad;
    if (!pad) return;
    this.#signed = !pad.isEmpty;
    this.draft.changeSoon({ signatureSvg: pad.isEmpty ? undefined : pad.toSvg() });
    this.requestUpdate();
  }

  async #png(): Promise<ArrayBuffer | undefined> {
    if (this.#kept === undefined) return this.#pad?.toPng();
    try {
      return await pngOf(this.#kept);
    } catch {
      this.shell.failed(texts.signature.unreadable);
      return undefined;
    }
  }

  #save(): Promise<void> {
    return this.act("sign-done", async () => {
      const png = await this.#png();
      if (!png) return;
      const signer = this.draft.fields.signer?.trim();
      const staged = await this.shell.api.stage(png, "image/png");
      const receipt = await this.shell.record({ kind: "signature", stop: this.stopId, blob: staged.handle, ...(signer ? { signer } : {}) });
      this.shell.saved(receipt);
      await this.draft.change({ signatureSvg: undefined, signer: undefined });
      this.backToStop();
    });
  }

  #clear(): void {
    this.#releaseKept();
    this.#pad?.clear();
    this.#signed = false;
    this.draft.changeSoon({ signatureSvg: undefined });
    this.requestUpdate();
  }

  protected view(stop: StopView): TemplateResult {
    this.#readKept();
    const permission = permitted(stop.can.signature);
    const blank = this.#kept === undefined && !this.#signed;
    const { disabled, hint } = blank && !permission.disabled ? { disabled: true, hint: texts.signature.empty } : permission;
    return html`${bar(texts.signature.title, { screen: "stop", stop: stop.id })}
      <div class="content signature">
        ${stop.signature !== undefined ? html`<div class="notice done">${icon("done")}<span>${texts.stop.signed}</span>
          <courier-picture .api=${this.shell.api} .handle=${stop.signature} .label=${texts.signature.alt}></courier-picture></div>` : nothing}
        ${field({ test: "signer", label: texts.signature.signer, value: this.draft.fields.signer ?? "", optional: true, capitalize: "words", change: (value) => this.draft.changeSoon({ signer: value }) })}
        <p class="label">${this.#kept === undefined ? texts.signature.pad : texts.signature.restored}</p>
        ${this.#kept === undefined
          ? html`<pannier-signature data-test="signature-pad" @pannier-signature-change=${() => this.#strokes()}></pannier-signature>`
          : html`<img class="pad" data-test="signature-kept" src=${this.#kept} alt=${texts.signature.alt}>`}
      </div>
      <footer class="actions two">
        ${button({ test: "sign-done", label: texts.signature.done, kind: "primary", icon: "check", busy: this.busy, disabled, hint, tap: () => void this.#save() })}
        ${button({ test: "sign-clear", label: this.#kept === undefined ? texts.signature.clear : texts.signature.again, busy: this.busy, disabled: blank, tap: () => this.#clear() })}
      </footer>`;
  }
}
customElements.define("courier-signature", SignatureScreen);
