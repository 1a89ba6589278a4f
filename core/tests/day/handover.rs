//! A phone changes hands: what another account sees, what a shift leaves, what an export holds, and
//! the whole history of one operation.

use crate::phone::{JPEG, Phone, arrive, deliver, fail, note};
use pannier::domain::ids::{BlobHandle, OperationId, StopId};
use pannier::domain::json::ToJson;
use pannier::domain::parcel::ParcelFate;
use pannier::engine::listing::Advice;
use pannier::ports::clock::Clock;
use pannier::ports::drain::{Stopped, WakeReason};
use pannier::ports::store::Table;
use pannier::testing::backend::Fault;
use pannier::testing::run::run;
use serde_json::{Map, Value, json};

fn history(phone: &Phone, id: &OperationId) -> Value {
    let history = run(&phone.clock, phone.core.history(id)).expect("has a history");
    history.to_json()
}
fn export(phone: &Phone, of: Option<&str>) -> Value {
    run(&phone.clock, phone.core.export(of)).expect("exports")
}
fn staged(phone: &Phone) -> BlobHandle {
    let staging = phone
        .core
        .stage(JPEG, JPEG.len() as u64 + 1, [JPEG, b"d"].concat());
    run(&phone.clock, staging).expect("stages").handle
}

#[test]
fn the_whole_history_of_an_operation_is_kept_and_each_attempt_costs_the_same() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "again and again"));
    phone.backend.faults(|r| match &*r.method {
        "POST" => Fault::Status(503),
        _ => Fault::None,
    });
    for _ in 0..60 {
        phone.clock.advance(120_000);
        phone.drain(WakeReason::Timer);
    }
    let told = history(&phone, &id);
    let attempts = told["attempts"].as_array().expect("is a list");
    assert!(attempts.len() >= 60, "{}", attempts.len());
    for (i, attempt) in attempts.iter().enumerate() {
        assert_eq!(attempt["number"], i + 1, "none is missing");
        assert_eq!(attempt["trigger"], "timer");
        assert!(attempt["startedAt"].is_number() && attempt["endedAt"].is_number());
    }
    let sends = attempts.iter().filter(|a| a["purpose"] == "send");
    for attempt in sends.clone() {
        assert_eq!(attempt["status"], 503);
        assert_eq!(attempt["verdict"], "in_doubt");
    }
    assert!(sends.count() > 20);
    let probe = attempts.iter().find(|a| a["purpose"] == "probe");
    assert_eq!(probe.map(|a| &a["verdict"]), Some(&json!("not_found")));
    assert_eq!(told["item"]["attempts"], attempts.len());
    // The operation itself holds no more than two pages of them.
    let op = phone.core.host.store.body(Table::Operations, 0);
    let op: Value = serde_json::from_str(&op).expect("is JSON");
    assert!(op["attempts"].as_array().is_some_and(|a| a.len() < 40));

    phone.backend.healthy();
    phone.clock.advance(120_000);
    phone.settle();
    let told = history(&phone, &id);
    assert_eq!(told["item"]["state"], "settled");
    let attempts = told["attempts"].as_array().expect("is a list");
    assert!(attempts.len() > 60);
    let yes = attempts.iter().rev().find(|a| a["purpose"] != "count");
    assert_eq!(yes.expect("is there")["verdict"], "applied");
}

#[test]
fn the_history_says_what_the_backend_said_and_an_unknown_operation_is_refused() {
    let phone = Phone::new();
    let id = phone.done(note("s1", "x"));
    phone.backend.faults(|r| match &*r.method {
        "POST" => Fault::Status(422),
        _ => Fault::None,
    });
    phone.drain(WakeReason::Recorded);
    let told = history(&phone, &id);
    assert_eq!(told["attempts"][0]["status"], 422);
    assert_eq!(told["attempts"][0]["said"], "a fault");
    assert_eq!(told["item"]["state"], "parked");
    assert_eq!(told["item"]["advice"], "correct_or_discard");
    let unknown = run(
        &phone.clock,
        phone.core.history(&OperationId::new("018bcfe5-no")),
    );
    assert_eq!(unknown.map_err(|e| e.code), Err("operation_unknown".into()));
}

#[test]
fn another_account_sees_that_work_is_here_and_neither_reads_nor_sends_it() {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    phone.done(arrive("s1"));
    phone.photo("s1", 7);
    phone.drain(WakeReason::Recorded);
    phone.backend.healthy();
    phone.backend.person("omar", "Omar Haddad");
    phone.sign_in();
    let others = run(&phone.clock, phone.core.others()).expect("lists");
    assert_eq!(others.len(), 1);
    let other = &others[0];
    assert_eq!((other.waiting, other.whose.as_str()), (2, "Anna"));
    assert!(other.bytes > 9 && other.oldest_at.is_some());
    assert!(!other.reference.contains("anna"), "the id is not told");
    let status = run(&phone.clock, phone.core.status()).expect("reads");
    assert_eq!((status.waiting, status.other_accounts), (0, 2));
    let page = run(&phone.clock, phone.core.outbox(Default::default())).expect("lists");
    assert_eq!(page.items, []);
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 0, "nothing of hers is sent");
    // The tokens of the first account are gone from the device.
    let kept = phone.core.host.store.dump();
    assert!(!kept.contains("token-1"), "her token is not kept");
    assert!(phone.record(note("s1", "his own")).is_err());

    phone.backend.person("anna", "Anna");
    phone.sign_in();
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 2, "hers go out with her");
    let others = run(&phone.clock, phone.core.others()).expect("lists");
    assert_eq!(others, []);
}

