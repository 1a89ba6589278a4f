//! The door at which a phone learns to trust the sandbox: a page of instructions and the
//! authority's certificate, by plain http, for a certificate that is not trusted yet cannot be
//! fetched by https. There is nothing else behind it, no page of the app and no API.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::app::Origins;
use crate::cors::hostname;
use crate::pages::{self, escape};

pub const CERTIFICATE_PATH: &str = "/pannier-ca.crt";

pub struct Trust {
    pub certificate: Vec<u8>,
    /// the authority's name, as the phone will list it
    pub authority: String,
    /// every name and address that the certificate of this start is for; the first is the usual one
    pub hosts: Vec<String>,
    pub origins: Origins,
}

pub fn router(trust: Trust) -> Router {
    Router::new()
        .route("/", get(page))
        .route(CERTIFICATE_PATH, get(certificate))
        .fallback(|| async { (StatusCode::NOT_FOUND, "not found\n") })
        .with_state(Arc::new(trust))
}

async fn certificate(State(trust): State<Arc<Trust>>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, trust.certificate.clone()).into_response()
}

/// Goes on to the app as soon as https works: on arrival, and on the way back from the settings.
/// What it fetches is small, and whether the answer can be read does not matter.
const SCRIPT: &str = "
const app = document.getElementById('app').href;
const look = () => fetch(app + 'config.json', { mode: 'no-cors', cache: 'no-store' }).then(() => location.replace(app), () => {});
document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
look();
";

const STYLE: &str = "
main { max-width: 34rem; margin: 0 auto; font-size: 1.05rem; } li { margin: 0.75rem 0; } ol { padding-left: 1.5rem; }
.go { display: inline-block; padding: 0.7rem 1.1rem; margin: 0.25rem 0; border-radius: 0.4rem; font-weight: 600;
  text-decoration: none; color: var(--paper); background: var(--link); }
";

async fn page(State(trust): State<Arc<Trust>>, headers: HeaderMap) -> Response {
    let Some(nonce) = nonce() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // The phone keeps the name it came by, if it is one of ours.
    let asked = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .map(hostname);
    let known = trust.hosts.iter().find(|host| asked == Some(host.as_str()));
    let host = known.or_else(|| trust.hosts.first());
    let app = trust.origins.page(host.map_or("localhost", String::as_str));
    let authority = escape(&trust.authority);
    let body = format!(
        "<style>{STYLE}</style>\
         <p>This phone has to trust the computer once. Then the app opens by itself.</p>\
         <ol>\
         <li><a class=\"go\" href=\"{CERTIFICATE_PATH}\">Load the certificate</a><br>\
         On an iPhone in Safari; allow the download.</li>\
         <li><b>Install it.</b> Settings, General, VPN &amp; Device Management, <b>{authority}</b>, Install.</li>\
         <li><b>Switch it on.</b> Settings, General, About, Certificate Trust Settings, <b>{authority}</b>.</li>\
         <li>Come back to this page, or <a id=\"app\" href=\"{app}/\">open the app</a>.</li>\
         </ol>\
         <p class=\"dim\">On Android: load it, then Settings, search for <i>CA certificate</i>, install it from Downloads.</p>\
         <p class=\"dim\">The certificate can vouch for addresses of local networks only. To end the trust, remove \
         {authority} where it was installed. Whether this phone has all the app needs is told by its \
         <a href=\"{app}/selfcheck\">self-check</a>.</p>\
         <script nonce=\"{nonce}\">{SCRIPT}</script>"
    );
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src {app}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let html = pages::document_alone("Trust this computer", &body);
    (headers, Html(html)).into_response()
}

fn nonce() -> Option<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
