//! Time and chance of the browser, in windows and workers.

use gloo_timers::future::TimeoutFuture;
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
    fn zone_min(&self) -> i64 {
        -js_sys::Date::new_0().get_timezone_offset() as i64
    }
    async fn sleep(&self, ms: u32) {
        elapsed(ms).await;
    }
}

/// The longest piece of a wait, and so the longest that one outlasts the end of a sleep.
const PIECE_MS: f64 = 1_000.0;

/// Resolves once `ms` have passed by either clock. While iOS suspends a page its timers stand
/// still, and `performance.now()` with them; only the wall clock goes on. So a wait is cut into
/// pieces, and after each both clocks are asked (a wall clock that is set back must not make the
/// wait endless). `core/js/src/time.ts` does the same for what is not the core's.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub async fn elapsed(ms: u32) {
    let clock = BrowserClock;
    let (wall, own) = (js_sys::Date::now(), clock.monotonic_ms());
    loop {
        let passed = (js_sys::Date::now() - wall).max(clock.monotonic_ms() - own);
        let left = f64::from(ms) - passed;
        if left <= 0.0 {
            return;
        }
        TimeoutFuture::new(left.min(PIECE_MS).ceil() as u32).await;
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
