//! The store and the pictures, as the page's `IdbStore` keeps them (`core/js/src/host/store.ts`).
//! A commit crosses as one text with the bodies of its records beside it; what was read comes as one
//! flat list.

use crate::host::JsHost;
use crate::wire;
use js_sys::{Array, ArrayBuffer, Promise};
use pannier::domain::ids::{AccountId, BlobHandle};
use pannier::domain::json::parse;
use pannier::domain::proof::BlobMeta;
use pannier::ports::blobs::Blobs;
use pannier::ports::records::seal;
use pannier::ports::store::{
    Begun, Commit, Committed, Durability, Envelope, Key, Query, Record, Store, StoreError, Table,
};
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Raised only together with a step in `core/js/src/host/store.ts`.
pub const SCHEMA: u32 = 1;

#[wasm_bindgen]
extern "C" {
    /// `StoreTrouble`
    type Trouble;
    #[wasm_bindgen(method, getter, structural)]
    fn code(this: &Trouble) -> Option<String>;
    #[wasm_bindgen(method, getter, structural)]
    fn why(this: &Trouble) -> Option<String>;
    #[wasm_bindgen(method, getter, structural)]
    fn found(this: &Trouble) -> Option<u32>;

    /// `Begun`
    pub type JsBegun;
    #[wasm_bindgen(method, getter, structural, js_name = found)]
    fn records(this: &JsBegun) -> Array;
    #[wasm_bindgen(method, getter, structural)]
    fn still(this: &JsBegun) -> Promise;
}

#[derive(Clone)]
pub struct JsStore(pub JsHost);

