//! What a person corrects after it was recorded, and what is recorded twice.

use crate::phone::{Phone, arrive, deliver, fail, note, scan};
use pannier::domain::ids::{OperationId, StopId};
use pannier::domain::operation::Intent;
use pannier::domain::parcel::ParcelFate;
use pannier::engine::listing::OutboxItem;
use pannier::ports::drain::WakeReason;
use pannier::ports::recording::Receipt;
use pannier::ports::views::OutboxQuery;
use pannier::profile::http::Request;
use pannier::testing::backend::Fault;
use pannier::testing::net::json as answer;
use pannier::testing::run::run;
use serde_json::{Map, Value, json};

impl Phone {
    fn amend(&self, id: &OperationId, changes: Value) -> Result<Receipt, String> {
        let Value::Object(changes) = changes else {
            panic!("an object is expected")
        };
        run(&self.clock, self.core.amend(id, changes)).map_err(|e| e.code)
    }
    fn item(&self, id: &OperationId) -> OutboxItem {
        let page = run(&self.clock, self.core.outbox(OutboxQuery::default())).expect("lists");
        let item = page.items.into_iter().find(|i| i.id == *id);
        item.expect("is listed")
    }
    fn texts(&self) -> Vec<String> {
        let notes = self.effects("notes").into_iter();
        notes
            .map(|n| n.body["text"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
    fn shown_notes(&self) -> Vec<String> {
        let stop = run(&self.clock, self.core.stop(&StopId::new("s1"))).expect("reads");
        stop.expect("is there").notes
    }
    fn bytes(&self) -> u64 {
        run(&self.clock, self.core.status())
            .expect("reads")
            .bytes_waiting
    }
}

fn is_note(request: &Request) -> bool {
    request.method == "POST" && request.url.ends_with("/notes")
}

#[test]
fn what_was_not_tried_yet_is_corrected_in_its_place() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "left at the dor"));
    phone.done(note("s1", "second"));
    let fields: Map<_, _> = [("text".to_owned(), json!("left at the dor"))]
        .into_iter()
        .collect();
    assert_eq!(phone.item(&id).amend, Some(fields));
    let before = phone.bytes();
    let receipt = phone
        .amend(&id, json!({"text": "left at the door"}))
        .expect("is amended");
    assert_eq!((&receipt.operation, receipt.seq), (&id, 1));
    assert_eq!(phone.bytes(), before + 1);
    assert_eq!(phone.shown_notes(), ["second", "left at the door"]);
    phone.settle();
    assert_eq!(phone.texts(), ["left at the door", "second"]);
}

#[test]
fn a_correction_is_checked_as_a_recording_is() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "fine"));
    for (changes, code) in [
        (json!({"text": " "}), "text_missing"),
        (json!({"text": 7}), "changes_invalid"),
        (json!({"stop": "s2"}), "changes_invalid"),
        (json!({"kind": "arrive"}), "changes_invalid"),
    ] {
        assert_eq!(phone.amend(&id, changes).map(drop), Err(code.to_owned()));
    }
    let scanned = phone.done(scan("s1", "PN-s1-A"));
    assert_eq!(
        phone.amend(&scanned, json!({})).map(drop),
        Err("amend_unsupported".to_owned())
    );
    assert_eq!(phone.item(&scanned).amend, None);
    phone.settle();
    assert_eq!(
        phone.amend(&id, json!({"text": "late"})).map(drop),
        Err("operation_unknown".to_owned())
    );
    assert_eq!(phone.texts(), ["fine"]);
}

#[test]
fn an_outcome_is_corrected_before_it_goes_out() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    let id = phone.done(deliver("s1", ParcelFate::Delivered));
    phone
        .amend(&id, json!({"recipient": "Berta Lund"}))
        .expect("is amended");
    phone.settle();
    assert_eq!(phone.effects("complete")[0].body["recipient"], "Berta Lund");
    assert_eq!(phone.effects("complete").len(), 1);
}

#[test]
fn what_is_parked_is_replaced_and_not_sent_again() {
    let phone = Phone::new();
    let backend = phone.backend.clone();
    phone.net.answer_with(move |r| match &r.body {
        pannier::profile::http::Body::Json(text) if is_note(r) && text.contains("rude") => answer(
            422,
            &json!({"error": {"code": "words", "message": "mind your words"}}),
        ),
        _ => backend.handle(r),
    });
    let id = phone.done(note("s1", "rude"));
    phone.done(note("s1", "second"));
    phone.settle();
    assert_eq!(phone.reason(&id).expect("is parked").0, "invalid");
    let sent = phone.net.sent().len();
    let receipt = phone
        .amend(&id, json!({"text": "kind"}))
        .expect("is amended");
    assert_ne!(receipt.operation, id);
    let (old, new) = (phone.item(&id), phone.item(&receipt.operation));
    assert_eq!(
        (old.state.name(), old.superseded_by.as_ref()),
        ("discarded", Some(&new.id))
    );
    assert_eq!(
        (old.said, new.supersedes.as_ref()),
        (pannier::engine::listing::ItemSaid::Replaced, Some(&id))
    );
    assert_eq!(old.reason.expect("is kept").code, "invalid");
    assert_eq!(phone.shown_notes(), ["second", "kind"]);
    phone.settle();
    assert_eq!(
        (phone.texts(), phone.waiting()),
        (vec!["second".to_owned(), "kind".to_owned()], 0)
    );
    let again = phone.net.sent()[sent..]
        .iter()
        .filter(|r| is_note(r))
        .count();
    assert_eq!(again, 2, "the rude one does not go out again");
}

