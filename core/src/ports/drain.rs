//! Draining: one holder of the lock sends what is due, oldest head first, a bounded number of
//! lanes at once, until nothing more can be done now.
//!
//! The lock picks who drains; holding it raises a durable generation, and every write of this
//! drain is compared with that generation inside its own transaction. A drain that is dropped
//! midway leaves attempts on record; the next one finds them under an older generation and treats
//! them as in doubt.

use super::clock::{Clock, Ids};
use super::driver::{Driver, STALE_MAX, contended, millis};
use super::error::CoreError;
use super::host::Host;
use super::lock::Lock;
use super::log::LOG_PRUNED_EVERY;
use super::records;
use super::store::Committed;
use crate::domain::ids::{AccountId, LaneId};
use crate::engine::attempt::{LEASE_MARGIN_MS, Turn};
use crate::engine::backoff::is_ahead;
use crate::engine::change::{Change, EntityKey, RouteRecord, Seen};
use crate::engine::context::Here;
use crate::engine::listing::next_wake_at;
use crate::engine::session::{Lease, Reach, Session, SessionState};
use serde_json::Value;
use std::cell::RefCell;

pub use super::wake::{DrainReport, Stopped, WakeReason};

/// A drain that another context keeps us from looks again after this.
const BUSY_RETRY_MS: i64 = 1_500;

pub(super) struct Draining {
    pub account: AccountId,
    pub session: Box<Session>,
    /// when the newest route was asked for
    pub fetched_at: i64,
    pub generation: u64,
    pub lease_until: i64,
    pub reason: WakeReason,
    pub report: DrainReport,
    pub reach: Reach,
    pub stopping: bool,
    /// the token is being renewed: nothing more goes out with the old one
    pub renewing: bool,
    pub auth_streak: u32,
    /// a token that the backend has said it knows
    pub known: Option<String>,
    /// whose limits count: where the profile's first server is
    pub address: String,
    /// `$kept` of this drain's requests
    pub kept: Value,
    /// lanes whose backoff was overruled once already
    pub hurried: Vec<LaneId>,
    /// lanes under way: being looked at, sent, or judged
    pub under_way: Vec<LaneId>,
    /// those of them that send a picture, when the newest began, and how many may be
    pub pictures: Vec<LaneId>,
    pub long_began: f64,
    pub long_most: usize,
    pub soft_end: f64,
    pub hard_end: f64,
    pub profile_concurrency: usize,
    /// whether the last turn's change was to be on the disk at once: the next is likely to be like it
    pub strict: bool,
}

/// A drain as the lanes under way share it. Nobody holds it while he waits for anything.
pub(super) type Shared<'a> = RefCell<&'a mut Draining>;

impl Draining {
    /// Nothing more is begun, for this reason.
    pub(super) fn end(&mut self, why: Stopped) {
        self.stopping = true;
        self.report.stopped = why;
    }
}

impl<H: Host> Driver<H> {
    /// Sends what is due. Resolves when nothing more can be done now, or at the budget.
    ///
    /// # Errors
    /// The store's failures. The outbox is as it was; the next wake tries again.
    pub async fn drain(
        &self,
        reason: WakeReason,
        budget_ms: Option<u32>,
    ) -> Result<DrainReport, CoreError> {
        let began = self.host.clock().monotonic_ms();
        if self.draining.get() {
            // The running drain looks once more before it ends.
            let known = self.wanted.take().filter(|known| known.is_hopeful());
            self.wanted.set(known.or(Some(reason)));
            return self.report(reason, Stopped::Busy, began).await;
        }
        self.draining.set(true);
        let guard = Reset(&self.draining);
        let (mut last, mut reason, mut news) = (Err(contended()), Some(reason), None);
        while let Some(now) = reason {
            self.wanted.set(None);
            last = self.drain_once(now, budget_ms, began).await;
            // What is news is told once, so it must not be lost to the wake that followed at once.
            if let Ok(report) = &mut last {
                report.overdue = report.overdue.or(news);
                news = report.overdue;
            }
            let idle = matches!(&last, Ok(r) if r.stopped == Stopped::Idle);
            // A wake with reason to hope is worth another try even when this one got nowhere.
            reason = self
                .wanted
                .take()
                .filter(|next| last.is_ok() && (idle || next.is_hopeful()));
        }
        drop(guard);
        last
    }

