//! The profile language, one shape of a backend after the other, on the in-memory twins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::StopId;
use pannier::domain::operation::Intent;
use pannier::ports::Driver;
use pannier::ports::drain::{DrainReport, Stopped, WakeReason};
use pannier::ports::host::HostToken;
use pannier::ports::route::{RouteOutcome, RouteRefresh};
use pannier::ports::views::{OutboxFilter, OutboxQuery};
use pannier::profile::http::{Answer, Body, Exchange, Part, Piece, Request};
use pannier::testing::clock::TestClock;
use pannier::testing::host::TestHost;
use pannier::testing::net::{TestNet, json as answer};
use pannier::testing::run::run;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::rc::Rc;

/// A phone whose backend is a closure.
struct Phone {
    clock: TestClock,
    net: TestNet,
    core: Driver<TestHost>,
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else {
        panic!("an object is expected")
    };
    fields
}

/// A profile with what every one needs; `changes` take the place of its keys.
fn profile(changes: Value) -> Value {
    let mut base = object(json!({
        "pannier": 1, "name": "test", "revision": "1",
        "servers": {"api": "http://api"},
        "signIn": {"kind": "none", "outputs": {"account": "anna"}},
        "route": {
            "reads": [{"readId": "stops", "request": {"method": "GET", "url": "{+api}/stops"},
                "outcomes": [{"when": {"status": [200]}, "then": "applied"}], "items": "#/stops"}],
            "stop": {"id": "$item.id"}
        },
        "outcomes": [{"when": {"status": [401]}, "then": "auth"}],
        "operations": {"note": {"steps": [step("send", "{+api}/notes", json!({"json": {"text": "$operation.text"}}))]}}
    }));
    base.extend(object(changes));
    Value::Object(base)
}

fn step(id: &str, url: &str, body: Value) -> Value {
    json!({"stepId": id, "request": {"method": "POST", "url": url, "body": body},
        "identity": {"kind": "naturalKey"}, "outcomes": [{"when": {"status": ["2xx"]}, "then": "applied"}]})
}

impl Phone {
    fn new(profile: &Value, backend: impl FnMut(&Request) -> Exchange + 'static) -> Self {
        Self::with(profile, &[], backend)
    }
    fn with(
        profile: &Value,
        secrets: &[(&str, &str)],
        backend: impl FnMut(&Request) -> Exchange + 'static,
    ) -> Self {
        Self::of(profile.to_string(), secrets, backend)
    }
    /// With a document as its author wrote it.
    fn of(
        document: String,
        secrets: &[(&str, &str)],
        backend: impl FnMut(&Request) -> Exchange + 'static,
    ) -> Self {
        let clock = TestClock::default();
        let net = TestNet::new(&clock, backend);
        let host = TestHost::new(&clock, &net, 7);
        let secrets = secrets
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let opening = Driver::open(host, Some(document), Dictionary::default(), secrets);
        let core = run(&clock, opening).unwrap_or_else(|e| panic!("{}: {}", e.code, e.message));
        Self { clock, net, core }
    }
    fn sign_in(&self, credentials: Value) -> Result<String, String> {
        run(&self.clock, self.core.sign_in(object(credentials)))
            .map(|s| s.account.0)
            .map_err(|e| e.code)
    }
    fn refresh(&self) -> RouteRefresh {
        run(&self.clock, self.core.refresh_route()).expect("refreshes")
    }
    fn stops(&self) -> Vec<String> {
        let route = run(&self.clock, self.core.route()).expect("reads");
        route.stops.iter().map(|s| s.id.0.clone()).collect()
    }
    fn note(&self, text: &str) -> String {
        let intent = Intent::Note {
            stop: StopId::new("s1"),
            text: text.into(),
        };
        run(&self.clock, self.core.record(intent, None))
            .expect("is recorded")
            .operation
            .0
    }
    fn drain(&self) -> DrainReport {
        run(&self.clock, self.core.drain(WakeReason::Manual, None)).expect("drains")
    }
    fn sent(&self) -> Vec<String> {
        self.net
            .sent()
            .iter()
            .map(|r| format!("{} {}", r.method, r.url))
            .collect()
    }
    fn header(&self, nth: usize, name: &str) -> Option<String> {
        let sent = self.net.sent();
        sent[nth]
            .headers
            .iter()
            .find(|(k, _)| k == name)
            .map(|(_, v)| v.clone())
    }
}

fn stops(ids: &[&str]) -> Exchange {
    let stops: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    answer(200, &json!({"stops": stops}))
}

// --- signing in ---

#[test]
fn a_backend_that_asks_for_nothing_is_signed_in_to_with_nothing() {
    let phone = Phone::new(&profile(json!({})), |_| stops(&["s1"]));
    assert_eq!(phone.sign_in(json!({})), Ok("anna".into()));
    assert_eq!(phone.refresh().outcome, RouteOutcome::Updated);
    assert_eq!(phone.net.sent()[0].headers, []);
}

#[test]
fn a_key_goes_where_the_backend_wants_it() {
    let with_key = profile(json!({
        "signIn": {"kind": "key", "outputs": {"account": "$credentials.account", "token": "$credentials.key"},
            "headers": {"Authorization": {"$concat": ["Basic ", {"$base64": {"$concat": ["$session.token", ":"]}}]}}},
        "route": {"reads": [{"readId": "stops", "items": "#/stops",
            "request": {"method": "GET", "url": "{+api}/stops{?key}", "parameters": {"key": "$session.token"}},
            "outcomes": [{"when": {"status": [200]}, "then": "applied"}]}], "stop": {"id": "$item.id"}}
    }));
    let phone = Phone::new(&with_key, |_| stops(&["s1"]));
    assert_eq!(
        phone.sign_in(json!({"key": "k 1"})),
        Err("sign_in_unreadable".into())
    );
    assert_eq!(
        phone.sign_in(json!({"key": "k 1", "account": "van-7"})),
        Ok("van-7".into())
    );
    phone.refresh();
    assert_eq!(phone.sent(), ["GET http://api/stops?key=k%201"]);
    assert_eq!(
        phone.header(0, "Authorization").as_deref(),
        Some("Basic ayAxOg==")
    );
}

