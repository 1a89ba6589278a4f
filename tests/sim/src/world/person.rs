//! The courier and whoever looks at the phone: what is recorded, handed over, signed in and looked
//! through.

use super::*;

impl World {
    pub(super) fn act(&mut self) {
        let courier = &self.couriers[self.who];
        if courier.calls.iter().any(|(_, _, leads)| *leads) {
            return;
        }
        let Some(step) = courier.steps.front().cloned() else {
            return;
        };
        let second = courier.steps.get(1).cloned();
        let tab = self.chance.in_thousand(250);
        let twice = self.chance.in_thousand(60);
        let both = self.chance.in_thousand(80);
        let slot = [Slot::Page, Slot::Tab][usize::from(tab)];
        let slot = [slot, Slot::Page, Slot::Tab]
            .into_iter()
            .find(|slot| self.phone.core(*slot).is_some());
        let Some(slot) = slot else {
            self.later(3_000, Event::Act);
            return;
        };
        self.record(slot, &step, true);
        let other = [Slot::Tab, Slot::Page][usize::from(slot == Slot::Tab)];
        if twice {
            // A double tap: the same thing once more before the first has come back.
            self.record(slot, &step, false);
        } else if both
            && self.phone.core(other).is_some()
            && let Some(second) = second.filter(|s| !s.what.adds_up())
        {
            self.record(other, &second, false);
        }
    }

    pub(super) fn record(&mut self, slot: Slot, step: &Step, leads: bool) {
        let Some(core) = self.phone.core(slot) else {
            return;
        };
        let who = self.couriers[self.who].account;
        let line = self
            .book
            .borrow_mut()
            .open(who, step.what.kind(), &step.stop);
        self.couriers[self.who].calls.push((line, slot, leads));
        self.say(format_args!(
            "{who} records {} at {} in the {} (line {line})",
            step.what.kind(),
            step.stop,
            slot.name()
        ));
        let step = step.clone();
        self.phone.spawn(slot, move || async move {
            Mail::Recorded(line, record(&core, &step).await)
        });
    }

    pub(super) fn recorded(&mut self, slot: Slot, line: usize, result: Result<Receipt, CoreError>) {
        let told = told(&result);
        let mut book = self.book.borrow_mut();
        if let Told::Recorded(id, _) = &told
            && book.lines[line].kind == "note"
        {
            book.words.insert(id.clone(), vec![What::NOTE.to_owned()]);
        }
        drop(book);
        self.say(format_args!("line {line}: {told:?}"));
        let again = matches!(&told, Told::Failed(_))
            || matches!(&told, Told::Refused(code) if code == "signed_out" || code == "blob_unknown");
        self.book.borrow_mut().lines[line].told = told;
        let mut leads = false;
        for courier in &mut self.couriers {
            courier.calls.retain(|(l, _, lead)| {
                leads |= *l == line && *lead;
                *l != line
            });
        }
        if result.is_ok() {
            self.wake(slot, WakeReason::Recorded, None);
            if self.chance.in_thousand(150) {
                self.later(
                    200,
                    Event::Wake(Slot::Worker, WakeReason::Sync, Some(60_000)),
                );
            }
        }
        if !leads {
            return;
        }
        let pause = self.chance.between(500, 18_000);
        let courier = &mut self.couriers[self.who];
        courier.tries += 1;
        if !again || courier.tries > 60 {
            courier.tries = 0;
            courier.steps.pop_front();
        }
        self.later(if again { 5_000 + pause } else { pause }, Event::Act);
    }

