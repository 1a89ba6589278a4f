//! The JavaScript API. `core/js` wraps it with types and with recovery from traps; nobody else
//! calls it.

use crate::error::{invalid, to_js};
use crate::host::BrowserHost;
use crate::store::SCHEMA;
use js_sys::{ArrayBuffer, Function, Object, Promise, Reflect, Uint8Array};
use pannier::domain::address::Position;
use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::{BlobHandle, OperationId, StopId};
use pannier::domain::json::{FromJson, ToJson, parse};
use pannier::domain::operation::Intent;
use pannier::engine::listing::account_view;
use pannier::engine::session::SessionState;
use pannier::ports::views::OutboxQuery;
use pannier::ports::{CoreError, Driver, Host};
use serde::Serialize;
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

type Answer = Result<JsValue, JsValue>;

#[wasm_bindgen]
pub struct Core {
    driver: Rc<Driver<BrowserHost>>,
}

#[derive(FromJson)]
#[json(deny_unknown_fields)]
struct Options {
    database: Option<String>,
    /// the document as JSON text
    profile: Option<String>,
    #[json(default)]
    servers: Dictionary<String, String>,
}

fn json<T: ToJson>(value: T) -> Value {
    value.to_json()
}

fn encode(value: &Value) -> Answer {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value
        .serialize(&serializer)
        .map_err(|e| to_js(&invalid("answer", &e)))
}

fn decode<T: FromJson>(what: &str, value: JsValue) -> Result<T, CoreError> {
    T::from_json(decode_value(what, value)?).map_err(|e| invalid(what, &e))
}

fn decode_value(what: &str, value: JsValue) -> Result<Value, CoreError> {
    if value.is_undefined() {
        return Ok(Value::Null);
    }
    let text = js_sys::JSON::stringify(&value).ok().and_then(|t| t.as_string());
    parse(&text.unwrap_or_default()).map_err(|e| invalid(what, &e))
}