#[test]
fn a_code_is_asked_for_between_two_requests() {
    let by_code = profile(json!({"signIn": {"kind": "code",
        "start": {"request": {"method": "POST", "url": "{+api}/start", "auth": false, "body": {"json": {"phone": "$credentials.phone"}}},
            "outcomes": [{"when": {"status": [200]}, "then": "applied"}, {"when": {"status": [404]}, "then": "invalid", "message": "#/error"}]},
        "request": {"method": "POST", "url": "{+api}/verify", "auth": false, "body": {"json": {"phone": "$credentials.phone", "code": "$credentials.code"}}},
        "outcomes": [{"when": {"status": [200]}, "then": "applied"}],
        "outputs": {"account": "$response.body#/driver", "token": "$response.body#/token"}}}));
    let phone = Phone::new(&by_code, |r| match r.url.as_str() {
        "http://api/start" => answer(200, &json!({})),
        _ => answer(200, &json!({"driver": "d1", "token": "t"})),
    });
    assert_eq!(
        phone.core.profile().sign_in.credentials(),
        ["phone", "code"]
    );
    assert_eq!(
        phone.sign_in(json!({"phone": "1"})),
        Err("code_needed".into())
    );
    assert_eq!(
        phone.sign_in(json!({"phone": "1", "code": "42"})),
        Ok("d1".into())
    );
    assert_eq!(
        phone.sent(),
        ["POST http://api/start", "POST http://api/verify"]
    );
}

#[test]
fn the_apps_own_right_is_fetched_anew_when_it_ends() {
    let own = profile(
        json!({"secrets": ["client"], "signIn": {"kind": "clientCredentials",
        "request": {"method": "POST", "url": "{+api}/token", "auth": false, "body": {"form": {"client_secret": "$secrets.client"}}},
        "outcomes": [{"when": {"status": [200]}, "then": "applied"}],
        "outputs": {"account": "van", "token": "$response.body#/access_token", "expiresInS": "$response.body#/expires_in"},
        "headers": {"Authorization": "$session.token"}}}),
    );
    let count = Rc::new(RefCell::new(0));
    let tokens = count.clone();
    let phone = Phone::with(&own, &[("client", "s3cret")], move |r| {
        if r.url.ends_with("/token") {
            *tokens.borrow_mut() += 1;
            return answer(
                200,
                &json!({"access_token": format!("t{}", tokens.borrow()), "expires_in": 1800}),
            );
        }
        stops(&["s1"])
    });
    assert_eq!(phone.sign_in(json!({})), Ok("van".into()));
    assert_eq!(
        phone.net.sent()[0].body,
        Body::Form("client_secret=s3cret".into())
    );
    phone.refresh();
    phone.clock.advance(1_900_000);
    phone.refresh();
    assert_eq!(*count.borrow(), 2);
    assert_eq!(phone.header(3, "Authorization").as_deref(), Some("t2"));
    // A profile that names a secret is of no use without it.
    let clock = TestClock::default();
    let net = TestNet::new(&clock, |_| stops(&[]));
    let opening = Driver::open(
        TestHost::new(&clock, &net, 1),
        Some(own.to_string()),
        Dictionary::default(),
        Dictionary::default(),
    );
    assert_eq!(
        run(&clock, opening).err().map(|e| e.code),
        Some("secret_missing".into())
    );
}

#[test]
fn a_host_that_signs_in_itself_is_asked_when_its_token_has_ended() {
    let by_host = profile(json!({"signIn": {"kind": "host",
        "outputs": {"account": "$credentials.account", "token": "$credentials.token", "expiresAt": "$credentials.expiresAt"},
        "headers": {"Authorization": {"$concat": ["Bearer ", "$session.token"]}}}}));
    let phone = Phone::new(&by_host, |r| {
        let bearer = r
            .headers
            .iter()
            .find(|(k, _)| k == "Authorization")
            .map(|(_, v)| v.clone());
        match (bearer.as_deref(), r.method.as_str()) {
            (Some("Bearer old"), _) => answer(401, &json!({})),
            (_, "GET") => stops(&["s1"]),
            _ => answer(200, &json!({})),
        }
    });
    assert_eq!(
        phone.sign_in(json!({"account": "anna", "token": "first"})),
        Ok("anna".into())
    );
    phone.refresh();
    phone
        .sign_in(json!({"account": "anna", "token": "old"}))
        .expect("signs in");
    phone.note("kept");
    // In the background there is nobody to ask: nothing is judged, nothing is lost, no sign-in is asked for.
    let report = phone.drain();
    assert_eq!((report.stopped, report.waiting), (Stopped::Unreachable, 1));
    assert!(
        run(&phone.clock, phone.core.status())
            .expect("reads")
            .signed_in
    );
    // The page can be asked.
    *phone.core.host.token.borrow_mut() =
        HostToken::Given(object(json!({"account": "anna", "token": "new"})));
    phone.clock.advance(120_000);
    assert_eq!(phone.drain().waiting, 0);
    // And when the host says no, a person has to sign in.
    phone
        .sign_in(json!({"account": "anna", "token": "old"}))
        .expect("signs in");
    *phone.core.host.token.borrow_mut() = HostToken::Refused;
    phone.note("waits");
    assert_eq!(phone.drain().stopped, Stopped::SignIn);
    assert!(
        !run(&phone.clock, phone.core.status())
            .expect("reads")
            .signed_in
    );
}

