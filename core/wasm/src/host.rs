//! All adapters of one browser context.

use crate::clock::{BrowserClock, BrowserIds};
use crate::lock::BrowserLock;
use crate::net::FetchNet;
use crate::store::IdbStore;
use js_sys::Function;
use pannier::ports::Host;
use wasm_bindgen::JsValue;

pub struct BrowserHost {
    store: IdbStore,
    net: FetchNet,
    clock: BrowserClock,
    ids: BrowserIds,
    lock: BrowserLock,
    on_change: Option<Function>,
}

impl BrowserHost {
    pub fn new(database: &str, on_change: Option<Function>, request_lock: Function) -> Self {
        let store = IdbStore::new(database);
        Self {
            net: FetchNet {
                blobs: store.clone(),
            },
            store,
            clock: BrowserClock,
            ids: BrowserIds,
            lock: BrowserLock {
                prefix: ["pannier:", database].concat(),
                request: request_lock,
            },
            on_change,
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
}
