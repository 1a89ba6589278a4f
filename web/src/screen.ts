// What every screen shares. A screen is a custom element in the light DOM; it reads what it shows
// from the core, reads it again when something changed, and sends what the courier does back. Its
// own fields are plain: a change of one is followed by `requestUpdate`.

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { Intent, Pannier, PushLook, Receipt, Status, StopView } from "pannier";
import { keepCamera, type ScannerStats } from "pannier/elements";
import type { Drafts, StopDraft } from "./drafts";
import type { Place } from "./places";
import type { Positions } from "./positions";
import { bar, empty } from "./parts";
import { texts } from "./texts";

/** Of the scanner and its camera, where it opened. */
export type ScannerFigures = ScannerStats & { openMs?: number; opened?: number };

/** The services of the app around a screen. */
export interface Shell {
  readonly api: Pannier;
  readonly status: Status | undefined;
  readonly drafts: Drafts;
  readonly positions: Positions;
  /** of the scanner that was open last */
  readonly scannerFigures: ScannerFigures | undefined;
  /** what is known of push messages */
  readonly push: PushLook;
  /** What became of them; a loss is told on every screen. */
  pushFound(look: PushLook): void;
  /** Durable when it resolves. */
  record(intent: Intent): Promise<Receipt>;
  /** Says that something is kept. */
  saved(receipt?: Receipt): void;
  /** Shows an error until the courier has read it. */
  failed(error: unknown): void;
  go(place: Place, how?: "replace"): void;
  /** Reads session and status again, after a sign-in or sign-out. */
  sessionChanged(): Promise<void>;
  onChange(listener: () => void): () => void;
}

/** Runs `read` once more when it was asked for during a run, however often. */
export function coalesced(read: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;
  async function run(): Promise<void> {
    do {
      again = false;
      await read();
    } while (again);
  }
  return () => {
    if (running) again = true;
    else running = run().finally(() => { running = undefined; });
    return running;
  };
}

export abstract class Screen extends LitElement {
  declare shell: Shell;
  /** name of the action that is being carried out; all others wait for it */
  protected busy: string | undefined;
  #leave: (() => void) | undefined;
  readonly #refresh = coalesced(() => this.#read());

  protected override createRenderRoot(): this {
    return this;
  }

  /** Reads again what is shown. */
  protected abstract load(): Promise<void>;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#leave = this.shell.onChange(() => void this.#refresh());
    void this.#refresh();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leave?.();
  }

  protected refresh(): Promise<void> {
    return this.#refresh();
  }

  async #read(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      if (this.isConnected) this.shell.failed(error);
    }
    this.requestUpdate();
  }

  /** Carries out one action at a time: a second tap during the first does nothing. */
  protected async act(name: string, work: () => Promise<void>): Promise<void> {
    if (this.busy !== undefined) return;
    this.busy = name;
    this.requestUpdate();
    try {
      await work();
    } catch (error) {
      this.shell.failed(error);
    } finally {
      this.busy = undefined;
      this.requestUpdate();
    }
  }

  /** A new screen begins at its heading, for the eye and for a screen reader. */
  protected override firstUpdated(_changed: PropertyValues): void {
    this.querySelector("h1")?.focus({ preventScroll: true });
  }
}

/** A screen about one stop. */
export abstract class StopScreen extends Screen {
  stopId = "";
  protected stop: StopView | undefined;
  protected loaded = false;
  #opened = false;
  /** Between two screens of one visit the camera stays: iOS would ask for it again. */
  #releaseCamera: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#releaseCamera = keepCamera();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#releaseCamera?.();
  }

  protected get draft(): StopDraft {
    return this.shell.drafts.of(this.stopId);
  }

  protected async load(): Promise<void> {
    if (!this.#opened) {
      await this.draft.open();
      this.#opened = true;
    }
    this.stop = await this.shell.api.stop(this.stopId);
    this.loaded = true;
  }

  protected abstract view(stop: StopView): TemplateResult;

  protected backToStop(): void {
    this.shell.go({ screen: "stop", stop: this.stopId }, "replace");
  }

  protected override render(): unknown {
    if (this.stop) return this.view(this.stop);
    if (!this.loaded) return nothing;
    return html`${bar(texts.appName, { screen: "route" })}
      <div class="content">${empty("attention", texts.stop.gone, texts.stop.goneHint)}</div>`;
  }
}
