//! The lanes of a drain: each goes on by itself, turn by turn, and several at once. What one waits
//! for holds up no other; what is decided is decided one after the other, over what was just read.

use super::clock::Clock;
use super::drain::{Draining, Shared, Stopped};
use super::driver::{Boxed, Driver, STALE_MAX, contended, millis};
use super::error::CoreError;
use super::host::Host;
use super::net::Net;
use super::place::{LEASE, Place, TABLES, Unready};
use super::records;
use super::session::Renewal;
use super::store::{Committed, Durability, Record, Table};
use crate::domain::dictionary::ordered;
use crate::domain::ids::{AccountId, LaneId};
use crate::engine::attempt::{LanePart, Send, Turn, Turned, take_up};
use crate::engine::lane::Lane;
use crate::engine::session::{Lease, Reachability};
use crate::engine::verdict::{answer, late};
use crate::profile::document::Profile;
use crate::profile::http::{Exchange, NetFailure};
use futures_util::future::{Either, select, select_all};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// While something is on its way, what came to be due is looked for this often.
const LOOK_MS: f64 = 1_000.0;
/// A picture that went faster lets another go beside the next one.
const LONG_QUICK_MS: f64 = 2_000.0;
/// A drain waits as long for a place in the backend's limits; for a longer wait it ends.
const PACE_MS_MAX: f64 = 1_000.0;
/// Attempts to sign in again without any success between before a person is asked.
const AUTH_STREAK_MAX: u32 = 2;

/// What came to its end.
enum Ended {
    /// a lane has nothing to send now; whether anything of it was written, and whether it waits
    /// for its place in the backend's limits
    Lane(LaneId, bool, bool),
    /// what all lanes look like
    Look(Vec<Lane>),
}

impl<H: Host> Driver<H> {
    pub(super) async fn run(&self, d: &mut Draining) -> Result<(), CoreError> {
        let (shared, over) = (&RefCell::new(d), &Cell::new(false));
        let mut flows: Vec<Boxed<'_, Result<Ended, CoreError>>> = vec![];
        // Lanes to be taken up, oldest last; whether to look for more, and whether somebody does.
        let (mut due, mut look, mut looking) = (Vec::<LaneId>::new(), true, false);
        let mut outcome = Ok(());
        loop {
            let (left, wait) = {
                let mut d = shared.borrow_mut();
                let now = self.host.clock().monotonic_ms();
                if (now > d.soft_end || self.leaving.get()) && !d.stopping {
                    d.end(Stopped::Budget);
                }
                let wait = self.pace(&d.address);
                let free = |d: &Draining| {
                    !d.stopping && !d.renewing && d.under_way.len() < d.profile_concurrency
                };
                while wait <= 0.0 && free(&d) {
                    let Some(lane) = due.pop() else { break };
                    d.under_way.push(lane.clone());
                    flows.push(self.lane(shared, over, lane));
                }
                if due.is_empty() && free(&d) && look && !looking {
                    (look, looking) = (false, true);
                    flows.push(self.all_lanes(&d.account));
                }
                if wait > PACE_MS_MAX && flows.is_empty() && !due.is_empty() && !d.stopping {
                    // Longer than a lease may last: every context goes by it.
                    let now = self.now();
                    d.reach.pause(now + i64::from(millis(wait)), now);
                    d.stopping = true;
                }
                (d.hard_end - now, wait.min((d.soft_end - now).max(1.0)))
            };
            if flows.is_empty() {
                if due.is_empty() || shared.borrow().stopping {
                    return outcome;
                }
                // Nothing of this wait is on record, so no attempt grows old in it.
                self.host.clock().sleep(millis(wait)).await;
                continue;
            }
            // What is recorded meanwhile, here or in another context, need not wait for a photo's end.
            let tick = if over.get() {
                LOOK_MS
            } else {
                left.min(LOOK_MS)
            };
            let timer = pin!(self.host.clock().sleep(millis(tick)));
            let ended = match select(select_all(flows.iter_mut()), timer).await {
                Either::Left(((ended, place, _), _)) => {
                    drop(flows.swap_remove(place));
                    ended
                }
                Either::Right(_) => {
                    look = true;
                    if left <= LOOK_MS {
                        // What is on its way is on record; the next drain asks what became of it.
                        over.set(true);
                        shared.borrow_mut().end(Stopped::Budget);
                    }
                    continue;
                }
            };
            let mut d = shared.borrow_mut();
            match ended {
                Ok(Ended::Look(lanes)) => {
                    looking = false;
                    due = self.due(&d, lanes);
                    due.reverse();
                }
                Ok(Ended::Lane(lane, moved, paced)) => {
                    d.under_way.retain(|other| *other != lane);
                    look |= moved || paced;
                    if paced {
                        // Older ones may have had to stand back, too: the order is made anew.
                        due.clear();
                    }
                }
                Err(error) => {
                    // The others' answers are on their way: without them they would be in doubt.
                    d.stopping = true;
                    outcome = outcome.and(Err(error));
                }
            }
        }
    }

