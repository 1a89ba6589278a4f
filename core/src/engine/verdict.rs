//! An answer, or its absence, moves the head of a lane on. The table is in docs/architecture.md.

use super::amend::BACKEND_WINS;
use super::attempt::{LanePart, Send, Turn, Turned, Turning};
use super::backoff::{backoff_ms, is_ahead};
use super::change::Change;
use super::count::held;
use super::lane::Head;
use crate::domain::dictionary::Dictionary;
use crate::domain::operation::{Attempt, OperationState, Purpose, Reason, Settlement, StepDone};
use crate::domain::progress::Version;
use crate::domain::text::shown;
use crate::profile::ProfileError;
use crate::profile::document::{OnConflict, Profile, StepProfile, Verdict};
use crate::profile::http::{Answer, Exchange, NetFailure};
use crate::profile::judge::{
    Judgement, ProbeFinding, Ruling, answer_value, judge_knowing, judge_probe,
};
use crate::profile::request::outputs;
use crate::profile::value::{fill, plain_text};
use serde_json::{Map, Value};

/// How much of an answer that parked an operation is kept with it.
const ANSWER_CHARS_KEPT: usize = 4_000;
/// Probes in a row that were refused before a person has to find out.
const UNCLEAR_PROBES_MAX: usize = 8;
/// Attempts under "ours wins" before a person is asked after all.
const OURS_WINS_MAX: u32 = 3;
/// Answers of a probe that say nothing, after which the refusal stands.
const UNCLEAR_MAX: u32 = 6;

/// Takes the exchange that an attempt came to.
pub fn answer(
    turn: &Turn<'_>,
    profile: &Profile,
    part: LanePart,
    sent: &Send,
    exchange: &Exchange,
) -> Turned {
    let expected = matches!(
        part.head.value.state,
        OperationState::InFlight { attempt, .. } if attempt == sent.attempt
    );
    if !expected || part.head.value.seq != sent.seq {
        // A late answer of an older attempt: it may not move what has moved on.
        return Turned {
            change: late(part, sent, exchange),
            ..Turned::default()
        };
    }
    let mut turning = Turning::new(turn, profile, part);
    if let Err(e) = turning.judge(exchange) {
        turning.park(Reason::new(e.code).because(&e.text));
    }
    turning.finish()
}

/// Writes down that an answer came after all. It speaks for nobody's generation and moves nothing.
pub fn late(part: LanePart, sent: &Send, exchange: &Exchange) -> Option<Change> {
    let mut op = part.head.value;
    let answer = exchange.as_ref().ok()?;
    if op.seq != sent.seq {
        return None;
    }
    let attempt = op.attempts.iter_mut().find(|a| a.number == sent.attempt)?;
    attempt.late_status = Some(answer.status);
    let mut change = Change::default();
    change.put(&*op, part.head.revision);
    Some(change)
}

