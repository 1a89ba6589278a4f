//! The store port: tables of enveloped records, read in snapshots and changed in whole,
//! conditional commits. One commit is one transaction, complete before it opens; recorders and
//! drainers use the same door.

use crate::domain::json::{FromJson, from_text};
use crate::domain::text::{cut, find, replaced};
use std::fmt;

/// A part of a key. Numbers sort before texts, as in IndexedDB.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPart {
    Number(u64),
    Text(String),
}

/// Every key starts with the account. Its parts stand in one text that sorts as they do, since keys
/// are made and compared more often than anything else: a number is U+0001 and ten characters of
/// seven bits, a text is U+0002, itself, and a zero.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

const NUMBER: char = '\u{1}';
const TEXT: char = '\u{2}';
const ZERO: &str = "\0";
/// A zero that is part of a text; what goes on with one sorts after whatever follows a text's end.
const ZERO_WITHIN: &str = "\0\u{3}";
const DIGITS: usize = 10;
/// Most keys fit; one that does not grows.
const KEY_BYTES: usize = 64;

impl Key {
    pub fn new(account: &str) -> Self {
        Self(String::with_capacity(KEY_BYTES)).text(account)
    }
    #[must_use]
    pub fn text(mut self, part: &str) -> Self {
        self.0.push(TEXT);
        match find(part, ZERO) {
            None => self.0.push_str(part),
            Some(_) => self.0.push_str(&replaced(part, ZERO, ZERO_WITHIN)),
        }
        self.0.push_str(ZERO);
        self
    }
    #[must_use]
    pub fn number(mut self, part: u64) -> Self {
        self.0.push(NUMBER);
        for digit in (0..DIGITS).rev() {
            self.0.push(char::from((part >> (7 * digit)) as u8 & 0x7f));
        }
        self
    }
    pub fn parts(&self) -> Parts<'_> {
        Parts(&self.0)
    }
    fn part(&self, place: usize) -> Option<KeyPart> {
        let mut parts = self.parts();
        for _ in 0..place {
            parts.next();
        }
        parts.next()
    }
    /// The text at this place; empty where there is none.
    pub fn text_at(&self, place: usize) -> String {
        match self.part(place) {
            Some(KeyPart::Text(text)) => text,
            _ => String::new(),
        }
    }
    /// The number at this place; 0 where there is none.
    pub fn number_at(&self, place: usize) -> u64 {
        match self.part(place) {
            Some(KeyPart::Number(number)) => number,
            _ => 0,
        }
    }
    /// Sorts right after all keys that go on from this one; with `numbers`, after those whose next
    /// part is a number.
    #[cfg(feature = "testing")]
    pub(crate) fn end(&self, numbers: bool) -> Self {
        let mut end = String::with_capacity(self.0.len() + 1);
        end.push_str(&self.0);
        end.push(if numbers { TEXT } else { '\u{3}' });
        Self(end)
    }
}

pub struct Parts<'a>(&'a str);

impl Iterator for Parts<'_> {
    type Item = KeyPart;
    fn next(&mut self) -> Option<KeyPart> {
        let all = self.0;
        let bytes = all.as_bytes();
        let (mut to, number) = (1, *bytes.first()? == NUMBER as u8);
        if number {
            to += DIGITS;
            self.0 = cut(all, to, all.len());
        } else {
            loop {
                match (*bytes.get(to)?, bytes.get(to + 1)) {
                    (0, Some(3)) => to += 2,
                    (0, _) => break,
                    _ => to += 1,
                }
            }
            self.0 = cut(all, to + 1, all.len());
        }
        let part = cut(all, 1, to);
        Some(if number {
            let digits = part.bytes();
            KeyPart::Number(digits.fold(0, |number, digit| number << 7 | u64::from(digit)))
        } else {
            KeyPart::Text(replaced(part, ZERO_WITHIN, ZERO))
        })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts().enumerate() {
            if i > 0 {
                f.write_str("/")?;
            }
            match part {
                KeyPart::Text(text) => f.write_str(&text)?,
                KeyPart::Number(number) => write!(f, "{number}")?,
            }
        }
        Ok(())
    }
}

