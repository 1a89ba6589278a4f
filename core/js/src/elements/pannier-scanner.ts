import { LitElement, css, html, nothing, type PropertyDeclarations, type PropertyValues } from "lit";
import { Camera, type CameraError, type CameraState } from "../scanner/camera.js";
import { Scanner, type FoundCode, type ScannerError, type ScannerStats } from "../scanner/scanner.js";
import { errorDetail, tell, type CodeDetail } from "./events.js";
import { errorText, words as spoken, type Texts } from "../texts/index.js";
import { theme } from "./theme.js";
import { Wedge } from "./wedge.js";

const HIT_MS = 350;
/** No two pictures of a camera are alike to the last figure: when all are for so long, it stands still. */
const STILL_MS_MAX = 6_000;
const WATCH_MS = 1_000;
/** Zooms that a thumb goes through, as far as the camera has them. */
const ZOOMS = [1, 2, 4];

/** The words of the scanner. */
export type ScannerLabels = Texts["scanner"];

/**
 * Camera, aiming frame, torch and zoom where the camera has them, a typed-code form and keyboard-wedge input; decoding in a worker.
 *
 * Fires `pannier-code` ({@link CodeDetail}) and `pannier-error` (`{code, message}`).
 * Parts: `view`, `video`, `frame`, `torch`, `zoom`, `status`, `retry`, `typed`, `typed-input`, `typed-button`.
 * The camera is open while the element is connected and not `paused`.
 *
 * @example
 * scanner.addEventListener("pannier-code", async ({ detail }) => {
 *   const meaning = await pannier.meaning(detail.text ?? "", stop);
 *   say(meaning.verdict, meaningText(meaning)); // of pannier/texts
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
    _camera: { state: true }, _error: { state: true }, _torch: { state: true }, _zoom: { state: true }, _hit: { state: true }, _hint: { state: true },
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
  /** other words than those of the language that is spoken (`pannier/texts`) */
  declare labels: Partial<ScannerLabels>;
  declare private _camera: CameraState;
  declare private _error: CameraError | ScannerError | undefined;
  declare private _torch: { has: boolean; on: boolean };
  declare private _zoom: { steps: number[]; at: number };
  declare private _hit: boolean;
  declare private _hint: keyof ScannerLabels | undefined;

  /** figures of the last frames, for a developer's eye */
  stats: ScannerStats | undefined;
  /** how long the camera took to open, in milliseconds, and how often it was opened: more than once where it came back dead */
  cameraStats: { openMs: number; opened: number } | undefined;

  #camera: Camera | undefined;
  #scanner: Scanner | undefined;
  readonly #wedge = new Wedge((text) => this.#found(text, new TextEncoder().encode(text), [], "wedge"));
  #hitTimer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** when the last picture was not the one before it */
  #movedAt = 0;
  #openedAt = 0;
  #ready = false;

  constructor() {
    super();
    this.wedge = false;
    this.paused = false;
    this.noTyped = false;
    this.labels = {};
    this._camera = "closed";
    this._torch = { has: false, on: false };
    this._zoom = { steps: [], at: 0 };
    this._hit = false;
  }

  static override styles = [theme, css`
    .frame {
      position: absolute; inset: 0; margin: auto; height: min(78%, 320px); aspect-ratio: 1; max-width: 90%;
      border: 3px solid rgb(255 255 255 / 0.85); border-radius: 16px; box-shadow: 0 0 0 100vmax rgb(0 0 0 / 0.35);
      pointer-events: none;
    }
    .frame.hit { border-color: #4be38a; box-shadow: 0 0 0 100vmax rgb(0 80 30 / 0.35); }
    .torch { position: absolute; right: 12px; bottom: 12px; }
    .zoom { position: absolute; left: 12px; bottom: 12px; font-variant-numeric: tabular-nums; }
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
    this.#dropScanner();
    this.#wedge.stop();
    clearTimeout(this.#hitTimer);
  }

  protected override firstUpdated(): void { this.#apply(); }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("workerUrl") || changed.has("wasmUrl")) {
      this.#dropScanner();
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
    else if (this.#camera.state === "closed" || this.#camera.state === "failed") {
      // A failure is told through onState.
      this.#camera.open().catch(() => undefined);
      // The camera takes its time to open; the worker and its module load meanwhile.
      this.#made().warm();
    }
  }

  #closeCamera(): void {
    clearInterval(this.#watch);
    this.#scanner?.pause();
    this.#camera?.close();
  }

  #state(state: CameraState, error?: CameraError): void {
    this._camera = state;
    if (state === "opening") this.#openedAt = performance.now();
    if (state === "live") this.cameraStats = { openMs: performance.now() - this.#openedAt, opened: (this.cameraStats?.opened ?? 0) + 1 };
    this._torch = { has: state === "live" && this.#camera?.hasTorch === true, on: false };
    const zoom = state === "live" ? this.#camera?.zoom : undefined;
    this._zoom = { steps: zoom ? ZOOMS.filter((step) => step >= zoom.min && step <= zoom.max) : [], at: 0 };
    clearInterval(this.#watch);
    if (state === "live") {
      this._error = undefined;
      this.#movedAt = performance.now();
      this.#watch = setInterval(() => this.#look(), WATCH_MS);
      this.#scan();
    } else {
      this.#scanner?.pause();
    }
    if (error) this.#failed(error);
  }

  #made(): Scanner {
    return this.#scanner ??= new Scanner({
      ...(this.workerUrl === undefined ? {} : { workerUrl: this.workerUrl }),
      ...(this.wasmUrl === undefined ? {} : { wasmUrl: this.wasmUrl }),
      onCodes: (codes) => {
        // Whoever sees a code sees by its place whether the picture moves.
        this.#moved();
        codes.forEach((code) => this.#seen(code));
      },
      onStats: (stats) => {
        if (stats.exposure !== this.stats?.exposure || stats.sharpness !== this.stats.sharpness) this.#moved();
        this.stats = stats;
        this._hint = stats.advice;
      },
      onReady: () => { this.#ready = true; this.#movedAt = performance.now(); },
      onError: (failure) => this.#failed(failure),
    });
  }

  #dropScanner(): void {
    this.#scanner?.stop();
    this.#scanner = undefined;
    this.#ready = false;
  }

  #scan(): void {
    const video = this.renderRoot.querySelector("video");
    if (video) this.#made().start(video);
  }

  #moved(): void {
    this.#movedAt = performance.now();
    this.#camera?.moving();
  }

  /** After the background a stream may say that it runs, and give one black picture for ever, or none. */
  #look(): void {
    if (!this.#ready || performance.now() - this.#movedAt < STILL_MS_MAX) return;
    this.#movedAt = performance.now();
    this.#camera?.stale();
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

  async #zoomOn(): Promise<void> {
    const { steps, at } = this._zoom;
    const next = (at + 1) % steps.length;
    const zoom = steps[next];
    if (zoom !== undefined && await this.#camera?.setZoom(zoom)) this._zoom = { steps, at: next };
  }

  #status(words: ScannerLabels): string {
    if (this._error) return errorText(this._error);
    if (this._hit) return words.read;
    switch (this._camera) {
      case "opening": return words.opening;
      case "live": return words[this._hint ?? "aim"];
      case "paused": return words.paused;
      default: return words.off;
    }
  }

  protected override render(): unknown {
    const words = { ...spoken().scanner, ...this.labels };
    return html`
      <div class="view" part="view" ?hidden=${this.paused}>
        <video part="video" playsinline muted autoplay disablepictureinpicture aria-hidden="true"></video>
        <div class="frame ${this._hit ? "hit" : ""}" part="frame"></div>
        ${this._torch.has ? html`<button class="torch" part="torch" type="button" aria-pressed=${this._torch.on ? "true" : "false"} @click=${this.#toggleTorch}>${words.torch}</button>` : nothing}
        ${this._zoom.steps.length > 1 ? html`<button class="zoom" part="zoom" type="button" aria-label="${words.zoom} ${this._zoom.steps[this._zoom.at]}×" @click=${this.#zoomOn}>${this._zoom.steps[this._zoom.at]}×</button>` : nothing}
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
