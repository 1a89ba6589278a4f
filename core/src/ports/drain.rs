//! Draining: one holder of the lock sends what is due, oldest head first, a bounded number of
//! lanes at once, until nothing more can be done now.
//!
//! The lock picks who drains; holding it raises a durable generation, and every write of this
//! drain is compared with that generation inside its own transaction. A drain that is dropped
//! midway leaves attempts on record; the next one finds them under an older generation and treats
//! them as in doubt.

use super::clock::{Clock, Ids};
use super::driver::{Boxed, Driver, STALE_MAX, contended, millis};
use super::error::CoreError;
use super::host::Host;
use super::lock::Lock;
use super::log::LOG_PRUNED_EVERY;
use super::net::Net;
use super::place::{Place, TABLES, Unready};
use super::records;
use super::session::Renewal;
use super::store::{Committed, Durability, Record, Table};
use crate::domain::dictionary::ordered;
use crate::domain::ids::{AccountId, LaneId};
use crate::engine::attempt::{LEASE_MARGIN_MS, LanePart, Send, Turn, Turned, take_up};
use crate::engine::backoff::is_ahead;
use crate::engine::change::{Change, EntityKey, RouteRecord, Seen};
use crate::engine::context::Here;
use crate::engine::lane::Lane;
use crate::engine::listing::next_wake_at;
use crate::engine::session::{Lease, Reach, Reachability, Session, SessionState};
use crate::engine::verdict::{answer, late};
use crate::profile::document::Profile;
use crate::profile::http::{Exchange, NetFailure};
use futures_util::future::{Either, select, select_all};
use serde_json::Value;
use std::pin::pin;

pub use super::wake::{DrainReport, Stopped, WakeReason};

