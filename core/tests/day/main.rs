//! The courier's day on the in-memory twins, with the shipped sandbox profile: recording, draining
//! and every kind of trouble on the way.

// A test says what it expects by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::phone::{JPEG, PROFILE, Phone, arrive, deliver, fail, note, scan};
use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::{BlobHandle, ParcelId, StopId};
use pannier::domain::operation::Intent;
use pannier::domain::parcel::ParcelFate;
use pannier::domain::rules::StaysBehind;
use pannier::engine::listing::OperationStateName;
use pannier::engine::meaning::MeaningVerdict;
use pannier::engine::projection::StopState;
use pannier::engine::session::Reachability;
use pannier::ports::Driver;
use pannier::ports::drain::{Stopped, WakeReason};
use pannier::ports::route::RouteOutcome;
use pannier::ports::store::{StoreError, Table};
use pannier::ports::views::{OutboxFilter, OutboxQuery};
use pannier::profile::http::Request;
use pannier::testing::backend::Fault;
use pannier::testing::run::run;
use serde_json::{Map, Value, json};

mod amended;
mod callback;
mod conflicts;
mod counted;
mod drainers;
mod handed;
mod handover;
mod keeping;
mod killed;
mod lanes;
mod phone;
mod taken_out;
mod time;
mod trace;
mod wakes;
mod withdrawn;

#[test]
fn the_day_reaches_the_backend_once_and_in_order() {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    for stop in ["s1", "s2"] {
        phone.done(arrive(stop));
        phone.done(scan(stop, &format!("PN-{stop}-A")));
        phone.done(scan(stop, &format!("PN-{stop}-B")));
        phone.photo(stop, stop.as_bytes()[1]);
    }
    phone.done(deliver("s1", ParcelFate::Failed));
    phone.done(deliver("s2", ParcelFate::Delivered));
    phone.done(arrive("s3"));
    phone.done(fail("s3"));
    assert_eq!(phone.state("s1"), StopState::Waiting);
    assert_eq!(
        phone.drain(WakeReason::Recorded).stopped,
        Stopped::Unreachable
    );
    assert_eq!(phone.waiting(), 12);
    phone.backend.healthy();
    phone.clock.advance(120_000);
    phone.settle();
    let effects = phone.backend.effects();
    assert_eq!(effects.len(), 12);
    let of = |stop: &str| -> Vec<String> {
        effects
            .iter()
            .filter(|e| e.stop == stop)
            .map(|e| e.kind.clone())
            .collect()
    };
    assert_eq!(of("s1"), ["arrive", "scans", "scans", "photo", "complete"]);
    assert_eq!(of("s2"), ["arrive", "scans", "scans", "photo", "complete"]);
    assert_eq!(of("s3"), ["arrive", "fail"]);
    let completed = effects
        .iter()
        .find(|e| e.kind == "complete" && e.stop == "s2")
        .expect("is there");
    assert!(
        completed.body["photo_ids"][0]
            .as_str()
            .is_some_and(|id| id.starts_with('p'))
    );
    for stop in ["s1", "s2", "s3"] {
        assert_eq!(phone.state(stop), StopState::Done);
    }
    assert_eq!(phone.waiting(), 0);
}

#[test]
fn an_answer_that_is_cut_after_applying_makes_no_second_effect() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.done(note("s1", "left at the door"));
    phone.photo("s1", 1);
    phone.done(deliver("s1", ParcelFate::Delivered));
    let mut n = 0;
    phone.backend.faults(move |request| {
        n += u32::from(request.method == "POST");
        if request.method == "POST" && n % 2 == 1 {
            Fault::Cut
        } else {
            Fault::None
        }
    });
    phone.settle();
    let kinds: Vec<_> = phone
        .backend
        .effects()
        .into_iter()
        .map(|e| e.kind)
        .collect();
    assert_eq!(kinds, ["arrive", "notes", "photo", "complete"]);
    let completed = phone.effects("complete");
    assert_eq!(
        completed[0].body["photo_ids"],
        json!(["p1"]),
        "the photo's id was read back by the probe"
    );
    assert_eq!(phone.state("s1"), StopState::Done);
}

