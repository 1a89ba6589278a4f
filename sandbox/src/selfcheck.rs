//! Where reports of the self-check page (`/selfcheck`) are sent: kept as they came, for people at
//! `/selfcheck/reports` and for programs at `/selfcheck/reports.json`. And an answer that takes
//! its time, so that a page can see what became of a request while the phone was locked.
//!
//! The table is made when it is first needed and is no part of the backend's version: reports
//! outlive a new day's route, and a database from before there were reports stays good.

use std::fmt::Write;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::Shared;
use crate::clock::{now_ms, time_text};
use crate::pages::{escape, page};
use crate::refusal::Refusal;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS selfchecks (
    n INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, report TEXT NOT NULL)";

/// What every version of the report begins with.
const FIRST_WORD: &str = "pannier-selfcheck ";
const REPORT_BYTES_MAX: usize = 16 * 1024;
/// Above the limit a body is read and thrown away up to here, so that the refusal can be read.
const DISCARD_BYTES_MAX: usize = 1024 * 1024;
/// Older ones make room.
const REPORTS_MAX: i64 = 200;
const SLOW_MS_MAX: u64 = 90_000;

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/selfcheck/reports", get(html).post(keep))
        .route("/selfcheck/reports.json", get(entries))
        .route("/selfcheck/slow", get(slow))
}

struct Report {
    n: i64,
    received_at: i64,
    text: String,
}

/// Newest first.
fn reports(connection: &Connection) -> Result<Vec<Report>, Refusal> {
    connection.execute_batch(TABLE)?;
    let mut statement =
        connection.prepare("SELECT n, received_at, report FROM selfchecks ORDER BY n DESC")?;
    let rows = statement.query_map([], |row| {
        Ok(Report {
            n: row.get(0)?,
            received_at: row.get(1)?,
            text: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

async fn keep(State(app): State<Shared>, body: Body) -> Result<(StatusCode, Json<Value>), Refusal> {
    let bytes = to_bytes(body, DISCARD_BYTES_MAX)
        .await
        .ok()
        .filter(|bytes| bytes.len() <= REPORT_BYTES_MAX)
        .ok_or_else(|| Refusal::too_large(REPORT_BYTES_MAX))?;
    let text = std::str::from_utf8(&bytes)
        .ok()
        .filter(|text| text.starts_with(FIRST_WORD))
        .ok_or_else(|| {
            Refusal::bad_field(
                "body",
                "a report that begins with pannier-selfcheck is required",
            )
        })?;
    let id = app.database.change(|transaction| -> Result<i64, Refusal> {
        transaction.execute_batch(TABLE)?;
        transaction.execute(
            "INSERT INTO selfchecks (received_at, report) VALUES (?1, ?2)",
            (now_ms(), text),
        )?;
        let id = transaction.last_insert_rowid();
        transaction.execute("DELETE FROM selfchecks WHERE n <= ?1", [id - REPORTS_MAX])?;
        Ok(id)
    })?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

async fn entries(State(app): State<Shared>) -> Result<Json<Value>, Refusal> {
    let reports = app.database.read(reports)?;
    let reports: Vec<Value> = reports
        .iter()
        .map(|report| json!({ "id": report.n, "received_at": report.received_at, "text": report.text }))
        .collect();
    Ok(Json(json!({ "reports": reports })))
}

async fn html(State(app): State<Shared>) -> Result<Response, Refusal> {
    let reports = app.database.read(reports)?;
    let mut body = format!(
        "<p>What phones said of themselves at <a href=\"/selfcheck\">/selfcheck</a>: {} reports, the newest first. \
         <code>docs/devices.md</code> says how to read one. For programs: <a href=\"/selfcheck/reports.json\">reports.json</a></p>",
        reports.len()
    );
    for report in &reports {
        let _ = write!(
            body,
            "<h2>{}. <span class=\"dim\">{}</span></h2><div class=\"scroll\"><pre>{}</pre></div>",
            report.n,
            time_text(report.received_at),
            escape(&report.text)
        );
    }
    Ok(page("Self-check reports", &body))
}

#[derive(Deserialize)]
struct Wait {
    ms: u64,
}

async fn slow(Query(wait): Query<Wait>) -> Response {
    tokio::time::sleep(Duration::from_millis(wait.ms.min(SLOW_MS_MAX))).await;
    (
        [
            (header::CONTENT_TYPE, "text/plain"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        "slow\n",
    )
        .into_response()
}