#[test]
fn a_name_is_told_as_a_first_name_and_an_initial() {
    let phone = Phone::new();
    phone.backend.person("anna", "Anna Maria Lindqvist");
    phone.sign_in();
    phone.backend.faults(|_| Fault::Lost);
    phone.done(note("s1", "x"));
    run(&phone.clock, phone.core.sign_out(true)).expect("signs out");
    let others = run(&phone.clock, phone.core.others()).expect("lists, signed out too");
    assert_eq!(others[0].whose, "Anna L.");
}

#[test]
fn closing_a_shift_sends_what_it_can_and_says_what_is_left_by_stop() {
    let phone = Phone::new();
    phone.done(arrive("s2"));
    let refused = phone.done(note("s1", "refused"));
    let behind = phone.done(note("s1", "behind it"));
    phone.backend.faults(|r| match &*r.url {
        url if url.ends_with("/s1/notes") && r.method == "POST" => Fault::Status(422),
        _ => Fault::None,
    });
    let handle = staged(&phone);
    let draft = phone
        .core
        .save_draft(StopId::new("s3"), vec![handle], Map::new());
    run(&phone.clock, draft).expect("keeps");
    let close = run(&phone.clock, phone.core.close_shift(None)).expect("closes");
    assert!(!close.clear);
    assert_eq!((close.unsent, close.unfinished.len()), (2, 1));
    let ids: Vec<_> = close.items.iter().map(|i| i.id.clone()).collect();
    assert_eq!(ids, [refused.clone(), behind], "s2's arrival was sent");
    assert_eq!(
        close.items[0].state,
        pannier::engine::listing::OperationStateName::Parked
    );
    assert!(close.items[0].advice.is_some() && close.items[1].advice.is_some());
    assert_eq!(close.unfinished[0].stop, StopId::new("s3"));
    assert_eq!(close.unfinished[0].photos, 1);

    phone.backend.healthy();
    run(&phone.clock, phone.core.retry(&refused)).expect("retries");
    let draft = phone.core.save_draft(StopId::new("s3"), vec![], Map::new());
    run(&phone.clock, draft).expect("clears");
    let close = run(&phone.clock, phone.core.close_shift(None)).expect("closes");
    assert!(close.clear, "{} {:?}", close.unsent, close.items);
    assert_eq!(close.unsent, 0);
    assert_eq!(phone.backend.effects().len(), 3);
}

#[test]
fn a_shift_that_another_sign_in_overtakes_is_not_said_to_be_clear() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.backend.faults(|r| match r.url.ends_with("/arrive") {
        true => Fault::Status(503),
        false => Fault::None,
    });
    phone.backend.person("omar", "Omar Haddad");
    let closing = phone.core.close_shift(None);
    let other = async {
        phone.clock.sleep(500).await;
        let credentials = json!({"username": "omar", "password": "packet123"});
        let Value::Object(credentials) = credentials else {
            unreachable!()
        };
        phone.core.sign_in(credentials).await.expect("signs in");
    };
    let (closed, ()) = run(&phone.clock, futures_util::future::join(closing, other));
    assert_eq!(
        closed.map(|c| c.unsent).map_err(|e| e.code),
        Err("signed_out".to_owned())
    );
}

#[test]
fn a_shift_that_cannot_be_closed_says_why() {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    phone.done(note("s1", "x"));
    let close = run(&phone.clock, phone.core.close_shift(None)).expect("closes");
    assert_eq!(close.stopped, Stopped::Unreachable);
    assert_eq!(close.items[0].advice, Some(Advice::GoToSignal));
    phone.backend.healthy();
    phone.backend.expire_tokens(true);
    phone.clock.advance(120_000);
    let close = run(&phone.clock, phone.core.close_shift(None)).expect("closes");
    assert_eq!(close.stopped, Stopped::SignIn);
    assert_eq!(close.items[0].advice, Some(Advice::SignIn));
}

