//! What the core needs from the world, as traits, and the driver: the only loop.
//!
//! Adapters live elsewhere: `core/wasm` for browsers, `testing` for the in-memory twins. All
//! futures run on one thread; nothing here starts a thread, reads a clock or rolls dice.

mod asking;
pub mod blobs;
mod callback;
mod calls;
pub mod clock;
pub mod drain;
pub mod driver;
pub mod error;
mod export;
pub mod handover;
pub mod host;
mod keeping;
mod lanes;
pub mod lock;
mod log;
pub mod net;
mod pace;
mod place;
pub mod push;
pub mod recording;
pub mod records;
mod recount;
pub mod route;
pub mod session;
mod step;
pub mod store;
mod uploads;
pub mod views;
mod wake;

pub use driver::Driver;
pub use error::{CoreError, CoreFault};
pub use host::Host;
pub use keeping::{Keep, Room, Tidied};
pub use step::{Decided, Halt, View};
