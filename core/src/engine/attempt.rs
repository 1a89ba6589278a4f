//! The head of a due lane becomes an attempt on record, before any byte leaves.

use super::amend::REPLACED;
use super::change::{Change, EntityKey, Seen, StopRecord, TakenOut};
use super::context::{Here, carry, for_operation, operation_value};
use super::handed::{HANDED, HANDED_MS};
use super::lane::{Head, HeadState, Lane};
use super::session::Session;
use crate::domain::ids::LaneId;
use crate::domain::operation::{
    Attempt, Operation, OperationState, PAGES_MAX, Purpose, Reason, Settlement,
};
use crate::profile::document::{HostCalls, Identity, OnWithdrawn, Profile, StepProfile};
use crate::profile::http::Request;
use crate::profile::request::build;
use crate::profile::value::Context;
use crate::profile::{Mistake, ProfileError};
use crate::sabotage::{Sabotage, is};
use serde_json::Value;

/// A function of the host that says nothing for so long is given up.
pub const HOST_CALL_MS: u32 = 10_000;
/// Without its functions of the host a step is looked at again after this, or by the next hopeful wake.
const HOST_WAIT_MS: i64 = 60_000;
/// How much longer than its deadline an attempt may seem alive.
pub const LEASE_MARGIN_MS: i64 = 5_000;

/// What holds for one turn of a drain.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    pub now: i64,
    pub here: &'a Here,
    /// what is known of the sign-in an answer came by: `None` as long as nobody had to ask
    pub signed_in: Option<bool>,
    pub generation: u64,
    /// the wake's name, for the record
    pub trigger: &'a str,
    /// the wake has reason to hope: backoffs are overruled, floors are not
    pub hopeful: bool,
    pub jitter: u32,
    pub session: &'a Session,
    /// no further attempt is begun: the backend is out of reach, or time is up
    pub stopping: bool,
    /// no picture is begun after this: the page is hidden, or enough of them are on their way
    pub short_only: bool,
    /// until the drain ends, whatever is under way then
    pub left_ms: i64,
}

/// One lane as it was read: its head, and who would follow.
#[derive(Clone, Debug)]
pub struct LanePart {
    pub lane: Seen<Lane>,
    pub head: Seen<Operation>,
    pub next: Option<Seen<Operation>>,
    pub stop: Option<Seen<StopRecord>>,
    pub taken_out: Seen<TakenOut>,
}

impl LanePart {
    /// Whether this very attempt is on record as the head's, and nobody took it over.
    pub fn is_under_way(&self, generation: u64, send: &Send) -> bool {
        let head = &self.head.value;
        let ours = HeadState::InFlight { generation };
        head.seq == send.seq
            && head.attempt_count == send.attempt
            && self.lane.value.head.is == ours
    }
}

/// Bytes to send, for which an attempt is on record.
#[derive(Clone, PartialEq)]
pub struct Send {
    /// the token it went out with: a refusal speaks of that one, not of a renewed one
    pub token: String,
    pub lane: LaneId,
    pub seq: u64,
    pub attempt: u32,
    /// it carries a picture
    pub long: bool,
    pub request: Request,
    /// the step's functions of the host, and what they are told of the operation
    pub host: Option<(HostCalls, Value)>,
}

impl Send {
    /// How long it may take at most, from its record to its verdict.
    pub fn lasts_ms(&self) -> i64 {
        self.awaited_ms() + LEASE_MARGIN_MS + self.call_ms()
    }

    /// The same from its bytes on: what comes before them has the margin, and a function of the host
    /// its own time.
    pub fn awaited_ms(&self) -> i64 {
        i64::from(self.request.deadline_ms) + self.call_ms()
    }

    fn call_ms(&self) -> i64 {
        self.host.as_ref().map_or(0, |_| i64::from(HOST_CALL_MS))
    }
}

impl std::fmt::Debug for Send {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Send")
            .field("lane", &self.lane)
            .field("seq", &self.seq)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// What a turn of a lane came to.
#[derive(Clone, Debug, Default)]
pub struct Turned {
    /// to be committed before the effect runs; `None`: there was nothing to do
    pub change: Option<Change>,
    pub effect: Option<Send>,
    /// set by the driver once the change is in the store
    pub moved: bool,
    pub settled: u32,
    pub parked: u32,
    pub failed: u32,
    /// no answer came: the backend is out of reach
    pub unreachable: bool,
    /// the backend wants a new sign-in
    pub auth: bool,
    /// the answer may mean that it does: nothing was decided, ask and step again
    pub auth_unsure: bool,
    pub throttled_until: Option<i64>,
    /// nothing was begun: it waits for its place in the backend's limits
    pub paced: bool,
    /// it waits for a host that has the step's functions
    pub host_needed: bool,
    /// a parked head goes on, by a newer profile
    pub reopened: bool,
    /// what the backend holds more often than once
    pub duplicates: u32,
}

/// A lane while it is being turned: the change grows, the head moves.
pub(super) struct Turning<'a> {
    pub turn: &'a Turn<'a>,
    pub profile: &'a Profile,
    pub lane: Seen<Lane>,
    pub head: Seen<Operation>,
    pub next: Option<Seen<Operation>>,
    pub stop: Option<Seen<StopRecord>>,
    pub taken_out: Seen<TakenOut>,
    pub change: Change,
    pub out: Turned,
}

