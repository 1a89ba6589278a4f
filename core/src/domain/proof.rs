//! Proof of delivery: what a stop asks for, and what bytes may be one.

use super::error::{Refusal, Refused};
use super::ids::BlobHandle;
use crate::domain::json::{FromJson, ToJson};

/// How much a stop insists on one kind of proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum Requirement {
    /// nothing is delivered without it
    Required,
    /// asked for, not insisted on
    Warned,
    #[default]
    Optional,
}

/// A kind of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum Proof {
    Scan,
    Photo,
    Signature,
}

impl Proof {
    pub const ALL: [Self; 3] = [Self::Scan, Self::Photo, Self::Signature];
}

/// How much a stop insists on each proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct ProofPolicy {
    #[json(default)]
    pub photo: Requirement,
    #[json(default)]
    pub signature: Requirement,
    #[json(default)]
    pub scan: Requirement,
    /// a required proof may be left out when the courier gives a reason
    #[json(default)]
    pub overridable: bool,
}

impl ProofPolicy {
    pub fn requirement(&self, proof: Proof) -> Requirement {
        match proof {
            Proof::Photo => self.photo,
            Proof::Signature => self.signature,
            Proof::Scan => self.scan,
        }
    }
}

/// The courier's reason for leaving a required proof out.
#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(deny_unknown_fields)]
pub struct ProofOverride {
    pub proof: Proof,
    pub reason: String,
}

/// What is known of staged bytes; the bytes themselves never pass through the core.
#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct BlobMeta {
    pub handle: BlobHandle,
    pub media_type: String,
    pub bytes: u64,
    /// lower-case hex
    pub sha256: String,
    pub staged_at: i64,
    /// the operation that needs these bytes; they are never swept while it is set
    #[json(default)]
    pub pinned_by: Option<u64>,
}

pub const BLOB_BYTES_MAX: u64 = 50 * 1024 * 1024;

/// What the first bytes say the picture is, whatever its name or claimed type.
pub fn sniff(head: &[u8]) -> Option<&'static str> {
    let brand = || head.get(8..12);
    if head.starts_with(&[0xff, 0xd8, 0xff]) {
        Some("image/jpeg")
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if head.starts_with(b"RIFF") && brand() == Some(b"WEBP") {
        Some("image/webp")
    } else if head.get(4..8) == Some(b"ftyp")
        && matches!(
            brand(),
            Some(b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1")
        )
    {
        Some("image/heic")
    } else if head.starts_with(b"<svg") || head.starts_with(b"<?xml") {
        Some("image/svg+xml")
    } else {
        None
    }
}

/// Whether bytes with this head and length may be staged as proof, and as what media type.
///
/// # Errors
/// `photo_empty`, `photo_too_large`, `photo_not_a_picture`.
pub fn check_picture(head: &[u8], bytes: u64) -> Result<&'static str, Refusal> {
    if bytes == 0 {
        return Err(Refused::new(
            "photo_empty",
            "the picture has no bytes; take it again",
        ));
    }
    if bytes > BLOB_BYTES_MAX {
        return Err(
            Refused::new("photo_too_large", "the picture has too many bytes")
                .with("bytes", &bytes)
                .with("most", &BLOB_BYTES_MAX),
        );
    }
    sniff(head).ok_or_else(|| {
        Refused::new(
            "photo_not_a_picture",
            "the file is no picture that is known (JPEG, PNG, WebP, HEIC, SVG)",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide_what_a_picture_is() {
        assert_eq!(sniff(&[0xff, 0xd8, 0xff, 0xe0]), Some("image/jpeg"));
        assert_eq!(sniff(b"\0\0\0\x18ftypheic"), Some("image/heic"));
        assert_eq!(sniff(b"hello, courier"), None);
        assert_eq!(sniff(b""), None);
    }

    #[test]
    fn useless_bytes_are_refused_by_name() {
        let code = |head: &[u8], n| check_picture(head, n).err().map(|r| r.code);
        assert_eq!(code(b"", 0), Some("photo_empty"));
        assert_eq!(code(&[0xff, 0xd8, 0xff], 60 << 20), Some("photo_too_large"));
        assert_eq!(code(b"%PDF-1.7", 900), Some("photo_not_a_picture"));
        assert_eq!(code(&[0xff, 0xd8, 0xff], 900), None);
    }
}