    pub(super) async fn report(
        &self,
        reason: WakeReason,
        stopped: Stopped,
        began: f64,
    ) -> Result<DrainReport, CoreError> {
        let status = self.status().await?;
        let busy = (stopped == Stopped::Busy).then(|| self.now() + BUSY_RETRY_MS);
        Ok(DrainReport {
            waiting: status.waiting,
            stops_waiting: status.stops_waiting,
            next_wake_at: match busy {
                Some(_) => busy.filter(|_| status.waiting > 0),
                None => status.next_wake_at,
            },
            // Who holds the lock may be a worker, which does not look whether the backend is there.
            next_beat_at: busy,
            took_ms: millis(self.host.clock().monotonic_ms() - began),
            ..DrainReport::new(reason, stopped)
        })
    }

    async fn drain_once(
        &self,
        reason: WakeReason,
        budget_ms: Option<u32>,
        began: f64,
    ) -> Result<DrainReport, CoreError> {
        let Some(seen) = self.session().await? else {
            return self.report(reason, Stopped::SignIn, began).await;
        };
        let account = seen.value.account.clone();
        let name = format!("drain:{account}");
        let mut lock = self.host.lock().try_acquire(&name, false).await;
        if lock.is_none() && !is_ahead(self.lease(&account).await?.value.expires_at, self.now()) {
            // Its holder is past everything it may still be doing: frozen, dead, or forgotten by
            // the browser. The generation keeps it from writing should it wake.
            lock = self.host.lock().try_acquire(&name, true).await;
        }
        let Some(_lock) = lock else {
            return self.kept_out(&account, reason, Stopped::Busy, began).await;
        };
        let Some(session) = self.fresh_session().await? else {
            return self
                .kept_out(&account, reason, Stopped::SignIn, began)
                .await;
        };
        if session.account != account {
            // The phone changed hands meanwhile; this lock is not for the other's work.
            return self.report(reason, Stopped::Busy, began).await;
        }
        let budget = budget_ms.map_or(f64::INFINITY, f64::from);
        let mut d = self.begin(session, reason, began, budget).await?;
        if let Some(taken) = self.take_answers(&mut d) {
            taken.await?;
        }
        self.judge_parked_again(&mut d).await?;
        let paused = is_ahead(d.reach.paused_until, self.now());
        if !paused && self.reached(&mut d).await? {
            self.run(&mut d).await?;
            if d.report.stopped == Stopped::Idle && !d.stopping && !self.is_brief(&d) {
                self.count_again(&mut d).await?;
            }
        }
        self.close(d, began).await
    }

    /// Raises the generation and looks at what every drain goes by. The lock is held.
    pub(super) async fn begin(
        &self,
        session: Box<Session>,
        reason: WakeReason,
        began: f64,
        budget: f64,
    ) -> Result<Draining, CoreError> {
        let account = session.account.clone();
        let (generation, lease_until) = self.raise_generation(&account).await?;
        let reach = self.reach(&account).await?;
        let route = self.list(records::one(&account, &EntityKey::Route)).await?;
        let route = *records::value::<RouteRecord>(&route).unwrap_or_default();
        let (fetched_at, kept) = (route.fetched_at, Value::Object(route.header.kept));
        Ok(Draining {
            account,
            session,
            fetched_at,
            generation,
            lease_until,
            reason,
            report: DrainReport::new(reason, Stopped::Idle),
            reach,
            stopping: false,
            renewing: false,
            auth_streak: 0,
            known: None,
            kept,
            address: self
                .profile()
                .servers
                .values()
                .next()
                .cloned()
                .unwrap_or_default(),
            hurried: vec![],
            under_way: vec![],
            pictures: vec![],
            long_began: 0.0,
            long_most: 1,
            // The last part of a budget is for answers, not for new attempts.
            soft_end: began + budget * 0.7,
            hard_end: began + budget,
            profile_concurrency: match reason {
                // Seconds only: each is on record as done before the next begins.
                WakeReason::Push => 1,
                _ => self.profile().concurrency as usize,
            },
            strict: false,
        })
    }

