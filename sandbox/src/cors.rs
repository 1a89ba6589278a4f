//! The cross-origin rules of the API origin: as narrow as an ordinary backend's. Two request
//! headers are allowed, no answer header is exposed, and there are no credentials. The page
//! origin sends none of this.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::app::{App, Origins};

/// Adds the headers that let the asking page read the answer.
pub fn admit(app: &App, origins: Origins, request: &HeaderMap, response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = admitted(app, origins, request) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// A browser's question before the request itself. The answer to a page that is not admitted
/// lacks the headers, which is how a browser is told no.
pub fn preflight(app: &App, origins: Origins, request: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if admitted(app, origins, request).is_some() {
        let headers = response.headers_mut();
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST"),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type"),
        );
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        );
    }
    response
}

fn admitted<'a>(app: &App, origins: Origins, request: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = request.get(header::ORIGIN)?;
    let asked = origin.to_str().ok()?;
    let same_host = request
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| asked == origins.page(hostname(host)));
    let local = ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|host| asked == origins.page(host));
    (same_host || local || app.allowed_origins.iter().any(|allowed| allowed == asked))
        .then_some(origin)
}

/// A Host header's value without its port.
pub fn hostname(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => &host[..at],
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::hostname;

    #[test]
    fn a_hostname_has_no_port() {
        assert_eq!(hostname("localhost:8080"), "localhost");
        assert_eq!(hostname("localhost"), "localhost");
        assert_eq!(hostname("[::1]:8080"), "[::1]");
        assert_eq!(hostname("[::1]"), "[::1]");
    }
}
