//! Counting again: what has settled is looked at once more at the backend, since a request that the
//! network kept may land after its count. One request tells of everything that the same question
//! is asked for, which as a rule is a stop's work.

use super::clock::Clock;
use super::drain::{Draining, WakeReason};
use super::driver::{Boxed, Driver};
use super::error::CoreError;
use super::host::Host;
use super::records;
use super::session::Renewal;
use super::store::{Committed, Record};
use crate::domain::operation::Operation;
use crate::engine::change::{Change, Seen, StopRecord, settled_at};
use crate::engine::context::for_operation;
use crate::engine::count::{counted_again, counted_again_at, counted_steps, held};
use crate::profile::document::{Profile, Verdict};
use crate::profile::http::Exchange;
use crate::profile::judge::{Ruling, answer_value, judge, says_something};
use crate::profile::request::build;

/// A backend that says nothing useful of an operation for so long is asked no more.
const ASKED_FOR_MS: i64 = 3_600_000;
/// The pause of a backend that asks for one.
const PAUSE_MS: i64 = 60_000;

impl<H: Host> Driver<H> {
    /// Counts again what settled long enough ago. Whatever else there is to do goes first.
    pub(super) fn count_again<'a>(
        &'a self,
        d: &'a mut Draining,
    ) -> Boxed<'a, Result<(), CoreError>> {
        Box::pin(async move {
            self.count_due.set(None);
            let profile = self.profile();
            if !can_count(&profile) {
                return Ok(());
            }
            let now = self.now();
            let person = d.reason == WakeReason::Manual;
            // Moments after this one were written before the clock was set back.
            let from = d.reach.counted_to.unwrap_or(now - ASKED_FOR_MS).min(now);
            let (mut next, mut due) = (from, None);
            let mut ops: Vec<Seen<Operation>> = vec![];
            let mut visit = |record: &Record| {
                let Ok(op) = records::open::<Operation>(record) else {
                    return true;
                };
                next = settled_at(&op.value).unwrap_or(now);
                if let Some((first, usual)) = counted_again_at(&profile, &op.value) {
                    if now < if person { first } else { usual } {
                        due = Some(first);
                        return false;
                    }
                    next += 1;
                    ops.push(op);
                }
                true
            };
            let from = u64::try_from(from).unwrap_or(0);
            self.each_settled(&d.account, from, &mut visit).await?;
            self.count_due.set(due);
            let mut asked = vec![];
            for op in ops {
                let at = settled_at(&op.value).unwrap_or(now);
                let last = now - at > ASKED_FOR_MS;
                if !self.count_one(d, op, last, &mut asked).await? {
                    next = at;
                    break;
                }
            }
            d.reach.counted_to = Some(next);
            Ok(())
        })
    }

    /// False: not now.
    async fn count_one(
        &self,
        d: &mut Draining,
        mut op: Seen<Operation>,
        last: bool,
        asked: &mut Vec<(String, Exchange)>,
    ) -> Result<bool, CoreError> {
        let profile = self.profile();
        let mut stop = None;
        if let Some(id) = op.value.stop() {
            let found = self.list(records::stop(&d.account, id)).await?;
            stop = records::value::<StopRecord>(&found);
        }
        let stop = stop.as_deref();
        let here = self.here_for(d);
        let mut change = Change {
            generation: Some(d.generation),
            ..Change::default()
        };
        for (step, probe) in counted_steps(&profile, &op.value) {
            let context = for_operation(&profile, &op.value, stop, &d.session, &here);
            // What it asked by may be gone with the route.
            let Ok(request) = build(&profile, &probe.request, &context) else {
                continue;
            };
            let known = |(url, _): &(String, Exchange)| *url == request.url;
            let place = match asked.iter().position(known) {
                Some(place) if request.method == "GET" => place,
                _ => {
                    let over = self.host.clock().monotonic_ms() > d.soft_end;
                    if over || self.wanted.get().is_some() {
                        return Ok(false);
                    }
                    let exchange = self.exchange(&d.account, &request).await;
                    asked.push((request.url, exchange));
                    asked.len() - 1
                }
            };
            let Ok(answer) = &asked[place].1 else {
                return Ok(false);
            };
            let ruling = judge(&step.outcomes, &profile, answer, &context)?;
            if ruling.verdict == Ruling::Rule(Verdict::Auth) {
                // Nothing may be left to send that would renew the token. Once: a backend that shows
                // this to nobody says the same of every token.
                if !self.count_renewed.replace(true)
                    && let Renewal::Renewed = self.renew(&d.session).await?
                {
                    self.count_due.set(Some(self.now()));
                }
                return Ok(false);
            }
            self.count_renewed.set(false);
            let subject = answer_value(answer);
            let whole = says_something(answer, &subject);
            let context = context.with("response", subject);
            let Some(held) = held(probe, &context).ok().flatten().filter(|_| whole) else {
                if answer.status == 429 {
                    let now = self.now();
                    d.reach.pause(now + PAUSE_MS, now);
                }
                // The backend itself says that what it was asked by is not there for us any more: that
                // one is never told of, and holds up none behind it.
                let gone = matches!(answer.status, 403 | 404 | 410) && answer.is_json();
                return Ok(last || gone);
            };
            let mirror = stop.map(|s| &s.mirror);
            if let Some(notice) = counted_again(&mut op.value, step, held, mirror, self.now()) {
                change.put_blind(&notice);
            }
        }
        if change.is_empty() {
            return Ok(true);
        }
        change.put_seen(&op);
        d.report.duplicates += 1;
        let done = self.write(&d.account, change).await?;
        Ok(matches!(done, Committed::Done(_)))
    }
}

fn can_count(profile: &Profile) -> bool {
    let mut steps = profile.operations.values().flat_map(|o| &o.steps);
    steps.any(|s| s.probe.as_ref().is_some_and(|p| p.count.is_some()))
}