    /// A note ought to say something else.
    pub(super) fn correct(&mut self) {
        let Some(core) = self.phone.core(Slot::Page).filter(|_| !self.correcting) else {
            return;
        };
        let who = self.couriers[self.who].account;
        let mut book = self.book.borrow_mut();
        let notes = book.lines.iter().rev();
        let mut notes = notes.filter(|line| line.account == who && line.kind == "note");
        let note = notes.find_map(|line| match &line.told {
            Told::Recorded(id, _) => Some((id.clone(), line.stop.clone())),
            _ => None,
        });
        let Some((id, stop)) = note else {
            return;
        };
        let line = book.open(who, "note", &stop);
        let text = format!("corrected in line {line}");
        book.correcting(&id, &text);
        drop(book);
        self.correcting = true;
        self.say(format_args!("{who} corrects {id} (line {line})"));
        self.phone.spawn(Slot::Page, move || async move {
            let mut changes = Map::new();
            changes.insert("text".into(), json!(text));
            let result = core.amend(&id, changes).await;
            Mail::Corrected(line, id, text, result)
        });
    }

    pub(super) fn corrected(
        &mut self,
        line: usize,
        id: &OperationId,
        text: &str,
        result: Result<Receipt, CoreError>,
    ) {
        self.correcting = false;
        let told = told(&result);
        self.say(format_args!("line {line}: {told:?}"));
        let mut book = self.book.borrow_mut();
        match &told {
            Told::Recorded(by, _) => book.corrected(id, by, text),
            Told::Refused(_) => book.not_corrected(id),
            _ => {}
        }
        book.lines[line].told = told;
        drop(book);
        if result.is_ok() {
            self.wake(Slot::Page, WakeReason::Recorded, None);
        }
    }

    /// The phone is about to be handed in.
    pub(super) fn close_shift(&mut self) {
        let Some(core) = self.phone.core(Slot::Page).filter(|_| !self.closing) else {
            return;
        };
        let who = self.couriers[self.who].account;
        if self.signed_in_as().as_deref() != Some(who) {
            return;
        }
        let confirmed = self.book.borrow().confirmed(who);
        self.closing = true;
        self.say(format_args!("{who} closes the shift"));
        self.phone.spawn(Slot::Page, move || async move {
            Mail::Closed(confirmed, core.close_shift(None).await)
        });
    }

    /// "Nothing unsent" is said of what was confirmed by then.
    pub(super) fn closed(
        &mut self,
        confirmed: &[OperationId],
        result: Result<ShiftClose, CoreError>,
    ) {
        self.closing = false;
        let Ok(report) = result else {
            return;
        };
        self.say(format_args!(
            "the shift is closed: {} unsent",
            report.unsent
        ));
        self.closings.0 += 1;
        self.closings.1 += usize::from(report.clear);
        let mut watch = self.watch.borrow_mut();
        if let Some(id) = confirmed
            .iter()
            .find(|id| report.clear && !watch.is_over(id))
        {
            let text = format!("nothing was said to be unsent while {id} waited");
            watch.violations.push(Violation::new("shift close", text));
        }
    }

    pub(super) fn hand_over(&mut self, account: &'static str) {
        let to = usize::from(account == BERT);
        if self.who == to {
            self.waits_for_phone = false;
            return;
        }
        if self.couriers[self.who]
            .calls
            .iter()
            .any(|(_, _, leads)| *leads)
        {
            // He finishes what he is at.
            self.waits_for_phone = true;
            self.later(1_000, Event::HandOver(account));
            return;
        }
        self.waits_for_phone = false;
        self.say(format_args!("the phone goes to {account}"));
        self.who = to;
        self.later(2_000, Event::Act);
        self.visit();
    }

    /// A person looks at the phone: signs in where that is asked for, and looks through what is
    /// parked.
    pub(super) fn visit(&mut self) {
        let Some(core) = self.phone.core(Slot::Page) else {
            return;
        };
        let who = self.couriers[self.who].account;
        let wrong = self.signed_in_as().as_deref() != Some(who);
        if wrong && !self.signing {
            self.signing = true;
            self.phone.spawn(Slot::Page, move || async move {
                Mail::Signed(sign_in_as(&core, who).await)
            });
        } else if !wrong && !self.looking && self.has_parked(who) {
            self.looking = true;
            let (book, backend, strategy) = (
                self.book.clone(),
                self.backend.clone(),
                self.setting.strategy,
            );
            self.phone.spawn(Slot::Page, move || async move {
                look_through(&core, who, &book, &backend, strategy).await;
                Mail::Looked
            });
        }
    }