/// As WebKit gives an answer whose connection was cut: a complete one, of so many bytes.
fn broken_off(phone: &Phone, bytes: usize, only: impl Fn(&Request) -> bool + 'static) {
    let backend = phone.backend.clone();
    phone.net.answer_with(move |request| {
        let mut answer = backend.handle(request)?;
        if only(request) {
            answer.body.truncate(bytes);
        }
        Ok(answer)
    });
}

#[test]
fn an_answer_that_breaks_off_is_no_answer() {
    for bytes in [0, 1, 8] {
        let phone = Phone::new();
        let id = phone.done(note("s1", "left at the door"));
        broken_off(&phone, bytes, |r| r.url.ends_with("/notes"));
        let report = phone.drain(WakeReason::Recorded);
        assert_eq!((report.parked, report.waiting), (0, 1), "{bytes} bytes");
        broken_off(&phone, bytes, |_| false);
        phone.clock.advance(120_000);
        phone.settle();
        assert_eq!(phone.marks("notes"), [id.0], "{bytes} bytes");
    }
}

#[test]
fn a_probe_whose_answer_breaks_off_has_said_nothing() {
    for bytes in [0, 1, 8] {
        let phone = Phone::new();
        let id = phone.done(note("s1", "left at the door"));
        phone.backend.faults(|r| {
            if r.url.ends_with("/notes") {
                Fault::Cut
            } else {
                Fault::None
            }
        });
        phone.drain(WakeReason::Recorded);
        phone.backend.healthy();
        // It is there, and the probe's answer would say so: half of it must not be taken for a no.
        broken_off(&phone, bytes, |r| r.method == "GET");
        phone.clock.advance(120_000);
        phone.drain(WakeReason::Manual);
        assert_eq!(phone.waiting(), 1, "{bytes} bytes");
        broken_off(&phone, bytes, |_| false);
        phone.clock.advance(120_000);
        phone.settle();
        assert_eq!(phone.marks("notes"), [id.0], "{bytes} bytes");
    }
}

#[test]
fn a_request_that_never_arrives_is_sent_again() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "a"));
    let mut posts = 0;
    phone.backend.faults(move |request| {
        posts += u32::from(request.method == "POST");
        if request.method == "POST" && posts <= 3 {
            Fault::Lost
        } else {
            Fault::None
        }
    });
    phone.settle();
    assert_eq!(phone.marks("notes"), [id.0]);
}

#[test]
fn with_a_key_the_backend_honours_the_same_key_is_sent_again_without_asking() {
    let phone = Phone::new();
    let mut profile: Value = serde_json::from_str(PROFILE).expect("is JSON");
    let step = &mut profile["operations"]["note"]["steps"][0];
    step["identity"] = json!({"kind": "header", "name": "Idempotency-Key"});
    step.as_object_mut().expect("is a step").remove("probe");
    let phone = phone.going_by(&profile);
    let id = phone.done(note("s1", "a"));
    let mut posts = 0;
    phone.backend.faults(move |request| {
        posts += u32::from(request.method == "POST");
        if posts == 1 && request.method == "POST" {
            Fault::Lost
        } else {
            Fault::None
        }
    });
    phone.settle();
    let sent: Vec<_> = phone
        .net
        .sent()
        .into_iter()
        .filter(|r| r.url.contains("/stops/s1/"))
        .collect();
    assert_eq!(sent.len(), 2);
    for request in sent {
        assert!(
            request
                .headers
                .contains(&("Idempotency-Key".to_owned(), id.0.clone()))
        );
    }
}

#[test]
fn in_one_lane_for_everything_each_request_speaks_of_its_own_stop() {
    let phone = Phone::new();
    let mut profile: Value = serde_json::from_str(PROFILE).expect("is JSON");
    profile["order"] = json!("global");
    let phone = phone.going_by(&profile);
    phone.done(arrive("s1"));
    phone.done(arrive("s3"));
    phone.photo("s1", 1);
    phone.done(deliver("s3", ParcelFate::Delivered));
    phone.done(deliver("s1", ParcelFate::Delivered));
    phone.settle();
    let photos: Vec<_> = phone
        .effects("complete")
        .into_iter()
        .map(|e| (e.stop, e.body["photo_ids"].clone()))
        .collect();
    assert_eq!(
        photos,
        [
            ("s3".to_owned(), json!([])),
            ("s1".to_owned(), json!(["p1"]))
        ]
    );
    assert_eq!(phone.net.most_in_flight(), 1);
}

