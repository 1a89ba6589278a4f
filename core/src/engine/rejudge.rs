//! A newer profile meets what the older one left parked: the recorded answer is judged again.
//! Nothing is sent for it; what the new profile calls settled is settled, what it calls unsent
//! goes out again by the ordinary way, and what still needs a person waits under the new profile.
//! A newer route does so, too, for what it can show.

use super::attempt::{LanePart, Turn, Turned, Turning};
use crate::domain::operation::{Intent, OperationState, Purpose, Reason, Settlement};
use crate::domain::stop::StopStatus;
use crate::profile::ProfileError;
use crate::profile::document::{Profile, Verdict};
use crate::profile::http::Answer;
use crate::profile::judge::{Ruling, judge_knowing};
use crate::profile::request::outputs;

/// Takes a lane whose head is parked: under another revision than this profile's, or before the
/// route was asked for that is there now.
pub fn rejudge(turn: &Turn<'_>, profile: &Profile, part: LanePart, route_at: i64) -> Turned {
    let mut turning = Turning::new(turn, profile, part);
    if turning.settled_by_route(route_at) {
        return turning.finish();
    }
    let op = &mut turning.head.value;
    let parked = matches!(op.state, OperationState::Parked { .. });
    if !parked || op.profile.as_ref() == Some(&profile.revision) {
        return turning.finish();
    }
    op.profile = Some(profile.revision.clone());
    // What the new profile cannot judge stays as it is, and a person's retry goes by the new one.
    turning.out.reopened = matches!(turning.judge_again(), Ok(true));
    if !turning.out.reopened {
        turning.write_head();
    }
    turning.finish()
}

impl Turning<'_> {
    /// The backend shows what this would have done: nothing is left to send, or to decide.
    fn settled_by_route(&mut self, route_at: i64) -> bool {
        let op = &self.head.value;
        let (OperationState::Parked { at, reason }, Some(stop)) = (&op.state, &self.stop) else {
            return false;
        };
        if route_at <= *at {
            return false;
        }
        if reason.code == "stop_withdrawn" && !self.held() {
            let now = self.turn.now;
            self.head.value.state = OperationState::Waiting {
                due_at: now,
                floor_at: now,
            };
            self.out.reopened = true;
            self.write_head();
            return true;
        }
        if stop.value.gone {
            return false;
        }
        let there = stop.value.mirror.status;
        let ours = stop.value.progress.outcome.as_ref();
        let shown = match &op.intent {
            Intent::Arrive { .. } => !matches!(there, StopStatus::Open | StopStatus::Cancelled),
            _ => ours.is_some_and(|o| o.mark.seq == op.seq && o.status == there),
        };
        if !shown {
            return false;
        }
        if op.intent.outcome().is_some() && reason.code != "in_doubt" {
            self.tell(Reason::new("done_already"));
        }
        let (at, how) = (self.turn.now, Settlement::Already);
        self.change.strict = true;
        self.settle(OperationState::Settled { at, how });
        true
    }

    /// True: the head was moved.
    fn judge_again(&mut self) -> Result<bool, ProfileError> {
        let OperationState::Parked { reason, .. } = &self.head.value.state else {
            return Ok(false);
        };
        if reason.code == "in_doubt" {
            // Nobody could be asked then; perhaps there is somebody now.
            let can = self
                .step()?
                .is_some_and(|step| step.probe.is_some() || step.identity.resend_is_safe());
            if can {
                self.doubt(0);
            }
            return Ok(can);
        }
        // What was asked after the no is not what is judged.
        let mut attempts = self.head.value.attempts.iter().rev();
        let Some(attempt) = attempts.find(|a| a.purpose == Purpose::Send) else {
            return Ok(false);
        };
        let (Some(status), Some(body)) = (attempt.status, &attempt.answer) else {
            return Ok(false);
        };
        let media_type = attempt.media_type.clone().unwrap_or_default();
        let answer = Answer {
            status,
            headers: [("content-type".to_owned(), media_type)]
                .into_iter()
                .collect(),
            body: body.clone(),
            ..Answer::default()
        };
        let of_step = attempt.step.clone();
        let Some(step) = self.step()?.filter(|s| s.step_id == of_step) else {
            return Ok(false);
        };
        let context = self.context();
        let ruling = judge_knowing(&step.outcomes, self.profile, &answer, &context, true)?;
        match ruling.verdict {
            Ruling::Rule(verdict @ (Verdict::Applied | Verdict::Already)) => {
                let context = context.with("response", ruling.subject);
                let captured = outputs(&step.outputs, &context)?;
                self.step_done(step, captured, verdict == Verdict::Already);
            }
            Ruling::Rule(
                Verdict::Retry | Verdict::Throttled | Verdict::Auth | Verdict::AuthUnsure,
            ) => {
                let now = self.turn.now;
                self.head.value.state = OperationState::Waiting {
                    due_at: now,
                    floor_at: now,
                };
                self.write_head();
            }
            Ruling::Rule(Verdict::InDoubt) => self.doubt(0),
            Ruling::Rule(Verdict::Probe | Verdict::Conflict) if step.probe.is_some() => {
                let reason = self.conflicting(&ruling);
                self.ask_why(reason);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
