//! Reads for people: the route, a stop, the outbox, the bar.

use super::driver::{Driver, unreadable};
use super::handover::everyone;
use super::host::Host;
use super::log::{thresholds_of, thresholds_query};
use super::records;
use super::step::{Decided, Halt, View, decided};
use super::store::{Key, Query, Record, Table};
use crate::domain::dictionary::ordered;
use crate::domain::ids::{AccountId, LaneId, StopId};
use crate::domain::json::{FromJson, ToJson};
use crate::domain::operation::Operation;
use crate::engine::change::{Change, EntityKey, Notice, RouteRecord, StopRecord};
use crate::engine::lane::Lane;
use crate::engine::listing::{OutboxItem, Status, StatusPart, item, status};
use crate::engine::meaning::{ScanMeaning, meaning};
use crate::engine::projection::{RouteView, StopView, route_view, stop_view};
use crate::engine::session::Reach;

/// Which operations are wanted.
#[derive(Clone, Debug, Default, FromJson)]
#[json(default, deny_unknown_fields)]
pub struct OutboxQuery {
    /// all of them unless said
    pub state: OutboxFilter,
    /// only this stop's
    pub stop: Option<StopId>,
    /// the newest so many, 500 at most
    pub limit: Option<u32>,
    /// only what was recorded before this `seq`
    pub before: Option<u64>,
}

/// Which states are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromJson)]
#[json(rename_all = "snake_case")]
pub enum OutboxFilter {
    /// what still waits for something
    Unsettled,
    /// confirmed by the backend, or set aside
    Settled,
    #[default]
    All,
}

/// A piece of the outbox, oldest first.
#[derive(Clone, Debug, ToJson)]
pub struct OutboxPage {
    /// the store's change number when it was read
    pub revision: u64,
    pub items: Vec<OutboxItem>,
    /// there are older ones: ask again with `before`, the first item's `seq`
    pub more: bool,
}

const OUTBOX_LIMIT: u32 = 500;
/// Notices that nobody puts away; older ones go.
pub(super) const NOTICES_KEPT: u32 = 200;

fn revision_query() -> Query {
    Query::One(Table::Meta, Key::new("").text("revision"))
}

impl<H: Host> Driver<H> {
    pub fn route_in(&self, view: &View) -> Result<RouteView, Halt> {
        let account = self.account_in(view)?;
        let revision = view.ask(revision_query());
        let stops = view.all(&account, Table::Stops);
        let lanes = view.all(&account, Table::Lanes);
        let header = view.one(&account, &EntityKey::Route);
        view.read()?;
        let mut aside = vec![];
        let stops = records::read_all::<StopRecord>(stops, &mut aside).into_iter();
        let stops: Vec<StopRecord> = stops.map(|stop| *stop.value).collect();
        view.set_aside(&account, Table::Stops, aside);
        let lanes: Vec<Lane> = records::values(lanes);
        let header = records::value::<RouteRecord>(header);
        Ok(route_view(
            revision_of(revision),
            header.as_deref(),
            &stops,
            &lanes,
            &self.profile(),
        ))
    }

    pub fn stop_in(&self, view: &View, id: &StopId) -> Result<Option<StopView>, Halt> {
        let account = self.account_in(view)?;
        let stop = view.ask(records::stop(&account, id));
        let lanes = view.all(&account, Table::Lanes);
        view.read()?;
        let Some(record) = stop.first() else {
            return Ok(None);
        };
        let stop = records::open::<StopRecord>(record).map_err(unreadable)?;
        let lanes: Vec<Lane> = records::values(lanes);
        Ok(Some(stop_view(&stop.value, &lanes, &self.profile())))
    }

    pub fn meaning_in(
        &self,
        view: &View,
        code: &str,
        at: Option<&StopId>,
    ) -> Result<ScanMeaning, Halt> {
        let account = self.account_in(view)?;
        let found = view.all(&account, Table::Stops);
        view.read()?;
        Ok(meaning(code, at, &records::values(found)))
    }

