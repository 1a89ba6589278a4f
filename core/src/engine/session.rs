//! Who is signed in, who drains, and what is known of the backend's reach.

use super::backoff::{backoff_ms, is_ahead};
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
    /// while it is out of reach: when a wake by timer asks again
    pub due_at: i64,
    /// the backend asked for a pause: no attempt of any lane before this
    pub paused_until: i64,
    /// the profile's revision by which everything parked was judged last
    pub judged_by: Option<String>,
    /// when the route was asked for by which everything parked was judged last
    pub judged_route: i64,
    /// our own origin has answered its probe as it should, some time: only then something else in
    /// its place says that somebody stands between
    pub origin_known: bool,
    /// what settled before this has been counted again
    pub counted_to: Option<i64>,
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
            // Asking is cheap, and nothing else tells a page that its network is back.
            self.due_at = now + backoff_ms(self.failures.min(BEAT_FAILURES_MAX), jitter);
        }
    }

    /// The backend asked for a pause. The later of two holds, whichever answer came first.
    pub fn pause(&mut self, until: i64, now: i64) {
        if !is_ahead(self.paused_until, now) || until > self.paused_until {
            self.paused_until = until;
        }
    }

    /// When a page that is seen should look again although nothing is due.
    pub fn beat_at(&self, now: i64) -> i64 {
        let every = if self.state == Reachability::Reachable {
            BEAT_IDLE_MS
        } else {
            BEAT_AWAY_MS
        };
        let at = self.last_try_at.map_or(now, |last| last + every);
        // A clock that was set back does not put it off.
        if is_ahead(at, now) { at } else { at.min(now) }
    }
}

/// The heartbeat's own backoff ends at eight seconds.
const BEAT_FAILURES_MAX: u32 = 4;
/// With nothing to send it is only for the bar to be true.
const BEAT_IDLE_MS: i64 = 5 * 60_000;
const BEAT_AWAY_MS: i64 = 60_000;

/// How the backend was found the last time it was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum Reachability {
    /// not tried yet
    #[default]
    Unknown,
    Reachable,
    /// no answer, and nothing else tells why: no network, no server, or no permission to speak to it
    Unreachable,
    /// neither the backend nor the app's own server answers: no internet here
    Offline,
    /// something between answers for others, as a login page of a wireless network does
    CaptivePortal,
    /// the app's own server answers, the backend does not
    BackendDown,
    SignInNeeded,
    /// it answers with failures of its own
    BackendTrouble,
}

impl Reachability {
    /// No answer of the backend's own: what is sent now would only be in doubt.
    pub fn is_away(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::Offline | Self::CaptivePortal | Self::BackendDown
        )
    }
}

/// What our own origin was found to say when it was asked beside the backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "snake_case")]
pub enum Origin {
    /// there is none to ask, or nobody asked
    #[default]
    Unasked,
    /// its probe, as it was put there
    Ours,
    /// an answer that is not ours
    Other,
    Silent,
    /// silent, and the backend has the same address: it says nothing of the network
    SilentToo,
}

/// What the two probes tell together. `answered`: the backend did, though not as it should.
pub fn told_apart(answered: bool, origin: Origin, origin_known: bool) -> Reachability {
    match (answered, origin) {
        (_, Origin::Other) if origin_known => Reachability::CaptivePortal,
        (true, _) => Reachability::BackendTrouble,
        (false, Origin::Ours) => Reachability::BackendDown,
        (false, Origin::Silent) => Reachability::Offline,
        (false, _) => Reachability::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_probes_tell_apart_what_one_cannot() {
        use Origin::{Other, Ours, Silent, SilentToo, Unasked};
        use Reachability as R;
        let found = |answered| {
            [Ours, Other, Silent, SilentToo, Unasked].map(|o| told_apart(answered, o, true))
        };
        assert_eq!(
            found(false),
            [
                R::BackendDown,
                R::CaptivePortal,
                R::Offline,
                R::Unreachable,
                R::Unreachable
            ]
        );
        assert_eq!(
            found(true),
            [
                R::BackendTrouble,
                R::CaptivePortal,
                R::BackendTrouble,
                R::BackendTrouble,
                R::BackendTrouble
            ]
        );
        // A server that never had the probe's file may answer anything to it.
        assert_eq!(told_apart(false, Other, false), R::Unreachable);
        assert_eq!(told_apart(true, Other, false), R::BackendTrouble);
    }
}