impl Turning<'_> {
    fn judge(&mut self, exchange: &Exchange) -> Result<(), ProfileError> {
        let OperationState::InFlight { purpose, .. } = self.head.value.state else {
            return Ok(());
        };
        let Some(step) = self.step()? else {
            return Ok(());
        };
        let answer = match exchange {
            Ok(answer) => answer,
            Err(failure) => {
                self.no_answer(step, failure);
                return Ok(());
            }
        };
        let mut context = self.context();
        if !answer.host.is_null() {
            context.set("host", answer.host.clone());
        }
        let signed_in = self.turn.signed_in;
        let ruling = judge_knowing(
            &step.outcomes,
            self.profile,
            answer,
            &context,
            signed_in == Some(true),
        )?;
        if ruling.verdict == Ruling::Rule(Verdict::AuthUnsure) && signed_in.is_none() {
            self.out.auth_unsure = true;
            return Ok(());
        }
        self.note(answer, &ruling);
        match purpose {
            Purpose::Send => {}
            Purpose::Probe => return self.probed(step, answer, ruling),
            Purpose::Count => return self.counted(step, answer, ruling),
        }
        match ruling.verdict {
            Ruling::Rule(Verdict::Applied | Verdict::Already) => {
                let context = context.with("response", ruling.subject);
                let captured = outputs(&step.outputs, &context)?;
                self.step_done(
                    step,
                    captured,
                    ruling.verdict == Ruling::Rule(Verdict::Already),
                );
            }
            Ruling::Rule(Verdict::Conflict | Verdict::Probe) => {
                self.refused(step, answer, self.conflicting(&ruling));
            }
            Ruling::Rule(Verdict::Invalid) => {
                let reason = self.reason("invalid", &ruling);
                self.refused(step, answer, reason);
            }
            Ruling::Rule(Verdict::Auth | Verdict::AuthUnsure) => self.sign_in(),
            Ruling::Rule(Verdict::Throttled) => self.throttled(&ruling),
            Ruling::Rule(Verdict::Retry) => self.later(),
            Ruling::Rule(Verdict::InDoubt) => self.doubt_after_failure(step),
            Ruling::Unmatched => {
                let reason = self.reason("unmatched", &ruling);
                self.refused(step, answer, reason);
            }
        }
        Ok(())
    }

    pub(super) fn conflicting(&self, ruling: &Judgement) -> Reason {
        self.reason("conflict", ruling)
    }

    /// A no to what was sent. An earlier attempt of ours, or a repetition that the browser made by
    /// itself, may be its reason: where the backend can be asked, that is settled without a person.
    fn refused(&mut self, step: &StepProfile, answer: &Answer, reason: Reason) {
        self.keep_answer(answer);
        if step.probe.is_some() {
            self.ask_why(reason);
        } else {
            self.decide(step, reason);
        }
    }

    pub(super) fn ask_why(&mut self, reason: Reason) {
        self.head.value.refused = Some(reason);
        self.head.value.failures = 0;
        self.doubt(0);
    }

    /// It is not there, and the backend said no.
    fn decide(&mut self, step: &StepProfile, reason: Reason) {
        if reason.code == "conflict" {
            self.conflict(step, reason);
        } else {
            self.park(reason);
        }
    }

    fn probed(
        &mut self,
        step: &StepProfile,
        answer: &Answer,
        ruling: Judgement,
    ) -> Result<(), ProfileError> {
        match ruling.verdict {
            Ruling::Rule(Verdict::Auth | Verdict::AuthUnsure) => {
                self.sign_in_from_doubt();
                return Ok(());
            }
            Ruling::Rule(Verdict::Throttled) => {
                let wait = ruling.retry_after_ms.unwrap_or_else(|| self.failed());
                let at = self.turn.now + wait;
                self.head.value.state = OperationState::InDoubt {
                    due_at: at,
                    floor_at: at,
                };
                self.out.throttled_until = Some(at);
                self.write_head();
                return Ok(());
            }
            _ => {}
        }
        let Some(probe) = &step.probe else {
            return Ok(());
        };
        let context = self.context();
        let found = judge_probe(probe, answer, &ruling.subject, &context)?;
        self.name(found.name());
        match found {
            ProbeFinding::Applied => {
                let context = context.with("response", ruling.subject);
                let captured = outputs(&probe.outputs, &context)?;
                self.tell_held(held(probe, &context)?);
                self.step_done(step, captured, true);
            }
            ProbeFinding::NotApplied => match self.head.value.refused.take() {
                Some(mut reason) => {
                    let context = context.with("response", ruling.subject);
                    self.head.value.fresh = outputs(&probe.fresh, &context)?;
                    let message = probe.message.as_ref().filter(|_| reason.code == "conflict");
                    if let Some(tree) = message {
                        let words = fill(tree, &context)?.map(|v| shown(&plain_text(&v), 300));
                        reason.backend = words.or(reason.backend);
                    }
                    self.decide(step, reason);
                }
                None => {
                    let now = self.turn.now;
                    self.head.value.state = OperationState::Waiting {
                        due_at: now,
                        floor_at: now,
                    };
                    self.again(step);
                }
            },
            // The backend answers, and always the same: a person has to find out.
            ProbeFinding::Unknown
                if ruling.verdict != Ruling::Rule(Verdict::InDoubt)
                    && self.refused_probes() >= UNCLEAR_PROBES_MAX =>
            {
                let reason = self.reason("in_doubt", &ruling);
                self.park(reason);
            }
            ProbeFinding::Unknown => {
                let wait = self.failed();
                match self.head.value.refused.take() {
                    // A no is on record: a person is asked before a probe is for ever.
                    Some(reason) if self.head.value.failures >= UNCLEAR_MAX => {
                        self.decide(step, reason);
                    }
                    refused => {
                        self.head.value.refused = refused;
                        self.doubt(wait);
                    }
                }
            }
        }
        Ok(())
    }

    /// The backend has this step. Next step, or the operation is settled.
    pub(super) fn step_done(
        &mut self,
        step: &StepProfile,
        captured: Map<String, Value>,
        already: bool,
    ) {
        let now = self.turn.now;
        self.change.strict |= !captured.is_empty();
        if let (Some(version), Some(stop)) = (captured.get("version"), &mut self.stop) {
            stop.value.progress.version = Some(Version {
                text: plain_text(version),
                at: now,
            });
            self.change.put_seen(stop);
        }
        let at = self.count_due_at(step);
        let op = &mut self.head.value;
        op.failures = 0;
        op.refused = None;
        op.fresh = Map::new();
        op.overruled = 0;
        op.steps.push(StepDone {
            step: step.step_id.clone(),
            at: now,
            outputs: captured,
            already,
        });
        op.uncounted = at.map(|_| step.step_id.clone());
        let at = at.unwrap_or(now);
        op.state = OperationState::Waiting {
            due_at: at,
            floor_at: at,
        };
        self.go_on();
    }

    /// The next thing to ask or to send, or the operation is settled.
    pub(super) fn go_on(&mut self) {
        let now = self.turn.now;
        match self.step() {
            Ok(Some(_)) if self.is_taken_out() => {
                self.write_head();
                if !self.turn.stopping {
                    self.take_up();
                }
            }
            Ok(Some(next)) => self.again(next),
            Ok(None) => {
                let how = match self.head.value.steps.last() {
                    Some(done) if done.already => Settlement::Already,
                    _ => Settlement::Applied,
                };
                self.settle(OperationState::Settled { at: now, how });
                self.follow();
            }
            Err(e) => self.park(Reason::new(e.code).because(&e.text)),
        }
    }

    /// Sends the head's step in the same change, unless the drain is stopping.
    fn again(&mut self, step: &StepProfile) {
        let purpose = match self.is_counting(step) {
            true => Purpose::Count,
            false => Purpose::Send,
        };
        if purpose == Purpose::Send && self.head.value.superseded_by.is_some() {
            return self.replaced(None);
        }
        let due = !is_ahead(Head::of(&self.head.value).due_at, self.turn.now);
        let no_time = purpose == Purpose::Send && self.has_no_time(step);
        if self.turn.stopping || !due || no_time {
            self.write_head();
        } else if let Err(e) = self.begin(step, purpose) {
            self.park(Reason::new(e.code).because(&e.text));
        }
    }

    fn no_answer(&mut self, step: &StepProfile, failure: &NetFailure) {
        match failure {
            NetFailure::NotSent { code, text } => {
                self.note_lost("not_sent");
                if self.is_counting(step) {
                    self.count_failed();
                } else {
                    self.park(Reason::new(code).because(text));
                }
            }
            NetFailure::Unreachable | NetFailure::TimedOut => {
                let timed_out = *failure == NetFailure::TimedOut;
                self.note_lost(if timed_out {
                    "timed_out"
                } else {
                    "unreachable"
                });
                self.out.unreachable = true;
                if self.is_counting(step) {
                    self.count_failed();
                } else {
                    self.doubt_after_failure(step);
                }
            }
        }
    }

    fn doubt_after_failure(&mut self, step: &StepProfile) {
        let wait = self.failed();
        let probing = matches!(
            self.head.value.state,
            OperationState::InFlight {
                purpose: Purpose::Probe,
                ..
            }
        );
        // A probe that got no answer leaves nothing that could still land.
        let settle = if step.identity.resend_is_safe() || probing {
            0
        } else {
            i64::from(step.settle_ms)
        };
        let now = self.turn.now;
        self.head.value.state = OperationState::InDoubt {
            due_at: now + wait.max(settle),
            floor_at: now + settle,
        };
        self.write_head();
    }

    /// How many probes in a row, the newest included, the backend would not answer.
    fn refused_probes(&self) -> usize {
        let refused = |a: &&Attempt| {
            a.purpose == Purpose::Probe && a.status.is_some_and(|s| (400..500).contains(&s))
        };
        let attempts = self.head.value.attempts.iter().rev();
        attempts.take_while(refused).count()
    }

    pub(super) fn doubt(&mut self, wait_ms: i64) {
        let at = self.turn.now + wait_ms;
        self.head.value.state = OperationState::InDoubt {
            due_at: at,
            floor_at: self.turn.now,
        };
        self.write_head();
    }

    fn failed(&mut self) -> i64 {
        self.out.failed += 1;
        self.head.value.failures += 1;
        backoff_ms(self.head.value.failures, self.turn.jitter)
    }

    pub(super) fn later(&mut self) {
        let wait = self.failed();
        let now = self.turn.now;
        self.head.value.state = OperationState::Waiting {
            due_at: now + wait,
            floor_at: now,
        };
        self.write_head();
    }

    pub(super) fn throttled(&mut self, ruling: &Judgement) {
        let backoff = self.failed();
        let at = self.turn.now + ruling.retry_after_ms.unwrap_or(backoff);
        self.head.value.state = OperationState::Waiting {
            due_at: at,
            floor_at: at,
        };
        self.out.throttled_until = Some(at);
        self.write_head();
    }

    pub(super) fn sign_in(&mut self) {
        let now = self.turn.now;
        self.head.value.state = OperationState::Waiting {
            due_at: now,
            floor_at: now,
        };
        self.out.auth = true;
        self.write_head();
    }

    fn sign_in_from_doubt(&mut self) {
        self.out.auth = true;
        self.doubt(0);
    }

    fn conflict(&mut self, step: &StepProfile, reason: Reason) {
        let policy = self
            .profile
            .operations
            .get(self.head.value.intent.kind())
            .map(|o| o.on_conflict);
        match policy.unwrap_or_default() {
            OnConflict::OursWins if self.head.value.overruled < OURS_WINS_MAX => {
                self.head.value.overruled += 1;
                if self.head.value.fresh.is_empty() {
                    self.later();
                } else {
                    let now = self.turn.now;
                    self.head.value.state = OperationState::Waiting {
                        due_at: now,
                        floor_at: now,
                    };
                    self.again(step);
                }
            }
            OnConflict::BackendWins => {
                let state = OperationState::Discarded {
                    at: self.turn.now,
                    reason: BACKEND_WINS.to_owned(),
                    was: Some(reason),
                };
                self.change.strict = true;
                self.settle(state);
                self.follow();
            }
            OnConflict::Ask | OnConflict::OursWins => self.park(reason),
        }
    }

    fn reason(&self, code: &str, ruling: &Judgement) -> Reason {
        let mut reason = Reason::new(code);
        reason.backend = ruling.message.as_ref().map(|m| shown(m, 300));
        reason
    }

    fn note(&mut self, answer: &Answer, ruling: &Judgement) {
        let now = self.turn.now;
        if let Some(attempt) = self.head.value.attempts.last_mut() {
            attempt.ended_at = Some(now);
            attempt.status = Some(answer.status);
            attempt.verdict = Some(match ruling.verdict {
                Ruling::Rule(verdict) => verdict.name().to_owned(),
                Ruling::Unmatched => "unmatched".to_owned(),
            });
            attempt.said = ruling.message.as_ref().map(|said| shown(said, 300));
        }
    }

    /// What the newest attempt came to, in one word.
    pub(super) fn name(&mut self, verdict: &str) {
        if let Some(attempt) = self.head.value.attempts.last_mut() {
            attempt.verdict = Some(verdict.to_owned());
        }
    }

    /// Keeps the answer of a parked attempt, so that a newer profile can judge it again.
    fn keep_answer(&mut self, answer: &Answer) {
        if let Some(attempt) = self.head.value.attempts.last_mut() {
            attempt.answer = Some(answer.body.chars().take(ANSWER_CHARS_KEPT).collect());
            attempt.media_type = Some(answer.media_type().to_owned());
        }
    }
}

/// Reads what a sign-in or refresh gave.
pub fn captured(
    trees: &Dictionary<String, Value>,
    context: crate::profile::value::Context<'static>,
    answer: &Answer,
) -> Result<Map<String, Value>, ProfileError> {
    outputs(trees, &context.with("response", answer_value(answer)))
}
