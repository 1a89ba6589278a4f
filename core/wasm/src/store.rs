//! The store on IndexedDB, through `idb`.
//!
//! A connection is disposable: WebKit loses it when its network process dies or the app was
//! suspended, often without a `close` event. Every failure that a fresh connection may mend drops
//! the handle, opens anew and tries again, a bounded number of times; a commit that is tried again
//! is protected by its own expectations. Transactions are made through a
//! binding of our own, because neither `idb` nor stable web-sys can ask for durability.

use crate::clock::elapsed;
use crate::error::{Trouble, idb_trouble, trouble};
use futures_util::future::{Either, maybe_done, select};
use idb::{CursorDirection, Database, Factory, KeyPath, KeyRange, ObjectStoreParams, Transaction};
use js_sys::{Array, Object, Reflect};
use pannier::ports::store::{
    Commit, Committed, Durability, Envelope, Key, KeyPart, Query, Record, Store, StoreError, Table,
    Work, generation_of,
};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{IdbDatabase, IdbTransaction};

#[wasm_bindgen]
extern "C" {
    /// web-sys has options for transactions only behind an unstable flag; browsers have had them
    /// since 2021.
    type OptionsDatabase;
    #[wasm_bindgen(method, catch)]
    fn transaction(
        this: &OptionsDatabase,
        stores: &Array,
        mode: &str,
        options: &Object,
    ) -> Result<IdbTransaction, JsValue>;
}

/// Raised only together with a step in [`upgrade`].
pub const SCHEMA: u32 = 1;
const OPEN_MS_MAX: u32 = 10_000;
const TRANSACTION_MS_MAX: u32 = 20_000;
/// fresh connections for one piece of work
const TRIES: usize = 3;
const NO_ANSWER: &str = "no answer in time";

#[derive(Clone)]
pub struct IdbStore(Rc<Inner>);

struct Inner {
    name: String,
    /// `None`: not open, or found dead
    connection: RefCell<Option<Rc<Connection>>>,
    reopened: Cell<u32>,
    /// the last opening met another window that would not let go of an older schema
    blocked: Cell<bool>,
}

struct Connection {
    /// holds the listeners
    database: Database,
    raw: IdbDatabase,
    /// the schema that a newer core left here: it is read as well as can be, and never written
    newer: Option<u32>,
}

impl Connection {
    fn has(&self, table: Table) -> bool {
        let here = |name: &String| name == table.name();
        self.newer.is_none() || self.database.store_names().iter().any(here)
    }

    /// What a newer core wrote is only read.
    fn writable(&self) -> Result<(), Trouble> {
        match self.newer {
            None => Ok(()),
            Some(found) => Err(Trouble::Store(StoreError::Newer {
                found,
                known: SCHEMA,
            })),
        }
    }
}

impl IdbStore {
    pub fn new(name: &str) -> Self {
        Self(Rc::new(Inner {
            name: name.to_owned(),
            connection: RefCell::new(None),
            reopened: Cell::new(0),
            blocked: Cell::new(false),
        }))
    }

    pub fn close(&self) {
        if let Some(connection) = self.0.connection.borrow_mut().take() {
            connection.database.close();
        }
    }

    /// The schema of a newer core, where one was found by the connection that is open.
    pub fn newer(&self) -> Option<u32> {
        self.0.connection.borrow().as_ref()?.newer
    }

    async fn connection(&self) -> Result<Rc<Connection>, Trouble> {
        if let Some(connection) = self.0.connection.borrow().as_ref() {
            return Ok(connection.clone());
        }
        let opened = Rc::new(self.open_in_time().await?);
        // Two callers may have opened at once; the first one in stays.
        let mut slot = self.0.connection.borrow_mut();
        if let Some(first) = slot.as_ref() {
            opened.database.close();
            return Ok(first.clone());
        }
        *slot = Some(opened.clone());
        Ok(opened)
    }

    async fn open_in_time(&self) -> Result<Connection, Trouble> {
        let this = self.clone();
        let opening: Pin<Box<dyn Future<Output = _>>> = Box::pin(async move { this.open().await });
        match select(opening, pin!(elapsed(OPEN_MS_MAX))).await {
            Either::Left((opened, _)) => opened,
            Either::Right((_, late)) => {
                // A connection that nobody holds would stand in the way of an upgrade.
                spawn_local(async move {
                    if let Ok(connection) = late.await {
                        connection.database.close();
                    }
                });
                Err(if self.0.blocked.get() {
                    Trouble::Store(StoreError::Blocked)
                } else {
                    Trouble::Connection(NO_ANSWER.to_owned())
                })
            }
        }
    }

