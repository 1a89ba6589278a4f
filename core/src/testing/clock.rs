//! A clock that a test turns, and chance from a seed.

use crate::ports::clock::{Clock, Ids};
use std::cell::{Cell, RefCell};
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
    sleepers: RefCell<Vec<(f64, Waker)>>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self(Rc::new(Inner {
            elapsed: Cell::new(0.0),
            wall_shift: Cell::new(START_MS),
            sleepers: RefCell::default(),
        }))
    }
}

impl TestClock {
    pub fn advance(&self, ms: i64) {
        self.0.elapsed.set(self.0.elapsed.get() + ms as f64);
    }
    /// The wall clock jumps; the monotonic one does not.
    pub fn jump(&self, ms: i64) {
        self.0.wall_shift.set(self.0.wall_shift.get() + ms);
    }
    /// To the next moment somebody sleeps until. False: nobody sleeps.
    pub fn advance_to_next(&self) -> bool {
        let now = self.0.elapsed.get();
        let mut sleepers = self.0.sleepers.borrow_mut();
        let Some(next) = sleepers.iter().map(|(at, _)| *at).reduce(f64::min) else {
            return false;
        };
        self.0.elapsed.set(next.max(now));
        let now = next.max(now);
        let (due, later) = sleepers.drain(..).partition(|(at, _)| *at <= now);
        *sleepers = later;
        drop(sleepers);
        let due: Vec<(f64, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
        true
    }
}

struct Sleep {
    clock: TestClock,
    until: f64,
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.0.elapsed.get() >= self.until {
            return Poll::Ready(());
        }
        self.clock
            .0
            .sleepers
            .borrow_mut()
            .push((self.until, context.waker().clone()));
        Poll::Pending
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
        let until = self.0.elapsed.get() + f64::from(ms);
        Sleep {
            clock: self.clone(),
            until,
        }
        .await;
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