    fn all_lanes(&self, account: &AccountId) -> Boxed<'_, Result<Ended, CoreError>> {
        let account = account.clone();
        Box::pin(async move { self.lanes(&account).await.map(Ended::Look) })
    }

    /// A lane under way, turn by turn, until there is nothing of it to send now.
    fn lane<'a>(
        &'a self,
        d: &'a Shared<'a>,
        over: &'a Cell<bool>,
        lane: LaneId,
    ) -> Boxed<'a, Result<Ended, CoreError>> {
        Box::pin(async move {
            let mut moved = false;
            let mut turned = self.turn(d, &lane, None, None).await?;
            loop {
                moved |= turned.moved;
                self.take_in(&mut d.borrow_mut(), &lane, &turned);
                let Some(mut send) = turned.effect else {
                    return Ok(Ended::Lane(lane, moved, turned.paced));
                };
                let exchange = {
                    let mut sending = self.send(d, &mut send);
                    poll_fn(|cx| match sending.as_mut().poll(cx) {
                        Poll::Pending if over.get() => Poll::Ready(None),
                        polled => polled.map(Some),
                    })
                    .await
                };
                let Some(exchange) = exchange else {
                    return Ok(Ended::Lane(lane, moved, false));
                };
                if send.long {
                    self.long_done(&mut d.borrow_mut());
                }
                turned = self.answered(d, &send, &exchange).await?;
                if let Ok(answer) = &exchange {
                    // A proxy answers for a backend that is down: the next drain asks before it sends.
                    let trouble = answer.status >= 500 && turned.settled == 0;
                    let state = match trouble {
                        true => Reachability::BackendTrouble,
                        false => Reachability::Reachable,
                    };
                    self.note_reach(&mut d.borrow_mut(), state);
                }
                // Others on their way may bring the same refusal; the first one renews the token.
                let refused = turned.auth && {
                    let d = d.borrow();
                    !d.renewing && d.session.token == send.token
                };
                if refused {
                    d.borrow_mut().renewing = true;
                    let done = self.sign_in_again(d).await;
                    d.borrow_mut().renewing = false;
                    done?;
                }
            }
        })
    }

    fn send<'a>(&'a self, d: &Shared<'_>, send: &'a mut Send) -> Boxed<'a, Exchange> {
        let (account, until) = {
            let d = d.borrow();
            (d.account.clone(), d.lease_until)
        };
        Box::pin(async move {
            self.pictures_whole(&account, &send.request).await?;
            self.host_changes(send).await?;
            // Frozen since the attempt went on record: before its answer is here somebody else may
            // take over, ask, and send it himself.
            if self.now() + send.awaited_ms() > until {
                return Err(NetFailure::Unreachable);
            }
            // Its place was reserved before the attempt went on record.
            let mut answer = self.host.net().exchange(&account, &send.request).await?;
            self.host_judges(send, &mut answer).await;
            Ok(answer)
        })
    }

    /// All lanes as their summaries say.
    pub(super) async fn lanes(&self, account: &AccountId) -> Result<Vec<Lane>, CoreError> {
        let found = self.list(records::all(account, Table::Lanes)).await?;
        let mut aside = vec![];
        let lanes = records::read_all::<Lane>(&found, &mut aside);
        for unreadable in aside {
            // The summary is derived: made again from the lane's operations.
            let id = unreadable.record.key.text_at(1);
            if !id.is_empty() {
                let revision = Some(unreadable.record.revision);
                self.heal(account, &LaneId(id), revision).await?;
            }
        }
        Ok(lanes.into_iter().map(|l| *l.value).collect())
    }

    /// Lanes whose head may be taken up now, oldest head first, pictures after all others.
    pub(super) fn due(&self, d: &Draining, mut lanes: Vec<Lane>) -> Vec<LaneId> {
        let now = self.now();
        let short_only = self.short_only(d);
        lanes.retain(|l| {
            let hopeful = d.reason.is_hopeful() && !d.hurried.contains(&l.id);
            let may = !d.under_way.contains(&l.id) && (!short_only || !l.head.long);
            may && l.head.is_due(now, d.generation, hopeful)
        });
        ordered(lanes, |l| l.head.seq | u64::from(l.head.long) << 63)
            .into_iter()
            .map(|l| l.id)
            .collect()
    }

    /// Loads a lane, steps it, commits, in one go where the store can; stepped again when someone
    /// was first.
    pub(super) async fn turn(
        &self,
        d: &Shared<'_>,
        lane: &LaneId,
        answered: Option<(&Send, &Exchange)>,
        signed_in: Option<bool>,
    ) -> Result<Turned, CoreError> {
        let account = d.borrow().account.clone();
        let mut at = Place::of(lane);
        let (mut profile, mut pinned) = (self.profile(), None);
        let (mut turned, mut until) = (Turned::default(), 0);
        let mut tries = 0;
        loop {
            if tries == STALE_MAX {
                return Err(contended());
            }
            tries += 1;
            let durability = match d.borrow().strict {
                true => Durability::Strict,
                false => Durability::Relaxed,
            };
            let (found, begun) = self
                .begin_change(&at.queries(&account), &TABLES, durability)
                .await?;
            let part = match at.part(&found) {
                Ok(part) => part,
                Err(Unready::Stop(stop)) => {
                    at.stop = stop;
                    continue;
                }
                Err(Unready::Spoilt) => {
                    self.mend(&account, &at).await?;
                    continue;
                }
            };
            // Written after all, on a connection that died before it could say so.
            if let (Some(send), Some(part)) = (&turned.effect, &part)
                && part.is_under_way(d.borrow().generation, send)
            {
                break;
            }
            let under = part.as_ref().and_then(|p| self.pinned_to(&p.head.value));
            if let Some(part) = part.as_ref().filter(|_| under != pinned) {
                profile = self.profile_for(&part.head.value).await?;
                pinned = under;
                continue;
            }
            (turned, until) = match part {
                Some(part) => {
                    let terms = (lane, &*profile, signed_in);
                    self.step(&mut d.borrow_mut(), terms, part, &found[LEASE], answered)
                }
                None => Default::default(),
            };
            drop(found);
            let change = turned.change.take();
            if let Some(change) = &change {
                // Stepped again, it is likely to be so again.
                d.borrow_mut().strict = change.strict;
            }
            let commit = change.map(|change| records::commit(&account, change));
            match self.conclude(begun, commit).await? {
                None => return Ok(turned),
                Some(Committed::Done(_)) => break,
                Some(Committed::Stale) => {}
                Some(Committed::Fenced) => {
                    // Another drainer is in force: this one has nothing more to say.
                    d.borrow_mut().end(Stopped::Busy);
                    if let (Some((sent, exchange)), Some(part)) =
                        (answered, self.load(&account, lane).await?)
                        && let Some(change) = late(part, sent, exchange)
                    {
                        self.write(&account, change).await?;
                    }
                    return Ok(Turned::default());
                }
            }
        }
        let mut d = d.borrow_mut();
        d.lease_until = d.lease_until.max(until);
        turned.moved = true;
        Ok(turned)
    }

    /// Decides on what was read, and counts what it begins at once: other lanes decide before it is
    /// on record. Beside it, until when the lease lasts then.
    fn step(
        &self,
        d: &mut Draining,
        (lane, profile, signed_in): (&LaneId, &Profile, Option<bool>),
        part: LanePart,
        lease: &[Record],
        answered: Option<(&Send, &Exchange)>,
    ) -> (Turned, i64) {
        d.pictures.retain(|other| other != lane);
        // What would have to wait for its place in the backend's limits is not begun.
        let paced = self.pace(&d.address) > 0.0;
        let stopping = d.stopping || d.renewing || paced;
        let here = self.here_for(d);
        let turn = Turn {
            hopeful: d.reason.is_hopeful() && !d.hurried.contains(lane),
            ..self.turn_of(d, &here, signed_in, stopping)
        };
        let mut turned = match answered {
            Some((send, exchange)) => answer(&turn, profile, part, send, exchange),
            None => take_up(&turn, profile, part),
        };
        let now = turn.now;
        turned.paced = paced && turned.change.is_none();
        let Some(change) = &mut turned.change else {
            return (turned, 0);
        };
        if let Some(until) = turned.throttled_until {
            d.stopping = true;
            d.reach.pause(until, now);
            // Whoever drains next goes by it, however this drain ends.
            change.put_blind(&d.reach);
        }
        let Some(send) = &turned.effect else {
            return (turned, 0);
        };
        let needed = now + send.lasts_ms();
        self.reserve(&send.request.url);
        if send.long {
            d.pictures.push(lane.clone());
            d.long_began = self.host.clock().monotonic_ms();
        }
        // One that cannot be read is of no generation, and the commit is refused.
        let Ok(lease) = records::first_or(lease, Lease::default()) else {
            return (turned, 0);
        };
        if needed > lease.value.expires_at {
            let longer = Lease {
                generation: d.generation,
                expires_at: needed,
            };
            // Another lane's may come between: never shorter than what it asked for.
            change.put(&longer, lease.revision);
        }
        (turned, needed.max(lease.value.expires_at))
    }

    pub(super) async fn load(
        &self,
        account: &AccountId,
        id: &LaneId,
    ) -> Result<Option<LanePart>, CoreError> {
        let mut at = Place::of(id);
        for _ in 0..STALE_MAX {
            match at.part(&self.read(&at.queries(account)).await?) {
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

    /// Counts what a turn came to.
    fn take_in(&self, d: &mut Draining, lane: &LaneId, turned: &Turned) {
        // One that had to stand back is still to be hurried.
        if turned.moved && !d.hurried.contains(lane) {
            d.hurried.push(lane.clone());
        }
        d.report.attempted += u32::from(turned.effect.is_some());
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
            d.end(Stopped::Unreachable);
        }
    }

    async fn sign_in_again(&self, d: &Shared<'_>) -> Result<(), CoreError> {
        let (session, streak) = {
            let mut d = d.borrow_mut();
            d.auth_streak += 1;
            (d.session.clone(), d.auth_streak)
        };
        let renewal = if streak > AUTH_STREAK_MAX {
            match self.session().await? {
                Some(seen) if seen.value.account == session.account => {
                    self.sign_in_needed(seen).await?
                }
                _ => Renewal::Refused,
            }
        } else {
            self.renew(&session).await?
        };
        match renewal {
            Renewal::Renewed => self.take_session(d).await?,
            Renewal::Refused => d.borrow_mut().end(Stopped::SignIn),
            Renewal::Unreachable => d.borrow_mut().end(Stopped::Unreachable),
        }
        Ok(())
    }

    /// Pictures never take all places: what was recorded since must not stand behind them.
    pub(super) fn short_only(&self, d: &Draining) -> bool {
        self.is_brief(d) || d.pictures.len() >= d.long_most
    }

    /// On a slow network one picture at a time is there soonest, and the least is lost when the
    /// page is stopped; on a fast one two share what the server takes to think.
    fn long_done(&self, d: &mut Draining) {
        let quick = self.host.clock().monotonic_ms() - d.long_began < LONG_QUICK_MS;
        d.long_most = match quick {
            true => (d.profile_concurrency / 2).max(1),
            false => 1,
        };
    }
}
