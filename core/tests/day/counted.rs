//! What a backend holds of a step is counted after its yes, where the profile says how.

use crate::phone::{PROFILE, Phone, arrive, note};
use pannier::domain::ids::OperationId;
use pannier::ports::drain::WakeReason;
use pannier::ports::views::OutboxQuery;
use pannier::profile::http::{Exchange, Request};
use pannier::testing::backend::{Backend, Fault};
use pannier::testing::net::{dead, json as answer};
use pannier::testing::run::run;
use serde_json::{Value, json};

/// The sandbox's profile, with a count beside each probe.
pub fn counting() -> Value {
    let mut profile: Value = serde_json::from_str(PROFILE).expect("reads");
    let operations = profile["operations"].as_object_mut().expect("an object");
    for operation in operations.values_mut() {
        for step in operation["steps"].as_array_mut().into_iter().flatten() {
            let Some(probe) = step.get_mut("probe") else {
                continue;
            };
            let (list, mark) = match probe["applied"]["at"].as_str() {
                Some("#/photos") => (
                    "$response.body#/photos",
                    json!({"at": "/filename", "contains": "$operation.id"}),
                ),
                _ => (
                    "$response.body#/events",
                    json!({"at": "/remarks", "eq": "$operation.id"}),
                ),
            };
            probe["count"] = json!({"$count": {"$filter": list, "where": mark}});
        }
    }
    profile
}

fn is_note(request: &Request) -> bool {
    request.method == "POST" && request.url.ends_with("/notes")
}

fn phone(mut net: impl FnMut(&Backend, &Request) -> Exchange + 'static) -> Phone {
    let phone = Phone::new().going_by(&counting());
    let backend = phone.backend.clone();
    phone.net.answer_with(move |request| net(&backend, request));
    phone
}

#[test]
fn a_request_that_the_browser_sent_twice_by_itself_is_told_by_name() {
    let phone = phone(|backend, request| {
        if is_note(request) {
            let _ = backend.handle(request);
        }
        backend.handle(request)
    });
    phone.done(arrive("s1"));
    let id = phone.done(note("s1", "left at the door"));
    let report = phone.drain(WakeReason::Recorded);
    assert_eq!(
        (report.settled, report.duplicates, report.waiting),
        (2, 1, 0)
    );
    assert_eq!(phone.notices(), [("duplicate".to_owned(), id.clone())]);
    assert_eq!(phone.reason(&id).expect("is told").0, "duplicate");
    let page = run(&phone.clock, phone.core.outbox(OutboxQuery::default())).expect("lists");
    let held = page.items[1].reason.as_ref().and_then(|r| r.times);
    assert_eq!(held, Some(2));

    let told = run(&phone.clock, phone.core.notices()).expect("lists");
    assert_eq!(
        (told[0].kind.as_deref(), told[0].times),
        (Some("note"), Some(2))
    );
    run(&phone.clock, phone.core.put_away(told[0].at, told[0].seq)).expect("is put away");
    assert_eq!(phone.notices(), []);
}

#[test]
fn what_is_there_once_is_not_told_and_the_next_one_waits_for_the_count() {
    let phone = phone(Backend::handle);
    phone.done(note("s1", "one"));
    phone.done(note("s1", "two"));
    assert_eq!(phone.drain(WakeReason::Recorded).settled, 2);
    assert_eq!(phone.notices(), []);
    let sent: Vec<_> = phone.net.sent().into_iter().map(|r| r.method).collect();
    assert_eq!(sent[sent.len() - 4..], ["POST", "GET", "POST", "GET"]);
}

#[test]
fn an_original_that_lands_beside_its_repetition_is_found() {
    let mut posts = vec![];
    let phone = phone(move |backend, request| {
        if is_note(request) {
            posts.push(request.clone());
            if posts.len() == 1 {
                return dead();
            }
            let yes = backend.handle(request);
            // The first one was only late.
            let _ = backend.handle(&posts[0]);
            return yes;
        }
        backend.handle(request)
    });
    let id = phone.done(note("s1", "left at the door"));
    phone.settle();
    assert_eq!(phone.marks("notes").len(), 2);
    assert_eq!(phone.notices(), [("duplicate".to_owned(), id)]);
}

