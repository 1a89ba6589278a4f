//! SQLite keeps the contract that IndexedDB and the in-memory twins keep.

// A test says what it expects by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use desk_rescue::store::SqliteStore;
use pannier::testing::contract;

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut building = tokio::runtime::Builder::new_current_thread();
    building.build().expect("a runtime").block_on(future)
}

fn store() -> SqliteStore {
    SqliteStore::in_memory().expect("opens")
}

macro_rules! store_fact {
    ($name:ident) => {
        #[test]
        fn $name() {
            run(contract::$name(&store()));
        }
    };
}
pannier::for_each_store_fact!(store_fact);

macro_rules! blob_fact {
    ($name:ident) => {
        #[test]
        fn $name() {
            run(contract::$name(&store(), b"abc".to_vec()));
        }
    };
}
pannier::for_each_blob_fact!(blob_fact);

#[test]
fn what_was_written_is_there_after_the_process_and_one_process_has_the_file() {
    let folder = std::env::temp_dir().join(format!("desk-rescue-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("work.sqlite");
    let first = SqliteStore::open(&file).expect("opens");
    run(contract::a_put_is_read_back_whole(&first));
    let second = SqliteStore::open(&file).map(|_| ()).map_err(|e| e.code());
    assert_eq!(second, Err("storage_blocked"));
    drop(first);
    let again = SqliteStore::open(&file).expect("opens again");
    run(contract::revisions_grow_store_wide(&again));
    drop(again);
    let none = folder.join("none.sqlite");
    std::fs::write(
        &none,
        "this is no store, whatever its name says. ".repeat(99),
    )
    .expect("writes");
    let none = SqliteStore::open(&none).map(|_| ()).map_err(|e| e.code());
    assert_eq!(none, Err("storage_failed"));
    std::fs::remove_dir_all(&folder).expect("goes");
}
