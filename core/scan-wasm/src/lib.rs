//! The scanner's JavaScript API, and nothing else: an export decodes, calls `pannier-scan`, encodes.
//!
//! A module and a memory of its own. A trap here poisons this instance only; the worker that owns
//! it discards it and starts another, and the outbox never notices. Memory is bounded: one input
//! buffer and one luma buffer are kept, sized by the largest frame seen, at most
//! [`MAX_SIDE`](pannier_scan::MAX_SIDE) a side and `PIXELS_MAX` in all.

use js_sys::{Array, Object, Reflect, Uint8Array};
use pannier_scan::{Code, Effort, ScanError, measure, scan};
use wasm_bindgen::prelude::*;

/// About 4096 x 4096: more than any camera frame, and 64 MB of RGBA.
const PIXELS_MAX: usize = 1 << 24;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** One code: `text` only when the bytes are UTF-8. Corners are x0, y0 … x3, y3 in pixels, clockwise. */
export interface ScannedCode {
  text?: string; bytes: Uint8Array; corners: number[];
  version: number; ecLevel: "L" | "M" | "Q" | "H"; inverted: boolean; mirrored: boolean;
}
export interface ScanResult { codes: ScannedCode[]; sharpness: number; exposure: number }
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "ScanResult")]
    pub type ScanResult;
}

/// Put RGBA or luma into `buffer`, then `scan` or `scanLuma`.
#[wasm_bindgen]
#[derive(Default)]
pub struct Scanner {
    input: Vec<u8>,
    luma: Vec<u8>,
}

#[wasm_bindgen]
impl Scanner {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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

    /// Scans the RGBA in `buffer`. `still` tries harder than a live frame deserves.
    ///
    /// # Errors
    /// An `Error` with a `code` when the buffer is smaller than the frame.
    pub fn scan(&mut self, width: u32, height: u32, still: bool) -> Result<ScanResult, JsValue> {
        let count = checked(width, height)?;
        grow(&mut self.luma, count);
        let Some(pixels) = self.input.get(..count * 4) else {
            return Err(refusal(ScanError::BufferTooShort));
        };
        for (grey, rgba) in self.luma.iter_mut().zip(pixels.chunks_exact(4)) {
            // Rec. 601 weights in 256ths.
            let sum = 77 * u32::from(rgba[0]) + 150 * u32::from(rgba[1]) + 29 * u32::from(rgba[2]);
            *grey = (sum >> 8) as u8;
        }
        answer(&self.luma, width, height, still)
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
        still: bool,
    ) -> Result<ScanResult, JsValue> {
        checked(width, height)?;
        answer(&self.input, width, height, still)
    }
}

fn answer(luma: &[u8], width: u32, height: u32, still: bool) -> Result<ScanResult, JsValue> {
    let (width, height) = (width as usize, height as usize);
    let effort = if still { Effort::Still } else { Effort::Live };
    let quality = measure(luma, width, height, width).map_err(refusal)?;
    let found = scan(luma, width, height, width, effort).map_err(refusal)?;
    let codes = Array::new();
    for code in &found.codes {
        codes.push(&encoded(code));
    }
    let result = Object::new();
    set(&result, "codes", &codes);
    set(&result, "sharpness", &quality.sharpness.into());
    set(&result, "exposure", &quality.exposure.into());
    Ok(JsValue::from(result).unchecked_into())
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

fn encoded(code: &Code) -> Object {
    let out = Object::new();
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
    set(&out, "version", &code.version.into());
    set(&out, "ecLevel", &code.ec_level.letter().into());
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
