//! The blob port: bytes of pictures, by handle. They never enter the core's memory.

use super::store::StoreError;
use crate::domain::ids::{AccountId, BlobHandle};
use crate::domain::proof::BlobMeta;

#[allow(async_fn_in_trait)]
pub trait Blobs {
    /// An `ArrayBuffer` in a browser, a file in the shell, a vector in tests.
    type Bytes: Clone;

    /// Stores the bytes and what is known of them in one strict transaction; length and SHA-256
    /// are measured here.
    async fn stage(
        &self,
        account: &AccountId,
        handle: BlobHandle,
        media_type: &str,
        bytes: Self::Bytes,
        now_ms: i64,
    ) -> Result<BlobMeta, StoreError>;

    async fn bytes(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<(String, Self::Bytes)>, StoreError>;

    /// The SHA-256 of the bytes as they lie there now, lower-case hex.
    async fn sha256(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<String>, StoreError>;
}
