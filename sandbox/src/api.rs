//! The courier company's REST backend: the paths under `/api`, the same on both origins.
//!
//! It is deliberately plain. No idempotency header is read, no repeated request is recognised,
//! nothing is merged: each request that passes the rules has its effect, each time it comes.

mod photos;
mod route;
mod session;
mod stops;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

use crate::app::Shared;
use crate::refusal::Refusal;

pub use photos::PHOTO_BYTES_MAX;
pub use photos::stored as stored_photo;

pub fn router(app: &Shared) -> Router<Shared> {
    Router::new()
        .nest("/api", pannier_push::router(&app.push))
        .route("/api/health", get(session::health))
        .route("/api/login", post(session::login))
        .route("/api/token/refresh", post(session::refresh))
        .route("/api/route", get(route::route))
        .route("/api/parcels/{code}/load", post(route::load))
        .route("/api/stops/{id}/arrive", post(stops::arrive))
        .route("/api/stops/{id}/scans", post(stops::scan))
        .route("/api/stops/{id}/notes", post(stops::note))
        .route("/api/stops/{id}/pickup", post(stops::pick_up))
        .route("/api/stops/{id}/complete", post(stops::complete))
        .route("/api/stops/{id}/fail", post(stops::fail))
        .route("/api/stops/{id}/return", post(stops::take_back))
        .route(
            "/api/stops/{id}/events",
            get(stops::events).post(stops::event),
        )
        .route("/api/photos", get(photos::list).post(photos::upload))
        .route("/api/photos/{id}", get(photos::bytes))
        .method_not_allowed_fallback(method_not_allowed)
}

async fn method_not_allowed() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not take that method",
    )
}

pub async fn no_such_path() -> Refusal {
    Refusal::not_found("path")
}