#[test]
fn cookies_go_along_and_the_token_against_forgery_is_kept() {
    let by_cookie = profile(json!({"signIn": {"kind": "password", "cookies": true,
        "request": {"method": "POST", "url": "{+api}/login", "body": {"form": {"u": "$credentials.username"}}},
        "outcomes": [{"when": {"status": [200]}, "then": "applied"}],
        "outputs": {"account": "$response.body#/id", "csrf": "$response.headers.x-csrf-token"},
        "headers": {"X-CSRF-Token": "$session.csrf"}}}));
    let phone = Phone::new(&by_cookie, |r| match r.url.as_str() {
        "http://api/login" => Ok(Answer {
            status: 200,
            headers: [("content-type", "application/json"), ("x-csrf-token", "c7")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into_iter()
                .collect(),
            body: "{\"id\":\"anna\"}".into(),
            ..Answer::default()
        }),
        _ => stops(&["s1"]),
    });
    phone.sign_in(json!({"username": "a"})).expect("signs in");
    phone.refresh();
    assert!(phone.net.sent().iter().all(|r| r.cookies));
    assert_eq!(phone.header(0, "X-CSRF-Token"), None);
    assert_eq!(phone.header(1, "X-CSRF-Token").as_deref(), Some("c7"));
}

#[test]
fn a_code_of_a_provider_is_exchanged_with_its_proof_and_renewed_by_the_core() {
    let by_provider = profile(
        json!({"servers": {"api": "http://api", "provider": "https://id.example"}, "signIn": {"kind": "authorizationCode",
        "request": {"method": "POST", "url": "{+provider}/token", "auth": false, "body": {"form": {"grant_type": "authorization_code", "client_id": "app",
            "code": "$credentials.code", "code_verifier": "$credentials.verifier", "redirect_uri": "$credentials.redirectUri"}}},
        "outcomes": [{"when": {"status": [200], "body": {"at": "#/access_token", "exists": true}}, "then": "applied"}, {"when": {"status": [400]}, "then": "invalid", "message": "#/error"}],
        "outputs": {"account": {"$claim": "$response.body#/id_token", "give": "sub"}, "token": "$response.body#/access_token",
            "refreshToken": "$response.body#/refresh_token", "expiresInS": "$response.body#/expires_in"},
        "refresh": {"request": {"method": "POST", "url": "{+provider}/token", "auth": false, "body": {"form": {"grant_type": "refresh_token", "client_id": "app", "refresh_token": "$session.refreshToken"}}},
            "outcomes": [{"when": {"status": [200]}, "then": "applied"}, {"when": {"status": [400]}, "then": "auth"}],
            "outputs": {"token": "$response.body#/access_token", "refreshToken": "$response.body#/refresh_token", "expiresInS": "$response.body#/expires_in"}},
        "headers": {"Authorization": {"$concat": ["Bearer ", "$session.token"]}}}}),
    );
    let phone = Phone::new(&by_provider, |r| match (r.url.as_str(), &r.body) {
        ("https://id.example/token", Body::Form(form)) if form.contains("refresh_token=r1") => {
            answer(
                200,
                &json!({"access_token": "a2", "refresh_token": "r2", "expires_in": 300}),
            )
        }
        ("https://id.example/token", Body::Form(form))
            if form.contains("code=c1") && form.contains("code_verifier=v1") =>
        {
            answer(
                200,
                &json!({"access_token": "a1", "refresh_token": "r1", "expires_in": 300, "id_token": "e30.eyJzdWIiOiJhbm5hIn0.x"}),
            )
        }
        ("https://id.example/token", _) => answer(400, &json!({"error": "invalid_grant"})),
        _ => stops(&["s1"]),
    });
    assert_eq!(
        phone.sign_in(json!({"code": "c1", "verifier": "wrong", "redirectUri": "u"})),
        Err("sign_in_refused".into())
    );
    assert_eq!(
        phone.sign_in(json!({"code": "c1", "verifier": "v1", "redirectUri": "u"})),
        Ok("anna".into())
    );
    phone.clock.advance(600_000);
    phone.refresh();
    let last = phone.net.sent().len() - 1;
    assert_eq!(
        phone.header(last, "Authorization").as_deref(),
        Some("Bearer a2")
    );
}

// --- answers that may mean "sign in again" ---

/// A backend that hides an ended sign-in behind other answers.
fn coy() -> Value {
    let refresh = json!({"method": "POST", "url": "{+api}/refresh"});
    let rules = json!([{"when": {"status": [200]}, "then": "applied"}, {"when": {"status": [401]}, "then": "auth"}]);
    profile(json!({
        "signIn": {"kind": "password", "request": {"method": "POST", "url": "{+api}/login", "auth": false},
            "outcomes": [{"when": {"status": [200]}, "then": "applied"}],
            "outputs": {"account": "anna", "token": "$response.body#/token"},
            "refresh": {"with": "token", "request": refresh, "outcomes": rules, "outputs": {"token": "$response.body#/token"}},
            "probe": {"request": refresh, "outcomes": rules},
            "headers": {"Authorization": "$session.token"}},
        "route": {"reads": [{"readId": "stops", "request": {"method": "GET", "url": "{+api}/stops"}, "items": "#/stops",
            "outcomes": [{"when": {"status": [200], "body": {"at": "#/stops", "empty": true}}, "then": "authUnsure"}, {"when": {"status": [200]}, "then": "applied"}]}],
            "stop": {"id": "$item.id"}},
        "operations": {"note": {"steps": [{"stepId": "send", "request": {"method": "POST", "url": "{+api}/notes", "body": {"json": {"text": "$operation.text"}}},
            "identity": {"kind": "naturalKey"},
            "outcomes": [{"when": {"status": [200]}, "then": "applied"}, {"when": {"status": [400]}, "then": "authUnsure"}, {"when": {"status": [400]}, "then": "invalid"}]}]}}
    }))
}

#[test]
fn an_ended_sign_in_that_hides_wipes_nothing_and_drops_nothing() {
    let valid = Rc::new(RefCell::new(true));
    let known = valid.clone();
    let phone = Phone::new(&coy(), move |r| {
        let valid = *known.borrow();
        match (r.url.as_str(), valid) {
            ("http://api/login", _) => {
                *known.borrow_mut() = true;
                answer(200, &json!({"token": "t"}))
            }
            ("http://api/refresh", true) => answer(200, &json!({"token": "t2"})),
            ("http://api/refresh", false) => answer(401, &json!({})),
            ("http://api/stops", true) => stops(&["s1", "s2"]),
            ("http://api/stops", false) => stops(&[]),
            (_, true) => answer(200, &json!({})),
            (_, false) => answer(400, &json!({"data": {}})),
        }
    });
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    phone.note("recorded while the token ended");
    *valid.borrow_mut() = false;
    assert_eq!(phone.refresh().outcome, RouteOutcome::SignIn);
    assert_eq!(
        phone.stops(),
        ["s1", "s2"],
        "an empty list of a backend that no longer knows us"
    );
    phone.sign_in(json!({})).expect("signs in");
    *valid.borrow_mut() = false;
    let report = phone.drain();
    assert_eq!(
        (report.stopped, report.waiting, report.parked),
        (Stopped::SignIn, 1, 0)
    );
    phone.sign_in(json!({})).expect("signs in");
    assert_eq!(phone.drain().waiting, 0);
}

#[test]
fn with_a_living_sign_in_the_same_answers_mean_what_they_say() {
    let phone = Phone::new(&coy(), |r| match r.url.as_str() {
        "http://api/login" | "http://api/refresh" => answer(200, &json!({"token": "t"})),
        "http://api/stops" => stops(&["s1"]),
        _ => answer(400, &json!({"data": {"text": "too rude"}})),
    });
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    phone.note("one");
    let report = phone.drain();
    assert_eq!((report.parked, report.stopped), (1, Stopped::Idle));
    // Asked once, known for the rest of the drain.
    let asked = |phone: &Phone| {
        phone
            .sent()
            .iter()
            .filter(|s| s.ends_with("/refresh"))
            .count()
    };
    assert_eq!(asked(&phone), 1);
}

// --- reading the route ---

fn reading(reads: Value, more: Value) -> Value {
    let mut route = object(json!({"reads": reads, "stop": {"id": "$item.id"}}));
    route.extend(object(more));
    profile(json!({ "route": route }))
}

fn paged(url: &str, parameters: Value, paging: Value) -> Value {
    json!({"readId": "stops", "request": {"method": "GET", "url": url, "parameters": parameters}, "items": "#/stops",
        "outcomes": [{"when": {"status": [200]}, "then": "applied"}], "paging": paging})
}

/// Answers with `size` of seven stops, from the number that a parameter says.
fn seven(request: &Request, size: usize) -> (Vec<Value>, usize, usize) {
    let value = |name: &str| {
        let (_, query) = request.url.split_once('?')?;
        let found = query.split('&').find_map(|p| p.strip_prefix(name))?;
        found.strip_prefix('=')?.parse::<usize>().ok()
    };
    let from = value("skip")
        .or(value("after"))
        .unwrap_or_else(|| value("page").map_or(0, |p| (p - 1) * size));
    let to = (from + size).min(7);
    (
        (from..to)
            .map(|n| json!({"id": format!("s{}", n + 1)}))
            .collect(),
        from,
        to,
    )
}

#[test]
fn a_route_in_pages_is_read_whole() {
    let names = ["s1", "s2", "s3", "s4", "s5", "s6", "s7"];
    let shapes = [
        (
            paged(
                "{+api}/stops{?page}",
                json!({"page": "$page"}),
                json!({"kind": "page", "pages": "#/pages"}),
            ),
            3,
        ),
        (
            paged(
                "{+api}/stops{?page}",
                json!({"page": "$page"}),
                json!({"kind": "page", "size": 3}),
            ),
            3,
        ),
        (
            paged(
                "{+api}/stops{?skip}",
                json!({"skip": "$page"}),
                json!({"kind": "offset", "size": 3}),
            ),
            3,
        ),
        (
            paged(
                "{+api}/stops{?after}",
                json!({"after": "$page"}),
                json!({"kind": "cursor", "next": "$response.body#/next"}),
            ),
            3,
        ),
        (paged("{+api}/stops", json!({}), json!({"kind": "link"})), 3),
    ];
    for (read, requests) in shapes {
        let phone = Phone::new(&reading(json!([read]), json!({})), |r| {
            let (stops, _, to) = seven(r, 3);
            let mut body = object(json!({"stops": stops, "pages": 3}));
            if to < 7 {
                body.insert("next".into(), json!(to));
            }
            let mut out = answer(200, &Value::Object(body))?;
            if to < 7 {
                let link = format!(
                    "<http://api/stops?first=1>; rel=\"first\", <http://api/stops?skip={to}>; rel=\"next\""
                );
                out.headers.insert("link".into(), link);
            }
            Ok(out)
        });
        phone.sign_in(json!({})).expect("signs in");
        assert_eq!(phone.refresh().outcome, RouteOutcome::Updated);
        assert_eq!(phone.stops(), names, "{read}");
        assert_eq!(phone.sent().len(), requests, "{read}");
    }
}

#[test]
fn pages_without_an_end_are_cut_off_and_change_nothing() {
    let endless = reading(
        json!([paged(
            "{+api}/stops{?page}",
            json!({"page": "$page"}),
            json!({"kind": "page"})
        )]),
        json!({}),
    );
    let phone = Phone::new(&endless, |_| stops(&["s1"]));
    phone.sign_in(json!({})).expect("signs in");
    let error = run(&phone.clock, phone.core.refresh_route()).expect_err("is refused");
    assert_eq!(error.code, "route_too_large");
    assert!(phone.stops().is_empty());
}

#[test]
fn a_list_within_a_list_is_read_once_for_each_item() {
    let rules = json!([{"when": {"status": [200]}, "then": "applied"}]);
    let two = reading(
        json!([
            {"readId": "plans", "request": {"method": "GET", "url": "{+api}/plans"}, "items": "#/plans", "outcomes": rules},
            {"readId": "stops", "for": "$reads.plans", "as": "plan", "items": "#/stops", "outcomes": rules,
                "request": {"method": "GET", "url": "{+api}/{+plan}/stops", "parameters": {"plan": "$plan.id"}}}
        ]),
        json!({"stop": {"id": {"$concat": ["$item.plan.id", "/", "$item.id"]}, "note": "$item.plan.name"}}),
    );
    let phone = Phone::new(&two, |r| match r.url.as_str() {
        "http://api/plans" => answer(
            200,
            &json!({"plans": [{"id": "plans/a", "name": "A"}, {"id": "plans/b", "name": "B"}]}),
        ),
        "http://api/plans/a/stops" => stops(&["1", "2"]),
        _ => stops(&["1"]),
    });
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    assert_eq!(phone.stops(), ["plans/a/1", "plans/a/2", "plans/b/1"]);
}

#[test]
fn stops_nested_in_orders_are_unfolded() {
    let nested = reading(
        json!([{"readId": "orders", "request": {"method": "GET", "url": "{+api}/orders"}, "items": "#/orders", "outcomes": [{"when": {"status": [200]}, "then": "applied"}]}]),
        json!({"items": {"$flat": {"$each": "$reads.orders", "as": "order", "in": "$order.stops"}}}),
    );
    let phone = Phone::new(&nested, |_| {
        answer(
            200,
            &json!({"orders": [{"stops": [{"id": "a"}, {"id": "b"}]}, {"stops": [{"id": "c"}]}]}),
        )
    });
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    assert_eq!(phone.stops(), ["a", "b", "c"]);
}

#[test]
fn a_page_that_cannot_be_had_leaves_the_route_as_it_was() {
    let two = reading(
        json!([paged(
            "{+api}/stops{?skip}",
            json!({"skip": "$page"}),
            json!({"kind": "offset", "size": 3})
        )]),
        json!({}),
    );
    let dead = Rc::new(RefCell::new(false));
    let gone = dead.clone();
    let phone = Phone::new(&two, move |r| {
        let (stops, from, _) = seven(r, 3);
        if from > 0 && *gone.borrow() {
            return answer(503, &json!({}));
        }
        answer(200, &json!({ "stops": stops }))
    });
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    *dead.borrow_mut() = true;
    assert_eq!(phone.refresh().outcome, RouteOutcome::Unreachable);
    assert_eq!(phone.stops().len(), 7);
}

#[test]
fn an_empty_route_is_not_believed_when_nobody_can_be_asked() {
    let left = Rc::new(RefCell::new(vec!["s1", "s2"]));
    let now = left.clone();
    let phone = Phone::new(&profile(json!({})), move |_| stops(&now.borrow()));
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    left.borrow_mut().clear();
    assert!(phone.refresh().kept);
    assert_eq!(phone.stops(), ["s1", "s2"]);
    *left.borrow_mut() = vec!["s2"];
    phone.refresh();
    assert_eq!(phone.stops(), ["s2"], "a shorter one is");
}

// --- requests ---

fn photo(phone: &Phone) {
    let jpeg: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];
    let staged = run(&phone.clock, phone.core.stage(jpeg, 7, jpeg.to_vec())).expect("stages");
    let intent = Intent::Photo {
        stop: StopId::new("s1"),
        blob: staged.handle,
    };
    run(&phone.clock, phone.core.record(intent, None)).expect("is recorded");
}

