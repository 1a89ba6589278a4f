//! Each fault, seen from both ends: what the client gets and what the backend has.

use std::io::Write;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::client::{AT, PNG, Request, Sandbox, connect, read};

fn note() -> Request {
    Request::post("/api/stops/st-01/notes")
        .json(&json!({"at": AT, "text": "hello", "remarks": "op-1"}))
}

#[allow(clippy::disallowed_methods)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// The log's last word on the notes: status, applied, fault.
fn last(sandbox: &Sandbox) -> (Value, Value, Value) {
    let entry = sandbox
        .log()
        .into_iter()
        .rfind(|entry| entry["type"] == "note")
        .unwrap();
    (
        entry["status"].clone(),
        entry["applied"].clone(),
        entry["fault"].clone(),
    )
}

#[test]
fn a_refused_request_is_reset_and_not_applied() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "refuse", "path": "/api/stops"}]));
    let outcome = anna.send(note());
    assert!(outcome.is_cut() && outcome.reset);
    assert_eq!(last(&sandbox), (Value::Null, false.into(), "refuse".into()));
    sandbox.fault(&json!([]));
    assert!(anna.event_types("st-01").is_empty());
}

#[test]
fn a_request_cut_before_is_closed_and_not_applied() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "cut_before", "path": "/api/stops/*/notes", "times": 1}]));
    assert!(anna.send(note()).is_cut());
    assert_eq!(
        last(&sandbox),
        (Value::Null, false.into(), "cut_before".into())
    );
    assert_eq!(anna.ask(note()).status, 201, "the rule was for one time");
    assert_eq!(anna.event_types("st-01"), ["note"]);
}

#[test]
fn a_request_cut_after_is_applied_without_a_byte_of_answer() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "cut_after", "method": "POST"}]));
    assert!(anna.send(note()).is_cut());
    assert_eq!(
        last(&sandbox),
        (201.into(), true.into(), "cut_after".into())
    );
    assert_eq!(anna.event_types("st-01"), ["note"]);
    assert!(anna.send(Request::photo("st-01", PNG)).is_cut());
    let photos = anna.get("/api/photos?stop_id=st-01").json();
    assert_eq!(photos["photos"].as_array().unwrap().len(), 1);
}

#[test]
fn a_request_cut_half_is_applied_and_its_answer_breaks_off() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "cut_half", "method": "POST"}]));
    let answer = anna.ask(note());
    let promised: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body.len(), promised / 2);
    assert_eq!(last(&sandbox), (201.into(), true.into(), "cut_half".into()));
    assert_eq!(anna.event_types("st-01"), ["note"]);
}

#[test]
fn a_status_fault_answers_without_applying() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([
        {"fault": "status", "status": 429, "retry_after": 7, "path": "/api/stops", "times": 1},
        {"fault": "status", "status": 409, "body": {"error": {"code": "odd"}}, "path": "/api/stops", "times": 1},
        {"fault": "status", "status": 401, "path": "/api/stops", "times": 1},
        {"fault": "status", "status": 503, "body": "out of order", "path": "/api/stops", "times": 1},
    ]));
    let throttled = anna.ask(note());
    assert_eq!(
        (throttled.status, throttled.header("retry-after")),
        (429, Some("7"))
    );
    let conflict = anna.ask(note());
    assert_eq!((conflict.status, conflict.code()), (409, "odd".into()));
    assert_eq!(anna.ask(note()).code(), "token_expired");
    let plain = anna.ask(note());
    assert_eq!((plain.status, plain.text()), (503, "out of order".into()));
    assert_eq!(last(&sandbox), (503.into(), false.into(), "status".into()));
    assert!(anna.event_types("st-01").is_empty());
}

#[test]
fn a_login_portal_answers_200_with_a_page_and_applies_nothing() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "html"}]));
    let answer = anna.ask(note());
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert_eq!(last(&sandbox), (200.into(), false.into(), "html".into()));
}

#[test]
fn latency_delays_and_then_applies() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "latency", "ms": 300, "method": "POST"}]));
    let began = now();
    assert_eq!(anna.ask(note()).status, 201);
    assert!(began.elapsed().unwrap() >= Duration::from_millis(300));
    assert_eq!(last(&sandbox), (201.into(), true.into(), "latency".into()));
}

#[test]
fn a_delayed_request_lands_although_its_client_has_gone() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "latency", "ms": 300, "method": "POST"}]));
    let mut stream = connect(sandbox.page_port);
    stream
        .write_all(&note().bearer(&anna.token).bytes(sandbox.page_port))
        .unwrap();
    let until_logged = || {
        sandbox
            .log()
            .iter()
            .any(|entry| entry["type"] == "note" && !entry["body"].is_null())
    };
    while !until_logged() {}
    drop(stream);
    assert!(anna.event_types("st-01").is_empty());
    while anna.event_types("st-01").is_empty() {}
    assert_eq!(last(&sandbox).1, true);
}

