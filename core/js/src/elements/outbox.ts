import { define } from "./define.js";
import { PannierOutbox } from "./pannier-outbox.js";

export { PannierOutbox };
export type { OutboxLabels, OutboxState } from "./pannier-outbox.js";

declare global {
  interface HTMLElementTagNameMap { "pannier-outbox": PannierOutbox }
}

define("pannier-outbox", PannierOutbox);
