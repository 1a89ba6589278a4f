//! Runs a future on the test's clock: when nothing can go on, time moves to the next sleeper.

use super::clock::TestClock;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// # Panics
/// When the future waits for something that no clock brings.
pub fn run<T>(clock: &TestClock, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..10_000_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        if !clock.advance_to_next() {
            // A second look: another branch may have let go of what this one waits for.
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            assert!(
                clock.advance_to_next(),
                "the future waits for something that never comes"
            );
        }
    }
    panic!("the future does not end");
}
