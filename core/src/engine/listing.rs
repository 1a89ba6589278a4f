//! The outbox as a person reads it: each operation in words, and the bar above every screen.

use super::amend::BACKEND_WINS;
use super::backoff::is_ahead;
use super::handed::HANDED;
use super::lane::{HeadState, Lane};
use super::overdue::{Overdue, Thresholds, overdue, stops_of};
use super::session::{Reach, Reachability, Session, SessionState};
use crate::domain::ids::{BlobHandle, LaneId, OperationId, StopId};
use crate::domain::json::ToJson;
use crate::domain::operation::{Intent, Operation, OperationState, Purpose, Reason, Settlement};
use crate::domain::parcel::ParcelFate;
use crate::domain::stop::{Stop, StopPlace};
use crate::domain::text::shown;
use crate::domain::tree::remove;
use serde_json::{Map, Value};

/// One operation as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct OutboxItem {
    pub id: OperationId,
    /// its place in the order of recording
    pub seq: u64,
    /// what it waits behind: only a lane's first is tried
    pub lane: LaneId,
    pub stop: Option<StopId>,
    /// as in `Intent`; a custom one's own name
    pub kind: String,
    /// what was done
    pub title: Title,
    /// where
    pub place: Option<StopPlace>,
    pub state: OperationStateName,
    /// the state, as a person is told of it
    pub said: ItemSaid,
    /// a person's reason for setting it aside
    pub set_aside: Option<String>,
    /// to be sent: fields and picture
    pub bytes: u64,
    pub recorded_at: i64,
    pub attempts: u32,
    pub last_attempt_at: Option<i64>,
    /// when it is tried next by itself
    pub due_at: Option<i64>,
    pub settled_at: Option<i64>,
    /// why it is not settled
    pub reason: Option<Reason>,
    /// what a person can do about it
    pub advice: Option<Advice>,
    /// the handle of its picture
    pub blob: Option<BlobHandle>,
    /// of the picture, lower-case hex
    pub sha256: Option<String>,
    /// the recording that it corrects, and the one that corrects it
    pub supersedes: Option<OperationId>,
    pub superseded_by: Option<OperationId>,
    /// what a person may correct now, as it stands
    pub amend: Option<Map<String, Value>>,
    /// a correction takes its place; otherwise it becomes an operation of its own
    pub amend_in_place: bool,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum OperationStateName {
    /// not sent, or answered "later"
    Waiting,
    /// an attempt is on its way
    InFlight,
    /// the backend may have it; that is being found out
    InDoubt,
    /// needs a person, and holds what was recorded at its stop later
    Parked,
    /// the backend has it, or the profile has no request for it
    Settled,
    /// set aside by a person or by the profile's policy; kept with the reason
    Discarded,
}

impl OperationStateName {
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InFlight => "in_flight",
            Self::InDoubt => "in_doubt",
            Self::Parked => "parked",
            Self::Settled => "settled",
            Self::Discarded => "discarded",
        }
    }
}

pub fn item(op: &Operation, stop: Option<&Stop>) -> OutboxItem {
    let last = op.attempts.last();
    let (state, said) = said(op);
    let due_at = match &op.state {
        OperationState::Waiting { due_at, .. } | OperationState::InDoubt { due_at, .. } => {
            Some(*due_at)
        }
        _ => None,
    };
    let settled_at = match &op.state {
        OperationState::Settled { at, .. } | OperationState::Discarded { at, .. } => Some(*at),
        _ => None,
    };
    OutboxItem {
        id: op.id.clone(),
        seq: op.seq,
        lane: op.lane.clone(),
        stop: op.stop().cloned(),
        kind: op.intent.kind().to_owned(),
        title: title(&op.intent, stop),
        place: stop.map(StopPlace::of),
        state,
        said,
        set_aside: match &op.state {
            OperationState::Discarded { reason, .. } if said == ItemSaid::SetAside => {
                Some(shown(reason, 120))
            }
            _ => None,
        },
        bytes: op.bytes(),
        recorded_at: op.recorded.at,
        attempts: op.attempt_count,
        last_attempt_at: last.map(|a| a.started_at),
        due_at,
        settled_at,
        reason: reason(op),
        advice: advice(op),
        blob: op.blob.as_ref().map(|b| b.handle.clone()),
        sha256: op.blob.as_ref().map(|b| b.sha256.clone()),
        supersedes: op.supersedes.clone(),
        superseded_by: op.superseded_by.clone(),
        amend: amendable(op),
        amend_in_place: op.attempt_count == 0,
    }
}

