//! What a person, the host or the office wants to know of work before a phone changes hands: the
//! whole history of one operation, whose work lies here, and what a shift leaves
//! unsent.

use super::clock::Clock;
use super::drain::{DrainReport, Stopped, WakeReason};
use super::driver::{Boxed, Driver, millis, signed_out};
use super::error::{CoreError, CoreFault};
use super::host::Host;
use super::recording::with_id;
use super::records;
use super::step::{Halt, View};
use super::store::{Key, Query, Record, Table};
use super::views::{OutboxFilter, OutboxQuery};
use crate::domain::dictionary::ordered;
use crate::domain::ids::{AccountId, OperationId, ProfileRevision, StopId};
use crate::domain::json::ToJson;
use crate::domain::operation::{
    Attempt, AttemptPage, Operation, OperationState, Purpose, Reason, StepDone,
};
use crate::domain::stop::StopPlace;
use crate::domain::text::shown;
use crate::engine::change::{Draft, Seen, StopRecord};
use crate::engine::lane::{HeadState, Lane};
use crate::engine::listing::{OutboxItem, item, what_to_do};
use crate::engine::session::Session;

/// Settled operations that are read in one piece.
const PIECE: u32 = 500;
const DAY_MS: u64 = 24 * 3_600_000;
/// How long a closing shift tries, unless it is said otherwise.
const CLOSING_MS: u32 = 20_000;
const WAIT_MS_MIN: i64 = 200;

/// Another account's unsent work on this device, with as little about the person as a handover needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct OtherAccount {
    /// names the account in further calls; not its id
    pub reference: String,
    /// a first name and an initial; empty where the sign-in gave no name
    pub whose: String,
    /// operations that are not settled
    pub waiting: u32,
    /// lanes that need a person
    pub parked: u32,
    pub oldest_at: Option<i64>,
    /// to be sent
    pub bytes: u64,
    /// records that could not be read
    pub quarantined: u32,
}

/// A half-filled stop: nothing of it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct Unfinished {
    pub stop: StopId,
    pub place: Option<StopPlace>,
    pub photos: u32,
}

/// What a phone would be handed in with.
#[derive(Clone, Debug, PartialEq, ToJson)]
pub struct ShiftClose {
    /// nothing unsent, nothing half filled, nothing set aside unread
    pub clear: bool,
    /// operations that are not settled
    pub unsent: usize,
    /// how the last try to send ended
    pub stopped: Stopped,
    /// what is unsent, in the order of the stops, each with `reason` and `advice`
    pub items: Vec<OutboxItem>,
    /// there are more than are listed
    pub more: bool,
    pub unfinished: Vec<Unfinished>,
    /// records that could not be read and were set aside as they are
    pub quarantined: u32,
}

/// One try to send an operation, or to ask what became of it.
#[derive(Clone, Debug, PartialEq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct AttemptView {
    pub number: u32,
    /// of the profile
    pub step: String,
    pub purpose: Purpose,
    /// what woke the drain: a `WakeReason`
    pub trigger: String,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    /// the answer's, where one came
    pub status: Option<u16>,
    /// the verdict's name, or the network failure's; absent while nothing is known
    pub verdict: Option<String>,
    /// what a person should know of it although the operation went on
    pub reason: Option<Reason>,
    /// of an answer that came when the operation had moved on; it changed nothing
    pub late_status: Option<u16>,
    /// the backend's own words, at most 300 characters
    pub said: Option<String>,
    /// the beginning of an answer that parked it, with its media type
    pub answer: Option<String>,
    pub media_type: Option<String>,
}

impl AttemptView {
    fn of(attempt: &Attempt) -> Self {
        let attempt = attempt.clone();
        Self {
            number: attempt.number,
            step: attempt.step,
            purpose: attempt.purpose,
            trigger: attempt.trigger,
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
            status: attempt.status,
            verdict: attempt.verdict,
            reason: attempt.reason,
            late_status: attempt.late_status,
            said: attempt.said,
            answer: attempt.answer,
            media_type: attempt.media_type,
        }
    }
}

/// Everything that is known of one operation. Of one that was tried more than a thousand times,
/// attempts between the first 20 and the newest 980 are gone.
#[derive(Clone, Debug, PartialEq, ToJson)]
pub struct History {
    pub item: OutboxItem,
    /// in their order
    pub attempts: Vec<AttemptView>,
    /// what the backend has said yes to, with what was captured from its answers
    pub steps: Vec<StepDone>,
    /// the profile's revision it is pinned to, from its first attempt on
    pub profile: Option<ProfileRevision>,
}