async fn outcome(promise: Promise) -> Result<JsValue, StoreError> {
    JsFuture::from(promise).await.map_err(|thrown| {
        if !thrown.is_object() {
            return StoreError::Lost(thrown.as_string().unwrap_or_default());
        }
        let thrown: Trouble = thrown.unchecked_into();
        let why = thrown.why().unwrap_or_default();
        match thrown.code().as_deref() {
            Some("storage_full") => StoreError::Quota,
            Some("storage_unavailable") => StoreError::Unavailable(why),
            Some("storage_newer") => StoreError::Newer {
                found: thrown.found().unwrap_or_default(),
                known: SCHEMA,
            },
            Some("storage_blocked") => StoreError::Blocked,
            Some("storage_timeout") => StoreError::TimedOut,
            Some("storage_failed") => StoreError::Failed(why),
            _ => StoreError::Lost(why),
        }
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn number(value: &JsValue) -> u64 {
    value.as_f64().unwrap_or_default() as u64
}

/// A key as it stands in the store, however odd.
fn key_of(text: &str) -> Key {
    let Ok(Value::Array(parts)) = parse(text) else {
        return Key::default();
    };
    parts.iter().fold(Key::default(), |key, part| match part {
        Value::String(text) => key.text(text),
        other => key.number(other.as_u64().unwrap_or_default()),
    })
}

/// For each query: how many, and for each of them what `flat` in `store.ts` lists. The key of a single
/// record is the one it was asked for by.
fn records(flat: &Array, queries: &[Query]) -> Vec<Vec<Record>> {
    let mut at = 0;
    let mut next = || {
        at += 1;
        flat.get(at - 1)
    };
    let mut out = Vec::with_capacity(queries.len());
    for query in queries {
        let count = number(&next());
        let mut found = vec![];
        for _ in 0..count {
            let revision = number(&next());
            let v = u16::try_from(number(&next())).unwrap_or(u16::MAX);
            let mut text = || next().as_string();
            let (t, body) = (text().unwrap_or_default(), text().unwrap_or_default());
            let seal = text();
            let key = next();
            let key = match query {
                Query::One(_, asked) => asked.clone(),
                _ => key_of(&key.as_string().unwrap_or_default()),
            };
            found.push(Record {
                key,
                revision,
                envelope: Envelope { v, t, seal, body }.into(),
            });
        }
        out.push(found);
    }
    out
}

impl JsStore {
    async fn write(
        &self,
        commit: &Commit,
        begun: &JsValue,
        picture: &JsValue,
    ) -> Result<Committed, StoreError> {
        let bodies = Array::new();
        for (.., envelope) in &commit.puts {
            bodies.push(&JsValue::from_str(&envelope.body));
        }
        let promise = self.0.commit(&wire::commit(commit), bodies, begun, picture);
        let committed = outcome(promise).await?;
        Ok(match committed.as_string().as_deref() {
            Some("stale") => Committed::Stale,
            Some(_) => Committed::Fenced,
            None => Committed::Done(number(&committed)),
        })
    }
}

impl Store for JsStore {
    type Begun = JsBegun;

    async fn read(&self, queries: &[Query]) -> Result<Vec<Vec<Record>>, StoreError> {
        if queries.is_empty() {
            return Ok(vec![]);
        }
        let found = outcome(self.0.read(&wire::queries(queries))).await?;
        Ok(records(found.unchecked_ref(), queries))
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.write(&commit, &JsValue::UNDEFINED, &JsValue::UNDEFINED)
            .await
    }

    async fn begin(
        &self,
        queries: &[Query],
        tables: &[Table],
        durability: Durability,
    ) -> Result<Begun<Self>, StoreError> {
        let (tables, asked) = (wire::tables(tables), wire::queries(queries));
        let strict = durability == Durability::Strict;
        let begun = outcome(self.0.begin(&tables, &asked, strict)).await?;
        let begun: JsBegun = begun.unchecked_into();
        Ok((records(&begun.records(), queries), begun))
    }

    async fn conclude(
        &self,
        begun: JsBegun,
        commit: Option<Commit>,
    ) -> Result<Option<Committed>, StoreError> {
        match commit {
            Some(commit) => {
                let committed = self.write(&commit, &begun, &JsValue::UNDEFINED).await;
                committed.map(Some)
            }
            None => {
                let still = outcome(begun.still()).await?;
                Ok((!still.is_truthy()).then_some(Committed::Stale))
            }
        }
    }
}

fn bytes_key(account: &AccountId, handle: &BlobHandle) -> Key {
    Key::new(&account.0).text(&handle.0)
}

impl JsStore {
    async fn hash(&self, bytes: &ArrayBuffer) -> Result<String, StoreError> {
        let digits = outcome(self.0.hash(bytes)).await?;
        Ok(digits.as_string().unwrap_or_default())
    }
}

impl Blobs for JsStore {
    type Bytes = ArrayBuffer;

    async fn stage(
        &self,
        account: &AccountId,
        handle: BlobHandle,
        media_type: &str,
        bytes: ArrayBuffer,
        now_ms: i64,
    ) -> Result<BlobMeta, StoreError> {
        let key = bytes_key(account, &handle);
        let meta = BlobMeta {
            handle,
            media_type: media_type.to_owned(),
            bytes: u64::from(bytes.byte_length()),
            sha256: self.hash(&bytes).await?,
            staged_at: now_ms,
            pinned_by: None,
        };
        let picture = Array::new();
        picture.push(&JsValue::from_str(&wire::key(&key)));
        picture.push(&JsValue::from_str(media_type));
        picture.push(&bytes);
        let mut commit = Commit::new(Durability::Strict);
        commit.puts.push((Table::Blobs, key, seal("blob", &meta)));
        match self.write(&commit, &JsValue::UNDEFINED, &picture).await? {
            Committed::Done(_) => Ok(meta),
            // Without expectations nothing can be stale.
            _ => Err(StoreError::Failed("the picture was not stored".to_owned())),
        }
    }

    async fn bytes(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<(String, ArrayBuffer)>, StoreError> {
        let found = outcome(self.0.picture(&wire::key(&bytes_key(account, handle)))).await?;
        if found.is_undefined() {
            return Ok(None);
        }
        let found: &Array = found.unchecked_ref();
        let media_type = found.get(0).as_string().unwrap_or_default();
        Ok(Some((media_type, found.get(1).unchecked_into())))
    }

    async fn sha256(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<String>, StoreError> {
        match self.bytes(account, handle).await? {
            Some((_, bytes)) => self.hash(&bytes).await.map(Some),
            None => Ok(None),
        }
    }
}
