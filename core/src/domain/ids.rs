//! Identifiers as their own types, so that a stop's id cannot be passed for a parcel's.

use crate::domain::json::{FromJson, ToJson};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, ToJson, FromJson)]
        #[json(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(/// Whose work it is; part of every key in the store.
    AccountId);
id!(/// One intent for life: minted when recorded, the same for every attempt.
    OperationId);
id!(/// A strict sequence of operations; only its head may be attempted.
    LaneId);
id!(StopId);
id!(ParcelId);
id!(/// Names staged bytes (a photo, a signature) without holding them.
    BlobHandle);
id!(/// Which version of a profile document.
    ProfileRevision);

impl OperationId {
    /// Writes 16 random bytes and the moment as a UUID of version 7, so that ids sort by time.
    pub fn mint(now_ms: i64, random: [u8; 16]) -> Self {
        let mut bytes = random;
        let time = now_ms.max(0).to_be_bytes();
        bytes[..6].copy_from_slice(&time[2..]);
        bytes[6] = (bytes[6] & 0x0f) | 0x70;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (i, byte) in bytes.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        Self(text)
    }

    /// The moment that the id was minted at, by the device's clock; 0 where it says none.
    pub fn minted_at(&self) -> u64 {
        let mut out = 0;
        for byte in self.0.bytes().filter(|b| *b != b'-').take(12) {
            out = out * 16
                + match byte {
                    b'0'..=b'9' => u64::from(byte - b'0'),
                    b'a'..=b'f' => u64::from(byte - b'a') + 10,
                    _ => return 0,
                };
        }
        out
    }
}

impl LaneId {
    /// Work that belongs to no stop.
    pub fn route() -> Self {
        Self("route".into())
    }
    pub fn stop(stop: &StopId) -> Self {
        Self(format!("stop/{stop}"))
    }
    /// A lane beside the stop's own, for a kind that the profile declares independent.
    pub fn beside(stop: &StopId, kind: &str) -> Self {
        Self(format!("stop/{stop}/{kind}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_are_version_7_uuids_and_sort_by_time() {
        let early = OperationId::mint(1_700_000_000_000, [0xff; 16]);
        let late = OperationId::mint(1_700_000_000_001, [0; 16]);
        assert_eq!(early.0, "018bcfe5-6800-7fff-bfff-ffffffffffff");
        assert!(early < late);
        assert_eq!(early.minted_at(), 1_700_000_000_000);
        assert_eq!(OperationId::new("odd").minted_at(), 0);
    }
}