#[test]
fn an_upload_that_was_signed_beforehand_goes_elsewhere_and_tells_nobody_who_we_are() {
    let presigned = profile(json!({
        "signIn": {"kind": "key", "outputs": {"account": "a", "token": "$credentials.key"}, "headers": {"Authorization": "$session.token"}},
        "operations": {"photo": {"steps": [
            {"stepId": "ask", "request": {"method": "POST", "url": "{+api}/uploads"}, "identity": {"kind": "none"},
                "outcomes": [{"when": {"status": [200]}, "then": "applied"}],
                "outputs": {"url": "$response.body#/url", "headers": "$response.body#/headers", "fields": "$response.body#/fields", "key": "$response.body#/key"}},
            {"stepId": "put", "request": {"method": "PUT", "url": "{+url}", "parameters": {"url": "$steps.ask.outputs.url"}, "auth": false,
                "headersFrom": "$steps.ask.outputs.headers", "body": {"multipart": [{"fields": "$steps.ask.outputs.fields"}, {"name": "file", "blob": "$operation.blob"}]}},
                "identity": {"kind": "naturalKey"}, "outcomes": [{"when": {"status": [200]}, "then": "applied"}]},
            {"stepId": "attach", "when": {"of": "$steps.put", "exists": true}, "request": {"method": "POST", "url": "{+api}/photos", "body": {"json": {"key": "$steps.ask.outputs.key"}}},
                "identity": {"kind": "naturalKey"}, "outcomes": [{"when": {"status": [200]}, "then": "applied"}]}
        ]}}
    }));
    let phone = Phone::new(&presigned, |r| match r.url.as_str() {
        "http://api/uploads" => answer(
            200,
            &json!({"url": "https://store.example/b/k?sig=a%2Fb", "headers": {"x-amz-acl": "private"}, "fields": {"policy": "p", "n": 7}, "key": "k"}),
        ),
        "http://api/stops" => stops(&["s1"]),
        _ => answer(200, &json!({})),
    });
    phone.sign_in(json!({"key": "secret"})).expect("signs in");
    phone.refresh();
    photo(&phone);
    assert_eq!(phone.drain().waiting, 0);
    let sent = phone.net.sent();
    let put = sent.iter().find(|r| r.method == "PUT").expect("is sent");
    assert_eq!(put.url, "https://store.example/b/k?sig=a%2Fb");
    assert_eq!(
        put.headers,
        [("x-amz-acl".to_owned(), "private".to_owned())]
    );
    let Body::Multipart(parts) = &put.body else {
        panic!("a form is expected")
    };
    let text = |name: &str, value: &str| Part::Text {
        name: name.into(),
        value: value.into(),
    };
    assert_eq!(parts[..2], [text("n", "7"), text("policy", "p")]);
    assert!(matches!(&parts[2], Part::File { name, .. } if name == "file"));
    assert_eq!(
        phone.sent().last().map(String::as_str),
        Some("POST http://api/photos")
    );
}

