//! What a wake finds, what it leaves on record, and when a person is told.

use crate::phone::{JPEG, Phone, arrive, note, open};
use pannier::domain::ids::StopId;
use pannier::domain::operation::Intent;
use pannier::engine::change::WakeRecord;
use pannier::engine::listing::Status;
use pannier::engine::session::{Origin, Reachability};
use pannier::ports::drain::{Stopped, WakeReason};
use pannier::profile::http::NetFailure;
use pannier::testing::backend::Fault;
use pannier::testing::run::run;
use serde_json::{Value, json};

const MINUTE_MS: i64 = 60_000;

fn status(phone: &Phone) -> Status {
    run(&phone.clock, phone.core.status()).expect("reads")
}

fn wakes(phone: &Phone) -> Vec<WakeRecord> {
    run(&phone.clock, phone.core.wakes()).expect("reads")
}

fn reach(phone: &Phone) -> Reachability {
    status(phone).reachability
}

/// The sandbox's profile with photos that the backend takes at any time.
pub fn photos_beside() -> Value {
    let mut profile: Value = serde_json::from_str(crate::phone::PROFILE).expect("JSON");
    profile["operations"]["photo"]["independent"] = json!(true);
    profile
}

fn big_photo(phone: &Phone, stop: &str, bytes: usize) {
    let mut picture = JPEG.to_vec();
    picture.resize(bytes, stop.as_bytes()[1]);
    let staged = run(&phone.clock, phone.core.stage(JPEG, bytes as u64, picture)).expect("stages");
    phone.done(Intent::Photo {
        stop: StopId::new(stop),
        blob: staged.handle,
    });
}

#[test]
fn a_heartbeat_beside_our_own_origin_tells_apart_what_is_wrong() {
    let phone = Phone::new();
    let origin = phone.core.host.origin.clone();
    phone.done(note("s1", "one"));
    phone.backend.faults(|_| Fault::Lost);
    // The first attempt finds nobody; why is asked by the next wake.
    assert_eq!(
        phone.drain(WakeReason::Recorded).stopped,
        Stopped::Unreachable
    );
    assert_eq!(reach(&phone), Reachability::Unreachable);
    for (says, found) in [
        (Origin::Unasked, Reachability::Unreachable),
        (Origin::Silent, Reachability::Offline),
        (Origin::SilentToo, Reachability::Unreachable),
        // It may never have had the file.
        (Origin::Other, Reachability::Unreachable),
        (Origin::Ours, Reachability::BackendDown),
        (Origin::Other, Reachability::CaptivePortal),
        (Origin::Silent, Reachability::Offline),
    ] {
        origin.set(says);
        phone.drain(WakeReason::Online);
        assert_eq!(reach(&phone), found, "{says:?}");
    }
    phone.backend.faults(|_| Fault::Status(503));
    origin.set(Origin::Ours);
    phone.drain(WakeReason::Online);
    assert_eq!(reach(&phone), Reachability::BackendTrouble);
    phone.backend.healthy();
    phone.drain(WakeReason::Online);
    assert_eq!(reach(&phone), Reachability::Reachable);
    phone.settle();
    assert_eq!(phone.marks("notes").len(), 1);
}

#[test]
fn no_operation_is_put_in_doubt_while_the_backend_is_away() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "one"));
    phone.backend.faults(|_| Fault::Lost);
    phone.drain(WakeReason::Recorded);
    for _ in 0..50 {
        let next = phone
            .drain(WakeReason::Timer)
            .next_wake_at
            .expect("comes back");
        let wait = next - phone.now();
        assert!(wait <= 8_000, "asking is cheap: {wait} ms");
        phone.clock.advance(wait.max(1));
    }
    let posts = phone
        .net
        .sent()
        .into_iter()
        .filter(|r| r.url.ends_with("/notes"));
    assert_eq!(posts.count(), 1);
    // Found again by the timer alone, it is sent at once, whatever its own backoff said.
    phone.backend.healthy();
    phone.clock.advance(8_000);
    assert!(phone.drain(WakeReason::Timer).attempted > 0);
    let history = run(&phone.clock, phone.core.history(&id)).expect("reads");
    assert_eq!(history.attempts[1].trigger, "back");
    phone.settle();
    assert_eq!(phone.marks("notes").len(), 1);
}