#[test]
fn each_third_request_is_hit_and_the_preflight_does_not_count() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "status", "status": 500, "every": 3, "path": "/api/stops"}]));
    let statuses: Vec<u16> = (0..6)
        .map(|_| {
            let preflight =
                Request::new("OPTIONS", "/api/stops/st-01/notes").send(sandbox.api_port);
            assert_eq!(preflight.answer().status, 204);
            anna.ask(note()).status
        })
        .collect();
    assert_eq!(statuses, [201, 201, 500, 201, 201, 500]);
    let rule = sandbox.ask(Request::get("/faults.json")).json()["rules"][0].clone();
    assert_eq!(
        (rule["seen"].clone(), rule["fired"].clone()),
        (6.into(), 2.into())
    );
}

#[test]
fn a_dead_network_closes_both_origins_but_not_the_tools() {
    let sandbox = Sandbox::start();
    std::fs::write(sandbox.folder.join("dist/index.html"), "<p>app").unwrap();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "dead"}]));
    assert!(anna.send(note()).is_cut());
    assert!(sandbox.send(Request::get("/")).is_cut());
    assert!(sandbox.send(Request::get("/config.json")).is_cut());
    assert!(Request::get("/api/health").send(sandbox.api_port).is_cut());
    assert!(
        Request::new("OPTIONS", "/api/route")
            .send(sandbox.api_port)
            .is_cut()
    );
    for tool in [
        "/faults",
        "/faults.json",
        "/log",
        "/log.json",
        "/labels",
        "/labels/PN-7H2K-0001.svg",
    ] {
        assert_eq!(sandbox.ask(Request::get(tool)).status, 200, "{tool}");
    }
    assert_eq!(last(&sandbox), (Value::Null, false.into(), "dead".into()));
    assert_eq!(
        sandbox.ask(Request::new("DELETE", "/faults.json")).status,
        200
    );
    assert_eq!(sandbox.ask(Request::get("/")).text(), "<p>app");
}

#[test]
fn a_kept_alive_connection_serves_several_and_dies_at_the_cut() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "cut_after", "method": "POST", "skip": 1}]));
    let mut stream = connect(sandbox.page_port);
    let bytes = note().bearer(&anna.token).bytes(sandbox.page_port);
    stream.write_all(&bytes).unwrap();
    while anna.event_types("st-01").is_empty() {}
    stream.write_all(&bytes).unwrap();
    let outcome = read(&mut stream);
    assert_eq!(
        String::from_utf8(outcome.bytes)
            .unwrap()
            .matches("HTTP/1.1")
            .count(),
        1
    );
    assert_eq!(anna.event_types("st-01"), ["note", "note"]);
}

#[test]
fn the_second_origin_has_the_same_faults() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    sandbox.fault(&json!([{"fault": "cut_after", "method": "POST"}]));
    assert!(note().bearer(&anna.token).send(sandbox.api_port).is_cut());
    assert_eq!(anna.event_types("st-01"), ["note"]);
}

#[test]
fn a_wrong_rule_is_refused_by_name_and_the_form_adds_one() {
    let sandbox = Sandbox::start();
    let put = |rules: Value| {
        sandbox.ask(Request::new("PUT", "/faults.json").json(&json!({"rules": rules})))
    };
    assert_eq!(
        put(json!([{"fault": "rain"}])).json()["error"]["field"],
        "fault"
    );
    assert_eq!(
        put(json!([{"fault": "status", "status": 99}])).json()["error"]["field"],
        "status"
    );
    assert_eq!(
        put(json!([{"fault": "dead", "every": 0}])).json()["error"]["field"],
        "every"
    );
    let form = "fault=latency&ms=5&method=&path=%2Fapi%2Froute&every=&body=";
    let added =
        sandbox.ask(Request::post("/faults").text("application/x-www-form-urlencoded", form));
    assert_eq!(
        (added.status, added.header("location")),
        (303, Some("/faults"))
    );
    let rule = sandbox.ask(Request::get("/faults.json")).json()["rules"][0].clone();
    assert_eq!(
        rule,
        json!({"id": "f1", "fault": "latency", "ms": 5, "path": "/api/route", "seen": 0, "fired": 0})
    );
    let removed = sandbox
        .ask(Request::post("/faults/remove").text("application/x-www-form-urlencoded", "id=f1"));
    assert_eq!(removed.status, 303);
    assert_eq!(
        sandbox.ask(Request::get("/faults.json")).json(),
        json!({"rules": []})
    );
}