#[test]
fn a_picture_goes_inside_a_json_body_as_base64() {
    let inline = profile(
        json!({"operations": {"photo": {"steps": [step("send", "{+api}/photos", json!({"json":
        {"photos": [{"$bytes": "$operation.blob"}], "image": {"$bytes": "$operation.blob", "as": "dataUri"}, "note": "\u{1}"}}))]}}}),
    );
    let phone = Phone::new(&inline, |r| {
        if r.method == "GET" {
            stops(&["s1"])
        } else {
            answer(200, &json!({}))
        }
    });
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    photo(&phone);
    assert_eq!(phone.drain().waiting, 0);
    let sent = phone.net.sent();
    let Body::JsonPieces(pieces) = &sent.last().expect("is sent").body else {
        panic!("pieces are expected")
    };
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Base64(_) => text.push_str("QUJD"),
        }
    }
    let body: Value = serde_json::from_str(&text).expect("is JSON");
    assert_eq!(
        body,
        json!({"photos": ["QUJD"], "image": "data:image/jpeg;base64,QUJD", "note": "\u{1}"})
    );
}

#[test]
fn what_a_backend_cannot_take_is_refused_when_it_is_recorded() {
    let narrow = profile(json!({
        "unsupported": {"return": "this backend knows no returns"},
        "operations": {"photo": {"blob": {"maxBytes": 5, "mediaTypes": ["image/png"]}}, "fail": {"blob": {}}}
    }));
    let phone = Phone::new(&narrow, |_| stops(&["s1"]));
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    let jpeg: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];
    let staged = run(&phone.clock, phone.core.stage(jpeg, 7, jpeg.to_vec())).expect("stages");
    let intent = Intent::Photo {
        stop: StopId::new("s1"),
        blob: staged.handle,
    };
    let refused = run(&phone.clock, phone.core.record(intent, None)).expect_err("is refused");
    assert_eq!(refused.code, "photo_too_large");
    let back = Intent::Return {
        stop: StopId::new("s1"),
        reason: "x".into(),
        text: None,
    };
    let refused = run(&phone.clock, phone.core.record(back, None)).expect_err("is refused");
    assert_eq!(refused.code, "operation_unsupported");
    let words = &refused.values.expect("the profile's own words")["words"];
    assert_eq!(words, "this backend knows no returns");
}

