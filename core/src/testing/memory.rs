//! Store, blobs and lock in memory, shared by clones as tabs share a database.

use super::run::pause;
use crate::domain::ids::{AccountId, BlobHandle};
use crate::domain::proof::BlobMeta;
use crate::ports::blobs::Blobs;
use crate::ports::lock::Lock;
use crate::ports::records::seal;
use crate::ports::store::{
    Commit, Committed, Durability, Envelope, Key, KeyPart, Query, Record, Store, StoreError, Table,
    generation_of,
};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

#[derive(Default)]
struct Inner {
    revision: u64,
    tables: BTreeMap<Table, BTreeMap<Key, (u64, Envelope)>>,
    bytes: BTreeMap<Key, (String, Vec<u8>)>,
    /// answers in place of the next commits
    faults: Vec<StoreError>,
    strict_commits: u64,
    commits: u64,
    repeat_next: bool,
}

#[derive(Clone, Default)]
pub struct MemoryStore(Rc<RefCell<Inner>>);

impl MemoryStore {
    pub fn fail_next_commit(&self, error: StoreError) {
        self.0.borrow_mut().faults.push(error);
    }
    /// The next commit is written, its connection dies before it can say so, and it is tried again.
    pub fn repeat_next_commit(&self) {
        self.0.borrow_mut().repeat_next = true;
    }
    pub fn commits(&self) -> (u64, u64) {
        let inner = self.0.borrow();
        (inner.commits, inner.strict_commits)
    }
    /// Damages a record as a bug or a bad disk would.
    pub fn spoil(&self, table: Table, nth: usize) {
        let mut inner = self.0.borrow_mut();
        let records = inner.tables.get_mut(&table).expect("the table has records");
        let (_, envelope) = records.values_mut().nth(nth).expect("the record exists");
        envelope.body.truncate(envelope.body.len() / 2);
    }
    pub fn count(&self, table: Table) -> usize {
        self.0.borrow().tables.get(&table).map_or(0, BTreeMap::len)
    }
}

fn matches(query: &Query, key: &Key) -> bool {
    match query {
        Query::One(_, wanted) => key == wanted,
        Query::Under { prefix, .. } => key.0.starts_with(&prefix.0),
        Query::From { prefix, from, .. } => {
            key.0.starts_with(&prefix.0)
                && matches!(key.0.get(prefix.0.len()), Some(KeyPart::Number(n)) if n >= from)
        }
    }
}

impl Store for MemoryStore {
    async fn read(&self, queries: &[Query]) -> Result<Vec<Vec<Record>>, StoreError> {
        pause().await;
        let inner = self.0.borrow();
        let mut out = Vec::with_capacity(queries.len());
        for query in queries {
            let (table, limit, newest_first) = match query {
                Query::One(table, _) => (table, Some(1), false),
                Query::Under {
                    table,
                    limit,
                    newest_first,
                    ..
                } => (table, *limit, *newest_first),
                Query::From { table, limit, .. } => (table, *limit, false),
            };
            let empty = BTreeMap::new();
            let rows = inner.tables.get(table).unwrap_or(&empty);
            let mut found: Vec<Record> = rows
                .iter()
                .filter(|(key, _)| matches(query, key))
                .map(|(key, (revision, envelope))| Record {
                    key: key.clone(),
                    revision: *revision,
                    envelope: envelope.clone(),
                })
                .collect();
            if newest_first {
                found.reverse();
            }
            found.truncate(limit.map_or(usize::MAX, |l| l as usize));
            out.push(found);
        }
        Ok(out)
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        pause().await;
        if std::mem::take(&mut self.0.borrow_mut().repeat_next) {
            self.write(commit.clone())?;
        }
        let outcome = self.write(commit);
        // It has happened, and nobody has been told yet.
        pause().await;
        outcome
    }
}

