//! The core in a browser, in the page and in the service worker alike: adapters for the ports and
//! the JavaScript API. An export decodes, calls, encodes; what it means is decided in `pannier`.

#![cfg(target_arch = "wasm32")]

mod api;
mod blobs;
mod clock;
mod error;
mod host;
mod lock;
mod net;
pub mod store;

pub use api::Core;
pub use blobs::Bytes;
pub use clock::{BrowserClock, BrowserIds};
pub use host::BrowserHost;
pub use lock::BrowserLock;