#[test]
fn no_more_leaves_in_a_second_than_the_backend_wants() {
    let slow = profile(json!({"limits": {"perSecond": 2}, "order": "global"}));
    let times = Rc::new(RefCell::new(vec![]));
    let seen = times.clone();
    let clock: Rc<RefCell<Option<TestClock>>> = Rc::default();
    let hands = clock.clone();
    let phone = Phone::new(&slow, move |r| {
        if r.method == "GET" {
            return stops(&["s1"]);
        }
        let now =
            pannier::ports::clock::Clock::monotonic_ms(hands.borrow().as_ref().expect("is set"));
        seen.borrow_mut().push(now);
        answer(200, &json!({}))
    });
    *clock.borrow_mut() = Some(phone.clock.clone());
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    for n in 0..7 {
        phone.note(&format!("note {n}"));
    }
    assert_eq!(phone.drain().waiting, 0);
    let times = times.borrow();
    assert_eq!(times.len(), 7);
    for three in times.windows(3) {
        assert!(three[2] - three[0] >= 1_000.0, "{times:?}");
    }
}

#[test]
fn a_pause_is_read_in_every_form_a_backend_asks_for_it() {
    // The twin's clock stands at 2026-11-22 08:00:00 UTC, and an exchange takes 50 ms.
    for (header, value, seconds) in [
        ("retry-after", "7", 7.0),
        ("retry-after", "Sun, 22 Nov 2026 08:01:00 GMT", 60.0),
        ("x-ratelimit-reset", "12", 12.0),
        ("x-rate-limit-reset", "1795334430", 30.0),
        ("ratelimit-reset", "5", 5.0),
    ] {
        let phone = Phone::new(&profile(json!({})), move |r| {
            if r.method == "GET" {
                return stops(&["s1"]);
            }
            let mut out = answer(429, &json!({}))?;
            out.headers.insert(header.into(), value.into());
            Ok(out)
        });
        phone.sign_in(json!({})).expect("signs in");
        phone.refresh();
        phone.note("later");
        let now = run(&phone.clock, async {
            pannier::ports::clock::Clock::now_ms(&phone.clock)
        });
        let at = phone.drain().next_wake_at.expect("comes again");
        let waited = (at - now) as f64 / 1_000.0;
        assert!(
            (waited - seconds).abs() < 1.0,
            "{header}: {value}: {waited}"
        );
    }
}

// --- a newer profile ---

#[test]
fn a_newer_profile_judges_again_what_the_older_one_parked() {
    let with_rules = |revision: &str, rules: Value| {
        let mut out = profile(json!({ "revision": revision }));
        out["operations"]["note"]["steps"][0]["outcomes"] = rules;
        out
    };
    let naive = with_rules("1", json!([{"when": {"status": [200]}, "then": "applied"}]));
    // The backend says "again" to what it has, "rude" to what it will not take, and is moody once.
    let backend = |r: &Request| match &r.body {
        Body::Json(text) if text.contains("twice") => {
            answer(400, &json!({"code": "already", "id": "n7"}))
        }
        Body::Json(text) if text.contains("moody") => answer(418, &json!({"code": "later"})),
        Body::Json(_) => answer(400, &json!({"code": "rude"})),
        _ => stops(&["s1", "s2", "s3"]),
    };
    let phone = Phone::new(&naive, backend);
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    let mut ids = vec![];
    for (stop, text) in [("s1", "twice"), ("s2", "moody"), ("s3", "rude")] {
        let intent = Intent::Note {
            stop: StopId::new(stop),
            text: text.into(),
        };
        ids.push(
            run(&phone.clock, phone.core.record(intent, None))
                .expect("is recorded")
                .operation,
        );
    }
    assert_eq!(phone.drain().parked, 3);
    let sent = phone.net.sent().len();

    let wise = with_rules(
        "2",
        json!([
        {"when": {"status": [200]}, "then": "applied"},
        {"when": {"body": {"at": "#/code", "eq": "already"}}, "then": "already"},
        {"when": {"body": {"at": "#/code", "eq": "later"}}, "then": "retry"},
        {"when": {"body": {"at": "#/code", "eq": "rude"}}, "then": "invalid"}]),
    );
    phone.net.answer_with(|r| match r.method.as_str() {
        "GET" => stops(&["s1", "s2", "s3"]),
        _ => answer(200, &json!({})),
    });
    let host = phone.core.host.tab(8);
    let opening = Driver::open(
        host,
        Some(wise.to_string()),
        Dictionary::default(),
        Dictionary::default(),
    );
    let core = run(&phone.clock, opening).unwrap_or_else(|e| panic!("{}", e.message));
    let phone = Phone { core, ..phone };
    let report = phone.drain();
    assert_eq!((report.rejudged_settled, report.rejudged_again), (1, 1));
    assert_eq!(
        phone.net.sent().len() - sent,
        1,
        "only the moody one goes out again"
    );
    let unsettled = OutboxQuery {
        state: OutboxFilter::Unsettled,
        ..OutboxQuery::default()
    };
    let left = run(&phone.clock, phone.core.outbox(unsettled)).expect("lists");
    assert_eq!(
        left.items.iter().map(|i| i.id.clone()).collect::<Vec<_>>(),
        ids[2..]
    );
    // Once for each revision.
    assert_eq!(phone.drain().rejudged_again, 0);
    // A person's retry goes by the newer one.
    run(&phone.clock, phone.core.retry(&ids[2])).expect("is retried");
    assert_eq!(phone.drain().waiting, 0);
}

