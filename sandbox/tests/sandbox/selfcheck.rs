//! Reports of the self-check page, and the page's own address.

use serde_json::{Value, json};

use crate::client::{Answer, Request, Sandbox};

const REPORT: &str = "pannier-selfcheck 1\nscreen ok tab\n";

fn post(sandbox: &Sandbox, text: &str) -> Answer {
    sandbox.ask(Request::post("/selfcheck/reports").text("text/plain", text))
}

fn reports(sandbox: &Sandbox) -> Vec<Value> {
    let answer = sandbox.ask(Request::get("/selfcheck/reports.json")).json();
    answer["reports"].as_array().unwrap().clone()
}

#[test]
fn a_report_is_kept_as_it_came() {
    let sandbox = Sandbox::start();
    assert!(reports(&sandbox).is_empty());
    let answer = post(&sandbox, REPORT);
    assert_eq!((answer.status, answer.json()), (201, json!({"id": 1})));
    assert_eq!(
        post(&sandbox, &format!("{REPORT}engine ok <b>x</b>\n")).json()["id"],
        2
    );
    let kept = reports(&sandbox);
    assert_eq!((kept.len(), &kept[1]["text"]), (2, &json!(REPORT)));
    assert!(kept[0]["received_at"].is_i64());
    let page = sandbox.ask(Request::get("/selfcheck/reports")).text();
    assert!(
        page.contains("engine ok &lt;b&gt;x&lt;/b&gt;") && !page.contains("<script"),
        "{page}"
    );
}

#[test]
fn what_is_no_report_is_refused() {
    let sandbox = Sandbox::start();
    for text in ["", "hello", "pannier-selfcheck", " pannier-selfcheck 1\n"] {
        let answer = post(&sandbox, text);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "bad_request")
        );
    }
    let answer = post(&sandbox, &format!("{REPORT}{}", "x".repeat(16 * 1024)));
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    assert!(reports(&sandbox).is_empty());
}

#[test]
fn reports_outlive_a_restart_a_reset_and_a_dead_network() {
    let sandbox = Sandbox::start();
    let folder = sandbox.folder.clone();
    post(&sandbox, REPORT);
    assert_eq!(sandbox.control("reset", &json!({})).status, 200);
    assert_eq!(sandbox.terminate(), Some(0));
    let sandbox = Sandbox::start_in(folder, &[]);
    sandbox.fault(&json!([{"fault": "dead"}]));
    assert_eq!(reports(&sandbox).len(), 1);
    assert!(
        sandbox.send(Request::get("/selfcheck")).is_cut(),
        "the page itself is as far away as the app"
    );
}

#[test]
fn an_address_without_its_ending_finds_the_page() {
    let sandbox = Sandbox::start();
    let dist = sandbox.folder.join("dist");
    std::fs::write(dist.join("index.html"), "the app").unwrap();
    std::fs::write(dist.join("selfcheck.html"), "the check").unwrap();
    std::fs::write(sandbox.folder.join("dist.html"), "outside").unwrap();
    for path in ["/selfcheck", "/selfcheck.html", "/selfcheck?again"] {
        assert_eq!(
            sandbox.ask(Request::get(path)).text(),
            "the check",
            "{path}"
        );
    }
    for path in ["/", "/stops"] {
        assert_eq!(sandbox.ask(Request::get(path)).text(), "the app", "{path}");
    }
}

#[test]
fn a_slow_answer_comes_in_its_own_time() {
    let sandbox = Sandbox::start();
    let answer = sandbox.ask(Request::get("/selfcheck/slow?ms=1"));
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/plain"))
    );
    assert_eq!(sandbox.ask(Request::get("/selfcheck/slow")).status, 400);
}
