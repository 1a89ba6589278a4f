//! What a page or a worker lends the core: `BrowserHost` of `core/js/src/host`, whose methods take
//! and give text, numbers and lists. It does the work; here it is fitted to the ports.

use crate::net::JsNet;
use crate::store::JsStore;
use js_sys::{Array, ArrayBuffer, Promise};
use pannier::domain::ids::AccountId;
use pannier::domain::json::{FromJson, ToJson, parse, print};
use pannier::engine::handed::{Upload, UploadReport};
use pannier::engine::session::Origin;
use pannier::ports::Host;
use pannier::ports::clock::{Clock, Ids};
use pannier::ports::host::HostToken;
use pannier::ports::lock::Lock;
use pannier::ports::store::Table;
use serde_json::Value;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// Its promises tell everything by what they resolve to, but for the store's troubles.
    #[derive(Clone)]
    #[wasm_bindgen(typescript_type = "import(\"../../src/host/index.js\").BrowserHost")]
    pub type JsHost;

    #[wasm_bindgen(method)]
    pub fn prepare(this: &JsHost, schema: u32, tables: &str);
    #[wasm_bindgen(method)]
    fn changed(this: &JsHost, revision: f64);
    #[wasm_bindgen(method)]
    fn token(this: &JsHost) -> Promise;
    /// How `Origin` is written.
    #[wasm_bindgen(method)]
    fn origin(this: &JsHost, backend: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn page(this: &JsHost) -> bool;
    #[wasm_bindgen(method)]
    fn monotonic(this: &JsHost) -> f64;
    #[wasm_bindgen(method)]
    fn zone(this: &JsHost) -> i32;
    #[wasm_bindgen(method)]
    fn random(this: &JsHost) -> Vec<u8>;
    #[wasm_bindgen(method)]
    fn sleep(this: &JsHost, ms: u32) -> Promise;
    #[wasm_bindgen(method)]
    fn lock(
        this: &JsHost,
        ticket: u32,
        name: &str,
        option: Option<&str>,
        ms: Option<u32>,
    ) -> Promise;
    #[wasm_bindgen(method)]
    fn unlock(this: &JsHost, ticket: u32);
    #[wasm_bindgen(method)]
    pub fn read(this: &JsHost, queries: &str) -> Promise;
    #[wasm_bindgen(method)]
    pub fn begin(this: &JsHost, tables: &str, queries: &str, strict: bool) -> Promise;
    #[wasm_bindgen(method)]
    pub fn commit(
        this: &JsHost,
        commit: &str,
        bodies: Array,
        begun: &JsValue,
        picture: &JsValue,
    ) -> Promise;
    #[wasm_bindgen(method)]
    pub fn picture(this: &JsHost, key: &str) -> Promise;
    #[wasm_bindgen(method)]
    pub fn hash(this: &JsHost, bytes: &ArrayBuffer) -> Promise;
    #[wasm_bindgen(method)]
    pub fn exchange(this: &JsHost, ticket: u32, request: &str) -> Promise;
    #[wasm_bindgen(method, js_name = giveUp)]
    pub fn give_up(this: &JsHost, ticket: u32);
    /// Names, as a JSON list.
    #[wasm_bindgen(method)]
    fn functions(this: &JsHost) -> String;
    #[wasm_bindgen(method)]
    fn call(this: &JsHost, function: &str, given: &str) -> Promise;
    #[wasm_bindgen(method, js_name = handOver)]
    fn hand_over(this: &JsHost, uploads: &str) -> Promise;
    #[wasm_bindgen(method)]
    fn handed(this: &JsHost) -> Promise;
    #[wasm_bindgen(method)]
    fn forget(this: &JsHost, ids: &str) -> Promise;
    /// Only the client's: a test closes what it opened.
    #[wasm_bindgen(method)]
    pub fn close(this: &JsHost);
}

/// The browser's time and chance.
#[derive(Clone)]
pub struct JsClock(JsHost);

#[allow(clippy::cast_possible_truncation)]
impl Clock for JsClock {
    fn now_ms(&self) -> i64 {
        js_sys::Date::now() as i64
    }
    fn monotonic_ms(&self) -> f64 {
        self.0.monotonic()
    }
    fn zone_min(&self) -> i64 {
        i64::from(self.0.zone())
    }
    async fn sleep(&self, ms: u32) {
        // It only ever resolves.
        let _ = JsFuture::from(self.0.sleep(ms)).await;
    }
}

impl Ids for JsClock {
    fn random(&self) -> [u8; 16] {
        let mut out = [0; 16];
        for (to, from) in out.iter_mut().zip(self.0.random()) {
            *to = from;
        }
        out
    }
}

