//! The SQLite file: how it is opened, its tables, and the two doors to it, `read` and `change`.
//!
//! One connection behind one mutex. A request's work is a handful of small statements, so callers
//! hold it for well under a millisecond (a photo: a few); a pool would only blur the order in
//! which things were applied, and that order is what this server is for.
//!
//! What a request changes and the log's "applied" mark are one transaction, so that a killed
//! sandbox never shows an effect that its log denies, or the other way round.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// Raised with every change of `TABLES`; a file of another version is refused, not migrated.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE couriers (id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, password TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE routes (id TEXT PRIMARY KEY, courier TEXT NOT NULL UNIQUE, date TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TABLE stops (
    id TEXT PRIMARY KEY, courier TEXT NOT NULL, sequence INTEGER NOT NULL, kind TEXT NOT NULL,
    status TEXT NOT NULL, version INTEGER NOT NULL, address TEXT NOT NULL,
    window_from INTEGER NOT NULL, window_to INTEGER NOT NULL, note TEXT, proof TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE parcels (
    id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, stop TEXT NOT NULL, label TEXT NOT NULL,
    loaded INTEGER NOT NULL DEFAULT 0, outcome TEXT);
CREATE TABLE tokens (token TEXT PRIMARY KEY, kind TEXT NOT NULL, courier TEXT NOT NULL, expires_at INTEGER NOT NULL);
CREATE TABLE events (
    n INTEGER PRIMARY KEY AUTOINCREMENT, stop TEXT NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL,
    remarks TEXT, received_at INTEGER NOT NULL, detail TEXT NOT NULL);
CREATE INDEX events_by_stop ON events (stop, n);
CREATE TABLE photos (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, stop TEXT NOT NULL, kind TEXT NOT NULL,
    filename TEXT NOT NULL, media_type TEXT NOT NULL, bytes BLOB NOT NULL, sha256 TEXT NOT NULL,
    taken_at INTEGER NOT NULL);
CREATE INDEX photos_by_stop ON photos (stop, n);
CREATE TABLE log (
    n INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, origin TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER, applied_n INTEGER,
    courier TEXT, stop TEXT, type TEXT, remarks TEXT, body TEXT, fault TEXT);
CREATE INDEX log_applied ON log (applied_n);
";

pub struct Database {
    connection: Mutex<Connection>,
}

impl Database {
    /// Opens or creates the file; `fresh` deletes it first.
    ///
    /// # Errors
    /// A sentence for the person who started the sandbox.
    pub fn open(path: &Path, fresh: bool) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("database {}: {error}", path.display());
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(|error| told(&error))?;
        }
        if fresh {
            for ending in ["", "-wal", "-shm"] {
                remove(&with_ending(path, ending)).map_err(|error| told(&error))?;
            }
        }
        let connection = Connection::open(path).map_err(|error| told(&error))?;
        prepare(&connection).map_err(|error| told(&error))?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| told(&error))?;
        if version != VERSION {
            return Err(told(&format!(
                "made by another version of the sandbox ({version}, not {VERSION}); start with --fresh to begin anew"
            )));
        }
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Looks at one consistent state.
    ///
    /// # Errors
    /// What `look` returns.
    pub fn read<T, E>(&self, look: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        look(&self.lock())
    }

    /// Runs `work` in one transaction, committed only if it succeeds.
    ///
    /// # Errors
    /// What `work` returns, or the database's own failure.
    pub fn change<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce(&Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a change has rolled its transaction back; the connection itself is sound.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn setting(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT value FROM settings WHERE name = ?1",
            [name],
            |row| row.get(0),
        )
        .optional()
}

pub fn set_setting(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [name, value],
        )
        .map(drop)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if tables == 0 {
        connection.execute_batch(&format!(
            "BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
    }
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
