//! What a drain is begun by and what it reports: the part of draining that hosts see.

use crate::domain::json::{FromJson, ToJson};
use crate::engine::overdue::Overdue;

/// Why something woke the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum WakeReason {
    Recorded,
    Opened,
    Visible,
    /// back from the browser's page cache
    Shown,
    /// the window is in use again, though it was never hidden
    Focus,
    Online,
    /// what was due, or the heartbeat
    Timer,
    Manual,
    Sync,
    Push,
    /// a notification was tapped
    Click,
    Message,
    Activate,
    /// a page was asked for through the worker
    Navigation,
    SignedIn,
    /// the app leaves the screen, and the system goes on for it
    Paused,
    /// for an attempt: the heartbeat had just found the backend again
    Back,
}

impl WakeReason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Opened => "opened",
            Self::Visible => "visible",
            Self::Shown => "shown",
            Self::Focus => "focus",
            Self::Online => "online",
            Self::Timer => "timer",
            Self::Manual => "manual",
            Self::Sync => "sync",
            Self::Push => "push",
            Self::Click => "click",
            Self::Message => "message",
            Self::Activate => "activate",
            Self::Navigation => "navigation",
            Self::SignedIn => "signed_in",
            Self::Paused => "paused",
            Self::Back => "back",
        }
    }
    /// Something changed for the better, so backoffs are overruled (floors are not).
    pub(super) fn is_hopeful(self) -> bool {
        !matches!(
            self,
            Self::Recorded | Self::Timer | Self::Message | Self::Activate | Self::Navigation
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
    /// what is left are pictures, and this is no moment for them: the page is hidden, or a push
    /// gives seconds only
    TooLong,
    Unreachable,
    /// the backend asks for a new sign-in
    SignIn,
    /// what is due needs a function of the host that is not there, as in a service worker
    HostNeeded,
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
    /// when a visible page should look whether the backend is there, though nothing is due
    pub next_beat_at: Option<i64>,
    /// stops with something unsent
    pub stops_waiting: u32,
    /// what has waited too long, where that is news: told once a threshold, by whichever context
    pub overdue: Option<Overdue>,
    /// parked ones that a newer profile has settled
    pub rejudged_settled: u32,
    /// parked ones that go out again by a newer profile
    pub rejudged_again: u32,
    /// what the backend turned out to hold more often than once
    pub duplicates: u32,
    /// milliseconds
    pub took_ms: u32,
}

impl DrainReport {
    pub(super) fn new(reason: WakeReason, stopped: Stopped) -> Self {
        Self {
            reason,
            attempted: 0,
            settled: 0,
            parked: 0,
            failed: 0,
            waiting: 0,
            stopped,
            next_wake_at: None,
            next_beat_at: None,
            stops_waiting: 0,
            overdue: None,
            rejudged_settled: 0,
            rejudged_again: 0,
            duplicates: 0,
            took_ms: 0,
        }
    }
}
