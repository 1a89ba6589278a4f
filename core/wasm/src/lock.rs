//! Web Locks. Where a browser has none, every request is granted: the generation in the store is
//! what protects the data, the lock only spares work.

use crate::clock::global;
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Object, Promise, Reflect};
use pannier::ports::lock::Lock;
use std::pin::pin;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

#[derive(Clone, Debug)]
pub struct BrowserLock {
    /// names are shared by a whole origin, so each database has its own
    pub prefix: String,
}

pub struct Guard(Option<Function>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            // Resolving a promise does not throw.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// A promise with its resolver.
fn deferred() -> (Promise, Function) {
    let mut resolver = None;
    let promise = Promise::new(&mut |resolve, _| resolver = Some(resolve));
    (
        promise,
        resolver.unwrap_or_else(|| Function::new_no_args("")),
    )
}

impl BrowserLock {
    async fn request(&self, name: &str, option: Option<&str>) -> Option<Guard> {
        let locks = global("navigator").and_then(|n| Reflect::get(&n, &"locks".into()).ok());
        let Some(locks) = locks.filter(|l| !l.is_undefined()) else {
            return Some(Guard(None));
        };
        let request: Function = Reflect::get(&locks, &"request".into())
            .ok()?
            .dyn_into()
            .ok()?;
        let options = Object::new();
        if let Some(option) = option {
            Reflect::set(&options, &option.into(), &JsValue::TRUE).ok()?;
        }
        let (held, release) = deferred();
        let (granted, grant) = deferred();
        let callback = Closure::once_into_js(move |lock: JsValue| -> JsValue {
            let _ = grant.call1(&JsValue::UNDEFINED, &JsValue::from_bool(!lock.is_null()));
            if lock.is_null() {
                JsValue::UNDEFINED
            } else {
                held.into()
            }
        });
        let name = format!("{}:{name}", self.prefix);
        let done: Promise = request
            .call3(&locks, &name.into(), &options, &callback)
            .ok()?
            .dyn_into()
            .ok()?;
        // Being stolen from rejects this promise; the fence tells the loser soon enough.
        let ignore = Closure::once_into_js(|_: JsValue| {});
        let catch: Function = Reflect::get(&done, &"catch".into()).ok()?.dyn_into().ok()?;
        catch.call1(&done, &ignore).ok()?;
        let guard = Guard(Some(release));
        let granted = JsFuture::from(granted).await.ok()?.as_bool()?;
        granted.then_some(guard)
    }
}

impl Lock for BrowserLock {
    type Guard = Guard;

    async fn try_acquire(&self, name: &str, steal: bool) -> Option<Guard> {
        self.request(name, Some(if steal { "steal" } else { "ifAvailable" }))
            .await
    }

    async fn acquire(&self, name: &str, ms: u32) -> Option<Guard> {
        let request = pin!(self.request(name, None));
        match select(request, TimeoutFuture::new(ms)).await {
            Either::Left((guard, _)) => guard,
            Either::Right(_) => None,
        }
    }
}
