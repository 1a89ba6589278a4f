//! What a courier does at a stop. A stop goes from assigned to arrived, and from there to one of
//! its outcomes; any other step is refused with 409. Scans, notes and events are only appended,
//! at any time, each time they come.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::{Value, json};

use super::route::{raise_version, stored_json};
use super::session::Courier;
use crate::app::Shared;
use crate::clock::now_ms;
use crate::fields::Fields;
use crate::log::{self, Arrival};
use crate::refusal::Refusal;

type Created = (StatusCode, Json<Value>);

/// The part that all records have in common.
pub struct Record<'a> {
    kind: &'a str,
    at: i64,
    remarks: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// # Errors
    /// `at` is missing, or `remarks` is not a text.
    pub fn read(fields: &'a Fields, kind: &'a str) -> Result<Self, Refusal> {
        Ok(Self {
            kind,
            at: fields.at()?,
            remarks: fields.optional_text("remarks")?,
        })
    }

    pub fn new(kind: &'a str, at: i64, remarks: Option<&'a str>) -> Self {
        Self { kind, at, remarks }
    }
}

/// Adds to what is known about a stop, and gives the record's id.
pub fn append(
    transaction: &Transaction,
    stop: &str,
    record: Record,
    detail: Value,
) -> rusqlite::Result<String> {
    transaction.execute(
        "INSERT INTO events (stop, type, at, remarks, received_at, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![stop, record.kind, record.at, record.remarks, now_ms(), detail.to_string()],
    )?;
    Ok(event_id(transaction.last_insert_rowid()))
}

fn event_id(n: i64) -> String {
    format!("ev-{n}")
}

/// The status of a stop that is this courier's.
///
/// # Errors
/// 404 for an unknown stop and for another courier's alike.
pub fn owned(
    connection: &rusqlite::Connection,
    stop: &str,
    courier: &str,
) -> Result<String, Refusal> {
    connection
        .query_row(
            "SELECT status FROM stops WHERE id = ?1 AND courier = ?2 AND removed = 0",
            [stop, courier],
            |row| row.get(0),
        )
        .optional()?
        .ok_or_else(|| Refusal::not_found("stop"))
}

pub async fn arrive(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    Path(stop): Path<String>,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    fields.optional_object("position")?;
    let change = Change {
        arrival,
        courier: &courier,
        stop: &stop,
        fields: &fields,
        kind: "arrive",
    };
    app.database.change(|transaction| {
        change.step(
            transaction,
            "assigned",
            "arrived",
            fields.pick(&["position"]),
        )
    })
}

pub async fn pick_up(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    Path(stop): Path<String>,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let parcels = fields.optional_texts("parcels")?;
    if parcels.is_empty() {
        return Err(Refusal::bad_field(
            "parcels",
            "at least one parcel id is required",
        ));
    }
    let change = Change {
        arrival,
        courier: &courier,
        stop: &stop,
        fields: &fields,
        kind: "pickup",
    };
    app.database.change(|transaction| {
        let answer = change.step(
            transaction,
            "arrived",
            "picked_up",
            fields.pick(&["parcels", "position"]),
        )?;
        for parcel in &parcels {
            set_outcome(transaction, &stop, parcel, "picked_up")?;
        }
        transaction.execute(
            "UPDATE parcels SET loaded = 1 WHERE stop = ?1 AND outcome = 'picked_up'",
            [&stop],
        )?;
        Ok(answer)
    })
}

pub async fn complete(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    Path(stop): Path<String>,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    fields.text("recipient")?;
    fields.list("photo_ids")?;
    let mut photos = fields.optional_texts("photo_ids")?;
    photos.extend(fields.optional_text("signature_id")?);
    let outcomes = outcomes(&fields)?;
    let change = Change {
        arrival,
        courier: &courier,
        stop: &stop,
        fields: &fields,
        kind: "complete",
    };
    let known = [
        "recipient",
        "photo_ids",
        "signature_id",
        "parcels",
        "overrides",
        "position",
    ];
    app.database.change(|transaction| {
        let answer = change.step(
            transaction,
            "arrived",
            summary(&outcomes),
            fields.pick(&known),
        )?;
        know_photos(transaction, &stop, &photos)?;
        for (parcel, outcome) in &outcomes {
            set_outcome(transaction, &stop, parcel, outcome)?;
        }
        Ok(answer)
    })
}

