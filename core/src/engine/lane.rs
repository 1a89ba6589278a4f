//! A lane's summary: what a wake needs to know of it without reading its operations.

use super::backoff::is_ahead;
use super::handed::{HANDED, HANDED_MS};
use crate::domain::ids::{LaneId, StopId};
use crate::domain::json::{FromJson, ToJson};
use crate::domain::operation::{Intent, Operation, OperationState};

/// Exists as long as the lane has unsettled work.
#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Lane {
    pub id: LaneId,
    #[json(default)]
    pub stop: Option<StopId>,
    pub head: Head,
    /// unsettled operations, the head included
    pub count: u32,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Head {
    pub seq: u64,
    pub recorded_at: i64,
    pub is: HeadState,
    pub due_at: i64,
    pub floor_at: i64,
    /// a photo, or another picture of some size: over a poor network it takes its time
    #[json(default)]
    pub long: bool,
}

/// A signature of more bytes is long: at 40 kbit/s this much takes some three seconds.
const SHORT_BYTES_MAX: u64 = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum HeadState {
    Waiting,
    InFlight { generation: u64 },
    InDoubt,
    Parked,
}

impl Head {
    pub fn of(op: &Operation) -> Self {
        let (is, due_at, floor_at) = match &op.state {
            OperationState::Waiting { due_at, floor_at } => {
                (HeadState::Waiting, *due_at, *floor_at)
            }
            OperationState::InDoubt { due_at, floor_at } => {
                (HeadState::InDoubt, *due_at, *floor_at)
            }
            OperationState::InFlight {
                generation,
                expires_at,
                ..
            } => (
                HeadState::InFlight {
                    generation: *generation,
                },
                *expires_at,
                *expires_at,
            ),
            OperationState::Parked { .. }
            | OperationState::Settled { .. }
            | OperationState::Discarded { .. } => (HeadState::Parked, i64::MAX, i64::MAX),
        };
        Self {
            seq: op.seq,
            recorded_at: op.recorded.at,
            is,
            due_at,
            floor_at,
            long: matches!(op.intent, Intent::Photo { .. })
                || op.blob.as_ref().is_some_and(|b| b.bytes > SHORT_BYTES_MAX),
        }
    }

    /// Whether the drain of this generation may take it up now.
    pub fn is_due(&self, now: i64, generation: u64, hopeful: bool) -> bool {
        match self.is {
            HeadState::Parked => false,
            // Found in flight under an older generation: whoever sent it is gone.
            // The system's own: only its word ends it, or that it said nothing for too long.
            HeadState::InFlight { generation: HANDED } => {
                !(now..=now + HANDED_MS).contains(&self.due_at)
            }
            HeadState::InFlight { generation: of } => of != generation,
            _ => !is_ahead(if hopeful { self.floor_at } else { self.due_at }, now),
        }
    }
}

impl Lane {
    pub fn begin(op: &Operation) -> Self {
        Self {
            id: op.lane.clone(),
            stop: op.stop().cloned(),
            head: Head::of(op),
            count: 1,
            bytes: op.bytes(),
        }
    }
    pub fn append(&mut self, op: &Operation) {
        self.count += 1;
        self.bytes += op.bytes();
    }
    /// One of its operations leaves it; where that is the head, `next` moves up. False: the lane is
    /// empty and goes.
    pub fn without(&mut self, gone: &Operation, next: Option<&Operation>) -> bool {
        if self.head.seq == gone.seq {
            let Some(next) = next else { return false };
            self.head = Head::of(next);
        }
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(gone.bytes());
        true
    }
}
