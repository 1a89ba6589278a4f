//! What the operating system sends from a locked phone: handed over with attempts on record, sent in
//! the lane's order, and judged at the next wake, by whatever process that is.

use crate::phone::{PROFILE, Phone, arrive, deliver, note, open, scan};
use pannier::domain::ids::OperationId;
use pannier::domain::operation::Intent;
use pannier::domain::parcel::ParcelFate;
use pannier::engine::handed::{HANDED_MS, UploadState};
use pannier::engine::listing::OperationStateName;
use pannier::ports::drain::{DrainReport, WakeReason};
use pannier::ports::views::OutboxQuery;
use pannier::profile::http::Request;
use pannier::testing::backend::{Fault, Honours};
use pannier::testing::clock::SeededIds;
use pannier::testing::run::{run, run_until};
use serde_json::{Value, json};

/// The shipped profile for a backend that honours a header, so that everything may be sent twice.
fn safe() -> Value {
    let mut profile: Value = serde_json::from_str(PROFILE).unwrap();
    for kind in profile["operations"].as_object_mut().unwrap().values_mut() {
        for step in kind["steps"].as_array_mut().unwrap() {
            step["identity"] = json!({"kind": "header", "name": "Idempotency-Key"});
            step.as_object_mut().unwrap().remove("probe");
        }
    }
    profile
}

impl Phone {
    fn with_safe_backend() -> Self {
        let phone = Self::new().going_by(&safe());
        phone.backend.honours(Honours::Header);
        phone
    }
    fn locked(&self) -> DrainReport {
        run(&self.clock, self.core.hand_over()).expect("hands over")
    }
    /// The system gets round to so many requests while nothing of ours runs.
    fn system_sends(&self, count: usize) {
        let backend = self.backend.clone();
        let system = self.core.host.system.clone();
        system.work(count, move |request: &Request| backend.handle(request));
    }
    fn killed(self, seed: u64) -> Self {
        let core = open(&self.clock, self.core.host.tab(seed), &safe().to_string());
        Self { core, ..self }
    }
    fn states(&self) -> Vec<OperationStateName> {
        let page = run(&self.clock, self.core.outbox(OutboxQuery::default())).expect("lists");
        page.items.iter().map(|item| item.state).collect()
    }
    fn kept(&self) -> Vec<UploadState> {
        let kept = self.core.host.system.kept();
        kept.into_iter().map(|(_, state)| state).collect()
    }
    fn sent_by_us(&self) -> usize {
        let posts = self.net.sent();
        posts.iter().filter(|r| r.url.contains("/stops/")).count()
    }
    fn order(&self) -> Vec<String> {
        let effects = self.backend.effects();
        effects.into_iter().map(|e| e.mark).collect()
    }
}

fn a_stop(phone: &Phone) -> Vec<OperationId> {
    vec![
        phone.done(arrive("s1")),
        phone.done(scan("s1", "PN-s1-A")),
        phone.photo("s1", 1),
        phone.done(note("s1", "Left at the door")),
    ]
}

fn marks(ids: &[OperationId]) -> Vec<String> {
    ids.iter().map(|id| id.0.clone()).collect()
}

#[test]
fn a_whole_lane_goes_from_a_locked_phone_in_its_order() {
    let phone = Phone::with_safe_backend();
    let ids = a_stop(&phone);
    let other = phone.done(arrive("s2"));
    let before = phone.sent_by_us();
    let report = phone.locked();
    assert_eq!(report.attempted, 5);
    assert_eq!(report.next_wake_at, None, "no timer hurries the system");
    assert_eq!(phone.states(), vec![OperationStateName::InFlight; 5]);
    phone.system_sends(9);
    let phone = phone.killed(21);
    let report = phone.drain(WakeReason::Opened);
    assert_eq!((report.settled, report.waiting), (5, 0));
    let of_first: Vec<String> = phone
        .order()
        .into_iter()
        .filter(|m| *m != other.0)
        .collect();
    assert_eq!(of_first, marks(&ids));
    assert_eq!(phone.sent_by_us(), before, "nobody sent it but the system");
    assert_eq!(phone.kept(), vec![], "and that may forget it");
}

#[test]
fn the_drain_leaves_alone_what_the_system_has() {
    let phone = Phone::with_safe_backend();
    a_stop(&phone);
    phone.locked();
    for reason in [WakeReason::Manual, WakeReason::Timer, WakeReason::Opened] {
        let report = phone.drain(reason);
        assert_eq!((report.attempted, report.waiting), (0, 4));
    }
    assert_eq!(phone.sent_by_us(), 0);
    phone.system_sends(2);
    let report = phone.drain(WakeReason::Visible);
    assert_eq!((report.settled, report.waiting), (2, 2));
    assert_eq!(phone.kept(), vec![UploadState::Pending; 2]);
}

