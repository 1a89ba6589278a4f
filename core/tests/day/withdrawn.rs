//! A stop that the office takes away while work on it waits.

use crate::phone::{PROFILE, Phone, arrive, deliver, note};
use pannier::domain::ids::{OperationId, StopId};
use pannier::domain::parcel::ParcelFate;
use pannier::ports::drain::WakeReason;
use pannier::testing::backend::Fault;
use pannier::testing::run::run;
use serde_json::{Value, json};

fn policy(kind: &str, policy: &str) -> Phone {
    let mut profile: Value = serde_json::from_str(PROFILE).expect("reads");
    profile["operations"][kind]["onWithdrawn"] = json!(policy);
    Phone::new().going_by(&profile)
}

impl Phone {
    fn refreshed(&self) {
        self.clock.advance(1_000);
        run(&self.clock, self.core.refresh_route()).expect("refreshes");
    }
    fn codes(&self) -> Vec<String> {
        self.notices().into_iter().map(|(code, _)| code).collect()
    }
    fn posts(&self) -> Vec<String> {
        let sent = self.net.sent().into_iter().filter(|r| r.method == "POST");
        let paths = sent.filter_map(|r| r.url.split_once("/api/stops/").map(|(_, p)| p.to_owned()));
        paths.collect()
    }
    fn withdrawn(&self, stop: &str) -> Option<&'static str> {
        let view = run(&self.clock, self.core.stop(&StopId::new(stop))).expect("reads");
        view.expect("is kept").withdrawn
    }
}

fn parked(phone: &Phone, id: &OperationId) -> Option<String> {
    phone.reason(id).map(|(code, _)| code)
}

#[test]
fn a_delivery_before_the_cancellation_is_reported_and_the_courier_is_told() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    let id = phone.done(deliver("s1", ParcelFate::Delivered));
    phone.backend.set_status("s1", "cancelled");
    phone.refreshed();
    assert_eq!(phone.codes(), ["stop_cancelled"]);
    assert_eq!(phone.withdrawn("s1"), Some("cancelled"));
    phone.settle();
    assert_eq!(phone.posts()[0], "s1/arrive");
    // The backend has its say, in its own words, and the proof is kept.
    assert_eq!(phone.waiting(), 2);
    phone.backend.set_status("s1", "arrived");
    phone.refreshed();
    phone.settle();
    assert_eq!(phone.marks("complete"), [id.0]);
    assert_eq!(phone.codes(), ["stop_cancelled"], "told once");
}

#[test]
fn a_profile_has_a_way_of_its_own_for_stops_that_were_withdrawn() {
    let mut profile: Value = serde_json::from_str(PROFILE).expect("reads");
    let steps = profile["operations"]["deliver"]["steps"]
        .as_array_mut()
        .expect("a list");
    let mut late = steps[0].clone();
    steps[0]["when"] = json!({"of": "$stop.withdrawn", "exists": false});
    late["stepId"] = json!("late");
    late["when"] = json!({"of": "$stop.withdrawn", "eq": "cancelled"});
    late["request"]["url"] = json!("{+api}/api/stops/{stop}/late");
    late["outcomes"] = json!([{"when": {"status": [201]}, "then": "applied"}]);
    steps.push(late);
    let phone = Phone::new().going_by(&profile);
    phone.done(arrive("s1"));
    phone.settle();
    let id = phone.done(deliver("s1", ParcelFate::Delivered));
    phone.backend.set_status("s1", "cancelled");
    phone.refreshed();
    phone.settle();
    assert_eq!(phone.marks("late"), [id.0]);
    assert_eq!((phone.effects("complete").len(), phone.waiting()), (0, 0));
}

