//! The simulation's own promises: days without a broken one, the same bytes for the same seed, and
//! checkers that find each deliberate bug.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pannier::sabotage::Sabotage;
use pannier_sim::run::run;
use pannier_sim::setting::{Fault, Faults, Setting};
use pannier_sim::shrink::shrink;
use pannier_sim::strategy::Strategy;

/// The command runs more of them: `npm test` 2,000.
const SEEDS: u64 = 100;

#[test]
fn a_hundred_days_keep_every_promise() {
    for seed in 0..SEEDS {
        let setting = Setting::of(seed);
        let outcome = run(&setting, false);
        if let Some(first) = outcome.violations.first() {
            panic!("{}: {}\n{}", first.promise, first.text, setting.command());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in [3, 11, 26] {
        let setting = Setting {
            faults: Faults::all(),
            ..Setting::of(seed)
        };
        let (one, two) = (run(&setting, true), run(&setting, true));
        assert_eq!(one.lines, two.lines);
        assert_eq!(one.hash, two.hash);
        let unread = run(&setting, false);
        assert_eq!(one.hash, unread.hash, "whether it is read or not");
        let other = run(&Setting::of(seed + 1), false);
        assert_ne!(one.hash, other.hash);
    }
}

/// The first day on which the checkers find this promise broken.
fn caught(bug: Sabotage, promise: &str, among: u64) -> Setting {
    let broken = |setting: &Setting| {
        let found = run(setting, false).violations;
        found.iter().any(|v| v.promise == promise)
    };
    let settings = (0..among).map(|seed| Setting {
        sabotage: Some(bug),
        ..Setting::of(seed)
    });
    let mut settings = settings.filter(broken);
    let first = settings.next();
    first.unwrap_or_else(|| panic!("{} was not found in {among} days", bug.name()))
}

#[test]
fn a_drain_without_a_fence_is_caught() {
    caught(Sabotage::DropFence, "generation fencing", 60);
}

#[test]
fn removing_before_sending_is_caught() {
    caught(Sabotage::RemoveBeforeSend, "nothing lost", 5);
}

#[test]
fn sending_again_without_asking_is_caught() {
    caught(Sabotage::SkipProbe, "one effect", 30);
}

#[test]
fn an_outbox_without_accounts_is_caught() {
    caught(Sabotage::ForgetAccount, "account isolation", 5);
}

#[test]
fn numbers_minted_without_a_condition_are_caught() {
    caught(Sabotage::MintBlind, "order", 30);
}

#[test]
fn a_duplicate_that_nobody_is_told_of_is_caught() {
    let setting = Setting {
        strategy: Strategy::Marker,
        faults: Faults::NONE.with(Fault::Duplicate),
        sabotage: Some(Sabotage::HideDuplicates),
        ..Setting::of(0)
    };
    let found = run(&setting, false).violations;
    assert!(found.iter().any(|v| v.promise == "duplicates"));
}

#[test]
fn a_streamed_body_that_goes_out_whole_is_caught() {
    caught(Sabotage::SendWhole, "streamed bodies", 7);
}

#[test]
fn a_failing_day_shrinks_to_the_same_smaller_one_each_time() {
    let failing = caught(Sabotage::SkipProbe, "one effect", 30);
    let (small, runs) = shrink(&failing, "one effect");
    assert_eq!(shrink(&failing, "one effect"), (small, runs));
    assert!(small.stops < failing.stops, "{}", small.command());
    assert!(small.faults.list().count() <= failing.faults.list().count());
    let found = run(&small, false).violations;
    assert!(found.iter().any(|v| v.promise == "one effect"));
}
