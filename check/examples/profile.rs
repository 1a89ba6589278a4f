//! What the profile's language costs: building one request, judging one answer, and checking a
//! document, beside serde_json reading the same answer in the same run.
//!
//! `cargo run --release -p pannier-check --example measure [--json]`; `npm run bench -- profile`
//! runs it too. It fails where one request or one answer takes longer than the budget.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods
)]

use pannier::engine::change::StopRecord;
use pannier::engine::context::{Here, for_operation};
use pannier::engine::session::{Session, SessionState};
use pannier::profile::http::Answer;
use pannier::profile::judge::{Ruling, judge};
use pannier::profile::read::read;
use pannier::profile::request::build;
use pannier_check::{check, sample};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Instant;

const STEPS: usize = 20;
const BUDGET_NS: u128 = 100_000;

fn rule(status: u16, code: &str, then: &str) -> Value {
    json!({"when": {"status": [status], "body": {"at": "#/error/code", "eq": code}}, "then": then, "message": "#/error/message"})
}

/// Every step with a body, headers, seven rules and a probe, as the longest of real ones have.
fn step(i: usize) -> Value {
    json!({
        "stepId": format!("step-{i}"),
        "request": {
            "method": "POST", "url": "{+api}/stops/{stop}/part/{n}{?depot,lang}",
            "parameters": {"stop": "$operation.stop", "n": i, "depot": "$session.depot", "lang": "en"},
            "headers": {"X-Request": {"$concat": ["r-", "$operation.id"]}, "Accept": "application/json"},
            "body": {"json": {
                "id": {"$id": "$operation.id", "length": 15},
                "at": {"$date": "$operation.recordedAt", "as": "yyyy-MM-dd HH:mm:ss.SSSZ", "zone": "local"},
                "position": "$operation.position", "recipient": "$operation.recipient",
                "parcels": {"$each": "$operation.outcomes", "as": "line", "in": {"id": "$line.parcel",
                    "state": {"$map": "$line.outcome", "from": {"delivered": "D", "failed": "F"}, "else": "U"}}},
                "scanned": {"$join": {"$each": "$stop.parcels", "in": "$item.code"}, "with": ";"}
            }}
        },
        "identity": {"kind": "recordId"},
        "outcomes": [
            rule(400, "not_unique", "already"), rule(400, "in_the_past", "invalid"), rule(404, "gone", "conflict"),
            rule(409, "state", "probe"), rule(412, "version", "conflict"), rule(422, "fields", "invalid"),
            {"when": {"status": ["2xx"], "body": {"all": [
                {"at": "#/stop/id", "eq": "$operation.stop"}, {"at": "#/events", "some": {"at": "/ref", "eq": "$operation.id"}}]}}, "then": "applied"}
        ],
        "outputs": {"made": "$response.body#/stop/id"},
        "probe": {"request": {"method": "GET", "url": "{+api}/stops/{stop}", "parameters": {"stop": "$operation.stop"}},
            "applied": {"at": "#/events", "some": {"at": "/ref", "eq": "$operation.id"}}, "notApplied": {"at": "#/events", "exists": true}}
    })
}

/// The sandbox's profile, with a delivery of twenty steps.
fn profile_text() -> String {
    let text = include_str!("../../profiles/sandbox.json");
    let mut document: Value = serde_json::from_str(text).expect("is JSON");
    document["signIn"]["outputs"]["depot"] = json!("$response.body#/depot");
    let steps: Vec<Value> = (0..STEPS).map(step).collect();
    document["operations"]["deliver"] = json!({"steps": steps});
    document.to_string()
}