#[test]
fn an_idle_page_looks_now_and_then_and_a_hidden_one_and_a_worker_never() {
    let phone = Phone::new();
    let report = phone.drain(WakeReason::Opened);
    let beat = report.next_beat_at.expect("looks again") - phone.now();
    assert!((4 * MINUTE_MS..=5 * MINUTE_MS).contains(&beat), "{beat}");
    let asked = || {
        let sent = phone.net.sent().into_iter();
        sent.filter(|r| r.url.ends_with("/health")).count()
    };
    let before = asked();
    phone.clock.advance(6 * MINUTE_MS);
    phone.core.seen(false);
    phone.drain(WakeReason::Timer);
    let mut worker = phone.core.host.context(4, 4);
    worker.name = "worker";
    let worker = open(&phone.clock, worker, crate::phone::PROFILE);
    run(&phone.clock, worker.drain(WakeReason::Message, None)).expect("drains");
    assert_eq!(asked(), before);
    phone.core.seen(true);
    phone.drain(WakeReason::Timer);
    assert_eq!(asked(), before + 1);
    // A backend that went away while nothing waited is told, too.
    phone.backend.faults(|_| Fault::Lost);
    phone.clock.advance(6 * MINUTE_MS);
    phone.drain(WakeReason::Timer);
    assert_eq!(reach(&phone), Reachability::Unreachable);
}

#[test]
fn a_page_that_was_kept_out_looks_at_its_own_origin_soon() {
    use pannier::ports::lock::Lock;
    let phone = Phone::new();
    phone.core.host.origin.set(Origin::Ours);
    // A worker that is being activated drains while the courier signs in.
    let mut worker = phone.core.host.context(4, 4);
    worker.name = "worker";
    let worker = open(&phone.clock, worker, crate::phone::PROFILE);
    run(&phone.clock, worker.drain(WakeReason::Activate, None)).expect("drains");
    let held = run(
        &phone.clock,
        worker.host.lock.try_acquire("drain:anna", false),
    );
    assert!(held.is_some());
    let kept_out = phone.drain(WakeReason::SignedIn);
    assert_eq!((kept_out.stopped, kept_out.waiting), (Stopped::Busy, 0));
    let wait = kept_out.next_beat_at.expect("looks again") - phone.now();
    assert!((0..=2_000).contains(&wait), "{wait}");
    drop(held);
    phone.clock.advance(wait);
    phone.drain(WakeReason::Timer);
    // Only who has seen its own origin knows a stranger's answer for what it is.
    phone.backend.faults(|_| Fault::Lost);
    phone.core.host.origin.set(Origin::Other);
    phone.drain(WakeReason::Online);
    assert_eq!(reach(&phone), Reachability::CaptivePortal);
}

