//! When faults are over: everything has to come to rest.

use super::*;

impl World {
    /// Nothing goes wrong any more: everything has to come to rest by itself, and what is parked by
    /// what a person decides.
    pub(super) fn rest(&mut self) {
        if self.restless.is_some() {
            return;
        }
        let from = self.now();
        self.say(format_args!("faults are over"));
        for slot in Slot::ALL {
            if self.phone.place(slot).frozen {
                self.thaw(slot);
            }
        }
        self.disk.borrow_mut().newer_from = 0;
        self.watch.borrow_mut().newer_from = 0;
        self.open(Slot::Page);
        self.wake(Slot::Page, WakeReason::Online, None);
        let mut looks = 0;
        let first = self.who;
        for who in [first, 1 - first, 0] {
            let account = self.couriers[who].account;
            if who != first && self.lanes(account).is_empty() {
                continue;
            }
            self.who = who;
            loop {
                if self.now() - from > REST_MS_MAX {
                    self.restless = Some(self.unrest(account));
                    return;
                }
                if self.phone.is_idle() {
                    if self.signed_in_as().as_deref() != Some(account) {
                        self.open(Slot::Page);
                        self.visit();
                    } else if self.is_at_rest(account) {
                        if !self.has_parked(account) {
                            if !self.closes_clear(account) {
                                return;
                            }
                            break;
                        }
                        looks += 1;
                        if looks > LOOKS_MAX {
                            self.restless = Some(self.unrest(account));
                            return;
                        }
                        self.visit();
                    }
                }
                if !self.step() {
                    let text = self.unrest(account);
                    self.restless.get_or_insert(text);
                    return;
                }
            }
        }
        // What is still on the wire arrives.
        let bound = self.now() + 3 * MINUTE_MS;
        while self.now() < bound && self.step() {}
    }

    /// Whoever hands the phone in now is told that nothing is unsent.
    fn closes_clear(&mut self, account: &str) -> bool {
        let (closed, clear) = self.closings;
        self.close_shift();
        while self.closing && self.step() {}
        if self.closings == (closed + 1, clear + 1) {
            return true;
        }
        let text = format!("{account} is told that something is unsent, and nothing is");
        let found = Violation::new("shift close", text);
        self.watch.borrow_mut().violations.push(found);
        false
    }

    pub(super) fn is_at_rest(&self, account: &str) -> bool {
        use pannier::engine::lane::HeadState;
        let lanes = self.lanes(account);
        lanes.iter().all(|lane| lane.head.is == HeadState::Parked)
    }

    pub(super) fn unrest(&self, account: &str) -> String {
        let lanes = self.lanes(account);
        let words: Vec<String> = lanes
            .iter()
            .map(|l| {
                format!(
                    "{} ({} operations, {:?}, due {})",
                    l.id, l.count, l.head.is, l.head.due_at
                )
            })
            .collect();
        format!(
            "at {} (wall {}) {account}'s outbox has not come to rest: {}",
            self.now(),
            self.wall(),
            words.join("; ")
        )
    }

    pub fn crashed(&self) -> u32 {
        self.crashed
    }
}
