//! The record of what arrived.

use serde_json::{Value, json};

use crate::client::{AT, PNG, Request, Sandbox};

#[test]
fn entries_are_in_order_of_arrival_and_say_what_was_applied() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    anna.arrive("st-01");
    anna.arrive("st-01");
    anna.post(
        "/api/stops/st-01/notes",
        &json!({"at": AT, "text": "hi", "remarks": "op-9"}),
    );
    let photo = anna.photo("st-01", PNG).json();
    let log = sandbox.log();
    let types: Vec<&str> = log
        .iter()
        .map(|entry| entry["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["login", "arrive", "arrive", "note", "photo"]);
    let applied: Vec<&Value> = log.iter().map(|entry| &entry["applied_n"]).collect();
    assert_eq!(
        applied,
        [&Value::Null, &json!(1), &Value::Null, &json!(2), &json!(3)]
    );
    assert!(
        log.windows(2)
            .all(|two| two[0]["n"].as_i64() < two[1]["n"].as_i64())
    );
    assert_eq!(log[2]["status"], 409);
    assert_eq!(log[3]["remarks"], "op-9");
    assert_eq!(log[3]["courier"], "c-anna");
    assert_eq!(log[3]["stop"], "st-01");
    assert_eq!(log[3]["body"]["text"], "hi");
    assert_eq!(log[4]["body"]["id"], photo["id"]);
    assert_eq!(log[4]["body"]["sha256"], photo["sha256"]);
    assert_eq!(log[0]["body"]["password"], "[hidden]");
    assert!(log.iter().all(|entry| entry.get("fault").is_none()));
    let applied = sandbox.ask(Request::get("/log.json?applied=1")).json();
    assert_eq!(applied["entries"].as_array().unwrap().len(), 3);
    assert_eq!(
        sandbox.ask(Request::post("/log/clear")).json(),
        json!({"ok": true})
    );
    assert!(sandbox.log().is_empty());
}

#[test]
fn the_page_escapes_what_it_shows_and_runs_no_script() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    let text = "<script>alert('x')</script>";
    anna.post(
        "/api/stops/st-01/notes",
        &json!({"at": AT, "text": text, "remarks": text}),
    );
    let photo = anna.photo("st-01", PNG).json();
    let page = sandbox.ask(Request::get("/log"));
    assert!(!page.text().contains("<script"));
    assert!(page.text().contains("&lt;script&gt;"));
    assert!(page.text().contains(&format!(
        "src=\"/log/photos/{}\"",
        photo["id"].as_str().unwrap()
    )));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'self'")
    );
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
}

#[test]
fn a_refused_upload_is_logged_with_what_it_carried() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    assert_eq!(anna.photo("st-01", b"no picture").status, 415);
    let entry = sandbox.log().pop().unwrap();
    assert_eq!(entry["applied"], false);
    assert_eq!(entry["stop"], "st-01");
    assert_eq!(entry["body"]["filename"], "op-1.png");
    assert_eq!(entry["body"]["bytes"], 10);
    assert_eq!(entry["body"]["id"], Value::Null);
}
