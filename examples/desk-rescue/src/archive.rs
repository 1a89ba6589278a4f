//! An export as docs/export.md has it: the ZIP, in clear or sealed to the office, and its index.

use crate::Wrong;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, Serializable, setup_receiver};
use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey;
use pannier::domain::json::parse;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Read};
use zip::ZipArchive;

const MAGIC: &[u8; 16] = b"pannier-sealed-1";
/// The magic, the hash of the office's key, the ephemeral key.
const HEAD_BYTES: usize = 16 + 32 + 65;
const LAST: u32 = 0x8000_0000;
const VERSION: u64 = 1;

/// An export that is open.
pub struct Archive {
    pub index: Value,
    /// names this very export
    pub print: String,
    files: ZipArchive<Cursor<Vec<u8>>>,
}

fn damaged(why: impl std::fmt::Display) -> Wrong {
    Wrong::new(
        "archive_damaged",
        format!("the archive is damaged or was cut: {why}"),
    )
}

impl Archive {
    /// Opens the file's bytes; `key` is the office's private key, as PEM text or a JWK.
    ///
    /// # Errors
    /// `seal_key_needed`, `seal_key_invalid`, `seal_key_other`, `seal_damaged`; `archive_unknown`,
    /// `archive_damaged`; `export_unknown`, `export_newer`.
    pub fn open(bytes: Vec<u8>, key: Option<&str>) -> Result<Self, Wrong> {
        let bytes = match (bytes.starts_with(MAGIC), key) {
            (true, Some(key)) => unsealed(&bytes, &private_key(key)?)?,
            (true, None) => {
                let text = "this export is sealed to the office: --office-key FILE opens it";
                return Err(Wrong::new("seal_key_needed", text));
            }
            (false, _) => bytes,
        };
        if !bytes.starts_with(b"PK") {
            let text = "this is neither an export in clear (.zip) nor a sealed one (.sealed)";
            return Err(Wrong::new("archive_unknown", text));
        }
        let mut files = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        let text = contents(&mut files, "index.json").map_err(damaged)?;
        let print = hex(&Sha256::digest(&text));
        let text = String::from_utf8(text).map_err(damaged)?;
        let index = parse(&text).map_err(damaged)?;
        if index["format"] != "pannier-export" {
            return Err(Wrong::new(
                "export_unknown",
                "its index is not that of a Pannier export",
            ));
        }
        let version = index["version"].as_u64().unwrap_or(u64::MAX);
        if version > VERSION {
            let text =
                format!("the export has version {version}, and this program reads {VERSION}");
            return Err(Wrong::new("export_newer", text));
        }
        Ok(Self {
            index,
            print,
            files,
        })
    }

    /// The bytes of a picture; `None` where the archive has none that can be read.
    pub fn picture(&mut self, path: &str) -> Option<Vec<u8>> {
        contents(&mut self.files, path).ok()
    }
}

/// The checksum of the archive is compared while it is read.
fn contents(files: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Result<Vec<u8>, String> {
    let mut file = files.by_name(name).map_err(|e| format!("{name}: {e}"))?;
    let mut out = vec![];
    file.read_to_end(&mut out)
        .map_err(|e| format!("{name}: {e}"))?;
    Ok(out)
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// As openssl writes it (with or without the parameters before it), as PKCS #8, or as a JWK.
fn private_key(text: &str) -> Result<SecretKey, Wrong> {
    let sec1 = text
        .find("-----BEGIN EC PRIVATE KEY-----")
        .map(|at| &text[at..]);
    let read = match sec1 {
        _ if text.trim_start().starts_with('{') => SecretKey::from_jwk_str(text).ok(),
        Some(pem) => SecretKey::from_sec1_pem(pem.trim_end()).ok(),
        None => SecretKey::from_pkcs8_pem(text.trim()).ok(),
    };
    read.ok_or_else(|| {
        let text = "the office's key is no private P-256 key as PEM text or a JWK";
        Wrong::new("seal_key_invalid", text)
    })
}

fn unsealed(bytes: &[u8], key: &SecretKey) -> Result<Vec<u8>, Wrong> {
    let broken = |why: &str| Wrong::new("seal_damaged", format!("the sealed export {why}"));
    let Some((head, mut rest)) = bytes.split_at_checked(HEAD_BYTES) else {
        return Err(broken("was cut in its first bytes"));
    };
    let own = <DhP256HkdfSha256 as Kem>::PrivateKey::from_bytes(&key.to_bytes());
    let own =
        own.map_err(|_| Wrong::new("seal_key_invalid", "the office's key is no key of P-256"))?;
    let public = DhP256HkdfSha256::sk_to_pk(&own).to_bytes();
    if Sha256::digest(public)[..] != head[16..48] {
        let text = "it was sealed to another key than this one; which one, its first bytes say";
        return Err(Wrong::new("seal_key_other", text));
    }
    let sender = <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(&head[48..])
        .map_err(|_| broken("is damaged in its first bytes"))?;
    let mut context = setup_receiver::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &own,
        &sender,
        &head[..16],
    )
    .map_err(|_| broken("is damaged in its first bytes"))?;
    let mut plain = vec![];
    loop {
        let cut = || broken("was cut: its last piece is missing");
        let (length, tail) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_be_bytes(*length);
        let last = length & LAST != 0;
        let bytes = usize::try_from(length & !LAST).unwrap_or(usize::MAX);
        let (piece, tail) = tail.split_at_checked(bytes).ok_or_else(cut)?;
        let opened = context.open(piece, &[u8::from(last)]);
        plain.extend(opened.map_err(|_| broken("was changed after it was sealed"))?);
        rest = tail;
        if last {
            break;
        }
    }
    if rest.is_empty() {
        Ok(plain)
    } else {
        Err(broken("has bytes behind its end"))
    }
}
