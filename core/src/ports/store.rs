//! The store port: tables of enveloped records, read in snapshots and changed in whole,
//! conditional commits. One commit is one transaction, complete before it opens; recorders and
//! drainers use the same door.

use crate::domain::json::{FromJson, from_text};
use std::fmt;

/// A part of a key. Numbers sort before texts, as in IndexedDB.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPart {
    Number(u64),
    Text(String),
}

/// Every key starts with the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub Vec<KeyPart>);

impl Key {
    pub fn new(account: &str) -> Self {
        Self(vec![KeyPart::Text(account.to_owned())])
    }
    #[must_use]
    pub fn text(mut self, part: &str) -> Self {
        self.0.push(KeyPart::Text(part.to_owned()));
        self
    }
    #[must_use]
    pub fn number(mut self, part: u64) -> Self {
        self.0.push(KeyPart::Number(part));
        self
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("/")?;
            }
            match part {
                KeyPart::Text(text) => f.write_str(text)?,
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
    pub envelope: Envelope,
}

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
struct Fence {
    generation: u64,
}

/// What follows from what was read; `None`: nothing.
pub type Work<'a> = dyn FnMut(Vec<Vec<Record>>) -> Option<Commit> + 'a;

/// The contract every adapter keeps; `testing::contract` checks it.
#[allow(async_fn_in_trait)]
pub trait Store {
    /// Answers all queries from one snapshot, in their order.
    async fn read(&self, queries: &[Query]) -> Result<Vec<Vec<Record>>, StoreError>;
    /// Checks every expectation and the generation, then writes, all in one transaction.
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError>;
    /// Reads, lets `work` decide, commits what it gave: by an adapter that can in one transaction over
    /// `tables`, which saves the round trip between the two. `work` is called once at most; what its
    /// commit expects has to follow from what it was given. `durability` is what that commit will
    /// probably ask for; one that asks for more gets a transaction of its own.
    async fn decide(
        &self,
        queries: &[Query],
        _tables: &[Table],
        _durability: Durability,
        work: &mut Work<'_>,
    ) -> Result<Option<Committed>, StoreError> {
        match work(self.read(queries).await?) {
            Some(commit) => Ok(Some(self.commit(commit).await?)),
            None => Ok(None),
        }
    }
}

/// Reads the generation out of a lease record's body, without knowing the rest of it.
pub fn generation_of(body: &str) -> Option<u64> {
    from_text::<Fence>(body).ok().map(|fence| fence.generation)
}
