//! The relay's SQLite file: its key pair, and the phones.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use p256::ecdsa::SigningKey;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::subscription::{Keys, Subscription};

const VERSION: i64 = 1;
const TABLES: &str = "
CREATE TABLE keys (name TEXT PRIMARY KEY, secret BLOB NOT NULL);
CREATE TABLE phones (
    endpoint TEXT PRIMARY KEY, p256dh TEXT NOT NULL, auth TEXT NOT NULL, account TEXT NOT NULL,
    seen_at INTEGER NOT NULL, pushed_at INTEGER, refused INTEGER NOT NULL DEFAULT 0);
CREATE INDEX phones_by_account ON phones (account, seen_at);
";

/// One courier, several browsers; more are left over from reinstalled apps.
const PHONES_OF_ACCOUNT_MAX: i64 = 5;
/// A service that says no so often means it.
const REFUSED_MAX: i64 = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    pub subscription: Subscription,
    /// when it last registered
    pub seen_at: i64,
    pub pushed_at: Option<i64>,
    /// how often in a row its service said no
    pub refused: i64,
}

pub struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens or creates the file; `:memory:` is for tests.
    ///
    /// # Errors
    /// A sentence for the person who started the relay.
    pub fn open(path: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let connection = Connection::open(path).map_err(|error| told(&error))?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| told(&error))?;
        match version {
            0 => connection
                .execute_batch(&format!(
                    "BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
                ))
                .map_err(|error| told(&error))?,
            VERSION => {}
            other => {
                return Err(told(&format!(
                    "made by another version of the relay ({other})"
                )));
            }
        }
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The relay's key pair, minted once: subscriptions hold for one key only.
    ///
    /// # Errors
    /// When the file or the system's chance fails.
    pub fn key(&self) -> Result<SigningKey, String> {
        let connection = self.lock();
        let kept: Option<Vec<u8>> = connection
            .query_row("SELECT secret FROM keys WHERE name = 'vapid'", [], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|error| error.to_string())?;
        if let Some(bytes) = kept {
            return SigningKey::from_slice(&bytes).map_err(|error| error.to_string());
        }
        // Nearly every 32 bytes are a key; the few that are none are drawn again.
        let key = loop {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
            if let Ok(key) = SigningKey::from_slice(&bytes) {
                break key;
            }
        };
        connection
            .execute(
                "INSERT INTO keys (name, secret) VALUES ('vapid', ?1)",
                [&key.to_bytes()[..]],
            )
            .map_err(|error| error.to_string())?;
        Ok(key)
    }

    /// # Errors
    /// When the file fails.
    pub fn register(&self, subscription: &Subscription, now_ms: i64) -> rusqlite::Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let Subscription {
            endpoint,
            keys,
            account,
        } = subscription;
        transaction.execute(
            "INSERT INTO phones (endpoint, p256dh, auth, account, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (endpoint) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth,
             account = excluded.account, seen_at = excluded.seen_at, refused = 0",
            (endpoint, &keys.p256dh, &keys.auth, account, now_ms),
        )?;
        if !account.is_empty() {
            transaction.execute(
                "DELETE FROM phones WHERE account = ?1 AND endpoint NOT IN
                 (SELECT endpoint FROM phones WHERE account = ?1 ORDER BY seen_at DESC, endpoint LIMIT ?2)",
                (account, PHONES_OF_ACCOUNT_MAX),
            )?;
        }
        transaction.commit()
    }

    /// # Errors
    /// When the file fails.
    pub fn remove(&self, endpoint: &str) -> rusqlite::Result<bool> {
        Ok(self
            .lock()
            .execute("DELETE FROM phones WHERE endpoint = ?1", [endpoint])?
            > 0)
    }

    /// Of one account, or all.
    ///
    /// # Errors
    /// When the file fails.
    pub fn phones(&self, account: Option<&str>) -> rusqlite::Result<Vec<Phone>> {
        let connection = self.lock();
        let mut all = connection.prepare(
            "SELECT endpoint, p256dh, auth, account, seen_at, pushed_at, refused FROM phones
             WHERE ?1 IS NULL OR account = ?1 ORDER BY seen_at, endpoint",
        )?;
        let phones = all.query_map([account], phone)?;
        phones.collect()
    }

    /// # Errors
    /// When the file fails.
    pub fn pushed(&self, endpoint: &str, taken: bool, now_ms: i64) -> rusqlite::Result<()> {
        let connection = self.lock();
        connection.execute(
            "UPDATE phones SET pushed_at = ?2, refused = CASE WHEN ?3 THEN 0 ELSE refused + 1 END WHERE endpoint = ?1",
            (endpoint, now_ms, taken),
        )?;
        connection.execute("DELETE FROM phones WHERE refused >= ?1", [REFUSED_MAX])?;
        Ok(())
    }
}

fn phone(row: &Row<'_>) -> rusqlite::Result<Phone> {
    Ok(Phone {
        subscription: Subscription {
            endpoint: row.get(0)?,
            keys: Keys {
                p256dh: row.get(1)?,
                auth: row.get(2)?,
            },
            account: row.get(3)?,
        },
        seen_at: row.get(4)?,
        pushed_at: row.get(5)?,
        refused: row.get(6)?,
    })
}
