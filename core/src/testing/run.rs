//! Runs a future on the test's clock: when nothing can go on, time moves to the next sleeper.

use super::clock::TestClock;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What a future asked for: to be polled again.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// # Panics
/// When the future waits for something that no clock brings.
pub fn run<T>(clock: &TestClock, future: impl Future<Output = T>) -> T {
    run_until(clock, future, usize::MAX).expect("the future ends")
}

/// Polls at most so many times and then drops the future where it stands, as a browser drops a
/// worker: `None`.
///
/// # Panics
/// When the future waits for something that no clock brings.
pub fn run_until<T>(clock: &TestClock, future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    for _ in 0..polls {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            assert!(
                clock.advance_to_next(),
                "the future waits for something that never comes"
            );
            woken.0.store(false, Ordering::Relaxed);
        }
    }
    None
}

/// A future that can be stopped between two awaits and taken up again later, as a browser freezes
/// a page.
pub struct Frozen<'a, T>(Pin<Box<dyn Future<Output = T> + 'a>>, Arc<Woken>);

impl<'a, T> Frozen<'a, T> {
    pub fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self(Box::pin(future), Arc::new(Woken(AtomicBool::new(true))))
    }
    /// Goes on for so many polls; `None`: it has not ended.
    ///
    /// # Panics
    /// When the future waits for something that no clock brings.
    pub fn run(&mut self, clock: &TestClock, polls: usize) -> Option<T> {
        let waker = Waker::from(self.1.clone());
        let mut context = Context::from_waker(&waker);
        for _ in 0..polls {
            if !self.1.0.swap(false, Ordering::Relaxed) {
                // What it slept for may have passed while it was frozen.
                let _ = clock.advance_to_next();
            }
            if let Poll::Ready(value) = self.0.as_mut().poll(&mut context) {
                return Some(value);
            }
        }
        None
    }
}

/// Lets go of the thread once, as every call of a browser's interface does: a place to be killed at.
pub async fn pause() {
    struct Once(bool);
    impl Future for Once {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }
    Once(false).await;
}
