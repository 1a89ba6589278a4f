import { define } from "./define.js";
import { PannierSignature } from "./pannier-signature.js";

export { PannierSignature };
export type { SignatureLabels } from "./pannier-signature.js";

declare global {
  interface HTMLElementTagNameMap { "pannier-signature": PannierSignature }
}

define("pannier-signature", PannierSignature);