pub async fn fail(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    Path(stop): Path<String>,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let change = Change {
        arrival,
        courier: &courier,
        stop: &stop,
        fields: &fields,
        kind: "fail",
    };
    app.database
        .change(|transaction| change.give_up(transaction, "failed"))
}

pub async fn take_back(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    Path(stop): Path<String>,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let change = Change {
        arrival,
        courier: &courier,
        stop: &stop,
        fields: &fields,
        kind: "return",
    };
    app.database
        .change(|transaction| change.give_up(transaction, "returned"))
}

pub async fn scan(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    Path(stop): Path<String>,
    fields: Fields,
) -> Result<Created, Refusal> {
    let code = fields.text("code")?;
    fields.optional_text("source")?;
    let change = Change {
        arrival,
        courier: &courier,
        stop: &stop,
        fields: &fields,
        kind: "scan",
    };
    app.database.change(|transaction| {
        owned(transaction, &stop, &courier)?;
        let there: bool = transaction.query_row(
            "SELECT count(*) FROM parcels WHERE stop = ?1 AND code = ?2",
            [&stop, code],
            |row| row.get(0),
        )?;
        if !there {
            let message = format!("the code {code} is not of this stop");
            return Err(Refusal::unprocessable("unknown_parcel", message).with("parcel", code));
        }
        change.add(transaction, fields.pick(&["code", "source"]))
    })
}

pub async fn note(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    Path(stop): Path<String>,
    fields: Fields,
) -> Result<Created, Refusal> {
    fields.text("text")?;
    let change = Change {
        arrival,
        courier: &courier,
        stop: &stop,
        fields: &fields,
        kind: "note",
    };
    app.database
        .change(|transaction| change.add(transaction, fields.pick(&["text"])))
}

pub async fn event(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    Path(stop): Path<String>,
    fields: Fields,
) -> Result<Created, Refusal> {
    let kind = fields.text("type")?;
    fields
        .optional_object("fields")?
        .ok_or_else(|| Refusal::bad_field("fields", "an object is required"))?;
    let change = Change {
        arrival,
        courier: &courier,
        stop: &stop,
        fields: &fields,
        kind,
    };
    app.database
        .change(|transaction| change.add(transaction, fields.pick(&["fields"])))
}

pub async fn events(
    State(app): State<Shared>,
    Courier(courier): Courier,
    Path(stop): Path<String>,
) -> Result<Json<Value>, Refusal> {
    app.database.read(|connection| {
        owned(connection, &stop, &courier)?;
        let events = connection
            .prepare_cached("SELECT * FROM events WHERE stop = ?1 ORDER BY n")?
            .query_map([&stop], |row| {
                Ok(json!({
                    "id": event_id(row.get("n")?),
                    "type": row.get::<_, String>("type")?,
                    "at": row.get::<_, i64>("at")?,
                    "remarks": row.get::<_, Option<String>>("remarks")?,
                    "received_at": row.get::<_, i64>("received_at")?,
                    "detail": stored_json(row, "detail")?,
                }))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Json(json!({ "events": events })))
    })
}

/// One request that changes one stop.
struct Change<'a> {
    arrival: Arrival,
    courier: &'a str,
    stop: &'a str,
    fields: &'a Fields,
    kind: &'a str,
}

