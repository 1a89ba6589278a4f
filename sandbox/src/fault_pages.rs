//! Switching faults, by hand (`/faults`) and by tests (`/faults.json`).

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde_json::{Map, Value, json};

use crate::app::Shared;
use crate::faults::KINDS;
use crate::pages::{escape, page};
use crate::refusal::Refusal;

/// One press of a button: title and rule.
const PRESETS: [(&str, &str); 7] = [
    ("The network is dead", r#"{"fault":"dead"}"#),
    ("Everything takes 3 s", r#"{"fault":"latency","ms":3000}"#),
    (
        "Every third answer is lost",
        r#"{"fault":"cut_after","method":"POST","every":3}"#,
    ),
    (
        "Every tenth request: 500",
        r#"{"fault":"status","status":500,"every":10}"#,
    ),
    (
        "Too many requests, 5 s",
        r#"{"fault":"status","status":429,"retry_after":5,"times":3}"#,
    ),
    ("Login portal", r#"{"fault":"html"}"#),
    (
        "Photo uploads break off",
        r#"{"fault":"cut_before","method":"POST","path":"/api/photos"}"#,
    ),
];

const NUMBERS: [&str; 5] = ["ms", "status", "every", "skip", "times"];

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/faults", get(html).post(add))
        .route("/faults/remove", post(remove))
        .route("/faults/clear", post(clear))
        .route("/faults.json", get(rules).put(replace).delete(clear_rules))
}

async fn rules(State(app): State<Shared>) -> Json<Value> {
    Json(app.faults.json())
}

/// The content type of the rules does not matter; this is a tool, not the API.
async fn replace(State(app): State<Shared>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let body: Value = serde_json::from_slice(&body)
        .map_err(|error| Refusal::bad_field("body", &format!("is not JSON: {error}")))?;
    let rules = body.get("rules").and_then(Value::as_array);
    app.faults
        .replace(rules.ok_or_else(|| Refusal::bad_field("rules", "a list is required"))?)?;
    Ok(Json(app.faults.json()))
}

async fn clear_rules(State(app): State<Shared>) -> Json<Value> {
    app.faults.clear();
    Json(app.faults.json())
}

async fn clear(State(app): State<Shared>) -> Redirect {
    app.faults.clear();
    Redirect::to("/faults")
}

async fn remove(State(app): State<Shared>, Form(form): Form<BTreeMap<String, String>>) -> Redirect {
    app.faults
        .remove(form.get("id").map(String::as_str).unwrap_or_default());
    Redirect::to("/faults")
}

async fn add(State(app): State<Shared>, Form(form): Form<BTreeMap<String, String>>) -> Response {
    match rule(&form).and_then(|rule| app.faults.add(&rule)) {
        Ok(()) => Redirect::to("/faults").into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// What a form says, as a rule; an empty input is an absent field.
fn rule(form: &BTreeMap<String, String>) -> Result<Value, Refusal> {
    if let Some(rule) = form.get("rule") {
        return serde_json::from_str(rule).map_err(|_| Refusal::bad_field("rule", "is not JSON"));
    }
    let mut rule = Map::new();
    for (name, text) in form {
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let value = match name.as_str() {
            number if NUMBERS.contains(&number) => {
                json!(
                    text.parse::<u64>()
                        .map_err(|_| Refusal::bad_field(number, "must be a whole number"))?
                )
            }
            "retry_after" => text
                .parse::<u64>()
                .map_or_else(|_| text.into(), Value::from),
            "body" => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            _ => text.into(),
        };
        rule.insert(name.clone(), value);
    }
    Ok(rule.into())
}

async fn html(State(app): State<Shared>) -> Response {
    let mut body = String::from(
        "<p>Rules are tried in their order; the first that fires decides, latency only adds up. \
         They work on both origins, and but for a dead network only on paths under <code>/api</code>.</p>",
    );
    let rules = app.faults.json();
    let rules = rules
        .get("rules")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if rules.is_empty() {
        body.push_str("<p class=\"good\">No fault is on.</p>");
    } else {
        body.push_str("<div class=\"scroll\"><table><thead><tr><th>Rule</th><th>Seen</th><th>Fired</th><th></th></tr></thead><tbody>");
        rules.iter().for_each(|rule| body.push_str(&row(rule)));
        body.push_str(
            "</tbody></table></div><form class=\"row\" method=\"post\" action=\"/faults/clear\">\
             <button>All off</button></form>",
        );
    }
    body.push_str("<h2>Switch on</h2><div class=\"buttons\">");
    for (title, rule) in PRESETS {
        let _ = write!(
            body,
            "<form class=\"inline\" method=\"post\" action=\"/faults\"><input type=\"hidden\" name=\"rule\" value=\"{}\">\
             <button>{}</button></form> ",
            escape(rule),
            escape(title),
        );
    }
    body.push_str("</div><h2>A rule of your own</h2>");
    body.push_str(&own_rule());
    page("Faults", &body)
}

fn row(rule: &Value) -> String {
    let mut shown = rule.clone();
    let mut take = |name: &str| {
        shown
            .as_object_mut()
            .and_then(|rule| rule.remove(name))
            .unwrap_or_default()
    };
    let (seen, fired) = (take("seen"), take("fired"));
    format!(
        "<tr><td><code>{}</code></td><td>{seen}</td><td>{fired}</td><td>\
         <form class=\"inline\" method=\"post\" action=\"/faults/remove\"><input type=\"hidden\" name=\"id\" value=\"{}\">\
         <button>Off</button></form></td></tr>",
        escape(&shown.to_string()),
        escape(rule.get("id").and_then(Value::as_str).unwrap_or_default()),
    )
}

fn own_rule() -> String {
    let mut form = String::from(
        "<form class=\"row\" method=\"post\" action=\"/faults\"><label>Fault<select name=\"fault\">",
    );
    for (name, _) in KINDS {
        let _ = write!(form, "<option>{name}</option>");
    }
    form.push_str(
        "</select></label><label>Method<select name=\"method\"><option value=\"\">any</option><option>GET</option>\
         <option>POST</option><option>OPTIONS</option></select></label>\
         <label>Path (prefix, or * for any text)<input name=\"path\" placeholder=\"/api/stops/*/complete\"></label>",
    );
    let numbers = [
        ("every", "Each nth"),
        ("skip", "Let pass first"),
        ("times", "Times, then off"),
        ("ms", "Latency ms"),
        ("status", "Status"),
        ("retry_after", "Retry-After s"),
    ];
    for (name, title) in numbers {
        let _ = write!(
            form,
            "<label>{title}<input class=\"number\" name=\"{name}\" inputmode=\"numeric\"></label>"
        );
    }
    form.push_str("<label>Body<input name=\"body\"></label><button>Switch on</button></form><dl class=\"dim\">");
    for (name, meaning) in KINDS {
        let _ = write!(
            form,
            "<dt><code>{name}</code></dt><dd>{}</dd>",
            escape(meaning)
        );
    }
    form.push_str("</dl>");
    form
}
