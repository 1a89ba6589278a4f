//! What the phone's storage does to those who use it: full for a while, a connection that dies, a
//! schema that only a newer core knows.

use crate::chance::Chance;
use crate::setting::{Fault, Faults};
use pannier::ports::store::{Commit, StoreError};
use pannier::testing::memory::StoreFault;

pub struct Disk {
    faults: Faults,
    chance: Chance,
    /// when it is full
    full: Vec<(i64, i64)>,
    until_ms: i64,
    pub now: i64,
    /// contexts with a lower number know only the older schema
    pub newer_from: u32,
}

impl Disk {
    pub fn new(seed: u64, faults: Faults, until_ms: i64) -> Self {
        let chance = Chance::new(seed, "disk");
        let mut full = vec![];
        for _ in 0..=chance.below(3) {
            let from = chance.between(0, until_ms);
            let to = from + chance.between(5_000, 180_000);
            if faults.has(Fault::Quota) {
                full.push((from, to));
            }
        }
        Self {
            faults,
            chance,
            full,
            until_ms,
            now: 0,
            newer_from: 0,
        }
    }

    pub fn meets(&self, context: u32, commit: Option<&Commit>) -> Option<StoreFault> {
        let commit = commit?;
        // What a newer core wrote is read as well as can be.
        if context < self.newer_from {
            return Some(StoreFault::Refused(StoreError::Newer {
                found: 2,
                known: 1,
            }));
        }
        let drawn = self.chance.next() % 1_000;
        if self.now >= self.until_ms {
            return None;
        }
        let full = self
            .full
            .iter()
            .any(|(from, to)| (*from..*to).contains(&self.now));
        if full && !commit.puts.is_empty() && drawn < 800 {
            return Some(StoreFault::Refused(StoreError::Quota));
        }
        if !self.faults.has(Fault::Storage) {
            return None;
        }
        let lost = || StoreError::Lost("the connection died".into());
        match drawn {
            0..10 => Some(StoreFault::Refused(lost())),
            10..20 => Some(StoreFault::Landed(lost())),
            20..30 => Some(StoreFault::Repeated),
            30..35 => Some(StoreFault::Refused(StoreError::TimedOut)),
            _ => None,
        }
    }
}
