//! The promise for the stored schema: what every released core left on a phone is opened by this
//! one, found whole, and sent. A dump is made once, in a real browser (tests/browser/dump-store.mjs);
//! the same is done in real IndexedDB by tests/browser/dumps.test.mjs.

// A test says what it expects by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::{AccountId, BlobHandle, OperationId, StopId};
use pannier::engine::listing::OperationStateName;
use pannier::ports::Driver;
use pannier::ports::blobs::Blobs;
use pannier::ports::drain::WakeReason;
use pannier::ports::store::{Commit, Durability, Envelope, Key, Store, StoreError, Table};
use pannier::ports::views::{OutboxFilter, OutboxQuery};
use pannier::testing::backend::Backend;
use pannier::testing::clock::TestClock;
use pannier::testing::host::TestHost;
use pannier::testing::net::TestNet;
use pannier::testing::run::run;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

const PROFILE: &str = include_str!("../../profiles/sandbox.json");
const ANNA: &str = "c-anna";

fn dumps() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/dumps");
    let mut out = vec![];
    for entry in std::fs::read_dir(folder).expect("dumps are there") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a dump");
        let dump = serde_json::from_str(&text).expect("is JSON");
        out.push((
            path.file_stem().unwrap().to_string_lossy().into_owned(),
            dump,
        ));
    }
    assert!(!out.is_empty(), "there is at least one");
    out
}

fn records(dump: &Value, table: Table) -> &[Value] {
    let records = dump["stores"][table.name()].as_array();
    records.unwrap_or_else(|| panic!("the dump has {}", table.name()))
}

fn key(told: &Value) -> Key {
    let parts = told["k"].as_array().expect("a key");
    let part = |key: Key, part: &Value| match part.as_u64() {
        Some(number) => key.number(number),
        None => key.text(part.as_str().expect("a text")),
    };
    parts.iter().fold(Key::default(), part)
}

fn body(told: &Value) -> Value {
    serde_json::from_str(told["b"].as_str().expect("a body")).unwrap_or(Value::Null)
}

fn bytes(base64: &str) -> Vec<u8> {
    let place = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut out = vec![];
    for four in base64.as_bytes().chunks(4) {
        let letters = four.iter().filter(|l| **l != b'=').count();
        let whole = four
            .iter()
            .fold(0_u32, |sum, l| sum << 6 | u32::from(place(*l) & 63));
        out.extend(&whole.to_be_bytes()[1..letters]);
    }
    out
}

/// The phone as it was left.
async fn put(host: &TestHost, dump: &Value) -> Result<(), StoreError> {
    for told in records(dump, Table::BlobData) {
        let (account, handle) = (told["k"][0].as_str(), told["k"][1].as_str());
        let account = AccountId::new(account.expect("an account"));
        let handle = BlobHandle::new(handle.expect("a handle"));
        let kind = told["m"].as_str().unwrap_or("image/jpeg");
        let data = bytes(told["d"]["base64"].as_str().expect("bytes"));
        host.store.stage(&account, handle, kind, data, 0).await?;
    }
    let mut commit = Commit::new(Durability::Strict);
    for table in Table::ALL {
        if table == Table::BlobData {
            continue;
        }
        for told in records(dump, table) {
            let envelope = Envelope {
                v: u16::try_from(told["v"].as_u64().expect("a version")).expect("small"),
                t: told["t"].as_str().expect("a type").to_owned(),
                seal: told["s"].as_str().map(str::to_owned),
                body: told["b"].as_str().expect("a body").to_owned(),
            };
            commit.puts.push((table, key(told), envelope));
        }
    }
    host.store.commit(commit).await?;
    Ok(())
}

struct Phone {
    clock: TestClock,
    backend: Backend,
    core: Driver<TestHost>,
}

fn opened(dump: &Value) -> Phone {
    let clock = TestClock::default();
    let backend = Backend::with_stops(ANNA, (1..=12).map(|n| format!("st-{n:02}")));
    let twin = backend.clone();
    let net = TestNet::new(&clock, move |request| twin.handle(request));
    let host = TestHost::new(&clock, &net, 3);
    run(&clock, put(&host, dump)).expect("lies there");
    let servers: Dictionary<String, String> = [("api".to_owned(), "http://backend".to_owned())]
        .into_iter()
        .collect();
    let opening = Driver::open(host, Some(PROFILE.into()), servers, Dictionary::default());
    let core = run(&clock, opening).expect("opens");
    Phone {
        clock,
        backend,
        core,
    }
}