#[test]
fn a_drain_that_is_dropped_midway_leaves_doubt_that_a_probe_settles() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "a"));
    // The page is killed while the request is under way; it lands all the same.
    {
        let mut drain = std::pin::pin!(phone.core.drain(WakeReason::Recorded, None));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        while phone.net.sent().iter().all(|r| !r.url.ends_with("/notes")) {
            assert!(drain.as_mut().poll(&mut context).is_pending());
            phone.clock.advance_to_next();
        }
    }
    let landed = phone
        .net
        .sent()
        .into_iter()
        .find(|r| r.url.ends_with("/notes"))
        .expect("was sent");
    phone.backend.handle(&landed).expect("lands");
    let fresh = phone.tab(8);
    let phone = Phone {
        core: fresh,
        ..phone
    };
    phone.settle();
    assert_eq!(phone.marks("notes"), [id.0]);
    assert_eq!(phone.waiting(), 0);
}

#[test]
fn a_parked_head_blocks_only_its_lane() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    let refused = phone.done(deliver("s1", ParcelFate::Delivered));
    let behind = phone.done(note("s1", "behind"));
    phone.done(arrive("s3"));
    phone.done(fail("s3"));
    phone.backend.faults(|r| {
        if r.url.ends_with("/complete") {
            Fault::Status(422)
        } else {
            Fault::None
        }
    });
    phone.settle();
    assert_eq!(
        (phone.state("s1"), phone.state("s3")),
        (StopState::Attention, StopState::Done)
    );
    assert_eq!(
        phone.reason(&refused),
        Some(("invalid".into(), "a fault".into()))
    );
    assert_eq!(phone.waiting(), 2);
    phone.backend.healthy();
    run(&phone.clock, phone.core.retry(&refused)).expect("is sent again");
    phone.settle();
    assert_eq!(phone.marks("notes"), [behind.0]);
    assert_eq!(phone.state("s1"), StopState::Done);
}

#[test]
fn a_discarded_head_lets_its_lane_go_on_and_is_kept() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    let refused = phone.done(deliver("s1", ParcelFate::Delivered));
    phone.done(note("s1", "behind"));
    phone.backend.faults(|r| {
        if r.url.ends_with("/complete") {
            Fault::Status(422)
        } else {
            Fault::None
        }
    });
    phone.settle();
    let discard = |reason: &str| run(&phone.clock, phone.core.discard(&refused, reason));
    assert_eq!(
        discard(" ").map_err(|e| e.code),
        Err("reason_missing".to_owned())
    );
    discard("recorded at the wrong stop").expect("is set aside");
    phone.settle();
    assert_eq!(phone.effects("notes").len(), 1);
    let page = run(
        &phone.clock,
        phone.core.outbox(OutboxQuery {
            state: OutboxFilter::Settled,
            ..OutboxQuery::default()
        }),
    );
    let kept = page
        .expect("lists")
        .items
        .into_iter()
        .find(|i| i.id == refused)
        .expect("is kept");
    assert_eq!(kept.state, OperationStateName::Discarded);
    assert_eq!(
        phone.state("s1"),
        StopState::Arrived,
        "the stop can have another outcome"
    );
}

#[test]
fn a_stop_that_the_office_closed_is_a_conflict_and_the_proof_is_kept() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.photo("s1", 1);
    let mine = phone.done(deliver("s1", ParcelFate::Delivered));
    phone.backend.faults(|_| Fault::None);
    // Someone in the office closes the stop while the courier is on his way.
    let backend = phone.backend.clone();
    phone.backend.faults(move |r| {
        if r.url.ends_with("/complete") {
            backend.set_status("s1", "failed");
        }
        Fault::None
    });
    phone.settle();
    assert_eq!(
        phone.reason(&mine),
        Some(("conflict".into(), "the stop is failed".into()))
    );
    assert_eq!(phone.effects("photo").len(), 1);
    assert_eq!(phone.effects("complete").len(), 0);
}

#[test]
fn an_expired_token_is_renewed_and_nothing_is_lost() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.done(note("s1", "a"));
    phone.backend.expire_tokens(false);
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 2);
}

