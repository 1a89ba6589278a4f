//! Test controls: what the office, the clock or the operator does behind a courier's back.
//! They are no part of the backend's API and need no sign-in; a dead network does not stop them.

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use rusqlite::{OptionalExtension, Transaction};
use serde_json::{Value, json};

use crate::app::Shared;
use crate::clock::now_ms;
use crate::database::set_setting;
use crate::refusal::Refusal;
use crate::{log, push, seed};

const STATUSES: [&str; 7] = [
    "assigned",
    "arrived",
    "delivered",
    "partial",
    "failed",
    "returned",
    "picked_up",
];

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/control/stop", post(stop))
        .route("/control/expire-tokens", post(expire_tokens))
        .route("/control/token-life", post(token_life))
        .route("/control/reset", post(reset))
}

async fn stop(State(app): State<Shared>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let body = object(&body)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let id = text("id").ok_or_else(|| Refusal::bad_field("id", "a stop id is required"))?;
    let mut couriers = vec![];
    let changed = app.database.change(|transaction| {
        let courier: String = transaction
            .query_row("SELECT courier FROM stops WHERE id = ?1", [id], |row| row.get(0))
            .optional()?
            .ok_or_else(|| Refusal::not_found("stop"))?;
        if let Some(status) = text("status") {
            set_status(transaction, id, status)?;
        }
        if let Some(courier) = text("courier") {
            reassign(transaction, id, courier)?;
            couriers.push(courier.to_owned());
        }
        if let Some(remove) = body.get("remove").and_then(Value::as_bool) {
            transaction.execute("UPDATE stops SET removed = ?2 WHERE id = ?1", (id, remove))?;
        }
        transaction.execute("UPDATE stops SET version = version + 1 WHERE id = ?1", [id])?;
        transaction.execute(
            "UPDATE routes SET version = version + 1
             WHERE courier = ?2 OR courier = (SELECT courier FROM stops WHERE id = ?1)",
            [id, &courier],
        )?;
        let now = now_ms();
        transaction.execute(
            "INSERT INTO events (stop, type, at, received_at, detail) VALUES (?1, 'office', ?2, ?2, ?3)",
            (id, now, body.to_string()),
        )?;
        log::office(transaction, "/control/stop", id, &body, now)?;
        couriers.push(courier);
        Ok(Json(transaction.query_row(
            "SELECT status, version, courier, removed FROM stops WHERE id = ?1",
            [id],
            |row| {
                Ok(json!({ "stop": {
                    "id": id, "status": row.get::<_, String>(0)?, "version": row.get::<_, i64>(1)?,
                    "courier": row.get::<_, String>(2)?, "removed": row.get::<_, bool>(3)?,
                } }))
            },
        )?))
    });
    if changed.is_ok() {
        push::tell(&app.push, couriers);
    }
    changed
}

/// The parcels follow: an outcome of the stop is the outcome of those that had none, and a stop
/// that is open again has parcels without one.
fn set_status(transaction: &Transaction, stop: &str, status: &str) -> Result<(), Refusal> {
    if !STATUSES.contains(&status) {
        return Err(Refusal::bad_field(
            "status",
            &format!("one of {}", STATUSES.join(", ")),
        ));
    }
    transaction.execute("UPDATE stops SET status = ?2 WHERE id = ?1", [stop, status])?;
    match status {
        "assigned" | "arrived" => {
            transaction.execute("UPDATE parcels SET outcome = NULL WHERE stop = ?1", [stop])?
        }
        "partial" => 0,
        _ => transaction.execute(
            "UPDATE parcels SET outcome = ?2 WHERE stop = ?1 AND outcome IS NULL",
            [stop, status],
        )?,
    };
    Ok(())
}

fn reassign(transaction: &Transaction, stop: &str, courier: &str) -> Result<(), Refusal> {
    let known: bool = transaction.query_row(
        "SELECT count(*) FROM couriers WHERE id = ?1",
        [courier],
        |row| row.get(0),
    )?;
    if !known {
        return Err(Refusal::bad_field("courier", "there is no such courier"));
    }
    transaction.execute(
        "UPDATE stops SET courier = ?2 WHERE id = ?1",
        [stop, courier],
    )?;
    Ok(())
}

async fn expire_tokens(State(app): State<Shared>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let refresh = object(&body)?
        .get("refresh")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    app.database.change(|transaction| {
        let expired = transaction.execute(
            "UPDATE tokens SET expires_at = 0 WHERE kind = 'access' OR ?1",
            [refresh],
        )?;
        Ok(Json(json!({ "expired": expired })))
    })
}

async fn token_life(State(app): State<Shared>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let seconds = object(&body)?
        .get("seconds")
        .and_then(Value::as_i64)
        .filter(|seconds| *seconds >= 0);
    let seconds =
        seconds.ok_or_else(|| Refusal::bad_field("seconds", "a whole number is required"))?;
    app.database.change(|transaction| {
        set_setting(transaction, "token_life_s", &seconds.to_string())?;
        Ok(Json(json!({ "seconds": seconds })))
    })
}

async fn reset(State(app): State<Shared>) -> Result<Json<Value>, Refusal> {
    app.database.change(|transaction| {
        seed::plant(transaction, now_ms())?;
        Ok(Json(json!({ "ok": true })))
    })
}

/// A control's body is optional, and its content type does not matter.
fn object(body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    let value = serde_json::from_slice::<Value>(body)
        .ok()
        .filter(Value::is_object);
    value.ok_or_else(|| Refusal::bad_field("body", "must be a JSON object"))
}
