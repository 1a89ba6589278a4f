// <courier-app>: the frame around every screen. It keeps the status bar, shows the screen that the
// address names, tells what is saved and what went wrong, and is the screens' way to the core.

import { html, LitElement, nothing, type PropertyValues } from "lit";
import type { Intent, Pannier, PushLook, Receipt, Status } from "pannier";
import "pannier/elements";
import { errorText, officeText, onSpeak, words } from "pannier/texts";
import { Drafts } from "./drafts";
import { inTab, seenInTab } from "./home-screen";
import { sentence, shown } from "./formats";
import { icon } from "./icons";
import { addressOf, home, placeOf, type Place, type ScreenName } from "./places";
import { Positions } from "./positions";
import { coalesced, type ScannerFigures, type Screen, type Shell, StopScreen } from "./screen";
import { DiagnosticsScreen } from "./screens/diagnostics";
import { DeliverScreen } from "./screens/deliver";
import { FailScreen, ReturnScreen } from "./screens/fail";
import { InstallScreen } from "./screens/install";
import { LoadScreen } from "./screens/load";
import { MoreScreen } from "./screens/more";
import { NoteScreen } from "./screens/note";
import { OperationScreen } from "./screens/operation";
import { OthersScreen } from "./screens/others";
import { OutboxScreen } from "./screens/outbox";
import { PhotoScreen } from "./screens/photo";
import { PickUpScreen } from "./screens/pick-up";
import { RouteScreen } from "./screens/route";
import { ScanScreen } from "./screens/scan";
import { ShiftScreen } from "./screens/shift";
import { SignatureScreen } from "./screens/signature";
import { SignInScreen } from "./screens/sign-in";
import { StopOverview } from "./screens/stop";
import { texts } from "./texts";
import type { Newer } from "./worker";

const screens: Record<ScreenName, new () => Screen> = {
  "sign-in": SignInScreen,
  install: InstallScreen,
  route: RouteScreen,
  load: LoadScreen,
  outbox: OutboxScreen,
  more: MoreScreen,
  operation: OperationScreen,
  shift: ShiftScreen,
  others: OthersScreen,
  diagnostics: DiagnosticsScreen,
  stop: StopOverview,
  scan: ScanScreen,
  photo: PhotoScreen,
  signature: SignatureScreen,
  note: NoteScreen,
  deliver: DeliverScreen,
  "pick-up": PickUpScreen,
  fail: FailScreen,
  return: ReturnScreen,
};

const toastMs = 2500;
/** Relative times on the screen grow old. */
const ageingMs = 20_000;

/** Where fresh connections do not help, on iOS before 26.5, a fresh page does. */
function wantsRestart(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "storage_lost" || error.code === "storage_timeout");
}

/** What to tell a person: the code's own sentence, where it has one. The rest is for developers. */
function told(error: unknown): Told {
  console.error(error);
  if (!(error instanceof Error && error.name === "PannierError")) return { text: texts.common.unexpected };
  const office = officeText(error);
  return { text: sentence(errorText(error)), ...(office === undefined ? {} : { office: shown(office, 400) }) };
}

interface Told {
  text: string;
  /** what to pass on */
  office?: string;
}

interface StartFailure { title: string; told: Told; hint: string; again: string; tap: () => void }

const toldLines = ({ text, office }: Told): unknown => html`<p>${text}</p>${office === undefined ? nothing : html`<p class="quiet" lang="en">${office}</p>`}`;

export class CourierApp extends LitElement implements Shell {
  declare api: Pannier;
  declare drafts: Drafts;
  readonly positions = new Positions();
  scannerFigures: ScannerFigures | undefined;
  status: Status | undefined;
  #account: string | undefined;
  #opened = false;
  #startError: StartFailure | undefined;
  #place: Place = home;
  #screen: Screen | undefined;
  #screenAddress: string | undefined;
  #toast = "";
  #toastEnds: ReturnType<typeof setTimeout> | undefined;
  #errors: Told[] = [];
  #restartHelps = false;
  #newer: Newer | undefined;
  /** the tap was heard; the page goes any moment */
  #restarting = false;
  #push: PushLook = "absent";
  readonly #listeners = new Set<() => void>();

  protected override createRenderRoot(): this {
    return this;
  }

  // --- opening ---