#[test]
fn several_lanes_that_meet_an_ended_token_renew_it_once() {
    let phone = Phone::new();
    for stop in ["s1", "s2", "s3", "s4"] {
        phone.done(arrive(stop));
    }
    phone.backend.expire_tokens(false);
    phone.settle();
    let renewals = phone
        .net
        .sent()
        .into_iter()
        .filter(|r| r.url.ends_with("/refresh"));
    assert_eq!(renewals.count(), 1);
    assert_eq!(phone.backend.effects().len(), 4);
    assert!(
        run(&phone.clock, phone.core.status())
            .expect("reads")
            .signed_in
    );
}

#[test]
fn a_refused_renewal_pauses_and_keeps_everything_until_a_person_signs_in() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.backend.expire_tokens(true);
    assert_eq!(phone.drain(WakeReason::Recorded).stopped, Stopped::SignIn);
    let status = run(&phone.clock, phone.core.status()).expect("reads");
    assert_eq!((status.waiting, status.signed_in), (1, false));
    assert_eq!(status.reachability, Reachability::SignInNeeded);
    phone.done(note("s1", "still recorded"));
    phone.sign_in();
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 2);
}

#[test]
fn work_of_one_account_is_not_sent_with_anothers_sign_in() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    assert_eq!(
        run(&phone.clock, phone.core.sign_out(false)).map_err(|e| e.code),
        Err("unsent_work".to_owned())
    );
    run(&phone.clock, phone.core.sign_out(true)).expect("signs out");
    assert_eq!(
        phone.record(note("s1", "nobody")),
        Err("signed_out".to_owned())
    );
    assert_eq!(phone.drain(WakeReason::Manual).stopped, Stopped::SignIn);
    assert_eq!(phone.backend.effects().len(), 0);
    let status = run(&phone.clock, phone.core.status()).expect("reads");
    assert_eq!((status.waiting, status.other_accounts), (0, 1));
    phone.sign_in();
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 1);
}

#[test]
fn a_login_portal_is_no_answer() {
    let phone = Phone::new();
    let id = phone.done(arrive("s1"));
    let mut n = 0;
    phone.backend.faults(move |_| {
        n += 1;
        if n <= 4 { Fault::Portal } else { Fault::None }
    });
    phone.settle();
    assert_eq!(phone.marks("arrive"), [id.0]);
}

#[test]
fn a_throttle_pauses_all_lanes_until_its_time() {
    let phone = Phone::new();
    for stop in ["s1", "s2", "s3", "s4", "s5", "s6"] {
        phone.done(arrive(stop));
    }
    phone.backend.faults(|_| Fault::Status(429));
    let before = phone.net.sent().len();
    phone.drain(WakeReason::Recorded);
    assert!(
        phone.net.sent().len() - before <= 4,
        "no lane is begun after the throttle"
    );
    let report = phone.drain(WakeReason::Online);
    assert_eq!(
        report.attempted, 0,
        "a hopeful wake does not hurry a throttle"
    );
    phone.backend.healthy();
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 6);
}

#[test]
fn lanes_go_out_together_but_not_more_than_the_profile_says() {
    let phone = Phone::new();
    for stop in ["s1", "s2", "s3", "s4", "s5", "s6"] {
        phone.done(arrive(stop));
        phone.done(note(stop, "a"));
    }
    phone.settle();
    assert_eq!(phone.net.most_in_flight(), 4);
    assert_eq!(phone.backend.effects().len(), 12);
}

#[test]
fn two_tabs_record_and_drain_at_once_without_duplicates() {
    let phone = Phone::new();
    let other = phone.tab(99);
    let both = async {
        let mine = async {
            for i in 0..10 {
                phone
                    .core
                    .record(note("s1", &format!("mine {i}")), None)
                    .await
                    .expect("records");
                phone
                    .core
                    .drain(WakeReason::Recorded, None)
                    .await
                    .expect("drains");
            }
        };
        let theirs = async {
            for i in 0..10 {
                other
                    .record(note("s1", &format!("theirs {i}")), None)
                    .await
                    .expect("records");
                other
                    .drain(WakeReason::Recorded, None)
                    .await
                    .expect("drains");
            }
        };
        futures_util::join!(mine, theirs);
    };
    run(&phone.clock, both);
    phone.settle();
    let mut marks = phone.marks("notes");
    assert_eq!(marks.len(), 20);
    marks.sort();
    marks.dedup();
    assert_eq!(marks.len(), 20);
}

