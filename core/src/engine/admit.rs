//! From what the courier did to an operation in the outbox, in one change: the operation, its
//! place in the order, its lane, the stop's progress, the picture's pin and the end of its draft.

use super::change::{Change, Counters, EntityKey, Last, Seen, StopRecord};
use super::lane::Lane;
use crate::domain::error::{Refusal, Refused};
use crate::domain::ids::{AccountId, LaneId, OperationId};
use crate::domain::operation::{BlobPin, Intent, Operation, OperationState, Recorded};
use crate::domain::proof::BlobMeta;
use crate::domain::rules::{Admission, Situation, check_custom};
use crate::profile::document::{Choice, Order, Profile};
use crate::sabotage::{Sabotage, is};

/// The same intent within this time is one tap too many.
const DOUBLE_TAP_MS: i64 = 3_000;

pub struct Admitting {
    pub account: AccountId,
    pub id: OperationId,
    pub intent: Intent,
    pub recorded: Recorded,
    pub counters: Seen<Counters>,
    pub lane: Option<Box<Lane>>,
    /// the revision its summary has to have
    pub lane_seen: Option<u64>,
    /// the stop it concerns; for a load, the stop that lists the parcel
    pub stop: Option<Seen<StopRecord>>,
    /// what is known of the staged bytes it names
    pub blob: Option<Seen<BlobMeta>>,
    /// the operation that it corrects
    pub supersedes: Option<OperationId>,
}

#[derive(Debug)]
pub enum Admitted {
    New {
        change: Change,
        operation: Box<Operation>,
    },
    /// the same thing was recorded before, under this `seq`
    Duplicate(u64),
}

/// Where an intent will stand: its stop's lane, one beside it, or the route's.
pub fn lane_of(intent: &Intent, profile: &Profile) -> LaneId {
    if profile.order == Order::Global {
        return LaneId::route();
    }
    let independent = profile
        .operations
        .get(intent.kind())
        .is_some_and(|o| o.independent);
    match intent.stop() {
        Some(stop) if independent => LaneId::beside(stop, intent.kind()),
        Some(stop) => LaneId::stop(stop),
        None => LaneId::route(),
    }
}

pub fn situation<'a>(
    record: &'a StopRecord,
    fail: &'a [String],
    return_: &'a [String],
) -> Situation<'a> {
    Situation {
        stop: &record.mirror,
        progress: &record.progress,
        fail_reasons: fail,
        return_reasons: return_,
    }
}

/// The stop as it stands, with the profile's reasons.
pub fn situation_by<T>(
    record: &StopRecord,
    profile: &Profile,
    ask: impl FnOnce(Situation<'_>) -> T,
) -> T {
    let codes = |c: &[Choice]| -> Vec<String> { c.iter().map(|c| c.code.clone()).collect() };
    let (fail, back) = (
        codes(&profile.reasons.fail),
        codes(&profile.reasons.return_),
    );
    ask(situation(record, &fail, &back))
}

/// # Errors
/// A refusal with a stable code; nothing is changed.
pub fn admit(a: Admitting, profile: &Profile) -> Result<Admitted, Refusal> {
    let offered = profile.offered(a.intent.kind())?;
    let print = a.intent.print();
    if let Some(last) = &a.counters.value.last
        && last.print == print
        && (0..=DOUBLE_TAP_MS).contains(&(a.recorded.at - last.at))
    {
        return Ok(Admitted::Duplicate(last.seq));
    }
    if let Some(blob) = &a.blob {
        offered.blob.check(&blob.value)?;
    }
    if a.intent.blob().is_some() && a.blob.is_none() {
        return Err(Refused::new(
            "blob_unknown",
            "the picture is not on this device; take it again",
        ));
    }
    match (&a.stop, &a.intent) {
        (Some(stop), _) => {
            let sha256 = a.blob.as_ref().map(|b| b.value.sha256.as_str());
            match situation_by(&stop.value, profile, |at| at.check(&a.intent, sha256))? {
                Admission::New => {}
                Admission::Duplicate(seq) => return Ok(Admitted::Duplicate(seq)),
            }
        }
        (None, Intent::Custom { stop: None, .. }) => check_custom(&a.intent)?,
        (None, Intent::Load { .. }) => {
            return Err(Refused::new(
                "parcel_unlisted",
                "this parcel is not on today's route",
            ));
        }
        (None, _) => {
            return Err(Refused::new(
                "stop_unknown",
                "this stop is not on the route",
            ));
        }
    }

    let seq = a.counters.value.next_seq;
    let operation = Operation {
        id: a.id,
        account: a.account,
        seq,
        lane: match &a.lane {
            Some(lane) => lane.id.clone(),
            None => lane_of(&a.intent, profile),
        },
        blob: a.blob.as_ref().map(|b| BlobPin {
            handle: b.value.handle.clone(),
            media_type: b.value.media_type.clone(),
            bytes: b.value.bytes,
            sha256: b.value.sha256.clone(),
        }),
        intent: a.intent,
        state: OperationState::Waiting {
            due_at: a.recorded.at,
            floor_at: a.recorded.at,
        },
        recorded: a.recorded,
        profile: None,
        steps: vec![],
        attempt_count: 0,
        attempts: vec![],
        failures: 0,
        refused: None,
        fresh: serde_json::Map::new(),
        overruled: 0,
        supersedes: a.supersedes,
        superseded_by: None,
        released: false,
        uncounted: None,
    };

    let mut change = Change::strict();
    let counters = Counters {
        next_seq: seq + 1,
        last: Some(Last {
            seq,
            at: operation.recorded.at,
            operation: operation.id.clone(),
            print,
        }),
    };
    if is(Sabotage::MintBlind) {
        change.put_blind(&counters);
    } else {
        change.put(&counters, a.counters.revision);
    }
    change.put(&operation, None);
    let lane = match a.lane {
        Some(mut lane) => {
            lane.append(&operation);
            lane
        }
        None => Box::new(Lane::begin(&operation)),
    };
    change.put(&*lane, a.lane_seen);
    if let Some(mut stop) = a.stop {
        stop.value.progress.apply(&stop.value.mirror, &operation);
        change.put_seen(&stop);
    }
    if let Some(mut blob) = a.blob {
        blob.value.pinned_by = Some(seq);
        change.put_seen(&blob);
    }
    if operation.intent.outcome().is_some()
        && let Some(stop) = operation.stop()
    {
        change.delete(EntityKey::Draft(stop.clone()));
    }
    Ok(Admitted::New {
        change,
        operation: Box::new(operation),
    })
}
