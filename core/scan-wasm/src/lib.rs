//! The scanner's JavaScript API, and nothing else: an export decodes, calls `pannier-scan`, encodes.
//!
//! A module and a memory of its own. A trap here poisons this instance only; the worker that owns
//! it discards it and starts another, and the outbox never notices. Memory is bounded: one input
//! buffer and one luma buffer are kept, sized by the largest frame seen, at most
//! [`MAX_SIDE`](pannier_scan::MAX_SIDE) a side and `PIXELS_MAX` in all.

use js_sys::{Array, Object, Reflect, Uint8Array};
use pannier_scan::{Code, Effort, FrameQuality, Live, ScanError, grey, measure, scan};
use wasm_bindgen::prelude::*;

/// About 4096 x 4096: more than any camera frame, and 64 MB of RGBA.
const PIXELS_MAX: usize = 1 << 24;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/**
 * One code. `text` only where that is no guess: UTF-8, or a character set that the code names (`eci`) and
 * that is known. Corners are x0, y0 … x3, y3 in pixels, clockwise. `version` and `ecLevel` are a QR
 * code's. `isNew` is false while the same code stays before the camera. `foundBy` names the try.
 */
export interface ScannedCode {
  symbology: "qr" | "code128"; text?: string; bytes: Uint8Array; corners: number[];
  version?: number; ecLevel?: "L" | "M" | "Q" | "H"; errorsCorrected: number; eci: number[]; gs1: boolean;
  part?: { index: number; count: number; parity: number };
  inverted: boolean; mirrored: boolean; isNew: boolean; foundBy: string;
}
/** `sharpness` and `exposure` are 0 to 1; `advice` is what would help, if anything would. */
export interface Quality { sharpness: number; exposure: number; advice?: "light" | "shade" | "still" }
export interface ScanResult extends Quality { codes: ScannedCode[] }
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "ScanResult")]
    pub type ScanResult;
    #[wasm_bindgen(typescript_type = "Quality")]
    pub type Quality;
}

/// Put RGBA or luma into `buffer`, then `scan` or `scanLuma`, or only `measure`.
#[wasm_bindgen]
#[derive(Default)]
pub struct Scanner {
    input: Vec<u8>,
    luma: Vec<u8>,
    live: Live,
}

#[wasm_bindgen]
impl Scanner {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What comes next is another picture: nothing that was seen before counts.
    pub fn forget(&mut self) {
        self.live = Live::default();
    }

    /// The address in `memory` where the frame goes, with room for width * height * 4 bytes. Ask before
    /// every frame: views of the memory do not outlive a call.
    ///
    /// # Errors
    /// An `Error` with a `code` for sizes that no camera has.
    pub fn buffer(&mut self, width: u32, height: u32) -> Result<*const u8, JsValue> {
        let count = checked(width, height)?;
        grow(&mut self.input, count * 4);
        Ok(self.input.as_ptr())
    }

    /// Scans the RGBA in `buffer`: the next frame of a camera, at `now_ms` of any clock that does not go
    /// back; or without that a still picture, which is tried harder.
    ///
    /// # Errors
    /// An `Error` with a `code` when the buffer is smaller than the frame.
    pub fn scan(
        &mut self,
        width: u32,
        height: u32,
        now_ms: Option<f64>,
    ) -> Result<ScanResult, JsValue> {
        self.grey(width, height)?;
        answer(&mut self.live, &self.luma, width, height, now_ms)
    }

    /// Looks for no code: only how sharp and how bright the RGBA in `buffer` is.
    ///
    /// # Errors
    /// As `scan`.
    pub fn measure(&mut self, width: u32, height: u32) -> Result<Quality, JsValue> {
        self.grey(width, height)?;
        let out = Object::new();
        let (width, height) = (width as usize, height as usize);
        let quality = measure(&self.luma, width, height, width).map_err(refusal)?;
        describe(&out, quality);
        Ok(JsValue::from(out).unchecked_into())
    }