impl<'a> Turning<'a> {
    pub fn new(turn: &'a Turn<'a>, profile: &'a Profile, part: LanePart) -> Self {
        let LanePart {
            lane,
            head,
            next,
            stop,
            taken_out,
        } = part;
        let change = Change {
            generation: Some(turn.generation),
            ..Change::default()
        };
        Self {
            turn,
            profile,
            lane,
            head,
            next,
            stop,
            taken_out,
            change,
            out: Turned::default(),
        }
    }

    pub fn finish(mut self) -> Turned {
        if !self.change.puts.is_empty() || !self.change.deletes.is_empty() {
            self.out.change = Some(self.change);
        }
        self.out
    }

    /// The step that is due: one whose number at the backend is still asked for, else the first
    /// that is neither done nor ruled out by its condition.
    pub fn step(&self) -> Result<Option<&'a StepProfile>, ProfileError> {
        let op = &self.head.value;
        let Some(steps) = self
            .profile
            .operations
            .get(op.intent.kind())
            .map(|o| &o.steps)
        else {
            return Err(Mistake::new(
                "operation_unsupported",
                format!("the profile no longer describes {}", op.intent.kind()),
            ));
        };
        let counting = |s: &&StepProfile| op.uncounted.as_ref() == Some(&s.step_id);
        if let Some(step) = steps.iter().find(counting) {
            return Ok(Some(step));
        }
        for step in steps {
            if op.steps.iter().any(|done| done.step == step.step_id) {
                continue;
            }
            let Some(test) = &step.when else {
                return Ok(Some(step));
            };
            let context = self.context();
            let subject = context.look_up("operation").unwrap_or(&Value::Null);
            if test.holds(subject, &context)? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    pub fn context(&self) -> Context<'static> {
        let stop = self.stop.as_ref().map(|s| &*s.value);
        let (op, turn) = (&self.head.value, self.turn);
        for_operation(self.profile, op, stop, turn.session, turn.here)
    }

    /// Writes the head as it now is, and the lane's summary of it.
    pub fn write_head(&mut self) {
        self.lane.value.head = Head::of(&self.head.value);
        self.change.put_seen(&self.head);
        self.change.put_seen(&self.lane);
    }

    pub fn park(&mut self, reason: Reason) {
        if self.head.value.superseded_by.is_some() {
            return self.replaced(Some(reason));
        }
        self.head.value.state = OperationState::Parked {
            at: self.turn.now,
            reason,
        };
        self.head.value.refused = None;
        self.out.parked += 1;
        self.change.strict = true;
        self.write_head();
    }

    /// A correction of it is recorded and it was not applied: there is nothing to send any more.
    pub fn replaced(&mut self, was: Option<Reason>) {
        let (at, reason) = (self.turn.now, REPLACED.to_owned());
        self.change.strict = true;
        self.settle(OperationState::Discarded { at, reason, was });
        self.follow();
    }

    /// The head leaves the outbox and the next one moves up.
    pub fn settle(&mut self, state: OperationState) {
        // Its place in the outbox, which it has as long as it is not settled.
        self.change.delete_seen(&self.head);
        let op = &mut self.head.value;
        let applied = matches!(state, OperationState::Settled { .. });
        op.state = state;
        op.refused = None;
        op.failures = 0;
        let op = &**op;
        let next = self.next.as_ref().map(|n| &*n.value);
        self.change.leave_lane(&mut self.lane, op, next);
        if let Some(stop) = &mut self.stop {
            let changed = if applied {
                let carried = carry(self.profile, op);
                // What a later request will name must be there when it is built, power cut or not.
                self.change.strict |= carried.is_some();
                stop.value.progress.settle(op.seq, self.turn.now, carried)
            } else {
                stop.value.progress.withdraw(op.seq);
                true
            };
            if changed {
                self.change.put_seen(stop);
            }
        }
        self.change.put_blind(op);
        self.out.settled += u32::from(applied);
    }