    pub(super) fn here_for(&self, d: &Draining) -> Here {
        Here {
            kept: d.kept.clone(),
            ..self.here()
        }
    }

    pub(super) fn turn_of<'a>(
        &self,
        d: &'a Draining,
        here: &'a Here,
        signed_in: Option<bool>,
        stopping: bool,
    ) -> Turn<'a> {
        Turn {
            now: here.now,
            here,
            signed_in,
            generation: d.generation,
            trigger: d.reason.name(),
            hopeful: d.reason.is_hopeful(),
            jitter: self.jitter(),
            session: &d.session,
            stopping,
            short_only: self.short_only(d),
            // Without a budget there is no end: as far as a number goes.
            left_ms: (d.hard_end - self.host.clock().monotonic_ms()) as i64,
        }
    }

    /// This is no moment for pictures at all.
    pub(super) fn is_brief(&self, d: &Draining) -> bool {
        match d.report.reason {
            // What the system goes on with is not the page's to hurry.
            WakeReason::Paused => false,
            WakeReason::Push => true,
            _ => self.hidden(),
        }
    }

    async fn lease(&self, account: &AccountId) -> Result<Seen<Lease>, CoreError> {
        let found = self.list(records::one(account, &EntityKey::Lease)).await?;
        // An unreadable lease is replaced: its generation can only be lower than the clock's.
        records::first_or(&found, Lease::default()).or_else(|unreadable| {
            let generation = u64::try_from(self.now()).unwrap_or(1);
            let value = Lease {
                generation,
                expires_at: 0,
            };
            Ok(Seen {
                value: Box::new(value),
                revision: Some(unreadable.record.revision),
            })
        })
    }

    async fn raise_generation(&self, account: &AccountId) -> Result<(u64, i64), CoreError> {
        for _ in 0..STALE_MAX {
            let lease = self.lease(account).await?;
            let generation = lease.value.generation + 1;
            let expires_at = self.now() + 30_000 + LEASE_MARGIN_MS;
            let mut change = Change::default();
            change.put(
                &Lease {
                    generation,
                    expires_at,
                },
                lease.revision,
            );
            if let Committed::Done(_) = self.write(account, change).await? {
                return Ok((generation, expires_at));
            }
        }
        Err(contended())
    }

    /// Keeps many phones from coming at once. Drawn from the host once and stepped from there: its
    /// randomness is a call across, and each turn needs one.
    pub(super) fn jitter(&self) -> u32 {
        let mut x = self.jitter.get();
        if x == 0 {
            let random = self.host.ids().random();
            x = 1 | u32::from_le_bytes([random[0], random[1], random[2], random[3]]);
        }
        // Xorshift: never 0 after anything else.
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.jitter.set(x);
        x
    }

    /// Writes down what came of it, and says when to come back.
    pub(super) async fn close(
        &self,
        mut d: Draining,
        began: f64,
    ) -> Result<DrainReport, CoreError> {
        let left = self.left(&d.account).await?;
        let signed_in = self
            .session()
            .await?
            .is_some_and(|s| s.value.state == SessionState::SignedIn);
        self.beat_if_idle(&mut d).await?;
        let mut report = d.report.clone();
        let brief = self.is_brief(&d);
        let mut lanes = left.lanes.clone();
        lanes.retain(|l| !(brief && l.head.long));
        let (now, waits) = (self.now(), lanes.len() < left.lanes.len());
        report.next_wake_at = next_wake_at(&lanes, &d.reach, signed_in, now);
        report.next_beat_at = signed_in.then(|| d.reach.beat_at(now));
        if waits && report.stopped == Stopped::Idle {
            report.stopped = Stopped::TooLong;
        }
        report.took_ms = millis(self.host.clock().monotonic_ms() - began);
        let mut change = Change {
            generation: Some(d.generation),
            ..Change::default()
        };
        if d.generation.is_multiple_of(LOG_PRUNED_EVERY) {
            self.prune_log(&d.account, &mut change).await?;
        }
        change.put_blind(&d.reach);
        self.wake_ended(&d.account, &left, d.reach.state, &mut report, change)
            .await?;
        Ok(report)
    }
}

/// Clears the flag however the drain ends, dropped futures included.
struct Reset<'a>(&'a std::cell::Cell<bool>);

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
