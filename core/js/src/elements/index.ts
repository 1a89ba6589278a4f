// Custom elements for any framework, or none. Importing this registers them all; each alone is
// `pannier/elements/<name>.js`.

export { PannierOutbox, type OutboxLabels, type OutboxState } from "./outbox.js";
export { PannierPhoto, type PhotoLabels } from "./photo.js";
export { PannierScanner, type ScannerLabels } from "./scanner.js";
export { PannierSignature, type SignatureLabels } from "./signature.js";
export { PannierSyncBar, type SyncBarLabels } from "./sync-bar.js";
export type { CodeDetail, ErrorDetail, OutboxChangeDetail, PhotoDetail } from "./events.js";
export { sentence, shown } from "./format.js";
export { CameraError, keepCamera, type CameraErrorCode } from "../scanner/camera.js";
export { Scanner, ScannerError, type FoundCode, type ScannerOptions, type ScannerStats } from "../scanner/scanner.js";
export { encodePhoto, PhotoError, type EncodedPhoto, type EncodeOptions, type PhotoErrorCode } from "../photo/photo.js";
