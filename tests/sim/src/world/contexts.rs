//! Pages, tabs and workers: opened, woken, frozen, killed, and what comes back from them.

use super::*;

impl World {
    pub(super) fn open(&mut self, slot: Slot) {
        if self.phone.place(slot).core.is_some() || self.phone.place(slot).opening {
            return;
        }
        let context = self.phone.next_context();
        let seed = self.chance.next();
        let host = self.base.context(seed, context);
        // A worker opens with what is stored; a page brings the newest.
        let document = (slot != Slot::Worker).then(|| self.setting.strategy.profile(self.revision));
        let place = self.phone.place(slot);
        place.opening = true;
        place.context = context;
        self.say(format_args!("{} opens as context {context}", slot.name()));
        self.phone.spawn(slot, move || async move {
            let servers = if document.is_some() {
                servers()
            } else {
                Dictionary::default()
            };
            let core = Driver::open(host, document, servers, Dictionary::default()).await;
            Mail::Opened(core.map(Rc::new))
        });
    }

    pub(super) fn kill(&mut self, slot: Slot) {
        let context = self.phone.place(slot).context;
        if context == 0 {
            return;
        }
        let torn = self.setting.faults.has(Fault::Torn) && self.crashes.in_thousand(500);
        if torn {
            self.base.lock.tear(context);
        }
        self.say(format_args!("{} dies, locks kept: {torn}", slot.name()));
        self.kill_gently(slot);
        let after = self.crashes.between(100, 60_000);
        self.later(after, Event::Reopen(slot));
    }

    pub(super) fn kill_gently(&mut self, slot: Slot) {
        self.crashed += 1;
        self.phone.kill(slot);
        let gone: Vec<(usize, Slot, bool)> = self.couriers[self.who]
            .calls
            .extract_if(.., |(_, of, _)| *of == slot)
            .collect();
        for (line, _, leads) in gone {
            self.say(format_args!("nobody will know of line {line}"));
            if leads {
                // He looks whether it is there before he says a second time what adds up.
                let courier = &mut self.couriers[self.who];
                if courier.steps.front().is_some_and(|s| s.what.adds_up()) {
                    courier.steps.pop_front();
                }
                self.later(4_000, Event::Act);
            }
        }
        if slot == Slot::Page {
            self.looking = false;
            self.signing = false;
            self.correcting = false;
            self.closing = false;
        }
    }

    pub(super) fn freeze(&mut self, slot: Slot, ms: i64) {
        let place = self.phone.place(slot);
        if place.core.is_none() || place.frozen {
            return;
        }
        place.frozen = true;
        let context = place.context;
        self.say(format_args!("{} stands still for {ms} ms", slot.name()));
        self.later(ms, Event::Thaw(slot, context));
    }

    pub(super) fn thaw(&mut self, slot: Slot) {
        let place = self.phone.place(slot);
        place.frozen = false;
        if std::mem::take(&mut place.missed) {
            self.wake(slot, WakeReason::Visible, None);
        }
        self.say(format_args!("{} goes on", slot.name()));
    }

    pub(super) fn wake(&mut self, slot: Slot, reason: WakeReason, budget: Option<u32>) {
        let Some(core) = self.phone.core(slot) else {
            return;
        };
        self.say(format_args!("{} wakes: {}", slot.name(), reason.name()));
        self.phone.spawn(slot, move || async move {
            Mail::Drained(core.drain(reason, budget).await)
        });
    }

    pub(super) fn mail(&mut self, slot: Slot, mail: Mail) {
        match mail {
            Mail::Opened(Ok(core)) => {
                let place = self.phone.place(slot);
                place.opening = false;
                place.core = Some(core);
                let (reason, budget) = match slot {
                    Slot::Worker => (WakeReason::Push, Some(8_000)),
                    _ => (WakeReason::Opened, None),
                };
                self.wake(slot, reason, budget);
                if let Some(core) = self.phone.core(slot).filter(|_| slot == Slot::Page) {
                    self.phone.spawn(slot, move || async move {
                        let _ = core.sweep().await;
                        Mail::Nothing
                    });
                }
            }
            Mail::Opened(Err(e)) => {
                self.say(format_args!("{} does not open: {}", slot.name(), e.code));
                self.phone.kill(slot);
                self.later(5_000, Event::Reopen(slot));
            }
            Mail::Drained(result) => self.drained(slot, result),
            Mail::Recorded(line, result) => self.recorded(slot, line, result),
            Mail::Corrected(line, id, text, result) => self.corrected(line, &id, &text, result),
            Mail::Closed(confirmed, result) => self.closed(&confirmed, result),
            Mail::Signed(result) => {
                self.signing = false;
                let code = result.as_ref().map_or_else(|e| &*e.code, |()| "ok");
                self.say(format_args!("{} signed: {code}", slot.name()));
                match result {
                    Ok(()) => self.wake(slot, WakeReason::SignedIn, None),
                    Err(_) => self.later(20_000, Event::Visit),
                }
            }
            Mail::Looked => {
                self.looking = false;
                self.wake(slot, WakeReason::Manual, None);
            }
            Mail::Nothing => {}
        }
    }

    pub(super) fn drained(
        &mut self,
        slot: Slot,
        result: Result<pannier::ports::drain::DrainReport, pannier::ports::CoreError>,
    ) {
        let wall = self.wall();
        let wait = match &result {
            Ok(report) => {
                self.say(format_args!(
                    "{} drained: {:?}, {} attempted, {} settled, {} wait",
                    slot.name(),
                    report.stopped,
                    report.attempted,
                    report.settled,
                    report.waiting
                ));
                // A browser takes no timer of more than 24 days, and sleeps no longer than a day.
                report
                    .next_wake_at
                    .map(|at| (at - wall).clamp(250, 86_400_000))
            }
            Err(e) => {
                self.say(format_args!("{} drain failed: {}", slot.name(), e.code));
                Some(5_000)
            }
        };
        let place = self.phone.place(slot);
        place.timer += 1;
        let timer = place.timer;
        if let Some(wait) = wait.filter(|_| slot != Slot::Worker) {
            self.later(wait, Event::Timer(slot, timer));
        }
    }
}