impl MemoryStore {
    fn write(&self, commit: Commit) -> Result<Committed, StoreError> {
        let mut inner = self.0.borrow_mut();
        if !inner.faults.is_empty() {
            return Err(inner.faults.remove(0));
        }
        let found = |table: Table, key: &Key| inner.tables.get(&table).and_then(|t| t.get(key));
        if let Some((key, wanted)) = &commit.generation {
            let now = found(Table::Meta, key).and_then(|(_, e)| generation_of(&e.body));
            if now != Some(*wanted) {
                return Ok(Committed::Fenced);
            }
        }
        for (table, key, wanted) in &commit.expect {
            if found(*table, key).map(|(revision, _)| *revision) != *wanted {
                return Ok(Committed::Stale);
            }
        }
        inner.revision += 1;
        let revision = inner.revision;
        let counter = seal("revision", &revision);
        let puts =
            commit
                .puts
                .into_iter()
                .chain([(Table::Meta, Key::new("").text("revision"), counter)]);
        for (table, key) in commit.deletes {
            inner.tables.entry(table).or_default().remove(&key);
            if table == Table::BlobData {
                inner.bytes.remove(&key);
            }
        }
        for (table, key, envelope) in puts {
            inner
                .tables
                .entry(table)
                .or_default()
                .insert(key, (revision, envelope));
        }
        inner.commits += 1;
        inner.strict_commits += u64::from(commit.durability == Durability::Strict);
        Ok(Committed::Done(revision))
    }
}

impl Blobs for MemoryStore {
    type Bytes = Vec<u8>;

    async fn stage(
        &self,
        account: &AccountId,
        handle: BlobHandle,
        media_type: &str,
        bytes: Vec<u8>,
        now_ms: i64,
    ) -> Result<BlobMeta, StoreError> {
        pause().await;
        let sha256 = Sha256::digest(&bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let meta = BlobMeta {
            handle: handle.clone(),
            media_type: media_type.to_owned(),
            bytes: bytes.len() as u64,
            sha256,
            staged_at: now_ms,
            pinned_by: None,
        };
        let key = Key::new(&account.0).text(&handle.0);
        let mut commit = Commit::new(Durability::Strict);
        commit
            .puts
            .push((Table::Blobs, key.clone(), seal("blob", &meta)));
        self.commit(commit).await?;
        self.0
            .borrow_mut()
            .bytes
            .insert(key, (media_type.to_owned(), bytes));
        Ok(meta)
    }

    async fn bytes(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        pause().await;
        Ok(self
            .0
            .borrow()
            .bytes
            .get(&Key::new(&account.0).text(&handle.0))
            .cloned())
    }
}

/// Locks between the drivers of one test.
#[derive(Clone, Default)]
pub struct MemoryLock(Rc<RefCell<Held>>);

/// Tickets handed out, and who holds what.
type Held = (u64, BTreeSet<(String, u64)>);

impl MemoryLock {
    /// A holder that will never let go, as WebKit's dead workers do.
    pub fn hold_forever(&self, name: &str) {
        self.0.borrow_mut().1.insert((name.to_owned(), 0));
    }
}

pub struct MemoryGuard {
    lock: MemoryLock,
    name: String,
    ticket: u64,
}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        let held = (self.name.clone(), self.ticket);
        self.lock.0.borrow_mut().1.remove(&held);
    }
}

impl Lock for MemoryLock {
    type Guard = MemoryGuard;

    async fn try_acquire(&self, name: &str, steal: bool) -> Option<MemoryGuard> {
        pause().await;
        let mut inner = self.0.borrow_mut();
        if steal {
            inner.1.retain(|(held, _)| held != name);
        }
        if inner.1.iter().any(|(held, _)| held == name) {
            return None;
        }
        inner.0 += 1;
        let ticket = inner.0;
        inner.1.insert((name.to_owned(), ticket));
        Some(MemoryGuard {
            lock: self.clone(),
            name: name.to_owned(),
            ticket,
        })
    }

    async fn acquire(&self, name: &str, _ms: u32) -> Option<MemoryGuard> {
        self.try_acquire(name, false).await
    }
}