/// Web Locks, and what a request under way is known by: by its ticket it is given back, granted or
/// not.
#[derive(Clone)]
pub struct JsLock {
    host: JsHost,
    tickets: Rc<Cell<u32>>,
}

pub struct Guard(JsHost, u32);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.unlock(self.1);
    }
}

impl JsLock {
    async fn ask(&self, name: &str, option: Option<&str>, ms: Option<u32>) -> Option<Guard> {
        let ticket = next(&self.tickets);
        let guard = Guard(self.host.clone(), ticket);
        let granted = JsFuture::from(self.host.lock(ticket, name, option, ms)).await;
        granted.is_ok_and(|g| g.is_truthy()).then_some(guard)
    }
}

pub fn next(tickets: &Cell<u32>) -> u32 {
    tickets.set(tickets.get().wrapping_add(1));
    tickets.get()
}

impl Lock for JsLock {
    type Guard = Guard;

    async fn try_acquire(&self, name: &str, steal: bool) -> Option<Guard> {
        let option = if steal { "steal" } else { "ifAvailable" };
        self.ask(name, Some(option), None).await
    }

    async fn acquire(&self, name: &str, ms: u32) -> Option<Guard> {
        self.ask(name, None, Some(ms)).await
    }
}

/// All ports of one browser context.
pub struct BrowserHost {
    js: JsHost,
    store: JsStore,
    net: JsNet,
    clock: JsClock,
    lock: JsLock,
}

impl BrowserHost {
    pub fn new(js: JsHost) -> Self {
        let names: Vec<String> = Table::ALL
            .iter()
            .map(|t| ["\"", t.name(), "\""].concat())
            .collect();
        js.prepare(crate::store::SCHEMA, &["[", &names.join(","), "]"].concat());
        Self {
            store: JsStore(js.clone()),
            net: JsNet::new(js.clone()),
            clock: JsClock(js.clone()),
            lock: JsLock {
                host: js.clone(),
                tickets: Rc::default(),
            },
            js,
        }
    }
}

impl Host for BrowserHost {
    const HANDS_OVER: bool = cfg!(feature = "shell");
    type Store = JsStore;
    type Blobs = JsStore;
    type Net = JsNet;
    type Clock = JsClock;
    type Ids = JsClock;
    type Lock = JsLock;
    fn store(&self) -> &JsStore {
        &self.store
    }
    fn blobs(&self) -> &JsStore {
        &self.store
    }
    fn net(&self) -> &JsNet {
        &self.net
    }
    fn clock(&self) -> &JsClock {
        &self.clock
    }
    fn ids(&self) -> &JsClock {
        &self.clock
    }
    fn lock(&self) -> &JsLock {
        &self.lock
    }
    fn changed(&self, revision: u64) {
        #[allow(clippy::cast_precision_loss)]
        self.js.changed(revision as f64);
    }
    /// The host's answer: credentials, null for "sign in again", or none at all.
    async fn token(&self) -> HostToken {
        let given = JsFuture::from(self.js.token()).await.unwrap_or_default();
        if given.is_null() {
            return HostToken::Refused;
        }
        match given.as_string().map(|text| parse(&text)) {
            Some(Ok(Value::Object(credentials))) => HostToken::Given(credentials),
            _ => HostToken::Absent,
        }
    }

    fn functions(&self) -> Vec<String> {
        let names = parse(&self.js.functions()).map(FromJson::from_json);
        names.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn call(&self, function: &str, given: Value) -> Option<Value> {
        let said = self.js.call(function, &print(&given));
        parse(&JsFuture::from(said).await.ok()?.as_string()?).ok()
    }

    async fn hand_over(&self, uploads: &[Upload]) {
        let mut text = String::from("[");
        for Upload { note, request } in uploads {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str("{\"note\":");
            text.push_str(&print(&note.to_json()));
            text.push_str(",\"request\":");
            let account = AccountId(note.account.clone());
            text.push_str(&crate::wire::request(&account, request));
            text.push('}');
        }
        text.push(']');
        let _ = JsFuture::from(self.js.hand_over(&text)).await;
    }

    async fn handed(&self) -> Option<Vec<UploadReport>> {
        let told = JsFuture::from(self.js.handed()).await.ok()?;
        FromJson::from_json(parse(&told.as_string()?).ok()?).ok()
    }

    async fn forget(&self, ids: Vec<String>) {
        let _ = JsFuture::from(self.js.forget(&print(&ids.to_json()))).await;
    }
    async fn origin(&self, backend: &str) -> Origin {
        let said = JsFuture::from(self.js.origin(backend))
            .await
            .unwrap_or_default();
        Origin::from_json(Value::String(said.as_string().unwrap_or_default())).unwrap_or_default()
    }
    fn context(&self) -> &'static str {
        if self.js.page() { "page" } else { "worker" }
    }
}
