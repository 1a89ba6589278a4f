//! The two origins: the page with its files, and the API across origins.

use crate::client::{Answer, Request, Sandbox};

fn asked(sandbox: &Sandbox, request: Request, origin: &str) -> Answer {
    request
        .header("Origin", origin)
        .send(sandbox.api_port)
        .answer()
}

#[test]
fn the_second_origin_admits_the_page_and_nobody_else() {
    let sandbox = Sandbox::start();
    let page = format!("http://localhost:{}", sandbox.page_port);
    let numbers = format!("http://127.0.0.1:{}", sandbox.page_port);
    let allowed = |origin: &str| {
        let answer = asked(&sandbox, Request::get("/api/health"), origin);
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("access-control-expose-headers"), None);
        answer
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    for origin in [page.as_str(), &numbers, "https://courier.example"] {
        assert_eq!(allowed(origin).as_deref(), Some(origin));
    }
    assert_eq!(allowed("https://elsewhere.example"), None);
    assert_eq!(
        allowed(&format!("http://localhost:{}", sandbox.api_port)),
        None
    );
}

#[test]
fn a_preflight_allows_two_headers_and_two_methods() {
    let sandbox = Sandbox::start();
    let page = format!("http://localhost:{}", sandbox.page_port);
    let preflight = Request::new("OPTIONS", "/api/stops/st-01/arrive")
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "authorization,content-type,idempotency-key",
        );
    let answer = asked(&sandbox, preflight.clone(), &page);
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some(page.as_str())
    );
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET, POST")
    );
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("authorization, content-type")
    );
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    let stranger = asked(&sandbox, preflight, "https://elsewhere.example");
    assert_eq!(stranger.header("access-control-allow-methods"), None);
}

#[test]
fn errors_can_be_read_across_origins_and_a_portal_cannot() {
    let sandbox = Sandbox::start();
    let page = format!("http://localhost:{}", sandbox.page_port);
    let refused = asked(&sandbox, Request::get("/api/route"), &page);
    assert_eq!(refused.status, 401);
    assert!(refused.header("access-control-allow-origin").is_some());
    sandbox.fault(&serde_json::json!([{"fault": "html"}]));
    let portal = asked(&sandbox, Request::get("/api/route"), &page);
    assert_eq!(portal.header("access-control-allow-origin"), None);
}

#[test]
fn the_page_origin_sends_no_cross_origin_headers() {
    let sandbox = Sandbox::start();
    let origin = format!("http://localhost:{}", sandbox.page_port);
    let answer = sandbox.ask(Request::get("/api/health").header("Origin", &origin));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn the_second_origin_has_the_api_and_nothing_else() {
    let sandbox = Sandbox::start();
    for path in [
        "/",
        "/log",
        "/faults.json",
        "/config.json",
        "/control/reset",
    ] {
        let answer = Request::get(path).send(sandbox.api_port).answer();
        assert_eq!(
            (answer.status, answer.code()),
            (404, "not_found".into()),
            "{path}"
        );
    }
}

#[test]
fn files_have_their_types_a_tag_and_a_strict_policy() {
    let sandbox = Sandbox::start();
    let dist = sandbox.folder.join("dist");
    for name in [
        "index.html",
        "core.wasm",
        "app.webmanifest",
        "app.js",
        "app.js.map",
    ] {
        std::fs::write(dist.join(name), name).unwrap();
    }
    let media_type = |path: &str| {
        let answer = sandbox.ask(Request::get(path));
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        answer.header("content-type").unwrap().to_owned()
    };
    assert_eq!(media_type("/core.wasm"), "application/wasm");
    assert_eq!(media_type("/app.webmanifest"), "application/manifest+json");
    assert_eq!(media_type("/app.js"), "text/javascript; charset=utf-8");
    assert_eq!(media_type("/app.js.map"), "application/json");
    let page = sandbox.ask(Request::get("/stops/st-01"));
    assert_eq!(page.text(), "index.html");
    assert_eq!(
        page.header("content-security-policy").unwrap(),
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' blob: data:; media-src 'self' blob:; \
         connect-src 'self' http://localhost:* http://127.0.0.1:*; worker-src 'self'; object-src 'none'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let again = Request::get("/").header("If-None-Match", page.header("etag").unwrap());
    assert_eq!(sandbox.ask(again).status, 304);
    assert_eq!(sandbox.ask(Request::get("/missing.js")).status, 404);
    assert_eq!(sandbox.ask(Request::get("/../sandbox.db")).status, 404);
    assert_eq!(sandbox.ask(Request::get("/%2e%2e/sandbox.db")).status, 404);
    assert_eq!(
        sandbox.ask(Request::get("/api/missing")).code(),
        "not_found"
    );
}

#[test]
fn the_configuration_follows_the_asked_host() {
    let sandbox = Sandbox::start();
    let api = |path: &str, host: &str| {
        let host = format!("{host}:{}", sandbox.page_port);
        let config = sandbox.ask(Request::get(path).header("Host", &host)).json();
        config["servers"]["api"].as_str().unwrap().to_owned()
    };
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        assert_eq!(
            api("/config.json", host),
            format!("http://{host}:{}", sandbox.page_port)
        );
        assert_eq!(
            api("/config.json?origin=second", host),
            format!("http://{host}:{}", sandbox.api_port)
        );
    }
}

#[test]
fn every_parcel_has_a_label() {
    let sandbox = Sandbox::start();
    let page = sandbox.ask(Request::get("/labels")).text();
    assert_eq!(page.matches("<div class=\"label\">").count(), 24);
    assert!(page.contains("PN-7H2K-0021"));
    let label = sandbox.ask(Request::get("/labels/PN-7H2K-0021.svg"));
    assert_eq!(label.header("content-type"), Some("image/svg+xml"));
    assert!(label.text().contains("<svg"));
    assert_eq!(
        sandbox.ask(Request::get("/labels/PN-0000-0000.svg")).status,
        404
    );
}