/// The tables of schema version 1. The names are the object stores' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// counters, lease, reachability
    Meta,
    /// not settled: `[account, lane, seq]`
    Operations,
    /// one per lane with work: `[account, lane]`
    Lanes,
    /// settled and discarded: `[account, settled_at, seq]`
    Settled,
    /// what is known of staged bytes: `[account, handle]`
    Blobs,
    /// the bytes themselves, written by the blob port alone
    BlobData,
    /// half-filled stops: `[account, stop]`
    Drafts,
    /// route mirror and progress: `[account, stop]`
    Stops,
    /// sign-in: `[account, "session"]`; which account is current: `["", "current"]`
    Session,
    /// profile documents: `["", revision]`
    Profiles,
    /// why and when a drain ran: `[account, at]`
    Wakes,
    /// unreadable records, raw: `[account, table, key]`
    Quarantine,
}

impl Table {
    pub const ALL: [Self; 12] = [
        Self::Meta,
        Self::Operations,
        Self::Lanes,
        Self::Settled,
        Self::Blobs,
        Self::BlobData,
        Self::Drafts,
        Self::Stops,
        Self::Session,
        Self::Profiles,
        Self::Wakes,
        Self::Quarantine,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Operations => "operations",
            Self::Lanes => "lanes",
            Self::Settled => "settled",
            Self::Blobs => "blobs",
            Self::BlobData => "blob_data",
            Self::Drafts => "drafts",
            Self::Stops => "stops",
            Self::Session => "session",
            Self::Profiles => "profiles",
            Self::Wakes => "wakes",
            Self::Quarantine => "quarantine",
        }
    }
}

/// What a record is wrapped in: which version of which type, and room for encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// version of the stored type
    pub v: u16,
    /// name of the stored type
    pub t: String,
    /// how `body` is sealed; absent: plain JSON
    pub seal: Option<String>,
    pub body: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: Key,
    /// the store-wide change number under which it was last written
    pub revision: u64,
    pub envelope: Found,
}

/// What was read: made anew for each reader, except by the twins, who give the same to all.
#[cfg(feature = "testing")]
pub type Found = std::rc::Rc<crate::known::Shared>;
#[cfg(not(feature = "testing"))]
pub type Found = Envelope;

/// One read of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// zero or one record
    One(Table, Key),
    /// records whose key begins with this one, in key order
    Under {
        table: Table,
        prefix: Key,
        limit: Option<u32>,
        newest_first: bool,
    },
    /// records of one prefix whose next part is a number from `from` on
    From {
        table: Table,
        prefix: Key,
        from: u64,
        limit: Option<u32>,
    },
}

impl Query {
    pub fn under(table: Table, prefix: Key) -> Self {
        Self::Under {
            table,
            prefix,
            limit: None,
            newest_first: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// on the disk before it is confirmed
    Strict,
    Relaxed,
}

/// A change as a whole. It happens if every expectation holds, or not at all.
#[derive(Clone, Debug)]
pub struct Commit {
    pub durability: Durability,
    /// the revision a record must have now; `None`: it must not exist
    pub expect: Vec<(Table, Key, Option<u64>)>,
    /// the drain generation that must still be in force
    pub generation: Option<(Key, u64)>,
    pub puts: Vec<(Table, Key, Envelope)>,
    pub deletes: Vec<(Table, Key)>,
}

impl Commit {
    pub fn new(durability: Durability) -> Self {
        Self {
            durability,
            expect: vec![],
            generation: None,
            puts: vec![],
            deletes: vec![],
        }
    }
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// the store-wide revision it got
    Done(u64),
    /// something else was there first: reload and step again
    Stale,
    /// another drainer is in force: stop
    Fenced,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// the connection died and fresh ones died too
    Lost(String),
    /// the disk is full; nothing was changed
    Quota,
    /// no storage here: private mode, locked down, blocked
    Unavailable(String),
    /// written by a newer core; read-only for this one
    Newer {
        found: u32,
        known: u32,
    },
    /// another window keeps an older schema open
    Blocked,
    TimedOut,
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) => write!(
                f,
                "the storage of this device was lost and could not be opened again: {why}"
            ),
            Self::Quota => f.write_str("the storage of this device is full; nothing was changed"),
            Self::Unavailable(why) => write!(f, "this device gives no storage here: {why}"),
            Self::Newer { found, known } => {
                write!(
                    f,
                    "the storage was written by a newer version ({found}, known here: {known}); update first"
                )
            }
            Self::Blocked => f.write_str("another window holds the storage of this device in an older version; close that window"),
            Self::TimedOut => f.write_str("the storage of this device did not answer in time"),
            Self::Failed(why) => write!(f, "the storage of this device failed: {why}"),
        }
    }
}