    async fn open(&self) -> Result<Connection, Trouble> {
        match self.open_at(Some(SCHEMA)).await {
            // As it is, without an upgrade: what unsent work it holds can be seen and exported.
            Err(Trouble::Connection(why)) if why.starts_with("VersionError") => {
                self.open_at(None).await
            }
            opened => opened,
        }
    }

    async fn open_at(&self, schema: Option<u32>) -> Result<Connection, Trouble> {
        let unavailable = StoreError::Unavailable("no IndexedDB".to_owned());
        let factory = Factory::new().map_err(|_| Trouble::Store(unavailable))?;
        let mut request = factory.open(&self.0.name, schema).map_err(idb_trouble)?;
        request.on_upgrade_needed(|event| {
            use idb::DatabaseEvent;
            if let Ok(database) = event.database() {
                upgrade(&database);
            }
        });
        self.0.blocked.set(false);
        let weak = Rc::downgrade(&self.0);
        request.on_blocked(move |_| {
            if let Some(inner) = weak.upgrade() {
                inner.blocked.set(true);
            }
        });
        let database = request.await.map_err(idb_trouble)?;
        let found = database.version().map_err(idb_trouble)?;
        let newer = (found > SCHEMA).then_some(found);
        let names = database.store_names();
        if names.is_empty() {
            // WebKit may leave a database whose first upgrade was cut short: nothing is in it, and
            // no upgrade comes any more. It is made anew by the next opening.
            database.close();
            let gone = factory.delete(&self.0.name).map_err(idb_trouble)?;
            gone.await.map_err(idb_trouble)?;
            return Err(Trouble::Connection("the database was empty".to_owned()));
        }
        let missing = |t: &&Table| newer.is_none() && !names.iter().any(|n| n == t.name());
        if let Some(missing) = Table::ALL.iter().find(missing) {
            database.close();
            return Err(Trouble::Store(StoreError::Failed(format!(
                "the database has no store {}",
                missing.name()
            ))));
        }
        let raw = IdbDatabase::from(database);
        let mut database = Database::from(raw.clone());
        let weak = Rc::downgrade(&self.0);
        database.on_close(move |_| {
            if let Some(inner) = weak.upgrade() {
                inner.connection.borrow_mut().take();
            }
        });
        let weak = Rc::downgrade(&self.0);
        database.on_version_change(move |_| {
            // A newer context wants to upgrade: make way, and open again when next needed.
            if let Some(connection) = weak
                .upgrade()
                .and_then(|i| i.connection.borrow_mut().take())
            {
                connection.database.close();
            }
        });
        Ok(Connection {
            database,
            raw,
            newer,
        })
    }

    fn drop_connection(&self) {
        self.0.reopened.set(self.0.reopened.get() + 1);
        if let Some(connection) = self.0.connection.borrow_mut().take() {
            connection.database.close();
        }
    }

    /// Runs `work` on a connection; on trouble with the connection, on a fresh one.
    async fn with_connection<T, F, W>(&self, work: W) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Trouble>>,
        W: Fn(Rc<Connection>) -> F,
    {
        let mut last = String::new();
        // What a dead connection says is no try.
        let known = usize::from(self.0.connection.borrow().is_some());
        for _ in 0..TRIES + known {
            let outcome = match self.connection().await {
                Ok(connection) => within(TRANSACTION_MS_MAX, work(connection))
                    .await
                    .and_then(|r| r),
                Err(trouble) => Err(trouble),
            };
            match outcome {
                Ok(value) => return Ok(value),
                Err(Trouble::Store(error)) => return Err(error),
                Err(Trouble::Connection(why)) => {
                    last = why;
                    self.drop_connection();
                }
            }
        }
        if last == NO_ANSWER {
            return Err(StoreError::TimedOut);
        }
        Err(StoreError::Lost(last))
    }

    /// A commit, with raw values (a picture's bytes) put beside it in the same transaction.
    pub(crate) async fn commit_with(
        &self,
        commit: &Commit,
        raw: &[(Table, JsValue)],
    ) -> Result<Committed, StoreError> {
        self.with_connection(|db| async move { write(&db, commit, raw).await })
            .await
    }

    pub(crate) async fn raw(&self, table: Table, key: &Key) -> Result<Option<JsValue>, StoreError> {
        self.with_connection(|db| async move {
            let ours = begin(&db, &[table], "readonly", Durability::Relaxed)?;
            let transaction = Transaction::from(ours.0.clone());
            let store = transaction
                .object_store(table.name())
                .map_err(idb_trouble)?;
            store
                .get(key_value(key))
                .map_err(idb_trouble)?
                .await
                .map_err(idb_trouble)
        })
        .await
    }
}

