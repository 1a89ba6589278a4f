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
    /// answers every commit, as a newer core's store would
    read_only: Option<StoreError>,
    records_read: usize,
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
    /// Other bytes under the same handle, as a bad disk would have it; `None`: no bytes any more.
    pub fn spoil_bytes(&self, handle: &BlobHandle, bytes: Option<Vec<u8>>) {
        let mut inner = self.0.borrow_mut();
        let key = inner.bytes.keys().find(|key| {
            key.0
                .last()
                .is_some_and(|part| *part == KeyPart::Text(handle.0.clone()))
        });
        let key = key.expect("the picture is there").clone();
        match (bytes, inner.bytes.get_mut(&key)) {
            (Some(bytes), Some((_, old))) => *old = bytes,
            _ => {
                inner.bytes.remove(&key);
            }
        }
    }
    /// Damages the record that holds this text.
    pub fn spoil_body(&self, text: &str) {
        let mut inner = self.0.borrow_mut();
        let mut records = inner.tables.values_mut().flat_map(BTreeMap::values_mut);
        let (_, envelope) = records
            .find(|(_, e)| e.body.contains(text) && e.t == "operation")
            .expect("the record exists");
        envelope.body.truncate(envelope.body.len() - 2);
    }
    pub fn read_only(&self, error: StoreError) {
        self.0.borrow_mut().read_only = Some(error);
    }
    /// The body of the nth record.
    pub fn body(&self, table: Table, nth: usize) -> String {
        let inner = self.0.borrow();
        let (_, envelope) = inner.tables[&table].values().nth(nth).expect("exists");
        envelope.body.clone()
    }
    /// Every key and body, to look for what must not be there. The profile is everybody's.
    pub fn dump(&self) -> String {
        let inner = self.0.borrow();
        let mut out = String::new();
        for (table, records) in &inner.tables {
            if *table != Table::Profiles {
                for (_, envelope) in records.values() {
                    out.push_str(&envelope.body);
                    out.push('\n');
                }
            }
        }
        out
    }
    /// Pictures whose bytes are here.
    pub fn pictures(&self) -> usize {
        self.0.borrow().bytes.len()
    }
    pub fn only_picture(&self) -> BlobHandle {
        let inner = self.0.borrow();
        assert_eq!(inner.bytes.len(), 1);
        match inner.bytes.keys().next().and_then(|key| key.0.last()) {
            Some(KeyPart::Text(handle)) => BlobHandle(handle.clone()),
            _ => panic!("a picture without a handle"),
        }
    }
    /// How many records reads have given so far.
    pub fn records_read(&self) -> usize {
        self.0.borrow().records_read
    }
    /// The first settled operation as often as this, each so much later than the one before.
    pub fn multiply_settled(&self, times: u64, ms: u64) {
        let mut inner = self.0.borrow_mut();
        let settled = inner.tables.entry(Table::Settled).or_default();
        let (key, (revision, envelope)) = settled.iter().next().expect("one is there");
        let (key, revision, envelope) = (key.clone(), *revision, envelope.clone());
        let KeyPart::Number(at) = key.0[1] else {
            panic!("settled operations are kept by time");
        };
        for n in 1..times {
            let later = at + n * ms;
            let mut key = key.clone();
            key.0[1] = KeyPart::Number(later);
            key.0[2] = KeyPart::Number(1_000 + n);
            let mut envelope = envelope.clone();
            envelope.body = envelope
                .body
                .replace(&at.to_string(), &later.to_string())
                .replace("\"seq\":1,", &format!("\"seq\":{},", 1_000 + n));
            settled.insert(key, (revision, envelope));
        }
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
            // Keys that begin alike lie together.
            let (start, prefix) = match query {
                Query::One(_, key) => (key.clone(), key),
                Query::Under { prefix, .. } => (prefix.clone(), prefix),
                Query::From { prefix, from, .. } => (prefix.clone().number(*from), prefix),
            };
            let near = rows
                .range(start..)
                .take_while(|(key, _)| key.0.starts_with(&prefix.0));
            let enough = match (limit, newest_first) {
                (Some(limit), false) => limit as usize,
                _ => usize::MAX,
            };
            let mut found: Vec<Record> = near
                .filter(|(key, _)| matches(query, key))
                .take(enough)
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
        drop(inner);
        self.0.borrow_mut().records_read += out.iter().map(Vec::len).sum::<usize>();
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
        if let Some(error) = &inner.read_only {
            return Err(error.clone());
        }
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
        let sha256 = digest(&bytes);
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

    async fn sha256(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<String>, StoreError> {
        Ok(self
            .bytes(account, handle)
            .await?
            .map(|(_, bytes)| digest(&bytes)))
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
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
