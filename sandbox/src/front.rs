//! The front door of both origins: every request passes here, and here it is logged, delayed,
//! refused or cut.
//!
//! Order of things for an API request: its arrival is on record; then the rules are asked; then
//! its body is read as a whole; from there on it runs in a task of its own, so that a client that
//! gives up early does not stop it. That is how real backends behave, and why a request whose
//! client has long timed out may still land later.
//!
//! A cut is an error of the service: hyper then drops the connection without an answer. Nothing
//! here tries to find out whether a request is a browser's silent resend; each is just counted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming};
use serde_json::{Value, json};
use tokio::time::Sleep;
use tower_service::Service;

use crate::app::{Door, Origins, Shared};
use crate::clock::now_ms;
use crate::faults::{Ending, Plan};
use crate::log::{self, Arrival};
use crate::pages;
use crate::refusal::Refusal;
use crate::{cors, fields};

/// A photo of the largest size and the form around it.
const BODY_BYTES_MAX: usize = crate::api::PHOTO_BYTES_MAX + 1024 * 1024;
/// Above the limit a body is read and thrown away up to here, so that the refusal can be read.
const DISCARD_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Time for the first half of an answer to leave before its connection is cut.
const HALF_MS: u64 = 40;

/// The connection is to be closed without (the rest of) an answer.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// One origin's way in.
#[derive(Clone)]
pub struct Front {
    pub app: Shared,
    pub door: Door,
    pub origins: Origins,
    /// what pages may connect to, for those that do not come from this machine's own browser
    pub connect: Option<Arc<str>>,
    pub router: Router,
}

impl Front {
    /// Answers one request. `reset` is told when the connection should end with a reset.
    ///
    /// # Errors
    /// `Cut` when the connection is to be closed.
    pub async fn answer(
        self,
        request: Request<Incoming>,
        reset: &AtomicBool,
    ) -> Result<Response<Body>, Cut> {
        let path = request.uri().path();
        let api = path == "/api" || path.starts_with("/api/");
        // How to trust this machine belongs to no backend, so nothing of it is a fault or logged.
        if self.door == Door::Trust || is_tool(path) {
            return self.route(request.map(Body::new)).await;
        }
        let plan = self.app.faults.plan(request.method(), path, api);
        if !api {
            return if plan.ending == Ending::Dead {
                Err(Cut)
            } else {
                self.route(request.map(Body::new)).await
            };
        }
        let recorded: Result<Arrival, rusqlite::Error> = self.app.database.read(|connection| {
            let arrival = log::arrived(connection, self.door, request.method(), path, now_ms())?;
            if let Some(fault) = &plan.name {
                log::set_fault(connection, arrival, fault)?;
            }
            Ok(arrival)
        });
        let arrival = match recorded {
            Ok(arrival) => arrival,
            Err(error) => return Ok(Refusal::from(error).into_response()),
        };
        match plan.ending {
            Ending::Dead | Ending::CutBefore => return Err(Cut),
            Ending::Refuse => {
                reset.store(true, Ordering::Relaxed);
                return Err(Cut);
            }
            _ => {}
        }
        let (parts, body) = request.into_parts();
        let body = match read_body(body).await {
            Ok(body) => body,
            Err(Unread::Gone) => return Err(Cut),
            Err(Unread::TooLarge) => {
                let answer = Refusal::too_large(BODY_BYTES_MAX).into_response();
                return Ok(self.decorate(&parts.headers, arrival, answer));
            }
        };
        let request = Request::from_parts(parts, body);
        tokio::spawn(self.pursue(request, arrival, plan))
            .await
            .unwrap_or(Err(Cut))
    }

    /// From here on the request goes its way whether or not its client waits.
    async fn pursue(
        self,
        mut request: Request<Bytes>,
        arrival: Arrival,
        plan: Plan,
    ) -> Result<Response<Body>, Cut> {
        self.keep_body(arrival, &request);
        tokio::time::sleep(plan.latency).await;
        let headers = request.headers().clone();
        let answer = match &plan.ending {
            Ending::Status {
                status,
                retry_after,
                body,
            } => fault_answer(*status, retry_after.as_deref(), body.as_ref()),
            Ending::Html { body } => portal_answer(body.as_ref()),
            _ if self.door == Door::Api && request.method() == Method::OPTIONS => {
                cors::preflight(&self.app, self.origins, &headers)
            }
            _ => {
                request.extensions_mut().insert(arrival);
                self.clone().route(request.map(Body::from)).await?
            }
        };
        let is_portal = matches!(plan.ending, Ending::Html { .. });
        let answer = if is_portal {
            self.note(arrival, answer)
        } else {
            self.decorate(&headers, arrival, answer)
        };
        match plan.ending {
            Ending::CutAfter => Err(Cut),
            Ending::CutHalf => halve(answer).await,
            _ => Ok(answer),
        }
    }

