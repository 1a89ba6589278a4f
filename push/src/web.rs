//! The relay's four requests.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower_http::cors::CorsLayer;

use crate::seal::Message;
use crate::subscription::{Subscription, check};
use crate::{Refusal, Relay, Sent};

/// Often enough for a rhythm in minutes.
const LOOK_EVERY: Duration = Duration::from_secs(30);
const BODY_BYTES_MAX: usize = 8 * 1024;

/// Unix milliseconds. A relay lives in real time.
#[allow(clippy::disallowed_methods, reason = "a relay lives in real time")]
#[must_use]
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        (status, Json(body)).into_response()
    }
}

/// `/push/...`; pages of the relay's origins may ask.
pub fn router<S: Clone + Send + Sync + 'static>(relay: &Arc<Relay>) -> Router<S> {
    let origins = relay.settings.origins.iter();
    let cors = CorsLayer::new()
        .allow_origin(
            origins
                .filter_map(|o| HeaderValue::from_str(o).ok())
                .collect::<Vec<_>>(),
        )
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION]);
    Router::new()
        .route("/push/key", get(key))
        .route("/push/subscriptions", post(register))
        .route("/push/subscriptions/end", post(end))
        .route("/push/wake", post(wake))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(cors)
        .with_state(Arc::clone(relay))
}

/// The content type does not matter: a simple request needs no preflight.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::new(400, "bad_request", format!("the body: {error}")))
}

async fn key(State(relay): State<Arc<Relay>>) -> Json<Value> {
    Json(json!({ "key": relay.public_key() }))
}

async fn register(
    State(relay): State<Arc<Relay>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let subscription: Subscription = read(&body)?;
    check(&subscription, &relay.settings.services)?;
    relay.store.register(&subscription, now_ms())?;
    Ok((StatusCode::CREATED, Json(json!({ "registered": true }))))
}

#[derive(Deserialize)]
struct End {
    endpoint: String,
}

async fn end(State(relay): State<Arc<Relay>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let End { endpoint } = read(&body)?;
    Ok(Json(json!({ "ended": relay.store.remove(&endpoint)? })))
}

#[derive(Deserialize)]
struct Wake {
    account: Option<String>,
    #[serde(flatten)]
    message: Message,
}

/// For a backend's own hook or a timer of the operator's.
async fn wake(
    State(relay): State<Arc<Relay>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Sent>, Refusal> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let secret = relay.settings.secret.as_deref();
    let right = secret.is_some_and(|secret| {
        given
            .and_then(|given| given.strip_prefix("Bearer "))
            .is_some_and(|given| same(given, secret))
    });
    if !right {
        return Err(Refusal::new(
            401,
            "secret_needed",
            "Authorization: Bearer with the relay's secret",
        ));
    }
    let Wake {
        account,
        mut message,
    } = read(&body)?;
    let usual = &relay.settings.message;
    if message.title.is_empty() {
        message.title.clone_from(&usual.title);
    }
    if message.body.is_empty() {
        message.body.clone_from(&usual.body);
    }
    let phones = relay.store.phones(account.as_deref())?;
    let sent = tokio::task::spawn_blocking(move || relay.send(&phones, &message, now_ms())).await;
    Ok(Json(sent.map_err(|error| {
        Refusal::new(500, "store_failed", error.to_string())
    })??))
}

/// Wakes quiet phones until it is dropped.
pub async fn keep_waking(relay: Arc<Relay>) {
    let mut every = tokio::time::interval(LOOK_EVERY);
    loop {
        every.tick().await;
        let relay = Arc::clone(&relay);
        match tokio::task::spawn_blocking(move || relay.round(now_ms())).await {
            Ok(Ok(sent)) if sent != Sent::default() => {
                let Sent {
                    taken,
                    gone,
                    refused,
                } = sent;
                println!("push: {taken} taken, {gone} gone, {refused} refused");
            }
            Ok(Err(refusal)) => eprintln!("push: {}", refusal.message),
            _ => {}
        }
    }
}

/// Takes as long for a nearly right guess as for a wrong one.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |sum, (a, b)| sum | (a ^ b))
            == 0
}
