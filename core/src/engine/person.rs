//! What a person may do to an operation that waits or is parked.

use super::change::{Change, Seen, StopRecord};
use super::lane::{Head, Lane};
use crate::domain::error::{Refusal, Refused};
use crate::domain::operation::{Operation, OperationState};

/// Sends a parked operation again, or a waiting one now.
///
/// # Errors
/// `operation_in_flight`, `operation_settled`.
pub fn retry(now: i64, lane: Seen<Lane>, op: Seen<Operation>) -> Result<Change, Refusal> {
    changeable(&op.value)?;
    let mut change = Change::strict();
    let (mut lane, mut op) = (lane, op);
    op.value.released |= matches!(&op.value.state,
        OperationState::Parked { reason, .. } if matches!(&*reason.code, "stop_withdrawn" | "in_doubt"));
    op.value.state = match op.value.state {
        OperationState::InDoubt { floor_at, .. } => OperationState::InDoubt {
            due_at: floor_at.max(now),
            floor_at,
        },
        OperationState::Waiting { floor_at, .. } => OperationState::Waiting {
            due_at: floor_at.max(now),
            floor_at,
        },
        _ => OperationState::Waiting {
            due_at: now,
            floor_at: now,
        },
    };
    if lane.value.head.seq == op.value.seq {
        lane.value.head = Head::of(&op.value);
        change.put_seen(&lane);
    }
    change.put_seen(&op);
    Ok(change)
}

/// Sets an operation aside with the reason; it is kept as a dead letter, its lane goes on.
/// `next` is the operation behind it when it is the head.
///
/// # Errors
/// `operation_in_flight`, `operation_settled`, `reason_missing`.
pub fn discard(
    now: i64,
    reason: &str,
    mut lane: Seen<Lane>,
    op: Seen<Operation>,
    next: Option<&Operation>,
    stop: Option<Seen<StopRecord>>,
) -> Result<Change, Refusal> {
    changeable(&op.value)?;
    if matches!(op.value.state, OperationState::InDoubt { .. }) {
        return Err(Refused::new(
            "operation_in_doubt",
            "it may already have arrived; wait until the backend has been asked",
        ));
    }
    if op.value.uncounted.is_some() {
        return Err(Refused::new(
            "operation_settled",
            "the backend has it; only how often is still asked",
        ));
    }
    if reason.trim().is_empty() {
        return Err(Refused::new("reason_missing", "say why it is set aside"));
    }
    let mut change = Change::strict();
    change.leave_lane(&mut lane, &op.value, next);
    if let Some(mut stop) = stop {
        stop.value.progress.withdraw(op.value.seq);
        change.put_seen(&stop);
    }
    change.delete_seen(&op);
    let mut gone = op.value;
    gone.set_aside(now, reason.trim());
    change.put_blind(&*gone);
    Ok(change)
}

fn changeable(op: &Operation) -> Result<(), Refusal> {
    match op.state {
        OperationState::InFlight { .. } => Err(Refused::new(
            "operation_in_flight",
            "it is being sent just now",
        )),
        OperationState::Settled { .. } | OperationState::Discarded { .. } => {
            Err(Refused::new("operation_settled", "it is already settled"))
        }
        _ => Ok(()),
    }
}
