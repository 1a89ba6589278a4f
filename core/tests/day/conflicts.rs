//! What follows a no: a fresh precondition where ours wins, and a question before a person is.

use crate::phone::{PROFILE, Phone, arrive, deliver, note, open};
use pannier::domain::ids::{OperationId, StopId};
use pannier::domain::operation::Intent;
use pannier::domain::parcel::{ParcelFate, ParcelOutcome};
use pannier::ports::Driver;
use pannier::ports::drain::WakeReason;
use pannier::ports::views::OutboxQuery;
use pannier::profile::http::{Body, Exchange, Request};
use pannier::testing::backend::Fault;
use pannier::testing::clock::TestClock;
use pannier::testing::host::TestHost;
use pannier::testing::net::{TestNet, json as answer};
use pannier::testing::run::run;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

const REST: &str = include_str!("../../../profiles/rest.json");

/// One stop of a backend that changes it under `If-Match` only.
struct Stop {
    status: String,
    operation: Value,
    version: u32,
    /// how often the office will change it just before our request is read
    meddling: u32,
    sent: Vec<(String, String)>,
}

impl Stop {
    fn etag(&self) -> String {
        format!("\"v{}\"", self.version)
    }
    fn shown(&self) -> Value {
        json!({"id": "s1", "status": self.status, "operation": self.operation, "etag": self.etag(),
            "parcels": [{"id": "p1", "barcode": "PN-1"}]})
    }
    fn handle(&mut self, request: &Request) -> Exchange {
        if request.url.contains("/session") {
            return answer(
                200,
                &json!({"access_token": "t", "courier": {"id": "anna"}}),
            );
        }
        if request.url.ends_with("/health") {
            return answer(200, &json!({"ok": true}));
        }
        if request.url.contains("/stops?") {
            return answer(200, &json!({"items": [self.shown()]}));
        }
        if request.method == "GET" {
            return answer(200, &self.shown());
        }
        let header = request.headers.iter().find(|(name, _)| name == "If-Match");
        let condition = header.map(|(_, v)| v.clone()).unwrap_or_default();
        if self.meddling > 0 {
            self.meddling -= 1;
            self.version += 1;
        }
        self.sent.push((request.method.clone(), condition.clone()));
        if condition != self.etag() {
            return answer(412, &json!({"title": "Precondition Failed"}));
        }
        let Body::Json(text) = &request.body else {
            return answer(415, &json!({}));
        };
        let body: Value = serde_json::from_str(text).expect("is JSON");
        self.status = body["status"].as_str().unwrap_or_default().to_owned();
        self.operation = body["operation"].clone();
        self.version += 1;
        answer(200, &self.shown())
    }
}

struct Rest {
    clock: TestClock,
    core: Driver<TestHost>,
    stop: Rc<RefCell<Stop>>,
}

impl Rest {
    fn new(policy: &str) -> Self {
        let mut profile: Value = serde_json::from_str(REST).expect("reads");
        for kind in ["arrive", "deliver"] {
            profile["operations"][kind]["onConflict"] = json!(policy);
        }
        let stop = Rc::new(RefCell::new(Stop {
            status: "planned".into(),
            operation: Value::Null,
            version: 1,
            meddling: 0,
            sent: vec![],
        }));
        let clock = TestClock::default();
        let twin = stop.clone();
        let net = TestNet::new(&clock, move |r| twin.borrow_mut().handle(r));
        let core = open(&clock, TestHost::new(&clock, &net, 7), &profile.to_string());
        let Value::Object(credentials) = json!({"username": "anna", "password": "pw"}) else {
            unreachable!()
        };
        run(&clock, core.sign_in(credentials)).expect("signs in");
        run(&clock, core.refresh_route()).expect("refreshes");
        Self { clock, core, stop }
    }
    fn done(&self, intent: Intent) -> OperationId {
        run(&self.clock, self.core.record(intent, None))
            .expect("is recorded")
            .operation
    }
    fn drain(&self) -> u32 {
        let report = run(&self.clock, self.core.drain(WakeReason::Manual, None));
        report.expect("drains").waiting
    }
    fn reason(&self, id: &OperationId) -> Option<String> {
        let page = run(&self.clock, self.core.outbox(OutboxQuery::default())).expect("lists");
        let item = page.items.into_iter().find(|i| i.id == *id);
        item.expect("is listed").reason.map(|r| r.code)
    }
    fn conditions(&self) -> Vec<String> {
        let sent = &self.stop.borrow().sent;
        sent.iter()
            .map(|(_, condition)| condition.clone())
            .collect()
    }
}

