//! Lanes that go on beside one another: what befalls one is not the others' to pay for.

use crate::phone::{PROFILE, Phone, arrive, note, open};
use futures_util::future::{Either, join, select};
use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::OperationId;
use pannier::domain::operation::Purpose;
use pannier::engine::attempt::LEASE_MARGIN_MS;
use pannier::ports::Driver;
use pannier::ports::clock::Clock;
use pannier::ports::drain::WakeReason;
use pannier::ports::handover::History;
use pannier::ports::store::StoreError;
use pannier::profile::http::{Answer, Exchange};
use pannier::testing::backend::Fault;
use pannier::testing::memory::StoreFault;
use pannier::testing::net::{Sent, json as answer};
use pannier::testing::run::{Frozen, run};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

const STOPS: [&str; 6] = ["s1", "s2", "s3", "s4", "s5", "s6"];

fn sandbox() -> Value {
    serde_json::from_str(PROFILE).expect("JSON")
}

fn later(seconds: Option<u32>) -> Exchange {
    let headers = seconds.map(|s| ("retry-after".to_owned(), s.to_string()));
    Ok(Answer {
        status: 429,
        headers: headers.into_iter().collect(),
        ..Answer::default()
    })
}

fn history(phone: &Phone, id: &OperationId) -> History {
    run(&phone.clock, phone.core.history(id)).expect("reads")
}

/// The last parts of the addresses that were posted to, in the order in which they left.
fn posted(phone: &Phone, name: &str) -> Vec<String> {
    let sent = phone.net.sent().into_iter();
    let posts = sent.filter(|r| r.method == "POST" && r.url.ends_with(name));
    posts.map(|r| r.url).collect()
}

/// What is on the wire, in the order in which it left.
fn wire(phone: &Phone) -> Rc<RefCell<Vec<Sent>>> {
    let out = Rc::new(RefCell::new(vec![]));
    let held = out.clone();
    phone.net.by_wire(move |sent| held.borrow_mut().push(sent));
    out
}

#[test]
fn an_operation_of_a_profile_with_other_servers_goes_on_and_stops_no_other() {
    let phone = Phone::new();
    let old = phone.done(arrive("s1"));
    phone.backend.faults(|_| Fault::Status(500));
    phone.drain(WakeReason::Recorded);
    phone.backend.healthy();
    // The company adds a server, and the host says where both are.
    let mut two = sandbox();
    two["revision"] = json!("5");
    two["servers"]["media"] = json!("http://media");
    let servers: Dictionary<String, String> =
        [("api", "http://backend"), ("media", "http://backend")]
            .map(|(name, at)| (name.to_owned(), at.to_owned()))
            .into_iter()
            .collect();
    let opening = Driver::open(
        phone.core.host.tab(5),
        Some(two.to_string()),
        servers,
        Dictionary::default(),
    );
    let core = run(&phone.clock, opening).expect("opens");
    let phone = Phone { core, ..phone };
    phone.done(arrive("s2"));
    phone.settle();
    assert_eq!(phone.waiting(), 0);
    assert!(phone.backend.has(&old.0, "arrive"));
    // It takes it back, and the host says nothing of addresses.
    let opening = Driver::open(
        phone.core.host.tab(6),
        Some(PROFILE.to_owned()),
        Dictionary::default(),
        Dictionary::default(),
    );
    let core = run(&phone.clock, opening).expect("opens with what it still needs");
    let phone = Phone { core, ..phone };
    phone.done(arrive("s3"));
    phone.settle();
    assert_eq!(phone.marks("arrive").len(), 3);
    assert!(
        phone
            .net
            .sent()
            .iter()
            .all(|r| r.url.starts_with("http://backend/"))
    );
}

#[test]
fn an_error_in_one_lane_waits_for_the_answers_of_the_others() {
    let phone = Phone::new();
    let first = phone.done(arrive("s1"));
    phone.done(arrive("s2"));
    let on_wire = wire(&phone);
    // The disk is full when the second lane's attempt is to go on record.
    phone.core.host.store.meets(move |_, commit| {
        let mut bodies = commit?.puts.iter().map(|(_, _, e)| &e.body);
        let refused = bodies.any(|b| b.contains("in_flight") && b.contains("\"s2\""));
        refused.then_some(StoreFault::Refused(StoreError::Quota))
    });
    let answers = async {
        phone.clock.sleep(200).await;
        let sent = on_wire.borrow_mut().remove(0);
        sent.reply.give(phone.backend.handle(&sent.request));
    };
    let (drained, ()) = run(
        &phone.clock,
        join(phone.core.drain(WakeReason::Recorded, None), answers),
    );
    assert_eq!(
        drained.map_err(|e| e.code).map(|_| ()),
        Err("storage_full".to_owned())
    );
    let attempts = history(&phone, &first).attempts;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].status, Some(200), "its answer was heard");
}

