import { LitElement, css, html, nothing, type PropertyDeclarations, type PropertyValues } from "lit";
import { Camera, type CameraError, type CameraState } from "../scanner/camera.js";
import { Scanner, type FoundCode, type ScannerError, type ScannerStats } from "../scanner/scanner.js";
import { errorDetail, tell, type CodeDetail } from "./events.js";
import { theme } from "./theme.js";
import { Wedge } from "./wedge.js";

const HIT_MS = 350;

const defaults = {
  opening: "Opening the camera …", aim: "Point the camera at a code", paused: "The camera is paused",
  light: "More light would help", shade: "Too bright: tilt the label", still: "Hold still", unreadable: "This code holds no text", read: "Code read", off: "The camera is off",
  torch: "Torch", typed: "Type the code", use: "Use", retry: "Try again",
};
/** The words of the scanner. */
export type ScannerLabels = typeof defaults;

/**
 * Camera, aiming frame, torch, a typed-code form and keyboard-wedge input; decoding in a worker.
 *
 * Fires `pannier-code` ({@link CodeDetail}) and `pannier-error` (`{code, message}`).
 * Parts: `view`, `video`, `frame`, `torch`, `status`, `retry`, `typed`, `typed-input`, `typed-button`.
 * The camera is open while the element is connected and not `paused`.
 *
 * @example
 * scanner.addEventListener("pannier-code", async ({ detail }) => {
 *   const { verdict, text } = await pannier.meaning(detail.text ?? "", stop);
 *   say(verdict, text);
 * });
 */
export class PannierScanner extends LitElement {
  static override properties: PropertyDeclarations = {
    workerUrl: { attribute: "worker-url" },
    wasmUrl: { attribute: "wasm-url" },
    wedge: { type: Boolean },
    paused: { type: Boolean, reflect: true },
    noTyped: { type: Boolean, attribute: "no-typed" },
    labels: { attribute: false },
    _camera: { state: true }, _error: { state: true }, _torch: { state: true }, _hit: { state: true }, _hint: { state: true },
  };

  /** where the scanner's worker script is (default: where the bundler put it) */
  declare workerUrl: string | undefined;
  /** where the scanner's wasm is (default: where the bundler put it) */
  declare wasmUrl: string | undefined;
  /** also listen for hand scanners that type */
  declare wedge: boolean;
  /** closes the camera; wedge and form go on */
  declare paused: boolean;
  /** leaves the typed-code form out */
  declare noTyped: boolean;
  /** other words than the English ones */
  declare labels: Partial<ScannerLabels>;
  declare private _camera: CameraState;
  declare private _error: CameraError | ScannerError | undefined;
  declare private _torch: { has: boolean; on: boolean };
  declare private _hit: boolean;
  declare private _hint: keyof ScannerLabels | undefined;

  /** figures of the last frames, for a developer's eye */
  stats: ScannerStats | undefined;

