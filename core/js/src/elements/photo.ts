import { define } from "./define.js";
import { PannierPhoto } from "./pannier-photo.js";

export { PannierPhoto };
export type { PhotoLabels } from "./pannier-photo.js";

declare global {
  interface HTMLElementTagNameMap { "pannier-photo": PannierPhoto }
}

define("pannier-photo", PannierPhoto);
