//! Store, blobs and lock in memory, shared by clones as tabs share a database.

use super::clock::TestClock;
use super::run::pause;
use crate::domain::ids::{AccountId, BlobHandle};
use crate::domain::proof::BlobMeta;
use crate::ports::blobs::Blobs;
use crate::ports::lock::Lock;
use crate::ports::records::seal;
use crate::ports::store::{
    Begun, Commit, Committed, Durability, Envelope, Fence, Found, Key, KeyPart, Query, Record,
    Store, StoreError, Table,
};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::ops::Bound;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

type Rows = BTreeMap<Key, (u64, Found)>;

/// The tables as they stand.
#[derive(Default)]
pub struct Tables(BTreeMap<Table, Rows>);

impl Tables {
    pub fn get(&self, table: Table, key: &Key) -> Option<&(u64, Found)> {
        self.0.get(&table)?.get(key)
    }
    pub fn rows(&self, table: Table) -> impl Iterator<Item = Record> {
        self.0.get(&table).into_iter().flatten().map(record)
    }
    fn find(&self, query: &Query) -> Vec<Record> {
        let (Query::One(table, prefix)
        | Query::Under { table, prefix, .. }
        | Query::From { table, prefix, .. }) = query;
        let Some(rows) = self.0.get(table) else {
            return vec![];
        };
        let bounded = |limit: &Option<u32>| limit.map_or(usize::MAX, |l| l as usize);
        match query {
            Query::One(_, key) => rows.get_key_value(key).map(record).into_iter().collect(),
            Query::Under {
                limit,
                newest_first,
                ..
            } => {
                let end = prefix.end(false);
                let found = rows.range::<Key, _>(between(prefix, &end));
                if *newest_first {
                    found.rev().take(bounded(limit)).map(record).collect()
                } else {
                    found.take(bounded(limit)).map(record).collect()
                }
            }
            Query::From { from, limit, .. } => {
                let (from, end) = (prefix.clone().number(*from), prefix.end(true));
                let found = rows.range::<Key, _>(between(&from, &end));
                found.take(bounded(limit)).map(record).collect()
            }
        }
    }
}

fn between<'a>(from: &'a Key, end: &'a Key) -> (Bound<&'a Key>, Bound<&'a Key>) {
    (Bound::Included(from), Bound::Excluded(end))
}

fn record((key, (revision, envelope)): (&Key, &(u64, Found))) -> Record {
    Record {
        key: key.clone(),
        revision: *revision,
        envelope: envelope.clone(),
    }
}

/// A record with another body: what the one before was read as is not known of it.
fn alter(envelope: &mut Found, body: impl FnOnce(&mut String)) {
    let mut altered = Envelope::clone(envelope);
    body(&mut altered.body);
    *envelope = altered.into();
}

/// What a commit meets instead of being done.
#[derive(Clone, Debug)]
pub enum StoreFault {
    /// nothing is changed
    Refused(StoreError),
    /// it is written, and the one who asked is told this
    Landed(StoreError),
    /// it is written, its connection dies before it can say so, and it is tried again
    Repeated,
}

/// A commit that holds, just before it is written.
pub struct Observed<'a> {
    pub context: u32,
    pub puts: &'a [(Table, Key, Found)],
    pub deletes: &'a [(Table, Key)],
    pub before: &'a Tables,
}