  #camera: Camera | undefined;
  #scanner: Scanner | undefined;
  readonly #wedge = new Wedge((text) => this.#found(text, new TextEncoder().encode(text), [], "wedge"));
  #hitTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.wedge = false;
    this.paused = false;
    this.noTyped = false;
    this.labels = {};
    this._camera = "closed";
    this._torch = { has: false, on: false };
    this._hit = false;
  }

  static override styles = [theme, css`
    .frame {
      position: absolute; inset: 0; margin: auto; height: min(78%, 320px); aspect-ratio: 1; max-width: 90%;
      border: 3px solid rgb(255 255 255 / 0.85); border-radius: 16px; box-shadow: 0 0 0 100vmax rgb(0 0 0 / 0.35);
      pointer-events: none; transition: border-color 0.1s;
    }
    .frame.hit { border-color: #4be38a; box-shadow: 0 0 0 100vmax rgb(0 80 30 / 0.35); }
    .torch { position: absolute; right: 12px; bottom: 12px; }
    .torch[aria-pressed="true"] { background: var(--_accent); color: var(--_on-accent); }
    .status { min-height: 1.4em; margin: 8px 0; color: var(--_muted); }
    .status.error { color: var(--_danger); }
    form { display: flex; gap: 8px; }
    input { flex: 1; min-width: 0; font-size: max(1rem, 16px); }
  `];

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#apply();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#closeCamera();
    this.#scanner?.stop();
    this.#scanner = undefined;
    this.#wedge.stop();
    clearTimeout(this.#hitTimer);
  }

  protected override firstUpdated(): void { this.#apply(); }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("workerUrl") || changed.has("wasmUrl")) {
      this.#scanner?.stop();
      this.#scanner = undefined;
      if (this._camera === "live") this.#scan();
    }
    if ((changed.has("paused") || changed.has("wedge")) && this.#camera) this.#apply();
  }

  /** Opens the camera again after an error. */
  retry(): void {
    this._error = undefined;
    this.#closeCamera();
    this.#apply();
  }

  #apply(): void {
    if (!this.isConnected) return;
    this.#wedge.stop();
    if (this.wedge) this.#wedge.start();
    const video = this.renderRoot.querySelector("video");
    if (!video) return;
    this.#camera ??= new Camera(video, { onState: (state, error) => this.#state(state, error) });
    if (this.paused) this.#closeCamera();
    // A failure is told through onState.
    else if (this.#camera.state === "closed" || this.#camera.state === "failed") this.#camera.open().catch(() => undefined);
  }

  #closeCamera(): void {
    this.#scanner?.pause();
    this.#camera?.close();
  }

  #state(state: CameraState, error?: CameraError): void {
    this._camera = state;
    this._torch = { has: state === "live" && this.#camera?.hasTorch === true, on: false };
    if (state === "live") {
      this._error = undefined;
      this.#scan();
    } else {
      this.#scanner?.pause();
    }
    if (error) this.#failed(error);
  }

  #scan(): void {
    const video = this.renderRoot.querySelector("video");
    if (!video) return;
    this.#scanner ??= new Scanner({
      ...(this.workerUrl === undefined ? {} : { workerUrl: this.workerUrl }),
      ...(this.wasmUrl === undefined ? {} : { wasmUrl: this.wasmUrl }),
      onCodes: (codes) => codes.forEach((code) => this.#seen(code)),
      onStats: (stats) => { this.stats = stats; this._hint = stats.advice; },
      onError: (failure) => this.#failed(failure),
    });
    this.#scanner.start(video);
  }

  #failed(error: CameraError | ScannerError): void {
    this._error = error;
    tell(this, "pannier-error", errorDetail(error));
  }

  #seen(code: FoundCode): void {
    if (!code.isNew) return;
    this._hit = true;
    clearTimeout(this.#hitTimer);
    this.#hitTimer = setTimeout(() => { this._hit = false; }, HIT_MS);
    if (code.text === undefined) this._hint = "unreadable";
    this.#found(code.text, code.bytes, code.corners, "camera", code.symbology);
  }

  #found(text: string | undefined, bytes: Uint8Array, corners: number[], source: CodeDetail["source"], symbology?: CodeDetail["symbology"]): void {
    tell(this, "pannier-code", { ...(text === undefined ? {} : { text }), bytes, corners, source, ...(symbology ? { symbology } : {}) });
  }

  #typed(event: SubmitEvent): void {
    event.preventDefault();
    const input = this.renderRoot.querySelector("input");
    const text = input?.value.trim() ?? "";
    if (!input || !text) return;
    input.value = "";
    this.#found(text, new TextEncoder().encode(text), [], "typed");
  }

  async #toggleTorch(): Promise<void> {
    const on = !this._torch.on;
    if (await this.#camera?.setTorch(on)) this._torch = { has: true, on };
  }

  #status(words: ScannerLabels): string {
    if (this._error) return this._error.message;
    if (this._hit) return words.read;
    switch (this._camera) {
      case "opening": return words.opening;
      case "live": return words[this._hint ?? "aim"];
      case "paused": return words.paused;
      default: return words.off;
    }
  }

  protected override render(): unknown {
    const words = { ...defaults, ...this.labels };
    return html`
      <div class="view" part="view" ?hidden=${this.paused}>
        <video part="video" playsinline muted autoplay disablepictureinpicture aria-hidden="true"></video>
        <div class="frame ${this._hit ? "hit" : ""}" part="frame"></div>
        ${this._torch.has ? html`<button class="torch" part="torch" type="button" aria-pressed=${this._torch.on ? "true" : "false"} @click=${this.#toggleTorch}>${words.torch}</button>` : nothing}
      </div>
      <p class="status ${this._error ? "error" : ""}" part="status" role="status">${this.#status(words)}</p>
      ${this._error ? html`<p><button part="retry" type="button" @click=${this.retry}>${words.retry}</button></p>` : nothing}
      ${this.noTyped ? nothing : html`
        <form part="typed" @submit=${this.#typed}>
          <input part="typed-input" name="code" aria-label=${words.typed} placeholder=${words.typed} autocomplete="off"
            autocapitalize="off" autocorrect="off" spellcheck="false" enterkeyhint="done" maxlength="4096">
          <button part="typed-button" class="primary" type="submit">${words.use}</button>
        </form>`}`;
  }
}
