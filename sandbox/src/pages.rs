//! The frame of the pages that the sandbox itself serves: one stylesheet, one menu, no script,
//! and one way to put a text into HTML.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

/// For every HTML answer. The two connect sources are what lets the page talk to the API origin.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; media-src 'self' blob:; \
connect-src 'self' http://localhost:* http://127.0.0.1:*; worker-src 'self'; object-src 'none'; \
base-uri 'none'; frame-ancestors 'none'";

/// The second origin for a browser on this machine, as the policy above names it.
const LOCAL_ORIGINS: &str = "http://localhost:* http://127.0.0.1:*";

/// Lets a page that was asked for from elsewhere connect to the second origin it finds there.
pub fn let_connect(answer: &mut Response, origins: &str) {
    let policy = answer.headers().get(header::CONTENT_SECURITY_POLICY);
    let Some(policy) = policy.and_then(|value| value.to_str().ok()) else {
        return;
    };
    if let Ok(policy) = HeaderValue::from_str(&policy.replace(LOCAL_ORIGINS, origins)) {
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// What a captive portal says to a request that it never lets through.
pub const PORTAL: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Guest network</title>\
<h1>Welcome to the guest network</h1><form method=\"post\" action=\"/portal\">\
<label>Room number <input name=\"room\"></label> <button>Connect</button></form></html>";

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b2430; --dim: #5b6776; --paper: #f7f8fa; --card: #fff; --line: #d9dee5;
  --good: #14713d; --bad: #b3261e; --warn: #8a5300; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --dim: #9aa7b6; --paper: #12161c; --card: #1a2029;
  --line: #313a46; --good: #6fd39b; --bad: #ff9d94; --warn: #f0b866; --link: #8cc2ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 0.95rem/1.45 system-ui, sans-serif; }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding-bottom: 0.75rem; border-bottom: 1px solid var(--line); }
a { color: var(--link); }
h1 { font-size: 1.4rem; margin: 1rem 0 0.5rem; } h2 { font-size: 1.1rem; margin: 1.5rem 0 0.5rem; }
p { max-width: 60rem; } .dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); }
.warn { color: var(--warn); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: var(--card); }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.6rem; border: 1px solid var(--line); }
th { color: var(--dim); font-weight: 600; }
code, .code { font-family: ui-monospace, monospace; font-size: 0.85rem; overflow-wrap: anywhere; }
img.thumb { max-width: 8rem; max-height: 6rem; border: 1px solid var(--line); background: #fff; }
form.row { display: flex; flex-wrap: wrap; gap: 0.5rem 0.75rem; align-items: end; margin: 0.5rem 0; }
form.inline { display: inline; } .buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.request { min-width: 17rem; }
label { display: grid; gap: 0.15rem; color: var(--dim); font-size: 0.85rem; }
input, select, button { font: inherit; padding: 0.35rem 0.5rem; color: var(--ink); background: var(--card);
  border: 1px solid var(--line); border-radius: 0.3rem; max-width: 100%; }
input.number { width: 6rem; } button { cursor: pointer; }
.labels { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 0.75rem; }
.label { padding: 0.75rem; border: 1px solid var(--line); border-radius: 0.3rem; background: #fff; color: #000;
  text-align: center; break-inside: avoid; overflow-wrap: anywhere; }
.label img { width: 100%; max-width: 11rem; height: auto; } .label .bars { max-width: 100%; margin-top: 0.5rem; } .label .code { font-size: 1rem; font-weight: 700; }
@media print { nav, .screen { display: none; } body { background: #fff; color: #000; padding: 0; max-width: none; }
  h2 { break-after: avoid; } }
";

const MENU: &str = "<nav><a href=\"/\">App</a><a href=\"/log\">Log</a><a href=\"/faults\">Faults</a>\
<a href=\"/labels\">Labels</a><a href=\"/selfcheck/reports\">Self-checks</a></nav>";

/// A whole page around `body`, which is HTML already.
pub fn page(title: &str, body: &str) -> Response {
    let html = document(title, MENU, body);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, Html(html)).into_response()
}

/// A page without the menu, for where the rest of the sandbox is not.
pub fn document_alone(title: &str, body: &str) -> String {
    document(title, "", body)
}

fn document(title: &str, menu: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} - Pannier sandbox</title><style>{STYLE}</style></head><body>{menu}\
         <main><h1>{title}</h1>{body}</main></body></html>\n",
        title = escape(title),
    )
}

/// A text as it may stand in HTML, between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{CONTENT_SECURITY_POLICY, LOCAL_ORIGINS, escape};

    #[test]
    fn the_policy_names_the_local_origins() {
        assert!(CONTENT_SECURITY_POLICY.contains(LOCAL_ORIGINS));
    }

    #[test]
    fn texts_cannot_become_markup() {
        assert_eq!(
            escape("<b a=\"x\">'&"),
            "&lt;b a=&quot;x&quot;&gt;&#39;&amp;"
        );
    }
}
