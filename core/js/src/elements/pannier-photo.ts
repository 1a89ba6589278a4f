import { LitElement, css, html, nothing, type PropertyDeclarations, type PropertyValues } from "lit";
import { encodePhoto } from "../photo/photo.js";
import { Camera, type CameraState } from "../scanner/camera.js";
import { errorDetail, tell, type ErrorDetail } from "./events.js";
import { words as spoken, type Texts } from "../texts/index.js";
import { theme } from "./theme.js";

/** The words of the photo view. */
export type PhotoLabels = Texts["photo"];

/**
 * A camera view with a shutter, or a file input when there is no camera or by choice.
 *
 * Fires `pannier-photo` ({@link PhotoDetail}) straight from the shutter, before
 * anything is shown, so that the host can store the bytes first; and `pannier-error` (`{code, message}`).
 * Parts: `view`, `video`, `shutter`, `file`, `switch`, `error`.
 *
 * @example
 * photo.addEventListener("pannier-photo", async ({ detail }) => {
 *   const { handle } = await pannier.stage(detail.bytes, detail.mediaType);
 *   await pannier.record({ kind: "photo", stop, blob: handle });
 * });
 */
export class PannierPhoto extends LitElement {
  static override properties: PropertyDeclarations = {
    mode: { reflect: true },
    maxSide: { type: Number, attribute: "max-side" },
    quality: { type: Number },
    paused: { type: Boolean, reflect: true },
    accepts: { attribute: false },
    labels: { attribute: false },
    _camera: { state: true }, _error: { state: true }, _busy: { state: true },
  };

  /** `camera` (default) or `file`; set to `file` by itself when no camera can be had */
  declare mode: "camera" | "file";
  /** longest side of the photo in pixels (default 1600) */
  declare maxSide: number;
  /** JPEG quality, 0 to 1 (default 0.8) */
  declare quality: number;
  /** closes the camera */
  declare paused: boolean;
  /** media types that the backend takes, as `stop.pictures.photo` says; an empty list takes all */
  declare accepts: readonly string[];
  /** other words than those of the language that is spoken (`pannier/texts`) */
  declare labels: Partial<PhotoLabels>;
  declare private _camera: CameraState;
  declare private _error: ErrorDetail | undefined;
  declare private _busy: boolean;
  #camera: Camera | undefined;

  constructor() {
    super();
    this.mode = "camera";
    this.maxSide = 1600;
    this.quality = 0.8;
    this.paused = false;
    this.accepts = [];
    this.labels = {};
    this._camera = "closed";
    this._busy = false;
  }

  static override styles = [theme, css`
    .view { aspect-ratio: var(--pannier-view-ratio, 3 / 4); max-height: 70vh; width: 100%; }
    /* The whole picture is taken, so the whole picture is shown. */
    video { object-fit: contain; }
    .shutter {
      position: absolute; left: 0; right: 0; bottom: 16px; margin: auto; width: 76px; height: 76px; padding: 0;
      border: 4px solid #fff; border-radius: 50%; background: rgb(255 255 255 / 0.35);
    }
    .shutter:active { background: #fff; }
    .hint { position: absolute; inset: 0; display: grid; place-items: center; color: #fff; pointer-events: none; }
    .file { display: flex; align-items: center; justify-content: center; min-height: 96px; text-align: center; }
    .file input { position: absolute; width: 1px; height: 1px; min-width: 0; min-height: 0; opacity: 0; padding: 0; border: 0; }
    .row { display: flex; gap: 8px; margin: 8px 0 0; }
  `];

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#apply();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#camera?.close();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("mode") || changed.has("paused")) this.#apply();
  }

  #apply(): void {
    const video = this.renderRoot.querySelector("video");
    if (!video) return;
    this.#camera ??= new Camera(video, { onState: (state, error) => {
      this._camera = state;
      if (error) this.#failed(error);
      if (state === "live") this._error = undefined;
      if (state === "failed") this.mode = "file";
    } });
    if (this.mode === "file" || this.paused) this.#camera.close();
    // A failure is told through onState.
    else if (this.#camera.state === "closed" || this.#camera.state === "failed") this.#camera.open().catch(() => undefined);
  }

  /** Takes the picture that the camera shows, as the shutter does. */
  async shoot(): Promise<void> {
    const video = this.renderRoot.querySelector("video");
    if (video) await this.#take(video);
  }

  async #take(source: Blob | HTMLVideoElement): Promise<void> {
    if (this._busy) return;
    this._busy = true;
    this._error = undefined;
    try {
      tell(this, "pannier-photo", await encodePhoto(source, { maxSide: this.maxSide, quality: this.quality, accepts: this.accepts }));
    } catch (error) {
      this.#failed(error);
    } finally {
      this._busy = false;
    }
  }

  #failed(error: unknown): void {
    this._error = errorDetail(error);
    tell(this, "pannier-error", this._error);
  }

  async #chosen(event: Event): Promise<void> {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    if (!file) return;
    await this.#take(file);
    // So that the same file may be chosen again.
    input.value = "";
  }

  protected override render(): unknown {
    const words = { ...spoken().photo, ...this.labels };
    const camera = this.mode === "camera";
    return html`
      <div class="view" part="view" ?hidden=${!camera || this.paused}>
        <video part="video" playsinline muted autoplay disablepictureinpicture aria-hidden="true"></video>
        ${this._camera === "live"
          ? html`<button class="shutter" part="shutter" type="button" aria-label=${words.shutter} ?disabled=${this._busy} @click=${this.shoot}></button>`
          : html`<div class="hint">${words.opening}</div>`}
      </div>
      ${camera ? nothing : html`
        <label class="button file" part="file">
          ${this._busy ? words.working : words.file}
          <input type="file" accept="image/*" capture="environment" ?disabled=${this._busy} @change=${this.#chosen}>
        </label>`}
      <p class="error" part="error" role="alert" ?hidden=${!this._error}>${this._error?.message ?? nothing}</p>
      <div class="row">
        <button part="switch" type="button" @click=${() => { this._error = undefined; this.mode = camera ? "file" : "camera"; }}>
          ${camera ? words.toFile : words.toCamera}
        </button>
      </div>`;
  }
}