/// For the host's own telemetry: counts, moments and codes, nothing about a person.
#[derive(Clone, Debug, PartialEq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct Health {
    /// when it was read
    pub at: i64,
    pub signed_in: bool,
    pub waiting: u32,
    pub in_flight: u32,
    pub bytes_waiting: u64,
    pub oldest_waiting_at: Option<i64>,
    /// the reason's code of each lane that waits for a person
    pub parked: Vec<String>,
    /// when the backend last confirmed an operation
    pub last_success_at: Option<i64>,
    pub last_reached_at: Option<i64>,
    pub quarantined: u32,
    /// operations of other accounts on this device
    pub other_accounts: u32,
}

/// An account with a record here, and its sign-in where one is left.
pub(super) type Holder = (AccountId, Option<Box<Session>>);

/// The account a record belongs to: its key says so, whatever its body holds.
fn owner(record: &Record) -> String {
    record.key.text_at(0)
}

/// FNV-1a: names an account on this device without saying who it is.
fn reference(account: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in account.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.to_string()
}

/// "Anna Lind" as "Anna L.".
fn whose(name: &str) -> String {
    let mut first = "";
    let mut last = None;
    for word in name.split(' ').filter(|word| !word.is_empty()) {
        if first.is_empty() {
            first = word;
        } else {
            last = word.chars().next();
        }
    }
    let mut out = shown(first, 20);
    if let Some(initial) = last {
        out.push(' ');
        out.push(initial);
        out.push('.');
    }
    shown(&out, 24)
}

pub(super) fn everyone(table: Table) -> Query {
    Query::under(table, Key::default())
}