#[test]
fn an_export_holds_everything_unsettled_and_set_aside_and_no_token() {
    let phone = Phone::new();
    phone.done(arrive("s1"));
    phone.settle();
    // The backend echoes the very token it refuses to act on.
    phone.net.answer_with({
        let backend = phone.backend.clone();
        move |request| {
            if request.method == "POST" && request.url.ends_with("/s1/notes") {
                let token = request
                    .headers
                    .iter()
                    .find(|(n, _)| n.eq_ignore_ascii_case("authorization"));
                let said = json!({"error": {"code": "odd", "message": token.map(|t| &t.1)}});
                return pannier::testing::net::json(422, &said);
            }
            match request.method == "POST" {
                true => pannier::testing::net::dead(),
                false => backend.handle(request),
            }
        }
    });
    let parked = phone.done(note("s1", "odd answer"));
    phone.drain(WakeReason::Recorded);
    let photo = phone.photo("s2", 5);
    let gone = phone.done(note("s2", "set aside"));
    run(&phone.clock, phone.core.discard(&gone, "a test")).expect("discards");
    let spoilt = phone.done(note("s3", "spoilt"));
    phone.core.host.store.spoil_body(&spoilt.0);
    run(&phone.clock, phone.core.outbox(Default::default())).expect("lists");
    let drafted = staged(&phone);
    let draft = phone
        .core
        .save_draft(StopId::new("s4"), vec![drafted.clone()], Map::new());
    run(&phone.clock, draft).expect("keeps");

    let index = export(&phone, None);
    assert_eq!(index["id"], "anna");
    let ops = index["operations"].as_array().expect("is a list");
    let of = |id: &OperationId| ops.iter().find(|o| o["id"] == id.as_str());
    assert_eq!(ops.len(), 3, "the settled arrival is not in it");
    let odd = of(&parked).expect("is exported");
    assert_eq!(
        (&odd["kind"], &odd["title"]),
        (
            &json!("note"),
            &json!({"code": "note", "text": "odd answer"})
        )
    );
    assert_eq!(odd["lane"], "stop/s1");
    assert_eq!(odd["state"]["is"], "parked");
    assert_eq!(odd["attempts"][0]["status"], 422);
    assert_eq!(of(&gone).expect("is exported")["state"]["reason"], "a test");
    let photo = of(&photo).expect("is exported");
    let blobs = index["blobs"].as_array().expect("is a list");
    let blob = |handle: &Value| blobs.iter().find(|b| b["handle"] == *handle);
    let its = blob(&photo["blob"]["handle"]).expect("is listed");
    assert_eq!(its["sha256"], photo["blob"]["sha256"]);
    assert_eq!(its["mediaType"], "image/jpeg");
    assert!(blob(&json!(drafted.0)).is_some());
    assert_eq!(index["drafts"][0]["stop"], "s4");
    let raw = index["unreadable"].as_array().expect("is a list");
    assert_eq!(raw.len(), 1);
    assert!(
        raw[0]["body"]
            .as_str()
            .is_some_and(|b| b.contains(&spoilt.0))
    );
    let profiles = index["profiles"].as_array().expect("is a list");
    assert!(
        profiles
            .iter()
            .all(|p| p["document"].is_string() && p["secrets"].is_null())
    );
    let text = index.to_string();
    assert!(!text.contains("token-"), "no token leaves the phone");
    assert!(text.contains("Bearer ***"));
}

#[test]
fn another_account_s_work_is_exported_by_its_reference() {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    let hers = phone.done(note("s1", "hers"));
    run(&phone.clock, phone.core.sign_out(true)).expect("signs out");
    let refused = run(&phone.clock, phone.core.export(None));
    assert_eq!(refused.map_err(|e| e.code), Err("signed_out".into()));
    let refused = run(&phone.clock, phone.core.export(Some("42")));
    assert_eq!(refused.map_err(|e| e.code), Err("account_unknown".into()));
    let others = run(&phone.clock, phone.core.others()).expect("lists");
    let index = export(&phone, Some(&others[0].reference));
    assert_eq!(index["operations"][0]["id"], hers.as_str());
    assert_eq!(index["id"], "anna");
    assert_eq!(
        index["stops"].as_array().map(Vec::len),
        Some(1),
        "the stop it needs is still here"
    );
}

#[test]
fn health_counts_and_names_nobody() {
    let phone = Phone::new();
    let at = |core: &pannier::ports::Driver<_>| run(&phone.clock, core.health()).expect("tells");
    let fresh = at(&phone.core);
    assert_eq!((fresh.waiting, fresh.last_success_at), (0, None));
    phone.done(arrive("s1"));
    phone.settle();
    phone.backend.faults(|r| match &*r.url {
        url if url.ends_with("/s1/complete") => Fault::Status(409),
        url if url.ends_with("/s2/fail") => Fault::Status(422),
        _ => Fault::None,
    });
    phone.done(deliver("s1", ParcelFate::Delivered));
    phone.done(arrive("s2"));
    phone.done(fail("s2"));
    phone.drain(WakeReason::Recorded);
    let health = at(&phone.core);
    assert_eq!(health.waiting, 2);
    let mut parked = health.parked.clone();
    parked.sort();
    assert_eq!(parked, ["conflict", "invalid"]);
    assert!(health.last_success_at.is_some() && health.oldest_waiting_at.is_some());
    let told = pannier::domain::json::to_text(&health);
    for personal in ["anna", "Anna", "s1", "Street"] {
        assert!(!told.contains(personal), "{told}");
    }
}
