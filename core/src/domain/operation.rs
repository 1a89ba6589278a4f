//! One durable intent of the courier, and its life in the outbox.

use super::address::Position;
use super::ids::{AccountId, BlobHandle, LaneId, OperationId, ParcelId, ProfileRevision, StopId};
use super::parcel::{ParcelFate, ParcelOutcome};
use super::proof::ProofOverride;
use crate::domain::json::{FromJson, ToJson};
use serde_json::{Map, Value};

/// What the courier did. Recording makes it durable; it is checked first.
///
/// ```json
/// { "kind": "scan", "stop": "st-07", "code": "PN-7H2K-0012", "source": "camera" }
/// ```
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Intent {
    /// a parcel goes into the van
    Load { code: String },
    /// parcels are taken over at a stop
    PickUp {
        stop: StopId,
        parcels: Vec<ParcelId>,
        /// required proofs that are left out, and why
        #[json(default)]
        overrides: Vec<ProofOverride>,
    },
    /// at the door
    Arrive { stop: StopId },
    /// a parcel's label
    Scan {
        stop: StopId,
        code: String,
        source: ScanSource,
    },
    /// a photo whose bytes are staged
    Photo { stop: StopId, blob: BlobHandle },
    /// a signature whose picture is staged
    Signature {
        stop: StopId,
        blob: BlobHandle,
        /// who signed
        #[json(default)]
        signer: Option<String>,
    },
    /// what the office should read
    Note { stop: StopId, text: String },
    /// the stop is done; each parcel has its own outcome
    Deliver {
        stop: StopId,
        recipient: String,
        outcomes: Vec<ParcelOutcome>,
        /// required proofs that are left out, and why
        #[json(default)]
        overrides: Vec<ProofOverride>,
    },
    /// nothing could be handed over here
    Fail {
        stop: StopId,
        /// one of the profile's, by its code
        reason: String,
        #[json(default)]
        text: Option<String>,
    },
    /// everything goes back
    Return {
        stop: StopId,
        /// one of the profile's, by its code
        reason: String,
        #[json(default)]
        text: Option<String>,
    },
    /// What a company has of its own: a PIN, cash collected, an identity check.
    Custom {
        /// as the profile calls it
        name: String,
        #[json(default)]
        stop: Option<StopId>,
        #[json(default)]
        fields: Map<String, Value>,
    },
}

/// How a code came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum ScanSource {
    Camera,
    /// by finger
    Typed,
    /// a hand scanner that types
    Wedge,
}

impl Intent {
    /// The name under which a profile describes it.
    pub fn kind(&self) -> &str {
        match self {
            Self::Load { .. } => "load",
            Self::PickUp { .. } => "pick_up",
            Self::Arrive { .. } => "arrive",
            Self::Scan { .. } => "scan",
            Self::Photo { .. } => "photo",
            Self::Signature { .. } => "signature",
            Self::Note { .. } => "note",
            Self::Deliver { .. } => "deliver",
            Self::Fail { .. } => "fail",
            Self::Return { .. } => "return",
            Self::Custom { name, .. } => name,
        }
    }

    pub fn stop(&self) -> Option<&StopId> {
        match self {
            Self::Load { .. } => None,
            Self::PickUp { stop, .. }
            | Self::Arrive { stop }
            | Self::Scan { stop, .. }
            | Self::Photo { stop, .. }
            | Self::Signature { stop, .. }
            | Self::Note { stop, .. }
            | Self::Deliver { stop, .. }
            | Self::Fail { stop, .. }
            | Self::Return { stop, .. } => Some(stop),
            Self::Custom { stop, .. } => stop.as_ref(),
        }
    }

    pub fn blob(&self) -> Option<&BlobHandle> {
        match self {
            Self::Photo { blob, .. } | Self::Signature { blob, .. } => Some(blob),
            _ => None,
        }
    }