impl Change<'_> {
    /// Moves the stop on, if it stands where the step begins.
    fn step(
        &self,
        transaction: &Transaction,
        from: &str,
        to: &str,
        detail: Value,
    ) -> Result<Json<Value>, Refusal> {
        let record = Record::read(self.fields, self.kind)?;
        let status = owned(transaction, self.stop, self.courier)?;
        if status != from {
            return Err(Refusal::illegal_transition(&status, to));
        }
        let version: i64 = transaction.query_row(
            "UPDATE stops SET status = ?2, version = version + 1 WHERE id = ?1 RETURNING version",
            [self.stop, to],
            |row| row.get(0),
        )?;
        raise_version(transaction, self.courier)?;
        append(transaction, self.stop, record, detail)?;
        log::set_applied(transaction, self.arrival, self.stop)?;
        Ok(Json(
            json!({ "stop": { "id": self.stop, "status": to, "version": version } }),
        ))
    }

    /// The whole stop fails or goes back.
    fn give_up(&self, transaction: &Transaction, status: &str) -> Result<Json<Value>, Refusal> {
        self.fields.text("reason")?;
        self.fields.optional_text("text")?;
        let photos = self.fields.optional_texts("photo_ids")?;
        let detail = self
            .fields
            .pick(&["reason", "text", "photo_ids", "position"]);
        let answer = self.step(transaction, "arrived", status, detail)?;
        know_photos(transaction, self.stop, &photos)?;
        transaction.execute(
            "UPDATE parcels SET outcome = ?2 WHERE stop = ?1",
            [self.stop, status],
        )?;
        Ok(answer)
    }

    /// Appends a record that moves nothing.
    fn add(&self, transaction: &Transaction, detail: Value) -> Result<Created, Refusal> {
        let record = Record::read(self.fields, self.kind)?;
        owned(transaction, self.stop, self.courier)?;
        let id = append(transaction, self.stop, record, detail)?;
        log::set_applied(transaction, self.arrival, self.stop)?;
        Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
    }
}

/// Parcel ids with their outcomes.
fn outcomes(fields: &Fields) -> Result<Vec<(&str, &str)>, Refusal> {
    let wanted = "a list of {parcel, outcome: delivered | failed | returned} is required";
    let bad = || Refusal::bad_field("parcels", wanted);
    let parcels = fields.list("parcels")?;
    if parcels.is_empty() {
        return Err(bad());
    }
    parcels
        .iter()
        .map(|item| {
            let parcel = item.get("parcel")?.as_str()?;
            let outcome = item.get("outcome")?.as_str()?;
            matches!(outcome, "delivered" | "failed" | "returned").then_some((parcel, outcome))
        })
        .collect::<Option<_>>()
        .ok_or_else(bad)
}

fn summary(outcomes: &[(&str, &str)]) -> &'static str {
    let all = |wanted: &str| outcomes.iter().all(|(_, outcome)| *outcome == wanted);
    ["delivered", "failed", "returned"]
        .into_iter()
        .find(|outcome| all(outcome))
        .unwrap_or("partial")
}

fn set_outcome(
    transaction: &Transaction,
    stop: &str,
    parcel: &str,
    outcome: &str,
) -> Result<(), Refusal> {
    let changed = transaction.execute(
        "UPDATE parcels SET outcome = ?3 WHERE stop = ?1 AND id = ?2",
        [stop, parcel, outcome],
    )?;
    if changed == 0 {
        let message = format!("the parcel {parcel} is not of this stop");
        return Err(Refusal::unprocessable("unknown_parcel", message).with("parcel", parcel));
    }
    Ok(())
}

fn know_photos(transaction: &Transaction, stop: &str, photos: &[&str]) -> Result<(), Refusal> {
    for photo in photos {
        let there: bool = transaction.query_row(
            "SELECT count(*) FROM photos WHERE stop = ?1 AND id = ?2",
            [stop, photo],
            |row| row.get(0),
        )?;
        if !there {
            let message = format!("there is no photo {photo} of this stop");
            return Err(Refusal::unprocessable("unknown_photo", message).with("photo", *photo));
        }
    }
    Ok(())
}