/// Additive first, destructive only a version later.
fn upgrade(database: &Database) {
    let present = database.store_names();
    for table in Table::ALL {
        if present.iter().any(|name| name == table.name()) {
            continue;
        }
        let mut params = ObjectStoreParams::new();
        params.key_path(Some(KeyPath::new_single("k")));
        // A failure here leaves the store missing, which opening finds and tells.
        let _ = database.create_object_store(table.name(), params);
    }
}

async fn within<T>(ms: u32, work: impl Future<Output = T>) -> Result<T, Trouble> {
    match select(pin!(work), pin!(elapsed(ms))).await {
        Either::Left((value, _)) => Ok(value),
        Either::Right(_) => Err(Trouble::Connection(NO_ANSWER.to_owned())),
    }
}

/// Work that is given up stops its transaction: a stalled one would hold up all that come after it.
struct Begun(IdbTransaction);

impl Drop for Begun {
    fn drop(&mut self) {
        // One that has ended says so and changes nothing.
        let _ = self.0.abort();
    }
}

fn begin(
    connection: &Connection,
    tables: &[Table],
    mode: &str,
    durability: Durability,
) -> Result<Begun, Trouble> {
    let names: Array = tables.iter().map(|t| JsValue::from_str(t.name())).collect();
    let options = Object::new();
    let wanted = match durability {
        Durability::Strict => "strict",
        Durability::Relaxed => "relaxed",
    };
    // Setting a property of a plain object cannot fail.
    let _ = Reflect::set(&options, &"durability".into(), &wanted.into());
    let database: &OptionsDatabase = connection.raw.unchecked_ref();
    database
        .transaction(&names, mode, &options)
        .map(Begun)
        .map_err(|e| trouble(&e))
}

fn key_value(key: &Key) -> JsValue {
    let out = Array::new();
    for part in &key.0 {
        out.push(&match part {
            KeyPart::Text(text) => JsValue::from_str(text),
            KeyPart::Number(number) => number_value(*number),
        });
    }
    out.into()
}

/// Sequence numbers, times and revisions stay far below 2^53.
#[allow(clippy::cast_precision_loss)]
fn number_value(number: u64) -> JsValue {
    JsValue::from_f64(number as f64)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn number_of(value: &JsValue) -> Option<u64> {
    value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64)
}