impl<H: Host> Driver<H> {
    /// Walks settled operations from a moment on, oldest first, piece by piece, until `visit` has
    /// seen enough and gives false.
    pub(super) fn each_settled<'a>(
        &'a self,
        account: &'a AccountId,
        from: u64,
        visit: &'a mut dyn FnMut(&Record) -> bool,
    ) -> Boxed<'a, Result<(), CoreError>> {
        Box::pin(async move {
            let mut from = from;
            loop {
                let found = self
                    .list(records::settled_from(account, from, PIECE))
                    .await?;
                let full = found.len() >= PIECE as usize;
                let last = found.last().map_or(0, |r| r.key.number_at(1));
                // A piece may end amid those of one moment; they come whole with the next one.
                let (whole, next) = match full {
                    true if last > from => (last, last),
                    true => (u64::MAX, from + 1),
                    false => (u64::MAX, 0),
                };
                let moment = if full && last == from {
                    let prefix = Key::new(&account.0).number(from);
                    self.list(Query::under(Table::Settled, prefix)).await?
                } else {
                    found
                };
                for record in moment.iter().filter(|r| r.key.number_at(1) < whole) {
                    if !visit(record) {
                        return Ok(());
                    }
                }
                if !full {
                    return Ok(());
                }
                from = next;
            }
        })
    }

    /// An operation wherever it is by now.
    async fn anywhere(
        &self,
        account: &AccountId,
        id: &OperationId,
    ) -> Result<Seen<Operation>, CoreError> {
        let found = self.list(records::all(account, Table::Operations)).await?;
        let mut hit = with_id(&found, id);
        // It cannot have settled before it was recorded, unless the clock was set back.
        for from in [id.minted_at().saturating_sub(DAY_MS), 0] {
            if hit.is_some() {
                break;
            }
            let mut look = |r: &Record| {
                hit = with_id(std::slice::from_ref(r), id);
                hit.is_none()
            };
            self.each_settled(account, from, &mut look).await?;
        }
        let unknown = || CoreFault::new("operation_unknown", "no operation has this id");
        hit.ok_or_else(unknown)
    }

    /// Everything that is known of one operation: the outbox's line, every attempt, the
    /// steps that are done.
    ///
    /// # Errors
    /// `operation_unknown`, `signed_out`.
    pub async fn history(&self, id: &OperationId) -> Result<History, CoreError> {
        let account = self.account().await?.value.account;
        let op = self.anywhere(&account, id).await?;
        self.look(|view| history_in(view, &account, &op.value))
            .await
    }

    /// Every account with a record here.
    pub(super) fn accounts_in(&self, view: &View) -> Result<Vec<Holder>, Halt> {
        let tables = [Table::Session, Table::Lanes, Table::Quarantine];
        let found = tables.map(|table| view.ask(everyone(table)));
        view.read()?;
        let mut out: Vec<Holder> = vec![];
        for record in found.into_iter().flatten() {
            let name = owner(record);
            if name.is_empty() {
                continue;
            }
            let session = records::open::<Session>(record).ok().map(|s| s.value);
            match out.iter_mut().find(|(account, _)| account.0 == name) {
                Some((_, known)) => *known = known.take().or(session),
                None => out.push((AccountId(name), session)),
            }
        }
        Ok(out)
    }

    /// The account that [`OtherAccount::reference`] names; without one, the current account.
    pub(super) fn referred_in(&self, view: &View, name: Option<&str>) -> Result<AccountId, Halt> {
        let Some(name) = name else {
            return self.account_in(view);
        };
        let mut accounts = self.accounts_in(view)?.into_iter();
        let found = accounts.find(|(account, _)| reference(&account.0) == name);
        let unknown = || CoreFault::new("account_unknown", "no account here has this reference");
        Ok(found.map(|(account, _)| account).ok_or_else(unknown)?)
    }

    /// Whose unsent work is on this device beside the current account's. Works signed out, too.
    ///
    /// # Errors
    /// The store's failures.
    pub fn others_in(&self, view: &View) -> Result<Vec<OtherAccount>, Halt> {
        let current = self.session_in(view)?.map(|s| s.value.account);
        let accounts = self.accounts_in(view)?;
        let lanes = view.ask(everyone(Table::Lanes));
        let quarantined = view.ask(everyone(Table::Quarantine));
        view.read()?;
        let mut out = vec![];
        for (account, session) in accounts {
            if current.as_ref() == Some(&account) {
                continue;
            }
            let mut other = OtherAccount::default();
            for record in lanes.iter().filter(|r| owner(r) == account.0) {
                let Ok(lane) = records::open::<Lane>(record) else {
                    continue;
                };
                let lane = *lane.value;
                other.waiting += lane.count;
                other.bytes += lane.bytes;
                other.parked += u32::from(lane.head.is == HeadState::Parked);
                let oldest = other.oldest_at.unwrap_or(i64::MAX);
                other.oldest_at = Some(oldest.min(lane.head.recorded_at));
            }
            let aside = quarantined.iter().filter(|r| owner(r) == account.0);
            other.quarantined = u32::try_from(aside.count()).unwrap_or(u32::MAX);
            if other.waiting + other.quarantined > 0 {
                other.reference = reference(&account.0);
                other.whose = whose(&session.map(|s| s.name).unwrap_or_default());
                out.push(other);
            }
        }
        Ok(out)
    }

    /// Tries once more to send, then says what this phone would be handed in with.
    ///
    /// # Errors
    /// `signed_out`; the store's failures.
    pub async fn close_shift(&self, budget_ms: Option<u32>) -> Result<ShiftClose, CoreError> {
        let account = self.account().await?.value.account;
        let began = self.host.clock().monotonic_ms();
        let budget = budget_ms.unwrap_or(CLOSING_MS);
        let mut report = self.drain(WakeReason::Manual, Some(budget)).await?;
        loop {
            // Another context is sending, or something comes due in a moment (a doubt that has to
            // settle, a short backoff, a second count): that is not left behind yet.
            let due = match report.stopped {
                Stopped::Busy | Stopped::Idle if report.waiting > 0 => report.next_wake_at,
                Stopped::Idle => self.count_due.get(),
                _ => None,
            };
            let Some(due) = due else { break };
            let used = self.host.clock().monotonic_ms() - began;
            let left = i64::from(budget) - i64::from(millis(used));
            let wait = (due - self.now()).max(WAIT_MS_MIN);
            if wait > left {
                break;
            }
            let wait = u32::try_from(wait).unwrap_or(budget);
            self.host.clock().sleep(wait).await;
            let left = u32::try_from(left).unwrap_or(0).saturating_sub(wait);
            report = self.drain(WakeReason::Manual, Some(left)).await?;
        }
        self.look(|view| self.left_in(view, &account, &report))
            .await
    }

    fn left_in(
        &self,
        view: &View,
        account: &AccountId,
        report: &DrainReport,
    ) -> Result<ShiftClose, Halt> {
        let unsettled = OutboxQuery {
            state: OutboxFilter::Unsettled,
            ..OutboxQuery::default()
        };
        // The phone may have changed hands meanwhile: what is left of the other's says nothing of his.
        if self.account_in(view)? != *account {
            return Err(signed_out().into());
        }
        let mut page = self.outbox_in(view, &unsettled)?;
        let drafts = view.all(account, Table::Drafts);
        let stops = view.all(account, Table::Stops);
        let quarantined = view.all(account, Table::Quarantine).len();
        view.read()?;
        let stops = records::readable::<StopRecord>(stops);
        let place = |id: &StopId| {
            let stop = stops.iter().find(|s| s.value.mirror.id == *id);
            stop.map(|s| &s.value.mirror)
        };
        for one in &mut page.items {
            if one.advice.is_none() {
                let sign_in = report.stopped == Stopped::SignIn;
                let away = report.stopped == Stopped::Unreachable;
                one.advice = Some(what_to_do(sign_in, away, one));
            }
        }
        page.items = ordered(page.items, |one| {
            let stop = one.stop.as_ref().and_then(place);
            u64::from(stop.map_or(0, |s| s.sequence)) << 32 | one.seq
        });
        let mut unfinished = vec![];
        for draft in records::readable::<Draft>(drafts) {
            let Draft { stop, blobs, .. } = *draft.value;
            unfinished.push(Unfinished {
                place: place(&stop).map(StopPlace::of),
                stop,
                photos: u32::try_from(blobs.len()).unwrap_or(u32::MAX),
            });
        }
        let unsent = report.waiting as usize;
        let clear = unsent + unfinished.len() + quarantined + page.items.len() == 0;
        Ok(ShiftClose {
            clear,
            unsent: unsent.max(page.items.len()),
            stopped: report.stopped,
            items: page.items,
            more: page.more,
            unfinished,
            quarantined: u32::try_from(quarantined).unwrap_or(u32::MAX),
        })
    }

    /// Figures for the host's own telemetry: counts, moments and codes, nothing about a person.
    ///
    /// # Errors
    /// The store's failures.
    pub fn health_in(&self, view: &View) -> Result<Health, Halt> {
        let status = self.status_in(view)?;
        let account = self.session_in(view)?.map(|s| s.value.account);
        let account = account.unwrap_or_default();
        let lanes = view.all(&account, Table::Lanes);
        let settled = view.ask(Query::Under {
            table: Table::Settled,
            prefix: Key::new(&account.0),
            limit: Some(20),
            newest_first: true,
        });
        view.read()?;
        let mut told = vec![];
        for lane in records::readable::<Lane>(lanes) {
            let Lane { id, head, .. } = *lane.value;
            if head.is == HeadState::Parked {
                told.push(view.ask(records::lane_from(&account, &id, head.seq, Some(1))));
            }
        }
        view.read()?;
        told.push(settled);
        let mut parked = vec![];
        let mut last_success_at = None;
        for op in records::readable::<Operation>(&told.concat()) {
            match op.value.state {
                OperationState::Parked { reason, .. } => parked.push(reason.code),
                OperationState::Settled { at, .. } => {
                    last_success_at = last_success_at.or(Some(at));
                }
                _ => {}
            }
        }
        Ok(Health {
            at: self.now(),
            signed_in: status.signed_in,
            waiting: status.waiting,
            in_flight: status.in_flight,
            bytes_waiting: status.bytes_waiting,
            oldest_waiting_at: status.oldest_waiting_at,
            parked,
            last_success_at,
            last_reached_at: status.last_reached_at,
            quarantined: status.quarantined,
            other_accounts: status.other_accounts,
        })
    }
}

fn history_in(view: &View, account: &AccountId, op: &Operation) -> Result<History, Halt> {
    let pages = Key::new(&account.0).text("attempts").text(&op.id.0);
    let pages = view.ask(Query::under(Table::Meta, pages));
    let stop = match op.stop() {
        Some(stop) => view.ask(records::stop(account, stop)),
        None => &[],
    };
    view.read()?;
    let stop = records::value::<StopRecord>(stop);
    let mut attempts = vec![];
    let mut tell = |more: &[Attempt]| attempts.extend(more.iter().map(AttemptView::of));
    for page in records::readable::<AttemptPage>(pages) {
        tell(&page.value.attempts);
    }
    tell(&op.attempts);
    Ok(History {
        item: item(op, stop.as_ref().map(|s| &s.mirror)),
        attempts,
        steps: op.steps.clone(),
        profile: op.profile.clone(),
    })
}