fn delivery() -> Intent {
    Intent::Deliver {
        stop: StopId::new("s1"),
        recipient: "Berg".into(),
        outcomes: vec![ParcelOutcome {
            parcel: "p1".to_owned().into(),
            outcome: ParcelFate::Delivered,
            reason: None,
        }],
        overrides: vec![],
    }
}

#[test]
fn ours_wins_with_the_condition_that_holds_now() {
    let rest = Rest::new("oursWins");
    rest.stop.borrow_mut().version = 5;
    rest.done(arrive("s1"));
    rest.done(delivery());
    assert_eq!(rest.drain(), 0);
    assert_eq!(rest.conditions(), ["\"v1\"", "\"v5\"", "\"v6\""]);
    assert_eq!(rest.stop.borrow().status, "delivered");
}

#[test]
fn ours_wins_three_times_at_most_and_then_a_person_decides() {
    let rest = Rest::new("oursWins");
    rest.stop.borrow_mut().meddling = 4;
    let id = rest.done(arrive("s1"));
    assert_eq!(rest.drain(), 1);
    let conditions = ["\"v1\"", "\"v2\"", "\"v3\"", "\"v4\""];
    assert_eq!(rest.conditions(), conditions);
    assert_eq!(rest.reason(&id).as_deref(), Some("conflict"));
    // What he sends again has the condition of the last look.
    run(&rest.clock, rest.core.retry(&id)).expect("is retried");
    assert_eq!(rest.drain(), 0);
    assert_eq!(rest.conditions()[4], "\"v5\"");
}

#[test]
fn a_person_who_was_asked_sends_with_the_condition_that_he_was_shown() {
    let rest = Rest::new("ask");
    rest.stop.borrow_mut().version = 5;
    let id = rest.done(arrive("s1"));
    assert_eq!(rest.drain(), 1);
    assert_eq!(rest.reason(&id).as_deref(), Some("conflict"));
    assert_eq!(rest.conditions(), ["\"v1\""]);
    run(&rest.clock, rest.core.retry(&id)).expect("is retried");
    assert_eq!(rest.drain(), 0);
    assert_eq!(rest.conditions(), ["\"v1\"", "\"v5\""]);
}

#[test]
fn failures_on_the_way_do_not_use_up_the_tries_of_ours_wins() {
    let rest = Rest::new("oursWins");
    rest.stop.borrow_mut().version = 5;
    let twin = rest.stop.clone();
    let mut moody = 4;
    rest.core.host.net.answer_with(move |r| {
        if r.method == "PATCH" && moody > 0 {
            moody -= 1;
            return answer(503, &json!({}));
        }
        twin.borrow_mut().handle(r)
    });
    rest.done(arrive("s1"));
    for _ in 0..8 {
        rest.drain();
        rest.clock.advance(60_000);
    }
    assert_eq!(rest.stop.borrow().status, "arrived");
}

/// The sandbox's profile with these rules before the note's own.
fn with_rules(rules: Value) -> Phone {
    let mut profile: Value = serde_json::from_str(PROFILE).expect("reads");
    let own = &mut profile["operations"]["note"]["steps"][0]["outcomes"];
    let mut all = rules.as_array().cloned().expect("a list");
    all.extend(own.as_array().cloned().expect("a list"));
    *own = Value::Array(all);
    Phone::new().going_by(&profile)
}