impl Phone {
    fn sign_in(&self) {
        let Value::Object(credentials) = json!({"username": ANNA, "password": "packet123"}) else {
            unreachable!()
        };
        run(&self.clock, self.core.sign_in(credentials)).expect("signs in");
    }
    fn listed(&self, state: OutboxFilter) -> BTreeMap<String, OperationStateName> {
        let query = OutboxQuery {
            state,
            limit: Some(500),
            ..OutboxQuery::default()
        };
        let page = run(&self.clock, self.core.outbox(query)).expect("lists");
        page.items
            .into_iter()
            .map(|item| (item.id.0, item.state))
            .collect()
    }
    fn settle(&self) {
        for _ in 0..200 {
            let report =
                run(&self.clock, self.core.drain(WakeReason::Timer, None)).expect("drains");
            let Some(at) = report.next_wake_at else {
                return;
            };
            let now = pannier::ports::clock::Clock::now_ms(&self.clock);
            self.clock.advance((at - now).clamp(1, 3_600_000));
        }
        panic!("the outbox does not come to rest");
    }
}

/// Anna's operations by id, as the dump has them.
fn hers(dump: &Value, table: Table) -> BTreeMap<String, Value> {
    let told = records(dump, table).iter().filter(|r| r["k"][0] == ANNA);
    let ops = told.map(body).filter(Value::is_object);
    ops.map(|op| (op["id"].as_str().expect("an id").to_owned(), op))
        .collect()
}

#[test]
fn a_dump_holds_what_a_phone_can_hold() {
    for (name, dump) in dumps() {
        let open = hers(&dump, Table::Operations);
        let states: Vec<&str> = open
            .values()
            .filter_map(|op| op["state"]["is"].as_str())
            .collect();
        for state in ["waiting", "in_flight", "in_doubt", "parked"] {
            assert!(states.contains(&state), "{name}: {state} in {states:?}");
        }
        let past = hers(&dump, Table::Settled);
        let states: Vec<&str> = past
            .values()
            .filter_map(|op| op["state"]["is"].as_str())
            .collect();
        assert!(
            states.contains(&"settled") && states.contains(&"discarded"),
            "{name}"
        );
        for table in Table::ALL {
            assert!(
                !records(&dump, table).is_empty(),
                "{name}: {}",
                table.name()
            );
        }
    }
}

#[test]
fn every_operation_of_every_released_schema_is_found_and_sent_once() {
    for (name, dump) in dumps() {
        let phone = opened(&dump);
        phone.sign_in();
        let open = hers(&dump, Table::Operations);
        let listed = phone.listed(OutboxFilter::Unsettled);
        let spoilt = records(&dump, Table::Quarantine).len();
        assert_eq!(
            listed.keys().collect::<Vec<_>>(),
            open.keys().collect::<Vec<_>>(),
            "{name}"
        );
        let past = hers(&dump, Table::Settled);
        let known = phone.listed(OutboxFilter::Settled);
        assert_eq!(
            known.keys().collect::<Vec<_>>(),
            past.keys().collect::<Vec<_>>(),
            "{name}"
        );

        for (id, state) in &listed {
            if *state == OperationStateName::Parked {
                run(
                    &phone.clock,
                    phone.core.retry(&OperationId::new(id.as_str())),
                )
                .expect("retries");
            }
        }
        phone.settle();
        assert_eq!(
            phone.listed(OutboxFilter::Unsettled),
            BTreeMap::new(),
            "{name}"
        );
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for effect in phone.backend.effects() {
            *times.entry(effect.mark).or_default() += 1;
        }
        let once: BTreeMap<String, usize> = open.keys().map(|id| (id.clone(), 1)).collect();
        assert_eq!(times, once, "{name}: each of them once, and nothing else");

        let status = run(&phone.clock, phone.core.status()).expect("tells");
        assert_eq!(
            status.quarantined as usize, spoilt,
            "{name}: what could not be read stays"
        );
    }
}

#[test]
fn attempts_drafts_notes_and_another_s_work_are_read_too() {
    for (name, dump) in dumps() {
        let phone = opened(&dump);
        phone.sign_in();
        let open = hers(&dump, Table::Operations);
        let often = open.values().max_by_key(|op| op["attemptCount"].as_u64());
        let often = often.expect("one was tried");
        let count = often["attemptCount"].as_u64().expect("a count");
        assert!(
            count > 40,
            "{name}: older attempts lie on pages of their own"
        );
        let id = OperationId::new(often["id"].as_str().expect("an id"));
        let history = run(&phone.clock, phone.core.history(&id)).expect("has one");
        let history: Value = pannier::domain::json::ToJson::to_json(&history);
        assert_eq!(
            history["attempts"].as_array().map(|a| a.len() as u64),
            Some(count),
            "{name}"
        );

        for told in records(&dump, Table::Drafts) {
            let stop = StopId::new(told["k"][1].as_str().expect("a stop"));
            let draft = run(&phone.clock, phone.core.draft(&stop)).expect("reads");
            let fields = body(told)["fields"].as_object().cloned();
            assert_eq!(
                draft.map(|d| d.fields),
                fields.or(Some(Map::new())),
                "{name}"
            );
        }
        let others = run(&phone.clock, phone.core.others()).expect("lists");
        assert_eq!(others.len(), 1, "{name}");
        assert_eq!(others[0].waiting, 1, "{name}");
    }
}
