export { encodePhoto, PhotoError, PHOTO_BYTES_MAX, type EncodedPhoto, type EncodeOptions, type PhotoErrorCode } from "./photo.js";
