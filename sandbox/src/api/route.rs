//! The day's work of one courier, and loading the van.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use serde_json::{Map, Value, json};

use super::session::Courier;
use super::stops::{Record, append};
use crate::app::Shared;
use crate::clock::now_ms;
use crate::fields::Fields;
use crate::log::{self, Arrival};
use crate::refusal::Refusal;

pub async fn route(
    State(app): State<Shared>,
    Courier(courier): Courier,
) -> Result<Json<Value>, Refusal> {
    app.database.read(|connection| {
        let route = connection.query_row(
            "SELECT id, date, version FROM routes WHERE courier = ?1",
            [&courier],
            |row| {
                Ok(json!({
                    "id": row.get::<_, String>(0)?, "date": row.get::<_, String>(1)?,
                    "version": row.get::<_, i64>(2)?, "courier_id": courier,
                }))
            },
        )?;
        Ok(Json(
            json!({ "now": now_ms(), "route": route, "stops": stops(connection, &courier)? }),
        ))
    })
}

pub async fn load(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    Path(code): Path<String>,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let record = Record::read(&fields, "load")?;
    app.database.change(|transaction| {
        let (id, stop): (String, String) = transaction
            .query_row(
                "SELECT parcels.id, stop FROM parcels JOIN stops ON stops.id = stop
                 WHERE code = ?1 AND courier = ?2 AND removed = 0",
                [&code, &courier],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?
            .ok_or_else(|| Refusal::not_found("parcel"))?;
        transaction.execute("UPDATE parcels SET loaded = 1 WHERE id = ?1", [&id])?;
        raise_version(transaction, &courier)?;
        append(
            transaction,
            &stop,
            record,
            json!({ "code": code, "parcel": id }),
        )?;
        log::set_applied(transaction, arrival, &stop)?;
        Ok(Json(
            json!({ "parcel": { "id": id, "code": code, "loaded": true } }),
        ))
    })
}

/// The route has changed in some way that a courier can see.
pub fn raise_version(transaction: &Transaction, courier: &str) -> rusqlite::Result<()> {
    transaction
        .execute(
            "UPDATE routes SET version = version + 1 WHERE courier = ?1",
            [courier],
        )
        .map(drop)
}

fn stops(connection: &Connection, courier: &str) -> Result<Vec<Value>, Refusal> {
    let mut query = connection.prepare_cached(
        "SELECT * FROM stops WHERE courier = ?1 AND removed = 0 ORDER BY sequence, id",
    )?;
    let mut stops = query
        .query_map([courier], stop)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for stop in &mut stops {
        let id = stop["id"].as_str().unwrap_or_default().to_owned();
        stop["parcels"] = parcels(connection, &id)?.into();
    }
    Ok(stops)
}

fn stop(row: &Row) -> rusqlite::Result<Value> {
    let mut stop = json!({
        "id": row.get::<_, String>("id")?,
        "sequence": row.get::<_, i64>("sequence")?,
        "kind": row.get::<_, String>("kind")?,
        "status": row.get::<_, String>("status")?,
        "version": row.get::<_, i64>("version")?,
        "address": stored_json(row, "address")?,
        "window": { "from": row.get::<_, i64>("window_from")?, "to": row.get::<_, i64>("window_to")? },
        "proof": stored_json(row, "proof")?,
    });
    if let Some(note) = row.get::<_, Option<String>>("note")? {
        stop["note"] = note.into();
    }
    Ok(stop)
}

fn parcels(connection: &Connection, stop: &str) -> rusqlite::Result<Vec<Value>> {
    connection
        .prepare_cached(
            "SELECT id, code, label, loaded, outcome FROM parcels WHERE stop = ?1 ORDER BY id",
        )?
        .query_map([stop], |row| {
            let mut parcel = Map::new();
            parcel.insert("id".into(), row.get::<_, String>(0)?.into());
            parcel.insert("code".into(), row.get::<_, String>(1)?.into());
            parcel.insert("label".into(), row.get::<_, String>(2)?.into());
            parcel.insert("loaded".into(), row.get::<_, bool>(3)?.into());
            if let Some(outcome) = row.get::<_, Option<String>>(4)? {
                parcel.insert("outcome".into(), outcome.into());
            }
            Ok(Value::Object(parcel))
        })?
        .collect()
}

/// A column that this server wrote as JSON.
pub fn stored_json(row: &Row, column: &str) -> rusqlite::Result<Value> {
    Ok(serde_json::from_str(&row.get::<_, String>(column)?).unwrap_or_default())
}
