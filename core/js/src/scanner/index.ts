export { Camera, CameraError, keepCamera, type CameraErrorCode, type CameraOptions, type CameraState } from "./camera.js";
export { Scanner, ScannerError, type Advice, type FoundCode, type PictureQuality, type ScannerOptions, type ScannerStats } from "./scanner.js";
