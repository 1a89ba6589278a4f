//! The core's store and blobs in one SQLite file. A commit is one transaction, and SQLite has it on
//! the disk before it says so; one process at a time has the file.

use pannier::domain::ids::{AccountId, BlobHandle};
use pannier::domain::proof::BlobMeta;
use pannier::ports::blobs::Blobs;
use pannier::ports::records::seal;
use pannier::ports::store::{
    Begun, Commit, Committed, Durability, Envelope, Key, KeyPart, Query, Record, Store, StoreError,
    Table, generation_of,
};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params,
};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::fmt::Write;
use std::path::Path;
use std::rc::Rc;

/// The layout of the tables below.
const SCHEMA: u32 = 1;

const TABLES: &str = "
create table records (
  place text not null, key blob not null, revision integer not null,
  version integer not null, type text not null, seal text, body text not null,
  primary key (place, key)
) without rowid;
create table bytes (key blob primary key, media_type text not null, bytes blob not null);
";

/// A clone is the same file.
#[derive(Clone)]
pub struct SqliteStore {
    connection: Rc<RefCell<Connection>>,
}

fn failed(error: &rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Quota,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Blocked,
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::Unavailable(text)
        }
        _ => StoreError::Failed(text),
    }
}

/// A key as bytes that sort as keys do: numbers before texts, numbers by value, and no text's bytes
/// begin another's.
fn encoded(key: &Key) -> Vec<u8> {
    let mut out = vec![];
    for part in key.parts() {
        match part {
            KeyPart::Number(number) => {
                out.push(1);
                out.extend(number.to_be_bytes());
            }
            KeyPart::Text(text) => {
                out.push(2);
                for byte in text.bytes() {
                    out.push(byte);
                    if byte == 0 {
                        out.push(0xff);
                    }
                }
                out.push(0);
            }
        }
    }
    out
}

fn decoded(bytes: &[u8]) -> Option<Key> {
    let mut out = Key::default();
    let mut rest = bytes;
    while let Some((kind, tail)) = rest.split_first() {
        if *kind == 1 {
            let (number, tail) = tail.split_at_checked(8)?;
            out = out.number(u64::from_be_bytes(number.try_into().ok()?));
            rest = tail;
            continue;
        }
        let mut text = vec![];
        let mut at = 0;
        loop {
            match (tail.get(at)?, tail.get(at + 1)) {
                (0, Some(0xff)) => {
                    text.push(0);
                    at += 2;
                }
                (0, _) => break,
                (byte, _) => {
                    text.push(*byte);
                    at += 1;
                }
            }
        }
        out = out.text(str::from_utf8(&text).ok()?);
        rest = tail.get(at + 1..)?;
    }
    Some(out)
}

fn record(row: &rusqlite::Row<'_>) -> rusqlite::Result<Record> {
    let key: Vec<u8> = row.get(0)?;
    let unread = || {
        let kind = rusqlite::types::Type::Blob;
        rusqlite::Error::FromSqlConversionFailure(0, kind, "no key".into())
    };
    Ok(Record {
        key: decoded(&key).ok_or_else(unread)?,
        revision: row.get(1)?,
        envelope: Envelope {
            v: row.get(2)?,
            t: row.get(3)?,
            seal: row.get(4)?,
            body: row.get(5)?,
        }
        .into(),
    })
}

const COLUMNS: &str =
    "select key, revision, version, type, seal, body from records where place = ?1";

fn found(connection: &Connection, query: &Query) -> rusqlite::Result<Vec<Record>> {
    let all = -1_i64;
    // Behind every key that begins with the prefix: no part of a key begins with this byte.
    let behind = |prefix: &Key, byte: u8| {
        let mut end = encoded(prefix);
        end.push(byte);
        end
    };
    let (table, from, to, limit, order) = match query {
        Query::One(table, key) => {
            let mut asked = connection.prepare_cached(&format!("{COLUMNS} and key = ?2"))?;
            let rows = asked.query_map(params![table.name(), encoded(key)], record)?;
            return rows.collect();
        }
        Query::Under {
            table,
            prefix,
            limit,
            newest_first,
        } => {
            let order = if *newest_first { "desc" } else { "asc" };
            (table, encoded(prefix), behind(prefix, 3), limit, order)
        }
        Query::From {
            table,
            prefix,
            from,
            limit,
        } => {
            let from = encoded(&prefix.clone().number(*from));
            (table, from, behind(prefix, 2), limit, "asc")
        }
    };
    let sql = format!("{COLUMNS} and key >= ?2 and key < ?3 order by key {order} limit ?4");
    let mut asked = connection.prepare_cached(&sql)?;
    let limit = limit.map_or(all, i64::from);
    let rows = asked.query_map(params![table.name(), from, to, limit], record)?;
    rows.collect()
}

fn revision_of(
    transaction: &Transaction<'_>,
    table: Table,
    key: &Key,
) -> rusqlite::Result<Option<u64>> {
    let mut asked =
        transaction.prepare_cached("select revision from records where place = ?1 and key = ?2")?;
    asked
        .query_row(params![table.name(), encoded(key)], |row| row.get(0))
        .optional()
}

fn counter() -> Key {
    Key::new("").text("revision")
}