#[test]
fn killed_anywhere_between_handing_over_and_the_verdict_it_is_there_once() {
    let mut ends = 0;
    for polls in 1.. {
        let phone = Phone::with_safe_backend();
        let ids = a_stop(&phone);
        let ended = run_until(&phone.clock, phone.core.hand_over(), polls).is_some();
        let phone = phone.killed(31);
        phone.system_sends(polls % 6);
        let _ = run_until(
            &phone.clock,
            phone.core.drain(WakeReason::Opened, None),
            polls,
        );
        let phone = phone.killed(32);
        phone.system_sends(9);
        phone.settle();
        let phone = phone.killed(33);
        phone.system_sends(9);
        phone.settle();
        assert_eq!(phone.order(), marks(&ids), "killed at poll {polls}");
        assert_eq!(phone.waiting(), 0, "killed at poll {polls}");
        ends += usize::from(ended);
        if ends > 40 {
            return;
        }
    }
}

#[test]
fn what_never_reached_the_system_is_in_doubt_and_goes_out_again() {
    let phone = Phone::with_safe_backend();
    let ids = a_stop(&phone);
    phone.core.host.system.deaf(true);
    phone.locked();
    let phone = phone.killed(21);
    phone.settle();
    assert_eq!(phone.order(), marks(&ids));
    assert_eq!(phone.waiting(), 0);
}

#[test]
fn a_no_holds_what_follows_and_gives_it_back() {
    let phone = Phone::with_safe_backend();
    let ids = a_stop(&phone);
    phone
        .backend
        .faults(|request| match request.url.contains("/scans") {
            true => Fault::Status(422),
            false => Fault::None,
        });
    phone.locked();
    phone.system_sends(9);
    assert_eq!(
        phone.kept(),
        [
            UploadState::Answered,
            UploadState::Answered,
            UploadState::Held,
            UploadState::Held,
        ]
    );
    let report = phone.drain(WakeReason::Visible);
    assert_eq!((report.settled, report.parked), (1, 1));
    assert_eq!(
        phone.states()[1..],
        [
            OperationStateName::Parked,
            OperationStateName::Waiting,
            OperationStateName::Waiting,
        ],
        "a person may correct or set aside what was not sent"
    );
    assert_eq!(phone.kept(), vec![]);
    phone.backend.faults(|_| Fault::None);
    run(&phone.clock, phone.core.retry(&ids[1])).expect("retries");
    phone.settle();
    assert_eq!(phone.order(), marks(&ids));
}

#[test]
fn an_answer_that_the_system_lost_is_asked_for_again_under_the_same_identity() {
    let phone = Phone::with_safe_backend();
    let ids = a_stop(&phone);
    phone
        .backend
        .faults(|request| match request.url.contains("/scans") {
            true => Fault::Cut,
            false => Fault::None,
        });
    phone.locked();
    phone.system_sends(9);
    phone.backend.faults(|_| Fault::None);
    phone.settle();
    assert_eq!(
        phone.order(),
        marks(&ids),
        "applied once although sent twice"
    );
}

#[test]
fn what_the_system_tells_twice_or_too_late_moves_nothing() {
    let phone = Phone::with_safe_backend();
    a_stop(&phone);
    phone.locked();
    phone.system_sends(1);
    phone.core.host.system.never_forgets(true);
    phone.drain(WakeReason::Visible);
    let again = phone.drain(WakeReason::Visible);
    assert_eq!((again.settled, again.waiting), (0, 3));
    // An answer for an attempt before this one: the head is another's by now.
    let mut old = phone.core.host.system.reports()[1].clone();
    old.attempt += 7;
    old.id = format!("{}-old", old.id);
    old.state = UploadState::Answered;
    old.status = 422;
    phone.core.host.system.tell(old);
    let again = phone.drain(WakeReason::Visible);
    assert_eq!((again.parked, again.waiting), (0, 3));
    phone.system_sends(9);
    assert_eq!(phone.drain(WakeReason::Visible).waiting, 0);
}

#[test]
fn nothing_is_taken_from_a_system_that_does_not_answer_until_its_day_is_over() {
    let phone = Phone::with_safe_backend();
    let ids = a_stop(&phone);
    phone.locked();
    phone.core.host.system.silent(true);
    let phone = phone.killed(21);
    assert_eq!(phone.drain(WakeReason::Opened).attempted, 0);
    phone.clock.advance(HANDED_MS + 1);
    phone.sign_in();
    phone.settle();
    assert_eq!(
        phone.order(),
        marks(&ids),
        "then it is sent as anything in doubt"
    );
    phone.core.host.system.silent(false);
    phone.drain(WakeReason::Visible);
    assert_eq!(phone.kept(), vec![], "and the system stops trying");
}

#[test]
fn who_sends_when_the_phone_is_locked_is_overtaken_and_his_answer_changes_nothing() {
    let phone = Phone::with_safe_backend();
    let ids = a_stop(&phone);
    let mut drain =
        pannier::testing::run::Frozen::new(phone.core.drain(WakeReason::Recorded, None));
    while phone.sent_by_us() == 0 {
        assert!(drain.run(&phone.clock, 1).is_none());
    }
    phone.locked();
    phone.system_sends(9);
    while drain.run(&phone.clock, 10).is_none() {}
    drop(drain);
    phone.settle();
    assert_eq!(phone.order(), marks(&ids));
}

