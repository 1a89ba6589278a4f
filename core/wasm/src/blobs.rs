//! Pictures as ArrayBuffers in IndexedDB, apart from what is known of them. Not as Blobs: Safari
//! loses those. The bytes stay on JavaScript's side; only length and hash are taken from them.

use crate::clock::global;
use crate::store::IdbStore;
use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use pannier::domain::ids::{AccountId, BlobHandle};
use pannier::domain::proof::BlobMeta;
use pannier::ports::blobs::Blobs;
use pannier::ports::records::seal;
use pannier::ports::store::{Commit, Committed, Durability, Key, StoreError, Table};
use std::fmt::Write;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

pub type Bytes = ArrayBuffer;

async fn sha256(bytes: &ArrayBuffer) -> Result<String, StoreError> {
    let failed = |why: &str| StoreError::Unavailable(format!("hashing is not available: {why}"));
    let subtle = global("crypto")
        .and_then(|c| Reflect::get(&c, &"subtle".into()).ok())
        .filter(|s| !s.is_undefined())
        .ok_or_else(|| failed("the page is not served over https"))?;
    let subtle: web_sys::SubtleCrypto = subtle.unchecked_into();
    let digest = subtle
        .digest_with_str_and_buffer_source("SHA-256", bytes)
        .map_err(|_| failed("the browser refused"))?;
    let digest = JsFuture::from(digest)
        .await
        .map_err(|_| failed("the browser refused"))?;
    Ok(hex(&Uint8Array::new(&digest).to_vec()))
}

pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl Blobs for IdbStore {
    type Bytes = ArrayBuffer;

    async fn stage(
        &self,
        account: &AccountId,
        handle: BlobHandle,
        media_type: &str,
        bytes: ArrayBuffer,
        now_ms: i64,
    ) -> Result<BlobMeta, StoreError> {
        let meta = BlobMeta {
            handle: handle.clone(),
            media_type: media_type.to_owned(),
            bytes: u64::from(bytes.byte_length()),
            sha256: sha256(&bytes).await?,
            staged_at: now_ms,
            pinned_by: None,
        };
        let key = Key::new(&account.0).text(&handle.0);
        let value = Object::new();
        let path: Array = [&account.0, &handle.0]
            .iter()
            .map(|p| JsValue::from_str(p))
            .collect();
        for (name, field) in [
            ("k", path.into()),
            ("m", JsValue::from_str(media_type)),
            ("d", bytes.into()),
        ] {
            let field: JsValue = field;
            // Setting a property of a plain object cannot fail.
            let _ = Reflect::set(&value, &name.into(), &field);
        }
        let mut commit = Commit::new(Durability::Strict);
        commit.puts.push((Table::Blobs, key, seal("blob", &meta)));
        match self
            .commit_with(&commit, &[(Table::BlobData, value.into())])
            .await?
        {
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
        let key = Key::new(&account.0).text(&handle.0);
        let Some(value) = self.raw(Table::BlobData, &key).await? else {
            return Ok(None);
        };
        let part = |name: &str| Reflect::get(&value, &name.into()).unwrap_or(JsValue::UNDEFINED);
        let media_type = part("m").as_string().unwrap_or_default();
        Ok(part("d")
            .dyn_into::<ArrayBuffer>()
            .ok()
            .map(|bytes| (media_type, bytes)))
    }

    async fn sha256(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<String>, StoreError> {
        match self.bytes(account, handle).await? {
            Some((_, bytes)) => sha256(&bytes).await.map(Some),
            None => Ok(None),
        }
    }
}