fn put(
    transaction: &Transaction<'_>,
    revision: u64,
    table: Table,
    key: &Key,
    envelope: &Envelope,
) -> rusqlite::Result<()> {
    let Envelope { v, t, seal, body } = envelope;
    transaction
        .prepare_cached("insert or replace into records (place, key, revision, version, type, seal, body) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![table.name(), encoded(key), revision, v, t, seal, body])?;
    Ok(())
}

fn written(transaction: &Transaction<'_>, commit: &Commit) -> rusqlite::Result<Committed> {
    if let Some((key, wanted)) = &commit.generation {
        let lease = found(transaction, &Query::One(Table::Meta, key.clone()))?;
        if lease.first().and_then(|r| generation_of(&r.envelope.body)) != Some(*wanted) {
            return Ok(Committed::Fenced);
        }
    }
    for (table, key, wanted) in &commit.expect {
        if revision_of(transaction, *table, key)? != *wanted {
            return Ok(Committed::Stale);
        }
    }
    let revision = revision_of(transaction, Table::Meta, &counter())?.unwrap_or(0) + 1;
    for (table, key) in &commit.deletes {
        let key = encoded(key);
        if *table == Table::BlobData {
            transaction.execute("delete from bytes where key = ?1", params![key])?;
        }
        transaction.execute(
            "delete from records where place = ?1 and key = ?2",
            params![table.name(), key],
        )?;
    }
    for (table, key, envelope) in &commit.puts {
        put(transaction, revision, *table, key, envelope)?;
    }
    put(
        transaction,
        revision,
        Table::Meta,
        &counter(),
        &seal("revision", &revision),
    )?;
    Ok(Committed::Done(revision))
}

fn digest(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

impl SqliteStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `storage_blocked` while another process has it, `storage_newer`, `storage_unavailable`,
    /// `storage_failed` for a file that is no such store.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        Self::begin(Connection::open(file)).map_err(|error| failed(&error))?
    }

    /// One that goes with the process, for tests.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::begin(Connection::open_in_memory()).map_err(|error| failed(&error))?
    }

    fn begin(opened: rusqlite::Result<Connection>) -> rusqlite::Result<Result<Self, StoreError>> {
        let mut connection = opened?;
        // Whoever has the file has it for as long as he runs.
        connection.busy_timeout(std::time::Duration::ZERO)?;
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.pragma_update(None, "synchronous", "full")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        let schema: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if schema > SCHEMA {
            return Ok(Err(StoreError::Newer {
                found: schema,
                known: SCHEMA,
            }));
        }
        if schema == 0 {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", SCHEMA)?;
        }
        transaction.commit()?;
        let connection = Rc::new(RefCell::new(connection));
        Ok(Ok(Self { connection }))
    }

    /// All of it in one transaction, or nothing.
    fn change<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<(T, bool)>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.borrow_mut();
        let whole = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let (out, keep) = work(&transaction)?;
            if keep {
                transaction.commit()?;
            }
            Ok(out)
        };
        whole().map_err(|error: rusqlite::Error| failed(&error))
    }
}

impl Store for SqliteStore {
    type Begun = ();

    async fn read(&self, queries: &[Query]) -> Result<Vec<Vec<Record>>, StoreError> {
        self.change(|transaction| {
            let all: rusqlite::Result<Vec<_>> =
                queries.iter().map(|q| found(transaction, q)).collect();
            Ok((all?, false))
        })
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.change(|transaction| {
            let committed = written(transaction, &commit)?;
            let keep = matches!(committed, Committed::Done(_));
            Ok((committed, keep))
        })
    }

    // Nothing is saved by a transaction that stays open: reading is no round trip here.
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

impl Blobs for SqliteStore {
    type Bytes = Vec<u8>;

    async fn stage(
        &self,
        account: &AccountId,
        handle: BlobHandle,
        media_type: &str,
        bytes: Vec<u8>,
        now_ms: i64,
    ) -> Result<BlobMeta, StoreError> {
        let meta = BlobMeta {
            handle: handle.clone(),
            media_type: media_type.to_owned(),
            bytes: bytes.len() as u64,
            sha256: digest(&bytes),
            staged_at: now_ms,
            pinned_by: None,
        };
        let key = Key::new(&account.0).text(&handle.0);
        let mut commit = Commit::new(Durability::Strict);
        commit
            .puts
            .push((Table::Blobs, key.clone(), seal("blob", &meta)));
        self.change(|transaction| {
            written(transaction, &commit)?;
            transaction.execute(
                "insert or replace into bytes (key, media_type, bytes) values (?1, ?2, ?3)",
                params![encoded(&key), media_type, bytes],
            )?;
            Ok(((), true))
        })?;
        Ok(meta)
    }

    async fn bytes(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let key = encoded(&Key::new(&account.0).text(&handle.0));
        let connection = self.connection.borrow();
        let asked = connection.query_row(
            "select media_type, bytes from bytes where key = ?1",
            params![key],
            |row| Ok((row.get(0)?, row.get(1)?)),
        );
        asked.optional().map_err(|error| failed(&error))
    }

    async fn sha256(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<Option<String>, StoreError> {
        let found = self.bytes(account, handle).await?;
        Ok(found.map(|(_, bytes)| digest(&bytes)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{decoded, encoded};
    use pannier::ports::store::Key;

    #[test]
    fn keys_sort_as_bytes_as_they_do_by_themselves() {
        let mut keys = vec![
            Key::default(),
            Key::new(""),
            Key::new("").number(0),
            Key::new("").number(u64::MAX),
            Key::new("").text(""),
            Key::new("\0"),
            Key::new("\0\u{1}"),
            Key::new("a"),
            Key::new("a").number(1),
            Key::new("a").number(256),
            Key::new("a").text("b").number(3),
            Key::new("a\0"),
            Key::new("a\0b"),
            Key::new("ab"),
            Key::new("å"),
            Key::new("\u{10ffff}"),
        ];
        keys.sort();
        let bytes: Vec<Vec<u8>> = keys.iter().map(encoded).collect();
        assert!(bytes.is_sorted(), "{bytes:?}");
        for (key, bytes) in keys.iter().zip(&bytes) {
            assert_eq!(&decoded(bytes).unwrap(), key);
        }
    }
}
