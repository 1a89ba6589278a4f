//! The record of what arrived, in order, and of what came of it.
//!
//! A row is written when a request's head is there, before anything else happens to it, so that
//! a request that a fault swallows, or a copy that a browser resent on its own, is still counted.
//! The rest is filled in as it becomes known: the body, the courier, the fault, the status.
//! `applied_n` is set in the same transaction that changes a stop; it numbers the effects in the
//! order in which they happened, which is not the order of arrival when requests overlap.

use axum::http::Method;
use rusqlite::{Connection, Row, Transaction, params};
use serde_json::{Map, Value, json};

use crate::app::Door;

/// The log's number of the request that is being answered.
#[derive(Clone, Copy, Debug)]
pub struct Arrival(pub i64);

pub fn arrived(
    connection: &Connection,
    door: Door,
    method: &Method,
    path: &str,
    now: i64,
) -> rusqlite::Result<Arrival> {
    let subject = Subject::of(method, path);
    connection.execute(
        "INSERT INTO log (received_at, origin, method, path, stop, type) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![now, door.name(), method.as_str(), path, subject.stop, subject.kind],
    )?;
    Ok(Arrival(connection.last_insert_rowid()))
}

pub fn set_fault(connection: &Connection, arrival: Arrival, fault: &str) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE log SET fault = ?2 WHERE n = ?1",
            params![arrival.0, fault],
        )
        .map(drop)
}

/// Keeps what a JSON request said; passwords and tokens are not kept.
pub fn set_body(connection: &Connection, arrival: Arrival, body: &Value) -> rusqlite::Result<()> {
    let mut body = body.clone();
    for secret in ["password", "refresh_token"] {
        if let Some(value) = body.get_mut(secret) {
            *value = "[hidden]".into();
        }
    }
    connection
        .execute(
            "UPDATE log SET body = ?2, remarks = coalesce(?3, remarks) WHERE n = ?1",
            params![
                arrival.0,
                body.to_string(),
                body.get("remarks").and_then(Value::as_str)
            ],
        )
        .map(drop)
}

pub fn set_courier(
    connection: &Connection,
    arrival: Arrival,
    courier: &str,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE log SET courier = ?2 WHERE n = ?1",
            params![arrival.0, courier],
        )
        .map(drop)
}

pub fn set_stop(connection: &Connection, arrival: Arrival, stop: &str) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE log SET stop = ?2 WHERE n = ?1",
            params![arrival.0, stop],
        )
        .map(drop)
}

pub fn set_remarks(
    connection: &Connection,
    arrival: Arrival,
    remarks: &str,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE log SET remarks = ?2 WHERE n = ?1",
            params![arrival.0, remarks],
        )
        .map(drop)
}

/// The backend's own answer, whether or not a fault kept it from the client.
pub fn set_status(connection: &Connection, arrival: Arrival, status: u16) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE log SET status = ?2 WHERE n = ?1",
            params![arrival.0, status],
        )
        .map(drop)
}

/// This request's effect is in this transaction.
pub fn set_applied(
    transaction: &Transaction,
    arrival: Arrival,
    stop: &str,
) -> rusqlite::Result<()> {
    transaction
        .execute(
            "UPDATE log SET stop = ?2, applied_n = (SELECT coalesce(max(applied_n), 0) + 1 FROM log) WHERE n = ?1",
            params![arrival.0, stop],
        )
        .map(drop)
}

/// Something that the office did, which came in by no API request.
pub fn office(
    transaction: &Transaction,
    path: &str,
    stop: &str,
    body: &Value,
    now: i64,
) -> rusqlite::Result<()> {
    transaction
        .execute(
            "INSERT INTO log (received_at, origin, method, path, status, applied_n, stop, type, body)
             VALUES (?1, 'page', 'POST', ?2, 200, (SELECT coalesce(max(applied_n), 0) + 1 FROM log), ?3, 'office', ?4)",
            params![now, path, stop, body.to_string()],
        )
        .map(drop)
}

pub fn clear(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM log", []).map(drop)
}

pub struct Entry {
    pub n: i64,
    pub received_at: i64,
    pub origin: String,
    pub method: String,
    pub path: String,
    pub status: Option<u16>,
    pub applied_n: Option<i64>,
    pub courier: Option<String>,
    pub stop: Option<String>,
    pub kind: Option<String>,
    pub remarks: Option<String>,
    pub body: Value,
    pub fault: Option<String>,
}

impl Entry {
    fn read(row: &Row) -> rusqlite::Result<Self> {
        let body: Option<String> = row.get("body")?;
        Ok(Self {
            n: row.get("n")?,
            received_at: row.get("received_at")?,
            origin: row.get("origin")?,
            method: row.get("method")?,
            path: row.get("path")?,
            status: row.get("status")?,
            applied_n: row.get("applied_n")?,
            courier: row.get("courier")?,
            stop: row.get("stop")?,
            kind: row.get("type")?,
            remarks: row.get("remarks")?,
            body: body
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
            fault: row.get("fault")?,
        })
    }

    pub fn json(&self) -> Value {
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        put("n", self.n.into());
        put("received_at", self.received_at.into());
        put("origin", self.origin.clone().into());
        put("method", self.method.clone().into());
        put("path", self.path.clone().into());
        put("status", json!(self.status));
        put("applied", self.applied_n.is_some().into());
        put("applied_n", json!(self.applied_n));
        put("courier", json!(self.courier));
        put("stop", json!(self.stop));
        put("type", json!(self.kind));
        put("remarks", json!(self.remarks));
        put("body", self.body.clone());
        if let Some(fault) = &self.fault {
            put("fault", fault.clone().into());
        }
        Value::Object(entry)
    }
}

/// The entries in order of arrival.
pub fn entries(connection: &Connection, applied_only: bool) -> rusqlite::Result<Vec<Entry>> {
    connection
        .prepare_cached("SELECT * FROM log WHERE ?1 = 0 OR applied_n IS NOT NULL ORDER BY n")?
        .query_map([applied_only], Entry::read)?
        .collect()
}

/// What a request is about, as far as its path tells.
struct Subject<'a> {
    kind: Option<&'static str>,
    stop: Option<&'a str>,
}

impl<'a> Subject<'a> {
    fn of(method: &Method, path: &'a str) -> Self {
        let post = method == Method::POST;
        let about = |kind| Self {
            kind: Some(kind),
            stop: None,
        };
        let parts: Vec<&str> = path.trim_start_matches("/api/").split('/').collect();
        match parts.as_slice() {
            ["login"] => about("login"),
            ["token", "refresh"] => about("refresh"),
            ["health"] => about("health"),
            ["route"] => about("route"),
            ["photos"] if post => about("photo"),
            ["photos", ..] => about("read_photos"),
            ["parcels", _, "load"] => about("load"),
            ["stops", stop, verb] => Self {
                kind: stop_kind(verb, post),
                stop: Some(stop),
            },
            _ => Self {
                kind: None,
                stop: None,
            },
        }
    }
}

fn stop_kind(verb: &str, post: bool) -> Option<&'static str> {
    Some(match verb {
        "arrive" => "arrive",
        "scans" => "scan",
        "notes" => "note",
        "pickup" => "pickup",
        "complete" => "complete",
        "fail" => "fail",
        "return" => "return",
        "events" if post => "event",
        "events" => "read_events",
        _ => return None,
    })
}
