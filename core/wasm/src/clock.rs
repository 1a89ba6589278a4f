//! Time and chance of the browser, in windows and workers.

use js_sys::{Reflect, Uint8Array};
use pannier::ports::clock::{Clock, Ids};
use wasm_bindgen::{JsCast, JsValue};

#[derive(Clone, Copy, Debug, Default)]
pub struct BrowserClock;

pub fn global(name: &str) -> Option<JsValue> {
    Reflect::get(&js_sys::global(), &name.into())
        .ok()
        .filter(|v| !v.is_undefined() && !v.is_null())
}

#[allow(clippy::cast_possible_truncation)]
impl Clock for BrowserClock {
    fn now_ms(&self) -> i64 {
        js_sys::Date::now() as i64
    }
    fn monotonic_ms(&self) -> f64 {
        global("performance").map_or(0.0, |p| p.unchecked_into::<web_sys::Performance>().now())
    }
    async fn sleep(&self, ms: u32) {
        gloo_timers::future::TimeoutFuture::new(ms).await;
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct BrowserIds;

impl Ids for BrowserIds {
    fn random(&self) -> [u8; 16] {
        let mut out = [0; 16];
        let array = Uint8Array::new_with_length(16);
        let filled = global("crypto")
            .map(|c| c.unchecked_into::<web_sys::Crypto>())
            .and_then(|c| c.get_random_values_with_array_buffer_view(&array).ok());
        if filled.is_some() {
            array.copy_to(&mut out);
        }
        out
    }
}
