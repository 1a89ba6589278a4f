//! A luma frame in, QR codes out.
//!
//! Knows no browser, no camera and no parcel. The story, in order: [`frame`](crate::Frame) views the
//! pixels, `binary` splits dark from light, `finder` looks for the three eyes, `detect` turns three
//! eyes into a geometry and samples a grey per module, `decode` turns greys into bits and bits into
//! bytes, and `scan` decides what is tried and when to stop.
//!
//! **Bounds.** Every loop is bounded by the size of the frame or by a constant; nothing is kept
//! between two calls. **Traps.** No code here panics on purpose, and the detector of `rqrr` (which
//! does, on some photographs) is not used: only its reading of a finished bit grid. The host still
//! has to treat a trapped WebAssembly instance as gone: discard it, start a new one, go on.
//! **Absent on purpose:** one-dimensional codes, guessing a character set.

mod binary;
mod decode;
mod detect;
mod finder;
mod frame;
mod quality;
mod scan;
mod warp;

pub use decode::EcLevel;
pub use frame::{MAX_SIDE, Point, ScanError};
pub use quality::{FrameQuality, measure};
pub use scan::{Code, Effort, Scan, scan};