#[test]
fn a_lock_that_a_dead_context_keeps_is_stolen_after_its_lease() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.core.host.lock.hold_forever("drain:anna");
    // No drain ever ran, so no lease protects the holder.
    assert_ne!(phone.drain(WakeReason::Timer).stopped, Stopped::Busy);
    assert_eq!(phone.backend.effects().len(), 1);
    phone.done(note("s1", "a"));
    phone.core.host.lock.hold_forever("drain:anna");
    assert_eq!(phone.drain(WakeReason::Timer).stopped, Stopped::Busy);
    phone.clock.advance(60_000);
    assert_ne!(phone.drain(WakeReason::Timer).stopped, Stopped::Busy);
    assert_eq!(phone.backend.effects().len(), 2);
}

#[test]
fn preconditions_are_refused_with_their_code_and_change_nothing() {
    let phone = Phone::new();
    let commits = phone.core.host.store.commits();
    for (intent, code) in [
        (arrive("nowhere"), "stop_unknown"),
        (deliver("s1", ParcelFate::Delivered), "not_arrived"),
        (scan("s1", "PN-s2-A"), "parcel_unlisted"),
        (scan("s1", " "), "code_empty"),
        (scan("s1", &"x".repeat(4096)), "code_too_long"),
        (note("s1", "  "), "text_missing"),
        (
            Intent::Fail {
                stop: StopId::new("s1"),
                reason: "x".into(),
                text: None,
            },
            "not_arrived",
        ),
        (
            Intent::Photo {
                stop: StopId::new("s1"),
                blob: BlobHandle::new("none"),
            },
            "blob_unknown",
        ),
        (
            Intent::Load {
                code: "PN-9".into(),
            },
            "parcel_unlisted",
        ),
        (
            Intent::Custom {
                name: "x y".into(),
                stop: None,
                fields: Map::new(),
            },
            "operation_unsupported",
        ),
    ] {
        assert_eq!(
            phone.record(intent.clone()),
            Err(code.to_owned()),
            "{intent:?}"
        );
    }
    assert_eq!(phone.core.host.store.commits(), commits);
    phone.done(arrive("s2"));
    assert_eq!(
        phone.record(deliver("s2", ParcelFate::Delivered)),
        Err("photo_missing".to_owned())
    );
    phone.done(arrive("s1"));
    let Intent::Deliver {
        stop,
        outcomes,
        overrides,
        ..
    } = deliver("s1", ParcelFate::Delivered)
    else {
        unreachable!()
    };
    let nobody = Intent::Deliver {
        stop,
        outcomes,
        overrides,
        recipient: " ".into(),
    };
    assert_eq!(phone.record(nobody), Err("recipient_missing".to_owned()));
    phone.done(deliver("s1", ParcelFate::Delivered));
    assert_eq!(phone.record(fail("s1")), Err("stop_closed".to_owned()));
}

#[test]
fn the_same_thing_recorded_twice_is_one_operation() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.done(scan("s1", "PN-s1-A"));
    phone.photo("s1", 1);
    for intent in [arrive("s1"), scan("s1", " PN-s1-A\n")] {
        let again = run(&phone.clock, phone.core.record(intent, None)).expect("is known");
        assert!(again.duplicate);
    }
    phone.photo("s1", 1);
    assert_eq!(phone.waiting(), 3);
}

#[test]
fn a_full_disk_refuses_whole_and_says_so() {
    let phone = Phone::new();
    phone.core.host.store.fail_next_commit(StoreError::Quota);
    assert_eq!(phone.record(arrive("s1")), Err("storage_full".to_owned()));
    assert_eq!((phone.waiting(), phone.state("s1")), (0, StopState::Open));
    phone.done(arrive("s1"));
}

#[test]
fn a_commit_that_landed_unseen_is_not_recorded_twice() {
    let phone = Phone::new();
    phone.core.host.store.repeat_next_commit();
    let id = phone.done(note("s1", "once"));
    phone.settle();
    assert_eq!(phone.marks("notes"), [id.0]);
}

