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
