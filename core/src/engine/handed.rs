//! What the operating system sends while nothing of ours runs: a lane's head, and behind it what can
//! be said in full before the head is answered. Each is an attempt on record before it is handed
//! over. Nobody else attempts it meanwhile; its answer comes later, perhaps to another process, and
//! is judged as any other (`verdict`). Only what may be sent twice goes this way, since the system
//! repeats by itself what it could not finish.

use super::attempt::{LanePart, Turn, Turning};
use super::change::{Change, Seen};
use super::lane::{Head, Lane};
use crate::domain::ids::LaneId;
use crate::domain::json::{FromJson, ToJson};
use crate::domain::operation::{Operation, OperationState, Purpose};
use crate::profile::document::{OutcomeRule, Profile, StatusMatch, StepProfile, Verdict};
use crate::profile::http::Request;
use crate::profile::test::Test;
use crate::profile::value::references;
use serde_json::Value;

/// No drain's generation: the operating system has it.
pub const HANDED: u64 = 0;
/// How long the system is waited for. Then what it still has is taken from it and is in doubt.
pub const HANDED_MS: i64 = 24 * 3_600_000;
/// What is handed over of one lane at once.
pub const LANE_UPLOADS_MAX: u32 = 32;

/// A finished request, as the system gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    pub note: UploadNote,
    pub request: Request,
}

/// What stands beside the request: by whom it is known again, and what its follower waits for.
#[derive(Clone, Debug, PartialEq, ToJson)]
pub struct UploadNote {
    /// of this attempt alone
    pub id: String,
    pub account: String,
    pub lane: LaneId,
    /// places in the lane: a later one goes out only after all before it were answered with a yes
    pub seq: u64,
    pub attempt: u32,
    /// answers that are a yes; none: nothing may follow unseen
    pub yes: Vec<Yes>,
}

/// An answer that is a yes: one of these statuses, and all that is said of its JSON body.
#[derive(Clone, Debug, PartialEq, ToJson)]
pub struct Yes {
    pub status: Vec<u16>,
    pub body: Vec<Said>,
}

/// What stands at a JSON Pointer: this text, or anything but null.
#[derive(Clone, Debug, PartialEq, ToJson)]
pub struct Said {
    pub at: String,
    pub eq: Option<String>,
}

/// How a handed request stands with the system.
#[derive(Clone, Debug, PartialEq, FromJson)]
pub struct UploadReport {
    pub id: String,
    pub account: String,
    pub lane: LaneId,
    pub seq: u64,
    pub attempt: u32,
    pub state: UploadState,
    #[json(default)]
    pub status: u16,
    /// an object of texts
    #[json(default)]
    pub headers: Value,
    #[json(default)]
    pub body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, FromJson)]
#[json(rename_all = "snake_case")]
pub enum UploadState {
    /// waits for its turn, for a network, or is on its way
    Pending,
    Answered,
    /// the system gave up, and no answer came
    Failed,
    /// what stands before it was not answered with a yes: it was not sent and will not be
    Held,
}

/// By what the system and we know an attempt.
pub fn upload_id(op: &Operation, attempt: u32) -> String {
    [&*op.id.0, ".", &attempt.to_string()].concat()
}

/// Puts attempts on record for a lane's head and for what may go out behind it unseen.
pub fn hand_over(
    turn: &Turn<'_>,
    profile: &Profile,
    part: LanePart,
    behind: Vec<Seen<Operation>>,
) -> (Option<Change>, Vec<Upload>) {
    let mut turning = Turning::new(turn, profile, part);
    turning.change.strict = true;
    let head = turning.head.value.seq;
    let mut uploads = vec![];
    for next in std::iter::once(None).chain(behind.into_iter().map(Some)) {
        if let Some(next) = next {
            let pinned = next.value.profile.as_ref();
            if next.value.stop() != turning.head.value.stop()
                || pinned.is_some_and(|p| *p != profile.revision)
            {
                break;
            }
            turning.head = next;
        }
        if !turning.may_be_handed(turning.head.value.seq == head) {
            break;
        }
        match turning.step() {
            // No request tells of it: it stays, and what follows does not depend on it.
            Ok(None) => {}
            Ok(Some(step)) => match turning.hand(step, head) {
                Some(upload) => {
                    let ends = upload.note.yes.is_empty();
                    uploads.push(upload);
                    if ends {
                        break;
                    }
                }
                None => break,
            },
            Err(_) => break,
        }
    }
    (turning.finish().change, uploads)
}

/// What the system gives back of a lane: what it never began waits as before (`held`), what it does
/// not know (any more) may have been sent and is in doubt. `None`: nothing of it is the system's.
pub fn given_back(
    now: i64,
    held: bool,
    mut lane: Seen<Lane>,
    ops: Vec<Seen<Operation>>,
    is_it: &dyn Fn(&Operation, u32) -> bool,
) -> Option<Change> {
    let mut change = Change::default();
    for mut seen in ops {
        let op = &mut seen.value;
        let OperationState::InFlight {
            generation: HANDED,
            attempt,
            ..
        } = op.state
        else {
            continue;
        };
        if !is_it(op, attempt) {
            continue;
        }
        let (due_at, floor_at) = (now, now);
        op.state = match held {
            true => OperationState::Waiting { due_at, floor_at },
            false => OperationState::InDoubt { due_at, floor_at },
        };
        if let Some(last) = op.attempts.last_mut() {
            last.ended_at = Some(now);
            last.verdict = Some(if held { "not_sent" } else { "interrupted" }.to_owned());
        }
        if lane.value.head.seq == op.seq {
            lane.value.head = Head::of(op);
            change.put_seen(&lane);
        }
        change.put(&**op, seen.revision);
    }
    (!change.is_empty()).then_some(change)
}

