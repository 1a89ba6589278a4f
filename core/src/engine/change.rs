//! What the engine wants written: typed entities, the revisions it saw, and the fence. The driver
//! turns it into one commit.

use super::lane::Lane;
use super::overdue::Warned;
use super::session::{Lease, Reach, Reachability, Session};
use crate::domain::ids::{AccountId, BlobHandle, LaneId, OperationId, StopId};
use crate::domain::json::{FromJson, ToJson, to_text};
use crate::domain::operation::{AttemptPage, Operation, Reason};
use crate::domain::progress::Progress;
use crate::domain::proof::BlobMeta;
use crate::domain::route::RouteHeader;
use crate::domain::stop::{Stop, StopPlace, StopStatus};
use serde_json::{Map, Value};

/// A value with the revision it was read at; `None`: it is not in the store yet. Boxed, since it is
/// handed on from what reads it to what decides by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<T> {
    pub value: Box<T>,
    pub revision: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityKey {
    Counters,
    Reach,
    Lease,
    Route,
    Session,
    Lane(LaneId),
    Operation(LaneId, u64),
    Settled(i64, u64),
    Stop(StopId),
    Blob(BlobHandle),
    BlobData(BlobHandle),
    Draft(StopId),
    /// when it began, and the drain's generation or a number of chance: two contexts may wake in the same millisecond
    Wake(i64, u64),
    Notice(i64, u64),
    Attempts(OperationId, u32),
    Pruned,
    Push,
    TakenOut,
    Warned,
}

/// What the engine can have written: where it belongs, and what its envelope calls it.
pub trait Stored: ToJson {
    fn kind(&self) -> &'static str;
    fn key(&self) -> EntityKey;
}

macro_rules! stored {
    ($($type:ident, $name:literal, $self:ident => $key:expr;)*) => {$(
        impl Stored for $type {
            fn kind(&self) -> &'static str {
                $name
            }
            fn key(&$self) -> EntityKey {
                $key
            }
        }
    )*};
}

stored! {
    Counters, "counters", self => EntityKey::Counters;
    Reach, "reach", self => EntityKey::Reach;
    Lease, "lease", self => EntityKey::Lease;
    RouteRecord, "route", self => EntityKey::Route;
    Session, "session", self => EntityKey::Session;
    Lane, "lane", self => EntityKey::Lane(self.id.clone());
    StopRecord, "stop", self => EntityKey::Stop(self.mirror.id.clone());
    BlobMeta, "blob", self => EntityKey::Blob(self.handle.clone());
    Draft, "draft", self => EntityKey::Draft(self.stop.clone());
    WakeRecord, "wake", self => EntityKey::Wake(self.at, self.by);
    Notice, "notice", self => EntityKey::Notice(self.at, self.seq);
    Pruned, "pruned", self => EntityKey::Pruned;
    AttemptPage, "attempts", self => EntityKey::Attempts(self.operation.clone(), self.page);
    PushRecord, "push", self => EntityKey::Push;
    TakenOut, "taken_out", self => EntityKey::TakenOut;
    Warned, "warned", self => EntityKey::Warned;
    // In the outbox until it is settled or set aside, in the history from then on.
    Operation, "operation", self => match settled_at(self) {
        Some(at) => EntityKey::Settled(at, self.seq),
        None => EntityKey::Operation(self.lane.clone(), self.seq),
    };
}

pub fn settled_at(op: &Operation) -> Option<i64> {
    use crate::domain::operation::OperationState::{Discarded, Settled};
    match &op.state {
        Settled { at, .. } | Discarded { at, .. } => Some(*at),
        _ => None,
    }
}

/// A value on its way into an envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    pub key: EntityKey,
    pub kind: &'static str,
    /// as JSON text
    pub body: String,
}

/// A set of writes that happens as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    pub strict: bool,
    pub expect: Vec<(EntityKey, Option<u64>)>,
    /// the drain generation that must be in force
    pub generation: Option<u64>,
    pub puts: Vec<Put>,
    pub deletes: Vec<EntityKey>,
}

