//! What the courier's operations amount to at one stop, beside what the backend last said.
//!
//! A fold that is kept, so that a recording need not read a lane: [`Progress::apply`] when an
//! operation is recorded, [`Progress::settle`] when the backend has said yes,
//! [`Progress::withdraw`] when a person sets it aside, [`Progress::reconcile`] when a newer route
//! already shows it. What the route can show (arrival, outcome) carries a mark with the moment it
//! settled; what it cannot (scans, photos, notes) stays.

use super::dictionary::Dictionary;
use super::ids::{BlobHandle, ParcelId};
use super::operation::{Intent, Operation};
use super::parcel::ParcelFate;
use super::stop::{Stop, StopStatus};
use crate::domain::json::{FromJson, ToJson};
use serde_json::{Map, Value};

#[derive(Clone, Debug, Default, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase", default)]
pub struct Progress {
    pub arrived: Option<Mark>,
    /// loaded and scanned parcels, with the `seq` of the operation
    pub loaded: Dictionary<ParcelId, u64>,
    pub scanned: Dictionary<ParcelId, u64>,
    pub photos: Vec<Picture>,
    pub signature: Option<Picture>,
    pub notes: Vec<Note>,
    pub outcome: Option<Outcome>,
    /// what settled operations leave for later ones to name: `$carried.<kind>` in a profile
    pub carried: Vec<Carried>,
    /// the stop's version after our own last change there, until the route shows it
    pub version: Option<Version>,
}

#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
pub struct Version {
    pub text: String,
    pub at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Mark {
    pub seq: u64,
    pub at: i64,
    #[json(default)]
    pub settled_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
pub struct Picture {
    pub seq: u64,
    pub blob: BlobHandle,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
pub struct Note {
    pub seq: u64,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
pub struct Outcome {
    pub mark: Mark,
    pub status: StopStatus,
    pub fates: Dictionary<ParcelId, ParcelFate>,
    /// of the intent: the same once more is no other outcome
    #[json(default)]
    pub print: u64,
}

#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
pub struct Carried {
    pub kind: String,
    pub seq: u64,
    /// the operation's fields, as requests see them
    pub operation: Value,
    /// captured values by step: `{ "upload": { "photoId": "p-1" } }`
    pub outputs: Map<String, Value>,
}

impl Progress {
    pub fn apply(&mut self, stop: &Stop, op: &Operation) {
        let seq = op.seq;
        let mark = Mark {
            seq,
            at: op.recorded.at,
            settled_at: None,
        };
        let picture = |pin: &Option<super::operation::BlobPin>| {
            pin.as_ref().map(|b| Picture {
                seq,
                blob: b.handle.clone(),
                sha256: b.sha256.clone(),
            })
        };
        let all = |fate: ParcelFate| stop.parcels.iter().map(|p| (p.id.clone(), fate)).collect();
        match &op.intent {
            Intent::Load { code } => {
                if let Some(parcel) = stop.parcel_by_code(code) {
                    self.loaded.insert(parcel.id.clone(), seq);
                }
            }
            Intent::Arrive { .. } => self.arrived = Some(mark),
            Intent::Scan { code, .. } => {
                if let Some(parcel) = stop.parcel_by_code(code) {
                    self.scanned.insert(parcel.id.clone(), seq);
                }
            }
            Intent::Photo { .. } => self.photos.extend(picture(&op.blob)),
            Intent::Signature { .. } => self.signature = picture(&op.blob),
            Intent::Note { text, .. } => self.notes.push(Note {
                seq,
                text: text.clone(),
            }),
            Intent::PickUp { parcels, .. } => {
                let fates = parcels
                    .iter()
                    .map(|p| (p.clone(), ParcelFate::PickedUp))
                    .collect();
                self.outcome = Some(Outcome {
                    mark,
                    status: StopStatus::PickedUp,
                    fates,
                    print: op.intent.print(),
                });
            }
            Intent::Deliver { outcomes, .. } => {
                let whole = outcomes.iter().all(|o| o.outcome == ParcelFate::Delivered);
                self.outcome = Some(Outcome {
                    mark,
                    status: if whole {
                        StopStatus::Delivered
                    } else {
                        StopStatus::Partial
                    },
                    fates: outcomes
                        .iter()
                        .map(|o| (o.parcel.clone(), o.outcome))
                        .collect(),
                    print: op.intent.print(),
                });
            }
            Intent::Fail { .. } => {
                self.outcome = Some(Outcome {
                    mark,
                    status: StopStatus::Failed,
                    fates: all(ParcelFate::Failed),
                    print: op.intent.print(),
                });
            }
            Intent::Return { .. } => {
                self.outcome = Some(Outcome {
                    mark,
                    status: StopStatus::Returned,
                    fates: all(ParcelFate::Returned),
                    print: op.intent.print(),
                });
            }
            Intent::Custom { .. } => {}
        }
    }

    /// The backend has said yes to `seq`.
    /// True when that changes anything here.
    pub fn settle(&mut self, seq: u64, at: i64, carried: Option<Carried>) -> bool {
        let marks = [
            self.arrived.as_mut(),
            self.outcome.as_mut().map(|o| &mut o.mark),
        ];
        let mut changed = carried.is_some();
        for mark in marks.into_iter().flatten().filter(|m| m.seq == seq) {
            mark.settled_at = Some(at);
            changed = true;
        }
        self.carried.extend(carried);
        changed
    }

    /// A person has set `seq` aside: the stop is as if it had not been recorded.
    pub fn withdraw(&mut self, seq: u64) {
        self.arrived = self.arrived.filter(|m| m.seq != seq);
        self.loaded.retain(|_, s| *s != seq);
        self.scanned.retain(|_, s| *s != seq);
        self.photos.retain(|p| p.seq != seq);
        self.signature = self.signature.take().filter(|p| p.seq != seq);
        self.notes.retain(|n| n.seq != seq);
        self.outcome = self.outcome.take().filter(|o| o.mark.seq != seq);
        self.carried.retain(|c| c.seq != seq);
    }

    /// A route whose request began at `asked_at` has arrived: what settled before then it shows
    /// itself, so our mark gives way.
    pub fn reconcile(&mut self, asked_at: i64) {
        let shown = |m: &Mark| m.settled_at.is_some_and(|at| at < asked_at);
        self.arrived = self.arrived.filter(|m| !shown(m));
        if self.outcome.as_ref().is_some_and(|o| shown(&o.mark)) {
            self.outcome = None;
        }
        if self.version.as_ref().is_some_and(|v| v.at < asked_at) {
            self.version = None;
        }
    }

    pub fn status(&self, mirror: StopStatus) -> StopStatus {
        match &self.outcome {
            Some(outcome) => outcome.status,
            None if self.arrived.is_some() && mirror == StopStatus::Open => StopStatus::Arrived,
            None => mirror,
        }
    }

    pub fn fate(&self, parcel: &ParcelId) -> Option<ParcelFate> {
        self.outcome
            .as_ref()
            .and_then(|o| o.fates.get(parcel).copied())
    }
}
