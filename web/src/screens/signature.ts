// The signature. Its strokes and the signer's name are kept in the draft as they come; what was
// begun before a kill is shown again as a picture, to be saved or begun anew. It is stored as the
// kind of picture that the backend names first: its strokes as SVG, or drawn as PNG or JPEG.

import { html, nothing, type TemplateResult } from "lit";
import type { StopView } from "pannier";
import "pannier/elements";
import type { PannierSignature } from "pannier/elements";
import { icon } from "../icons";
import { bar, button, field, permitted } from "../parts";
import { StopScreen } from "../screen";
import "../stored-picture";
import { texts } from "../texts";

const drawnWidth = 1200;

/** The first of what the backend takes that can be made of strokes; a PNG where it takes all. */
function wantedType(stop: StopView): "image/svg+xml" | "image/png" | "image/jpeg" {
  for (const type of stop.pictures.signature) if (type === "image/svg+xml" || type === "image/png" || type === "image/jpeg") return type;
  return "image/png";
}

/** The pad's SVG has a shape and no size; without one some browsers draw nothing of it. */
function sized(svg: string): string {
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/u.exec(svg) ?? [];
  return width && height ? svg.replace("<svg ", `<svg width="${width}" height="${height}" `) : svg;
}

/** Strokes as SVG, drawn as the picture that a backend takes. */
async function drawn(svg: string, type: string): Promise<ArrayBuffer> {
  const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    const ratio = picture.naturalHeight / picture.naturalWidth || 0.5;
    const canvas = document.createElement("canvas");
    canvas.width = drawnWidth;
    canvas.height = Math.round(drawnWidth * ratio);
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("no canvas");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    // Not `toBlob`: a browser may put that off until it is idle, and the courier waits for this.
    const encoded = canvas.toDataURL(type, 0.9);
    canvas.width = canvas.height = 0;
    return Uint8Array.from(atob(encoded.slice(encoded.indexOf(",") + 1)), (byte) => byte.charCodeAt(0)).buffer;
  } finally {
    URL.revokeObjectURL(address);
  }
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

  async #picture(type: string): Promise<ArrayBuffer | undefined> {
    const pad = this.#pad;
    if (this.#kept === undefined && type === "image/png") return pad?.toPng();
    const svg = this.#kept === undefined ? pad?.toSvg() : this.draft.fields.signatureSvg;
    if (!svg) return undefined;
    try {
      // Shown first: what was kept may be damaged, and is not to be recorded then.
      const picture = await drawn(sized(svg), type === "image/svg+xml" ? "image/png" : type);
      return type === "image/svg+xml" ? new TextEncoder().encode(sized(svg)).buffer : picture;
    } catch {
      this.shell.failed(texts.signature.unreadable);
      return undefined;
    }
  }

  #save(stop: StopView): Promise<void> {
    return this.act("sign-done", async () => {
      const type = wantedType(stop);
      const picture = await this.#picture(type);
      if (!picture) return;
      const signer = this.draft.fields.signer?.trim();
      const staged = await this.shell.api.stage(picture, type);
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
    // The pad itself says what is missing.
    const { disabled, hint } = blank && !permission.disabled ? { disabled: true, hint: undefined } : permission;
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
        ${button({ test: "sign-done", label: texts.signature.done, kind: "primary", icon: "check", busy: this.busy, disabled, hint, tap: () => void this.#save(stop) })}
        ${button({ test: "sign-clear", label: this.#kept === undefined ? texts.signature.clear : texts.signature.again, busy: this.busy, disabled: blank, tap: () => this.#clear() })}
      </footer>`;
  }
}
customElements.define("courier-signature", SignatureScreen);
