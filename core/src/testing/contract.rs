//! What every store and every blob adapter must do, as facts. `for_each_store_fact!` and
//! `for_each_blob_fact!` turn them into tests, natively and in browsers.

use crate::domain::ids::{AccountId, BlobHandle};
use crate::ports::blobs::Blobs;
use crate::ports::records::seal;
use crate::ports::store::{Commit, Committed, Durability, Envelope, Key, Query, Store, Table};

fn key(lane: &str, seq: u64) -> Key {
    Key::new("anna").text(lane).number(seq)
}

fn body(text: &str) -> Envelope {
    Envelope {
        v: 1,
        t: "test".into(),
        seal: None,
        body: text.into(),
    }
}

fn put(lane: &str, seq: u64, text: &str) -> (Table, Key, Envelope) {
    (Table::Operations, key(lane, seq), body(text))
}

async fn write<S: Store>(store: &S, puts: Vec<(Table, Key, Envelope)>) -> u64 {
    let commit = Commit {
        puts,
        ..Commit::new(Durability::Strict)
    };
    match store.commit(commit).await.unwrap() {
        Committed::Done(revision) => revision,
        other => panic!("the commit was not done: {other:?}"),
    }
}

async fn bodies<S: Store>(store: &S, query: Query) -> Vec<String> {
    let found = store.read(&[query]).await.unwrap().concat();
    found.into_iter().map(|r| r.envelope.body.clone()).collect()
}

fn lane(lane: &str) -> Query {
    Query::under(Table::Operations, Key::new("anna").text(lane))
}

pub async fn a_put_is_read_back_whole<S: Store>(store: &S) {
    let envelope = Envelope {
        v: 7,
        t: "odd".into(),
        seal: Some("none".into()),
        body: "åäö \u{0} \u{1f4e6}".into(),
    };
    let revision = write(store, vec![(Table::Stops, key("x", 1), envelope.clone())]).await;
    let found = store
        .read(&[Query::One(Table::Stops, key("x", 1))])
        .await
        .unwrap()
        .concat();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&**found[0].envelope, found[0].revision),
        (&envelope, revision)
    );
    assert_eq!(found[0].key, key("x", 1));
}

