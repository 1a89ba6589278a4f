//! Proof photos and signatures: kept byte for byte, given back byte for byte. The same upload
//! sent twice is two photos.

use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::session::Courier;
use super::stops::{Record, append, owned};
use crate::app::{App, Shared};
use crate::database::setting;
use crate::log::{self, Arrival};
use crate::refusal::Refusal;

pub const PHOTO_BYTES_MAX: usize = 15 * 1024 * 1024;

pub async fn upload(
    State(app): State<Shared>,
    Extension(arrival): Extension<Arrival>,
    Courier(courier): Courier,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let form = form.map_err(|_| Refusal::media_type("content-type must be multipart/form-data"))?;
    let form = Form::read(form).await?;
    form.note(&app, arrival)?;
    let upload = form.check()?;
    app.database.change(|transaction| {
        owned(transaction, &upload.stop, &courier)?;
        let id = next_id(transaction)?;
        transaction.execute(
            "INSERT INTO photos (id, stop, kind, filename, media_type, bytes, sha256, taken_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                id,
                upload.stop,
                upload.kind,
                upload.filename,
                upload.media_type,
                upload.bytes.as_ref(),
                upload.sha256,
                upload.taken_at
            ],
        )?;
        let detail = json!({
            "id": id, "kind": upload.kind, "filename": upload.filename, "bytes": upload.bytes.len(),
            "sha256": upload.sha256,
        });
        let remarks = upload.remarks.as_deref();
        append(transaction, &upload.stop, Record::new("photo", upload.taken_at, remarks), detail.clone())?;
        log::set_body(transaction, arrival, &detail)?;
        log::set_applied(transaction, arrival, &upload.stop)?;
        let answer = json!({
            "id": id, "bytes": upload.bytes.len(), "sha256": upload.sha256, "filename": upload.filename,
        });
        Ok((StatusCode::CREATED, Json(answer)))
    })
}

#[derive(Deserialize)]
pub struct Which {
    stop_id: Option<String>,
}

