// Hand scanners that type: a burst of keys faster than fingers, ended by Enter.

/** Fingers are slower than this from key to key. */
const GAP_MS_MAX = 60;
const LENGTH_MIN = 3;
const LENGTH_MAX = 4_096;

/** Listens on the window from `start` to `stop`; keys meant for an input field are left alone. */
export class Wedge {
  readonly #onCode: (text: string) => void;
  #text = "";
  #last = 0;

  constructor(onCode: (text: string) => void) {
    this.#onCode = onCode;
  }

  start(): void { window.addEventListener("keydown", this.#key, true); }
  stop(): void { window.removeEventListener("keydown", this.#key, true); this.#text = ""; }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || editable(event.composedPath()[0])) { this.#text = ""; return; }
    const slow = event.timeStamp - this.#last > GAP_MS_MAX;
    // A modifier's own event belongs to the burst and is no character.
    if (event.key.length !== 1 && event.key !== "Enter") return;
    this.#last = event.timeStamp;
    if (slow) this.#text = "";
    if (event.key === "Enter") {
      const text = this.#text;
      this.#text = "";
      if (text.length < LENGTH_MIN) return;
      // Enter would press the focused button.
      event.preventDefault();
      event.stopPropagation();
      this.#onCode(text);
    } else if (this.#text.length < LENGTH_MAX) {
      // So would a blank within the burst.
      if (event.key === " " && this.#text) event.preventDefault();
      this.#text += event.key;
    }
  };
}

function editable(target: EventTarget | undefined): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