    /// Newest last; a page ends at `limit` and goes on below its first `seq`.
    pub fn outbox_in(&self, view: &View, query: &OutboxQuery) -> Result<OutboxPage, Halt> {
        let account = self.account_in(view)?;
        let limit = query.limit.unwrap_or(OUTBOX_LIMIT).clamp(1, OUTBOX_LIMIT) as usize;
        let revision = view.ask(revision_query());
        let stops = view.all(&account, Table::Stops);
        let mut found = vec![];
        if query.state != OutboxFilter::Settled {
            found.push(view.all(&account, Table::Operations));
        }
        if query.state != OutboxFilter::Unsettled {
            let bounded = query.before.is_none() && query.stop.is_none();
            found.push(view.ask(Query::Under {
                table: Table::Settled,
                prefix: Key::new(&account.0),
                limit: bounded.then_some(OUTBOX_LIMIT + 1),
                newest_first: true,
            }));
        }
        view.read()?;
        let mut aside = vec![];
        let stops: Vec<StopRecord> = records::values(stops);
        let mirror = |id: &StopId| stops.iter().map(|s| &s.mirror).find(|s| s.id == *id);
        let mut ops = vec![];
        for records in found {
            ops.append(&mut records::read_all::<Operation>(records, &mut aside));
        }
        for unreadable in aside {
            let lane = unreadable.record.key.text_at(1);
            if !lane.is_empty() {
                view.mend(&account, LaneId(lane));
            }
        }
        ops.retain(|op| {
            let stop = query.stop.as_ref();
            query.before.is_none_or(|before| op.value.seq < before)
                && (stop.is_none() || op.value.stop() == stop)
        });
        let mut ops = ordered(ops, |op| op.value.seq);
        let more = ops.len() > limit;
        let ops = ops.split_off(ops.len().saturating_sub(limit));
        Ok(OutboxPage {
            revision: revision_of(revision),
            items: ops
                .iter()
                .map(|op| item(&op.value, op.value.stop().and_then(mirror)))
                .collect(),
            more,
        })
    }

    pub fn status_in(&self, view: &View) -> Result<Status, Halt> {
        let session = self.session_in(view)?;
        let account = session
            .as_ref()
            .map_or_else(AccountId::default, |s| s.value.account.clone());
        let revision = view.ask(revision_query());
        let found = view.ask(everyone(Table::Lanes));
        let reach = view.one(&account, &EntityKey::Reach);
        let quarantined = view.all(&account, Table::Quarantine).len();
        let notices = view.ask(records::notices(&account, NOTICES_KEPT)).len();
        let thresholds = view.ask(thresholds_query());
        view.read()?;
        let (mut lanes, mut other_accounts) = (vec![], 0);
        for record in found {
            let Ok(lane) = records::open::<Lane>(record) else {
                continue;
            };
            match record.key.text_at(0) == account.0 {
                true => lanes.push(*lane.value),
                false => other_accounts += lane.value.count,
            }
        }
        let reach = records::value::<Reach>(reach);
        Ok(status(&StatusPart {
            now: self.now(),
            revision: revision_of(revision),
            session: session.as_ref().map(|s| &*s.value),
            lanes: &lanes,
            other_accounts,
            reach: &reach.unwrap_or_default(),
            quarantined: u32::try_from(quarantined).unwrap_or(u32::MAX),
            notices: u32::try_from(notices).unwrap_or(u32::MAX),
            thresholds: &thresholds_of(thresholds),
        }))
    }

    /// What a person should know although nothing waits for him; newest first.
    pub fn notices_in(&self, view: &View) -> Result<Vec<Notice>, Halt> {
        let account = self.account_in(view)?;
        let found = view.ask(records::notices(&account, NOTICES_KEPT));
        view.read()?;
        Ok(records::values(found))
    }

    /// A person has read it.
    pub fn put_away_in(&self, view: &View, at: i64, seq: u64) -> Decided {
        let account = self.account_in(view)?;
        let mut change = Change::strict();
        change.delete(EntityKey::Notice(at, seq));
        decided(&account, change)
    }
}

fn revision_of(found: &[Record]) -> u64 {
    found.first().map_or(0, |r| r.revision)
}
