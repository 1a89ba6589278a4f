//! Parcel labels to scan from a screen or from paper: `/labels`, and one code as an SVG, as a QR code
//! or as the bars of Code 128.

use std::fmt::Write;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use barcoders::sym::code128::Code128;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use rusqlite::OptionalExtension;
use serde_json::Value;

use crate::app::Shared;
use crate::clock::minute_text;
use crate::pages::{escape, page};
use crate::refusal::Refusal;

const SIDE_PX: u32 = 240;

pub fn router() -> Router<Shared> {
    Router::new()
        .route("/labels", get(html))
        .route("/labels/{file}", get(label))
}

/// A code's label as SVG.
type Draw = fn(&str) -> Result<String, Refusal>;

async fn label(State(app): State<Shared>, Path(file): Path<String>) -> Result<Response, Refusal> {
    let (code, draw): (&str, Draw) = file
        .strip_suffix(".bars.svg")
        .map(|code| (code, bars as Draw))
        .or_else(|| {
            file.strip_suffix(".svg")
                .map(|code| (code, picture as Draw))
        })
        .ok_or_else(|| Refusal::not_found("label"))?;
    let known: Option<String> = app.database.read(|connection| {
        connection
            .query_row("SELECT code FROM parcels WHERE code = ?1", [code], |row| {
                row.get(0)
            })
            .optional()
    })?;
    let picture = draw(&known.ok_or_else(|| Refusal::not_found("label"))?)?;
    Ok((
        [
            (header::CONTENT_TYPE, "image/svg+xml"),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        picture,
    )
        .into_response())
}

fn picture(code: &str) -> Result<String, Refusal> {
    let code = QrCode::with_error_correction_level(code, EcLevel::M).map_err(Refusal::internal)?;
    Ok(code
        .render::<svg::Color>()
        .min_dimensions(SIDE_PX, SIDE_PX)
        .build())
}

/// The same as Code 128, in set B, with ten modules of quiet on both sides.
fn bars(code: &str) -> Result<String, Refusal> {
    const QUIET: usize = 10;
    const HEIGHT: usize = 50;
    let bars = Code128::new(format!("\u{181}{code}"))
        .map_err(|_| Refusal::not_found("bars"))?
        .encode();
    let width = bars.len() + 2 * QUIET;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {HEIGHT}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{width}v{HEIGHT}H0z\"/><path d=\"",
        width * 2,
        HEIGHT * 2,
    );
    for (i, _) in bars.iter().enumerate().filter(|(_, b)| **b == 1) {
        let _ = write!(svg, "M{} 0h1v{HEIGHT}h-1z", i + QUIET);
    }
    svg.push_str("\"/></svg>");
    Ok(svg)
}

struct Row {
    courier: String,
    sequence: i64,
    stop: String,
    kind: String,
    address: Value,
    window: (i64, i64),
    code: String,
    label: String,
}

async fn html(State(app): State<Shared>) -> Result<Response, Refusal> {
    let rows = app.database.read(|connection| {
        connection
            .prepare_cached(
                "SELECT couriers.name, sequence, stops.id, kind, address, window_from, window_to, code, label
                 FROM parcels JOIN stops ON stops.id = parcels.stop JOIN couriers ON couriers.id = courier
                 WHERE removed = 0 ORDER BY couriers.id, sequence, parcels.id",
            )?
            .query_map([], |row| {
                Ok(Row {
                    courier: row.get(0)?,
                    sequence: row.get(1)?,
                    stop: row.get(2)?,
                    kind: row.get(3)?,
                    address: serde_json::from_str(&row.get::<_, String>(4)?).unwrap_or_default(),
                    window: (row.get(5)?, row.get(6)?),
                    code: row.get(7)?,
                    label: row.get(8)?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
    })?;
    let mut body = format!(
        "<p class=\"screen\">{} parcels. Print this page, or scan it from the screen.</p>",
        rows.len()
    );
    for stop in rows.chunk_by(|one, next| one.stop == next.stop) {
        if let Some(first) = stop.first() {
            body.push_str(&heading(first));
        }
        body.push_str("<div class=\"labels\">");
        stop.iter().for_each(|row| body.push_str(&card(row)));
        body.push_str("</div>");
    }
    Ok(page("Labels", &body))
}

fn heading(row: &Row) -> String {
    let part = |name: &str| {
        escape(
            row.address
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default(),
        )
    };
    let pickup = if row.kind == "pickup" { ", pickup" } else { "" };
    format!(
        "<h2>{} {}: {}, {} <span class=\"dim\">{} {} - {}{pickup}</span></h2>",
        escape(&row.courier),
        row.sequence,
        part("name"),
        part("street"),
        escape(&row.stop),
        minute_text(row.window.0),
        minute_text(row.window.1),
    )
}

fn card(row: &Row) -> String {
    let mut card = String::new();
    let code = escape(&row.code);
    let street = escape(
        row.address
            .get("street")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    );
    let _ = write!(
        card,
        "<div class=\"label\"><img src=\"/labels/{code}.svg\" width=\"{SIDE_PX}\" height=\"{SIDE_PX}\" alt=\"QR code of {code}\">\
         <img class=\"bars\" src=\"/labels/{code}.bars.svg\" alt=\"bars of {code}\">\
         <div class=\"code\">{code}</div><div>{}</div><div>{street}</div></div>",
        escape(&row.label),
    );
    card
}