#[test]
fn an_unreadable_operation_is_set_aside_raw_and_its_lane_goes_on() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.done(note("s1", "behind"));
    phone.core.host.store.spoil(Table::Operations, 0);
    phone.settle();
    assert_eq!(phone.effects("notes").len(), 1);
    assert_eq!(phone.core.host.store.count(Table::Quarantine), 1);
    assert_eq!(
        run(&phone.clock, phone.core.status())
            .expect("reads")
            .quarantined,
        1
    );
}

#[test]
fn an_unreadable_lane_is_summed_up_again() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.core.host.store.spoil(Table::Lanes, 0);
    phone.settle();
    assert_eq!(phone.effects("arrive").len(), 1);
}

#[test]
fn a_new_route_is_merged_with_unsent_work() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.backend.remove_stop("s1");
    phone.backend.remove_stop("s5");
    run(&phone.clock, phone.core.refresh_route()).expect("refreshes");
    let route = run(&phone.clock, phone.core.route()).expect("reads");
    let ids: Vec<_> = route.stops.iter().map(|s| s.id.0.as_str()).collect();
    assert_eq!(
        ids,
        ["s1", "s2", "s3", "s4", "s6"],
        "the stop with unsent work stays"
    );
    assert_eq!(phone.state("s1"), StopState::Arrived);
    assert_eq!(route.changes.len(), 2, "{:?}", route.changes);
}

#[test]
fn a_route_that_no_shift_can_be_changes_nothing() {
    let phone = Phone::new();
    let stops = |n: usize| -> Vec<Value> { (0..n).map(|i| json!({"id": i.to_string()})).collect() };
    let refresh = |body: Value| {
        phone.backend.answer_route(body);
        run(&phone.clock, phone.core.refresh_route())
            .map(|r| (r.unreadable, r.detail.unwrap_or_default()))
            .map_err(|e| e.code)
    };
    assert_eq!(
        refresh(json!({"stops": stops(10_000)})),
        Err("route_too_large".to_owned())
    );
    assert_eq!(
        refresh(json!({"stops": {"not": "a list"}})),
        Err("route_unreadable".to_owned())
    );
    assert_eq!(
        refresh(json!({"stops": [{"id": "a"}, {"id": "a"}]})),
        Err("route_stop_twice".to_owned())
    );
    let told = refresh(json!({"stops": [{"id": "s1", "surprise": [1]}, {"sequence": "x"}]}))
        .expect("is taken");
    assert!(told.0 == 1 && told.1.starts_with("stop 1"), "{told:?}");
    let route = run(&phone.clock, phone.core.route()).expect("reads");
    assert_eq!(
        route.stops.len(),
        6,
        "with an unreadable stop none is taken as gone"
    );
}

#[test]
fn an_empty_route_behind_an_expired_sign_in_wipes_nothing() {
    let phone = Phone::new();
    phone.backend.answer_route(json!({"stops": []}));
    phone.backend.expire_tokens(true);
    // This backend answers 401; one with row-level rules answers an empty list. Both end here.
    let refresh = run(&phone.clock, phone.core.refresh_route()).expect("refreshes");
    assert_eq!(refresh.outcome, RouteOutcome::SignIn);
    assert_eq!(
        run(&phone.clock, phone.core.route())
            .expect("reads")
            .stops
            .len(),
        6
    );
}

#[test]
fn a_company_s_own_operation_carries_its_fields_and_waits_its_turn() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    let fields = Map::from_iter([
        ("amount".to_owned(), json!(249)),
        ("currency".to_owned(), json!("SEK")),
    ]);
    let id = phone.done(Intent::Custom {
        name: "cash_collected".into(),
        stop: Some(StopId::new("s1")),
        fields,
    });
    phone.settle();
    let effects = phone.effects("events");
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].mark, id.0);
    assert_eq!(
        effects[0].body["fields"],
        json!({"amount": 249, "currency": "SEK"})
    );
    let large = Map::from_iter([("x".to_owned(), json!("y".repeat(9_000)))]);
    let intent = Intent::Custom {
        name: "cash_collected".into(),
        stop: Some(StopId::new("s1")),
        fields: large,
    };
    assert_eq!(phone.record(intent), Err("custom_too_large".to_owned()));
}

