//! A phone is gone while the operating system still has what it was handed: the desk sends it, the
//! system sends it too, the phone comes back, and everything is there once and in its order.

// A test says what it expects by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use desk_rescue::archive::Archive;
use desk_rescue::load::load;
use desk_rescue::store::SqliteStore;
use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::{AccountId, StopId};
use pannier::domain::json::to_text;
use pannier::domain::operation::Intent;
use pannier::engine::listing::OperationStateName;
use pannier::ports::drain::WakeReason;
use pannier::ports::views::OutboxQuery;
use pannier::ports::{Driver, Host};
use pannier::testing::backend::{Backend, Honours};
use pannier::testing::clock::{SeededIds, TestClock};
use pannier::testing::host::TestHost;
use pannier::testing::memory::MemoryLock;
use pannier::testing::net::TestNet;
use pannier::testing::run::run;
use serde_json::{Map, Value, json};
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const PROFILE: &str = include_str!("../../../profiles/sandbox.json");

struct Desk {
    store: SqliteStore,
    net: TestNet,
    clock: TestClock,
    ids: SeededIds,
    lock: MemoryLock,
}

impl Host for Desk {
    type Store = SqliteStore;
    type Blobs = SqliteStore;
    type Net = TestNet;
    type Clock = TestClock;
    type Ids = SeededIds;
    type Lock = MemoryLock;
    fn store(&self) -> &SqliteStore {
        &self.store
    }
    fn blobs(&self) -> &SqliteStore {
        &self.store
    }
    fn net(&self) -> &TestNet {
        &self.net
    }
    fn clock(&self) -> &TestClock {
        &self.clock
    }
    fn ids(&self) -> &SeededIds {
        &self.ids
    }
    fn lock(&self) -> &MemoryLock {
        &self.lock
    }
    fn changed(&self, _: u64) {}
}

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

fn open<H: Host>(clock: &TestClock, host: H) -> Driver<H> {
    let servers = [("api".to_owned(), "http://backend".to_owned())]
        .into_iter()
        .collect();
    let profile = Some(safe().to_string());
    run(
        clock,
        Driver::open(host, profile, servers, Dictionary::default()),
    )
    .expect("opens")
}

fn credentials() -> Map<String, Value> {
    [("username", "anna"), ("password", "packet123")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// What `pannier/export` makes of the core's records, in an archive.
fn archive(told: &Value) -> Archive {
    let mut index = told.clone();
    index["format"] = "pannier-export".into();
    index["version"] = 1.into();
    index["account"] = json!({ "id": told["id"] });
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    zip.start_file("index.json", SimpleFileOptions::default())
        .expect("begins");
    zip.write_all(to_text(&index).as_bytes()).expect("writes");
    let bytes = zip.finish().expect("ends").into_inner();
    Archive::open(bytes, None).expect("is an export")
}

#[test]
fn what_the_system_of_a_lost_phone_has_is_sent_by_the_desk_and_there_once() {
    let clock = TestClock::default();
    let backend = Backend::new();
    backend.honours(Honours::Header);
    let twin = backend.clone();
    let net = TestNet::new(&clock, move |request| twin.handle(request));
    let phone = open(&clock, TestHost::new(&clock, &net, 7));
    run(&clock, phone.sign_in(credentials())).expect("signs in");
    run(&clock, phone.refresh_route()).expect("refreshes");
    let mut ids = vec![];
    for text in ["first", "second", "third"] {
        let note = Intent::Note {
            stop: StopId::new("s1"),
            text: text.into(),
        };
        let receipt = run(&clock, phone.record(note, None)).expect("is recorded");
        ids.push(receipt.operation.0);
    }
    let handed = run(&clock, phone.hand_over()).expect("hands over");
    assert_eq!(handed.attempted, 3);
    let system = phone.host.system.clone();
    let send = |count| {
        let backend = backend.clone();
        system.work(count, move |request| backend.handle(request));
    };
    send(1);
    let told = run(&clock, phone.export(None)).expect("exports");
    let states = told["operations"].as_array().expect("a list");
    assert!(states.iter().all(|op| op["state"]["is"] == "in_flight"));
    let found = phone.host.tab(11);
    drop(phone);

    let store = SqliteStore::in_memory().expect("opens");
    let desk = Desk {
        store: store.clone(),
        net: net.clone(),
        clock: clock.clone(),
        ids: SeededIds::new(9),
        lock: MemoryLock::new(&clock),
    };
    let desk = open(&clock, desk);
    run(&clock, desk.sign_in(credentials())).expect("signs in");
    let account = AccountId::new(told["id"].as_str().expect("an account"));
    let loaded = run(&clock, load(&store, &account, &mut archive(&told)));
    assert_eq!(loaded.expect("loads").unsettled, 3);
    let page = run(&clock, desk.outbox(OutboxQuery::default())).expect("lists");
    let states: Vec<_> = page.items.iter().map(|item| item.state).collect();
    assert_eq!(
        states,
        [OperationStateName::InDoubt; 3],
        "the desk learns no answer"
    );
    let report = run(&clock, desk.drain(WakeReason::Manual, None)).expect("drains");
    assert_eq!((report.settled, report.waiting), (3, 0));
    let marks = || -> Vec<String> { backend.effects().into_iter().map(|e| e.mark).collect() };
    assert_eq!(marks(), ids);

    send(9);
    assert_eq!(marks(), ids, "the system sent the rest as well");
    let phone = open(&clock, found);
    let report = run(&clock, phone.drain(WakeReason::Opened, None)).expect("drains");
    assert_eq!((report.settled, report.waiting), (3, 0), "and it came back");
    assert_eq!(marks(), ids);
}