    /// What a person may correct after it was recorded; the rest is what he did, or where.
    pub fn correctable(&self) -> &'static [&'static str] {
        match self {
            Self::Note { .. } => &["text"],
            Self::Signature { .. } => &["signer"],
            Self::Deliver { .. } => &["recipient", "outcomes", "overrides"],
            Self::PickUp { .. } => &["parcels", "overrides"],
            Self::Fail { .. } | Self::Return { .. } => &["reason", "text"],
            Self::Custom { .. } => &["fields"],
            Self::Load { .. } | Self::Arrive { .. } | Self::Scan { .. } | Self::Photo { .. } => &[],
        }
    }

    /// The same for the same intent (FNV-1a over its JSON, as far as an `i64` goes).
    pub fn print(&self) -> u64 {
        let text = crate::domain::json::to_text(self);
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash >> 1
    }

    /// Closes the stop: pick_up, deliver, fail, return.
    pub fn outcome(&self) -> Option<ParcelFate> {
        match self {
            Self::PickUp { .. } => Some(ParcelFate::PickedUp),
            Self::Deliver { .. } => Some(ParcelFate::Delivered),
            Self::Fail { .. } => Some(ParcelFate::Failed),
            Self::Return { .. } => Some(ParcelFate::Returned),
            _ => None,
        }
    }
}

/// When and where it was recorded, by the device's own clock.
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Recorded {
    pub at: i64,
    /// backend's clock minus the device's, where it was known
    #[json(default)]
    pub offset_ms: Option<i64>,
    #[json(default)]
    pub position: Option<Position>,
}

impl Recorded {
    /// The moment in the backend's clock as well as it is known.
    pub fn backend_at(&self) -> i64 {
        self.at + self.offset_ms.unwrap_or(0)
    }
}

/// The staged bytes an operation carries, by name.
#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct BlobPin {
    pub handle: BlobHandle,
    pub media_type: String,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Operation {
    pub id: OperationId,
    pub account: AccountId,
    /// place in the account's order of recording, reserved when recorded
    pub seq: u64,
    pub lane: LaneId,
    pub intent: Intent,
    pub recorded: Recorded,
    #[json(default)]
    pub blob: Option<BlobPin>,
    pub state: OperationState,
    /// the profile it goes out under, pinned at its first attempt
    #[json(default)]
    pub profile: Option<ProfileRevision>,
    /// steps that succeeded, in order; they are never sent again
    #[json(default)]
    pub steps: Vec<StepDone>,
    /// how many attempts there were in all; the list holds the newest, pages hold the others
    #[json(default)]
    pub attempt_count: u32,
    #[json(default)]
    pub attempts: Vec<Attempt>,
    /// failures in a row, for the backoff
    #[json(default)]
    pub failures: u32,
    /// the backend refused the last attempt of this step; a probe decides whether it did so
    /// because an earlier attempt of ours had been applied
    #[json(default)]
    pub refused: Option<Reason>,
    /// what that probe read for the next attempt: `$fresh.<name>`
    #[json(default)]
    pub fresh: Map<String, Value>,
    /// how often this step was sent again against the backend's state
    #[json(default)]
    pub overruled: u32,
    /// the recording that this one corrects, and the one that corrects it
    #[json(default)]
    pub supersedes: Option<OperationId>,
    #[json(default)]
    pub superseded_by: Option<OperationId>,
    /// a person wants it sent although its stop was withdrawn
    #[json(default)]
    pub released: bool,
    /// a step that succeeded, and of which the backend is still to be asked how many it holds
    #[json(default)]
    pub uncounted: Option<String>,
}

/// Attempts on one page. An operation holds fewer than two pages of them, so that putting one more
/// on record costs the same however often it was tried before.
pub const ATTEMPTS_PAGE: usize = 20;
/// Pages of one operation. Of one that was tried more than a thousand times, the first page and the
/// newest ones are kept.
pub const PAGES_MAX: u32 = 50;

/// Attempts that no longer stand with their operation.
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
pub struct AttemptPage {
    pub operation: OperationId,
    pub page: u32,
    pub attempts: Vec<Attempt>,
}

