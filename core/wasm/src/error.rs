//! From the core's errors to JavaScript's: a real `Error` with a stable `name` and `code`.

use js_sys::Reflect;
use pannier::ports::CoreError;
use pannier::ports::store::StoreError;
use wasm_bindgen::{JsCast, JsValue};

pub fn to_js(error: &CoreError) -> JsValue {
    let out = js_sys::Error::new(&error.message);
    out.set_name("PannierError");
    // Setting a property of a fresh object cannot fail.
    let _ = Reflect::set(&out, &"code".into(), &error.code.as_str().into());
    out.into()
}

pub fn invalid(what: &str, error: &dyn std::fmt::Display) -> CoreError {
    CoreError::new(
        &format!("{what}_invalid"),
        format!("the {what} cannot be read: {error}"),
    )
}

/// What a DOM exception means for the store.
pub enum Trouble {
    /// the connection is gone or confused: a fresh one may help
    Connection(String),
    Store(StoreError),
}

pub fn trouble(value: &JsValue) -> Trouble {
    let field = |name: &str| {
        Reflect::get(value, &name.into())
            .ok()
            .and_then(|v| v.as_string())
            .unwrap_or_default()
    };
    let (name, message) = (field("name"), field("message"));
    match name.as_str() {
        "QuotaExceededError" => Trouble::Store(StoreError::Quota),
        "SecurityError" | "NotSupportedError" => Trouble::Store(StoreError::Unavailable(message)),
        "DataError" | "DataCloneError" | "ConstraintError" | "NotFoundError" => {
            Trouble::Store(StoreError::Failed(format!("{name}: {message}")))
        }
        // InvalidStateError, UnknownError, AbortError, "connection lost": the data is intact.
        _ => Trouble::Connection(format!("{name}: {message}")),
    }
}

pub fn idb_trouble(error: idb::Error) -> Trouble {
    use idb::Error as E;
    match error {
        E::DomException(e) => trouble(e.unchecked_ref()),
        E::AddFailed(v)
        | E::GetFailed(v)
        | E::GetAllFailed(v)
        | E::UpdateFailed(v)
        | E::DeleteFailed(v)
        | E::TransactionOpenFailed(v)
        | E::TransactionAbortError(v)
        | E::TransactionCommitError(v)
        | E::ObjectStoreNotFound(v)
        | E::IndexedDbOpenFailed(v)
        | E::RequestErrorNotFound(v) => trouble(&v),
        // A request that failed inside a transaction: idb expected the transaction itself here.
        E::UnexpectedJsType(_, request) => {
            let why = Reflect::get(&request, &"error".into()).unwrap_or_default();
            trouble(&why)
        }
        _ => Trouble::Connection("the database answered oddly".to_owned()),
    }
}
