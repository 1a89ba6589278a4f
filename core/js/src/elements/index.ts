// Custom elements for any framework, or none. Importing this registers them.

import { PannierPhoto } from "./pannier-photo.js";
import { PannierScanner } from "./pannier-scanner.js";
import { PannierSignature } from "./pannier-signature.js";

export { PannierPhoto, PannierScanner, PannierSignature };
export type { PhotoLabels } from "./pannier-photo.js";
export type { ScannerLabels } from "./pannier-scanner.js";
export type { SignatureLabels } from "./pannier-signature.js";
export type { CodeDetail, ErrorDetail, PhotoDetail } from "./events.js";
export { CameraError, type CameraErrorCode } from "../scanner/camera.js";
export { Scanner, ScannerError, type FoundCode, type ScannerOptions, type ScannerStats } from "../scanner/scanner.js";
export { encodePhoto, PhotoError, type EncodedPhoto, type EncodeOptions, type PhotoErrorCode } from "../photo/photo.js";

declare global {
  interface HTMLElementTagNameMap {
    "pannier-photo": PannierPhoto;
    "pannier-scanner": PannierScanner;
    "pannier-signature": PannierSignature;
  }
}

// Twice on one page, by two bundles, is not an error.
for (const [name, element] of [["pannier-photo", PannierPhoto], ["pannier-scanner", PannierScanner], ["pannier-signature", PannierSignature]] as const) {
  if (!customElements.get(name)) customElements.define(name, element);
}