#[test]
fn the_van_is_loaded_and_parcels_are_picked_up() {
    let phone = Phone::new();
    phone.done(Intent::Load {
        code: "PN-s1-A".into(),
    });
    phone.done(arrive("s6"));
    phone.done(scan("s6", "PN-s6-A"));
    phone.done(Intent::PickUp {
        stop: StopId::new("s6"),
        parcels: vec![ParcelId::new("s6-a")],
        overrides: vec![],
    });
    assert_eq!(
        phone.record(deliver("s6", ParcelFate::Delivered)),
        Err("stop_closed".to_owned())
    );
    phone.settle();
    let kinds: Vec<_> = phone
        .backend
        .effects()
        .into_iter()
        .map(|e| e.kind)
        .collect();
    assert_eq!(kinds.len(), 4);
    assert!(
        kinds.contains(&"load".to_owned()) && kinds.contains(&"pickup".to_owned()),
        "{kinds:?}"
    );
    let route = run(&phone.clock, phone.core.route()).expect("reads");
    assert_eq!((route.parcels.loaded, route.parcels.done), (1, 1));
}

#[test]
fn codes_mean_what_the_route_says() {
    let phone = Phone::new();
    let meaning = |code: &str, at: Option<&str>| {
        let at = at.map(StopId::new);
        run(&phone.clock, phone.core.meaning(code, at.as_ref()))
            .expect("judges")
            .verdict
    };
    assert_eq!(meaning("PN-s1-A", Some("s1")), MeaningVerdict::Expected);
    phone.done(scan("s1", "PN-s1-A"));
    assert_eq!(
        meaning("PN-s1-A", Some("s1")),
        MeaningVerdict::AlreadyScanned
    );
    assert_eq!(meaning("PN-s2-A", Some("s1")), MeaningVerdict::OtherStop);
    assert_eq!(
        meaning("<b>hi</b>\u{7}", Some("s1")),
        MeaningVerdict::Unlisted
    );
    assert_eq!(meaning(&"9".repeat(4096), None), MeaningVerdict::Unreadable);
    assert_eq!(meaning("PN-s3-B", None), MeaningVerdict::Expected);
}

#[test]
fn a_core_that_was_just_opened_tells_all_who_ask_at_once_who_is_signed_in() {
    let phone = Phone::new();
    let tab = phone.tab(7);
    run(&phone.clock, async {
        let (first, second, recorded) = futures_util::join!(
            tab.status(),
            tab.status(),
            tab.record(note("s1", "At once"), None)
        );
        for status in [first, second] {
            assert!(status.expect("reads").account.is_some());
        }
        recorded.expect("is signed in");
    });
}

#[test]
fn only_what_is_still_to_be_delivered_belongs_into_the_van() {
    let phone = Phone::new();
    let meaning = |code: &str| {
        let said = run(&phone.clock, phone.core.meaning(code, None)).expect("judges");
        (said.verdict, said.stays_behind)
    };
    let to_load = |phone: &Phone| -> Vec<String> {
        let route = run(&phone.clock, phone.core.route()).expect("reads");
        let stops = route.stops.iter().filter(|s| s.to_load);
        stops.map(|s| s.id.0.clone()).collect()
    };
    assert!(to_load(&phone).contains(&"s1".to_owned()));
    assert!(!to_load(&phone).contains(&"s6".to_owned()));
    let (verdict, why) = meaning("PN-s6-A");
    assert_eq!(verdict, MeaningVerdict::OtherStop);
    assert_eq!(why, Some(StaysBehind::Pickup));

    phone.done(Intent::Load {
        code: "PN-s1-A".into(),
    });
    assert_eq!(meaning("PN-s1-A").0, MeaningVerdict::AlreadyLoaded);
    phone.done(arrive("s1"));
    phone.done(fail("s1"));
    assert!(!to_load(&phone).contains(&"s1".to_owned()));
    let (verdict, why) = meaning("PN-s1-A");
    assert_eq!(verdict, MeaningVerdict::OtherStop);
    assert_eq!(why, Some(StaysBehind::Closed));
}

