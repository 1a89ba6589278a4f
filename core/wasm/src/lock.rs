//! Web Locks, by a function of the client's: it holds them on JavaScript's side, so that what a
//! trapped instance held can be released for it.

use crate::clock::elapsed;
use futures_util::future::{Either, select};
use js_sys::{Function, Promise};
use pannier::ports::lock::Lock;
use std::pin::pin;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

#[derive(Clone, Debug)]
pub struct BrowserLock {
    /// names are shared by a whole origin, so each database has its own
    pub prefix: String,
    /// `(name, option?) -> Promise<release function | null>`: `requestLock` of `core/js`
    pub request: Function,
}

pub struct Guard(Function);

impl Drop for Guard {
    fn drop(&mut self) {
        // Releasing does not throw.
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

/// A request whose answer has not come. Whoever stops waiting for it must not keep what it may
/// still be granted.
struct Asked(Option<Promise>);

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(promise) = self.0.take() {
            spawn_local(async move {
                if let Ok(granted) = JsFuture::from(promise).await {
                    drop(granted.dyn_into().ok().map(Guard));
                }
            });
        }
    }
}

impl BrowserLock {
    async fn ask(&self, name: &str, option: JsValue) -> Option<Guard> {
        let name = [&*self.prefix, ":", name].concat();
        let promise: Promise = self
            .request
            .call2(&JsValue::UNDEFINED, &name.into(), &option)
            .ok()?
            .dyn_into()
            .ok()?;
        let mut asked = Asked(Some(promise.clone()));
        let granted = JsFuture::from(promise).await;
        asked.0 = None;
        granted.ok()?.dyn_into().ok().map(Guard)
    }
}

impl Lock for BrowserLock {
    type Guard = Guard;

    async fn try_acquire(&self, name: &str, steal: bool) -> Option<Guard> {
        self.ask(name, if steal { "steal" } else { "ifAvailable" }.into())
            .await
    }

    async fn acquire(&self, name: &str, ms: u32) -> Option<Guard> {
        match select(pin!(self.ask(name, JsValue::UNDEFINED)), pin!(elapsed(ms))).await {
            Either::Left((guard, _)) => guard,
            Either::Right(_) => None,
        }
    }
}
