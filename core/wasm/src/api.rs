//! The JavaScript API. `core/js` wraps it with types and with recovery from traps; nobody else
//! calls it.

use crate::error::{invalid, to_js};
use crate::host::BrowserHost;
use crate::store::SCHEMA;
use js_sys::{ArrayBuffer, Function, Object, Reflect, Uint8Array};
use pannier::domain::address::Position;
use pannier::domain::ids::{BlobHandle, OperationId, StopId};
use pannier::domain::operation::Intent;
use pannier::engine::listing::account_view;
use pannier::engine::session::SessionState;
use pannier::ports::drain::WakeReason;
use pannier::ports::views::OutboxQuery;
use pannier::ports::{CoreError, Driver, Host};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

type Answer = Result<JsValue, JsValue>;

#[wasm_bindgen]
pub struct Core {
    driver: Rc<Driver<BrowserHost>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    database: Option<String>,
    /// the document as JSON text
    profile: Option<String>,
    #[serde(default)]
    servers: BTreeMap<String, String>,
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Answer {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value.serialize(&serializer).map_err(|e| invalid("answer", &e))
}

fn decode<T: DeserializeOwned>(what: &str, value: JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(|e| invalid(what, &e))
}

fn answer<T: Serialize>(outcome: Result<T, CoreError>) -> Answer {
    encode(&outcome.map_err(|e| to_js(&e))?)
}

/// Tells `on_panic` what happened before the instance dies, so that the client can start another.
#[wasm_bindgen(js_name = onPanic)]
pub fn on_panic(listener: Function) {
    std::panic::set_hook(Box::new(move |info| {
        let _ = listener.call1(&JsValue::UNDEFINED, &JsValue::from_str(&info.to_string()));
    }));
}

#[wasm_bindgen]
impl Core {
    pub async fn open(options: JsValue, on_change: Function) -> Result<Core, JsValue> {
        let options: Options = decode("options", options)?;
        let database = options.database.unwrap_or_else(|| "pannier".to_owned());
        let host = BrowserHost::new(&database, Some(on_change));
        let driver = Driver::open(host, options.profile, options.servers).await.map_err(|e| to_js(&e))?;
        Ok(Self { driver: Rc::new(driver) })
    }

    pub fn close(&self) {
        self.driver.host.store().close();
    }

    pub fn versions(&self) -> Answer {
        encode(&json!({
            "core": env!("CARGO_PKG_VERSION"),
            "schema": SCHEMA,
            "profile": format!("{} {}", self.driver.profile().name, self.driver.profile().revision),
        }))
    }

    pub async fn session(&self) -> Answer {
        let session = self.driver.session().await.map_err(|e| to_js(&e))?.map(|s| s.value);
        let known = session.as_ref().filter(|s| s.state != SessionState::SignedOut);
        let mut out = json!({ "signedIn": session.as_ref().is_some_and(|s| s.state == SessionState::SignedIn) });
        if let Some(session) = known {
            out["account"] = json!(account_view(session));
        }
        encode(&out)
    }

    #[wasm_bindgen(js_name = signIn)]
    pub async fn sign_in(&self, credentials: JsValue) -> Answer {
        let credentials: Map<String, Value> = decode("credentials", credentials)?;
        let session = self.driver.sign_in(credentials).await.map_err(|e| to_js(&e))?;
        encode(&json!({ "account": account_view(&session) }))
    }

    #[wasm_bindgen(js_name = signOut)]
    pub async fn sign_out(&self, force: bool) -> Answer {
        answer(self.driver.sign_out(force).await)
    }

    #[wasm_bindgen(js_name = refreshRoute)]
    pub async fn refresh_route(&self) -> Answer {
        answer(self.driver.refresh_route().await)
    }

    pub async fn route(&self) -> Answer {
        answer(self.driver.route().await)
    }

    pub async fn stop(&self, id: String) -> Answer {
        match self.driver.stop(&StopId(id)).await.map_err(|e| to_js(&e))? {
            Some(stop) => encode(&stop),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    pub async fn meaning(&self, code: String, stop: Option<String>) -> Answer {
        answer(self.driver.meaning(&code, stop.map(StopId).as_ref()).await)
    }

    pub async fn record(&self, intent: JsValue, position: JsValue) -> Answer {
        let intent: Intent = decode("intent", intent)?;
        let position: Option<Position> = decode("position", position)?;
        answer(self.driver.record(intent, position).await)
    }

    pub async fn stage(&self, bytes: ArrayBuffer) -> Answer {
        let length = bytes.byte_length();
        let head = Uint8Array::new_with_byte_offset_and_length(&bytes, 0, length.min(32)).to_vec();
        answer(self.driver.stage(&head, u64::from(length), bytes).await)
    }

    /// `{ mediaType, bytes }` or undefined.
    pub async fn blob(&self, handle: String) -> Answer {
        let found = self.driver.blob(&BlobHandle(handle)).await.map_err(|e| to_js(&e))?;
        let Some((media_type, bytes)) = found else { return Ok(JsValue::UNDEFINED) };
        let out = Object::new();
        Reflect::set(&out, &"mediaType".into(), &media_type.into())?;
        Reflect::set(&out, &"bytes".into(), &bytes)?;
        Ok(out.into())
    }

    pub async fn draft(&self, stop: String) -> Answer {
        match self.driver.draft(&StopId(stop)).await.map_err(|e| to_js(&e))? {
            Some(draft) => encode(&draft),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    #[wasm_bindgen(js_name = saveDraft)]
    pub async fn save_draft(&self, stop: String, blobs: JsValue, fields: JsValue) -> Answer {
        let blobs: Vec<BlobHandle> = decode("draft", blobs)?;
        let fields: Map<String, Value> = decode("draft", fields)?;
        answer(self.driver.save_draft(StopId(stop), blobs, fields).await)
    }

    pub async fn outbox(&self, query: JsValue) -> Answer {
        let query: Option<OutboxQuery> = decode("query", query)?;
        answer(self.driver.outbox(query.unwrap_or_default()).await)
    }

    pub async fn status(&self) -> Answer {
        answer(self.driver.status().await)
    }

    pub async fn drain(&self, reason: JsValue, budget_ms: Option<u32>) -> Answer {
        let reason: WakeReason = decode("reason", reason)?;
        answer(self.driver.drain(reason, budget_ms).await)
    }

    pub async fn sweep(&self) -> Answer {
        answer(self.driver.sweep().await)
    }

    pub async fn retry(&self, operation: String) -> Answer {
        answer(self.driver.retry(&OperationId(operation)).await)
    }

    pub async fn discard(&self, operation: String, reason: String) -> Answer {
        answer(self.driver.discard(&OperationId(operation), &reason).await)
    }

    /// Makes the instance trap, so that a test can see that the next call works on a fresh one.
    #[wasm_bindgen(js_name = trapForTest)]
    pub async fn trap_for_test(&self) {
        std::process::abort();
    }
}