fn amendable(op: &Operation) -> Option<Map<String, Value>> {
    let names = op.intent.correctable();
    let over = op.is_settled() || op.superseded_by.is_some() || op.uncounted.is_some();
    let Value::Object(mut fields) = op.intent.to_json() else {
        return None;
    };
    let mut given = Map::new();
    for name in names {
        given.insert(
            (*name).to_owned(),
            remove(&mut fields, name).unwrap_or_default(),
        );
    }
    Some(given).filter(|given| !over && !given.is_empty())
}

/// What was done, in a line: a code and what its sentence names, shortened and harmless to show.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
#[json(tag = "code", rename_all = "snake_case")]
pub enum Title {
    Loaded {
        parcel: String,
    },
    PickedUp {
        parcels: usize,
    },
    Arrived,
    Scanned {
        parcel: String,
    },
    Photo,
    Signature {
        signer: Option<String>,
    },
    Note {
        text: String,
    },
    Delivered {
        recipient: String,
        /// so many parcels of `of` were handed over
        parcels: usize,
        of: usize,
    },
    Failed,
    Returned {
        parcels: usize,
    },
    /// a company's own operation, by its name
    Custom {
        name: String,
    },
}

fn title(intent: &Intent, stop: Option<&Stop>) -> Title {
    match intent {
        Intent::Load { code } => Title::Loaded {
            parcel: shown(code, 40),
        },
        Intent::PickUp { parcels, .. } => Title::PickedUp {
            parcels: parcels.len(),
        },
        Intent::Arrive { .. } => Title::Arrived,
        Intent::Scan { code, .. } => Title::Scanned {
            parcel: shown(code, 40),
        },
        Intent::Photo { .. } => Title::Photo,
        Intent::Signature { signer, .. } => Title::Signature {
            signer: signer.as_ref().map(|signer| shown(signer, 60)),
        },
        Intent::Note { text, .. } => Title::Note {
            text: shown(text, 60),
        },
        Intent::Deliver {
            recipient,
            outcomes,
            ..
        } => Title::Delivered {
            recipient: shown(recipient, 60),
            parcels: outcomes
                .iter()
                .filter(|o| o.outcome == ParcelFate::Delivered)
                .count(),
            of: outcomes.len(),
        },
        Intent::Fail { .. } => Title::Failed,
        Intent::Return { .. } => Title::Returned {
            parcels: stop.map_or(0, |s| s.parcels.len()),
        },
        Intent::Custom { name, .. } => Title::Custom {
            name: shown(name, 60),
        },
    }
}

/// Where an operation stands, as a person is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum ItemSaid {
    Waits,
    /// the backend has it; how often is still asked
    WillBeCounted,
    WillBeSentAgain,
    Sending,
    /// the phone's own system sends it
    HandedToPhone,
    Counting,
    /// the backend is asked whether it has it
    Asking,
    InDoubt,
    NeedsPerson,
    /// the profile has no request for it: its fields go with a later one
    TravelsAlong,
    Confirmed,
    Replaced,
    /// by the profile's policy: the backend's state stands
    BackendWins,
    SetAside,
}

fn said(op: &Operation) -> (OperationStateName, ItemSaid) {
    use OperationStateName as Name;
    match &op.state {
        OperationState::Waiting { .. } => {
            let said = if op.attempt_count == 0 {
                ItemSaid::Waits
            } else if op.uncounted.is_some() {
                ItemSaid::WillBeCounted
            } else {
                ItemSaid::WillBeSentAgain
            };
            (Name::Waiting, said)
        }
        OperationState::InFlight {
            generation: HANDED, ..
        } => (Name::InFlight, ItemSaid::HandedToPhone),
        OperationState::InFlight { purpose, .. } => {
            let said = match purpose {
                Purpose::Send => ItemSaid::Sending,
                Purpose::Count => ItemSaid::Counting,
                Purpose::Probe => ItemSaid::Asking,
            };
            (Name::InFlight, said)
        }
        OperationState::InDoubt { .. } => (Name::InDoubt, ItemSaid::InDoubt),
        OperationState::Parked { .. } => (Name::Parked, ItemSaid::NeedsPerson),
        OperationState::Settled { how, .. } => {
            let said = match how {
                Settlement::NoRequest => ItemSaid::TravelsAlong,
                _ => ItemSaid::Confirmed,
            };
            (Name::Settled, said)
        }
        OperationState::Discarded { reason, .. } => {
            let said = if op.superseded_by.is_some() {
                ItemSaid::Replaced
            } else if reason == BACKEND_WINS {
                ItemSaid::BackendWins
            } else {
                ItemSaid::SetAside
            };
            (Name::Discarded, said)
        }
    }
}

