//! The views of the route: what the backend said, what the courier did, and what may be tapped.

use super::admit::situation;
use super::change::{RouteNews, RouteRecord, StopRecord};
use super::lane::{HeadState, Lane};
use crate::domain::address::{Address, TimeWindow};
use crate::domain::dictionary::ordered;
use crate::domain::error::{Refusal, Refused, Values};
use crate::domain::ids::{BlobHandle, ParcelId, StopId};
use crate::domain::json::ToJson;
use crate::domain::parcel::ParcelFate;
use crate::domain::proof::{Proof, ProofPolicy, Requirement};
use crate::domain::rules::Situation;
use crate::domain::stop::{StopKind, StopStatus};
use crate::profile::document::{Choice, Profile};

/// The route with everything that is known of it: the backend's word and the courier's recordings.
#[derive(Clone, Debug, PartialEq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct RouteView {
    /// the store's change number; a view with a smaller one is older
    pub revision: u64,
    pub id: Option<String>,
    pub date: Option<String>,
    /// when the backend last gave it
    pub fetched_at: Option<i64>,
    /// in the route's order
    pub stops: Vec<StopView>,
    pub parcels: ParcelCounts,
    /// what the newest route changed that the courier should know
    pub changes: Vec<RouteNews>,
}

/// Parcels of a whole route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToJson)]
pub struct ParcelCounts {
    pub total: usize,
    /// in the van
    pub loaded: usize,
    /// with an outcome, sent or not
    pub done: usize,
}

/// Where a stop stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum StopState {
    /// nothing is done here
    Open,
    /// at the door
    Arrived,
    /// an outcome is recorded and not yet confirmed
    Waiting,
    /// the backend has said yes to everything that was recorded here
    Done,
    /// an operation of this stop needs a person
    Attention,
}

/// One stop as a screen shows it.
#[derive(Clone, Debug, PartialEq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct StopView {
    pub id: StopId,
    /// its place in the route
    pub sequence: u32,
    pub kind: StopKind,
    pub address: Address,
    pub window: Option<TimeWindow>,
    pub note: Option<String>,
    pub state: StopState,
    /// operations of this stop that are not settled and need nobody
    pub waiting: u32,
    /// operations of this stop that need a person
    pub parked: u32,
    /// what became of the stop as a whole, once it is recorded
    pub outcome: Option<StopStatus>,
    /// the office cancelled it, or it is gone from the route, with unsent work on it
    pub withdrawn: Option<&'static str>,
    pub parcels: Vec<ParcelView>,
    pub proof: ProofPolicy,
    /// what is still missing here, and what is there
    pub needs: Vec<NeedView>,
    /// handles of recorded photos
    pub photos: Vec<BlobHandle>,
    /// the handle of a recorded signature
    pub signature: Option<BlobHandle>,
    /// what the courier noted
    pub notes: Vec<String>,
    pub arrived_at: Option<i64>,
    /// its parcels belong into the van: a delivery that is still to come
    pub to_load: bool,
    pub can: Permissions,
    pub pictures: PicturesView,
    pub reasons: ReasonsView,
}

/// One parcel of a stop.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct ParcelView {
    pub id: ParcelId,
    /// what its label says
    pub code: String,
    /// what it is called
    pub label: String,
    /// in the van
    pub loaded: bool,
    /// scanned at this stop
    pub scanned: bool,
    pub outcome: Option<ParcelFate>,
}

/// One line of what a stop insists on.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct NeedView {
    pub proof: Proof,
    pub requirement: Requirement,
    pub have: usize,
    pub want: usize,
    pub satisfied: bool,
}

/// Whether something may be done now and, where it may not, why.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct Permission {
    pub allowed: bool,
    /// stable
    pub code: Option<&'static str>,
    /// what the sentence for the courier names
    pub values: Option<Box<Values>>,
}

/// The profile's fixed choices for what could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct ReasonsView {
    pub fail: Vec<Choice>,
    #[json(rename = "return")]
    pub return_: Vec<Choice>,
}

/// Media types of pictures that the backend takes; an empty list takes all.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct PicturesView {
    pub photo: Vec<String>,
    pub signature: Vec<String>,
}

/// What may be recorded at a stop now.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct Permissions {
    pub arrive: Permission,
    pub scan: Permission,
    pub photo: Permission,
    pub signature: Permission,
    pub note: Permission,
    pub deliver: Permission,
    pub fail: Permission,
    pub return_: Permission,
    pub pick_up: Permission,
}

impl From<Result<(), Refusal>> for Permission {
    fn from(judged: Result<(), Refusal>) -> Self {
        match judged {
            Ok(()) => Self {
                allowed: true,
                code: None,
                values: None,
            },
            Err(refusal) => Self {
                allowed: false,
                code: Some(refusal.code),
                values: refusal.values,
            },
        }
    }
}

