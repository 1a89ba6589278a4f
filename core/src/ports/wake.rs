//! What a drain is begun by and what it reports: the part of draining that hosts see.

use crate::domain::json::{FromJson, ToJson};

/// Why something woke the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum WakeReason {
    Recorded,
    Opened,
    Visible,
    Online,
    Timer,
    Manual,
    Sync,
    Push,
    Message,
    Activate,
    SignedIn,
    /// the app leaves the screen, and the system goes on for it
    Paused,
}

impl WakeReason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Opened => "opened",
            Self::Visible => "visible",
            Self::Online => "online",
            Self::Timer => "timer",
            Self::Manual => "manual",
            Self::Sync => "sync",
            Self::Push => "push",
            Self::Message => "message",
            Self::Activate => "activate",
            Self::SignedIn => "signed_in",
            Self::Paused => "paused",
        }
    }
    /// Something changed for the better, so backoffs are overruled (floors are not).
    pub(super) fn is_hopeful(self) -> bool {
        !matches!(
            self,
            Self::Recorded | Self::Timer | Self::Message | Self::Activate
        )
    }
}

/// Why a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum Stopped {
    /// nothing is left that is due
    Idle,
    /// another window or the worker drains
    Busy,
    /// the time is used up
    Budget,
    Unreachable,
    /// the backend asks for a new sign-in
    SignIn,
}

/// What came of a drain.
#[derive(Clone, Debug, PartialEq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct DrainReport {
    pub reason: WakeReason,
    /// attempts that were begun
    pub attempted: u32,
    /// operations that the backend has now
    pub settled: u32,
    /// operations that need a person now
    pub parked: u32,
    /// attempts that settled nothing
    pub failed: u32,
    /// operations that are not settled
    pub waiting: u32,
    pub stopped: Stopped,
    /// when the next try is due by itself
    pub next_wake_at: Option<i64>,
    /// parked ones that a newer profile has settled
    pub rejudged_settled: u32,
    /// parked ones that go out again by a newer profile
    pub rejudged_again: u32,
    /// what the backend turned out to hold more often than once
    pub duplicates: u32,
    /// milliseconds
    pub took_ms: u32,
}