    /// Scans width * height bytes of luma at the start of `buffer`.
    ///
    /// # Errors
    /// As `scan`.
    #[wasm_bindgen(js_name = scanLuma)]
    pub fn scan_luma(
        &mut self,
        width: u32,
        height: u32,
        now_ms: Option<f64>,
    ) -> Result<ScanResult, JsValue> {
        checked(width, height)?;
        answer(&mut self.live, &self.input, width, height, now_ms)
    }

    fn grey(&mut self, width: u32, height: u32) -> Result<(), JsValue> {
        let count = checked(width, height)?;
        grow(&mut self.luma, count);
        let Some(pixels) = self.input.get(..count * 4) else {
            return Err(refusal(ScanError::BufferTooShort));
        };
        grey(pixels, &mut self.luma);
        Ok(())
    }
}

fn answer(
    live: &mut Live,
    luma: &[u8],
    width: u32,
    height: u32,
    now_ms: Option<f64>,
) -> Result<ScanResult, JsValue> {
    let (width, height) = (width as usize, height as usize);
    let quality = measure(luma, width, height, width).map_err(refusal)?;
    let found: Vec<(Code, bool)> = match now_ms {
        Some(now_ms) => live.scan(luma, width, height, width, now_ms),
        None => scan(luma, width, height, width, Effort::Still)
            .map(|s| s.codes.into_iter().map(|code| (code, true)).collect()),
    }
    .map_err(refusal)?;
    let codes = Array::new();
    for (code, new) in &found {
        codes.push(&encoded(code, *new));
    }
    let result = Object::new();
    set(&result, "codes", &codes);
    describe(&result, quality);
    Ok(JsValue::from(result).unchecked_into())
}

fn describe(result: &Object, quality: FrameQuality) {
    set(result, "sharpness", &quality.sharpness.into());
    set(result, "exposure", &quality.exposure.into());
    if let Some(advice) = quality.advice() {
        set(result, "advice", &advice.name().into());
    }
}

fn checked(width: u32, height: u32) -> Result<usize, JsValue> {
    let (width, height) = (width as usize, height as usize);
    if width == 0 || height == 0 {
        return Err(refusal(ScanError::EmptyFrame));
    }
    match width.checked_mul(height) {
        Some(count) if count <= PIXELS_MAX && width.max(height) <= pannier_scan::MAX_SIDE => {
            Ok(count)
        }
        _ => Err(refusal(ScanError::TooLarge)),
    }
}

fn grow(buffer: &mut Vec<u8>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
}

fn encoded(code: &Code, new: bool) -> Object {
    let out = Object::new();
    set(&out, "symbology", &code.symbology.name().into());
    if let Some(text) = &code.text {
        set(&out, "text", &text.as_str().into());
    }
    set(&out, "bytes", &Uint8Array::from(code.bytes.as_slice()));
    let corners = Array::new();
    for p in code.corners {
        corners.push(&p.x.into());
        corners.push(&p.y.into());
    }
    set(&out, "corners", &corners);
    if let Some(version) = code.version {
        set(&out, "version", &version.into());
    }
    if let Some(level) = code.ec_level {
        set(&out, "ecLevel", &level.letter().into());
    }
    set(
        &out,
        "errorsCorrected",
        &(code.errors_corrected as u32).into(),
    );
    let eci = Array::new();
    for &mark in &code.eci {
        eci.push(&mark.into());
    }
    set(&out, "eci", &eci);
    set(&out, "gs1", &code.gs1.into());
    if let Some(part) = code.part {
        let of = Object::new();
        set(&of, "index", &part.index.into());
        set(&of, "count", &part.count.into());
        set(&of, "parity", &part.parity.into());
        set(&out, "part", &of);
    }
    set(&out, "isNew", &new.into());
    set(&out, "foundBy", &code.found_by.name().into());
    set(&out, "inverted", &code.inverted.into());
    set(&out, "mirrored", &code.mirrored.into());
    out
}

fn refusal(error: ScanError) -> JsValue {
    let out = js_sys::Error::new(&error.to_string());
    out.set_name("PannierError");
    set(&out, "code", &error.code().into());
    out.into()
}

fn set(object: &Object, key: &str, value: &JsValue) {
    // Only a frozen object refuses, and these are our own.
    let _ = Reflect::set(object, &key.into(), value);
}