#[test]
fn the_longer_of_two_pauses_holds() {
    let phone = Phone::new();
    for stop in STOPS {
        phone.done(arrive(stop));
    }
    let mut first = true;
    phone
        .net
        .answer_with(move |_| later(std::mem::take(&mut first).then_some(120)));
    let report = phone.drain(WakeReason::Recorded);
    let wait = report.next_wake_at.expect("comes back") - phone.now();
    assert!((119_000..=120_000).contains(&wait), "{wait} ms");
    phone.clock.advance(5_000);
    assert_eq!(phone.drain(WakeReason::Online).attempted, 0);
}

#[test]
fn a_pause_is_on_record_at_once() {
    let phone = Phone::new();
    for stop in STOPS {
        phone.done(arrive(stop));
    }
    let on_wire = wire(&phone);
    {
        let drain = pin!(phone.core.drain(WakeReason::Recorded, None));
        let script = pin!(async {
            phone.clock.sleep(100).await;
            on_wire.borrow()[0].reply.give(later(Some(120)));
            phone.clock.sleep(1_000).await;
        });
        // The page is killed while the others are still on their way.
        let ended = run(&phone.clock, select(drain, script));
        assert!(matches!(ended, Either::Right(_)));
    }
    let other = phone.tab(9);
    let before = on_wire.borrow().len();
    phone.clock.advance(60_000);
    run(&phone.clock, other.drain(WakeReason::Visible, None)).expect("drains");
    assert_eq!(on_wire.borrow().len(), before, "nobody asks while it lasts");
}

#[test]
fn a_backend_that_wants_no_questions_is_asked_none() {
    let phone = Phone::new();
    for stop in STOPS {
        phone.done(arrive(stop));
    }
    phone.backend.faults(|r| match r.method.as_str() {
        "POST" => Fault::Cut,
        _ => Fault::None,
    });
    for _ in 0..4 {
        phone.drain(WakeReason::Online);
    }
    phone.backend.healthy();
    phone.clock.advance(10_000);
    let backend = phone.backend.clone();
    phone
        .net
        .answer_with(move |request| match request.url.ends_with("/events") {
            true => later(Some(120)),
            false => backend.handle(request),
        });
    let probes = || {
        let sent = phone.net.sent().into_iter();
        sent.filter(|r| r.url.ends_with("/events") && r.method == "GET")
            .count()
    };
    let before = probes();
    let posts = posted(&phone, "/arrive").len();
    let report = phone.drain(WakeReason::Online);
    assert!(
        (1..=4).contains(&(probes() - before)),
        "{}",
        probes() - before
    );
    let wait = report.next_wake_at.expect("comes back") - phone.now();
    assert!((119_000..=120_000).contains(&wait), "{wait} ms");
    phone.clock.advance(5_000);
    let asked = probes();
    phone.drain(WakeReason::Visible);
    assert_eq!((probes(), posted(&phone, "/arrive").len()), (asked, posts));
    let backend = phone.backend.clone();
    phone
        .net
        .answer_with(move |request| backend.handle(request));
    phone.settle();
    assert_eq!(phone.marks("arrive").len(), STOPS.len());
}

#[test]
fn bytes_leave_only_while_the_lease_covers_their_answer() {
    let (mut frozen, mut left) = (0, 0);
    for at in 1.. {
        let phone = Phone::new();
        let photo = phone.photo("s1", 1);
        let times = Rc::new(RefCell::new(vec![]));
        let (seen, clock, backend) = (times.clone(), phone.clock.clone(), phone.backend.clone());
        phone.net.by_wire(move |sent| {
            if sent.request.url.ends_with("/photos") {
                seen.borrow_mut().push(clock.now_ms());
            }
            sent.reply.give(backend.handle(&sent.request));
        });
        let mut drain = Frozen::new(phone.core.drain(WakeReason::Recorded, None));
        if drain.run(&phone.clock, at).is_some() {
            break;
        }
        frozen += 1;
        // Most of the lease, and of the time that the picture may take, is over when it wakes.
        phone.clock.advance(100_000);
        let _ = drain.run(&phone.clock, usize::MAX).expect("ends");
        let attempts = history(&phone, &photo).attempts;
        let sends = attempts.iter().filter(|a| a.purpose == Purpose::Send);
        for at in times.borrow().iter() {
            left += 1;
            let began = sends
                .clone()
                .map(|a| a.started_at)
                .filter(|b| b <= at)
                .max();
            let after = at - began.expect("is on record");
            assert!(after <= LEASE_MARGIN_MS, "{after} ms after its record");
        }
    }
    assert!(frozen > 10 && left > 0, "{frozen} places, {left} left");
}