pub async fn list(
    State(app): State<Shared>,
    Courier(courier): Courier,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let stop = which
        .stop_id
        .ok_or_else(|| Refusal::bad_field("stop_id", "a stop id is required"))?;
    app.database.read(|connection| {
        owned(connection, &stop, &courier)?;
        let photos = connection
            .prepare_cached(
                "SELECT id, kind, filename, length(bytes), sha256, taken_at FROM photos WHERE stop = ?1 ORDER BY n",
            )?
            .query_map([&stop], |row| {
                Ok(json!({
                    "id": row.get::<_, String>(0)?, "kind": row.get::<_, String>(1)?,
                    "filename": row.get::<_, String>(2)?, "bytes": row.get::<_, i64>(3)?,
                    "sha256": row.get::<_, String>(4)?, "taken_at": row.get::<_, i64>(5)?,
                }))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Json(json!({ "photos": photos })))
    })
}

pub async fn bytes(
    State(app): State<Shared>,
    Courier(courier): Courier,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    app.database.read(|connection| {
        let stop: Option<String> = connection
            .query_row("SELECT stop FROM photos WHERE id = ?1", [&id], |row| {
                row.get(0)
            })
            .optional()?;
        let not_there = || Refusal::not_found("photo");
        owned(connection, &stop.ok_or_else(not_there)?, &courier).map_err(|_| not_there())?;
        stored(connection, &id)
    })
}

/// A photo's bytes as an answer. A drawing may hold a script, so it comes with a policy of its own.
pub fn stored(connection: &Connection, id: &str) -> Result<Response, Refusal> {
    let (media_type, bytes): (String, Vec<u8>) = connection
        .query_row(
            "SELECT media_type, bytes FROM photos WHERE id = ?1",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?
        .ok_or_else(|| Refusal::not_found("photo"))?;
    let headers = [
        (header::CONTENT_TYPE, media_type.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        ),
    ];
    Ok((headers, bytes).into_response())
}

/// The form as it came.
#[derive(Default)]
struct Form {
    stop: Option<String>,
    kind: Option<String>,
    taken_at: Option<String>,
    remarks: Option<String>,
    filename: Option<String>,
    bytes: Option<Bytes>,
}

/// The form as it must be.
struct Upload {
    stop: String,
    kind: String,
    taken_at: i64,
    remarks: Option<String>,
    filename: String,
    media_type: &'static str,
    sha256: String,
    bytes: Bytes,
}

impl Form {
    async fn read(mut form: Multipart) -> Result<Self, Refusal> {
        let mut read = Self::default();
        let broken = |error: axum::extract::multipart::MultipartError| {
            Refusal::bad_field("body", &error.body_text())
        };
        while let Some(field) = form.next_field().await.map_err(broken)? {
            read.take(field).await.map_err(broken)?;
        }
        Ok(read)
    }

    async fn take(
        &mut self,
        field: Field<'_>,
    ) -> Result<(), axum::extract::multipart::MultipartError> {
        match field.name().unwrap_or_default() {
            "stop_id" => self.stop = Some(field.text().await?),
            "kind" => self.kind = Some(field.text().await?),
            "taken_at" => self.taken_at = Some(field.text().await?),
            "remarks" => self.remarks = Some(field.text().await?),
            "file" => {
                self.filename = field.file_name().map(str::to_owned);
                self.bytes = Some(field.bytes().await?);
            }
            _ => {
                field.bytes().await?;
            }
        }
        Ok(())
    }

    /// What is known of the upload goes to the log before anything can be refused.
    fn note(&self, app: &App, arrival: Arrival) -> Result<(), Refusal> {
        let bytes = self.bytes.as_deref().unwrap_or_default();
        let body = json!({
            "id": null, "kind": self.kind, "filename": self.filename, "bytes": bytes.len(), "sha256": sha256(bytes),
        });
        app.database.read(|connection| {
            log::set_body(connection, arrival, &body)?;
            if let Some(stop) = &self.stop {
                log::set_stop(connection, arrival, stop)?;
            }
            self.remarks.as_ref().map_or(Ok(()), |remarks| {
                log::set_remarks(connection, arrival, remarks)
            })
        })?;
        Ok(())
    }

    fn check(self) -> Result<Upload, Refusal> {
        let required = |field: &'static str| move || Refusal::bad_field(field, "is required");
        let stop = self.stop.ok_or_else(required("stop_id"))?;
        let kind = self
            .kind
            .filter(|kind| matches!(kind.as_str(), "photo" | "signature"));
        let kind = kind.ok_or_else(|| Refusal::bad_field("kind", "photo or signature"))?;
        let taken_at = self
            .taken_at
            .and_then(|text| text.trim().parse().ok())
            .filter(|at| *at > 0);
        let taken_at = taken_at.ok_or_else(|| {
            Refusal::bad_field("taken_at", "a time in unix milliseconds is required")
        })?;
        let bytes = self.bytes.ok_or_else(required("file"))?;
        let filename = self.filename.filter(|name| !name.is_empty());
        let filename =
            filename.ok_or_else(|| Refusal::bad_field("file", "a filename is required"))?;
        if bytes.len() > PHOTO_BYTES_MAX {
            return Err(Refusal::too_large(PHOTO_BYTES_MAX));
        }
        let media_type = media_type(&bytes)
            .ok_or_else(|| Refusal::media_type("the file is not a JPEG, PNG or SVG picture"))?;
        let sha256 = sha256(&bytes);
        Ok(Upload {
            stop,
            kind,
            taken_at,
            remarks: self.remarks,
            filename,
            media_type,
            sha256,
            bytes,
        })
    }
}

/// Numbered within a database, and marked with it: an id from a deleted database finds nothing.
fn next_id(connection: &Connection) -> Result<String, Refusal> {
    let mark = setting(connection, "mark")?.unwrap_or_default();
    let last: Option<i64> = connection
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'photos'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(format!("ph-{mark}-{}", last.unwrap_or(0) + 1))
}

/// By the bytes alone; what the client calls it does not count.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    const HEAD_BYTES: usize = 1024;
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        return Some("image/jpeg");
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some("image/png");
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]);
    let head = head.trim_start_matches('\u{feff}').trim_start();
    (head.starts_with('<') && head.contains("<svg")).then_some("image/svg+xml")
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn pictures_are_known_by_their_bytes() {
        assert_eq!(media_type(&[0xff, 0xd8, 0xff, 0xe0]), Some("image/jpeg"));
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(
            media_type(b"<?xml version=\"1.0\"?>\n<svg/>"),
            Some("image/svg+xml")
        );
        assert_eq!(media_type(b"<html>"), None);
        assert_eq!(media_type(b""), None);
    }
}
