//! Signing in, and who is asking.
//!
//! Access tokens run out, refresh tokens do not until the office withdraws them. A refresh gives
//! a new pair and leaves the old refresh token good, so an answer lost on the way locks nobody
//! out; the passwords are in the README, which is why they are not hashed.

use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::{Extension, Json};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use crate::app::Shared;
use crate::clock::now_ms;
use crate::database::setting;
use crate::fields::Fields;
use crate::log::{self, Arrival};
use crate::refusal::Refusal;
use crate::seed::TOKEN_LIFE_S;

/// The courier whose access token came along.
pub struct Courier(pub String);

impl FromRequestParts<Shared> for Courier {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let stranger = || Refusal::unauthorized("not_signed_in", "an access token is required");
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim().to_owned())
            .ok_or_else(stranger)?;
        app.database.read(|connection| {
            let (courier, expires_at) =
                holder(connection, &token, "access")?.ok_or_else(stranger)?;
            if let Some(arrival) = parts.extensions.get::<Arrival>() {
                log::set_courier(connection, *arrival, &courier)?;
            }
            if expires_at <= now_ms() {
                return Err(Refusal::unauthorized(
                    "token_expired",
                    "the access token has run out",
                ));
            }
            Ok(Self(courier))
        })
    }
}

pub async fn health() -> Json<Value> {
    Json(json!({ "ok": true, "now": now_ms() }))
}

pub async fn login(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let (username, password) = (fields.text("username")?, fields.text("password")?);
    app.database.change(|transaction| {
        let (id, name): (String, String) = transaction
            .query_row(
                "SELECT id, name FROM couriers WHERE username = ?1 AND password = ?2",
                [username, password],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?
            .ok_or_else(|| {
                Refusal::unauthorized("bad_credentials", "username or password is wrong")
            })?;
        log::set_courier(transaction, arrival, &id)?;
        let mut answer = issue(transaction, &id)?;
        answer["courier"] = json!({ "id": id, "name": name });
        Ok(Json(answer))
    })
}

pub async fn refresh(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    fields: Fields,
) -> Result<Json<Value>, Refusal> {
    let token = fields.text("refresh_token")?;
    app.database.change(|transaction| {
        let (courier, _) = holder(transaction, token, "refresh")?
            .filter(|(_, expires_at)| *expires_at > now_ms())
            .ok_or_else(|| Refusal::unauthorized("refresh_invalid", "sign in again"))?;
        log::set_courier(transaction, arrival, &courier)?;
        issue(transaction, &courier).map(Json)
    })
}

fn holder(
    connection: &Connection,
    token: &str,
    kind: &str,
) -> rusqlite::Result<Option<(String, i64)>> {
    connection
        .query_row(
            "SELECT courier, expires_at FROM tokens WHERE token = ?1 AND kind = ?2",
            [token, kind],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
}

fn issue(connection: &Connection, courier: &str) -> Result<Value, Refusal> {
    let now = now_ms();
    let life_s = setting(connection, "token_life_s")?
        .and_then(|text| text.parse().ok())
        .unwrap_or(TOKEN_LIFE_S);
    let (access, refresh) = (new_token()?, new_token()?);
    let mut insert = connection.prepare_cached(
        "INSERT INTO tokens (token, kind, courier, expires_at) VALUES (?1, ?2, ?3, ?4)",
    )?;
    insert.execute(params![
        access,
        "access",
        courier,
        now.saturating_add(life_s.saturating_mul(1000))
    ])?;
    insert.execute(params![refresh, "refresh", courier, i64::MAX])?;
    Ok(
        json!({ "access_token": access, "refresh_token": refresh, "expires_in": life_s, "now": now }),
    )
}

fn new_token() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(Refusal::internal)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