#[test]
fn a_shorter_route_that_an_ended_sign_in_gave_is_read_again_by_the_new_one() {
    let filtered = profile(
        json!({"signIn": {"kind": "password", "request": {"method": "POST", "url": "{+api}/login", "auth": false},
        "outcomes": [{"when": {"status": [200]}, "then": "applied"}],
        "outputs": {"account": "anna", "token": "$response.body#/token", "refreshToken": "$response.body#/token"},
        "refresh": {"request": {"method": "POST", "url": "{+api}/refresh", "auth": false}, "outcomes": [{"when": {"status": [200]}, "then": "applied"}],
            "outputs": {"token": "$response.body#/token", "refreshToken": "$response.body#/token"}},
        "headers": {"Authorization": "$session.token"}}}),
    );
    let phone = Phone::new(&filtered, |r| match r.url.as_str() {
        "http://api/login" => answer(200, &json!({"token": "first"})),
        "http://api/refresh" => answer(200, &json!({"token": "second"})),
        // A list that shows each caller what he may see: to a stranger, what is public.
        _ if r.headers[0].1 == "first" => stops(&["public"]),
        _ => stops(&["public", "s1", "s2"]),
    });
    phone.sign_in(json!({})).expect("signs in");
    let before = stops(&["public", "s1", "s2"]).expect("an answer");
    phone.net.answer_with(move |r| match r.url.as_str() {
        "http://api/refresh" => answer(200, &json!({"token": "second"})),
        _ => Ok(before.clone()),
    });
    phone.refresh();
    assert_eq!(phone.stops().len(), 3);
    phone.net.answer_with(|r| match r.url.as_str() {
        "http://api/refresh" => answer(200, &json!({"token": "second"})),
        _ if r.headers[0].1 == "first" => stops(&["public"]),
        _ => stops(&["public", "s1", "s2"]),
    });
    assert_eq!(phone.refresh().outcome, RouteOutcome::Updated);
    assert_eq!(
        phone.stops().len(),
        3,
        "the stranger's view takes nothing away"
    );
}

#[test]
fn a_table_that_came_with_the_route_is_there_when_the_network_is_not() {
    let rules = json!([{"when": {"status": [200]}, "then": "applied"}]);
    let mut numbered = reading(
        json!([
            {"readId": "reasons", "request": {"method": "GET", "url": "{+api}/reasons"}, "items": "#/reasons", "outcomes": rules},
            {"readId": "stops", "request": {"method": "GET", "url": "{+api}/stops"}, "items": "#/stops", "outcomes": rules}
        ]),
        json!({"keep": {"reasons": "$reads.reasons"}}),
    );
    numbered["operations"] = json!({"arrive": {}, "fail": {"steps": [step("send", "{+api}/reject", json!({"json": {"reasonId":
        {"$find": "$kept.reasons", "where": {"at": "/name", "eq": "$operation.reason"}, "give": "$item.id"}}}))]}});
    let phone = Phone::new(&numbered, |r| match r.url.as_str() {
        "http://api/reasons" => answer(
            200,
            &json!({"reasons": [{"id": 3, "name": "absent"}, {"id": 4, "name": "refused"}]}),
        ),
        "http://api/stops" => stops(&["s1"]),
        _ => answer(200, &json!({})),
    });
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    for intent in [
        Intent::Arrive {
            stop: StopId::new("s1"),
        },
        Intent::Fail {
            stop: StopId::new("s1"),
            reason: "refused".into(),
            text: None,
        },
    ] {
        run(&phone.clock, phone.core.record(intent, None)).expect("is recorded");
    }
    assert_eq!(phone.drain().waiting, 0);
    let sent = phone.net.sent();
    assert_eq!(
        sent.last().expect("is sent").body,
        Body::Json("{\"reasonId\":4}".into())
    );
}

#[test]
fn a_push_subscription_is_told_to_its_sender_when_new_and_again_as_a_sign_of_life() {
    use pannier::ports::push::{PushState, Subscription};
    let push = json!({
        "readKey": {"request": {"method": "GET", "url": "{+api}/key", "auth": false},
            "outcomes": [{"when": {"status": [200]}, "then": "applied"}]},
        "key": "$response.body#/key",
        "subscribe": {"request": {"method": "POST", "url": "{+api}/phones", "body": {"json":
            {"to": "$push.endpoint", "keys": ["$push.p256dh", "$push.auth"], "who": "$account.id"}}},
            "outcomes": [{"when": {"status": [201]}, "then": "applied"}]},
        "unsubscribe": {"request": {"method": "DELETE", "url": "{+api}/phones/{id}", "parameters": {"id": "$push.auth"}},
            "outcomes": [{"when": {"status": [204]}, "then": "applied"}]}
    });
    let down = Rc::new(RefCell::new(false));
    let is_down = down.clone();
    let phone = Phone::new(&profile(json!({ "push": push })), move |request| {
        if *is_down.borrow() {
            return answer(503, &json!({}));
        }
        match request.url.as_str() {
            "http://api/key" => answer(200, &json!({"key": "BPub"})),
            "http://api/phones" => answer(201, &json!({})),
            _ => answer(204, &json!({})),
        }
    });
    let code = |e: pannier::ports::error::CoreError| e.code;
    let key = || run(&phone.clock, phone.core.push_key()).map_err(code);
    let tell =
        |now: Option<&Subscription>| run(&phone.clock, phone.core.push(now.cloned())).map_err(code);
    let first = Subscription {
        endpoint: "https://push.example/1".into(),
        p256dh: "p".into(),
        auth: "a".into(),
    };
    assert_eq!(tell(Some(&first)), Err("signed_out".to_owned()));
    phone.sign_in(json!({})).expect("signs in");
    assert_eq!(key(), Ok("BPub".to_owned()));
    assert_eq!(tell(None), Ok(PushState::Off));

    *down.borrow_mut() = true;
    assert_eq!(key(), Err("push_unreachable".to_owned()));
    assert_eq!(tell(Some(&first)), Ok(PushState::Untold));
    *down.borrow_mut() = false;
    assert_eq!(tell(Some(&first)), Ok(PushState::On));
    let told = |phone: &Phone| {
        phone
            .sent()
            .iter()
            .filter(|r| *r == "POST http://api/phones")
            .count()
    };
    assert_eq!(told(&phone), 2);
    let Body::Json(body) = phone.net.sent().last().expect("is told").body.clone() else {
        panic!("is JSON")
    };
    let body: Value = serde_json::from_str(&body).expect("is JSON");
    assert_eq!(
        body,
        json!({"to": "https://push.example/1", "keys": ["p", "a"], "who": "anna"})
    );

    assert_eq!(tell(Some(&first)), Ok(PushState::On));
    assert_eq!(told(&phone), 2, "it was told a moment ago");
    phone.clock.advance(10 * 60_000);
    assert_eq!(tell(Some(&first)), Ok(PushState::On));
    assert_eq!(told(&phone), 3, "a sign of life");
    let second = Subscription {
        endpoint: "https://push.example/2".into(),
        ..first
    };
    assert_eq!(tell(Some(&second)), Ok(PushState::On));
    assert_eq!(told(&phone), 4, "the browser has made another");
    assert_eq!(
        tell(None),
        Ok(PushState::Lost),
        "iOS has ended it and says so to nobody"
    );

    let ended = run(&phone.clock, phone.core.end_push(second)).map_err(code);
    assert_eq!(ended, Ok(PushState::Off));
    assert_eq!(
        phone.sent().last().expect("is told"),
        "DELETE http://api/phones/a"
    );
    assert_eq!(tell(None), Ok(PushState::Off));
}

