//! The document's own shape. Names follow Arazzo where it has them (`stepId`, `outputs`,
//! `parameters`); unknown keys are refused by name.

use super::test::Test;
use super::value::references;
use crate::domain::dictionary::Dictionary;
use crate::domain::error::{Refusal, Refused};
use crate::domain::ids::ProfileRevision;
use crate::domain::json::{FromJson, Reader, Slot, ToJson, Wrong};
use crate::domain::proof::BlobMeta;
use serde_json::Value;

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// where an editor finds the language's schema; read by nobody else
    #[json(default, rename = "$schema")]
    pub schema: Option<String>,
    /// version of this language; 1 now
    pub pannier: u32,
    pub name: String,
    /// changes whenever the document does; operations are pinned to it
    pub revision: ProfileRevision,
    pub notes: Option<String>,
    /// base addresses by name, used as `{name}` in URLs; the host may set them
    #[json(default)]
    pub servers: Dictionary<String, String>,
    pub sign_in: SignIn,
    pub route: RouteRead,
    /// a cheap request that tells whether the backend can be reached
    #[json(default)]
    pub heartbeat: Option<Call>,
    /// how this phone subscribes to push messages
    #[json(default)]
    pub push: Option<Push>,
    /// rules for all answers, tried after a request's own
    #[json(default)]
    pub outcomes: Vec<OutcomeRule>,
    /// rules of standards, behind those: `problemDetails`, `conditionals`, `idempotencyKey`
    #[json(default)]
    pub packs: Vec<String>,
    #[json(default)]
    pub order: Order,
    /// lanes that may be in flight at once
    #[json(default = "four")]
    pub concurrency: u32,
    #[json(default)]
    pub reasons: Reasons,
    #[json(default)]
    pub limits: Limits,
    /// kinds that this backend cannot do, with the words for whoever asks
    #[json(default)]
    pub unsupported: Dictionary<String, String>,
    /// texts that the host gives when it opens the core, used as `$secrets.<name>`
    #[json(default)]
    pub secrets: Vec<String>,
    /// what the check would refuse and this author takes upon himself, by its code
    #[json(default)]
    pub accepts: Vec<String>,
    /// by operation kind, custom ones included
    pub operations: Dictionary<String, OperationProfile>,
    /// nothing in it names `$stop`, so it is not made for requests: that costs more than all the rest
    #[json(skip)]
    pub stopless: bool,
}

impl Profile {
    /// What a kind becomes at this backend.
    ///
    /// # Errors
    /// `operation_unsupported`, in the profile's own words where it has some.
    pub fn offered(&self, kind: &str) -> Result<&OperationProfile, Refusal> {
        self.operations.get(kind).ok_or_else(|| {
            let refusal =
                Refused::new("operation_unsupported", "the profile has no such operation");
            match self.unsupported.get(kind) {
                Some(words) => refusal.with("words", words),
                None => refusal.with("kind", &kind),
            }
        })
    }
}

/// What the core itself uses of a sign-in's `outputs`; anything else is `$session.<name>`.
pub const SIGN_IN_OUTPUTS: [&str; 7] = [
    "account",
    "token",
    "name",
    "refreshToken",
    "expiresInS",
    "expiresAt",
    "nowMs",
];

impl SignIn {
    /// The names of what a person is asked for, in the order in which the profile uses them:
    /// `$credentials.<name>`. The code of a sign-in in two requests comes last, and only then.
    pub fn credentials(&self) -> Vec<String> {
        let mut names: Vec<String> = vec![];
        let mut visit = |reference: &str| {
            let Some(rest) = reference.strip_prefix("credentials.") else {
                return;
            };
            let name = rest.split(['.', '#']).next().unwrap_or_default();
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        };
        let calls = self.start.iter().map(|call| &call.request);
        for request in calls.chain(&self.request) {
            request.each_tree(&mut |tree| references(tree, &mut visit));
        }
        self.outputs
            .values()
            .for_each(|tree| references(tree, &mut visit));
        names
    }
}

impl RequestTemplate {
    /// Visits every value that is filled when this request is made.
    pub fn each_tree<'t>(&'t self, visit: &mut dyn FnMut(&'t Value)) {
        let trees = self.parameters.values().chain(self.headers.values());
        trees.chain(&self.headers_from).for_each(&mut *visit);
        match &self.body {
            Some(BodyTemplate::Json(tree) | BodyTemplate::Blob(tree)) => visit(tree),
            Some(BodyTemplate::Form(fields)) => fields.values().for_each(visit),
            Some(BodyTemplate::Multipart(parts)) => {
                for part in parts {
                    let given = part.value.iter().chain(&part.blob).chain(&part.fields);
                    given.chain(&part.filename).for_each(&mut *visit);
                }
            }
            None => {}
        }
    }
}