#[test]
fn every_wake_is_on_record_and_idle_ones_make_one_line() {
    let phone = Phone::new();
    phone.done(note("s1", "a name: Anna Berg"));
    phone.drain(WakeReason::Recorded);
    let mut worker = phone.core.host.context(4, 4);
    worker.name = "worker";
    let worker = open(&phone.clock, worker, crate::phone::PROFILE);
    run(&phone.clock, worker.drain(WakeReason::Sync, None)).expect("drains");
    phone.done(note("s1", "two"));
    phone.backend.faults(|_| Fault::Lost);
    phone.drain(WakeReason::Recorded);
    let began = phone.now();
    for _ in 0..100 {
        phone.clock.advance(9_000);
        phone.drain(WakeReason::Timer);
    }
    let found = wakes(&phone);
    let told: Vec<_> = found
        .iter()
        .map(|w| {
            (
                w.context.as_str(),
                w.reason.as_str(),
                w.settled,
                w.waiting,
                w.stopped.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("page", "recorded", 1, 0, "idle"),
            ("worker", "sync", 0, 0, "idle"),
            ("page", "recorded", 0, 1, "unreachable"),
            ("page", "timer", 0, 1, "unreachable"),
        ]
    );
    let long = &found[3];
    assert_eq!(
        (long.again, long.reachability),
        (99, Reachability::Unreachable)
    );
    assert!(long.at >= began && long.until.expect("went on") > began + 800_000);
    let text = pannier::domain::json::to_text(long);
    assert!(!text.contains("anna") && !text.contains("Berg"), "{text}");
}

#[test]
fn a_wake_that_another_context_or_an_ended_sign_in_keeps_out_is_on_record() {
    use pannier::ports::lock::Lock;
    let phone = Phone::new();
    phone.drain(WakeReason::Opened);
    phone.done(note("s1", "one"));
    let other = phone.tab(9);
    let held = run(
        &phone.clock,
        other.host.lock.try_acquire("drain:anna", false),
    );
    phone.drain(WakeReason::Opened);
    drop(held);
    assert_eq!(wakes(&phone).last().expect("is there").stopped, "busy");
    phone.backend.expire_tokens(true);
    phone.drain(WakeReason::Visible);
    phone.drain(WakeReason::Focus);
    let last = wakes(&phone).pop().expect("is there");
    assert_eq!(
        (last.reason.as_str(), last.stopped.as_str()),
        ("focus", "sign_in")
    );
    assert_eq!(last.reachability, Reachability::SignInNeeded);
}

#[test]
fn the_record_of_wakes_has_a_bound() {
    let phone = Phone::new();
    for _ in 0..700 {
        phone.clock.advance(1_000);
        phone.drain(WakeReason::Visible);
    }
    assert_eq!(wakes(&phone).len(), 600);
    let store = &phone.core.host.store;
    let kept = run(&phone.clock, async {
        use pannier::ports::store::{Key, Query, Store, Table};
        let all = Query::under(Table::Wakes, Key::new("anna"));
        store.read(&[all]).await.expect("reads").concat().len()
    });
    assert!(kept < 640, "{kept}");
}

#[test]
fn work_that_waits_too_long_is_told_once_a_threshold_by_whichever_context_is_first() {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    let since = phone.now();
    for stop in ["s1", "s2"] {
        phone.done(arrive(stop));
        phone.done(note(stop, "one"));
    }
    let other = phone.tab(9);
    let mut told = vec![];
    for minute in 0..45 {
        phone.clock.advance(MINUTE_MS);
        let mine = phone.drain(WakeReason::Timer);
        let its = run(&phone.clock, other.drain(WakeReason::Visible, None)).expect("drains");
        for overdue in [mine.overdue, its.overdue].into_iter().flatten() {
            assert_eq!((overdue.stops, overdue.operations), (2, 4));
            assert!((since..since + 5_000).contains(&overdue.since));
            told.push((minute, overdue.minutes));
        }
    }
    let minutes: Vec<_> = told.iter().map(|(_, minutes)| *minutes).collect();
    assert_eq!(minutes, [10, 30], "{told:?}");
    assert_eq!(status(&phone).overdue.expect("is shown").minutes, 30);
    assert_eq!(status(&phone).stops_waiting, 2);
    phone.backend.healthy();
    phone.settle();
    assert_eq!(status(&phone).overdue, None);
    // What is late another day is told another time.
    phone.backend.faults(|_| Fault::Lost);
    phone.done(note("s1", "later"));
    phone.clock.advance(11 * MINUTE_MS);
    let overdue = phone.drain(WakeReason::Timer).overdue;
    assert_eq!(overdue.expect("is told").minutes, 10);
}

#[test]
fn news_is_not_lost_to_a_wake_that_follows_at_once() {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    phone.done(note("s1", "one"));
    phone.drain(WakeReason::Recorded);
    phone.clock.advance(11 * MINUTE_MS);
    let (first, second) = run(
        &phone.clock,
        futures_util::future::join(
            phone.core.drain(WakeReason::Timer, None),
            phone.core.drain(WakeReason::Online, None),
        ),
    );
    let (first, second) = (first.expect("drains"), second.expect("drains"));
    assert_eq!(second.stopped, Stopped::Busy);
    assert_eq!(first.overdue.expect("is told").minutes, 10);
}

#[test]
fn thresholds_are_the_persons_and_hold_for_every_context() {
    let phone = Phone::new();
    let set = |new| run(&phone.clock, phone.core.thresholds(new)).map_err(|e| e.code);
    assert_eq!(set(None).expect("reads").0, [10, 30]);
    assert_eq!(set(Some(vec![0])), Err("thresholds_invalid".into()));
    assert_eq!(set(Some(vec![5, 2_000])), Err("thresholds_invalid".into()));
    set(Some(vec![3])).expect("is kept");
    let other = phone.tab(9);
    assert_eq!(
        run(&phone.clock, other.thresholds(None)).expect("reads").0,
        [3]
    );
    phone.backend.faults(|_| Fault::Lost);
    phone.done(note("s1", "one"));
    phone.clock.advance(4 * MINUTE_MS);
    let told = run(&phone.clock, other.drain(WakeReason::Visible, None)).expect("drains");
    assert_eq!(told.overdue.expect("is told").minutes, 3);
    set(Some(vec![])).expect("is kept");
    assert_eq!(status(&phone).overdue, None);
}

#[test]
fn what_needs_a_person_is_not_told_as_late() {
    let phone = Phone::new();
    phone.done(note("s1", "one"));
    phone.backend.faults(|r| match r.url.ends_with("/notes") {
        true => Fault::Status(422),
        false => Fault::None,
    });
    phone.settle();
    phone.clock.advance(60 * MINUTE_MS);
    assert_eq!(phone.drain(WakeReason::Timer).overdue, None);
    assert_eq!((status(&phone).parked, status(&phone).overdue), (1, None));
}

#[test]
fn a_hidden_page_ends_what_is_on_its_way_and_begins_no_picture() {
    let phone = Phone::new().going_by(&photos_beside());
    phone.core.seen(false);
    big_photo(&phone, "s1", 200_000);
    phone.done(arrive("s2"));
    let report = phone.drain(WakeReason::Recorded);
    assert_eq!((report.settled, report.waiting), (1, 1));
    assert_eq!(report.stopped, Stopped::TooLong);
    assert_eq!(report.next_wake_at, None, "no timer turns round on it");
    // A small signature is no long thing.
    let png = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];
    let small = run(&phone.clock, phone.core.stage(&png, 8, png.to_vec())).expect("stages");
    phone.done(Intent::Signature {
        stop: StopId::new("s3"),
        blob: small.handle,
        signer: None,
    });
    assert_eq!(phone.drain(WakeReason::Recorded).settled, 1);
    phone.core.seen(true);
    assert_eq!(phone.drain(WakeReason::Visible).waiting, 0);
}

