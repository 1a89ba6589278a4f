//! A luma frame in, QR codes and Code 128 out.
//!
//! Knows no browser, no camera and no parcel. The story, in order: `frame` views the
//! pixels, `binary` splits dark from light, `finder` looks for the three eyes, `detect` turns three
//! eyes into a geometry (`warp`) and samples a grey per module, `decode` turns greys into bits and,
//! with `layout`, `reed_solomon` and `segment`, bits into bytes. `bars` finds areas whose edges look one
//! way, and `code128` reads lines across them. `scan` decides what is tried and when to stop, and what
//! one frame of a camera says for the next.
//!
//! **Bounds.** Every loop is bounded by the size of the frame or by a constant. [`scan()`] keeps nothing
//! between two calls; [`Live`] keeps the place of the last code and what was told. **Traps.** No code
//! here panics on purpose. The host still has to treat a trapped WebAssembly instance as gone: discard
//! it, start a new one, go on. **Absent on purpose:** Data Matrix and other kinds of code, guessing a
//! character set.

mod bars;
mod best;
mod binary;
mod code128;
mod decode;
mod detect;
mod finder;
mod frame;
mod layout;
mod quality;
mod reed_solomon;
mod scan;
mod segment;
mod warp;

pub use frame::{MAX_SIDE, Point, ScanError, grey};
pub use layout::EcLevel;
pub use quality::{Advice, FrameQuality, measure};
pub use scan::{Code, Effort, Live, Scan, Symbology, Try, scan};
pub use segment::Part;
