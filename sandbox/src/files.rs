//! The built page, and where it finds its backend.
//!
//! Everything is revalidated (`no-cache` with an ETag), so that a rebuilt page is seen at once
//! and a service worker decides alone what is kept. A path that names no file is a place in the
//! app and gets its index.

use std::path::{Path, PathBuf};

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{Origins, Shared};
use crate::cors::hostname;
use crate::pages::{self, CONTENT_SECURITY_POLICY};
use crate::refusal::Refusal;

#[derive(Deserialize)]
pub struct Switch {
    origin: Option<String>,
}

/// The page's own origin normally, as behind a reverse proxy; the API origin with `?origin=second`.
pub async fn config(
    Extension(origins): Extension<Origins>,
    Query(switch): Query<Switch>,
    headers: HeaderMap,
) -> Response {
    let value = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .filter(|text| !text.is_empty())
    };
    let host =
        value("host").map_or_else(|| format!("localhost:{}", origins.page_port), str::to_owned);
    let address = if switch.origin.as_deref() == Some("second") {
        origins.api(hostname(&host))
    } else {
        let scheme = value("x-forwarded-proto")
            .filter(|scheme| *scheme == "https")
            .unwrap_or(origins.scheme);
        format!("{scheme}://{}", value("x-forwarded-host").unwrap_or(&host))
    };
    let config: Json<Value> = Json(json!({ "servers": { "api": address } }));
    ([(header::CACHE_CONTROL, "no-cache")], config).into_response()
}

/// Whatever no other path takes.
pub async fn file(State(app): State<Shared>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return Refusal::not_found("path").into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(wanted) = inside(&app.files, path) else {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    };
    let names_a_file = wanted.extension().is_some();
    let candidates = if names_a_file {
        vec![wanted]
    } else {
        // `/selfcheck` is selfcheck.html, as in the service worker's cache; the folder itself has
        // no page beside it.
        let page = (wanted != app.files).then(|| wanted.with_extension("html"));
        let index = [wanted.join("index.html"), app.files.join("index.html")];
        std::iter::once(wanted).chain(page).chain(index).collect()
    };
    for candidate in candidates {
        if let Some(answer) = serve(&candidate, request.headers()).await {
            return answer;
        }
    }
    if names_a_file {
        (StatusCode::NOT_FOUND, "not found\n").into_response()
    } else {
        not_built(&app.files)
    }
}

/// The file below `root` that a path asks for; never one above it, never a hidden one.
fn inside(root: &Path, path: &str) -> Option<PathBuf> {
    let mut wanted = root.to_owned();
    for part in decode(path)?.split('/').filter(|part| !part.is_empty()) {
        if part.starts_with('.') || part.contains(['\\', ':', '\0']) {
            return None;
        }
        wanted.push(part);
    }
    Some(wanted)
}

fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

async fn serve(path: &Path, request: &HeaderMap) -> Option<Response> {
    let metadata = tokio::fs::metadata(path)
        .await
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    let changed = metadata
        .modified()
        .ok()?
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?
        .as_nanos();
    let tag = format!("\"{:x}-{changed:x}\"", metadata.len());
    let known = request
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let fresh = known
        .split(',')
        .any(|other| other.trim().trim_start_matches("W/") == tag);
    let media_type = media_type(path);
    let mut answer = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (
            [(header::CONTENT_TYPE, media_type)],
            tokio::fs::read(path).await.ok()?,
        )
            .into_response()
    };
    let headers = answer.headers_mut();
    headers.insert(header::ETAG, tag.parse().ok()?);
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-cache"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        header::HeaderValue::from_static("nosniff"),
    );
    if media_type.starts_with("text/html") {
        let policy = header::HeaderValue::from_static(CONTENT_SECURITY_POLICY);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Some(answer)
}

fn media_type(path: &Path) -> &'static str {
    match path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
    {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn not_built(folder: &Path) -> Response {
    let body = format!(
        "<p>There is no <code>index.html</code> in <code>{}</code>. Build the app, or name its folder with \
         <code>--static</code>. The backend itself is running.</p>",
        pages::escape(&folder.display().to_string())
    );
    let mut answer = pages::page("No app here yet", &body);
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let root = Path::new("/srv");
        assert_eq!(inside(root, "/a/b.js"), Some("/srv/a/b.js".into()));
        assert_eq!(inside(root, "/%C3%A5.txt"), Some("/srv/å.txt".into()));
        assert_eq!(inside(root, "/../etc/passwd"), None);
        assert_eq!(inside(root, "/a/%2e%2e/b"), None);
        assert_eq!(inside(root, "/a/..%2f..%2fb"), None);
        assert_eq!(inside(root, "/.env"), None);
        assert_eq!(inside(root, "/%zz"), None);
    }
}
