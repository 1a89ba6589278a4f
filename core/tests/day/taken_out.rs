//! Work that left the phone as a file may be sent by whoever has the file: the phone asks before it
//! sends any of it.

use crate::phone::{PROFILE, Phone, arrive, deliver, note, open};
use pannier::domain::ids::{AccountId, BlobHandle};
use pannier::domain::parcel::ParcelFate;
use pannier::ports::Driver;
use pannier::ports::blobs::Blobs;
use pannier::ports::drain::WakeReason;
use pannier::ports::store::{Commit, Durability, Envelope, Key, Query, Store, StoreError, Table};
use pannier::testing::backend::Fault;
use pannier::testing::host::TestHost;
use pannier::testing::run::run;
use serde_json::{Value, json};

fn export(phone: &Phone) -> Value {
    run(&phone.clock, phone.core.export(None)).expect("exports")
}

/// Another device with everything that lies on this phone now.
fn office(phone: &Phone) -> Driver<TestHost> {
    let host = TestHost::new(&phone.clock, &phone.net, 99);
    let copying = async {
        let from = &phone.core.host.store;
        for table in Table::ALL {
            let found = from.read(&[Query::under(table, Key::default())]).await?;
            let mut commit = Commit::new(Durability::Strict);
            for record in found.concat() {
                let envelope = Envelope::clone(&record.envelope);
                commit.puts.push((table, record.key, envelope));
            }
            host.store.commit(commit).await?;
        }
        let anna = AccountId::new("anna");
        let known = Query::under(Table::Blobs, Key::new("anna"));
        for record in host.store.read(&[known]).await?.concat() {
            let body: Value = serde_json::from_str(&record.envelope.body).expect("is JSON");
            let handle = BlobHandle::new(body["handle"].as_str().expect("has one"));
            let (kind, bytes) = from.bytes(&anna, &handle).await?.expect("has bytes");
            host.store.stage(&anna, handle, &kind, bytes, 1).await?;
        }
        Ok::<(), StoreError>(())
    };
    run(&phone.clock, copying).expect("copies");
    open(&phone.clock, host, PROFILE)
}

/// Records a whole stop where nothing gets out.
fn a_stop_without_signal() -> Phone {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    phone.done(arrive("s1"));
    phone.photo("s1", 1);
    phone.done(note("s1", "with the neighbour"));
    phone.done(deliver("s1", ParcelFate::Delivered));
    phone.done(note("s2", "the bell is broken"));
    phone
}

#[test]
fn what_was_sent_from_the_file_is_found_and_not_sent_again() {
    let phone = a_stop_without_signal();
    let office = office(&phone);
    export(&phone);
    phone.backend.healthy();
    let report = run(&phone.clock, office.close_shift(None)).expect("drains");
    assert!(report.clear, "{}", report.unsent);
    let there = phone.backend.effects();
    assert_eq!(there.len(), 5);
    phone.settle();
    assert_eq!(phone.waiting(), 0);
    assert_eq!(phone.backend.effects(), there, "nothing came twice");
    assert!(phone.notices().is_empty());
}

#[test]
fn what_nobody_sent_goes_out_once_the_backend_was_asked() {
    let phone = a_stop_without_signal();
    export(&phone);
    phone.backend.healthy();
    let before = phone.net.sent().len();
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 5);
    let first = &phone.net.sent()[before..];
    let first = first.iter().find(|r| !r.url.ends_with("/health"));
    assert_eq!(first.expect("something is sent").method, "GET");
}

#[test]
fn what_is_recorded_after_the_file_is_not_in_it_and_goes_out_unasked() {
    let phone = Phone::new();
    phone.done(note("s1", "before"));
    let index = export(&phone);
    assert_eq!(index["operations"].as_array().map(Vec::len), Some(1));
    assert_eq!(index["noted"], true);
    phone.settle();
    let before = phone.net.sent().len();
    phone.done(note("s2", "after"));
    phone.drain(WakeReason::Recorded);
    assert_eq!(phone.net.sent()[before].method, "POST");
    assert_eq!(phone.backend.effects().len(), 2);
}

#[test]
fn a_backend_that_cannot_be_asked_leaves_it_to_a_person() {
    let mut profile: Value = serde_json::from_str(PROFILE).expect("is JSON");
    profile["revision"] = json!("without-probe");
    let step = &mut profile["operations"]["note"]["steps"][0];
    step.as_object_mut().expect("is a step").remove("probe");
    step["identity"] = json!({ "kind": "none" });
    let phone = Phone::new().going_by(&profile);
    let id = phone.done(note("s1", "once"));
    export(&phone);
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 0);
    assert_eq!(phone.reason(&id).expect("is parked").0, "in_doubt");
    run(&phone.clock, phone.core.retry(&id)).expect("retries");
    phone.settle();
    assert_eq!(phone.marks("notes"), [id.0]);
}

#[test]
fn a_store_that_takes_no_writes_still_lets_the_work_out_and_says_so() {
    let phone = a_stop_without_signal();
    phone.core.host.store.read_only(StoreError::Quota);
    let index = export(&phone);
    assert_eq!(index["noted"], false);
    assert_eq!(index["operations"].as_array().map(Vec::len), Some(5));
}

#[test]
fn a_drain_that_read_before_the_file_was_made_asks_all_the_same() {
    let phone = Phone::new();
    phone.done(note("s1", "amid"));
    let store = phone.core.host.store.clone();
    let office = office(&phone);
    let (clock, other) = (phone.clock.clone(), phone.tab(31));
    // Between this drain's look at the lane and its attempt, another tab makes the file.
    let done = std::cell::Cell::new(false);
    store.meets(move |_, commit| {
        let attempt = commit.is_some_and(|c| c.puts.iter().any(|p| p.2.body.contains("in_flight")));
        if attempt && !done.replace(true) {
            run(&clock, other.export(None)).expect("exports");
            run(&clock, office.close_shift(None)).expect("sends");
        }
        None
    });
    phone.settle();
    assert_eq!(phone.backend.effects().len(), 1);
}
