//! The document's own shape. Names follow Arazzo where it has them (`stepId`, `outputs`,
//! `parameters`); unknown keys are refused by name.

use super::test::Test;
use crate::domain::dictionary::Dictionary;
use crate::domain::ids::ProfileRevision;
use crate::domain::json::{FromJson, ToJson, Wrong};
use serde_json::Value;

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// version of this language; 1 now
    pub pannier: u32,
    pub name: String,
    /// changes whenever the document does; operations are pinned to it
    pub revision: ProfileRevision,
    #[json(default)]
    pub notes: Option<String>,
    /// base addresses by name, used as `{name}` in URLs; the host may set them
    #[json(default)]
    pub servers: Dictionary<String, String>,
    pub sign_in: SignIn,
    pub route: RouteRead,
    /// a cheap request that tells whether the backend can be reached
    #[json(default)]
    pub heartbeat: Option<Call>,
    /// rules for all answers, tried after a request's own
    #[json(default)]
    pub outcomes: Vec<OutcomeRule>,
    #[json(default)]
    pub order: Order,
    /// lanes that may be in flight at once
    #[json(default = "four")]
    pub concurrency: u32,
    #[json(default)]
    pub reasons: Reasons,
    /// by operation kind, custom ones included
    pub operations: Dictionary<String, OperationProfile>,
}

fn four() -> u32 {
    4
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase")]
pub enum Order {
    /// strict within a stop, free between stops
    #[default]
    Lane,
    /// one lane for everything
    Global,
}

#[derive(Clone, Debug, Default, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reasons {
    #[json(default)]
    pub fail: Vec<Choice>,
    #[json(default, rename = "return")]
    pub return_: Vec<Choice>,
}

#[derive(Clone, Debug, PartialEq, Eq, FromJson, ToJson)]
#[json(deny_unknown_fields)]
pub struct Choice {
    pub code: String,
    pub text: String,
}

/// How a courier signs in. One kind now; the others take their place beside it.
#[derive(Clone, Debug, FromJson)]
#[json(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum SignIn {
    Password {
        request: RequestTemplate,
        #[json(default)]
        outcomes: Vec<OutcomeRule>,
        /// must give `account` and `token`; may give `name`, `refreshToken`, `expiresInS`, `nowMs`
        outputs: Dictionary<String, Value>,
        #[json(default)]
        refresh: Option<Refresh>,
        /// headers that every request with `auth` gets
        headers: Dictionary<String, Value>,
    },
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    pub request: RequestTemplate,
    #[json(default)]
    pub outcomes: Vec<OutcomeRule>,
    pub outputs: Dictionary<String, Value>,
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    pub request: RequestTemplate,
    #[json(default)]
    pub outcomes: Vec<OutcomeRule>,
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteRead {
    pub request: RequestTemplate,
    #[json(default)]
    pub outcomes: Vec<OutcomeRule>,
    /// where the stops are in the answer
    pub items: String,
    /// `id`, `date`, `version`, and `nowMs` for the clock
    #[json(default)]
    pub outputs: Dictionary<String, Value>,
    /// one stop in our words, from `$item`
    pub stop: Value,
}

#[derive(Clone, Debug, Default, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationProfile {
    #[json(default)]
    pub steps: Vec<StepProfile>,
    /// the backend takes it at any time: it gets a lane beside the stop's
    #[json(default)]
    pub independent: bool,
    #[json(default)]
    pub on_conflict: OnConflict,
}

