import { LitElement, css, html, type PropertyDeclarations } from "lit";
import { tell } from "./events.js";
import { words as spoken, type Texts } from "../texts/index.js";
import { theme } from "./theme.js";

/** Points nearer than this to the last one add nothing to see. */
const STEP_MIN = 1.6;
/** A bound for a hand that never lifts. */
const POINTS_MAX = 20_000;
const INK = "#111";
const WIDTH = 2.4;

interface Point { x: number; y: number }

/** The words of the signature pad. */
export type SignatureLabels = Texts["signature"];

/**
 * A pad for finger, pen or mouse. Strokes are smooth curves through the middles between points.
 *
 * Fires `pannier-signature-change` (`{isEmpty}`) after each stroke and after clearing.
 * `isEmpty`, `clear()`, `toSvg()`, `toPng()`. Parts: `pad`, `clear`, `hint`.
 *
 * @example
 * const { handle } = await pannier.stage(await pad.toPng(), "image/png");
 * await pannier.record({ kind: "signature", stop, blob: handle, signer: "Anna Berg" });
 */
export class PannierSignature extends LitElement {
  static override properties: PropertyDeclarations = {
    disabled: { type: Boolean, reflect: true },
    labels: { attribute: false },
    _empty: { state: true },
  };

  /** takes no strokes */
  declare disabled: boolean;
  /** other words than those of the language that is spoken (`pannier/texts`) */
  declare labels: Partial<SignatureLabels>;
  declare private _empty: boolean;

  #strokes: Point[][] = [];
  #count = 0;
  #pointer: number | undefined;
  /** a pen tells more points than a screen shows: they are drawn once a frame */
  #drawing = 0;
  /** CSS pixels of the pad when the first stroke was made; later sizes only scale the view */
  #size: { width: number; height: number } | undefined;
  readonly #resized = new ResizeObserver(() => this.#redraw());

  constructor() {
    super();
    this.disabled = false;
    this.labels = {};
    this._empty = true;
  }

  static override styles = [theme, css`
    .pad {
      position: relative; height: var(--pannier-signature-height, 200px); overflow: hidden;
      border: 2px dashed var(--_line); border-radius: var(--_radius); background: #fff;
    }
    canvas { display: block; width: 100%; height: 100%; touch-action: none; cursor: crosshair; }
    .hint { position: absolute; left: 16px; right: 16px; bottom: 12px; padding-top: 6px; border-top: 1px solid #999; color: #595959; pointer-events: none; }
    button { margin-top: 8px; }
  `];

  /** nothing was drawn */
  get isEmpty(): boolean { return this.#strokes.length === 0; }

  clear(): void {
    if (this.isEmpty) return;
    this.#strokes = [];
    this.#count = 0;
    this.#size = undefined;
    this.#pointer = undefined;
    this.#redraw();
    this.#changed();
  }

  /** Black strokes in the pad's own coordinates, one decimal; empty string when nothing was drawn. */
  toSvg(): string {
    if (!this.#size) return "";
    const { width, height } = this.#size;
    const d = this.#strokes.map(path).join("");
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.round(width)} ${Math.round(height)}"><path d="${d}" fill="none" stroke="${INK}" stroke-width="${WIDTH}" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
  }

  /** Black on white, twice the pad's size. Rejects when nothing was drawn. */
  async toPng(): Promise<ArrayBuffer> {
    if (!this.#size) throw new Error("the signature is empty");
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(this.#size.width * 2);
    canvas.height = Math.round(this.#size.height * 2);
    const context = canvas.getContext("2d");
    if (!context) throw new Error("no 2D canvas");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.scale(2, 2);
    this.#strokes.forEach((stroke) => draw(context, stroke));
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error("the signature could not be drawn");
    return blob.arrayBuffer();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#observe();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resized.disconnect();
  }

  protected override firstUpdated(): void { this.#observe(); }

  #observe(): void {
    const canvas = this.#canvas;
    if (canvas) this.#resized.observe(canvas);
  }

  get #canvas(): HTMLCanvasElement | null { return this.renderRoot.querySelector("canvas"); }

  #down(event: PointerEvent): void {
    if (this.disabled || this.#pointer !== undefined || event.button !== 0 || this.#count >= POINTS_MAX) return;
    const canvas = this.#canvas;
    if (!canvas) return;
    event.preventDefault();
    this.#pointer = event.pointerId;
    canvas.setPointerCapture(event.pointerId);
    this.#size ??= { width: canvas.clientWidth, height: canvas.clientHeight };
    this.#strokes.push([]);
    this.#add(event);
    this._empty = false;
    this.#redraw();
  }

  #move(event: PointerEvent): void {
    if (event.pointerId !== this.#pointer) return;
    const merged = event.getCoalescedEvents?.() ?? [];
    for (const one of merged.length > 0 ? merged : [event]) this.#add(one);
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#redraw();
    });
  }

  #up(event: PointerEvent): void {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = undefined;
    this.#redraw();
    this.#changed();
  }

  #add(event: PointerEvent): void {
    const canvas = this.#canvas;
    const stroke = this.#strokes.at(-1);
    if (!canvas || !stroke || !this.#size || this.#count >= POINTS_MAX) return;
    const box = canvas.getBoundingClientRect();
    const point = { x: ((event.clientX - box.left) / box.width) * this.#size.width, y: ((event.clientY - box.top) / box.height) * this.#size.height };
    const last = stroke.at(-1);
    if (last && Math.hypot(point.x - last.x, point.y - last.y) < STEP_MIN) return;
    stroke.push(point);
    this.#count += 1;
  }

  #changed(): void {
    this._empty = this.isEmpty;
    tell(this, "pannier-signature-change", { isEmpty: this.isEmpty });
  }

  #redraw(): void {
    const canvas = this.#canvas;
    if (!canvas || !canvas.clientWidth) return;
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 3);
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d");
    if (!context) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!this.#size) return;
    context.setTransform(width / this.#size.width, 0, 0, height / this.#size.height, 0, 0);
    this.#strokes.forEach((stroke) => draw(context, stroke));
  }