#[test]
fn a_draft_keeps_its_pictures_and_orphans_are_swept() {
    let phone = Phone::new();
    let stage = |tail: u8| {
        let bytes = [JPEG, &[tail]].concat();
        run(
            &phone.clock,
            phone.core.stage(JPEG, bytes.len() as u64, bytes),
        )
        .expect("stages")
        .handle
    };
    let (kept, orphan) = (stage(1), stage(2));
    let fields = Map::from_iter([("recipient".to_owned(), json!("An"))]);
    run(
        &phone.clock,
        phone
            .core
            .save_draft(StopId::new("s1"), vec![kept.clone()], fields),
    )
    .expect("saves");
    assert_eq!(
        run(&phone.clock, phone.core.sweep()),
        Ok(0),
        "a fresh picture may still be named"
    );
    phone.clock.advance(25 * 3_600_000);
    assert_eq!(run(&phone.clock, phone.core.sweep()), Ok(1));
    assert!(
        run(&phone.clock, phone.core.blob(&orphan, None))
            .expect("reads")
            .is_none()
    );
    assert!(
        run(&phone.clock, phone.core.blob(&kept, None))
            .expect("reads")
            .is_some()
    );
    let draft = run(&phone.clock, phone.core.draft(&StopId::new("s1")))
        .expect("reads")
        .expect("is there");
    assert_eq!(draft.fields["recipient"], "An");
}

#[test]
fn a_budget_ends_the_drain_and_what_was_in_flight_is_asked_for_later() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "a"));
    let report = run(&phone.clock, phone.core.drain(WakeReason::Push, Some(20))).expect("drains");
    assert_eq!((report.stopped, report.settled), (Stopped::Budget, 0));
    phone.settle();
    assert_eq!(phone.marks("notes"), [id.0]);
}

#[test]
fn what_only_a_person_could_settle_is_not_begun_without_the_time_for_it() {
    let mut profile: Value = serde_json::from_str(PROFILE).expect("is JSON");
    profile["revision"] = json!("none");
    let step = &mut profile["operations"]["note"]["steps"][0];
    step["identity"] = json!({"kind": "none"});
    step["request"]["deadlineMs"] = json!(5_000);
    let asked = profile.clone();
    let step = &mut profile["operations"]["note"]["steps"][0];
    step.as_object_mut().expect("is a step").remove("probe");

    let phone = Phone::new().going_by(&profile);
    let id = phone.done(note("s1", "a"));
    let drain = |phone: &Phone, ms| {
        let drained = run(&phone.clock, phone.core.drain(WakeReason::Push, Some(ms)));
        let report = drained.expect("drains");
        (report.attempted, report.settled)
    };
    assert_eq!(drain(&phone, 2_000), (0, 0), "the worker may end before it");
    assert_eq!(phone.reason(&id), None, "it waits as it did");
    assert_eq!(drain(&phone, 8_000), (1, 1));
    assert_eq!(phone.marks("notes"), [id.0]);

    let phone = Phone::new().going_by(&asked);
    phone.done(note("s1", "a"));
    let (_, settled) = drain(&phone, 2_000);
    assert_eq!(settled, 1, "here the backend can be asked");
}

#[test]
fn a_profile_that_does_not_parse_names_its_mistake() {
    let phone = Phone::new();
    let opened = |document: &str| {
        let servers = [("api".to_owned(), "http://backend".to_owned())]
            .into_iter()
            .collect();
        let host = phone.core.host.tab(3);
        let opened = run(
            &phone.clock,
            Driver::open(
                host,
                Some(document.to_owned()),
                servers,
                Dictionary::default(),
            ),
        );
        opened
            .err()
            .map(|e| (e.code, e.message))
            .expect("is refused")
    };
    let with = |from: &str, to: &str| PROFILE.replacen(from, to, 1);
    assert_eq!(opened("{").0, "profile_unreadable");
    let (code, text) = opened(&with("\"settleMs\"", "\"settle\""));
    assert_eq!(code, "profile_unreadable");
    assert!(
        text.contains("operations/") && text.contains("unknown field settle"),
        "{text}"
    );
    let (code, text) = opened(&with(
        "\"$operation.recordedAt\"",
        "\"$operatoin.recordedAt\"",
    ));
    assert_eq!(code, "profile_invalid");
    assert!(text.contains("$operatoin.recordedAt"), "{text}");
    assert_eq!(
        opened(&with("\"pannier\": 1", "\"pannier\": 2")).0,
        "profile_language"
    );
    assert_eq!(
        opened("{\"pannier\": 2, \"all\": \"else differs\"}").0,
        "profile_language"
    );
    assert_eq!(opened(&" ".repeat(600_000)).0, "profile_too_large");
}