    /// Whether a request begun now might still be without its answer when the drain ends, and that
    /// doubt would be a person's to settle.
    pub fn has_no_time(&self, step: &StepProfile) -> bool {
        let certain = step.identity.resend_is_safe() || step.probe.is_some();
        !certain && i64::from(step.request.deadline_ms) > self.turn.left_ms
    }

    /// Puts the next attempt of the head on record and says what to send.
    pub fn begin(&mut self, step: &StepProfile, purpose: Purpose) -> Result<(), ProfileError> {
        if purpose == Purpose::Send && !step.host.are_among(&self.turn.here.functions) {
            let floor_at = self.turn.now;
            let due_at = floor_at + HOST_WAIT_MS;
            self.head.value.state = match self.head.value.state {
                OperationState::Waiting { .. } => OperationState::Waiting { due_at, floor_at },
                _ => OperationState::InDoubt { due_at, floor_at },
            };
            self.out.host_needed = true;
            self.write_head();
            return Ok(());
        }
        let send = self.attempt(step, purpose, self.turn.generation)?;
        // An attempt that could duplicate must be on the disk before its bytes leave.
        if purpose == Purpose::Send && !step.identity.resend_is_safe() {
            self.change.strict = true;
            // It does not go out unasked if it was taken out a moment ago.
            let seen = self.taken_out.revision;
            self.change.expect(EntityKey::TakenOut, seen);
        }
        self.write_head();
        if is(Sabotage::RemoveBeforeSend) {
            let (lane, seq) = (send.lane.clone(), send.seq);
            self.change.delete(EntityKey::Operation(lane.clone(), seq));
            self.change.delete(EntityKey::Lane(lane));
        }
        self.out.effect = Some(send);
        Ok(())
    }

    /// The head's next attempt, in the name of a drain's generation or of the operating system.
    pub fn attempt(
        &mut self,
        step: &StepProfile,
        purpose: Purpose,
        generation: u64,
    ) -> Result<Send, ProfileError> {
        let context = self.context();
        let template = match (purpose, &step.probe) {
            (Purpose::Probe | Purpose::Count, Some(probe)) => &probe.request,
            _ => &step.request,
        };
        let mut request = build(self.profile, template, &context)?;
        if let (Purpose::Send, Identity::Header { name }) = (purpose, &step.identity) {
            request
                .headers
                .push((name.clone(), self.head.value.id.0.clone()));
        }
        let now = self.turn.now;
        let host = (purpose == Purpose::Send && !step.host.is_empty())
            .then(|| (step.host.clone(), operation_value(&self.head.value)));
        let calls = host.as_ref().map_or(0, |_| 2 * i64::from(HOST_CALL_MS));
        let op = &mut self.head.value;
        let number = op.attempt_count + 1;
        op.profile
            .get_or_insert_with(|| self.profile.revision.clone());
        // A person's word holds for one sending.
        op.released &= purpose != Purpose::Send;
        op.state = OperationState::InFlight {
            attempt: number,
            generation,
            purpose,
            expires_at: match generation {
                HANDED => now + HANDED_MS,
                _ => now + i64::from(request.deadline_ms) + LEASE_MARGIN_MS + calls,
            },
        };
        let page = op.push_attempt(Attempt {
            number,
            step: step.step_id.clone(),
            purpose,
            trigger: self.turn.trigger.to_owned(),
            started_at: now,
            ended_at: None,
            status: None,
            verdict: None,
            reason: None,
            said: None,
            answer: None,
            late_status: None,
            media_type: None,
        });
        if let Some(page) = page {
            if page.page >= PAGES_MAX {
                // The first page stays; the oldest of the others makes room.
                let oldest = page.page + 1 - PAGES_MAX;
                let oldest = EntityKey::Attempts(op.id.clone(), oldest);
                self.change.delete(oldest);
            }
            self.change.put_blind(&page);
        }
        Ok(Send {
            token: self.turn.session.token.clone(),
            lane: op.lane.clone(),
            seq: op.seq,
            attempt: number,
            long: purpose == Purpose::Send && self.lane.value.head.long,
            request,
            host,
        })
    }

    /// Takes the head one move on: sends, probes, settles, parks, or leaves it.
    pub fn take_up(&mut self) {
        if let Err(e) = self.try_take_up() {
            self.park(Reason::new(e.code).because(&e.text));
        }
    }

