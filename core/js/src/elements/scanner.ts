import { define } from "./define.js";
import { PannierScanner } from "./pannier-scanner.js";

export { PannierScanner };
export type { ScannerLabels } from "./pannier-scanner.js";

declare global {
  interface HTMLElementTagNameMap { "pannier-scanner": PannierScanner }
}

define("pannier-scanner", PannierScanner);