  protected override render(): unknown {
    const words = { ...spoken().signature, ...this.labels };
    return html`
      <div class="pad" part="pad">
        <canvas role="img" aria-label=${words.label} @pointerdown=${this.#down} @pointermove=${this.#move} @pointerup=${this.#up} @pointercancel=${this.#up}></canvas>
        <div class="hint" part="hint" ?hidden=${!this._empty}>${words.label}</div>
      </div>
      <button part="clear" type="button" ?disabled=${this._empty || this.disabled} @click=${this.clear}>${words.clear}</button>`;
  }
}

function middle(a: Point, b: Point): Point { return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }; }

/** Each curve runs from the middle of one pair of points to the middle of the next, bent by the point between. */
function draw(context: CanvasRenderingContext2D, stroke: Point[]): void {
  const first = stroke[0];
  const end = stroke.at(-1);
  if (!first || !end) return;
  context.strokeStyle = INK;
  context.lineWidth = WIDTH;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  context.moveTo(first.x, first.y);
  stroke.forEach((point, i) => {
    const next = stroke[i + 1];
    if (i === 0 || !next) return;
    const to = middle(point, next);
    context.quadraticCurveTo(point.x, point.y, to.x, to.y);
  });
  // A dot is a line too, but a canvas draws none without length.
  context.lineTo(end.x + 0.01, end.y);
  context.stroke();
}

/** The same as `draw`, in words of SVG, relative and rounded so that it stays small. */
function path(stroke: Point[]): string {
  const first = stroke[0];
  const end = stroke.at(-1);
  if (!first || !end) return "";
  // Rounding adds up along relative steps, so each is taken from where the pen really is.
  const tenth = (n: number): number => Math.round(n * 10);
  let [x, y] = [tenth(first.x), tenth(first.y)];
  const step = (p: Point): string => join([tenth(p.x) - x, tenth(p.y) - y]);
  let out = `M${join([x, y])}`;
  let curves = "";
  stroke.forEach((point, i) => {
    const next = stroke[i + 1];
    if (i === 0 || !next) return;
    const to = middle(point, next);
    const pair = `${step(point)} ${step(to)}`;
    curves += `${curves && !pair.startsWith("-") ? " " : ""}${pair.replaceAll(" -", "-")}`;
    [x, y] = [tenth(to.x), tenth(to.y)];
  });
  if (curves) out += `q${curves}`;
  return `${out}l${step(end)}`;
}

function join([x, y]: [number, number]): string {
  const text = (n: number): string => String(n / 10).replace(/^(-?)0\./, "$1.");
  return `${text(x)}${y < 0 ? "" : " "}${text(y)}`;
}
