//! Counting: what a backend holds of a step that it has said yes to. A browser may send a request
//! again on its own when a connection dies, and a delayed original may land beside its repetition;
//! where nothing at the backend tells the two apart, the duplicate is at least found and told.

use super::attempt::Turning;
use super::change::Notice;
use crate::domain::json::FromJson;
use crate::domain::operation::{Purpose, Reason};
use crate::profile::ProfileError;
use crate::profile::document::{Probe, StepProfile, Verdict};
use crate::profile::http::Answer;
use crate::profile::judge::{Judgement, Ruling, answer_value, says_something};
use crate::profile::value::{Context, fill};

/// So often is asked before the operation goes on uncounted: its lane waits meanwhile.
const COUNT_TRIES_MAX: u32 = 6;

/// How many the answer shows, if it says anything about that.
pub(super) fn held(
    probe: &Probe,
    answer: &Answer,
    context: &Context,
) -> Result<Option<u32>, ProfileError> {
    let Some(tree) = probe.count.as_ref().filter(|_| says_something(answer)) else {
        return Ok(None);
    };
    Ok(fill(tree, context)?.and_then(|v| u32::from_json(v).ok()))
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
        let context = self.context().with("response", answer_value(answer));
        let held = match &step.probe {
            Some(probe) => held(probe, answer, &context)?,
            None => None,
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
            Some(0) => Reason::new("not_shown"),
            Some(n) => {
                self.out.duplicates += 1;
                Reason {
                    times: Some(n),
                    ..Reason::new("duplicate")
                }
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