#[test]
fn a_push_sends_small_things_one_by_one_and_leaves_pictures() {
    let phone = Phone::new().going_by(&photos_beside());
    for stop in ["s1", "s2", "s3"] {
        big_photo(&phone, stop, 300_000);
        phone.done(arrive(stop));
        phone.done(note(stop, "one"));
    }
    let report = run(
        &phone.clock,
        phone.core.drain(WakeReason::Push, Some(8_000)),
    )
    .expect("drains");
    assert_eq!((report.settled, report.waiting), (6, 3));
    assert_eq!(report.stopped, Stopped::TooLong);
    assert_eq!(phone.net.most_in_flight(), 1);
}

#[test]
fn pictures_leave_room_for_what_is_recorded_after_them() {
    let phone = Phone::new().going_by(&photos_beside());
    for stop in ["s1", "s2", "s3", "s4", "s5", "s6"] {
        big_photo(&phone, stop, 200_000);
    }
    for stop in ["s1", "s2", "s3"] {
        phone.done(arrive(stop));
    }
    let begun = std::rc::Rc::new(std::cell::RefCell::new(vec![]));
    let (seen, backend) = (begun.clone(), phone.backend.clone());
    phone.net.answer_with(move |request| {
        seen.borrow_mut().push(request.url.contains("photo"));
        backend.handle(request)
    });
    phone.settle();
    assert_eq!(phone.waiting(), 0);
    let begun = begun.borrow();
    let first = begun.iter().position(|photo| *photo).expect("was sent");
    assert!(first <= 3, "{begun:?}");
    assert!(
        begun[..4].iter().filter(|photo| !**photo).count() >= 3,
        "statuses first: {begun:?}"
    );
}

#[test]
fn an_attempt_without_an_answer_in_a_hidden_page_is_in_doubt_and_found_again() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    let backend = phone.backend.clone();
    phone.net.answer_with(move |request| {
        let answer = backend.handle(request);
        match request.method.as_str() {
            "POST" => Err(NetFailure::Unreachable),
            _ => answer,
        }
    });
    phone.core.seen(false);
    phone.drain(WakeReason::Recorded);
    let backend = phone.backend.clone();
    phone
        .net
        .answer_with(move |request| backend.handle(request));
    phone.core.seen(true);
    phone.settle();
    assert_eq!((phone.effects("arrive").len(), phone.waiting()), (1, 0));
}