fn reason(op: &Operation) -> Option<Reason> {
    match &op.state {
        OperationState::Parked { reason, .. } => Some(reason.clone()),
        OperationState::Discarded { was, .. } => was.clone(),
        OperationState::Settled { .. } => op.attempts.iter().rev().find_map(|a| a.reason.clone()),
        _ => {
            let verdict = op.attempts.last()?.verdict.as_deref()?;
            WAITING_FOR.contains(&verdict).then(|| Reason::new(verdict))
        }
    }
}

/// The verdicts that leave an operation waiting: the codes of its reason.
const WAITING_FOR: [&str; 10] = [
    "unreachable",
    "timed_out",
    "interrupted",
    "auth",
    "auth_unsure",
    "throttled",
    "retry",
    "in_doubt",
    "conflict",
    "probe",
];

/// What a person can do about an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum Advice {
    CorrectOrDiscard,
    DiscardAndRecord,
    LookAtStop,
    AskOffice,
    PhotoAgain,
    FetchRoute,
    RetryOrExport,
    SignIn,
    GoToSignal,
    WaitsForEarlier,
    WaitAMinute,
}

fn advice(op: &Operation) -> Option<Advice> {
    let OperationState::Parked { reason, .. } = &op.state else {
        return None;
    };
    Some(match reason.code.as_str() {
        "invalid" if !op.intent.correctable().is_empty() => Advice::CorrectOrDiscard,
        "invalid" => Advice::DiscardAndRecord,
        "conflict" | "stop_withdrawn" => Advice::LookAtStop,
        "in_doubt" => Advice::AskOffice,
        "blob_missing" | "blob_changed" => Advice::PhotoAgain,
        "stop_unreadable" => Advice::FetchRoute,
        _ => Advice::RetryOrExport,
    })
}

/// What helps with an operation that is not parked and still here.
pub fn what_to_do(sign_in: bool, away: bool, item: &OutboxItem) -> Advice {
    match item.attempts {
        _ if sign_in => Advice::SignIn,
        _ if away => Advice::GoToSignal,
        0 => Advice::WaitsForEarlier,
        _ => Advice::WaitAMinute,
    }
}

/// How the outbox and the backend stand.
#[derive(Clone, Debug, PartialEq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct Status {
    /// the store's change number
    pub revision: u64,
    /// whose work it is, signed in or not
    pub account: Option<AccountView>,
    pub signed_in: bool,
    /// operations that are not settled, those that need a person among them
    pub waiting: u32,
    /// stops and lanes that need a person
    pub parked: u32,
    pub in_flight: u32,
    pub oldest_waiting_at: Option<i64>,
    pub bytes_waiting: u64,
    /// operations of other accounts on this phone: counted, kept, sent by nobody else
    pub other_accounts: u32,
    pub reachability: Reachability,
    pub last_reached_at: Option<i64>,
    pub last_try_at: Option<i64>,
    /// when the next try is due by itself
    pub next_wake_at: Option<i64>,
    /// what the bar says in one line; the values it names are beside it
    pub said: StatusSaid,
    /// records that could not be read and were set aside as they are
    pub quarantined: u32,
    /// what a person should know and has not put away yet
    pub notices: u32,
    /// stops with something unsent
    pub stops_waiting: u32,
    /// what has waited longer than a person should leave it
    pub overdue: Option<Overdue>,
}

/// What matters most of a `Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum StatusSaid {
    SignedOut,
    /// nothing goes out before a new sign-in
    SignIn,
    NeedsPerson,
    OutOfReach,
    AllSent,
    Sending,
    /// in reach, and waiting for its time
    Waiting,
}