/// A drain that another context keeps us from looks again after this.
const BUSY_RETRY_MS: i64 = 1_500;
/// While something is on its way, what came to be due is looked for this often.
const LOOK_MS: f64 = 1_000.0;
/// A picture that went faster lets another go beside the next one.
const LONG_QUICK_MS: f64 = 2_000.0;
/// Attempts to sign in again without any success between before a person is asked.
const AUTH_STREAK_MAX: u32 = 2;

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
    pub auth_streak: u32,
    /// a token that the backend has said it knows
    pub known: Option<String>,
    /// whose limits count: where the profile's first server is
    pub address: String,
    /// `$kept` of this drain's requests
    pub kept: Value,
    /// lanes whose backoff was overruled once already
    pub hurried: Vec<LaneId>,
    pub in_flight: Vec<LaneId>,
    /// pictures among them, when the newest began, and how many may be
    pub long_in_flight: usize,
    pub long_began: f64,
    pub long_most: usize,
    pub soft_end: f64,
    pub hard_end: f64,
    pub profile_concurrency: usize,
    /// whether the last turn's change was to be on the disk at once: the next is likely to be like it
    pub strict: bool,
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
            in_flight: vec![],
            long_in_flight: 0,
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
    fn is_brief(&self, d: &Draining) -> bool {
        match d.report.reason {
            // What the system goes on with is not the page's to hurry.
            WakeReason::Paused => false,
            WakeReason::Push => true,
            _ => self.hidden(),
        }
    }

    /// Pictures never take all places: what was recorded since must not stand behind them.
    fn short_only(&self, d: &Draining) -> bool {
        self.is_brief(d) || d.long_in_flight >= d.long_most
    }

    /// On a slow network one picture at a time is there soonest, and the least is lost when the
    /// page is stopped; on a fast one two share what the server takes to think.
    fn long_done(&self, d: &mut Draining) {
        let quick = self.host.clock().monotonic_ms() - d.long_began < LONG_QUICK_MS;
        d.long_in_flight -= 1;
        d.long_most = match quick {
            true => (d.profile_concurrency / 2).max(1),
            false => 1,
        };
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

    pub(super) fn jitter(&self) -> u32 {
        let random = self.host.ids().random();
        u32::from_le_bytes([random[0], random[1], random[2], random[3]])
    }

    async fn run(&self, d: &mut Draining) -> Result<(), CoreError> {
        let mut sends: Vec<Boxed<'_, (Send, Exchange)>> = vec![];
        loop {
            let mut moved = false;
            let over = self.host.clock().monotonic_ms() > d.soft_end || self.leaving.get();
            if over && !d.stopping {
                d.stopping = true;
                d.report.stopped = Stopped::Budget;
            }
            let mut wait = f64::INFINITY;
            if !d.stopping && sends.len() < d.profile_concurrency {
                for lane in self.due_lanes(d).await? {
                    wait = self.pace(&d.address);
                    if d.stopping || sends.len() >= d.profile_concurrency || wait > 0.0 {
                        break;
                    }
                    let turned = self.turn(d, &lane, None, None).await?;
                    moved |= turned.moved;
                    if let Some(send) = self.take_in(d, &lane, turned, None).await? {
                        self.reserve(&send.request.url);
                        sends.push(self.send(d, send));
                    }
                }
            }
            if sends.is_empty() {
                if moved && !d.stopping {
                    continue;
                }
                if wait.is_finite() && wait > 0.0 && !d.stopping {
                    // Nothing of this wait is on record, so no attempt grows old in it.
                    let soft = d.soft_end - self.host.clock().monotonic_ms();
                    self.host
                        .clock()
                        .sleep(millis(wait.min(soft.max(1.0))))
                        .await;
                    continue;
                }
                return Ok(());
            }
            let left = d.hard_end - self.host.clock().monotonic_ms();
            // What is recorded meanwhile, here or in another context, need not wait for a photo's end.
            let timer = pin!(self.host.clock().sleep(millis(left.min(LOOK_MS))));
            let ((send, exchange), place) = match select(select_all(sends.iter_mut()), timer).await
            {
                Either::Left(((finished, place, _), _)) => (finished, place),
                Either::Right(_) if left <= LOOK_MS => {
                    // What is in flight is on record; the next drain asks what became of it.
                    d.report.stopped = Stopped::Budget;
                    return Ok(());
                }
                Either::Right(_) => continue,
            };
            drop(sends.swap_remove(place));
            d.in_flight.retain(|lane| *lane != send.lane);
            if send.long {
                self.long_done(d);
            }
            let turned = self.answered(d, &send, &exchange).await?;
            if let Ok(answer) = &exchange {
                // A proxy answers for a backend that is down: the next drain asks before it sends.
                let trouble = answer.status >= 500 && turned.settled == 0;
                let state = match trouble {
                    true => Reachability::BackendTrouble,
                    false => Reachability::Reachable,
                };
                self.note_reach(d, state);
            }
            if let Some(next) = self.take_in(d, &send.lane, turned, Some(&send)).await? {
                self.reserve(&next.request.url);
                sends.push(self.send(d, next));
            }
        }
    }

    fn send(&self, d: &Draining, mut send: Send) -> Boxed<'_, (Send, Exchange)> {
        let (account, until) = (d.account.clone(), d.lease_until);
        Box::pin(async move {
            if let Err(failure) = self.pictures_whole(&account, &send.request).await {
                return (send, Err(failure));
            }
            if let Err(failure) = self.host_changes(&mut send).await {
                return (send, Err(failure));
            }
            // Frozen since the attempt went on record: somebody else may have taken over meanwhile,
            // asked, and sent it himself.
            if self.now() >= until {
                return (send, Err(NetFailure::Unreachable));
            }
            // Its place was reserved before the attempt went on record.
            let mut exchange = self.host.net().exchange(&account, &send.request).await;
            if let Ok(answer) = &mut exchange {
                self.host_judges(&send, answer).await;
            }
            (send, exchange)
        })
    }

    /// Lanes whose head may be taken up now, oldest head first, pictures after all others.
    pub(super) async fn due_lanes(&self, d: &Draining) -> Result<Vec<LaneId>, CoreError> {
        let found = self.list(records::all(&d.account, Table::Lanes)).await?;
        let mut aside = vec![];
        let mut lanes: Vec<Lane> = records::read_all::<Lane>(&found, &mut aside)
            .into_iter()
            .map(|l| *l.value)
            .collect();
        for unreadable in aside {
            // The summary is derived: made again from the lane's operations.
            let id = unreadable.record.key.text_at(1);
            if !id.is_empty() {
                let revision = Some(unreadable.record.revision);
                let id = LaneId(id);
                self.heal(&d.account, &id, revision).await?;
            }
        }
        let now = self.now();
        let short_only = self.short_only(d);
        lanes.retain(|l| {
            let hopeful = d.reason.is_hopeful() && !d.hurried.contains(&l.id);
            let may = !d.in_flight.contains(&l.id) && (!short_only || !l.head.long);
            may && l.head.is_due(now, d.generation, hopeful)
        });
        Ok(
            ordered(lanes, |l| l.head.seq | u64::from(l.head.long) << 63)
                .into_iter()
                .map(|l| l.id)
                .collect(),
        )
    }

    /// Loads a lane, steps it, commits, in one go where the store can; stepped again when someone
    /// was first.
    pub(super) async fn turn(
        &self,
        d: &mut Draining,
        lane: &LaneId,
        answered: Option<(&Send, &Exchange)>,
        signed_in: Option<bool>,
    ) -> Result<Turned, CoreError> {
        let mut at = Place::of(lane);
        let (mut profile, mut pinned) = (self.profile(), None);
        for _ in 0..STALE_MAX {
            let here = self.here_for(d);
            let hopeful = d.reason.is_hopeful() && !d.hurried.contains(lane);
            // What would have to wait for its turn is not begun.
            let stopping = d.stopping || self.pace(&d.address) > 0.0;
            let turn = Turn {
                hopeful,
                ..self.turn_of(d, &here, signed_in, stopping)
            };
            let queries = at.queries(&d.account);
            let (mut turned, mut unready) = (Turned::default(), None);
            let (mut lease, mut strict) = (None, d.strict);
            let durability = match d.strict {
                true => Durability::Strict,
                false => Durability::Relaxed,
            };
            let mut work = |found: Vec<Vec<Record>>| {
                let part = match at.part(found) {
                    Ok(part) => part?,
                    Err(why) => {
                        unready = Some(why);
                        return None;
                    }
                };
                if self.pinned_to(&part.head.value) != pinned {
                    unready = Some(Unready::Profile(part.head.value));
                    return None;
                }
                turned = step(&turn, &profile, part, answered);
                let mut change = turned.change.take()?;
                if let Some(send) = &turned.effect {
                    let needed = turn.now + send.lasts_ms();
                    if needed > d.lease_until {
                        lease = Some(needed);
                        change.put_blind(&Lease {
                            generation: d.generation,
                            expires_at: needed,
                        });
                    }
                }
                strict = change.strict;
                Some(records::commit(&d.account, change))
            };
            let committed = self
                .decide(&queries, &TABLES, durability, &mut work)
                .await?;
            match (unready, committed) {
                (Some(Unready::Stop(stop)), _) => at.stop = stop,
                (Some(Unready::Profile(op)), _) => {
                    profile = self.profile_for(&op).await?;
                    pinned = self.pinned_to(&op);
                }
                (Some(Unready::Spoilt), _) => self.mend(&d.account, &at).await?,
                (None, None) => return Ok(turned),
                (None, Some(Committed::Done(_))) => {
                    d.strict = strict;
                    d.lease_until = lease.unwrap_or(d.lease_until);
                    turned.moved = true;
                    return Ok(turned);
                }
                (None, Some(Committed::Stale)) => {}
                (None, Some(Committed::Fenced)) => {
                    // Another drainer is in force: this one has nothing more to say.
                    d.stopping = true;
                    d.report.stopped = Stopped::Busy;
                    if let (Some((sent, exchange)), Some(part)) =
                        (answered, self.load(&d.account, lane).await?)
                        && let Some(change) = late(part, sent, exchange)
                    {
                        self.write(&d.account, change).await?;
                    }
                    return Ok(Turned::default());
                }
            }
        }
        Err(contended())
    }

    pub(super) async fn load(
        &self,
        account: &AccountId,
        id: &LaneId,
    ) -> Result<Option<LanePart>, CoreError> {
        let mut at = Place::of(id);
        for _ in 0..STALE_MAX {
            match at.part(self.read(&at.queries(account)).await?) {
                Ok(part) => return Ok(part),
                Err(Unready::Stop(stop)) => at.stop = stop,
                Err(_) => self.mend(account, &at).await?,
            }
        }
        Err(contended())
    }

    /// Sets aside what cannot be read there, and makes the lane's summary anew.
    async fn mend(&self, account: &AccountId, at: &Place) -> Result<(), CoreError> {
        self.heal_lane(account, &at.lane).await?;
        self.heal_stop(account, &at.stop).await?;
        Ok(())
    }

    /// Counts what a turn came to and does what it asks of the drain as a whole.
    async fn take_in(
        &self,
        d: &mut Draining,
        lane: &LaneId,
        turned: Turned,
        answered: Option<&Send>,
    ) -> Result<Option<Send>, CoreError> {
        d.hurried.push(lane.clone());
        d.report.settled += turned.settled;
        d.report.parked += turned.parked;
        d.report.failed += turned.failed;
        d.report.duplicates += turned.duplicates;
        if turned.settled > 0 {
            d.auth_streak = 0;
        }
        if turned.host_needed && d.report.stopped == Stopped::Idle {
            d.report.stopped = Stopped::HostNeeded;
        }
        if turned.unreachable {
            self.note_reach(d, Reachability::Unreachable);
            d.stopping = true;
            d.report.stopped = Stopped::Unreachable;
        }
        if let Some(until) = turned.throttled_until {
            d.stopping = true;
            d.reach.paused_until = until;
        }
        // Others in flight may bring the same refusal; the first one has renewed the token.
        if turned.auth && answered.is_some_and(|sent| sent.token == d.session.token) {
            self.sign_in_again(d).await?;
        }
        if let Some(send) = &turned.effect {
            d.report.attempted += 1;
            d.in_flight.push(send.lane.clone());
            if send.long {
                d.long_in_flight += 1;
                d.long_began = self.host.clock().monotonic_ms();
            }
        }
        Ok(turned.effect)
    }

    async fn sign_in_again(&self, d: &mut Draining) -> Result<(), CoreError> {
        d.auth_streak += 1;
        let renewal = if d.auth_streak > AUTH_STREAK_MAX {
            match self.session().await? {
                Some(seen) if seen.value.account == d.account => self.sign_in_needed(seen).await?,
                _ => Renewal::Refused,
            }
        } else {
            self.renew(&d.session).await?
        };
        match renewal {
            Renewal::Renewed => self.take_session(d).await?,
            Renewal::Refused => {
                d.stopping = true;
                d.report.stopped = Stopped::SignIn;
            }
            Renewal::Unreachable => {
                d.stopping = true;
                d.report.stopped = Stopped::Unreachable;
            }
        }
        Ok(())
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

fn step(
    turn: &Turn<'_>,
    profile: &Profile,
    part: LanePart,
    answered: Option<(&Send, &Exchange)>,
) -> Turned {
    match answered {
        Some((send, exchange)) => answer(turn, profile, part, send, exchange),
        None => take_up(turn, profile, part),
    }
}

/// Clears the flag however the drain ends, dropped futures included.
struct Reset<'a>(&'a std::cell::Cell<bool>);

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