impl StoreError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Lost(_) => "storage_lost",
            Self::Quota => "storage_full",
            Self::Unavailable(_) => "storage_unavailable",
            Self::Newer { .. } => "storage_newer",
            Self::Blocked => "storage_blocked",
            Self::TimedOut => "storage_timeout",
            Self::Failed(_) => "storage_failed",
        }
    }
}

/// What a store has to know of a lease record's body.
#[derive(FromJson)]
pub(crate) struct Fence {
    pub(crate) generation: u64,
}

/// What was found, and where a commit that follows from it belongs.
pub type Begun<S> = (Vec<Vec<Record>>, <S as Store>::Begun);

/// The contract every adapter keeps; `testing::contract` checks it.
#[allow(async_fn_in_trait)]
pub trait Store {
    /// A transaction that has read and may write; `()` for an adapter that has none to keep open.
    type Begun;
    /// Answers all queries from one snapshot, in their order.
    async fn read(&self, queries: &[Query]) -> Result<Vec<Vec<Record>>, StoreError>;
    /// Checks every expectation and the generation, then writes, all in one transaction.
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError>;
    /// Reads what a commit is to follow from: by an adapter that can in the transaction over `tables`
    /// that [`Self::conclude`] ends, which saves the round trip between the two. `durability` is
    /// what the commit will probably ask for; one that asks for more gets a transaction of its own.
    async fn begin(
        &self,
        queries: &[Query],
        tables: &[Table],
        durability: Durability,
    ) -> Result<Begun<Self>, StoreError>;
    /// Commits what follows from what was found. Nothing else may be awaited in between: the
    /// transaction would end. What the commit expects has to follow from what was found. `Stale`
    /// comes also where there is no commit, if what was found did not hold.
    async fn conclude(
        &self,
        begun: Self::Begun,
        commit: Option<Commit>,
    ) -> Result<Option<Committed>, StoreError>;
}

/// Reads the generation out of a lease record's body, without knowing the rest of it.
pub fn generation_of(body: &str) -> Option<u64> {
    from_text::<Fence>(body).ok().map(|fence| fence.generation)
}

#[cfg(test)]
mod tests {
    use super::{Key, KeyPart};
    use proptest::prelude::*;

    fn any_key() -> impl Strategy<Value = Vec<KeyPart>> {
        let text = "[\u{0}-\u{4}ab\u{7f}é😀]{0,4}";
        let part = prop_oneof![
            prop_oneof![any::<u64>(), 0..3_u64].prop_map(KeyPart::Number),
            text.prop_map(KeyPart::Text),
        ];
        prop::collection::vec(part, 0..4)
    }

    fn key(parts: &[KeyPart]) -> Key {
        parts.iter().fold(Key::default(), |key, part| match part {
            KeyPart::Number(number) => key.number(*number),
            KeyPart::Text(text) => key.text(text),
        })
    }

    proptest! {
        #[test]
        fn keys_give_their_parts_back_and_sort_by_them(one in any_key(), other in any_key()) {
            prop_assert_eq!(key(&one).parts().collect::<Vec<_>>(), one.clone());
            prop_assert_eq!(key(&one).cmp(&key(&other)), one.cmp(&other));
        }

        #[test]
        fn what_goes_on_from_a_key_lies_between_it_and_its_end(one in any_key(), other in any_key()) {
            let (from, at) = (key(&one), key(&other));
            let goes_on = other.starts_with(&one);
            prop_assert_eq!(goes_on, (from.clone()..from.end(false)).contains(&at));
            let next = other.get(one.len());
            let number = goes_on && matches!(next, Some(KeyPart::Number(_)));
            let numbers = from.clone().number(0)..from.end(true);
            prop_assert_eq!(number, numbers.contains(&at));
        }
    }
}