    fn try_take_up(&mut self) -> Result<(), ProfileError> {
        let turn = self.turn;
        if !Head::of(&self.head.value).is_due(turn.now, turn.generation, turn.hopeful) {
            return Ok(());
        }
        let waits = matches!(self.head.value.state, OperationState::Waiting { .. });
        if waits && self.head.value.superseded_by.is_some() && self.head.value.uncounted.is_none() {
            self.replaced(None);
            return Ok(());
        }
        let Some(step) = self.step()? else {
            let how = if self.head.value.steps.is_empty() {
                Settlement::NoRequest
            } else {
                Settlement::Applied
            };
            self.settle(OperationState::Settled { at: turn.now, how });
            return Ok(());
        };
        if self.is_counting(step) {
            self.note_lost("interrupted");
            return self.begin(step, Purpose::Count);
        }
        if self.head.value.stop().is_some() && self.stop.is_none() {
            // A request without it would say something else than what was recorded.
            self.park(Reason::new("stop_unreadable"));
            return Ok(());
        }
        if self.held() {
            self.park(Reason::new("stop_withdrawn"));
            return Ok(());
        }
        let doubt = match &self.head.value.state {
            OperationState::Waiting { .. } => self.is_taken_out(),
            OperationState::InDoubt { .. } => true,
            OperationState::InFlight { purpose, .. } => {
                // Whoever sent it is gone, and the answer with it. What was sent may still land.
                if *purpose == Purpose::Send && !step.identity.resend_is_safe() {
                    self.note_lost("interrupted");
                    let at = turn.now + i64::from(step.settle_ms);
                    self.head.value.state = OperationState::InDoubt {
                        due_at: at,
                        floor_at: at,
                    };
                    self.change.strict = true;
                    self.write_head();
                    return Ok(());
                }
                self.note_lost("interrupted");
                true
            }
            _ => return Ok(()),
        };
        if !doubt || step.identity.resend_is_safe() && self.head.value.refused.is_none() {
            if self.has_no_time(step) {
                return Ok(());
            }
            self.begin(step, Purpose::Send)
        } else if step.probe.is_some() {
            let asks = !is(Sabotage::SkipProbe);
            self.begin(step, if asks { Purpose::Probe } else { Purpose::Send })
        } else {
            let reason = Reason::new("in_doubt");
            self.park(match self.head.value.state {
                OperationState::Waiting { .. } => reason.because("taken_out"),
                _ => reason,
            });
            Ok(())
        }
    }

    /// Somebody who has the file may have sent it, unless a person said that nobody has.
    pub fn is_taken_out(&self) -> bool {
        let op = &self.head.value;
        op.seq < self.taken_out.value.before && !op.released
    }

    /// Whether a person is asked before this is sent for the first time: the office took the stop away.
    /// What was finished there is reported all the same, unless the profile holds it.
    pub fn held(&self) -> bool {
        let op = &self.head.value;
        let Some(stop) = self.stop.as_ref().map(|stop| &stop.value) else {
            return false;
        };
        let (Some(how), Some(kind)) = (
            stop.withdrawn(),
            self.profile.operations.get(op.intent.kind()),
        ) else {
            return false;
        };
        let holds = match kind.on_withdrawn {
            OnWithdrawn::Send => false,
            OnWithdrawn::Hold => true,
            OnWithdrawn::Report => how == "gone" && stop.progress.outcome.is_none(),
        };
        op.attempt_count == 0 && !op.released && holds
    }

    /// Closes the newest attempt's record as one that got no answer.
    pub fn note_lost(&mut self, verdict: &str) {
        let now = self.turn.now;
        if let Some(attempt) = self
            .head
            .value
            .attempts
            .last_mut()
            .filter(|a| a.ended_at.is_none())
        {
            attempt.ended_at = Some(now);
            attempt.verdict = Some(verdict.to_owned());
        }
    }

    /// After the head has settled: the next operation's attempt in the same change, if it can be.
    pub fn follow(&mut self) {
        let Some(next) = self.next.take() else { return };
        // Where one lane serves all stops, the next operation needs a stop that was not read here.
        if self.turn.stopping || next.value.stop() != self.head.value.stop() {
            return;
        }
        self.head = next;
        if self.turn.short_only && Head::of(&self.head.value).long {
            return;
        }
        let pinned = self.head.value.profile.as_ref();
        if pinned.is_some_and(|p| *p != self.profile.revision) {
            return;
        }
        if let Ok(Some(_)) = self.step() {
            self.take_up();
        }
    }
}

/// Takes up the head of a due lane.
pub fn take_up(turn: &Turn<'_>, profile: &Profile, part: LanePart) -> Turned {
    // Other lanes have begun something since this one was looked at.
    if turn.stopping || turn.short_only && Head::of(&part.head.value).long {
        return Turned::default();
    }
    let mut turning = Turning::new(turn, profile, part);
    turning.take_up();
    turning.finish()
}
