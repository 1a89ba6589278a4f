//! All adapters of one browser context.

use crate::api::decode_value;
use crate::clock::{BrowserClock, BrowserIds};
use crate::lock::BrowserLock;
use crate::net::FetchNet;
use crate::store::IdbStore;
use js_sys::{Function, Promise};
use pannier::ports::Host;
use pannier::ports::host::HostToken;
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

pub struct BrowserHost {
    store: IdbStore,
    net: FetchNet,
    clock: BrowserClock,
    ids: BrowserIds,
    lock: BrowserLock,
    on_change: Option<Function>,
    /// `() -> Promise<credentials | null | undefined>`
    ask_token: Option<Function>,
}

impl BrowserHost {
    pub fn new(
        database: &str,
        on_change: Option<Function>,
        request_lock: Function,
        ask_token: Option<Function>,
        leave: Function,
    ) -> Self {
        let store = IdbStore::new(database);
        Self {
            net: FetchNet {
                blobs: store.clone(),
                leave,
            },
            store,
            clock: BrowserClock,
            ids: BrowserIds,
            lock: BrowserLock {
                prefix: ["pannier:", database].concat(),
                request: request_lock,
            },
            on_change,
            ask_token,
        }
    }
}

impl Host for BrowserHost {
    type Store = IdbStore;
    type Blobs = IdbStore;
    type Net = FetchNet;
    type Clock = BrowserClock;
    type Ids = BrowserIds;
    type Lock = BrowserLock;
    fn store(&self) -> &IdbStore {
        &self.store
    }
    fn blobs(&self) -> &IdbStore {
        &self.store
    }
    fn net(&self) -> &FetchNet {
        &self.net
    }
    fn clock(&self) -> &BrowserClock {
        &self.clock
    }
    fn ids(&self) -> &BrowserIds {
        &self.ids
    }
    fn lock(&self) -> &BrowserLock {
        &self.lock
    }
    fn changed(&self, revision: u64) {
        if let Some(on_change) = &self.on_change {
            #[allow(clippy::cast_precision_loss)]
            let revision = JsValue::from_f64(revision as f64);
            // A listener's own error is its own; the change has happened.
            let _ = on_change.call1(&JsValue::UNDEFINED, &revision);
        }
    }
    /// The host's answer: credentials, null for "sign in again", or none at all.
    async fn token(&self) -> HostToken {
        let Some(ask) = &self.ask_token else {
            return HostToken::Absent;
        };
        let asked = ask.call0(&JsValue::UNDEFINED).ok();
        let Some(promise) = asked.and_then(|p| p.dyn_into::<Promise>().ok()) else {
            return HostToken::Absent;
        };
        match JsFuture::from(promise).await {
            Ok(none) if none.is_null() => HostToken::Refused,
            Ok(given) => match decode_value("token", &given) {
                Ok(Value::Object(credentials)) => HostToken::Given(credentials),
                _ => HostToken::Absent,
            },
            Err(_) => HostToken::Absent,
        }
    }
}