/// Two at once each see what the other wrote, or nothing of it: no number is given twice.
pub async fn what_is_decided_on_is_still_so_when_it_is_written<S: Store>(store: &S) {
    async fn next<S: Store>(store: &S, name: &str, tables: &[Table], durability: Durability) {
        loop {
            let (found, begun) = store.begin(&[lane("l")], tables, durability).await.unwrap();
            let seq = found[0].len() as u64;
            let mut commit = Commit::new(Durability::Strict);
            commit.expect.push((Table::Operations, key("l", seq), None));
            commit.puts.push(put("l", seq, name));
            commit.puts.push((Table::Blobs, key("l", seq), body(name)));
            let decided = store.conclude(begun, Some(commit)).await;
            match decided.unwrap() {
                Some(Committed::Done(_)) => return,
                Some(Committed::Stale) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let all = [Table::Meta, Table::Operations, Table::Blobs];
    for _ in 0..5 {
        // The first asks for more than it said; the second has to fall back on a table that it did
        // not name.
        let (one, two) = (
            next(store, "one", &all, Durability::Relaxed),
            next(store, "two", &[Table::Operations], Durability::Strict),
        );
        futures_util::future::join(one, two).await;
    }
    let found = bodies(store, lane("l")).await;
    assert_eq!(found.len(), 10);
    assert_eq!(found.iter().filter(|b| *b == "one").count(), 5);
}

pub async fn deciding_for_nothing_writes_nothing<S: Store>(store: &S) {
    write(store, vec![put("l", 1, "there")]).await;
    let tables = [Table::Meta, Table::Operations];
    let begun = store
        .begin(&[lane("l")], &tables, Durability::Strict)
        .await
        .unwrap();
    let (found, begun) = begun;
    assert_eq!(found[0].len(), 1);
    assert_eq!(store.conclude(begun, None).await.unwrap(), None);
    assert_eq!(bodies(store, lane("l")).await, ["there"]);
}

pub async fn reads_come_in_key_order_numbers_by_value<S: Store>(store: &S) {
    write(
        store,
        vec![
            put("l", 10, "ten"),
            put("l", 9, "nine"),
            put("m", 1, "m"),
            put("l", 100, "hundred"),
        ],
    )
    .await;
    assert_eq!(bodies(store, lane("l")).await, ["nine", "ten", "hundred"]);
}

pub async fn a_prefix_takes_whole_parts_only<S: Store>(store: &S) {
    write(
        store,
        vec![put("l", 1, "l"), put("l2", 1, "l2"), put("l/x", 1, "l/x")],
    )
    .await;
    assert_eq!(bodies(store, lane("l")).await, ["l"]);
    let other = Query::under(Table::Operations, Key::new("ann"));
    assert!(bodies(store, other).await.is_empty());
    let everyone = Query::under(Table::Operations, Key::default());
    assert_eq!(bodies(store, everyone).await.len(), 3);
}

pub async fn from_limit_and_newest_first_cut_a_range<S: Store>(store: &S) {
    write(
        store,
        (1..=5).map(|n| put("l", n, &n.to_string())).collect(),
    )
    .await;
    let from = |limit| Query::From {
        table: Table::Operations,
        prefix: Key::new("anna").text("l"),
        from: 3,
        limit,
    };
    assert_eq!(bodies(store, from(None)).await, ["3", "4", "5"]);
    assert_eq!(bodies(store, from(Some(2))).await, ["3", "4"]);
    let newest = Query::Under {
        table: Table::Operations,
        prefix: Key::new("anna").text("l"),
        limit: Some(2),
        newest_first: true,
    };
    assert_eq!(bodies(store, newest).await, ["5", "4"]);
}

pub async fn several_queries_answer_in_their_order<S: Store>(store: &S) {
    write(store, vec![put("l", 1, "a"), put("m", 1, "b")]).await;
    let found = store
        .read(&[
            lane("m"),
            lane("nothing"),
            Query::One(Table::Operations, key("l", 1)),
        ])
        .await
        .unwrap();
    let sizes: Vec<usize> = found.iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 0, 1]);
    assert_eq!(found[2][0].envelope.body, "a");
}

pub async fn revisions_grow_store_wide<S: Store>(store: &S) {
    let first = write(store, vec![put("l", 1, "a")]).await;
    let second = write(store, vec![put("m", 1, "b")]).await;
    assert!(second > first);
    let counter = Query::One(Table::Meta, Key::new("").text("revision"));
    let counter = store.read(&[counter]).await.unwrap().concat();
    assert_eq!(counter[0].revision, second);
}

pub async fn a_stale_commit_changes_nothing<S: Store>(store: &S) {
    let first = write(store, vec![put("l", 1, "a")]).await;
    let second = write(store, vec![put("l", 1, "b")]).await;
    for (wanted, expected) in [
        (Some(first), Committed::Stale),
        (None, Committed::Stale),
        (Some(second), Committed::Done(second + 1)),
    ] {
        let commit = Commit {
            expect: vec![(Table::Operations, key("l", 1), wanted)],
            puts: vec![put("l", 2, "new")],
            deletes: vec![(Table::Operations, key("l", 1))],
            ..Commit::new(Durability::Strict)
        };
        assert_eq!(store.commit(commit).await.unwrap(), expected);
        let now = bodies(store, lane("l")).await;
        assert_eq!(
            now,
            if expected == Committed::Stale {
                ["b"]
            } else {
                ["new"]
            }
        );
    }
}

pub async fn absence_can_be_expected<S: Store>(store: &S) {
    let commit = || Commit {
        expect: vec![(Table::Operations, key("l", 1), None)],
        puts: vec![put("l", 1, "mine")],
        ..Commit::new(Durability::Relaxed)
    };
    assert!(matches!(
        store.commit(commit()).await.unwrap(),
        Committed::Done(_)
    ));
    assert_eq!(store.commit(commit()).await.unwrap(), Committed::Stale);
}

pub async fn an_older_generation_is_fenced<S: Store>(store: &S) {
    let lease = Key::new("anna").text("lease");
    let at = |generation: u64| Commit {
        generation: Some((lease.clone(), generation)),
        puts: vec![put("l", 1, "late")],
        ..Commit::new(Durability::Strict)
    };
    assert_eq!(store.commit(at(1)).await.unwrap(), Committed::Fenced);
    let record = seal(
        "lease",
        &serde_json::json!({ "generation": 2, "expiresAt": 5 }),
    );
    write(store, vec![(Table::Meta, lease.clone(), record)]).await;
    assert_eq!(store.commit(at(1)).await.unwrap(), Committed::Fenced);
    assert!(bodies(store, lane("l")).await.is_empty());
    assert!(matches!(
        store.commit(at(2)).await.unwrap(),
        Committed::Done(_)
    ));
}

pub async fn two_recorders_cannot_take_one_place<S: Store>(store: &S) {
    let counter = Key::new("anna").text("counters");
    let revision = write(store, vec![(Table::Meta, counter.clone(), body("1"))]).await;
    let take = |text: &str| Commit {
        expect: vec![
            (Table::Meta, counter.clone(), Some(revision)),
            (Table::Operations, key("l", 1), None),
        ],
        puts: vec![put("l", 1, text), (Table::Meta, counter.clone(), body("2"))],
        ..Commit::new(Durability::Strict)
    };
    // Both are under way before either has ended.
    let (a, b) = futures_util::join!(store.commit(take("a")), store.commit(take("b")));
    let done = [a.unwrap(), b.unwrap()];
    assert_eq!(
        done.iter()
            .filter(|c| matches!(c, Committed::Done(_)))
            .count(),
        1
    );
    assert_eq!(done.iter().filter(|c| **c == Committed::Stale).count(), 1);
    assert_eq!(bodies(store, lane("l")).await.len(), 1);
}

pub async fn deletes_and_puts_go_together<S: Store>(store: &S) {
    write(store, vec![put("l", 1, "a"), put("l", 2, "b")]).await;
    let commit = Commit {
        puts: vec![(
            Table::Settled,
            Key::new("anna").number(5).number(1),
            body("a"),
        )],
        deletes: vec![
            (Table::Operations, key("l", 1)),
            (Table::Operations, key("l", 77)),
        ],
        ..Commit::new(Durability::Relaxed)
    };
    store.commit(commit).await.unwrap();
    assert_eq!(bodies(store, lane("l")).await, ["b"]);
    let settled = store
        .read(&[Query::under(Table::Settled, Key::new("anna"))])
        .await
        .unwrap()
        .concat();
    assert_eq!(settled[0].key.number_at(1), 5);
}

pub async fn staged_bytes_come_back_with_length_and_hash<B: Blobs + Store>(
    port: &B,
    bytes: B::Bytes,
) {
    let anna = AccountId::new("anna");
    let handle = BlobHandle::new("photo-1");
    let meta = port
        .stage(&anna, handle.clone(), "image/jpeg", bytes, 77)
        .await
        .unwrap();
    assert_eq!((meta.bytes, meta.staged_at), (3, 77));
    assert_eq!(
        meta.sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    let (media_type, _) = port
        .bytes(&anna, &handle)
        .await
        .unwrap()
        .expect("the bytes are there");
    assert_eq!(media_type, "image/jpeg");
    let known = Query::One(Table::Blobs, Key::new("anna").text("photo-1"));
    assert_eq!(port.read(&[known]).await.unwrap().concat().len(), 1);
}

pub async fn bytes_belong_to_their_account<B: Blobs + Store>(port: &B, bytes: B::Bytes) {
    let handle = BlobHandle::new("photo-1");
    port.stage(
        &AccountId::new("anna"),
        handle.clone(),
        "image/jpeg",
        bytes,
        1,
    )
    .await
    .unwrap();
    assert!(
        port.bytes(&AccountId::new("omar"), &handle)
            .await
            .unwrap()
            .is_none()
    );
}

pub async fn a_commit_deletes_bytes<B: Blobs + Store>(port: &B, bytes: B::Bytes) {
    let anna = AccountId::new("anna");
    let handle = BlobHandle::new("photo-1");
    port.stage(&anna, handle.clone(), "image/jpeg", bytes, 1)
        .await
        .unwrap();
    let key = Key::new("anna").text("photo-1");
    let commit = Commit {
        deletes: vec![(Table::Blobs, key.clone()), (Table::BlobData, key)],
        ..Commit::new(Durability::Strict)
    };
    port.commit(commit).await.unwrap();
    assert!(port.bytes(&anna, &handle).await.unwrap().is_none());
}

/// Calls `$case!(name)` for every fact a store must meet.
#[macro_export]
macro_rules! for_each_store_fact {
    ($case:ident) => {
        $case!(a_put_is_read_back_whole);
        $case!(what_is_decided_on_is_still_so_when_it_is_written);
        $case!(deciding_for_nothing_writes_nothing);
        $case!(reads_come_in_key_order_numbers_by_value);
        $case!(a_prefix_takes_whole_parts_only);
        $case!(from_limit_and_newest_first_cut_a_range);
        $case!(several_queries_answer_in_their_order);
        $case!(revisions_grow_store_wide);
        $case!(a_stale_commit_changes_nothing);
        $case!(absence_can_be_expected);
        $case!(an_older_generation_is_fenced);
        $case!(two_recorders_cannot_take_one_place);
        $case!(deletes_and_puts_go_together);
    };
}

/// Calls `$case!(name)` for every fact a blob adapter must meet.
#[macro_export]
macro_rules! for_each_blob_fact {
    ($case:ident) => {
        $case!(staged_bytes_come_back_with_length_and_hash);
        $case!(bytes_belong_to_their_account);
        $case!(a_commit_deletes_bytes);
    };
}
