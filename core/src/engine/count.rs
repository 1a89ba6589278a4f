//! Counting: what a backend holds of a step that it has said yes to. A browser may send a request
//! again on its own when a connection dies, and a delayed original may land beside its repetition;
//! where nothing at the backend tells the two apart, the duplicate is at least found and told. One
//! that lands after the count is found when what has settled is counted again.

use super::attempt::Turning;
use super::change::Notice;
use crate::domain::json::FromJson;
use crate::domain::operation::{Operation, OperationState, Purpose, Reason};
use crate::domain::stop::Stop;
use crate::profile::ProfileError;
use crate::profile::document::{Probe, Profile, StepProfile, Verdict};
use crate::profile::http::Answer;
use crate::profile::judge::{Judgement, Ruling, says_something};
use crate::profile::value::{Context, fill};
use crate::sabotage::{Sabotage, is};

/// So often is asked before the operation goes on uncounted: its lane waits meanwhile.
const COUNT_TRIES_MAX: u32 = 6;

/// What has settled is counted again this long after, so that a stop's work is asked for at once.
const AGAIN_AFTER_MS: i64 = 60_000;

/// How many an answer shows that says something, if it says anything about that.
pub fn held(probe: &Probe, context: &Context) -> Result<Option<u32>, ProfileError> {
    let Some(tree) = &probe.count else {
        return Ok(None);
    };
    Ok(fill(tree, context)?.and_then(|v| u32::from_json(v).ok()))
}

/// The steps of an operation that the backend has said yes to and can be counted.
pub fn counted_steps<'a>(
    profile: &'a Profile,
    op: &Operation,
) -> Vec<(&'a StepProfile, &'a Probe)> {
    let mut found = vec![];
    if let Some(kind) = profile.operations.get(op.intent.kind()) {
        for step in &kind.steps {
            let done = op.steps.iter().any(|done| done.step == step.step_id);
            if let Some(probe) = step.probe.as_ref().filter(|p| done && p.count.is_some()) {
                found.push((step, probe));
            }
        }
    }
    found
}

/// When a settled operation is to be counted again, at the earliest and as a rule; `None`: not at all.
pub fn counted_again_at(profile: &Profile, op: &Operation) -> Option<(i64, i64)> {
    let OperationState::Settled { at, .. } = op.state else {
        return None;
    };
    let steps = counted_steps(profile, op).into_iter();
    let settle = i64::from(steps.map(|(step, _)| step.settle_ms).max()?);
    Some((at + settle, at + settle.max(AGAIN_AFTER_MS)))
}

/// A settled operation's step was counted again: the notice, where that is news.
pub fn counted_again(
    op: &mut Operation,
    step: &StepProfile,
    held: u32,
    stop: Option<&Stop>,
    now: i64,
) -> Option<Notice> {
    if is(Sabotage::HideDuplicates) {
        return None;
    }
    let mut last = None;
    for attempt in op.attempts.iter_mut().filter(|a| a.step == step.step_id) {
        let told = attempt.reason.as_ref().and_then(|r| r.times);
        if told.unwrap_or(1) >= held {
            return None;
        }
        last = Some(&mut attempt.reason);
    }
    let reason = duplicate(held);
    *last? = Some(reason.clone());
    Some(Notice::of(op, stop, now, &reason))
}

fn duplicate(times: u32) -> Reason {
    Reason {
        times: Some(times),
        ..Reason::new("duplicate")
    }
}

impl Turning<'_> {
    pub(super) fn is_counting(&self, step: &StepProfile) -> bool {
        self.head.value.uncounted.as_ref() == Some(&step.step_id)
    }

    /// When a step that just got its yes is to be counted; `None`: not at all, or a probe just did.
    pub(super) fn count_due_at(&self, step: &StepProfile) -> Option<i64> {
        step.probe.as_ref()?.count.as_ref()?;
        let mut attempts = self.head.value.attempts.iter().rev();
        if attempts.next()?.purpose != Purpose::Send {
            return None;
        }
        // What an earlier attempt sent may still land.
        let again = attempts.any(|a| a.step == step.step_id && a.purpose == Purpose::Send);
        let settle = if again { i64::from(step.settle_ms) } else { 0 };
        Some(self.turn.now + settle)
    }

    /// The answer to the question how many there are.
    pub(super) fn counted(
        &mut self,
        step: &StepProfile,
        answer: &Answer,
        ruling: Judgement,
    ) -> Result<(), ProfileError> {
        match ruling.verdict {
            Ruling::Rule(Verdict::Auth | Verdict::AuthUnsure) => {
                self.sign_in();
                return Ok(());
            }
            Ruling::Rule(Verdict::Throttled) => {
                self.throttled(&ruling);
                return Ok(());
            }
            _ => {}
        }
        self.name("counted");
        let whole = says_something(answer, &ruling.subject);
        let context = self.context().with("response", ruling.subject);
        let held = match &step.probe {
            Some(probe) if whole => held(probe, &context)?,
            _ => None,
        };
        // A list may lag behind what was just written.
        if held.is_none_or(|n| n == 0) && self.head.value.failures + 1 < COUNT_TRIES_MAX {
            self.name("unclear");
            self.later();
            return Ok(());
        }
        self.tell_held(held);
        self.end_count();
        Ok(())
    }

    /// No answer: asked again, but not for ever.
    pub(super) fn count_failed(&mut self) {
        if self.head.value.failures + 1 < COUNT_TRIES_MAX {
            self.later();
        } else {
            self.end_count();
        }
    }

    fn end_count(&mut self) {
        self.head.value.uncounted = None;
        self.head.value.failures = 0;
        self.go_on();
    }

    /// Anything but one is told, by name and with the operation.
    pub(super) fn tell_held(&mut self, held: Option<u32>) {
        let reason = match held {
            None | Some(1) => return,
            Some(2..) if is(Sabotage::HideDuplicates) => return,
            Some(0) => Reason::new("not_shown"),
            Some(n) => {
                self.out.duplicates += 1;
                duplicate(n)
            }
        };
        self.tell(reason);
    }

    /// A line in the operation's history, and a notice for whoever does not read histories.
    pub(super) fn tell(&mut self, reason: Reason) {
        let stop = self.stop.as_ref().map(|s| &s.value.mirror);
        let op = &mut self.head.value;
        let notice = Notice::of(op, stop, self.turn.now, &reason);
        if let Some(attempt) = op.attempts.last_mut() {
            attempt.reason = Some(reason);
        }
        self.change.put_blind(&notice);
    }
}
