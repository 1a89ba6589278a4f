//! A clock that a test turns, and chance from a seed.

use crate::ports::clock::{Clock, Ids};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// 2026-11-22 08:00 UTC.
pub const START_MS: i64 = 1_795_334_400_000;

#[derive(Clone, Debug)]
pub struct TestClock(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    elapsed: Cell<f64>,
    wall_shift: Cell<i64>,
    /// by the moment they sleep until, then in the order in which they lay down
    sleepers: RefCell<BTreeMap<(i64, u64), Waker>>,
    beds: Cell<u64>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self(Rc::new(Inner {
            elapsed: Cell::new(0.0),
            wall_shift: Cell::new(START_MS),
            sleepers: RefCell::default(),
            beds: Cell::new(0),
        }))
    }
}

impl TestClock {
    pub fn advance(&self, ms: i64) {
        self.advance_to(self.elapsed_ms() + ms);
    }
    /// The wall clock jumps; the monotonic one does not.
    pub fn jump(&self, ms: i64) {
        self.0.wall_shift.set(self.0.wall_shift.get() + ms);
    }
    /// How far the wall clock has been turned since the start.
    pub fn jumped_ms(&self) -> i64 {
        self.0.wall_shift.get() - START_MS
    }
    /// Since the start; never goes back.
    pub fn elapsed_ms(&self) -> i64 {
        self.0.elapsed.get() as i64
    }
    /// The next moment somebody sleeps until.
    pub fn next_sleeper(&self) -> Option<i64> {
        self.0.sleepers.borrow().keys().next().map(|(at, _)| *at)
    }
    /// On to this moment; wakes whoever slept until then.
    pub fn advance_to(&self, at: i64) {
        self.0.elapsed.set(self.0.elapsed.get().max(at as f64));
        while let Some(waker) = self.due(at) {
            waker.wake();
        }
    }
    fn due(&self, at: i64) -> Option<Waker> {
        let mut sleepers = self.0.sleepers.borrow_mut();
        let first = sleepers.first_entry()?;
        (first.key().0 <= at).then(|| first.remove())
    }
    /// To the next moment somebody sleeps until. False: nobody sleeps.
    pub fn advance_to_next(&self) -> bool {
        let next = self.next_sleeper();
        if let Some(next) = next {
            self.advance_to(next);
        }
        next.is_some()
    }
}

/// Ends at a moment; who no longer waits for it leaves nothing behind.
pub struct Sleep {
    clock: TestClock,
    bed: (i64, u64),
}

impl TestClock {
    pub fn until(&self, at: i64) -> Sleep {
        let bed = self.0.beds.get();
        self.0.beds.set(bed + 1);
        Sleep {
            clock: self.clone(),
            bed: (at, bed),
        }
    }
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.elapsed_ms() >= self.bed.0 {
            return Poll::Ready(());
        }
        let mut sleepers = self.clock.0.sleepers.borrow_mut();
        sleepers.insert(self.bed, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.sleepers.borrow_mut().remove(&self.bed);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.wall_shift.get() + self.0.elapsed.get() as i64
    }
    fn monotonic_ms(&self) -> f64 {
        self.0.elapsed.get()
    }
    async fn sleep(&self, ms: u32) {
        self.until(self.elapsed_ms() + i64::from(ms)).await;
    }
}

/// Numbers that differ and repeat with the seed (SplitMix64).
#[derive(Debug)]
pub struct SeededIds(Cell<u64>);

impl SeededIds {
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }
    pub fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Ids for SeededIds {
    fn random(&self) -> [u8; 16] {
        let mut out = [0; 16];
        out[..8].copy_from_slice(&self.next().to_le_bytes());
        out[8..].copy_from_slice(&self.next().to_le_bytes());
        out
    }
}