#[test]
fn a_repetition_is_counted_once_its_original_can_no_longer_land() {
    let mut lost = false;
    let phone = phone(move |backend, request| {
        if is_note(request) && !std::mem::replace(&mut lost, true) {
            return dead();
        }
        backend.handle(request)
    });
    phone.done(note("s1", "left at the door"));
    phone.drain(WakeReason::Recorded);
    phone.clock.advance(60_000);
    let report = phone.drain(WakeReason::Manual);
    assert_eq!((report.settled, report.waiting), (0, 1));
    let wait = report.next_wake_at.expect("comes back") - phone.now();
    assert!((1..=2_000).contains(&wait), "{wait}");
    // A person's haste does not shorten it.
    assert_eq!(phone.drain(WakeReason::Manual).settled, 0);
    phone.clock.advance(wait);
    assert_eq!(phone.drain(WakeReason::Timer).settled, 1);
    assert_eq!(phone.notices(), []);
}

#[test]
fn a_count_that_nobody_answers_parks_nothing_and_holds_nothing_up_for_ever() {
    let phone = phone(|backend, request| {
        match request.method == "GET" && request.url.contains("/events") {
            true => answer(500, &json!({})),
            false => backend.handle(request),
        }
    });
    phone.done(note("s1", "one"));
    phone.done(note("s1", "two"));
    phone.settle();
    assert_eq!(phone.marks("notes").len(), 2);
    assert_eq!((phone.waiting(), phone.notices()), (0, vec![]));
}

#[test]
fn what_the_backend_does_not_show_after_its_yes_is_told() {
    let phone = phone(|backend, request| {
        match request.method == "GET" && request.url.contains("/events") {
            true => answer(200, &json!({"events": []})),
            false => backend.handle(request),
        }
    });
    let id = phone.done(note("s1", "one"));
    phone.settle();
    assert_eq!(phone.notices(), [("not_shown".to_owned(), id)]);
}

#[test]
fn a_probe_that_finds_two_tells_it_without_asking_again() {
    let mut cut = false;
    let phone = phone(move |backend, request| {
        if is_note(request) && !std::mem::replace(&mut cut, true) {
            let _ = backend.handle(request);
            let _ = backend.handle(request);
            return dead();
        }
        backend.handle(request)
    });
    let id = phone.done(note("s1", "one"));
    phone.settle();
    assert_eq!(phone.notices(), [("duplicate".to_owned(), id)]);
    let sent = phone.net.sent();
    let asked = sent.iter().filter(|r| r.url.contains("/events")).count();
    assert_eq!(asked, 1);
}

#[test]
fn what_is_only_counted_still_cannot_be_set_aside() {
    let phone = phone(|backend, request| {
        match request.method == "GET" && request.url.contains("/events") {
            true => dead(),
            false => backend.handle(request),
        }
    });
    phone.backend.faults(|_| Fault::None);
    let id = phone.done(note("s1", "one"));
    phone.drain(WakeReason::Recorded);
    assert_eq!(phone.waiting(), 1);
    let refused = run(&phone.clock, phone.core.discard(&id, "not needed"));
    assert_eq!(
        refused.map_err(|e| e.code),
        Err("operation_settled".to_owned())
    );
}

/// A phone on which a note was recorded, sent and counted once, with a copy of its request under way.
fn phone_with_a_copy_on_its_way() -> (Phone, OperationId, impl Fn(&Phone)) {
    let phone = phone(Backend::handle);
    let id = phone.done(note("s1", "left at the door"));
    assert_eq!(phone.drain(WakeReason::Recorded).settled, 1);
    assert_eq!(phone.notices(), []);
    let sent = phone.net.sent().into_iter().rev().find(is_note);
    let copy = sent.expect("was sent");
    (phone, id, move |phone: &Phone| {
        phone.backend.handle(&copy).expect("lands");
    })
}

fn counts(phone: &Phone) -> usize {
    let asked = |r: &Request| r.method == "GET" && r.url.contains("/events");
    phone.net.sent().into_iter().filter(asked).count()
}

