//! What the engine wants written: typed entities, the revisions it saw, and the fence. The driver
//! turns it into one commit.

use super::lane::Lane;
use super::session::{Lease, Reach, Session};
use crate::domain::ids::{AccountId, BlobHandle, LaneId, StopId};
use crate::domain::json::{FromJson, ToJson};
use crate::domain::operation::Operation;
use crate::domain::progress::Progress;
use crate::domain::proof::BlobMeta;
use crate::domain::route::RouteHeader;
use crate::domain::stop::Stop;
use serde_json::{Map, Value};

/// A value with the revision it was read at; `None`: it is not in the store yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<T> {
    pub value: T,
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
    Wake(i64),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Entity {
    Counters(Counters),
    Reach(Reach),
    Lease(Lease),
    Route(RouteRecord),
    Session(Session),
    Lane(Lane),
    /// in the outbox
    Operation(Operation),
    /// settled or discarded, kept as history
    Settled(Operation),
    Stop(StopRecord),
    Blob(BlobMeta),
    Draft(Draft),
    Wake(WakeRecord),
}

impl Entity {
    pub fn key(&self) -> EntityKey {
        match self {
            Self::Counters(_) => EntityKey::Counters,
            Self::Reach(_) => EntityKey::Reach,
            Self::Lease(_) => EntityKey::Lease,
            Self::Route(_) => EntityKey::Route,
            Self::Session(_) => EntityKey::Session,
            Self::Lane(lane) => EntityKey::Lane(lane.id.clone()),
            Self::Operation(op) => EntityKey::Operation(op.lane.clone(), op.seq),
            Self::Settled(op) => EntityKey::Settled(settled_at(op), op.seq),
            Self::Stop(stop) => EntityKey::Stop(stop.mirror.id.clone()),
            Self::Blob(blob) => EntityKey::Blob(blob.handle.clone()),
            Self::Draft(draft) => EntityKey::Draft(draft.stop.clone()),
            Self::Wake(wake) => EntityKey::Wake(wake.at),
        }
    }
}

fn settled_at(op: &Operation) -> i64 {
    use crate::domain::operation::OperationState::{Discarded, Settled};
    match &op.state {
        Settled { at, .. } | Discarded { at, .. } => *at,
        _ => op.recorded.at,
    }
}

/// A set of writes that happens as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    pub strict: bool,
    pub expect: Vec<(EntityKey, Option<u64>)>,
    /// the drain generation that must be in force
    pub generation: Option<u64>,
    pub puts: Vec<Entity>,
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
    /// Writes an entity that must still be as it was seen.
    pub fn put(&mut self, entity: Entity, seen: Option<u64>) {
        self.expect(entity.key(), seen);
        self.put_blind(entity);
    }
    /// Writes an entity whatever stands there.
    pub fn put_blind(&mut self, entity: Entity) {
        let key = entity.key();
        self.puts.retain(|e| e.key() != key);
        self.puts.push(entity);
    }
    pub fn delete(&mut self, key: EntityKey) {
        self.puts.retain(|e| e.key() != key);
        self.deletes.push(key);
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Counters {
    /// the next operation's place in the account's order
    pub next_seq: u64,
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

#[derive(Clone, Debug, Default, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct RouteRecord {
    pub header: RouteHeader,
    pub fetched_at: i64,
    /// what a newer route changed that the courier should know
    #[json(default)]
    pub changes: Vec<String>,
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

/// Why a drain ran and what came of it.
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct WakeRecord {
    pub at: i64,
    pub reason: String,
    pub attempted: u32,
    pub settled: u32,
    pub stopped: String,
    pub took_ms: u32,
}