fn field(value: &JsValue, name: &str) -> JsValue {
    Reflect::get(value, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

fn to_value(key: &Key, revision: u64, envelope: &Envelope) -> JsValue {
    let out = Object::new();
    let mut fields = vec![
        ("k", key_value(key)),
        ("r", number_value(revision)),
        ("v", JsValue::from_f64(f64::from(envelope.v))),
        ("t", JsValue::from_str(&envelope.t)),
        ("b", JsValue::from_str(&envelope.body)),
    ];
    if let Some(seal) = &envelope.seal {
        fields.push(("s", JsValue::from_str(seal)));
    }
    for (name, value) in fields {
        // Setting a property of a plain object cannot fail.
        let _ = Reflect::set(&out, &name.into(), &value);
    }
    out.into()
}

/// A record as it stands, however odd: what cannot be an envelope becomes an empty one, which the
/// driver finds unreadable and sets aside.
fn from_value(value: &JsValue) -> Record {
    let key = Array::from(&field(value, "k"))
        .iter()
        .map(|part| match (part.as_string(), number_of(&part)) {
            (Some(text), _) => KeyPart::Text(text),
            (None, number) => KeyPart::Number(number.unwrap_or(0)),
        })
        .collect();
    Record {
        key: Key(key),
        revision: number_of(&field(value, "r")).unwrap_or(0),
        envelope: Envelope {
            v: number_of(&field(value, "v"))
                .and_then(|v| u16::try_from(v).ok())
                .unwrap_or(u16::MAX),
            t: field(value, "t").as_string().unwrap_or_default(),
            seal: field(value, "s").as_string(),
            body: field(value, "b").as_string().unwrap_or_default(),
        },
    }
}

/// Every key that begins with `prefix`: an array sorts after every text and number.
fn under(prefix: &Key) -> Result<Option<KeyRange>, Trouble> {
    if prefix.0.is_empty() {
        return Ok(None);
    }
    let upper: Array = key_value(prefix).unchecked_into();
    upper.push(&Array::new());
    KeyRange::bound(&key_value(prefix), &upper, None, None)
        .map(Some)
        .map_err(idb_trouble)
}

async fn run(
    transaction: &Transaction,
    query: &Query,
    here: &[Table],
) -> Result<Vec<JsValue>, Trouble> {
    let (Query::One(table, _) | Query::Under { table, .. } | Query::From { table, .. }) = query;
    if !here.contains(table) {
        return Ok(vec![]);
    }
    let store = |table: &Table| transaction.object_store(table.name()).map_err(idb_trouble);
    match query {
        Query::One(table, key) => {
            let request = store(table)?.get(key_value(key)).map_err(idb_trouble)?;
            Ok(request.await.map_err(idb_trouble)?.into_iter().collect())
        }
        Query::Under {
            table,
            prefix,
            limit,
            newest_first: false,
        } => {
            let range = under(prefix)?.map(Into::into);
            let request = store(table)?.get_all(range, *limit).map_err(idb_trouble)?;
            request.await.map_err(idb_trouble)
        }
        Query::Under {
            table,
            prefix,
            limit,
            newest_first: true,
        } => {
            let range = under(prefix)?.map(Into::into);
            let request = store(table)?
                .open_cursor(range, Some(CursorDirection::Prev))
                .map_err(idb_trouble)?;
            let mut out = vec![];
            let mut cursor = request.await.map_err(idb_trouble)?;
            while let Some(here) = cursor {
                out.push(here.value().map_err(idb_trouble)?);
                if limit.is_some_and(|l| out.len() >= l as usize) {
                    break;
                }
                cursor = here
                    .next(None)
                    .map_err(idb_trouble)?
                    .await
                    .map_err(idb_trouble)?;
            }
            Ok(out)
        }
        Query::From {
            table,
            prefix,
            from,
            limit,
        } => {
            let bound = |last: JsValue| {
                let out: Array = key_value(prefix).unchecked_into();
                out.push(&last);
                out
            };
            let (lower, upper) = (bound(number_value(*from)), bound(JsValue::from_str("")));
            let range = KeyRange::bound(&lower, &upper, None, Some(true)).map_err(idb_trouble)?;
            let request = store(table)?
                .get_all(Some(range.into()), *limit)
                .map_err(idb_trouble)?;
            request.await.map_err(idb_trouble)
        }
    }
}

/// All queries from one snapshot.
async fn ask(
    transaction: &Transaction,
    queries: &[Query],
    here: &[Table],
) -> Result<Vec<Vec<Record>>, Trouble> {
    // Issued together: one round trip to the database, one snapshot.
    let mut asked = Vec::with_capacity(queries.len());
    for query in queries {
        asked.push(maybe_done(Box::pin(run(transaction, query, here))));
    }
    poll_fn(|context| {
        let mut waiting = 0;
        for one in &mut asked {
            waiting += usize::from(Pin::new(one).poll(context).is_pending());
        }
        if waiting == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let mut out = Vec::with_capacity(queries.len());
    for mut one in asked {
        let values = Pin::new(&mut one)
            .take_output()
            .unwrap_or_else(|| Ok(vec![]))?;
        out.push(values.iter().map(from_value).collect());
    }
    Ok(out)
}

/// What a commit touches; the counter of revisions is always among it.
fn touched(commit: &Commit, raw: &[(Table, JsValue)]) -> Vec<Table> {
    let mut tables = vec![Table::Meta];
    let named = commit
        .expect
        .iter()
        .map(|(t, ..)| *t)
        .chain(commit.puts.iter().map(|(t, ..)| *t));
    for table in named
        .chain(commit.deletes.iter().map(|(t, _)| *t))
        .chain(raw.iter().map(|(t, _)| *t))
    {
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    tables
}

async fn write(
    connection: &Connection,
    commit: &Commit,
    raw: &[(Table, JsValue)],
) -> Result<Committed, Trouble> {
    connection.writable()?;
    let tables = touched(commit, raw);
    let ours = begin(connection, &tables, "readwrite", commit.durability)?;
    conclude(ours, commit, &commit.expect, raw).await
}

/// Checks `expect` in the transaction and writes the commit; complete when it resolves.
async fn conclude(
    ours: Begun,
    commit: &Commit,
    expect: &[(Table, Key, Option<u64>)],
    raw: &[(Table, JsValue)],
) -> Result<Committed, Trouble> {
    let transaction = Transaction::from(ours.0.clone());
    let store = |table: Table| transaction.object_store(table.name()).map_err(idb_trouble);
    let counter_key = Key::new("").text("revision");

    // All reads are issued before the first is awaited; nothing foreign is awaited in between.
    let get = |table: Table, key: &Key| -> Result<_, Trouble> {
        use std::future::IntoFuture;
        Ok(store(table)?
            .get(key_value(key))
            .map_err(idb_trouble)?
            .into_future())
    };
    let counter = get(Table::Meta, &counter_key)?;
    let lease = commit
        .generation
        .as_ref()
        .map(|(key, _)| get(Table::Meta, key))
        .transpose()?;
    let mut seen = vec![];
    for (table, key, _) in expect {
        seen.push(get(*table, key)?);
    }
    let counter = counter.await.map_err(idb_trouble)?;
    if let (Some(lease), Some((_, wanted))) = (lease, &commit.generation) {
        let now = lease.await.map_err(idb_trouble)?.map(|v| from_value(&v));
        if now.and_then(|r| generation_of(&r.envelope.body)) != Some(*wanted) {
            return Ok(Committed::Fenced);
        }
    }
    for (found, (_, _, wanted)) in seen.into_iter().zip(expect) {
        let now = found
            .await
            .map_err(idb_trouble)?
            .map(|v| from_value(&v).revision);
        if now != *wanted {
            return Ok(Committed::Stale);
        }
    }

    let revision = counter.map_or(0, |v| from_value(&v).revision) + 1;
    for (table, key) in &commit.deletes {
        store(*table)?.delete(key_value(key)).map_err(idb_trouble)?;
    }
    for (table, key, envelope) in &commit.puts {
        store(*table)?
            .put(&to_value(key, revision, envelope), None)
            .map_err(idb_trouble)?;
    }
    for (table, value) in raw {
        store(*table)?.put(value, None).map_err(idb_trouble)?;
    }
    let counter = Envelope {
        v: 1,
        t: "revision".into(),
        seal: None,
        body: revision.to_string(),
    };
    store(Table::Meta)?
        .put(&to_value(&counter_key, revision, &counter), None)
        .map_err(idb_trouble)?;

    // Resolves on `complete`, not on the last request's success: that is when it is on the disk.
    let ended = transaction.await;
    if ended.as_ref().is_ok_and(|e| e.is_committed()) {
        return Ok(Committed::Done(revision));
    }
    // Why it was stopped is its own to say; a request that failed says no more than that it did.
    Err(match (ours.0.error(), ended) {
        (Some(error), _) => trouble(error.unchecked_ref()),
        (None, Err(error)) => idb_trouble(error),
        (None, Ok(_)) => Trouble::Connection("the transaction was stopped".to_owned()),
    })
}

impl Store for IdbStore {
    async fn read(&self, queries: &[Query]) -> Result<Vec<Vec<Record>>, StoreError> {
        if queries.is_empty() {
            return Ok(vec![]);
        }
        let mut tables: Vec<Table> = vec![];
        for query in queries {
            let (Query::One(table, _) | Query::Under { table, .. } | Query::From { table, .. }) =
                query;
            if !tables.contains(table) {
                tables.push(*table);
            }
        }
        let tables = &tables;
        self.with_connection(|db| async move {
            let here: Vec<Table> = tables.iter().copied().filter(|t| db.has(*t)).collect();
            if here.is_empty() {
                return Ok(vec![vec![]; queries.len()]);
            }
            let ours = begin(&db, &here, "readonly", Durability::Relaxed)?;
            let transaction = Transaction::from(ours.0.clone());
            ask(&transaction, queries, &here).await
        })
        .await
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.commit_with(&commit, &[]).await
    }

    async fn decide(
        &self,
        queries: &[Query],
        tables: &[Table],
        work: &mut Work<'_>,
    ) -> Result<Option<Committed>, StoreError> {
        let work = &RefCell::new(work);
        let decided = &RefCell::new(None::<Commit>);
        self.with_connection(|db| async move {
            if decided.borrow().is_none() {
                db.writable()?;
                let ours = begin(&db, tables, "readwrite", Durability::Strict)?;
                let found = ask(&Transaction::from(ours.0.clone()), queries, tables).await?;
                let Some(commit) = (work.borrow_mut())(found) else {
                    return Ok(None);
                };
                decided.replace(Some(commit.clone()));
                if touched(&commit, &[]).iter().all(|t| tables.contains(t)) {
                    // Nobody can have come between: what it expects is what was just read.
                    return conclude(ours, &commit, &[], &[]).await.map(Some);
                }
            }
            // Tried again on a fresh connection: it may have landed, so everything is checked.
            let commit = decided.borrow().clone();
            match commit {
                Some(commit) => write(&db, &commit, &[]).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }
}