/// One stop, with the lanes that hold its unsettled work.
pub fn stop_view(record: &StopRecord, lanes: &[Lane], profile: &Profile) -> StopView {
    let StopRecord {
        mirror, progress, ..
    } = record;
    let at = situation(record, &[], &[]);
    let lanes = lanes.iter().filter(|l| l.stop.as_ref() == Some(&mirror.id));
    let (mut waiting, mut parked) = (0, 0);
    for lane in lanes {
        let held = u32::from(lane.head.is == HeadState::Parked);
        parked += held;
        waiting += lane.count - held;
    }
    let status = at.status();
    let outcome = status.is_final().then_some(status);
    let state = if parked > 0 {
        StopState::Attention
    } else if outcome.is_some() {
        // Green only when the backend has said yes to all that was done here.
        if waiting == 0 {
            StopState::Done
        } else {
            StopState::Waiting
        }
    } else if at.arrived() {
        StopState::Arrived
    } else {
        StopState::Open
    };
    StopView {
        id: mirror.id.clone(),
        sequence: mirror.sequence,
        kind: mirror.kind,
        address: mirror.address.clone(),
        window: mirror.window,
        note: mirror.note.clone(),
        state,
        waiting,
        parked,
        outcome,
        withdrawn: record.withdrawn(),
        parcels: mirror
            .parcels
            .iter()
            .map(|p| ParcelView {
                id: p.id.clone(),
                code: p.code.clone(),
                label: p.label.clone(),
                loaded: p.loaded || progress.loaded.contains_key(&p.id),
                scanned: progress.scanned.contains_key(&p.id),
                outcome: progress.fate(&p.id).or(p.outcome),
            })
            .collect(),
        proof: mirror.proof,
        needs: at
            .needs()
            .into_iter()
            .map(|n| NeedView {
                proof: n.proof,
                requirement: n.requirement,
                have: n.have,
                want: n.want,
                satisfied: n.satisfied(),
            })
            .collect(),
        photos: progress.photos.iter().map(|p| p.blob.clone()).collect(),
        signature: progress.signature.as_ref().map(|p| p.blob.clone()),
        notes: progress.notes.iter().map(|n| n.text.clone()).collect(),
        arrived_at: progress.arrived.map(|m| m.at),
        to_load: at.to_load().is_ok(),
        can: permissions(&at, profile),
        pictures: PicturesView {
            photo: taken(profile, "photo"),
            signature: taken(profile, "signature"),
        },
        reasons: ReasonsView {
            fail: profile.reasons.fail.clone(),
            return_: profile.reasons.return_.clone(),
        },
    }
}

fn taken(profile: &Profile, kind: &str) -> Vec<String> {
    let offered = profile.operations.get(kind);
    offered.map_or_else(Vec::new, |o| o.blob.media_types.clone())
}

fn permissions(at: &Situation<'_>, profile: &Profile) -> Permissions {
    let arrive = || match at.arrived() {
        true => Err(Refused::new(
            "already_arrived",
            "your arrival is already known",
        )),
        false => at.open(),
    };
    let scan = || {
        at.open()?;
        let all = at
            .stop
            .parcels
            .iter()
            .all(|p| at.progress.scanned.contains_key(&p.id));
        match all {
            true => Err(Refused::new("all_scanned", "every parcel is scanned")),
            false => Ok(()),
        }
    };
    let offered = |kind, judged| profile.offered(kind).map(drop).and(judged).into();
    Permissions {
        arrive: offered("arrive", arrive()),
        scan: offered("scan", scan()),
        photo: offered("photo", at.open()),
        signature: offered("signature", at.open()),
        note: offered("note", Ok(())),
        deliver: offered("deliver", at.may_deliver()),
        fail: offered("fail", at.may_close()),
        return_: offered("return", at.may_close()),
        pick_up: offered("pick_up", at.may_pick_up()),
    }
}

pub fn route_view(
    revision: u64,
    header: Option<&RouteRecord>,
    stops: &[StopRecord],
    lanes: &[Lane],
    profile: &Profile,
) -> RouteView {
    let views = stops.iter().map(|s| stop_view(s, lanes, profile)).collect();
    // They come in the order of their ids, which decides between equal places.
    let views: Vec<StopView> = ordered(views, |s| u64::from(s.sequence));
    let parcels = || views.iter().flat_map(|s| &s.parcels);
    let counts = ParcelCounts {
        total: parcels().count(),
        loaded: parcels().filter(|p| p.loaded).count(),
        done: parcels().filter(|p| p.outcome.is_some()).count(),
    };
    RouteView {
        revision,
        id: header.and_then(|h| h.header.id.clone()),
        date: header.and_then(|h| h.header.date.clone()),
        fetched_at: header.map(|h| h.fetched_at),
        stops: views,
        parcels: counts,
        changes: header.map(|h| h.changes.clone()).unwrap_or_default(),
    }
}
