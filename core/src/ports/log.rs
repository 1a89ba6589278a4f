//! What wakes leave for people to read later, bounded: their record, the notices, and whether
//! somebody was told of work that waits too long.

use super::driver::Driver;
use super::error::{CoreError, CoreFault};
use super::host::Host;
use super::records;
use super::step::{Decided, Halt, View};
use super::store::{Commit, Committed, Durability, Key, Query, Record, Table};
use super::views::NOTICES_KEPT;
use super::wake::{DrainReport, Stopped, WakeReason};
use crate::domain::ids::AccountId;
use crate::domain::json::ToJson;
use crate::engine::change::{Change, EntityKey, Notice, Seen, WakeRecord};
use crate::engine::lane::Lane;
use crate::engine::overdue::{Thresholds, Warned, overdue, stops_of, warn};
use crate::engine::session::Reachability;

const WAKES_KEPT: u32 = 600;
/// So many drains pass between two prunings: reading the whole log at the end of each would cost
/// more than most drains themselves.
pub(super) const LOG_PRUNED_EVERY: u64 = 16;
/// How far a log may have grown since; what is more than that goes the next time.
const PRUNED_MAX: u32 = 40;
const THRESHOLDS_MAX: usize = 5;
const DAY_MINUTES: u32 = 24 * 60;

fn thresholds_key() -> Key {
    Key::new("").text("thresholds")
}

pub(super) fn thresholds_query() -> Query {
    Query::One(Table::Meta, thresholds_key())
}

pub(super) fn thresholds_of(found: &[Record]) -> Thresholds {
    *records::value(found).unwrap_or_default()
}

pub(super) fn wake_at(key: &Key) -> EntityKey {
    let at = i64::try_from(key.number_at(1)).unwrap_or(0);
    EntityKey::Wake(at, key.number_at(2))
}

fn wakes(account: &AccountId, limit: u32) -> Query {
    Query::Under {
        table: Table::Wakes,
        prefix: Key::new(&account.0),
        limit: Some(limit),
        newest_first: true,
    }
}

/// What a wake found when it ended.
pub(super) struct Left {
    pub lanes: Vec<Lane>,
    warned: Seen<Warned>,
    thresholds: Thresholds,
}

impl<H: Host> Driver<H> {
    pub(super) async fn left(&self, account: &AccountId) -> Result<Left, CoreError> {
        let found = self
            .read(&[
                records::all(account, Table::Lanes),
                records::one(account, &EntityKey::Warned),
                thresholds_query(),
            ])
            .await?;
        Ok(Left {
            lanes: records::values(&found[0]),
            // Made again by the next warning, so an unreadable one is no loss.
            warned: records::first_or(&found[1], Warned::default()).unwrap_or_else(|unreadable| {
                Seen {
                    value: Box::default(),
                    revision: Some(unreadable.record.revision),
                }
            }),
            thresholds: thresholds_of(&found[2]),
        })
    }

    /// A wake that may not send: another context does, or nobody is signed in. It is on record all
    /// the same, and a person may have to be told.
    pub(super) async fn kept_out(
        &self,
        account: &AccountId,
        reason: WakeReason,
        stopped: Stopped,
        began: f64,
    ) -> Result<DrainReport, CoreError> {
        let mut report = self.report(reason, stopped, began).await?;
        let found = match stopped {
            Stopped::SignIn => Reachability::SignInNeeded,
            _ => self.reach(account).await?.state,
        };
        let left = self.left(account).await?;
        self.wake_ended(account, &left, found, &mut report, Change::default())
            .await?;
        Ok(report)
    }

