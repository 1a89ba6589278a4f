// The page: start, the steps one after the other, the sleep, the report. One thing is asked at a
// time, at the thumb, and everything can be skipped.

import { LitElement, html, nothing, type PropertyDeclarations, type TemplateResult } from "lit";
import { Bench, clearAway } from "./bench";
import { forget, recall, remember, type Memory } from "./memory";
import { runStep, type Line, type Outcome } from "./outcome";
import { draw } from "./qr";
import { forQr, lineText, reportText, tally } from "./report";
import { AWAY_MS_MIN, Sleep, afterDeath } from "./sleep";
import { steps, type Step } from "./steps";
import { keepStream } from "./steps/camera";
import { outcomes, stepTexts, texts } from "./texts";

type Screen = "intro" | "run" | "ask" | "sleep" | "looking" | "report";
type Sent = { state: "no" | "sending" } | { state: "kept"; id: number } | { state: "failed"; why: string };

/** What comes late after an unlock (a page that is shown, a network that is back) is waited for. */
const SETTLE_MS = 1_500;
const SEND_MS_MAX = 15_000;

const marks: Record<Outcome, string> = { ok: "✓", absent: "–", refused: "✕", failed: "!", skipped: "·" };

export class SelfCheck extends LitElement {
  static override properties: PropertyDeclarations = {
    _screen: { state: true }, _lines: { state: true }, _step: { state: true }, _report: { state: true }, _sent: { state: true },
    _copied: { state: true }, _qr: { state: true }, _beats: { state: true }, _away: { state: true }, _camera: { state: true }, _pictures: { state: true },
  };

  declare private _screen: Screen;
  declare private _lines: Line[];
  declare private _step: string | undefined;
  declare private _report: string;
  declare private _sent: Sent;
  declare private _copied: "no" | "yes" | "by_hand";
  declare private _qr: boolean;
  declare private _beats: number;
  declare private _away: number;
  declare private _camera: boolean;
  declare private _pictures: number;

  #bench = new Bench();
  #last = recall();
  #startedAt = Date.now();
  #skip = new AbortController();
  #tapped: ((allowed: boolean) => void) | undefined;
  #sleep: Sleep | undefined;