/// Whether the system has this attempt of it.
pub fn is_handed(op: &Operation, number: u32) -> bool {
    matches!(op.state, OperationState::InFlight { generation: HANDED, attempt, .. } if attempt == number)
}

impl<'a> Turning<'a> {
    fn may_be_handed(&self, first: bool) -> bool {
        let (op, turn) = (&self.head.value, self.turn);
        let state = match op.state {
            OperationState::Waiting { .. } => true,
            OperationState::InDoubt { .. } | OperationState::InFlight { .. } => first,
            _ => false,
        };
        state
            && Head::of(op).is_due(turn.now, turn.generation, true)
            && op.refused.is_none()
            && op.superseded_by.is_none()
            && op.uncounted.is_none()
            && (op.stop().is_none() || self.stop.is_some())
            && !self.held()
    }

    fn hand(&mut self, step: &'a StepProfile, head: u64) -> Option<Upload> {
        let profile = self.profile;
        let steps = &profile.operations.get(self.head.value.intent.kind())?.steps;
        let first = self.head.value.seq == head;
        let cookies = profile.sign_in.cookies && step.request.auth;
        // A function of the host runs in the page, and the page is about to sleep.
        if cookies
            || !step.host.is_empty()
            || !step.identity.resend_is_safe()
            || !first && (steps.iter().any(|s| s.when.is_some()) || names_answers(step))
        {
            return None;
        }
        let last = steps.last().is_some_and(|s| s.step_id == step.step_id);
        let counted = step.probe.as_ref().is_some_and(|p| p.count.is_some());
        let send = self.attempt(step, Purpose::Send, HANDED).ok()?;
        if first {
            self.write_head();
        } else {
            self.change.put_seen(&self.head);
        }
        Some(Upload {
            note: UploadNote {
                id: upload_id(&self.head.value, send.attempt),
                account: self.head.value.account.0.clone(),
                lane: send.lane,
                seq: send.seq,
                attempt: send.attempt,
                yes: match last && !counted {
                    true => plain_yes(step.outcomes.iter().chain(&profile.outcomes)),
                    false => vec![],
                },
            },
            request: send.request,
        })
    }
}

/// Whether the request says something that only the answers before it bring.
fn names_answers(step: &StepProfile) -> bool {
    let mut found = false;
    step.request.each_tree(&mut |tree| {
        references(tree, &mut |reference| {
            found |= reference.starts_with("carried") || reference.starts_with("stop.version");
        });
    });
    found
}

/// The answers that are a yes whatever else they hold: the rules up to the first that says something
/// else, or says it in a way that the system's side does not understand.
fn plain_yes<'r>(rules: impl Iterator<Item = &'r OutcomeRule>) -> Vec<Yes> {
    let mut all = vec![];
    for rule in rules {
        let when = &rule.when;
        let named = |status: &u16| {
            when.status.is_empty()
                || when.status.iter().any(|s| match s {
                    StatusMatch::Exact(code) => code == status,
                    StatusMatch::Class(class) => class.starts_with('2'),
                })
        };
        let status: Vec<u16> = (200..=208).filter(named).collect();
        if status.is_empty() {
            continue;
        }
        let plain = when.media_type.is_none()
            && when.text_contains.is_none()
            && when.headers.is_empty()
            && matches!(rule.then, Verdict::Applied | Verdict::Already);
        let mut body = vec![];
        if !plain || !when.body.iter().all(|test| said(test, &mut body)) {
            break;
        }
        all.push(Yes { status, body });
    }
    all
}

/// Takes a test that says nothing but where something stands, and perhaps which text.
fn said(test: &Test, out: &mut Vec<Said>) -> bool {
    let eq = match &test.eq {
        Some(Value::String(text)) if !text.starts_with('$') => Some(text.clone()),
        None => None,
        Some(_) => return false,
    };
    let only = test.of.is_none()
        && test.ne.is_none()
        && test.in_.is_none()
        && test.contains.is_none()
        && test.glob.is_none()
        && test.empty.is_none()
        && test.some.is_none()
        && test.any.is_none()
        && test.not.is_none();
    match (&test.at, &test.all) {
        (Some(at), None) if only && (eq.is_some() || test.exists == Some(true)) => {
            out.push(Said {
                at: at.trim_start_matches('#').to_owned(),
                eq,
            });
            true
        }
        (None, Some(all)) if only && eq.is_none() && test.exists.is_none() => {
            all.iter().all(|test| said(test, out))
        }
        _ => false,
    }
}