impl BlobLimits {
    /// # Errors
    /// `photo_too_large`, `photo_type_refused`: the backend would refuse it later.
    pub fn check(&self, blob: &BlobMeta) -> Result<(), Refusal> {
        if let Some(most) = self.max_bytes.filter(|most| blob.bytes > *most) {
            return Err(
                Refused::new("photo_too_large", "the picture has too many bytes")
                    .with("bytes", &blob.bytes)
                    .with("most", &most),
            );
        }
        if self.media_types.is_empty() || self.media_types.contains(&blob.media_type) {
            return Ok(());
        }
        let refusal = Refused::new("photo_type_refused", "this backend takes other pictures");
        Err(refusal
            .with("type", &blob.media_type)
            .with("takes", &self.media_types))
    }
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

/// One of the profile's fixed choices.
#[derive(Clone, Debug, PartialEq, Eq, FromJson, ToJson)]
#[json(deny_unknown_fields)]
pub struct Choice {
    /// what is recorded
    pub code: String,
    /// what the courier reads
    pub text: String,
    /// the same in other languages, by their tags: `{ "sv": "Ingen hemma" }`
    #[json(default)]
    pub texts: Option<Dictionary<String, String>>,
}

/// How a courier signs in, and what then goes with every request.
#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignIn {
    pub kind: SignInKind,
    /// `code` only: the request after which the backend sends the person a code
    #[json(default)]
    pub start: Option<Call>,
    #[json(default)]
    pub request: Option<RequestTemplate>,
    #[json(default)]
    pub outcomes: Vec<OutcomeRule>,
    /// `account`, `token`, `name`, `refreshToken`, `expiresInS`, `expiresAt`, `nowMs`; further ones
    /// are kept as `$session.<name>`
    #[json(default)]
    pub outputs: Dictionary<String, Value>,
    #[json(default)]
    pub refresh: Option<Refresh>,
    /// a request that only a living sign-in is let through with: asked when an answer is ambiguous
    #[json(default)]
    pub probe: Option<Call>,
    /// headers that every request with `auth` gets
    #[json(default)]
    pub headers: Dictionary<String, Value>,
    /// the browser's cookies go with every request with `auth`
    #[json(default)]
    pub cookies: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase")]
pub enum SignInKind {
    /// the backend asks for nothing
    None,
    /// a key that the person or the host gives
    Key,
    #[default]
    Password,
    /// two requests, with a code that the person is sent between them
    Code,
    /// OpenID Connect: the browser goes to the provider and comes back with a code
    AuthorizationCode,
    /// the app's own right, renewed by asking anew
    ClientCredentials,
    /// the host signs in by its own means and gives a token
    Host,
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    pub request: RequestTemplate,
    #[json(default)]
    pub outcomes: Vec<OutcomeRule>,
    pub outputs: Dictionary<String, Value>,
    /// what the request presents
    #[json(default)]
    pub with: RefreshWith,
    /// renewed so long before the token's end
    #[json(default = "five")]
    pub before_s: u32,
}

fn five() -> u32 {
    5
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase")]
pub enum RefreshWith {
    #[default]
    RefreshToken,
    /// the token itself, while it is valid
    Token,
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
pub struct Push {
    /// asked for the key, with the answer as `$response`
    #[json(default)]
    pub read_key: Option<Call>,
    /// the sender's public key: 65 bytes in base64url
    pub key: Value,
    /// tells the sender of `$push.endpoint`, `$push.p256dh` and `$push.auth`
    pub subscribe: Call,
    #[json(default)]
    pub unsubscribe: Option<Call>,
}

impl Push {
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        let further = self.read_key.iter().chain(&self.unsubscribe);
        further.chain([&self.subscribe])
    }
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteRead {
    /// in order; a later one may be asked once for each item of an earlier one
    pub reads: Vec<Read>,
    /// the list of stops; without it what the last read gave
    #[json(default)]
    pub items: Option<Value>,
    /// `id`, `date`, `version`, and `nowMs` for the clock, from the first answer
    #[json(default)]
    pub outputs: Dictionary<String, Value>,
    /// lists and tables that requests need later, from `$reads`: `$kept.<name>`
    #[json(default)]
    pub keep: Dictionary<String, Value>,
    /// one stop in our words, from `$item`
    pub stop: Value,
    /// what a route that lost stops has to prove
    #[json(default)]
    pub shorter: Shorter,
}

impl RouteRead {
    pub fn pages(&self) -> bool {
        self.reads.iter().any(|read| read.paging.is_some())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase")]
pub enum Shorter {
    /// that the sign-in still holds, where that can be asked; an empty one is not believed otherwise
    #[default]
    Proven,
    Trusted,
}

#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Read {
    pub read_id: String,
    /// a list: the request is made once for each item of it
    #[json(default, rename = "for")]
    pub for_: Option<Value>,
    /// the name of that item, in the request and in each item read by it
    #[json(default, rename = "as")]
    pub as_: Option<String>,
    pub request: RequestTemplate,
    #[json(default)]
    pub outcomes: Vec<OutcomeRule>,
    /// where the list is in the answer
    pub items: String,
    #[json(default)]
    pub paging: Option<Paging>,
}

/// How the next page is asked for: `$page` in the request.
#[derive(Clone, Debug, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Paging {
    pub kind: PagingKind,
    /// number of the first page
    #[json(default = "one")]
    pub first: u32,
    /// items on a full page: a shorter one is the last
    #[json(default)]
    pub size: Option<u32>,
    /// where the answer says how many pages there are
    #[json(default)]
    pub pages: Option<String>,
    /// `cursor`: what the next page is asked with; missing or empty after the last
    #[json(default)]
    pub next: Option<Value>,
}

fn one() -> u32 {
    1
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase")]
pub enum PagingKind {
    /// `$page` is a page's number
    #[default]
    Page,
    /// `$page` is the number of items read so far
    Offset,
    /// `$page` is what `next` gave
    Cursor,
    /// the next address is in the answer's `Link` header
    Link,
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
    #[json(default)]
    pub on_withdrawn: OnWithdrawn,
    /// what the backend takes as a picture
    #[json(default)]
    pub blob: BlobLimits,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlobLimits {
    #[json(default)]
    pub max_bytes: Option<u64>,
    /// all, unless some are named
    #[json(default)]
    pub media_types: Vec<String>,
}

/// Requests to one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    #[json(default)]
    pub per_second: Option<u32>,
    #[json(default)]
    pub per_minute: Option<u32>,
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

/// What follows for work that was not sent when its stop was cancelled or left the route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase")]
pub enum OnWithdrawn {
    /// sent, unless the stop is gone and nothing was finished there: then a person decides
    #[default]
    Report,
    Send,
    /// a person decides
    Hold,
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
    #[json(default)]
    pub host: HostCalls,
}

/// Functions of the host, by name, for what data cannot say.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostCalls {
    /// is given the built request and may change it
    #[json(default)]
    pub request: Option<String>,
    /// is given the answer; what it says of it is `$host` in the step's rules and outputs
    #[json(default)]
    pub answer: Option<String>,
}

impl HostCalls {
    pub fn is_empty(&self) -> bool {
        self.request.is_none() && self.answer.is_none()
    }
    /// Whether a host that has these functions can send the step.
    pub fn are_among(&self, functions: &[String]) -> bool {
        let mut names = self.request.iter().chain(&self.answer);
        names.all(|name| functions.contains(name))
    }
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
    /// statuses by which the backend says that there is nothing (any more) to ask about
    #[json(default)]
    pub gone: Vec<u16>,
    /// captures that the lost answer would have given
    #[json(default)]
    pub outputs: Dictionary<String, Value>,
    /// words for the person about what is there instead, from `$response`
    #[json(default)]
    pub message: Option<Value>,
    /// what a refused step needs to be sent again, from `$response`: `$fresh.<name>`
    #[json(default)]
    pub fresh: Dictionary<String, Value>,
    /// how many of it the backend holds, from `$response`: asked once more after the yes
    #[json(default)]
    pub count: Option<Value>,
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
    /// an object of further headers, as an earlier answer gave them
    #[json(default)]
    pub headers_from: Option<Value>,
    #[json(default)]
    pub body: Option<BodyTemplate>,
    /// whether the sign-in's headers go along
    #[json(default = "yes")]
    pub auth: bool,
    #[json(default = "deadline_default")]
    pub deadline_ms: u32,
    /// the body goes as a stream where that can be had: a browser repeats no such request by itself
    #[json(default)]
    pub streamed: bool,
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
    #[json(default)]
    pub name: String,
    /// an object of text parts, as an earlier answer gave them
    #[json(default)]
    pub fields: Option<Value>,
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
    /// tests on the answer's headers, by name
    #[json(default)]
    pub headers: Dictionary<String, Test>,
}

#[derive(Clone, Debug)]
pub enum StatusMatch {
    Exact(u16),
    Class(String),
}

impl Slot for StatusMatch {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        if from.peek() == Some(b'"') {
            *self = Self::Class(from.string()?.into_owned());
            return Ok(());
        }
        let mut exact = 0;
        exact.read(from)?;
        *self = Self::Exact(exact);
        Ok(())
    }
}
impl FromJson for StatusMatch {
    fn blank() -> Self {
        Self::Exact(0)
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
