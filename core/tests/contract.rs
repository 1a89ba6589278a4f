//! The in-memory twins keep the contract that the browser's adapters keep.

// A test says what it expects by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pannier::testing::clock::TestClock;
use pannier::testing::memory::MemoryStore;
use pannier::testing::{contract, run::run};

macro_rules! store_fact {
    ($name:ident) => {
        #[test]
        fn $name() {
            run(
                &TestClock::default(),
                contract::$name(&MemoryStore::default()),
            );
        }
    };
}
pannier::for_each_store_fact!(store_fact);

macro_rules! blob_fact {
    ($name:ident) => {
        #[test]
        fn $name() {
            run(
                &TestClock::default(),
                contract::$name(&MemoryStore::default(), b"abc".to_vec()),
            );
        }
    };
}
pannier::for_each_blob_fact!(blob_fact);
