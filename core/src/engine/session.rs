//! Who is signed in, who drains, and what is known of the backend's reach.

use super::backoff::backoff_ms;
use crate::domain::ids::AccountId;
use crate::domain::json::{FromJson, ToJson};
use serde_json::{Map, Value};
use std::fmt;

/// A sign-in. Its tokens never appear in debug output, logs or exports.
#[derive(Clone, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Session {
    pub account: AccountId,
    #[json(default)]
    pub name: String,
    pub token: String,
    #[json(default)]
    pub refresh_token: Option<String>,
    #[json(default)]
    pub expires_at: Option<i64>,
    pub state: SessionState,
    /// backend's clock minus the device's
    #[json(default)]
    pub offset_ms: Option<i64>,
    /// what else the sign-in gave: `$session.<name>`
    #[json(default)]
    pub outputs: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum SessionState {
    SignedIn,
    /// the backend no longer takes the token and it could not be renewed: all waits, nothing is lost
    SignInNeeded,
    SignedOut,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("account", &self.account)
            .field("state", &self.state)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The right to drain. `generation` is the fence; the name of that field is the store's business too.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Lease {
    pub generation: u64,
    /// a lock that is still held after this may be stolen
    pub expires_at: i64,
}

/// When the backend was last reached, and when it is asked again.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase", default)]
pub struct Reach {
    pub state: Reachability,
    pub last_reached_at: Option<i64>,
    pub last_try_at: Option<i64>,
    pub failures: u32,
    /// while unreachable: when a wake by timer asks again
    pub due_at: i64,
    /// the backend asked for a pause: no attempt of any lane before this
    pub paused_until: i64,
    /// the profile's revision by which everything parked was judged last
    pub judged_by: Option<String>,
    /// when the route was asked for by which everything parked was judged last
    pub judged_route: i64,
}

impl Reach {
    /// What one try to reach the backend came to.
    pub fn note(&mut self, state: Reachability, now: i64, jitter: u32) {
        self.state = state;
        self.last_try_at = Some(now);
        if state == Reachability::Reachable {
            self.last_reached_at = Some(now);
            self.failures = 0;
            self.due_at = 0;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.due_at = now + backoff_ms(self.failures, jitter);
        }
    }
}

/// How the backend was found the last time it was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum Reachability {
    /// not tried yet
    #[default]
    Unknown,
    Reachable,
    /// no answer: no network, no server, or no permission to speak to it
    Unreachable,
    SignInNeeded,
    /// it answers with failures of its own
    BackendTrouble,
}