  constructor() {
    super();
    this._screen = "intro";
    this._lines = [];
    this._report = "";
    this._sent = { state: "no" };
    this._copied = "no";
    this._qr = false;
    this._beats = 0;
    this._away = 0;
    this._camera = false;
    this._pictures = 0;
    // A page that died in its sleep: the next one knows what to do without being asked.
    if (this.#last?.phase === "sleep") void this.#finishForTheDead(this.#last);
  }

  // The look is that of styles.css.
  protected override createRenderRoot(): HTMLElement { return this; }

  #memory(more: Partial<Memory> & Pick<Memory, "phase">): Memory {
    return { v: 1, startedAt: this.#startedAt, lines: this._lines, ...more };
  }

  #add(line: Line): void { this._lines = [...this._lines, line]; }

  async #start(): Promise<void> {
    this.#bench = new Bench();
    this.#bench.onCamera = () => { this._camera = this.#bench.showsCamera; };
    this.#bench.onPictures = (count) => { this._pictures = count; };
    this._pictures = 0;
    this.#startedAt = Date.now();
    this._lines = [];
    this._sent = { state: "no" };
    this._copied = "no";
    this._screen = "run";
    await this.#bench.keepAwake();
    for (const step of steps(this.#bench)) await this.#do(step);
    await this.#bench.letSleep();
    await this.#fallAsleep();
  }

  async #do(step: Step): Promise<void> {
    this._step = step.name;
    this.#skip = new AbortController();
    remember(this.#memory({ phase: "steps", step: step.name }));
    if (step.needsTap?.()) {
      this._screen = "ask";
      const line = await new Promise<Line>((resolve) => {
        this.#tapped = (allowed) => {
          this._screen = "run";
          // Within the tap itself: later no browser would believe that somebody tapped.
          resolve(allowed ? this.#run(step) : { name: step.name, outcome: "skipped", values: [] });
        };
      });
      return this.#add(line);
    }
    this.#add(await this.#run(step));
  }

  #run({ name, deadlineMs, work }: Step): Promise<Line> {
    return runStep({ name, deadlineMs, work, skip: this.#skip.signal });
  }

  async #fallAsleep(): Promise<void> {
    this._step = undefined;
    this._beats = 0;
    this._away = 0;
    this._screen = "sleep";
    this.#skip = new AbortController();
    keepStream(this.#bench);
    // The camera's picture is on this screen from here on.
    await this.updateComplete;
    const sleep = new Sleep(this.#bench,
      ({ lastAt }) => remember(this.#memory({ phase: "sleep", sleepAt: sleep.began, lastAt, ...(sleep.boot ? { boot: sleep.boot } : {}) })),
      () => this.#look(sleep));
    remember(this.#memory({ phase: "sleep", sleepAt: sleep.began, lastAt: sleep.began }));
    await sleep.begin();
    // Ready only now: a lock before would have found half of it.
    this.#sleep = sleep;
    this.#look(sleep);
  }

  #look(sleep: Sleep): void {
    this._beats = sleep.beats;
    this._away = Math.round(sleep.lastAwayMs / 1000);
    if (this.#sleep === sleep && document.visibilityState === "visible" && sleep.lastAwayMs >= AWAY_MS_MIN) void this.#wake();
  }

  async #wake(): Promise<void> {
    const sleep = this.#sleep;
    if (!sleep) return;
    this.#sleep = undefined;
    this._screen = "looking";
    await new Promise((resolve) => { setTimeout(resolve, SETTLE_MS); });
    for (const line of await sleep.end(this.#skip.signal)) this.#add(line);
    await this.#finish();
  }

  async #skipSleep(): Promise<void> {
    const sleep = this.#sleep;
    if (!sleep) return;
    this.#sleep = undefined;
    sleep.stop();
    this.#add({ name: "sleep", outcome: "skipped", values: [] });
    await this.#finish();
  }

  async #finishForTheDead(memory: Memory): Promise<void> {
    this._screen = "looking";
    this.#startedAt = memory.startedAt;
    this._lines = memory.lines;
    for (const line of await afterDeath(memory, this.#skip.signal)) this.#add(line);
    await clearAway();
    this.#show();
  }

  /** What a check found that ended in the middle: the step it ended in is told, too. */
  async #showBroken(memory: Memory): Promise<void> {
    this.#startedAt = memory.startedAt;
    this._lines = [...memory.lines, ...(memory.step ? [{ name: memory.step, outcome: "failed", values: [], error: "Died: the page ended in this step" } satisfies Line] : [])];
    await clearAway();
    this.#show();
  }

  async #finish(): Promise<void> {
    this._screen = "looking";
    await this.#bench.clear();
    this.#show();
  }

  #show(): void {
    const at = `${new Date(this.#startedAt).toISOString().slice(0, 16).replace("T", " ")} utc`;
    const took = `took=${Math.round((Date.now() - this.#startedAt) / 1000)}s`;
    const lines: Line[] = [{ name: "at", outcome: "ok", values: [at, took, ...(this.#bench.client ? [`core=${this.#bench.client.versions().core}`] : [])] }, ...this._lines.filter(({ name }) => name !== "at")];
    this._lines = lines;
    this._report = reportText(lines);
    remember(this.#memory({ phase: "done" }));
    this.#last = recall();
    this._screen = "report";
  }

  #showLast(memory: Memory): void {
    this.#startedAt = memory.startedAt;
    this._lines = memory.lines;
    this._report = reportText(memory.lines);
    this._screen = "report";
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this._report);
      this._copied = "yes";
    } catch {
      // Not there (http), or not allowed: the text is marked for the person's own copying.
      this._copied = "by_hand";
      await this.updateComplete;
      const field = this.querySelector("textarea");
      field?.focus();
      field?.select();
    }
  }

  async #send(): Promise<void> {
    this._sent = { state: "sending" };
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), SEND_MS_MAX);
    try {
      const answer = await fetch("/selfcheck/reports", { method: "POST", headers: { "content-type": "text/plain" }, body: this._report, signal: controller.signal });
      const told: unknown = answer.status === 201 ? await answer.json() : undefined;
      const id = typeof told === "object" && told !== null && "id" in told && typeof told.id === "number" ? told.id : undefined;
      this._sent = id === undefined ? { state: "failed", why: texts.report.noTaker } : { state: "kept", id };
    } catch {
      this._sent = { state: "failed", why: texts.report.noAnswer };
    } finally {
      clearTimeout(timer);
    }
  }

  #again(): void {
    forget();
    this.#last = undefined;
    this._screen = "intro";
  }

  // --- what is seen ---

  protected override render(): unknown {
    return html`
      <header class="top"><div class="above"><div class="bar"><span class="strong">Pannier</span><span>${texts.title}</span></div></div></header>
      <main class="screen-like">${this.#shown()}</main>
      ${this._qr ? this.#qrSheet() : nothing}`;
  }

  #shown(): TemplateResult {
    switch (this._screen) {
      case "intro": return this.#intro();
      case "run": return this.#running();
      case "ask": return this.#asking();
      case "sleep": return this.#sleeping();
      case "looking": return html`<div class="content"><div class="empty"><span class="spinner"></span><p class="strong" role="status">${texts.sleep.looking}</p></div>${this.#held()}</div>`;
      case "report": return this.#reporting();
    }
  }

  #button(test: string, label: string, tap: () => unknown, kind = "plain", disabled = false): TemplateResult {
    return html`<button type="button" class="button ${kind}" data-test=${test} ?disabled=${disabled} @click=${() => void tap()}><span class="words"><span class="label">${label}</span></span></button>`;
  }