/// Whose work it is.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct AccountView {
    pub id: String,
    pub name: String,
}

pub fn account_view(session: &Session) -> AccountView {
    AccountView {
        id: session.account.0.clone(),
        name: session.name.clone(),
    }
}

/// Who is signed in, and what a sign-in asks for.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct SessionView {
    /// whose work is shown; stays when the sign-in has ended
    pub account: Option<AccountView>,
    pub signed_in: bool,
    /// the names of what the profile's sign-in asks a person for
    pub fields: Vec<String>,
}

pub fn session_view(session: Option<&Session>, fields: Vec<String>) -> SessionView {
    let known = session.filter(|s| s.state != SessionState::SignedOut);
    SessionView {
        account: known.map(account_view),
        signed_in: session.is_some_and(|s| s.state == SessionState::SignedIn),
        fields,
    }
}

pub struct StatusPart<'a> {
    pub now: i64,
    pub revision: u64,
    pub session: Option<&'a Session>,
    pub lanes: &'a [Lane],
    pub other_accounts: u32,
    pub reach: &'a Reach,
    pub quarantined: u32,
    pub notices: u32,
    pub thresholds: &'a Thresholds,
}

pub fn status(part: &StatusPart<'_>) -> Status {
    let parked = part
        .lanes
        .iter()
        .filter(|l| l.head.is == HeadState::Parked)
        .count();
    let in_flight = part
        .lanes
        .iter()
        .filter(|l| matches!(l.head.is, HeadState::InFlight { .. }))
        .count();
    let waiting: u32 = part.lanes.iter().map(|l| l.count).sum();
    let session = part.session;
    let signed_in = session.is_some_and(|s| s.state == SessionState::SignedIn);
    let asked_to_sign_in = session.is_some_and(|s| s.state == SessionState::SignInNeeded);
    let state = if asked_to_sign_in {
        Reachability::SignInNeeded
    } else {
        part.reach.state
    };
    let said = match state {
        _ if session.is_none() => StatusSaid::SignedOut,
        Reachability::SignInNeeded => StatusSaid::SignIn,
        _ if parked > 0 => StatusSaid::NeedsPerson,
        away if away.is_away() => StatusSaid::OutOfReach,
        _ if waiting == 0 => StatusSaid::AllSent,
        _ if in_flight > 0 => StatusSaid::Sending,
        _ => StatusSaid::Waiting,
    };
    Status {
        revision: part.revision,
        account: session
            .filter(|s| s.state != SessionState::SignedOut)
            .map(account_view),
        signed_in,
        waiting,
        parked: u32::try_from(parked).unwrap_or(u32::MAX),
        in_flight: u32::try_from(in_flight).unwrap_or(u32::MAX),
        oldest_waiting_at: part.lanes.iter().map(|l| l.head.recorded_at).min(),
        bytes_waiting: part.lanes.iter().map(|l| l.bytes).sum(),
        other_accounts: part.other_accounts,
        reachability: state,
        last_reached_at: part.reach.last_reached_at,
        last_try_at: part.reach.last_try_at,
        next_wake_at: next_wake_at(part.lanes, part.reach, signed_in, part.now),
        said,
        quarantined: part.quarantined,
        notices: part.notices,
        stops_waiting: stops_of(part.lanes.iter()),
        overdue: overdue(part.lanes, part.thresholds, part.now),
    }
}

/// When the next wake by timer has something to do; `None`: not until something happens.
pub fn next_wake_at(lanes: &[Lane], reach: &Reach, signed_in: bool, now: i64) -> Option<i64> {
    // A clock that was set back does not put off what is due.
    let sane = |at: i64| if is_ahead(at, now) { at } else { at.min(now) };
    let due = lanes
        .iter()
        .filter(|l| l.head.is != HeadState::Parked && signed_in)
        // No timer brings the system's answer nearer.
        .filter(|l| l.head.is != HeadState::InFlight { generation: HANDED })
        .map(|l| sane(l.head.due_at))
        .min()?;
    // Out of reach the heartbeat is asked first, and what it finds overrules every backoff.
    let due = if reach.state.is_away() {
        sane(reach.due_at)
    } else {
        due
    };
    Some(due.max(sane(reach.paused_until)))
}
