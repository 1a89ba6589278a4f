// The package brings no types; this is the part that is used.
declare module "qrcode" {
  export interface QRCode { version: number; modules: { size: number; data: Uint8Array } }
  const qrcode: { create(text: string, options: { errorCorrectionLevel: "L" | "M" | "Q" | "H" }): QRCode };
  export default qrcode;
}
