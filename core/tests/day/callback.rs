//! What data cannot say: functions of the host build a request and judge an answer, within bounds.

use crate::phone::{PROFILE, Phone, note};
use pannier::engine::listing::OperationStateName;
use pannier::ports::drain::{Stopped, WakeReason};
use pannier::ports::views::OutboxQuery;
use pannier::testing::run::run;
use serde_json::{Value, json};

/// Notes are signed by the host, and their answer is a yes when the host says so.
fn signed() -> Value {
    let mut profile: Value = serde_json::from_str(PROFILE).unwrap();
    let step = &mut profile["operations"]["note"]["steps"][0];
    step["host"] = json!({"request": "sign", "answer": "receipt"});
    step["outcomes"] = json!([
        {"when": {"status": [201], "body": {"of": "$host", "at": "#/valid", "eq": true}}, "then": "applied"}
    ]);
    step["outputs"] = json!({"receipt": "$host.number"});
    step["identity"] = json!({"kind": "naturalKey"});
    step.as_object_mut().unwrap().remove("probe");
    profile
}

impl Phone {
    fn lends(&self, name: &str, function: impl Fn(Value) -> Option<Value> + 'static) {
        let mut functions = self.core.host.functions.borrow_mut();
        functions.retain(|(known, _)| known != name);
        functions.push((name.to_owned(), Box::new(function)));
    }
    fn lends_both(&self) {
        self.lends("sign", |given| {
            let kind = given["operation"]["kind"].as_str()?;
            let length = given["request"]["body"].as_str()?.len();
            Some(json!({"headers": {"X-Signature": format!("{kind}-{length}")}}))
        });
        self.lends("receipt", |given| {
            let status = given["answer"]["status"].as_i64()?;
            Some(json!({"valid": status == 201, "number": "R-7"}))
        });
    }
    fn first(&self) -> (OperationStateName, Option<String>) {
        let page = run(&self.clock, self.core.outbox(OutboxQuery::default())).expect("lists");
        let item = page.items.into_iter().next().expect("is listed");
        (item.state, item.reason.map(|r| r.code))
    }
}

#[test]
fn the_host_signs_a_request_and_says_what_the_answer_is() {
    let phone = Phone::new().going_by(&signed());
    phone.lends_both();
    let id = phone.done(note("s1", "Rang twice"));
    let report = phone.drain(WakeReason::Recorded);
    assert_eq!((report.settled, report.stopped), (1, Stopped::Idle));
    let sent = phone.net.sent();
    let request = sent
        .iter()
        .find(|r| r.url.ends_with("/notes"))
        .expect("is sent");
    let signature = request
        .headers
        .iter()
        .find(|(name, _)| name == "X-Signature");
    assert!(signature.is_some_and(|(_, text)| text.starts_with("note-")));
    let history = run(&phone.clock, phone.core.history(&id)).expect("reads");
    let steps = pannier::domain::json::ToJson::to_json(&history)["steps"].clone();
    assert_eq!(steps[0]["outputs"], json!({"receipt": "R-7"}));
}

#[test]
fn where_the_host_lacks_the_functions_the_lane_waits_and_says_so() {
    let phone = Phone::new().going_by(&signed());
    phone.done(note("s1", "Rang twice"));
    let report = phone.drain(WakeReason::Push);
    assert_eq!((report.attempted, report.stopped), (0, Stopped::HostNeeded));
    assert!(
        report
            .next_wake_at
            .is_some_and(|at| at >= phone.now() + 50_000),
        "and not in a hurry"
    );
    assert_eq!(phone.first().0, OperationStateName::Waiting);
    phone.lends_both();
    assert_eq!(
        phone.drain(WakeReason::Visible).settled,
        1,
        "the page that has them sends it"
    );
}

#[test]
fn a_host_that_fails_or_does_what_it_may_not_sends_nothing() {
    for given in [
        None,
        Some(json!("no object")),
        Some(json!({"method": "DELETE"})),
    ] {
        let phone = Phone::new().going_by(&signed());
        phone.lends_both();
        phone.lends("sign", move |_| given.clone());
        let before = phone.net.sent().len();
        phone.done(note("s1", "Rang twice"));
        assert_eq!(phone.drain(WakeReason::Recorded).parked, 1);
        assert_eq!(
            phone.first(),
            (OperationStateName::Parked, Some("host_failed".to_owned()))
        );
        assert_eq!(phone.net.sent().len(), before);
    }
}

#[test]
fn without_the_host_s_word_on_an_answer_no_rule_takes_it_for_a_yes() {
    let phone = Phone::new().going_by(&signed());
    phone.lends_both();
    phone.lends("receipt", |_| None);
    phone.done(note("s1", "Rang twice"));
    assert_eq!(phone.drain(WakeReason::Recorded).settled, 0);
    assert_eq!(
        phone.first(),
        (OperationStateName::Parked, Some("unmatched".to_owned()))
    );
}