impl Change {
    pub fn strict() -> Self {
        Self {
            strict: true,
            ..Self::default()
        }
    }
    pub fn expect(&mut self, key: EntityKey, revision: Option<u64>) {
        if !self.expect.iter().any(|(k, _)| *k == key) {
            self.expect.push((key, revision));
        }
    }
    /// Writes a value that must still be as it was seen.
    pub fn put(&mut self, value: &dyn Stored, seen: Option<u64>) {
        self.expect(value.key(), seen);
        self.put_blind(value);
    }
    /// Writes what was read and changed since.
    pub fn put_seen<T: Stored>(&mut self, seen: &Seen<T>) {
        self.put(&*seen.value, seen.revision);
    }
    /// Writes a value whatever stands there.
    pub fn put_blind(&mut self, value: &dyn Stored) {
        let key = value.key();
        self.puts.retain(|other| other.key != key);
        self.puts.push(Put {
            key,
            kind: value.kind(),
            body: to_text(value),
        });
    }
    /// Deletes what must still be as it was seen.
    pub fn delete_seen<T: Stored>(&mut self, seen: &Seen<T>) {
        let key = seen.value.key();
        self.expect(key.clone(), seen.revision);
        self.delete(key);
    }
    /// An operation leaves its lane, which goes with its last.
    pub fn leave_lane(
        &mut self,
        lane: &mut Seen<Lane>,
        gone: &Operation,
        next: Option<&Operation>,
    ) {
        match lane.value.without(gone, next) {
            true => self.put_seen(lane),
            false => self.delete_seen(lane),
        }
    }
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }
    pub fn delete(&mut self, key: EntityKey) {
        self.puts.retain(|put| put.key != key);
        self.deletes.push(key);
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Counters {
    /// the next operation's place in the account's order
    pub next_seq: u64,
    /// what was recorded last, whatever it was: a double tap says it once more
    #[json(default)]
    pub last: Option<Last>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
pub struct Last {
    pub seq: u64,
    pub at: i64,
    pub operation: OperationId,
    pub print: u64,
}

/// What the backend said of a stop, and what the courier did there since.
#[derive(Clone, Debug, Default, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct StopRecord {
    pub mirror: Stop,
    #[json(default)]
    pub progress: Progress,
    /// it left the route at the backend while work on it is unsent
    #[json(default)]
    pub gone: bool,
}

impl StopRecord {
    /// How the office took it from the courier: `$stop.withdrawn`.
    pub fn withdrawn(&self) -> Option<&'static str> {
        match self.mirror.status {
            StopStatus::Cancelled => Some("cancelled"),
            _ => self.gone.then_some("gone"),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct RouteRecord {
    pub header: RouteHeader,
    pub fetched_at: i64,
    /// what a newer route changed that the courier should know
    #[json(default, rename = "news")]
    pub changes: Vec<RouteNews>,
}

/// One thing that a newer route changed.
#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
pub struct RouteNews {
    pub code: RouteNewsCode,
    pub stop: StopId,
    pub place: StopPlace,
    /// how many the stop has now
    pub parcels: u32,
}

impl RouteNews {
    pub fn of(code: RouteNewsCode, stop: &Stop) -> Self {
        Self {
            code,
            stop: stop.id.clone(),
            place: StopPlace::of(stop),
            parcels: u32::try_from(stop.parcels.len()).unwrap_or(u32::MAX),
        }
    }
}

/// What a newer route changed at a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum RouteNewsCode {
    NewStop,
    /// it is no longer on the route; nothing of it waited
    Left,
    /// it is no longer on the route, and work on it is unsent
    Gone,
    Cancelled,
    NewAddress,
    OtherParcels,
}

/// A half-filled stop. The page owns `fields`; `blobs` keeps staged pictures alive.
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Draft {
    pub account: AccountId,
    pub stop: StopId,
    pub blobs: Vec<BlobHandle>,
    pub fields: Map<String, Value>,
    pub saved_at: i64,
}

/// What a person should know although no operation waits for him. Kept until he has put it away.
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Notice {
    pub at: i64,
    /// the operation's place in the order of recording
    pub seq: u64,
    /// `duplicate`: the backend holds it more often than once; `not_shown`: it said yes and does not show it; `done_already`: it refused, and a newer route shows it as done; `stop_cancelled`, `stop_gone`: the office took a stop away with unsent work on it
    pub code: String,
    /// the operation's, as in `Intent`; a custom one's own name
    pub kind: Option<String>,
    /// the stop's
    pub place: Option<StopPlace>,
    /// how often the backend holds it
    pub times: Option<u32>,
    /// an outcome was recorded there and is still reported
    #[json(default)]
    pub reported: bool,
    /// none where it is about a stop as a whole
    #[json(default)]
    pub operation: Option<OperationId>,
    pub stop: Option<StopId>,
}

impl Notice {
    pub fn of(op: &Operation, stop: Option<&Stop>, at: i64, reason: &Reason) -> Self {
        Self {
            at,
            seq: op.seq,
            code: reason.code.clone(),
            kind: Some(op.intent.kind().to_owned()),
            place: stop.map(StopPlace::of),
            times: reason.times,
            reported: false,
            operation: Some(op.id.clone()),
            stop: op.stop().cloned(),
        }
    }
}

/// The push subscription of this browser that a sender was told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct PushRecord {
    pub endpoint: String,
    pub told_at: i64,
}

/// An account's work left this device as a file: whoever has it may send it too.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
pub struct TakenOut {
    pub at: i64,
    /// everything recorded before this place in the account's order
    pub before: u64,
}

/// Why the core woke and what came of it. Nothing in it is about a person.
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct WakeRecord {
    /// when it began
    pub at: i64,
    /// tells wakes of one millisecond apart
    #[json(default)]
    pub by: u64,
    /// `page` or `worker`
    #[json(default)]
    pub context: String,
    /// as `WakeReason`
    pub reason: String,
    /// attempts that were begun
    pub attempted: u32,
    /// operations that the backend has since
    pub settled: u32,
    /// operations that were left
    #[json(default)]
    pub waiting: u32,
    /// as `Stopped`
    pub stopped: String,
    /// how the backend was found
    #[json(default)]
    pub reachability: Reachability,
    pub took_ms: u32,
    /// so many wakes by timer followed that found all the same
    #[json(default)]
    pub again: u32,
    /// when the last of those began
    #[json(default)]
    pub until: Option<i64>,
    /// bytes that the origin's storage held, where the browser says
    #[json(default)]
    pub used: Option<u64>,
}

/// How far pruning got with what an account has settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Pruned {
    /// settled operations before this moment have been looked at in this pass
    pub looked_to: u64,
    pub pass_began_at: i64,
}