#[test]
fn a_duplicate_that_lands_after_its_count_is_found_by_a_later_wake() {
    let (phone, id, land) = phone_with_a_copy_on_its_way();
    phone.clock.advance(1_500);
    land(&phone);
    let before = counts(&phone);
    assert_eq!(phone.drain(WakeReason::Timer).duplicates, 0);
    assert_eq!(counts(&phone), before);
    phone.clock.advance(60_000);
    assert_eq!(phone.drain(WakeReason::Timer).duplicates, 1);
    assert_eq!(phone.notices(), [("duplicate".to_owned(), id.clone())]);
    assert_eq!(phone.reason(&id).expect("is told").0, "duplicate");
    // Once: by no later wake again, and not when the clock goes back over that moment.
    for ms in [120_000, -150_000, 300_000] {
        phone.clock.jump(ms);
        assert_eq!(phone.drain(WakeReason::Timer).duplicates, 0);
    }
    assert_eq!(phone.notices().len(), 1);
}

#[test]
fn a_shift_is_closed_when_what_was_sent_last_has_been_counted_again() {
    let (phone, id, land) = phone_with_a_copy_on_its_way();
    land(&phone);
    let closed = run(&phone.clock, phone.core.close_shift(None)).expect("closes");
    assert!(closed.clear);
    assert_eq!(phone.notices(), [("duplicate".to_owned(), id)]);
    // And it is not asked again.
    let asked = counts(&phone);
    run(&phone.clock, phone.core.close_shift(None)).expect("closes");
    assert_eq!(counts(&phone), asked);
}

#[test]
fn what_is_counted_again_is_asked_with_one_request_for_a_stop() {
    let phone = phone(Backend::handle);
    for (stop, text) in [
        ("s1", "one"),
        ("s2", "two"),
        ("s1", "three"),
        ("s1", "four"),
    ] {
        phone.done(note(stop, text));
    }
    phone.settle();
    let before = counts(&phone);
    phone.clock.advance(62_001);
    phone.drain(WakeReason::Timer);
    assert_eq!(counts(&phone) - before, 2);
}

#[test]
fn what_nobody_answers_is_counted_again_by_a_later_wake() {
    let (phone, id, land) = phone_with_a_copy_on_its_way();
    land(&phone);
    phone.clock.advance(62_001);
    let twin = phone.backend.clone();
    phone.net.answer_with(|_| dead());
    assert_eq!(phone.drain(WakeReason::Manual).duplicates, 0);
    phone.net.answer_with(move |request| twin.handle(request));
    phone.clock.advance(60_000);
    assert_eq!(phone.drain(WakeReason::Manual).duplicates, 1);
    assert_eq!(phone.notices(), [("duplicate".to_owned(), id)]);
}

#[test]
fn a_stop_that_is_gone_holds_up_no_other_count() {
    let phone = phone(Backend::handle);
    phone.done(note("s2", "goes first"));
    phone.drain(WakeReason::Recorded);
    let id = phone.done(note("s1", "left at the door"));
    phone.drain(WakeReason::Recorded);
    let copy = phone.net.sent().into_iter().rev().find(is_note);
    phone.backend.remove_stop("s2");
    phone
        .backend
        .handle(&copy.expect("was sent"))
        .expect("lands");
    phone.clock.advance(62_001);
    assert_eq!(phone.drain(WakeReason::Timer).duplicates, 1);
    assert_eq!(phone.notices(), [("duplicate".to_owned(), id)]);
    // Nobody asks after the stop that is gone again.
    let asked = counts(&phone);
    phone.clock.advance(62_001);
    phone.drain(WakeReason::Timer);
    assert_eq!(counts(&phone), asked);
}

#[test]
fn a_count_that_meets_an_ended_token_renews_it() {
    let (phone, id, land) = phone_with_a_copy_on_its_way();
    land(&phone);
    phone.backend.expire_tokens(false);
    let closed = run(&phone.clock, phone.core.close_shift(None)).expect("closes");
    assert!(closed.clear);
    assert_eq!(phone.notices(), [("duplicate".to_owned(), id)]);
}

#[test]
fn a_count_that_no_token_is_good_for_renews_once() {
    let phone = phone_with_a_copy_on_its_way().0;
    let twin = phone.backend.clone();
    phone.net.answer_with(move |request| {
        match request.method == "GET" && request.url.contains("/events") {
            true => answer(401, &json!({"error": {"code": "no", "message": "no"}})),
            false => twin.handle(request),
        }
    });
    run(&phone.clock, phone.core.close_shift(None)).expect("closes");
    run(&phone.clock, phone.core.close_shift(None)).expect("closes");
    let renewals = phone.net.sent().into_iter();
    assert_eq!(renewals.filter(|r| r.url.ends_with("/refresh")).count(), 1);
}