/// The one place where a future becomes a promise: boxed, so that the machinery exists once.
fn promise(future: impl Future<Output = Answer> + 'static) -> Promise {
    let boxed: Pin<Box<dyn Future<Output = Answer>>> = Box::pin(future);
    future_to_promise(boxed)
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
    /// A `Core`.
    pub fn open(options: JsValue, on_change: Function) -> Promise {
        promise(async move {
            let options: Options = decode("options", options).map_err(|e| to_js(&e))?;
            let database = options.database.unwrap_or_else(|| "pannier".to_owned());
            let host = BrowserHost::new(&database, Some(on_change));
            let driver = Driver::open(host, options.profile, options.servers).await;
            Ok(Self {
                driver: Rc::new(driver.map_err(|e| to_js(&e))?),
            }
            .into())
        })
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

    pub fn session(&self) -> Promise {
        self.run(async |core| {
            let session = core.session().await?.map(|s| s.value);
            let known = session.as_ref().filter(|s| s.state != SessionState::SignedOut);
            let mut out =
                json!({ "signedIn": session.as_ref().is_some_and(|s| s.state == SessionState::SignedIn) });
            if let Some(session) = known {
                out["account"] = account_view(session).to_json();
            }
            Ok(out)
        })
    }

    #[wasm_bindgen(js_name = signIn)]
    pub fn sign_in(&self, credentials: JsValue) -> Promise {
        self.run(async |core| {
            let session = core.sign_in(decode("credentials", credentials)?).await?;
            Ok(json!({ "account": account_view(&session).to_json() }))
        })
    }

    #[wasm_bindgen(js_name = signOut)]
    pub fn sign_out(&self, force: bool) -> Promise {
        self.run(async move |core| Ok(json(core.sign_out(force).await?)))
    }

    #[wasm_bindgen(js_name = refreshRoute)]
    pub fn refresh_route(&self) -> Promise {
        self.run(async |core| Ok(json(core.refresh_route().await?)))
    }

    pub fn route(&self) -> Promise {
        self.run(async |core| Ok(json(core.route().await?)))
    }

    /// The stop's view, or null.
    pub fn stop(&self, id: String) -> Promise {
        self.run(async |core| Ok(json(core.stop(&StopId(id)).await?)))
    }

    pub fn meaning(&self, code: String, stop: Option<String>) -> Promise {
        self.run(async move |core| Ok(json(core.meaning(&code, stop.map(StopId).as_ref()).await?)))
    }

    pub fn record(&self, intent: JsValue, position: JsValue) -> Promise {
        self.run(async |core| {
            let intent: Intent = decode("intent", intent)?;
            let position: Option<Position> = decode("position", position)?;
            Ok(json(core.record(intent, position).await?))
        })
    }

    pub fn stage(&self, bytes: ArrayBuffer) -> Promise {
        let length = bytes.byte_length();
        let head = Uint8Array::new_with_byte_offset_and_length(&bytes, 0, length.min(32)).to_vec();
        self.run(async move |core| Ok(json(core.stage(&head, u64::from(length), bytes).await?)))
    }

    /// `{ mediaType, bytes }` or undefined: the only answer that is not JSON.
    pub fn blob(&self, handle: String) -> Promise {
        let core = self.driver.clone();
        promise(async move {
            let found = core
                .blob(&BlobHandle(handle))
                .await
                .map_err(|e| to_js(&e))?;
            let Some((media_type, bytes)) = found else {
                return Ok(JsValue::UNDEFINED);
            };
            let out = Object::new();
            Reflect::set(&out, &"mediaType".into(), &media_type.into())?;
            Reflect::set(&out, &"bytes".into(), &bytes)?;
            Ok(out.into())
        })
    }

    /// The draft, or null.
    pub fn draft(&self, stop: String) -> Promise {
        self.run(async |core| Ok(json(core.draft(&StopId(stop)).await?)))
    }

    #[wasm_bindgen(js_name = saveDraft)]
    pub fn save_draft(&self, stop: String, blobs: JsValue, fields: JsValue) -> Promise {
        self.run(async |core| {
            let (blobs, fields) = (decode("draft", blobs)?, decode("draft", fields)?);
            Ok(json(core.save_draft(StopId(stop), blobs, fields).await?))
        })
    }

    pub fn outbox(&self, query: JsValue) -> Promise {
        self.run(async |core| {
            let query: Option<OutboxQuery> = decode("query", query)?;
            Ok(json(core.outbox(query.unwrap_or_default()).await?))
        })
    }

    pub fn status(&self) -> Promise {
        self.run(async |core| Ok(json(core.status().await?)))
    }

    pub fn drain(&self, reason: JsValue, budget_ms: Option<u32>) -> Promise {
        self.run(async move |core| {
            Ok(json(
                core.drain(decode("reason", reason)?, budget_ms).await?,
            ))
        })
    }

    pub fn sweep(&self) -> Promise {
        self.run(async |core| Ok(json(core.sweep().await?)))
    }

    pub fn retry(&self, operation: String) -> Promise {
        self.run(async |core| Ok(json(core.retry(&OperationId(operation)).await?)))
    }

    pub fn discard(&self, operation: String, reason: String) -> Promise {
        self.run(async move |core| Ok(json(core.discard(&OperationId(operation), &reason).await?)))
    }

    /// Makes the instance trap, so that a test can see that the next call works on a fresh one.
    #[wasm_bindgen(js_name = trapForTest)]
    pub fn trap_for_test(&self) -> Promise {
        self.run(async |_| std::process::abort())
    }
}

impl Core {
    fn run<F>(&self, work: F) -> Promise
    where
        F: AsyncFnOnce(&Driver<BrowserHost>) -> Result<Value, CoreError> + 'static,
    {
        let core = self.driver.clone();
        promise(async move { encode(&work(&core).await.map_err(|e| to_js(&e))?) })
    }
}