/// What follows when someone else changed it first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase")]
pub enum OnConflict {
    /// parked until a person decides
    #[default]
    Ask,
    /// the backend's state stands; the operation is set aside with the reason
    BackendWins,
    /// sent again with the fresh precondition
    OursWins,
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepProfile {
    pub step_id: String,
    /// skipped unless this holds
    #[json(default)]
    pub when: Option<Test>,
    pub request: RequestTemplate,
    #[json(default)]
    pub identity: Identity,
    /// how long a delayed original may still land after its attempt ended
    #[json(default = "settle_default")]
    pub settle_ms: u32,
    #[json(default)]
    pub outcomes: Vec<OutcomeRule>,
    #[json(default)]
    pub outputs: Dictionary<String, Value>,
    #[json(default)]
    pub probe: Option<Probe>,
}

fn settle_default() -> u32 {
    2_000
}

/// What the operation's identity becomes on the wire, and so whether a resend is safe.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromJson)]
#[json(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Identity {
    /// the backend knows the id in this header
    Header {
        name: String,
    },
    /// the client chooses the record's id, so that a replay meets itself
    RecordId {},
    /// the fields themselves are unique at the backend
    NaturalKey {},
    /// a precondition that a replay no longer meets
    Conditional {},
    /// the id rides in a field that only a probe can read back
    Marker {},
    #[default]
    #[json(skip)]
    Unsaid,
    None {},
}

impl Identity {
    /// The same request may be sent again without asking first.
    pub fn resend_is_safe(&self) -> bool {
        !matches!(self, Self::Marker {} | Self::None {} | Self::Unsaid)
    }
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    pub request: RequestTemplate,
    /// the backend has it
    pub applied: Test,
    /// the backend surely has it not; an answer that meets neither says nothing
    pub not_applied: Test,
    /// captures that the lost answer would have given
    #[json(default)]
    pub outputs: Dictionary<String, Value>,
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestTemplate {
    pub method: String,
    /// RFC 6570, levels 1 to 3
    pub url: String,
    #[json(default)]
    pub parameters: Dictionary<String, Value>,
    #[json(default)]
    pub headers: Dictionary<String, Value>,
    #[json(default)]
    pub body: Option<BodyTemplate>,
    /// whether the sign-in's headers go along
    #[json(default = "yes")]
    pub auth: bool,
    #[json(default = "deadline_default")]
    pub deadline_ms: u32,
}

fn yes() -> bool {
    true
}

fn deadline_default() -> u32 {
    30_000
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub enum BodyTemplate {
    Json(Value),
    Form(Dictionary<String, Value>),
    Multipart(Vec<PartTemplate>),
    /// the picture's raw bytes; the value names its handle
    Blob(Value),
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartTemplate {
    pub name: String,
    #[json(default)]
    pub value: Option<Value>,
    #[json(default)]
    pub blob: Option<Value>,
    #[json(default)]
    pub filename: Option<Value>,
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutcomeRule {
    #[json(default)]
    pub when: When,
    pub then: Verdict,
    /// where the backend's words for the person are
    #[json(default)]
    pub message: Option<String>,
}

/// All that is given must hold.
#[derive(Clone, Debug, Default, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    /// `200`, or a class as `"2xx"`
    #[json(default)]
    pub status: Vec<StatusMatch>,
    #[json(default)]
    pub media_type: Option<String>,
    #[json(default)]
    pub body: Option<Test>,
    #[json(default)]
    pub text_contains: Option<String>,
}

#[derive(Clone, Debug)]
pub enum StatusMatch {
    Exact(u16),
    Class(String),
}

impl FromJson for StatusMatch {
    fn blank() -> Self {
        Self::Exact(0)
    }
    fn read(&mut self, value: Value) -> Result<(), Wrong> {
        *self = match value {
            Value::String(class) => Self::Class(class),
            other => Self::Exact(u16::from_json(other)?),
        };
        Ok(())
    }
}

/// What an answer means. See the table in docs/architecture.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase")]
pub enum Verdict {
    Applied,
    Already,
    Conflict,
    Invalid,
    Auth,
    /// may mean "sign in again": asked before anything is judged
    AuthUnsure,
    Throttled,
    Retry,
    InDoubt,
    Probe,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Already => "already",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Auth => "auth",
            Self::AuthUnsure => "auth_unsure",
            Self::Throttled => "throttled",
            Self::Retry => "retry",
            Self::InDoubt => "in_doubt",
            Self::Probe => "probe",
        }
    }
}