    async fn route(mut self, mut request: Request<Body>) -> Result<Response<Body>, Cut> {
        request.extensions_mut().insert(self.origins);
        match self.router.call(request).await {
            Ok(mut answer) => {
                if let Some(connect) = &self.connect {
                    pages::let_connect(&mut answer, connect);
                }
                Ok(answer)
            }
            Err(never) => match never {},
        }
    }

    fn decorate(
        &self,
        request: &HeaderMap,
        arrival: Arrival,
        mut answer: Response<Body>,
    ) -> Response<Body> {
        if self.door == Door::Api {
            cors::admit(&self.app, self.origins, request, &mut answer);
        }
        self.note(arrival, answer)
    }

    fn note(&self, arrival: Arrival, answer: Response<Body>) -> Response<Body> {
        let status = answer.status().as_u16();
        match self
            .app
            .database
            .read(|connection| log::set_status(connection, arrival, status))
        {
            Ok(()) => answer,
            Err(error) => Refusal::from(error).into_response(),
        }
    }

    fn keep_body(&self, arrival: Arrival, request: &Request<Bytes>) {
        if !fields::is_json(request.headers()) {
            return;
        }
        if let Ok(body) = serde_json::from_slice::<Value>(request.body()) {
            // A log that cannot be written shows itself when the status is noted.
            let _ = self
                .app
                .database
                .read(|connection| log::set_body(connection, arrival, &body));
        }
    }
}

/// The tools stay within reach when the network is dead, or nobody could revive it.
fn is_tool(path: &str) -> bool {
    let first = path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    // The self-check's page is a page like the app's; what was reported is a tool.
    path.starts_with("/selfcheck/")
        || matches!(
            first,
            "faults" | "faults.json" | "log" | "log.json" | "labels" | "control"
        )
}

enum Unread {
    Gone,
    TooLarge,
}

async fn read_body(mut body: Incoming) -> Result<Bytes, Unread> {
    let mut bytes = Vec::new();
    let mut total = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Gone)?.into_data() else {
            continue;
        };
        total = total.saturating_add(data.len());
        if total > DISCARD_BYTES_MAX {
            return Err(Unread::TooLarge);
        }
        if total <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&data);
        }
    }
    if total > BODY_BYTES_MAX {
        Err(Unread::TooLarge)
    } else {
        Ok(bytes.into())
    }
}

fn fault_answer(
    status: StatusCode,
    retry_after: Option<&str>,
    body: Option<&Value>,
) -> Response<Body> {
    let mut answer = match body {
        Some(Value::String(text)) => (status, text.clone()).into_response(),
        Some(value) => (status, axum::Json(value)).into_response(),
        None => {
            let error = json!({ "code": usual_code(status), "message": "a fault was switched on for this" });
            (status, axum::Json(json!({ "error": error }))).into_response()
        }
    };
    if let Some(value) = retry_after.and_then(|seconds| HeaderValue::from_str(seconds).ok()) {
        answer.headers_mut().insert(header::RETRY_AFTER, value);
    }
    answer
}

/// The code that this backend, or what stands before it, would say with that status.
fn usual_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "token_expired",
        403 => "forbidden",
        404 => "not_found",
        409 => "conflict",
        429 => "too_many_requests",
        500..=599 => "unavailable",
        _ => "fault",
    }
}

fn portal_answer(body: Option<&Value>) -> Response<Body> {
    let text = match body {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => pages::PORTAL.to_owned(),
    };
    axum::response::Html(text).into_response()
}

/// Promises the whole answer, gives half of it and breaks off.
async fn halve(answer: Response<Body>) -> Result<Response<Body>, Cut> {
    let (mut parts, body) = answer.into_parts();
    let whole = to_bytes(body, usize::MAX).await.map_err(|_| Cut)?;
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = Half {
        first: Some(whole.slice(..whole.len() / 2)),
        pause: Box::pin(tokio::time::sleep(Duration::from_millis(HALF_MS))),
    };
    Ok(Response::from_parts(parts, Body::new(half)))
}

/// The pause lets the connection send what it has; an error at once would take the first half along.
struct Half {
    first: Option<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl HttpBody for Half {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.pause.as_mut().poll(context).map(|()| Some(Err(Cut)))
    }
}
