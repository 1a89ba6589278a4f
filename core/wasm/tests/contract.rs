//! The browser's adapters keep the contract that the in-memory twins keep: real IndexedDB, in each
//! of the three engines. Every fact gets a database of its own.
// A test says what it expects by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_arch = "wasm32")]

use js_sys::{ArrayBuffer, Function, Uint8Array};
use pannier::domain::ids::{AccountId, BlobHandle};
use pannier::ports::Host;
use pannier::ports::blobs::Blobs;
use pannier::ports::clock::{Clock, Ids};
use pannier::ports::lock::Lock;
use pannier::ports::store::{Commit, Committed, Durability, Envelope, Key, Query, Store, Table};
use pannier::testing::contract;
use pannier_wasm::{BrowserHost, JsHost, JsStore};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// The host that the package ships, in one script: `contractSuite` of scripts/lib/contract.mjs
/// writes it.
const HOST: &str = include_str!("../../js/wasm/host.js");

fn host(database: &str) -> BrowserHost {
    let made = format!(
        "{HOST}\nreturn new host.BrowserHost({{ database, changed() {{}}, token: undefined }})"
    );
    let made = Function::new_with_args("database", &made)
        .call1(&JsValue::UNDEFINED, &database.into())
        .expect("the host is made");
    BrowserHost::new(made.unchecked_into::<JsHost>())
}

/// Databases of earlier runs may still be there, so the name holds a random part.
fn unique(name: &str) -> String {
    let random = u64::from_le_bytes(
        host("").ids().random()[..8]
            .try_into()
            .expect("eight bytes"),
    );
    format!("contract-{name}-{random:x}")
}

fn fresh(name: &str) -> JsStore {
    host(&unique(name)).store().clone()
}

fn abc() -> ArrayBuffer {
    Uint8Array::from(&b"abc"[..]).buffer()
}

macro_rules! store_fact {
    ($name:ident) => {
        #[wasm_bindgen_test]
        async fn $name() {
            contract::$name(&fresh(stringify!($name))).await;
        }
    };
}
pannier::for_each_store_fact!(store_fact);

macro_rules! blob_fact {
    ($name:ident) => {
        #[wasm_bindgen_test]
        async fn $name() {
            contract::$name(&fresh(stringify!($name)), abc()).await;
        }
    };
}
pannier::for_each_blob_fact!(blob_fact);

fn put(body: &str) -> Commit {
    let envelope = Envelope {
        v: 1,
        t: "test".into(),
        seal: None,
        body: body.into(),
    };
    Commit {
        puts: vec![(Table::Drafts, Key::new("anna").text("s1"), envelope)],
        ..Commit::new(Durability::Strict)
    }
}

async fn body(store: &JsStore) -> Vec<String> {
    let query = Query::under(Table::Drafts, Key::new("anna"));
    store
        .read(&[query])
        .await
        .expect("reads")
        .concat()
        .into_iter()
        .map(|r| r.envelope.body.clone())
        .collect()
}

#[wasm_bindgen_test]
async fn what_was_committed_is_there_for_the_next_connection() {
    let store = fresh("reopened");
    store.commit(put("kept")).await.expect("commits");
    store.0.close();
    assert_eq!(body(&store).await, ["kept"]);
}

#[wasm_bindgen_test]
async fn two_connections_see_each_other() {
    let name = unique("shared");
    let (page, worker) = (host(&name), host(&name));
    let (page, worker) = (page.store(), worker.store());
    page.commit(put("from the page")).await.expect("commits");
    assert_eq!(body(worker).await, ["from the page"]);
    assert_eq!(
        worker.commit(put("from the worker")).await,
        Ok(Committed::Done(2))
    );
    assert_eq!(body(page).await, ["from the worker"]);
}

#[wasm_bindgen_test]
async fn staged_bytes_are_the_same_bytes() {
    let store = fresh("bytes");
    let picture: Vec<u8> = (0..200_000_u32).map(|i| (i * 31 % 251) as u8).collect();
    let (anna, handle) = (AccountId::new("anna"), BlobHandle::new("h"));
    let staged = Uint8Array::from(&picture[..]).buffer();
    store
        .stage(&anna, handle.clone(), "image/jpeg", staged, 1)
        .await
        .expect("stages");
    store.0.close();
    let (_, read) = store
        .bytes(&anna, &handle)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(Uint8Array::new(&read).to_vec(), picture);
}

#[wasm_bindgen_test]
async fn a_lock_is_held_by_one_and_can_be_stolen() {
    let context = host(&unique("lock"));
    let lock = context.lock();
    let held = lock.try_acquire("drain", false).await;
    assert!(held.is_some());
    assert!(lock.try_acquire("drain", false).await.is_none());
    let stolen = lock.try_acquire("drain", true).await;
    assert!(stolen.is_some());
    drop((held, stolen));
    assert!(lock.acquire("drain", 2_000).await.is_some());
    // Who gives up waiting keeps nothing of what comes later.
    let held = lock.acquire("renew", 2_000).await;
    assert!(held.is_some());
    assert!(lock.acquire("renew", 20).await.is_none());
    drop(held);
    assert!(lock.acquire("renew", 2_000).await.is_some());
}

#[wasm_bindgen_test]
async fn the_clock_sleeps_about_as_long_as_asked() {
    let context = host("");
    let clock = context.clock();
    let began = clock.monotonic_ms();
    clock.sleep(30).await;
    assert!(clock.monotonic_ms() - began >= 29.0);
}

/// The module's own allocator: what is held stays whole while others come, grow and go.
#[wasm_bindgen_test]
fn blocks_keep_what_was_written_to_them() {
    let mut held: Vec<Vec<u8>> = vec![];
    let mut random = 1_u32;
    for turn in 0..2_000_u32 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mark = turn.to_le_bytes()[0];
        // Mostly small, now and then as long as a picture.
        let length = (random >> 8) as usize
            % [40, 300, 5_000, 300_000][turn as usize % 4].min(1 << (turn % 19));
        match held.len() {
            0..40 => held.push(vec![mark; length]),
            _ => {
                let place = random as usize % held.len();
                let block = &mut held[place];
                let first = block.first().copied().unwrap_or(mark);
                assert!(block.iter().all(|byte| *byte == first));
                assert!(block.as_ptr().addr().is_multiple_of(8) || block.capacity() == 0);
                if turn % 3 == 0 {
                    block.resize(length, first);
                    block.shrink_to_fit();
                } else {
                    held.swap_remove(place);
                }
            }
        }
    }
}