    /// Ends a wake: what is left, whether that is news for a person, and the record of it all, which
    /// goes with what else is to be written.
    pub(super) async fn wake_ended(
        &self,
        account: &AccountId,
        left: &Left,
        reachability: Reachability,
        report: &mut DrainReport,
        mut change: Change,
    ) -> Result<(), CoreError> {
        let now = self.now();
        report.waiting = left.lanes.iter().map(|l| l.count).sum();
        report.stops_waiting = stops_of(left.lanes.iter());
        let stopped = report.stopped.to_json();
        let record = WakeRecord {
            at: now - i64::from(report.took_ms),
            by: change.generation.unwrap_or_else(|| self.jitter().into()),
            context: self.host.context().to_owned(),
            reason: report.reason.name().to_owned(),
            attempted: report.attempted,
            settled: report.settled,
            waiting: report.waiting,
            stopped: stopped.as_str().unwrap_or_default().to_owned(),
            reachability,
            took_ms: report.took_ms,
            again: 0,
            until: None,
            used: self.used.get(),
        };
        let last = self.last_wake.take();
        let record = in_one(last, record);
        change.put_blind(&record);
        self.last_wake.replace(Some(record));
        self.write(account, change).await?;

        let overdue = overdue(&left.lanes, &left.thresholds, now);
        let (news, warned) = warn(*left.warned.value, overdue.as_ref());
        if warned != *left.warned.value {
            let mut change = Change::default();
            change.put(&warned, left.warned.revision);
            // Whoever was first tells it.
            if let Committed::Done(_) = self.write(account, change).await? {
                report.overdue = overdue.filter(|_| news);
            }
        }
        Ok(())
    }

    /// The newest wakes, oldest first.
    ///
    /// # Errors
    /// `signed_out`; the store's failures.
    pub fn wakes_in(&self, view: &View) -> Result<Vec<WakeRecord>, Halt> {
        let account = self.account_in(view)?;
        let found = view.ask(wakes(&account, WAKES_KEPT));
        view.read()?;
        let mut found = records::values(found);
        found.reverse();
        Ok(found)
    }

    /// At which ages of what is unsent a person is told, in minutes; kept on the device for every
    /// context. Without any given: as they are. `known` is what holds from now on.
    ///
    /// # Errors
    /// `thresholds_invalid` for more than five, or one of no time or over a day; the store's.
    pub fn thresholds_in(
        &self,
        view: &View,
        new: Option<&Thresholds>,
        known: &mut Thresholds,
    ) -> Decided {
        let found = view.ask(thresholds_query());
        view.read()?;
        *known = thresholds_of(found);
        let Some(new) = new.filter(|new| *new != known) else {
            return Ok(None);
        };
        let fits = |minutes: &u32| (1..=DAY_MINUTES).contains(minutes);
        if new.0.len() > THRESHOLDS_MAX || !new.0.iter().all(fits) {
            return Err(CoreFault::new(
                "thresholds_invalid",
                "thresholds are at most five, each of 1 to 1440 minutes",
            )
            .into());
        }
        known.clone_from(new);
        let mut commit = Commit::new(Durability::Relaxed);
        commit.puts.push((
            Table::Meta,
            thresholds_key(),
            records::seal("thresholds", new),
        ));
        Ok(Some(commit))
    }

    /// Takes out what is older than what is kept.
    pub(super) async fn prune_log(
        &self,
        account: &AccountId,
        change: &mut Change,
    ) -> Result<(), CoreError> {
        let notices = records::notices(account, NOTICES_KEPT + PRUNED_MAX);
        let found = self
            .read(&[wakes(account, WAKES_KEPT + PRUNED_MAX), notices])
            .await?;
        for record in found[0].iter().skip(WAKES_KEPT as usize) {
            change.delete(wake_at(&record.key));
        }
        for record in found[1].iter().skip(NOTICES_KEPT as usize) {
            if let Ok(seen) = records::open::<Notice>(record) {
                change.delete(EntityKey::Notice(seen.value.at, seen.value.seq));
            }
        }
        Ok(())
    }
}

/// A wake that only looked and found all as the one before did makes that one's record longer: an
/// hour in a cellar is one line and not five hundred.
fn in_one(last: Option<WakeRecord>, new: WakeRecord) -> WakeRecord {
    let alike = last.filter(|old| {
        let idle = new.attempted + new.settled == 0 && new.reason == "timer";
        idle && old.reason == new.reason
            && old.attempted + old.settled == 0
            && (old.waiting, old.reachability) == (new.waiting, new.reachability)
            && old.stopped == new.stopped
            && new.at >= old.at
    });
    let Some(mut old) = alike else {
        return new;
    };
    old.again += 1;
    old.until = Some(new.at);
    old.took_ms = old.took_ms.saturating_add(new.took_ms);
    old.used = new.used;
    old
}
