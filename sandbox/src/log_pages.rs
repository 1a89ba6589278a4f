//! The log for people (`/log`) and for tests (`/log.json`).

use std::fmt::Write;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::Shared;
use crate::clock::time_text;
use crate::log::{self, Entry};
use crate::pages::{escape, page};
use crate::refusal::Refusal;
use crate::{api, fields};

const ROWS_MAX: usize = 1000;
const BODY_CHARS_MAX: usize = 600;

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/log", get(html))
        .route("/log.json", get(entries))
        .route("/log/clear", post(clear))
        .route("/log/photos/{id}", get(photo))
}

#[derive(Deserialize)]
struct Filter {
    applied: Option<String>,
}

impl Filter {
    fn applied_only(&self) -> bool {
        self.applied
            .as_deref()
            .is_some_and(|value| value != "0" && value != "false")
    }
}

async fn entries(
    State(app): State<Shared>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, Refusal> {
    let entries = app
        .database
        .read(|connection| log::entries(connection, filter.applied_only()))?;
    Ok(Json(
        json!({ "entries": entries.iter().map(Entry::json).collect::<Vec<_>>() }),
    ))
}

async fn photo(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Refusal> {
    app.database
        .read(|connection| api::stored_photo(connection, &id))
}

/// Answers a form with the page and a program with JSON.
async fn clear(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Refusal> {
    app.database.change(|transaction| log::clear(transaction))?;
    let from_form = fields::media_type(&headers) == Some("application/x-www-form-urlencoded")
        && headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("html"));
    Ok(if from_form {
        Redirect::to("/log").into_response()
    } else {
        Json(json!({ "ok": true })).into_response()
    })
}

async fn html(
    State(app): State<Shared>,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    let applied_only = filter.applied_only();
    let entries = app
        .database
        .read(|connection| log::entries(connection, applied_only))?;
    let hidden = entries.len().saturating_sub(ROWS_MAX);
    let other = if applied_only {
        "<a href=\"/log\">Everything that arrived</a>"
    } else {
        "<a href=\"/log?applied=1\">Only what was applied</a>"
    };
    let mut body = format!(
        "<p>What the backend received, in order: {} requests, {} of them applied. {other}</p>\
         <form class=\"row\" method=\"post\" action=\"/log/clear\"><button>Clear the log</button></form>",
        entries.len(),
        entries
            .iter()
            .filter(|entry| entry.applied_n.is_some())
            .count(),
    );
    if hidden > 0 {
        let _ = write!(
            body,
            "<p class=\"dim\">{hidden} earlier ones are not shown.</p>"
        );
    }
    body.push_str(
        "<div class=\"scroll\"><table><thead><tr><th>#</th><th>Time</th><th>Request</th><th>Status</th>\
         <th>Applied</th><th>Stop</th><th>What it said</th></tr></thead><tbody>",
    );
    entries
        .iter()
        .skip(hidden)
        .for_each(|entry| body.push_str(&row(entry)));
    body.push_str("</tbody></table></div>");
    Ok(page("Log", &body))
}

fn row(entry: &Entry) -> String {
    let text = |value: &Option<String>| escape(value.as_deref().unwrap_or_default());
    let known = [&entry.kind, &entry.courier].into_iter().flatten();
    let mut facts: Vec<String> = known.map(|fact| escape(fact)).collect();
    facts.push(format!("{} origin", escape(&entry.origin)));
    let status = match entry.status {
        Some(status) if status < 300 => format!("<span class=\"good\">{status}</span>"),
        Some(status) => format!("<span class=\"bad\">{status}</span>"),
        None => "<span class=\"bad\">none</span>".to_owned(),
    };
    let fault = entry
        .fault
        .as_ref()
        .map(|fault| format!("<br><span class=\"warn\">fault: {}</span>", escape(fault)))
        .unwrap_or_default();
    let applied = entry
        .applied_n
        .map(|n| format!("<span class=\"good\">yes, {n}.</span>"));
    format!(
        "<tr><td>{}</td><td>{}</td><td class=\"request\"><span class=\"code\">{} {}</span><br><span class=\"dim\">{}</span></td>\
         <td>{status}{fault}</td><td>{}</td><td>{}</td><td>{}{}</td></tr>",
        entry.n,
        time_text(entry.received_at),
        escape(&entry.method),
        escape(&entry.path),
        facts.join(", "),
        applied.unwrap_or_else(|| "<span class=\"dim\">no</span>".to_owned()),
        text(&entry.stop),
        thumbnail(entry),
        said(&entry.body),
    )
}

fn thumbnail(entry: &Entry) -> String {
    let id = entry
        .body
        .get("id")
        .and_then(Value::as_str)
        .filter(|_| entry.kind.as_deref() == Some("photo"));
    id.map(|id| {
        let address = escape(&format!("/log/photos/{id}"));
        format!("<a href=\"{address}\"><img class=\"thumb\" src=\"{address}\" alt=\"photo {}\" loading=\"lazy\"></a><br>", escape(id))
    })
    .unwrap_or_default()
}

fn said(body: &Value) -> String {
    if body.is_null() {
        return String::new();
    }
    let text = body.to_string();
    let short: String = text.chars().take(BODY_CHARS_MAX).collect();
    let more = if short.len() < text.len() { " ..." } else { "" };
    format!("<code>{}{more}</code>", escape(&short))
}