#[test]
fn where_nothing_was_finished_a_person_decides_before_another_s_stop_is_touched() {
    let phone = Phone::new();
    let arrived = phone.done(arrive("s1"));
    let said = phone.done(note("s1", "nobody answers"));
    phone.backend.remove_stop("s1");
    phone.refreshed();
    assert_eq!(phone.codes(), ["stop_gone"]);
    assert_eq!(phone.withdrawn("s1"), Some("gone"));
    phone.settle();
    assert_eq!(phone.posts(), Vec::<String>::new(), "nothing was sent");
    assert_eq!(parked(&phone, &arrived).as_deref(), Some("stop_withdrawn"));
    // He sets the arrival aside and sends the note all the same.
    run(
        &phone.clock,
        phone.core.discard(&arrived, "another courier has it"),
    )
    .expect("is set aside");
    phone.settle();
    assert_eq!(parked(&phone, &said).as_deref(), Some("stop_withdrawn"));
    run(&phone.clock, phone.core.retry(&said)).expect("is retried");
    phone.settle();
    assert_eq!(phone.posts(), ["s1/notes"]);
}

#[test]
fn a_stop_that_comes_back_sends_by_itself_what_was_held() {
    let phone = Phone::new();
    let id = phone.done(arrive("s1"));
    phone.backend.remove_stop("s1");
    phone.refreshed();
    phone.settle();
    assert_eq!(phone.waiting(), 1);
    phone.backend.set_status("s1", "assigned");
    phone.refreshed();
    phone.settle();
    assert_eq!((phone.marks("arrive"), phone.waiting()), (vec![id.0], 0));
}

#[test]
fn what_was_finished_at_a_stop_that_is_gone_is_reported() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.done(deliver("s1", ParcelFate::Delivered));
    let route = json!({"now": 0, "route": {"id": "r1"}, "stops": []});
    phone.backend.answer_route(route);
    phone.refreshed();
    assert_eq!(phone.codes(), ["stop_gone"]);
    phone.settle();
    assert_eq!((phone.effects("complete").len(), phone.waiting()), (1, 0));
}

#[test]
fn a_backend_that_lists_open_stops_alone_alarms_nobody() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.done(deliver("s1", ParcelFate::Delivered));
    phone.backend.faults(|r| match r.url.ends_with("/notes") {
        true => Fault::Status(500),
        false => Fault::None,
    });
    phone.done(note("s1", "with the neighbour"));
    phone.drain(WakeReason::Recorded);
    assert_eq!((phone.effects("complete").len(), phone.waiting()), (1, 1));
    phone
        .backend
        .answer_route(json!({"now": 0, "route": {"id": "r1"}, "stops": []}));
    phone.refreshed();
    assert_eq!(phone.notices(), []);
    phone.backend.healthy();
    phone.settle();
    assert_eq!((phone.marks("notes").len(), phone.waiting()), (1, 0));
}

#[test]
fn a_kind_may_be_held_or_sent_whatever_happened() {
    let held = policy("deliver", "hold");
    held.done(arrive("s1"));
    held.settle();
    let id = held.done(deliver("s1", ParcelFate::Delivered));
    held.backend.set_status("s1", "cancelled");
    held.refreshed();
    held.settle();
    assert_eq!(parked(&held, &id).as_deref(), Some("stop_withdrawn"));
    assert_eq!(held.effects("complete").len(), 0);

    let sent = policy("arrive", "send");
    sent.done(arrive("s1"));
    sent.backend
        .answer_route(json!({"now": 0, "route": {"id": "r1"}, "stops": []}));
    sent.refreshed();
    sent.settle();
    assert_eq!(sent.marks("arrive").len(), 1);
}

#[test]
fn what_may_have_arrived_before_is_asked_about_and_not_held() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "nobody answers"));
    let mut cut = true;
    phone.backend.faults(
        move |r| match r.url.ends_with("/notes") && std::mem::take(&mut cut) {
            true => Fault::Cut,
            false => Fault::None,
        },
    );
    phone.drain(WakeReason::Recorded);
    phone
        .backend
        .answer_route(json!({"now": 0, "route": {"id": "r1"}, "stops": []}));
    phone.refreshed();
    phone.settle();
    assert_eq!((phone.marks("notes"), phone.waiting()), (vec![id.0], 0));
}