/// Median of one run, in nanoseconds.
fn median_ns(mut run: impl FnMut()) -> u128 {
    const BATCH: u128 = 20;
    for _ in 0..200 {
        run();
    }
    let mut took: Vec<u128> = (0..401)
        .map(|_| {
            let from = Instant::now();
            for _ in 0..BATCH {
                run();
            }
            from.elapsed().as_nanos() / BATCH
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

fn main() {
    let as_json = std::env::args().any(|a| a == "--json");
    let text = profile_text();
    let profile = read(&text).expect("is a profile");
    let steps = &profile
        .operations
        .get("deliver")
        .expect("is described")
        .steps;
    let step = steps.last().expect("there are twenty");
    let stop = StopRecord {
        mirror: sample::stop(),
        ..StopRecord::default()
    };
    let op = sample::operation("deliver", 7, &stop.mirror, Some(&profile));
    let session = Session {
        account: op.account.clone(),
        name: "Anna".into(),
        token: "t".repeat(200),
        refresh_token: None,
        expires_at: None,
        state: SessionState::SignedIn,
        offset_ms: None,
        outputs: [("depot".to_owned(), json!("north"))].into_iter().collect(),
    };
    let here = Here {
        kept: Value::Null,
        now: sample::NOW_MS,
        zone_min: 60,
        secrets: Value::Null,
        ..Here::default()
    };
    let context = for_operation(&profile, &op, Some(&stop), &session, &here);
    // The events that a stop has at the end of a day; ours is the last.
    let mut events: Vec<Value> = (0..15)
        .map(|i| json!({"ref": format!("other-{i}"), "at": sample::NOW_MS, "kind": "scan"}))
        .collect();
    events.push(json!({"ref": op.id.0, "at": sample::NOW_MS, "kind": "deliver"}));
    let mut answer = Answer {
        status: 200,
        body: json!({"stop": {"id": "stop-1", "status": "delivered"}, "events": events})
            .to_string(),
        ..Answer::default()
    };
    answer
        .headers
        .insert("content-type".into(), "application/json".into());
    let verdict = judge(&step.outcomes, &profile, &answer, &context)
        .expect("judges")
        .verdict;
    assert!(matches!(verdict, Ruling::Rule(v) if v.name() == "applied"));

    let request_ns = median_ns(|| {
        let context = for_operation(&profile, &op, Some(&stop), &session, &here);
        black_box(build(&profile, &step.request, &context).expect("builds"));
    });
    let answer_ns = median_ns(|| {
        black_box(judge(&step.outcomes, &profile, &answer, &context).expect("judges"));
    });
    let parse_ns = median_ns(|| {
        black_box(serde_json::from_str::<Value>(black_box(&answer.body)).expect("is JSON"));
    });
    let check_ns = {
        let from = Instant::now();
        const TIMES: u32 = 20;
        for _ in 0..TIMES {
            black_box(check(black_box(&text)));
        }
        from.elapsed().as_nanos() / u128::from(TIMES)
    };
    let out = json!({
        "profileSteps": STEPS, "profileBytes": text.len(), "answerBytes": answer.body.len(),
        "requestNs": request_ns as u64, "answerNs": answer_ns as u64, "serdeJsonParseNs": parse_ns as u64,
        "answerToParse": (answer_ns * 100 / parse_ns.max(1)) as f64 / 100.0, "checkNs": check_ns as u64,
        "budgetNs": BUDGET_NS as u64,
    });
    if as_json {
        println!("{out}");
    } else {
        let us = |ns: u128| format!("{:.1} µs", ns as f64 / 1_000.0);
        println!("a profile of {STEPS} steps, {} bytes; medians", text.len());
        println!("building one request            {:>10}", us(request_ns));
        println!(
            "judging one answer ({} bytes) {:>10}",
            answer.body.len(),
            us(answer_ns)
        );
        println!("serde_json reading that answer  {:>10}", us(parse_ns));
        println!(
            "judging to reading              {:>9}x",
            out["answerToParse"]
        );
        println!("checking the whole profile      {:>10}", us(check_ns));
    }
    if request_ns > BUDGET_NS || answer_ns > BUDGET_NS {
        eprintln!("over the budget of {} µs", BUDGET_NS / 1_000);
        std::process::exit(1);
    }
}