/// Corrects a note while it is in doubt.
fn in_doubt(lands: bool) -> (Phone, OperationId, OperationId) {
    let phone = Phone::new();
    let mut first = true;
    phone
        .backend
        .faults(move |r| match is_note(r) && std::mem::take(&mut first) {
            true if lands => Fault::Cut,
            true => Fault::Lost,
            false => Fault::None,
        });
    let id = phone.done(note("s1", "old"));
    phone.drain(WakeReason::Recorded);
    assert_eq!(phone.item(&id).state.name(), "in_doubt");
    let new = phone
        .amend(&id, json!({"text": "new"}))
        .expect("is amended")
        .operation;
    assert_eq!(
        phone.item(&id).state.name(),
        "in_doubt",
        "it keeps its course"
    );
    assert_eq!(phone.item(&id).amend, None, "once");
    phone.settle();
    (phone, id, new)
}

#[test]
fn a_correction_that_landed_unseen_is_made_once_and_told() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "left at the dor"));
    phone.backend.faults(|r| match is_note(r) {
        true => Fault::Status(422),
        false => Fault::None,
    });
    phone.settle();
    phone.backend.healthy();
    phone.core.host.store.repeat_next_commit();
    let made = phone.amend(&id, json!({"text": "left at the door"}));
    let made = made.expect("is made").operation;
    phone.settle();
    assert_eq!(phone.marks("notes"), [made.0]);
    assert_eq!(phone.texts(), ["left at the door"]);
}

#[test]
fn what_may_have_arrived_is_asked_about_and_its_correction_goes_out_after_it() {
    let (phone, id, new) = in_doubt(true);
    assert_eq!(phone.texts(), ["old", "new"]);
    assert_eq!(
        (phone.item(&id).state.name(), phone.item(&new).state.name()),
        ("settled", "settled")
    );
}

#[test]
fn what_turns_out_not_to_have_arrived_is_replaced() {
    let (phone, id, new) = in_doubt(false);
    assert_eq!(phone.texts(), ["new"]);
    assert_eq!(
        (phone.item(&id).state.name(), phone.item(&new).state.name()),
        ("discarded", "settled")
    );
    assert_eq!(phone.shown_notes(), ["new"]);
}

#[test]
fn a_parked_outcome_is_replaced_and_the_stop_shows_the_correction() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    let backend = phone.backend.clone();
    let mut once = true;
    phone.net.answer_with(
        move |r| match r.url.ends_with("/fail") && std::mem::take(&mut once) {
            true => answer(
                422,
                &json!({"error": {"code": "reason", "message": "no such reason"}}),
            ),
            false => backend.handle(r),
        },
    );
    let id = phone.done(fail("s1"));
    phone.settle();
    assert_eq!(phone.reason(&id).expect("is parked").0, "invalid");
    phone
        .amend(&id, json!({"reason": "refused"}))
        .expect("is amended");
    phone.settle();
    assert_eq!(phone.effects("fail")[0].body["reason"], "refused");
    assert_eq!((phone.effects("fail").len(), phone.waiting()), (1, 0));
}

#[test]
fn a_double_tap_is_one_recording_whatever_it_is() {
    let phone = Phone::new();
    let cash = || Intent::Custom {
        name: "cash_collected".into(),
        stop: Some(StopId::new("s1")),
        fields: [("amount".to_owned(), json!(20))].into_iter().collect(),
    };
    let twice = |intent: Intent| {
        let record =
            || run(&phone.clock, phone.core.record(intent.clone(), None)).expect("records");
        let (first, second) = (record(), record());
        assert!(!first.duplicate && second.duplicate, "{intent:?}");
        assert_eq!((first.operation, first.seq), (second.operation, second.seq));
    };
    twice(note("s1", "at the door"));
    twice(arrive("s1"));
    twice(cash());
    twice(scan("s1", "PN-s1-A"));
    twice(deliver("s1", ParcelFate::Failed));
    let waiting = phone.waiting();
    assert_eq!(waiting, 5);
    // The same words once more, later, are meant.
    phone.clock.advance(60_000);
    phone.done(note("s1", "at the door"));
    phone.done(cash());
    assert_eq!(phone.waiting(), waiting + 2);
}

#[test]
fn the_same_outcome_twice_is_one_and_another_one_is_refused() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    let id = phone.done(deliver("s1", ParcelFate::Failed));
    phone.done(note("s1", "something between"));
    phone.clock.advance(600_000);
    let again = run(
        &phone.clock,
        phone.core.record(deliver("s1", ParcelFate::Failed), None),
    )
    .expect("records");
    assert!(again.duplicate);
    assert_eq!(again.operation, id);
    assert_eq!(
        phone.record(deliver("s1", ParcelFate::Delivered)),
        Err("stop_closed".to_owned())
    );
}
