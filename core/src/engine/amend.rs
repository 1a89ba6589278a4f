//! Correcting what was recorded: in its place as long as nothing was sent, else by a new operation
//! that supersedes it. What was sent and may have arrived keeps its own course; what certainly was
//! not applied is set aside as replaced and not sent again.

use super::admit::{Admitted, Admitting, admit, situation_by};
use super::change::{Change, Seen};
use super::lane::{Head, Lane};
use crate::domain::error::{Refusal, Refused};
use crate::domain::operation::{Operation, OperationState};
use crate::profile::document::Profile;

pub const REPLACED: &str = "replaced";
/// Why the profile's policy sets something aside.
pub const BACKEND_WINS: &str = "backend_wins";

pub struct Amending {
    pub now: i64,
    /// as for a new recording, with the corrected intent and the moment of the first one
    pub admitting: Admitting,
    pub lane: Seen<Lane>,
    pub op: Seen<Operation>,
    /// who follows it, when it is the head
    pub next: Option<Box<Operation>>,
}

/// The change, and the operation that stands for the correction now.
///
/// # Errors
/// What a recording is refused with; `amend_unsupported`, `operation_settled`.
pub fn amend(a: Amending, profile: &Profile) -> Result<(Change, Box<Operation>), Refusal> {
    let op = &a.op.value;
    if op.intent.correctable().is_empty() {
        return Err(Refused::new(
            "amend_unsupported",
            "this cannot be corrected; discard it and record it again",
        ));
    }
    if op.is_settled() || op.superseded_by.is_some() || op.uncounted.is_some() {
        return Err(Refused::new("operation_settled", "it is already settled"));
    }
    match op.attempt_count {
        0 => in_place(a, profile),
        _ => as_new(a, profile),
    }
}

fn in_place(mut a: Amending, profile: &Profile) -> Result<(Change, Box<Operation>), Refusal> {
    let (now, mut op) = (a.now, a.op.value);
    let mut change = Change::strict();
    if let Some(stop) = &mut a.admitting.stop {
        stop.value.progress.withdraw(op.seq);
        situation_by(&stop.value, profile, |at| {
            let sha256 = op.blob.as_ref().map(|b| b.sha256.as_str());
            at.check(&a.admitting.intent, sha256).map(drop)
        })?;
    }
    let before = op.bytes();
    op.intent = a.admitting.intent;
    op.state = OperationState::Waiting {
        due_at: now,
        floor_at: now,
    };
    if let Some(mut stop) = a.admitting.stop {
        stop.value.progress.apply(&stop.value.mirror, &op);
        change.put_seen(&stop);
    }
    a.lane.value.bytes = a.lane.value.bytes.saturating_sub(before) + op.bytes();
    if a.lane.value.head.seq == op.seq {
        a.lane.value.head = Head::of(&op);
    }
    change.put_seen(&a.lane);
    change.put(&*op, a.op.revision);
    Ok((change, op))
}

fn as_new(mut a: Amending, profile: &Profile) -> Result<(Change, Box<Operation>), Refusal> {
    let (now, mut seen) = (a.now, a.op);
    let old = &mut *seen.value;
    // A correction is meant, however soon it comes.
    a.admitting.counters.value.last = None;
    if let Some(stop) = &mut a.admitting.stop {
        stop.value.progress.withdraw(old.seq);
    }
    let open = matches!(
        old.state,
        OperationState::InFlight { .. } | OperationState::InDoubt { .. }
    );
    let left = open || a.lane.value.without(old, a.next.as_deref());
    a.admitting.lane = left.then_some(a.lane.value);
    a.admitting.lane_seen = a.lane.revision;
    a.admitting.supersedes = Some(old.id.clone());
    let Admitted::New {
        mut change,
        operation,
    } = admit(a.admitting, profile)?
    else {
        return Err(Refused::new(
            "operation_settled",
            "it is recorded so already",
        ));
    };
    old.superseded_by = Some(operation.id.clone());
    if open {
        change.put_seen(&seen);
    } else {
        change.delete_seen(&seen);
        seen.value.set_aside(now, REPLACED);
        change.put_blind(&*seen.value);
    }
    Ok((change, operation))
}