impl Operation {
    pub fn stop(&self) -> Option<&StopId> {
        self.intent.stop()
    }
    pub fn is_settled(&self) -> bool {
        matches!(
            self.state,
            OperationState::Settled { .. } | OperationState::Discarded { .. }
        )
    }
    /// Bytes that wait to be sent: the fields as JSON and the picture.
    pub fn bytes(&self) -> u64 {
        let fields = super::json::to_text(&self.intent).len() as u64;
        fields + self.blob.as_ref().map_or(0, |b| b.bytes)
    }
    /// How many pages of attempts there may be beside it.
    pub fn pages(&self) -> u32 {
        match u32::try_from(ATTEMPTS_PAGE) {
            Ok(page) if self.attempt_count >= 2 * page => self.attempt_count / page,
            _ => 0,
        }
    }
    /// Out of the outbox without the backend's yes; why it was parked stays with it.
    pub fn set_aside(&mut self, at: i64, reason: &str) {
        let was = match &self.state {
            OperationState::Parked { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.state = OperationState::Discarded {
            at,
            reason: reason.to_owned(),
            was,
        };
    }
    /// Puts an attempt on record; gives the page that is full now, to be written beside it.
    pub fn push_attempt(&mut self, attempt: Attempt) -> Option<AttemptPage> {
        self.attempt_count = attempt.number;
        self.attempts.push(attempt);
        if self.attempts.len() < 2 * ATTEMPTS_PAGE {
            return None;
        }
        let rest = self.attempts.split_off(ATTEMPTS_PAGE);
        let attempts = std::mem::replace(&mut self.attempts, rest);
        Some(AttemptPage {
            operation: self.id.clone(),
            page: attempts.first().map_or(0, Attempt::page),
            attempts,
        })
    }
}

/// A step the backend has said yes to, with what was captured from its answer.
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct StepDone {
    pub step: String,
    pub at: i64,
    #[json(default)]
    pub outputs: Map<String, Value>,
    /// the backend had it before this attempt
    #[json(default)]
    pub already: bool,
}

#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(tag = "is", rename_all = "snake_case")]
/// Where an operation stands. `due_at` is when it is tried next by itself; a wake that has reason to hope (the network came
/// back, a person asked) may try sooner, but never before `floor_at`: a throttle or a delayed
/// original is not hurried.
pub enum OperationState {
    /// not sent, or sent and answered "later"
    Waiting {
        due_at: i64,
        floor_at: i64,
    },
    /// an attempt is on record and its verdict is not
    InFlight {
        attempt: u32,
        generation: u64,
        purpose: Purpose,
        expires_at: i64,
    },
    /// the last attempt may or may not have been applied
    InDoubt {
        due_at: i64,
        floor_at: i64,
    },
    /// needs a person; blocks its lane
    Parked {
        at: i64,
        reason: Reason,
    },
    Settled {
        at: i64,
        how: Settlement,
    },
    /// set aside by a person, kept with the reason
    Discarded {
        at: i64,
        reason: String,
        was: Option<Reason>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum Purpose {
    Send,
    Probe,
    /// how many the backend holds of a step that it has said yes to
    Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum Settlement {
    Applied,
    Already,
    /// the profile has no request for it; its fields travel with a later operation
    NoRequest,
}

/// Why an operation is not settled: a stable code, and the backend's own words.
#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Reason {
    pub code: String,
    /// for developers: what exactly is wrong
    pub detail: Option<String>,
    pub backend: Option<String>,
    /// how often the backend holds it
    pub times: Option<u32>,
}

impl Reason {
    pub fn new(code: &str) -> Self {
        Self {
            code: code.into(),
            detail: None,
            backend: None,
            times: None,
        }
    }

    #[must_use]
    pub fn because(mut self, detail: &str) -> Self {
        self.detail = Some(detail.to_owned());
        self
    }
}

/// One recorded try.
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Attempt {
    pub number: u32,
    pub step: String,
    pub purpose: Purpose,
    /// what woke the drain
    pub trigger: String,
    pub started_at: i64,
    #[json(default)]
    pub ended_at: Option<i64>,
    #[json(default)]
    pub status: Option<u16>,
    /// the verdict's name, or the network failure's
    #[json(default)]
    pub verdict: Option<String>,
    /// what a person should know of it although the operation went on
    #[json(default)]
    pub reason: Option<Reason>,
    /// of an answer that came when the operation had moved on; it changed nothing
    #[json(default)]
    pub late_status: Option<u16>,
    /// the backend's own words
    #[json(default)]
    pub said: Option<String>,
    /// the beginning of an answer that parked it, so that a newer profile can judge it again
    #[json(default)]
    pub answer: Option<String>,
    #[json(default)]
    pub media_type: Option<String>,
}

impl Attempt {
    /// The page it belongs on, numbered from 0.
    #[allow(clippy::cast_possible_truncation)] // twenty
    fn page(&self) -> u32 {
        self.number.saturating_sub(1) / ATTEMPTS_PAGE as u32
    }
}