/// Applied, its answer lost; then refused with this, as a backend does that knows the id.
fn refused_the_second_time(phone: &Phone, status: u16, first: Fault) {
    let backend = phone.backend.clone();
    let mut posts = 0;
    phone.net.answer_with(move |request| {
        if request.method == "POST" && request.url.ends_with("/notes") {
            posts += 1;
            let first = if posts == 1 { first } else { Fault::None };
            if first == Fault::Cut {
                // The browser sent it again by itself: the page sees the second answer alone.
                let _ = backend.handle(request);
            }
            return answer(
                status,
                &json!({"error": {"code": "taken", "message": "taken"}}),
            );
        }
        backend.handle(request)
    });
}

#[test]
fn a_refusal_that_our_own_request_caused_parks_nothing() {
    let conflict = json!([{"when": {"status": [409]}, "then": "conflict"}]);
    let invalid = json!([{"when": {"status": [422]}, "then": "invalid"}]);
    for (rules, status) in [
        (conflict, 409),
        (invalid, 422),
        (json!([]), 418),
        (json!([]), 404),
    ] {
        let phone = with_rules(rules);
        refused_the_second_time(&phone, status, Fault::Cut);
        phone.done(note("s1", "left at the door"));
        phone.settle();
        assert_eq!(
            (phone.waiting(), phone.marks("notes").len()),
            (0, 1),
            "{status}"
        );
    }
}

#[test]
fn a_refusal_that_stands_parks_with_the_backends_words() {
    let phone = with_rules(
        json!([{"when": {"status": [422]}, "then": "invalid", "message": "#/error/message"}]),
    );
    refused_the_second_time(&phone, 422, Fault::None);
    let id = phone.done(note("s1", "left at the door"));
    phone.settle();
    assert_eq!(phone.reason(&id), Some(("invalid".into(), "taken".into())));
}

#[test]
fn a_probe_that_never_says_anything_lets_the_refusal_stand_in_the_end() {
    let phone = with_rules(json!([{"when": {"status": [409]}, "then": "conflict"}]));
    phone
        .net
        .answer_with(|request| match request.method.as_str() {
            "GET" => answer(404, &json!({})),
            _ => answer(409, &json!({})),
        });
    let id = phone.done(note("s1", "left at the door"));
    phone.settle();
    assert_eq!(phone.reason(&id).expect("is parked").0, "conflict");
}

fn refreshed(phone: &Phone) {
    phone.clock.advance(1_000);
    run(&phone.clock, phone.core.refresh_route()).expect("refreshes");
    phone.drain(WakeReason::Visible);
}

#[test]
fn what_the_newest_route_shows_as_done_needs_nobody() {
    let phone = Phone::new();
    let arrived = phone.done(arrive("s1"));
    phone.backend.set_status("s1", "arrived");
    phone.drain(WakeReason::Recorded);
    assert_eq!(phone.reason(&arrived).expect("is parked").0, "conflict");
    refreshed(&phone);
    assert_eq!((phone.waiting(), phone.notices()), (0, vec![]));

    let delivered = phone.done(deliver("s1", ParcelFate::Delivered));
    phone.backend.set_status("s1", "delivered");
    phone.drain(WakeReason::Recorded);
    assert_eq!(phone.reason(&delivered).expect("is parked").0, "conflict");
    refreshed(&phone);
    assert_eq!(phone.waiting(), 0);
    assert_eq!(phone.notices(), [("done_already".to_owned(), delivered)]);
    assert_eq!(phone.marks("complete"), Vec::<String>::new());
}

#[test]
fn what_the_newest_route_shows_otherwise_still_waits_for_a_person() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.settle();
    let delivered = phone.done(deliver("s1", ParcelFate::Delivered));
    phone.backend.set_status("s1", "failed");
    phone.drain(WakeReason::Recorded);
    refreshed(&phone);
    assert_eq!(phone.reason(&delivered).expect("is parked").0, "conflict");
}
