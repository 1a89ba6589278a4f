//! The core in a browser, in the page and in the service worker alike: adapters for the ports and
//! the JavaScript API. An export decodes, calls, encodes; what it means is decided in `pannier`.

#![cfg(target_arch = "wasm32")]

mod api;
mod heap;
mod host;
mod net;
mod store;
mod wire;

pub use api::Core;
pub use host::{BrowserHost, JsHost};
pub use store::JsStore;