#[test]
fn what_may_not_be_sent_twice_stays_and_so_does_what_needs_an_answer() {
    // The shipped profile's marks can be looked for, and may not be sent again unasked.
    let phone = Phone::new();
    a_stop(&phone);
    assert_eq!(phone.locked().attempted, 0);
    assert_eq!(phone.states(), vec![OperationStateName::Waiting; 4]);

    // A delivery that names its photos' ids waits for the answers that bring them.
    let mut profile = safe();
    let deliver_step = &mut profile["operations"]["deliver"]["steps"][0];
    deliver_step["request"]["body"]["json"]["seen"] = json!("$carried.photo#/0/outputs");
    let phone = Phone::new().going_by(&profile);
    phone.backend.honours(Honours::Header);
    a_stop(&phone);
    phone.done(scan("s1", "PN-s1-B"));
    let delivered: Intent = deliver("s1", ParcelFate::Failed);
    phone.done(delivered);
    assert_eq!(phone.locked().attempted, 5);
    assert_eq!(phone.states().last(), Some(&OperationStateName::Waiting));
}

#[test]
fn another_courier_s_answers_wait_for_him() {
    let phone = Phone::with_safe_backend();
    a_stop(&phone);
    phone.locked();
    phone.system_sends(9);
    run(&phone.clock, phone.core.sign_out(true)).expect("signs out");
    assert_eq!(phone.kept().len(), 4);
    phone.sign_in();
    let report = phone.drain(WakeReason::SignedIn);
    assert_eq!((report.settled, report.waiting), (4, 0));
}

/// An hour drawn from a seed: recording, drains, hand-overs, kills at any poll, a network that
/// loses, cuts and refuses, a system that sends twice, keeps silent, never got it or lost it all.
/// Then nothing goes wrong any more.
fn an_hour(seed: u64) {
    let dice = SeededIds::new(seed);
    let below = |n: u64| dice.next() % n;
    let mut phone = Phone::with_safe_backend();
    let mut recorded: Vec<(&str, OperationId)> = vec![];
    let weather = SeededIds::new(seed ^ 0x77);
    phone.backend.faults(move |_| match weather.next() % 10 {
        0 => Fault::Lost,
        1 => Fault::Cut,
        2 => Fault::Status(503),
        _ => Fault::None,
    });
    let mut lives = 100;
    for turn in 0..50_u8 {
        let stop = ["s1", "s2"][usize::from(below(2) == 1)];
        let polls = usize::try_from(below(120)).unwrap();
        let mut killed = false;
        match below(12) {
            0..=2 => recorded.push((stop, phone.done(note(stop, &format!("note {turn}"))))),
            3 => recorded.push((stop, phone.photo(stop, turn))),
            4 => {
                phone.drain(WakeReason::Visible);
            }
            5 => {
                phone.locked();
            }
            6 => {
                let _ = run_until(&phone.clock, phone.core.hand_over(), polls);
                killed = true;
            }
            7 => {
                let drain = phone.core.drain(WakeReason::Opened, None);
                let _ = run_until(&phone.clock, drain, polls);
                killed = true;
            }
            8 | 9 => {
                let system = phone.core.host.system.clone();
                if below(3) == 0 {
                    // Sent and cut off: it does so again.
                    let kept = system.kept();
                    let next = kept.iter().find(|k| k.1 == UploadState::Pending);
                    if let Some((upload, _)) = next {
                        let _ = phone.backend.handle(&upload.request);
                    }
                }
                phone.system_sends(1 + usize::try_from(below(4)).unwrap());
            }
            10 => phone.clock.advance(i64::try_from(below(90_000)).unwrap()),
            _ => {
                let system = &phone.core.host.system;
                system.deaf(below(3) == 0);
                system.silent(below(3) == 0);
                system.never_forgets(below(3) == 0);
                if below(4) == 0 {
                    system.loses_all();
                    killed = true;
                }
            }
        }
        if killed {
            lives += 1;
            phone = phone.killed(lives);
        }
    }
    phone.backend.healthy();
    let system = phone.core.host.system.clone();
    system.deaf(false);
    system.silent(false);
    system.never_forgets(false);
    for life in 0..3 {
        phone.system_sends(999);
        phone = phone.killed(1_000 + life);
        phone.sign_in();
        phone.settle();
    }
    assert_eq!(phone.waiting(), 0, "seed {seed}");
    assert_eq!(phone.kept(), [], "seed {seed}");
    for stop in ["s1", "s2"] {
        let effects = phone.backend.effects().into_iter();
        let arrived: Vec<String> = effects.filter(|e| e.stop == stop).map(|e| e.mark).collect();
        let of_stop = recorded.iter().filter(|(at, _)| *at == stop);
        let wanted: Vec<String> = of_stop.map(|(_, id)| id.0.clone()).collect();
        assert_eq!(arrived, wanted, "seed {seed}, {stop}");
    }
}

#[test]
fn whatever_system_network_and_killer_do_all_of_it_is_there_once_and_in_order() {
    (0..20).for_each(an_hour);
}