#[test]
fn a_minute_that_is_full_is_a_pause_for_every_window() {
    let mut profile = sandbox();
    profile["limits"] = json!({"perMinute": 7});
    let phone = Phone::new().going_by(&profile);
    let other = open(&phone.clock, phone.core.host.tab(9), &profile.to_string());
    for stop in STOPS {
        phone.done(arrive(stop));
        phone.done(note(stop, "x"));
    }
    let report = phone.drain(WakeReason::Recorded);
    assert!(report.took_ms < 5_000, "{} ms", report.took_ms);
    let wait = report.next_wake_at.expect("comes back") - phone.now();
    assert!((50_000..=60_000).contains(&wait), "{wait} ms");
    let before = phone.net.sent().len();
    phone.clock.advance(40_000);
    run(&phone.clock, other.drain(WakeReason::Visible, None)).expect("drains");
    assert_eq!(phone.net.sent().len(), before);
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 12);
}

#[test]
fn pictures_that_wait_for_one_another_are_all_hurried_when_the_network_is_back() {
    let mut profile = sandbox();
    let rules = profile["outcomes"].as_array_mut().expect("rules");
    rules.insert(0, json!({"when": {"status": [503]}, "then": "retry"}));
    let phone = Phone::new().going_by(&profile);
    for stop in ["s1", "s2", "s3"] {
        phone.photo(stop, 1);
    }
    phone.backend.faults(|r| match r.method.as_str() {
        "POST" => Fault::Status(503),
        _ => Fault::None,
    });
    for _ in 0..12 {
        let report = phone.drain(WakeReason::Timer);
        let wait = report.next_wake_at.expect("comes back") - phone.now();
        phone.clock.advance(wait.max(1));
    }
    phone.drain(WakeReason::Timer);
    phone.clock.advance(4_000);
    phone.backend.healthy();
    phone.drain(WakeReason::Online);
    assert_eq!(phone.effects("photo").len(), 3);
}

#[test]
fn under_a_limit_the_oldest_goes_first() {
    let mut profile = sandbox();
    profile["limits"] = json!({"perSecond": 1});
    let phone = Phone::new().going_by(&profile);
    for stop in STOPS {
        phone.done(arrive(stop));
    }
    phone.clock.advance(2_000);
    phone.drain(WakeReason::Recorded);
    let order = STOPS.map(|stop| format!("http://backend/api/stops/{stop}/arrive"));
    assert_eq!(posted(&phone, "/arrive"), order);
}

#[test]
fn an_attempt_whose_record_landed_unseen_is_sent() {
    let phone = Phone::new();
    let mut profile = sandbox();
    for step in profile["operations"]["arrive"]["steps"]
        .as_array_mut()
        .expect("steps")
    {
        step["identity"] = json!({"kind": "none"});
        step.as_object_mut().expect("a step").remove("probe");
    }
    let phone = phone.going_by(&profile);
    let id = phone.done(arrive("s1"));
    let (mut n, net) = (0, phone.net.clone());
    // Of the commits before anything is sent, each is met once: one of them is the attempt's.
    phone.core.host.store.meets(move |_, commit| {
        let commit = commit?;
        let attempt = commit
            .puts
            .iter()
            .any(|(_, _, e)| e.body.contains("in_flight"));
        n += u32::from(attempt);
        (attempt && n == 1 && net.sent().iter().all(|r| !r.url.ends_with("/arrive")))
            .then_some(StoreFault::Repeated)
    });
    phone.drain(WakeReason::Recorded);
    assert_eq!(phone.marks("arrive"), [id.0]);
    assert_eq!(phone.waiting(), 0);
}

#[test]
fn several_lanes_that_may_be_signed_out_ask_once() {
    let mut profile = sandbox();
    let rules = profile["outcomes"].as_array_mut().expect("rules");
    rules.insert(0, json!({"when": {"status": [403]}, "then": "authUnsure"}));
    profile["signIn"]["probe"] = json!({
        "request": {"method": "GET", "url": "{+api}/api/me"},
        "outcomes": [{"when": {"status": [200]}, "then": "applied"}, {"when": {"status": [401]}, "then": "auth"}],
    });
    let phone = Phone::new().going_by(&profile);
    for stop in ["s1", "s2", "s3", "s4"] {
        phone.done(arrive(stop));
    }
    let (backend, mut refused) = (phone.backend.clone(), 0);
    phone.net.answer_with(move |request| {
        if request.url.ends_with("/arrive") && refused < 4 {
            refused += 1;
            return answer(403, &json!({"error": {"code": "no", "message": "no"}}));
        }
        if request.url.ends_with("/me") {
            return answer(401, &json!({}));
        }
        backend.handle(request)
    });
    phone.settle();
    let sent = phone.net.sent().into_iter();
    assert_eq!(sent.filter(|r| r.url.ends_with("/me")).count(), 1);
    assert_eq!(posted(&phone, "/refresh").len(), 1);
    assert_eq!(phone.marks("arrive").len(), 4);
}