  async open(api: Pannier): Promise<void> {
    this.api = api;
    this.drafts = new Drafts(api, () => this.failed(texts.common.draftNotSaved));
    void this.positions.begin();
    await this.#readStatus();
    this.#opened = true;
    onSpeak(() => { this.requestUpdate(); this.#screen?.requestUpdate(); });
    addEventListener("hashchange", () => this.#follow());
    // A page that slept may have missed changes; reading again is cheap.
    api.subscribe(() => this.#changed());
    document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") this.#changed(); });
    addEventListener("pageshow", () => this.#changed());
    setInterval(() => { if (document.visibilityState === "visible") this.#changed(); }, ageingMs);
    this.#follow();
  }

  couldNotOpen(error: unknown, again: () => void): void {
    const { start } = texts;
    // Without a worker there may be no way back from a reload: then it is tried in place.
    const restart = wantsRestart(error) && navigator.serviceWorker?.controller;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const unavailable = code === "storage_unavailable";
    this.#startError = {
      title: code.startsWith("storage_") ? start.storageFailed : start.failed,
      told: told(error),
      hint: unavailable ? start.noStorageHint : start.failedHint,
      again: restart ? start.restart : start.again,
      tap: restart ? () => location.reload() : () => {
        this.#startError = undefined;
        this.requestUpdate();
        again();
      },
    };
    this.requestUpdate();
  }

  announce(newer: Newer): void {
    this.#newer = newer;
    this.requestUpdate();
  }

  get push(): PushLook {
    return this.#push;
  }

  /** The phone ends push messages without a word; here a person hears of it. */
  pushFound(look: PushLook): void {
    this.#push = look;
    this.requestUpdate();
  }

  // --- what the screens need ---

  async record(intent: Intent): Promise<Receipt> {
    const position = this.positions.last();
    return this.api.record(intent, position ? { position } : {});
  }

  saved(receipt?: Receipt): void {
    clearTimeout(this.#toastEnds);
    this.#toast = receipt?.duplicate ? texts.common.alreadySaved : texts.common.saved;
    this.#toastEnds = setTimeout(() => { this.#toast = ""; this.requestUpdate(); }, toastMs);
    this.requestUpdate();
  }

  failed(error: unknown): void {
    const now: Told = typeof error === "string" ? { text: sentence(error) } : told(error);
    this.#restartHelps ||= wantsRestart(error);
    // "Saved" was said of something else.
    this.#toast = "";
    if (!this.#errors.some(({ text }) => text === now.text)) this.#errors = [...this.#errors, now];
    this.requestUpdate();
  }

  go(place: Place, how?: "replace"): void {
    if (how === "replace") location.replace(addressOf(place));
    else location.hash = addressOf(place);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async sessionChanged(): Promise<void> {
    // Another account has its screens made anew by this already; twice would fetch the route twice.
    await this.#readStatus();
    this.#follow();
  }

  // --- following the address and the core ---

  readonly #refreshStatus = coalesced(async () => {
    try {
      await this.#readStatus();
    } catch (error) {
      this.failed(error);
    }
    this.requestUpdate();
  });

  async #readStatus(): Promise<void> {
    const status = await this.api.status();
    const switched = this.#account !== status.account?.id;
    this.status = status;
    this.#account = status.account?.id;
    // Another account's half-filled stops are not this one's; and without any there is only the door.
    if (!switched || !this.#opened) return;
    this.drafts.forget();
    this.#screenAddress = undefined;
    this.#follow();
  }

  #changed(): void {
    void this.#refreshStatus();
    for (const listener of this.#listeners) listener();
  }

  #follow(): void {
    const asked = placeOf(location.hash);
    if (inTab() && !seenInTab(asked.screen, this.#account !== undefined)) this.#place = { screen: "install" };
    // What another courier left here is seen without a sign-in as well.
    else this.#place = this.#account === undefined && asked.screen !== "others" ? { screen: "sign-in" } : asked;
    const address = addressOf(this.#place);
    if (address === this.#screenAddress) return;
    this.#screenAddress = address;
    const { stats, cameraStats } = this.querySelector("pannier-scanner") ?? {};
    if (stats) this.scannerFigures = { ...stats, ...cameraStats };
    const screen = new screens[this.#place.screen]();
    screen.shell = this;
    if (screen instanceof StopScreen) screen.stopId = this.#place.stop ?? "";
    if (screen instanceof OutboxScreen) screen.onlyStop = this.#place.stop;
    if (screen instanceof OperationScreen) screen.operation = this.#place.operation ?? "";
    this.#screen = screen;
    this.requestUpdate();
  }

  // --- what is seen ---

  protected override updated(_changed: PropertyValues): void {
    const sheet = this.querySelector<HTMLDialogElement>("dialog.error");
    if (this.#errors.length > 0 && sheet && !sheet.open) sheet.showModal();
    if (this.#errors.length === 0 && sheet?.open) sheet.close();
  }

  #errorsRead(): void {
    this.#errors = [];
    this.#restartHelps = false;
    this.requestUpdate();
  }

  #statusBar(): unknown {
    const { status } = this;
    const reach = status?.reachability ?? "unknown";
    const labels = { opening: this.#startError ? texts.appName : texts.start.opening };
    return html`<a class="status ${status?.parked ? "attention" : reach}" href=${addressOf({ screen: "outbox" })} data-test="status-bar"
        data-reachability=${reach} data-waiting=${status?.waiting ?? nothing} data-parked=${status?.parked ?? nothing}>
      <pannier-sync-bar .client=${this.#opened ? this.api : undefined} .labels=${labels}></pannier-sync-bar>
    </a>`;
  }

  #update(newer: Newer): unknown {
    const take = async (): Promise<void> => {
      this.#restarting = true;
      this.requestUpdate();
      await this.drafts?.flush();
      newer.take();
    };
    const restarting = this.#restarting;
    return html`<div class="update" role="status"><span>${newer.kind === "waiting" ? texts.update.ready : texts.update.other}</span>
      <button type="button" class="button plain" data-test="update" ?disabled=${restarting} aria-busy=${restarting ? "true" : nothing} @click=${take}>${
        restarting ? html`<span class="spinner" aria-hidden="true"></span>${texts.update.taking}` : texts.update.take}</button></div>`;
  }

  #startFailure({ title, told: why, hint, again, tap }: StartFailure): unknown {
    return html`<div class="screen-like"><div class="content"><div class="empty" role="alert">${icon("attention")}
        <h1 tabindex="-1">${title}</h1>${toldLines(why)}<p class="quiet">${hint}</p></div></div>
      <footer class="actions"><button type="button" class="button primary" data-test="open-again" @click=${tap}>
        <span class="words"><span class="label">${again}</span></span></button></footer></div>`;
  }

  protected override render(): unknown {
    return html`
      <header class="top"><div class="above">${this.#statusBar()}
        <div class="toast" role="status" aria-live="polite" data-test="toast">${this.#toast ? html`<span>${icon("check")}${this.#toast}</span>` : nothing}</div></div>
        ${this.status?.storage.kind === "temporary" ? html`<p class="warning" data-test="temporary">${icon("attention")}<span>${texts.storage.temporaryBar}</span></p>` : nothing}
        ${this.status?.storageNewer ? html`<p class="warning" data-test="storage-newer">${icon("attention")}<span>${texts.storage.newerBar}</span></p>` : nothing}
        ${this.status?.overdue ? html`<p class="warning" role="status" data-test="overdue" data-minutes=${this.status.overdue.minutes}>${icon("attention")}<span>${words().overdue.title}: ${words().overdue.waits(this.status.overdue)}</span></p>` : nothing}
        ${this.#push === "lost" ? html`<a class="warning" href=${addressOf({ screen: "more" })} data-test="push-lost">${icon("attention")}<span>${texts.more.push}: ${texts.more.pushHint.lost}</span></a>` : nothing}
        ${this.#newer ? this.#update(this.#newer) : nothing}</header>
      <main class="outlet">${this.#startError !== undefined ? this.#startFailure(this.#startError) : this.#screen ?? nothing}</main>
      <dialog class="sheet error" data-test="error" aria-labelledby="error-title" @close=${this.#errorsRead}>
        <h2 id="error-title">${icon("attention")}${texts.common.failed}</h2>
        ${this.#errors.map(toldLines)}
        ${this.#restartHelps ? html`<button type="button" class="button primary" data-test="error-restart" @click=${() => location.reload()}>
          <span class="words"><span class="label">${texts.start.restart}</span></span></button>` : nothing}
        <button type="button" class="button ${this.#restartHelps ? "plain" : "primary"}" data-test="error-close" @click=${this.#errorsRead}>
          <span class="words"><span class="label">${texts.common.close}</span></span></button>
      </dialog>`;
  }
}
customElements.define("courier-app", CourierApp);