    pub(super) fn signed_in_as(&self) -> Option<String> {
        use pannier::ports::store::Key;
        self.store.look(|tables| {
            let (_, current) = tables.get(Table::Session, &Key::new("").text("current"))?;
            let current: Current = from_text(&current.body).ok()?;
            let key = Key::new(&current.account).text("session");
            let (_, session) = tables.get(Table::Session, &key)?;
            let session: Session = from_text(&session.body).ok()?;
            (session.state == SessionState::SignedIn).then_some(current.account)
        })
    }

    pub(super) fn lanes(&self, account: &str) -> Vec<pannier::engine::lane::Lane> {
        use pannier::ports::records;
        self.store.look(|tables| {
            let rows = tables.rows(Table::Lanes);
            rows.filter(|record| record.key.text_at(0) == account)
                .filter_map(|record| records::open(&record).ok().map(|seen| *seen.value))
                .collect()
        })
    }

    pub(super) fn has_parked(&self, account: &str) -> bool {
        use pannier::engine::lane::HeadState;
        let lanes = self.lanes(account);
        lanes.iter().any(|lane| lane.head.is == HeadState::Parked)
    }
}

fn told(result: &Result<Receipt, CoreError>) -> Told {
    match result {
        Ok(receipt) if receipt.duplicate => Told::Duplicate(receipt.operation.clone()),
        Ok(receipt) => Told::Recorded(receipt.operation.clone(), receipt.seq),
        Err(e) if e.code.starts_with("storage_") || e.code == "contended" => {
            Told::Failed(e.code.clone())
        }
        Err(e) => Told::Refused(e.code.clone()),
    }
}

async fn record(core: &Core, step: &Step) -> Result<Receipt, CoreError> {
    let blob = if step.what.has_picture() {
        let bytes = step.picture();
        let staged = core
            .stage(&bytes.clone(), bytes.len() as u64, bytes)
            .await?;
        Some(staged.handle)
    } else {
        None
    };
    core.record(step.intent(blob), None).await
}

async fn sign_in_as(core: &Core, who: &str) -> Result<(), pannier::ports::CoreError> {
    if let Some(session) = core.session().await?
        && (session.value.account.0 != who || session.value.state == SessionState::SignedOut)
    {
        core.sign_out(true).await?;
    }
    core.sign_in(credentials(who)).await?;
    core.refresh_route().await?;
    Ok(())
}

/// What a person does with what is parked: he asks the office whether it is there, lets go what the
/// office took, and tries the rest again.
async fn look_through(
    core: &Core,
    who: &str,
    book: &RefCell<Book>,
    backend: &Backend,
    strategy: crate::strategy::Strategy,
) {
    let query = OutboxQuery {
        state: OutboxFilter::Unsettled,
        ..OutboxQuery::default()
    };
    let Ok(page) = core.outbox(query).await else {
        return;
    };
    for item in page
        .items
        .iter()
        .filter(|item| item.state == OperationStateName::Parked)
    {
        let wanted = strategy.effects(&item.kind);
        let there = wanted.iter().all(|kind| backend.has(&item.id.0, kind));
        let stop = item.stop.as_ref().and_then(|stop| backend.status(&stop.0));
        let taken = stop.is_some_and(|(status, owner)| {
            // Somebody else's, or past it: by an earlier one that was set aside and landed late.
            let past = match &*item.kind {
                "arrive" => status != "assigned",
                "deliver" | "fail" | "return" => status != "arrived" && status != "assigned",
                _ => false,
            };
            owner != who || status == "cancelled" || past
        });
        let choice = if there || taken {
            Choice::Discarded
        } else {
            Choice::Retried
        };
        // Taken down first: a choice whose page dies may be in force all the same.
        book.borrow_mut().choices.push((item.id.clone(), choice));
        let _ = match choice {
            Choice::Discarded => core.discard(&item.id, "the office knows").await,
            Choice::Retried => core.retry(&item.id).await,
        };
    }
}
