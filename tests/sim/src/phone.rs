//! The phone: three contexts over one store, and the futures that run in them. Whose turn it is
//! next is chance, at every await; time moves only when nobody can go on.

use crate::chance::Chance;
use pannier::domain::ids::OperationId;
use pannier::ports::drain::DrainReport;
use pannier::ports::handover::ShiftClose;
use pannier::ports::recording::Receipt;
use pannier::ports::{CoreError, Driver};
use pannier::testing::host::TestHost;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub type Core = Driver<TestHost>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Page = 0,
    Tab = 1,
    Worker = 2,
}

impl Slot {
    pub const ALL: [Self; 3] = [Self::Page, Self::Tab, Self::Worker];
    pub fn name(self) -> &'static str {
        ["page", "tab", "worker"][self as usize]
    }
}

/// What a future came to.
pub enum Mail {
    Opened(Result<Rc<Core>, CoreError>),
    Drained(Result<DrainReport, CoreError>),
    Recorded(usize, Result<Receipt, CoreError>),
    /// a correction: the line in the book, what is corrected, and what it says now
    Corrected(usize, OperationId, String, Result<Receipt, CoreError>),
    /// the end of a shift, with what had been confirmed when it was asked for
    Closed(Vec<OperationId>, Result<ShiftClose, CoreError>),
    /// somebody else is signed in now, or that could not be done
    Signed(Result<(), CoreError>),
    Looked,
    Nothing,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task {
    slot: Slot,
    woken: Arc<Woken>,
    waker: Waker,
    future: Pin<Box<dyn Future<Output = Mail>>>,
}

#[derive(Default)]
pub struct Place {
    /// another number after each death
    pub context: u32,
    pub core: Option<Rc<Core>>,
    pub opening: bool,
    pub frozen: bool,
    /// the timer that counts, and whether it went off while nothing ran
    pub timer: u64,
    pub missed: bool,
}

pub struct Phone {
    pub places: [Place; 3],
    tasks: Vec<Task>,
    chance: Chance,
    contexts: u32,
    pub polls: u64,
}

impl Phone {
    pub fn new(seed: u64) -> Self {
        Self {
            places: Default::default(),
            tasks: vec![],
            chance: Chance::new(seed, "turns"),
            contexts: 0,
            polls: 0,
        }
    }

    pub fn place(&mut self, slot: Slot) -> &mut Place {
        &mut self.places[slot as usize]
    }

    pub fn core(&self, slot: Slot) -> Option<Rc<Core>> {
        let place = &self.places[slot as usize];
        place.core.clone().filter(|_| !place.frozen)
    }

    /// A number that no context had before.
    pub fn next_context(&mut self) -> u32 {
        self.contexts += 1;
        self.contexts
    }

    /// Made where it stays: a drain's future is large, and moving it costs more than many a turn of it.
    #[inline(always)]
    pub fn spawn<F: Future<Output = Mail> + 'static>(
        &mut self,
        slot: Slot,
        make: impl FnOnce() -> F,
    ) {
        let future: Pin<Box<dyn Future<Output = Mail>>> = Box::pin(make());
        self.begin(slot, future);
    }

    fn begin(&mut self, slot: Slot, future: Pin<Box<dyn Future<Output = Mail>>>) {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.tasks.push(Task {
            slot,
            waker: Waker::from(woken.clone()),
            woken,
            future,
        });
    }

    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Gives one future that can go on its turn. `None`: nobody can.
    pub fn turn(&mut self) -> Option<(Slot, Option<Mail>)> {
        let can = |task: &Task, places: &[Place; 3]| {
            !places[task.slot as usize].frozen && task.woken.0.load(Ordering::Relaxed)
        };
        let ready = self.tasks.iter().filter(|t| can(t, &self.places)).count();
        if ready == 0 {
            return None;
        }
        let chosen = self.chance.below(ready);
        let mut able = (0..self.tasks.len()).filter(|i| can(&self.tasks[*i], &self.places));
        let at = able.nth(chosen)?;
        let task = &mut self.tasks[at];
        task.woken.0.store(false, Ordering::Relaxed);
        self.polls += 1;
        let slot = task.slot;
        let mut context = Context::from_waker(&task.waker);
        match task.future.as_mut().poll(&mut context) {
            Poll::Pending => Some((slot, None)),
            Poll::Ready(mail) => {
                drop(self.tasks.swap_remove(at));
                Some((slot, Some(mail)))
            }
        }
    }

    /// The context is gone where it stands; nothing of it runs any more.
    pub fn kill(&mut self, slot: Slot) {
        self.tasks.retain(|task| task.slot != slot);
        let place = self.place(slot);
        *place = Place {
            timer: place.timer + 1,
            ..Place::default()
        };
    }
}