#[test]
fn a_profile_without_push_offers_none() {
    use pannier::ports::push::PushState;
    let phone = Phone::new(&profile(json!({})), |_| answer(200, &json!({"stops": []})));
    phone.sign_in(json!({})).expect("signs in");
    assert_eq!(
        run(&phone.clock, phone.core.push(None)).ok(),
        Some(PushState::Unsupported)
    );
    let refused = run(&phone.clock, phone.core.push_key()).expect_err("there is none");
    assert_eq!(refused.code, "push_unsupported");
}

#[test]
fn the_next_page_may_stand_in_the_answer_and_never_leads_to_another_server() {
    let read = paged(
        "{+api}/stops",
        json!({}),
        json!({"kind": "link", "next": "$response.body#/next"}),
    );
    let cases = [
        ("http://api/stops?skip=3", Ok("http://api/stops?skip=3")),
        ("/v2/stops?skip=3", Ok("http://api/v2/stops?skip=3")),
        // A backend behind a proxy writes its own name.
        (
            "http://inner:8000/stops?skip=3",
            Ok("http://api/stops?skip=3"),
        ),
        (
            "http://api.evil.example/stops?skip=3",
            Ok("http://api/stops?skip=3"),
        ),
        ("//evil.example/stops?skip=3", Ok("http://api/stops?skip=3")),
        ("http://evil.example/stops", Err("route_unreadable")),
    ];
    for (next, wanted) in cases {
        let phone = Phone::new(&reading(json!([read]), json!({})), move |r| {
            let second = r.url.contains("skip=3");
            let id = if second { "s2" } else { "s1" };
            let mut body = object(json!({"stops": [{"id": id}]}));
            if !second {
                body.insert("next".into(), json!(next));
            }
            answer(200, &Value::Object(body))
        });
        phone.sign_in(json!({})).expect("signs in");
        let refreshed = run(&phone.clock, phone.core.refresh_route());
        match wanted {
            Ok(url) => {
                assert_eq!(
                    refreshed.expect("reads").outcome,
                    RouteOutcome::Updated,
                    "{next}"
                );
                assert_eq!(
                    phone.sent(),
                    ["GET http://api/stops".to_owned(), format!("GET {url}")]
                );
                assert_eq!(phone.stops(), ["s1", "s2"]);
            }
            Err(code) => {
                assert_eq!(refreshed.expect_err("is refused").code, code, "{next}");
                assert_eq!(phone.sent().len(), 1, "{next}");
                assert!(phone.stops().is_empty(), "half a route was taken");
            }
        }
    }
}

#[test]
fn a_proxy_that_answers_for_a_dead_backend_is_no_contact() {
    use pannier::engine::session::Reachability;
    let heartbeat = json!({"request": {"method": "GET", "url": "{+api}/health"},
        "outcomes": [{"when": {"status": [200]}, "then": "applied"}]});
    let down = Rc::new(RefCell::new(false));
    let is_down = down.clone();
    let phone = Phone::new(&profile(json!({ "heartbeat": heartbeat })), move |_| {
        if *is_down.borrow() {
            return answer(502, &json!({}));
        }
        answer(200, &json!({"stops": [{"id": "s1"}, {"id": "s2"}]}))
    });
    phone.sign_in(json!({})).expect("signs in");
    phone.refresh();
    *down.borrow_mut() = true;
    phone.note("left at the door");
    phone.drain();
    let reach = || {
        run(&phone.clock, phone.core.status())
            .expect("reads")
            .reachability
    };
    assert_eq!(reach(), Reachability::BackendTrouble);
    let before = phone.sent().len();
    phone.clock.advance(5 * 60_000);
    run(&phone.clock, phone.core.drain(WakeReason::Timer, None)).expect("drains");
    assert_eq!(
        phone.sent()[before..],
        ["GET http://api/health"],
        "it is asked before anything is sent"
    );
    *down.borrow_mut() = false;
    phone.drain();
    assert_eq!(reach(), Reachability::Reachable);
}

#[test]
fn a_stop_is_there_for_whoever_names_it_however_it_is_spelled() {
    for spelled in ["$stop.id", "\\u0024stop.id", "$\\u0073top.id"] {
        let body = json!({"json": {"at": "HERE"}});
        let document = profile(
            json!({"operations": {"note": {"steps": [step("send", "{+api}/notes", body)]}}}),
        );
        let document = document.to_string().replace("HERE", spelled);
        let read = pannier::profile::read::read(&document).expect("reads");
        assert!(!read.stopless, "{spelled}");
        let backend = |request: &Request| match &*request.method {
            "GET" => stops(&["s1"]),
            _ => answer(200, &json!({})),
        };
        let phone = Phone::of(document, &[], backend);
        phone.sign_in(json!({})).expect("signs in");
        phone.refresh();
        phone.note("ring twice");
        phone.drain();
        let sent = phone.net.sent();
        let body = &sent.last().expect("a request").body;
        assert_eq!(*body, Body::Json(r#"{"at":"s1"}"#.to_owned()), "{spelled}");
    }
    let silent = pannier::profile::read::read(&profile(json!({})).to_string());
    assert!(silent.expect("reads").stopless);
}