type Meets = Box<dyn FnMut(u32, Option<&Commit>) -> Option<StoreFault>>;
type Watcher = Box<dyn FnMut(&Observed<'_>)>;

#[derive(Default)]
struct Inner {
    revision: u64,
    tables: Tables,
    bytes: BTreeMap<Key, (String, Vec<u8>)>,
    /// answers in place of the next commits
    faults: Vec<StoreError>,
    strict_commits: u64,
    commits: u64,
    repeat_next: bool,
    /// answers every commit, as a newer core's store would
    read_only: Option<StoreError>,
    records_read: usize,
    meets: Option<Meets>,
    watcher: Option<Watcher>,
}

/// A clone for another context has that context's number.
#[derive(Clone, Default)]
pub struct MemoryStore {
    inner: Rc<RefCell<Inner>>,
    context: u32,
}

impl MemoryStore {
    #[must_use]
    pub fn of(&self, context: u32) -> Self {
        Self {
            inner: self.inner.clone(),
            context,
        }
    }
    /// Asked before every read (`None`) and every commit, with the number of the context.
    pub fn meets(&self, faults: impl FnMut(u32, Option<&Commit>) -> Option<StoreFault> + 'static) {
        self.inner.borrow_mut().meets = Some(Box::new(faults));
    }
    /// Sees every commit that holds.
    pub fn watch(&self, watcher: impl FnMut(&Observed<'_>) + 'static) {
        self.inner.borrow_mut().watcher = Some(Box::new(watcher));
    }
    pub fn look<T>(&self, at: impl FnOnce(&Tables) -> T) -> T {
        at(&self.inner.borrow().tables)
    }
    pub fn has_bytes(&self, account: &AccountId, handle: &BlobHandle) -> bool {
        let key = Key::new(&account.0).text(&handle.0);
        self.inner.borrow().bytes.contains_key(&key)
    }
    fn met(&self, commit: Option<&Commit>) -> Option<StoreFault> {
        let faults = self.inner.borrow_mut().meets.take();
        let mut faults = faults?;
        let met = faults(self.context, commit);
        self.inner.borrow_mut().meets.get_or_insert(faults);
        met
    }
    pub fn fail_next_commit(&self, error: StoreError) {
        self.inner.borrow_mut().faults.push(error);
    }
    /// The next commit is written, its connection dies before it can say so, and it is tried again.
    pub fn repeat_next_commit(&self) {
        self.inner.borrow_mut().repeat_next = true;
    }
    pub fn commits(&self) -> (u64, u64) {
        let inner = self.inner.borrow();
        (inner.commits, inner.strict_commits)
    }
    /// Damages a record as a bug or a bad disk would.
    pub fn spoil(&self, table: Table, nth: usize) {
        let mut inner = self.inner.borrow_mut();
        let records = inner
            .tables
            .0
            .get_mut(&table)
            .expect("the table has records");
        let (_, envelope) = records.values_mut().nth(nth).expect("the record exists");
        alter(envelope, |body| body.truncate(body.len() / 2));
    }
    /// Other bytes under the same handle, as a bad disk would have it; `None`: no bytes any more.
    pub fn spoil_bytes(&self, handle: &BlobHandle, bytes: Option<Vec<u8>>) {
        let mut inner = self.inner.borrow_mut();
        let key = inner.bytes.keys().find(|key| {
            let last = key.parts().last();
            last == Some(KeyPart::Text(handle.0.clone()))
        });
        let key = key.expect("the picture is there").clone();
        match (bytes, inner.bytes.get_mut(&key)) {
            (Some(bytes), Some((_, old))) => *old = bytes,
            _ => {
                inner.bytes.remove(&key);
            }
        }
    }
    /// Adds a field to every body that is an object, as a newer core may; how many those are.
    pub fn add_to_bodies(&self, name: &str, json: &str) -> usize {
        let mut inner = self.inner.borrow_mut();
        let bodies = inner.tables.0.values_mut().flat_map(BTreeMap::values_mut);
        let mut added = 0;
        for (_, envelope) in bodies.filter(|(_, e)| e.body.len() > 2 && e.body.ends_with('}')) {
            alter(envelope, |body| {
                body.pop();
                body.push_str(&format!(",\"{name}\":{json}}}"));
            });
            added += 1;
        }
        added
    }
    /// Damages the record that holds this text.
    pub fn spoil_body(&self, text: &str) {
        let mut inner = self.inner.borrow_mut();
        let mut records = inner.tables.0.values_mut().flat_map(BTreeMap::values_mut);
        let (_, envelope) = records
            .find(|(_, e)| e.body.contains(text) && e.t == "operation")
            .expect("the record exists");
        alter(envelope, |body| body.truncate(body.len() - 2));
    }
    pub fn read_only(&self, error: StoreError) {
        self.inner.borrow_mut().read_only = Some(error);
    }
    /// The body of the nth record.
    pub fn body(&self, table: Table, nth: usize) -> String {
        let inner = self.inner.borrow();
        let (_, envelope) = inner.tables.0[&table].values().nth(nth).expect("exists");
        envelope.body.clone()
    }
    /// Every key and body, to look for what must not be there. The profile is everybody's.
    pub fn dump(&self) -> String {
        let inner = self.inner.borrow();
        let mut out = String::new();
        for (table, records) in &inner.tables.0 {
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
        self.inner.borrow().bytes.len()
    }
    pub fn only_picture(&self) -> BlobHandle {
        let inner = self.inner.borrow();
        assert_eq!(inner.bytes.len(), 1);
        match inner.bytes.keys().next().and_then(|key| key.parts().last()) {
            Some(KeyPart::Text(handle)) => BlobHandle(handle),
            _ => panic!("a picture without a handle"),
        }
    }
    /// How many records reads have given so far.
    pub fn records_read(&self) -> usize {
        self.inner.borrow().records_read
    }
    /// The first settled operation as often as this, each so much later than the one before.
    pub fn multiply_settled(&self, times: u64, ms: u64) {
        let mut inner = self.inner.borrow_mut();
        let settled = inner.tables.0.entry(Table::Settled).or_default();
        let (key, (revision, envelope)) = settled.iter().next().expect("one is there");
        let (revision, envelope) = (*revision, envelope.clone());
        let (account, at) = (key.text_at(0), key.number_at(1));
        for n in 1..times {
            let later = at + n * ms;
            let key = Key::new(&account).number(later).number(1_000 + n);
            let mut envelope = Envelope::clone(&envelope);
            envelope.body = envelope
                .body
                .replace(&at.to_string(), &later.to_string())
                .replace("\"seq\":1,", &format!("\"seq\":{},", 1_000 + n));
            settled.insert(key, (revision, envelope.into()));
        }
    }
    pub fn count(&self, table: Table) -> usize {
        self.inner.borrow().tables.rows(table).count()
    }
}

impl Store for MemoryStore {
    type Begun = ();

    async fn read(&self, queries: &[Query]) -> Result<Vec<Vec<Record>>, StoreError> {
        pause().await;
        if let Some(StoreFault::Refused(error)) = self.met(None) {
            return Err(error);
        }
        let mut inner = self.inner.borrow_mut();
        let found: Vec<Vec<Record>> = queries.iter().map(|q| inner.tables.find(q)).collect();
        inner.records_read += found.iter().map(Vec::len).sum::<usize>();
        Ok(found)
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.change(commit, None).await
    }

    async fn begin(
        &self,
        queries: &[Query],
        _tables: &[Table],
        _durability: Durability,
    ) -> Result<Begun<Self>, StoreError> {
        Ok((self.read(queries).await?, ()))
    }

    async fn conclude(
        &self,
        (): (),
        commit: Option<Commit>,
    ) -> Result<Option<Committed>, StoreError> {
        match commit {
            Some(commit) => self.commit(commit).await.map(Some),
            None => Ok(None),
        }
    }
}

/// A picture's bytes with their media type, and where they belong.
type Staged = (Key, (String, Vec<u8>));

impl MemoryStore {
    async fn change(&self, commit: Commit, bytes: Option<Staged>) -> Result<Committed, StoreError> {
        pause().await;
        let mut met = self.met(Some(&commit));
        if std::mem::take(&mut self.inner.borrow_mut().repeat_next) {
            met = Some(StoreFault::Repeated);
        }
        let outcome = match met {
            Some(StoreFault::Refused(error)) => Err(error),
            Some(StoreFault::Landed(error)) => {
                self.write(commit)?;
                Err(error)
            }
            Some(StoreFault::Repeated) => {
                self.write(commit.clone())?;
                pause().await;
                self.write(commit)
            }
            None => self.write(commit),
        };
        if let (Ok(Committed::Done(_)), Some((key, bytes))) = (&outcome, bytes) {
            self.inner.borrow_mut().bytes.insert(key, bytes);
        }
        // It has happened, and nobody has been told yet.
        pause().await;
        outcome
    }

    fn write(&self, commit: Commit) -> Result<Committed, StoreError> {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if let Some(error) = &inner.read_only {
            return Err(error.clone());
        }
        if !inner.faults.is_empty() {
            return Err(inner.faults.remove(0));
        }
        if let Some((key, wanted)) = &commit.generation {
            let lease = inner.tables.get(Table::Meta, key);
            if lease
                .and_then(|(_, e)| e.read::<Fence>().ok())
                .map(|f| f.generation)
                != Some(*wanted)
            {
                return Ok(Committed::Fenced);
            }
        }
        for (table, key, wanted) in &commit.expect {
            if inner.tables.get(*table, key).map(|(revision, _)| *revision) != *wanted {
                return Ok(Committed::Stale);
            }
        }
        let puts = commit.puts.into_iter();
        let puts = puts.map(|(table, key, envelope)| (table, key, envelope.into()));
        let mut puts: Vec<(Table, Key, Found)> = puts.collect();
        if let Some(watcher) = &mut inner.watcher {
            watcher(&Observed {
                context: self.context,
                puts: &puts,
                deletes: &commit.deletes,
                before: &inner.tables,
            });
        }
        inner.revision += 1;
        let revision = inner.revision;
        let counter = seal("revision", &revision);
        let key = Key::new("").text("revision");
        puts.push((Table::Meta, key, counter.into()));
        let tables = &mut inner.tables.0;
        for (table, key) in commit.deletes {
            tables.entry(table).or_default().remove(&key);
            if table == Table::BlobData {
                inner.bytes.remove(&key);
            }
        }
        for (table, key, envelope) in puts {
            let rows = tables.entry(table).or_default();
            rows.insert(key, (revision, envelope));
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
        let bytes = (media_type.to_owned(), bytes);
        self.change(commit, Some((key, bytes))).await?;
        Ok(meta)
    }

    async fn bytes(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        pause().await;
        Ok(self
            .inner
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
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        for nibble in [byte >> 4, byte & 15] {
            out.extend(char::from_digit(nibble.into(), 16));
        }
    }
    out
}

/// Locks between the drivers of one test. A clone for another context has that context's number.
#[derive(Clone)]
pub struct MemoryLock {
    held: Rc<RefCell<Held>>,
    clock: TestClock,
    context: u32,
}

#[derive(Default)]
struct Held {
    tickets: u64,
    /// name, ticket and the context that has it
    by: BTreeSet<(String, u64, u32)>,
    /// contexts that died without the browser noticing: what they held stays held
    torn: BTreeSet<u32>,
    waiting: Vec<Waker>,
}

/// In place of a context: nobody who could let go.
const NOBODY: u32 = u32::MAX;

impl MemoryLock {
    pub fn new(clock: &TestClock) -> Self {
        Self {
            held: Rc::default(),
            clock: clock.clone(),
            context: 0,
        }
    }
    #[must_use]
    pub fn of(&self, context: u32) -> Self {
        Self {
            context,
            ..self.clone()
        }
    }
    /// A holder that will never let go, as WebKit's dead workers do.
    pub fn hold_forever(&self, name: &str) {
        self.held
            .borrow_mut()
            .by
            .insert((name.to_owned(), 0, NOBODY));
    }
    /// What this context holds when it dies stays held.
    pub fn tear(&self, context: u32) {
        self.held.borrow_mut().torn.insert(context);
    }

    fn take(&self, name: &str, steal: bool) -> Option<MemoryGuard> {
        let mut held = self.held.borrow_mut();
        if steal {
            held.by.retain(|(other, ..)| other != name);
        }
        if held.by.iter().any(|(other, ..)| other == name) {
            return None;
        }
        held.tickets += 1;
        let entry = (name.to_owned(), held.tickets, self.context);
        held.by.insert(entry.clone());
        Some(MemoryGuard {
            held: self.held.clone(),
            entry,
        })
    }
}

pub struct MemoryGuard {
    held: Rc<RefCell<Held>>,
    entry: (String, u64, u32),
}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        let mut held = self.held.borrow_mut();
        if !held.torn.contains(&self.entry.2) {
            held.by.remove(&self.entry);
            held.waiting.drain(..).for_each(Waker::wake);
        }
    }
}

impl Lock for MemoryLock {
    type Guard = MemoryGuard;

    async fn try_acquire(&self, name: &str, steal: bool) -> Option<MemoryGuard> {
        pause().await;
        self.take(name, steal)
    }

    async fn acquire(&self, name: &str, ms: u32) -> Option<MemoryGuard> {
        pause().await;
        let mut late = pin!(self.clock.until(self.clock.elapsed_ms() + i64::from(ms)));
        poll_fn(|context| {
            let guard = self.take(name, false);
            if guard.is_some() || late.as_mut().poll(context).is_ready() {
                return Poll::Ready(guard);
            }
            let waker = context.waker().clone();
            self.held.borrow_mut().waiting.push(waker);
            Poll::Pending
        })
        .await
    }
}
