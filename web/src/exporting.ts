// An export as a courier takes it: packed when asked for, then shared or saved by a second tap. That
// tap is the courier's own: packing may take longer than a browser remembers the first one.

import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";
import type { Pannier } from "pannier";
import type { ExportFile } from "pannier/export";
import { byteSize } from "./formats";
import { icon } from "./icons";
import { button } from "./parts";
import { texts } from "./texts";

export class Exporting implements ReactiveController {
  #ready: { file: ExportFile; address: string; sealed: boolean } | undefined;

  constructor(private readonly host: ReactiveControllerHost & HTMLElement) {
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#forget();
  }

  #forget(): void {
    if (this.#ready) URL.revokeObjectURL(this.#ready.address);
    this.#ready = undefined;
  }

  /** Packs the courier's own work, or seals another's. */
  async pack(api: Pannier, of?: string): Promise<void> {
    const { exportSealed, exportUnsettled } = await import("pannier/export");
    const file = of === undefined ? await exportUnsettled(api) : await exportSealed(api, of);
    this.#forget();
    this.#ready = { file, address: URL.createObjectURL(file.blob), sealed: of !== undefined };
    this.host.requestUpdate();
    await this.host.updateComplete;
    this.host.querySelector<HTMLDialogElement>("dialog.exported")?.showModal();
  }

  async #share({ name, blob }: ExportFile): Promise<void> {
    try {
      await navigator.share({ files: [new File([blob], name, { type: blob.type })] });
    } catch {
      // The courier changed his mind, or the phone did; saving is still there.
    }
  }

  dialog(): TemplateResult {
    const close = (): void => this.host.querySelector<HTMLDialogElement>("dialog.exported")?.close();
    const ready = this.#ready;
    const canShare = ready !== undefined && navigator.canShare?.({ files: [new File([], ready.file.name, { type: ready.file.blob.type })] });
    return html`<dialog class="sheet exported" data-test="export-dialog" aria-labelledby="exported-title">${ready ? html`
      <h2 id="exported-title">${icon("done")}${texts.exported.title}</h2>
      <p data-test="export-what">${texts.exported.what(ready.file.operations, ready.file.photos, byteSize(ready.file.blob.size))}</p>
      ${ready.sealed ? html`<p>${texts.exported.sealed}</p>` : nothing}
      ${ready.file.damaged ? html`<p class="notice attention">${icon("attention")}<span>${texts.exported.damaged(ready.file.damaged)}</span></p>` : nothing}
      ${canShare ? button({ test: "export-share", label: texts.exported.share, kind: "primary", tap: () => void this.#share(ready.file) }) : nothing}
      <a class="button ${canShare ? "plain" : "primary"}" data-test="export-save" href=${ready.address} download=${ready.file.name}><span class="words"><span class="label">${texts.exported.save}</span></span></a>
      ${button({ test: "export-close", label: texts.common.close, tap: close })}` : nothing}</dialog>`;
  }
}