  #intro(): TemplateResult {
    const words = texts.intro;
    const last = this.#last;
    return html`
      <div class="content">
        <h1 class="big">${words.heading}</h1>
        <p class="lead">${words.lead}</p>
        <ol class="plan">${words.steps.map(([title, more]) => html`<li><span class="words"><span class="label">${title}</span><span class="quiet">${more}</span></span></li>`)}</ol>
        <p class="quiet">${words.keeps}</p>
        ${last?.phase === "steps" ? html`<div class="notice waiting"><span>${words.broken}</span></div>` : nothing}
      </div>
      <div class="actions">
        ${this.#button("start", words.start, () => this.#start(), "primary")}
        ${last?.phase === "steps" ? this.#button("broken", words.brokenShow, () => this.#showBroken(last)) : nothing}
        ${last?.phase === "done" ? this.#button("last", words.last, () => this.#showLast(last)) : nothing}
      </div>`;
  }

  #running(): TemplateResult {
    const all = steps(this.#bench).length;
    const words = stepTexts[this._step ?? ""];
    return html`
      <div class="content">
        <progress max=${all} value=${this._lines.length} aria-label=${texts.run.progress(this._lines.length, all)}></progress>
        ${this._camera ? html`<div class="view">${this.#bench.video}</div>` : nothing}
        <div class="now"><span class="spinner" aria-hidden="true"></span><div class="words" role="status" data-test="now" data-step=${this._step ?? nothing}>
          <h1>${words?.title ?? this._step}</h1>
          ${words?.hint ? html`<p class="lead">${words.hint}</p>` : nothing}
          ${this._pictures > 0 && this._step === "frames" ? html`<p class="strong">${texts.run.pictures(this._pictures)}</p>` : nothing}
        </div></div>
        ${this.#list(true)}
      </div>
      <div class="actions">${this.#button("skip", texts.run.skip, () => this.#skip.abort())}</div>`;
  }

  #asking(): TemplateResult {
    const words = texts.ask;
    return html`
      <div class="content"><h1 class="big">${words.heading}</h1><p class="lead">${words.text}</p></div>
      <div class="actions">
        ${this.#button("allow", words.allow, () => this.#tapped?.(true), "primary")}
        ${this.#button("skip", words.skip, () => this.#tapped?.(false))}
      </div>`;
  }

  #sleeping(): TemplateResult {
    const words = texts.sleep;
    const ready = this.#sleep !== undefined;
    return html`
      <div class="content">
        <h1 class="big">${ready ? words.heading : words.getting}</h1>
        <p class="lead">${words.text}</p>
        <p class="quiet">${words.why}</p>
        ${this.#held()}
        ${this._away > 0 ? html`<div class="notice waiting"><span>${words.short(this._away)}</span></div>` : nothing}
        <p class="clock" data-test="beats" data-beats=${this._beats} aria-hidden="true">${this._beats} s</p>
      </div>
      <div class="actions">
        ${this.#button("back", words.back, () => this.#wake(), this._away > 0 ? "primary" : "plain", !ready)}
        ${this.#button("skip", words.skip, () => this.#skipSleep(), "plain", !ready)}
      </div>`;
  }

  #held(): TemplateResult | typeof nothing {
    if (!this.#bench.kept && !this._camera) return nothing;
    return html`<div class="held"><div class="view small">${this.#bench.video}</div><p class="quiet">${texts.sleep.camera}</p></div>`;
  }

  #reporting(): TemplateResult {
    const words = texts.report;
    const died = this._lines.some(({ name, values }) => name === "sleep" && values.includes("died"));
    const sent = this._sent;
    return html`
      <div class="content">
        <h1>${words.heading}</h1>
        <p class="chips">${tally(this._lines).map(({ outcome, count }) => html`<span class="chip ${outcome}"><span aria-hidden="true">${marks[outcome]}</span> ${count} ${outcomes[outcome]}</span>`)}</p>
        ${died ? html`<div class="notice waiting" data-test="died"><span>${words.died}</span></div>` : nothing}
        ${sent.state === "kept" ? html`<div class="notice done" role="status" data-test="kept" data-id=${sent.id}><span>${words.sent(sent.id)}: <a href="/selfcheck/reports">/selfcheck/reports</a></span></div>` : nothing}
        ${sent.state === "failed" ? html`<div class="notice attention" role="alert" data-test="not-sent"><span>${sent.why}</span></div>` : nothing}
        ${this._copied === "by_hand" ? html`<div class="notice waiting" role="alert" data-test="by-hand"><span>${words.copyByHand}</span></div><textarea class="card code" readonly rows="10" .value=${this._report}></textarea>` : nothing}
        <pre class="card code" data-test="report" tabindex="0" ?hidden=${this._copied === "by_hand"}>${this._report}</pre>
        ${this.#button("again", words.again, () => this.#again(), "quiet")}
      </div>
      <div class="actions">
        ${this.#button("send", sent.state === "sending" ? words.sending : sent.state === "kept" ? words.kept : words.send, () => this.#send(), "primary", sent.state === "sending" || sent.state === "kept")}
        <div class="pair">
          ${this.#button("copy", this._copied === "yes" ? words.copied : words.copy, () => this.#copy())}
          ${this.#button("qr", words.qr, () => { this._qr = true; })}
        </div>
      </div>`;
  }

  #qrSheet(): TemplateResult {
    const words = texts.report;
    const room = Math.min(innerWidth, innerHeight) * devicePixelRatio;
    const { canvas, version } = draw(forQr(this._report), (modules) => room / modules);
    // One pixel of the canvas is one of the screen, or modules come out uneven.
    canvas.style.width = `${canvas.width / devicePixelRatio}px`;
    canvas.dataset["test"] = "qr-code";
    canvas.dataset["version"] = String(version);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", words.qrTitle);
    return html`<div class="sheet-qr" role="dialog" aria-label=${words.qrTitle}>
      <p class="strong">${words.qrTitle}</p>${canvas}
      ${this.#button("qr-close", words.close, () => { this._qr = false; }, "primary")}
    </div>`;
  }

  /** What was found so far; the newest first while it runs. */
  #list(newestFirst = false): TemplateResult {
    const shown = newestFirst ? [...this._lines].reverse() : this._lines;
    return html`<ol class="found">${shown.map(({ name, outcome, values }) => html`
      <li class=${outcome} data-test="step-${name}" data-outcome=${outcome}>
        <span class="mark" aria-hidden="true">${marks[outcome]}</span>
        <span class="words"><span class="label">${stepTexts[name]?.title ?? name}</span><small class="code">${lineText({ name, outcome, values }).split(" ").slice(2).join(" ")}</small></span>
        <span class="quiet">${outcomes[outcome]}</span>
      </li>`)}</ol>`;
  }
}
customElements.define("self-check", SelfCheck);
