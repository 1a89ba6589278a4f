//! What stays on the device and what goes: signing out wipes what is settled, pruning takes it by
//! age and by space. What is not settled is never touched here, and neither is what could not be
//! read.
//!
//! Everything here can be dropped between two commits and is taken up again by the next
//! [`Driver::tidy`]; where somebody else changed a record meanwhile, that piece is looked at again.

use super::driver::{Boxed, Driver};
use super::error::{CoreError, CoreFault};
use super::host::Host;
use super::log::wake_at;
use super::push::Subscription;
use super::records;
use super::step::{Decided, Halt, View, decided};
use super::store::{Commit, Durability, Key, Query, Table};
use crate::domain::ids::{AccountId, BlobHandle, LaneId, StopId};
use crate::domain::json::{FromJson, ToJson};
use crate::domain::operation::{BlobPin, Operation, OperationState};
use crate::domain::proof::BlobMeta;
use crate::engine::change::{Change, Draft, EntityKey, Pruned, Seen, StopRecord, Stored};
use crate::engine::lane::Lane;
use crate::engine::session::{Session, SessionState};

const DAY_MS: i64 = 24 * 3_600_000;
/// Between two turns of pruning that found nothing left to do.
const TIDY_EVERY_MS: i64 = 10 * 60_000;
/// Settled operations that one turn looks at: a phone with twenty thousand of them is no slower.
const TURN: u32 = 100;
const NOTICES_MAX: u32 = 500;
/// What could not be pruned when its turn came is looked at again after this.
const PASS_EVERY_MS: i64 = 6 * 3_600_000;

/// How long what is settled stays; what is left out is as usual. Kept in the store, so that the
/// worker goes by the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keep {
    /// days after which the photo of a settled operation goes
    pub photo_days: Option<u32>,
    /// days after which a settled or discarded operation goes, with its names and addresses
    pub personal_days: Option<u32>,
    /// percent of the browser's quota; above it the oldest settled photos go whatever their age
    pub storage_percent: Option<u32>,
}

const PHOTO_DAYS: u32 = 3;
const PERSONAL_DAYS: u32 = 14;
const STORAGE_PERCENT: u32 = 50;

/// What the browser says of this origin's storage, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromJson)]
pub struct Room {
    pub usage: u64,
    pub quota: u64,
}

/// What one turn removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToJson)]
pub struct Tidied {
    /// staged pictures that nothing named
    pub orphans: u32,
    /// photos of settled operations
    pub photos: u32,
    /// settled and discarded operations
    pub operations: u32,
    /// there is more: another turn may follow at once
    pub more: bool,
}

/// What came of looking at one piece of what is settled.
#[derive(Default)]
struct Thinned {
    photos: u32,
    operations: u32,
    /// where the next piece begins
    next: u64,
    /// there is one
    more: bool,
}

/// Before these moments what settled goes: photos, operations, dead letters.
struct Limits {
    photos: i64,
    personal: i64,
    letters: i64,
}

/// What unsettled work of an account still needs. Its own pictures are not among it: they are pinned.
#[derive(Default)]
struct Needed {
    stops: Vec<StopId>,
    blobs: Vec<BlobHandle>,
}

impl Needed {
    fn has(&self, op: &Operation) -> bool {
        let its = |blob: &BlobPin| self.blobs.contains(&blob.handle);
        op.stop().is_some_and(|stop| self.stops.contains(stop)) || op.blob.as_ref().is_some_and(its)
    }
    fn carried(&mut self, stop: &StopRecord) {
        let blobs = stop.progress.carried.iter();
        let handles = blobs.filter_map(|c| c.operation["blob"]["handle"].as_str());
        self.blobs.extend(handles.map(BlobHandle::new));
    }
}

fn keep_key() -> Key {
    Key::new("").text("keep")
}

/// A settled operation goes with the pages of its attempts.
fn forget(change: &mut Change, op: &Seen<Operation>) {
    change.delete_seen(op);
    for page in 0..op.value.pages() {
        change.delete(EntityKey::Attempts(op.value.id.clone(), page));
    }
}

pub(super) fn forget_blob(change: &mut Change, blob: &Seen<BlobMeta>) {
    let handle = &blob.value.handle;
    change.delete_seen(blob);
    change.delete(EntityKey::BlobData(handle.clone()));
}

impl<H: Host> Driver<H> {
    /// Says how long what is settled stays, from now on and for every context.
    ///
    /// # Errors
    /// `keep_invalid` for a share above 100 percent; the store's failures.
    pub fn keep_in(&self, view: &View, keep: &Keep) -> Decided {
        if keep.storage_percent.is_some_and(|share| share > 100) {
            return Err(
                CoreFault::new("keep_invalid", "storagePercent is a share: at most 100").into(),
            );
        }
        if kept(view)? == *keep {
            return Ok(None);
        }
        let mut commit = Commit::new(Durability::Relaxed);
        let stored = records::seal("keep", keep);
        commit.puts.push((Table::Meta, keep_key(), stored));
        Ok(Some(commit))
    }

    /// Removes what nobody needs any more: staged pictures without a name, and settled work by age
    /// and space. One bounded turn, not more often than every ten minutes unless there is more to
    /// do; for the end of a drain and for the opening.
    ///
    /// # Errors
    /// The store's failures.
    pub async fn tidy(&self, room: Option<Room>) -> Result<Tidied, CoreError> {
        let now = self.now();
        let since = now - self.tidied_at.get();
        if (0..TIDY_EVERY_MS).contains(&since) {
            return Ok(Tidied::default());
        }
        self.tidied_at.set(now);
        let (keep, current, accounts) = self
            .look(|view| {
                let current = self.session_in(view)?.map(|s| s.value.account);
                Ok((kept(view)?, current, self.accounts_in(view)?))
            })
            .await?;
        let share = u64::from(keep.storage_percent.unwrap_or(STORAGE_PERCENT));
        let ceiling = |room: Room| room.quota / 100 * share;
        let full = room.is_some_and(|room| room.quota > 0 && room.usage > ceiling(room));
        let mut out = Tidied::default();
        if current.is_some() {
            self.take(&mut |view| self.sweep_in(view, &mut out.orphans))
                .await?;
        }
        for (account, session) in accounts {
            let away = session.is_some_and(|s| s.state == SessionState::SignedOut);
            if away && current.as_ref() != Some(&account) {
                // A sign-out that was cut short, and what settled after it.
                self.wipe(&account, false).await?;
            }
            let mut thinned = Thinned::default();
            self.take(&mut |view| {
                thinned = Thinned::default();
                self.prune_in(view, &account, &keep, full, &mut thinned)
            })
            .await?;
            out.operations += thinned.operations;
            out.photos += thinned.photos;
            out.more |= thinned.more;
        }
        if out.more {
            self.tidied_at.set(0);
        }
        Ok(out)
    }

    fn prune_in(
        &self,
        view: &View,
        account: &AccountId,
        keep: &Keep,
        full: bool,
        out: &mut Thinned,
    ) -> Decided {
        let now = self.now();
        let before = |days: u32| now - i64::from(days) * DAY_MS;
        let personal = before(keep.personal_days.unwrap_or(PERSONAL_DAYS));
        let limits = Limits {
            photos: if full {
                i64::MAX
            } else {
                before(keep.photo_days.unwrap_or(PHOTO_DAYS))
            },
            personal,
            letters: personal,
        };
        let was = view.one(account, &EntityKey::Pruned);
        view.read()?;
        let was = records::first_or(was, Pruned::default());
        let was = was.map(|seen| *seen.value).unwrap_or_default();
        let mut pruned = was.clone();
        if !(0..PASS_EVERY_MS).contains(&(now - pruned.pass_began_at)) {
            pruned = Pruned {
                looked_to: 0,
                pass_began_at: now,
            };
        }
        let mut change = Change::default();
        let from = pruned.looked_to;
        thin(view, account, from, (&limits, None), out, &mut change)?;
        pruned.looked_to = out.next;
        old_notices(view, account, personal, &mut change)?;
        if pruned != was {
            change.put_blind(&pruned);
        }
        decided(account, change)
    }

    /// Signs out and wipes what is settled: history, route, photos, sign-in. Refused while there is
    /// work that is not sent, or a half-filled stop, unless forced; the work then stays, counted
    /// and exportable, and goes out at this account's next sign-in. Half-filled stops go.
    ///
    /// # Errors
    /// `unsent_work`; the store's failures.
    pub async fn sign_out(&self, force: bool) -> Result<(), CoreError> {
        self.sign_out_of(force, None).await
    }

    /// The same; the sender of push messages is told that this subscription ends, if he can be:
    /// afterwards nobody is left who could.
    ///
    /// # Errors
    /// As `sign_out`.
    pub async fn sign_out_of(
        &self,
        force: bool,
        was: Option<Subscription>,
    ) -> Result<(), CoreError> {
        let Some(account) = self.look(|view| self.may_leave(view, force)).await? else {
            return Ok(());
        };
        if let Some(was) = was {
            // He finds out by his next message otherwise; nobody is kept for that.
            let _ = self.end_push(was).await;
        }
        self.take(&mut |view| {
            // Once more: the sender took his time, and another tab may have recorded something.
            self.may_leave(view, force)?;
            let session = self.session_in(view)?;
            let mine = session.filter(|s| s.value.account == account);
            Ok(mine.map(|session| leave(*session.value, true)))
        })
        .await?;
        self.wipe(&account, true).await
    }

    /// Who signs out, if anybody: with nothing unsent or half filled, or by force.
    fn may_leave(&self, view: &View, force: bool) -> Result<Option<AccountId>, Halt> {
        let Some(session) = self.session_in(view)? else {
            return Ok(None);
        };
        let account = session.value.account;
        let lanes = view.all(&account, Table::Lanes);
        let quarantined = view.all(&account, Table::Quarantine).len();
        let drafts = view.all(&account, Table::Drafts).len();
        view.read()?;
        let lanes = records::readable::<Lane>(lanes);
        let waiting: u32 = lanes.iter().map(|l| l.value.count).sum();
        let kept = waiting as usize + quarantined;
        if kept + drafts > 0 && !force {
            let error = CoreFault::new("unsent_work", "there is unsent or unfinished work");
            return Err(error.with("kept", &kept).with("drafts", &drafts).into());
        }
        Ok(Some(account))
    }

    /// Before another account takes this device over: the last one's tokens and settled work go,
    /// its unsent work and half-filled stops stay.
    pub(super) async fn hand_over_to(&self, next: &AccountId) -> Result<(), CoreError> {
        let mut left = None;
        self.take(&mut |view| {
            let last = self.session_in(view)?;
            let last = last.filter(|s| s.value.account != *next);
            left = last.as_ref().map(|s| s.value.account.clone());
            Ok(last.map(|last| leave(*last.value, false)))
        })
        .await?;
        match left {
            Some(account) => self.wipe(&account, false).await,
            None => Ok(()),
        }
    }

    /// Removes everything of an account that no unsettled work needs. Dead letters stay until their
    /// age takes them: they are a person's word that something was not sent.
    fn wipe<'a>(
        &'a self,
        account: &'a AccountId,
        drafts: bool,
    ) -> Boxed<'a, Result<(), CoreError>> {
        Box::pin(async move {
            self.take(&mut |view| clear(view, account, drafts)).await?;
            let all = Limits {
                photos: i64::MAX,
                personal: i64::MAX,
                letters: 0,
            };
            let mut thinned = Thinned {
                more: true,
                ..Thinned::default()
            };
            while thinned.more {
                let from = thinned.next;
                self.take(&mut |view| {
                    thinned = Thinned::default();
                    let mut change = Change::default();
                    let by = (&all, Some(!drafts));
                    thin(view, account, from, by, &mut thinned, &mut change)?;
                    decided(account, change)
                })
                .await?;
            }
            // A picture that somebody records at this moment makes this begin anew, and stays.
            self.take(&mut |view| clear_blobs(view, account, drafts))
                .await?;
            self.take(&mut |view| forget_session(view, account)).await?;
            Ok(())
        })
    }
}

/// The sign-in ends on this device: its tokens are gone, its name stays with unsent work.
fn leave(session: Session, forget: bool) -> Commit {
    let account = session.account.clone();
    let mut change = Change::strict();
    change.put_blind(&Session {
        account: session.account,
        name: session.name,
        token: String::new(),
        refresh_token: None,
        expires_at: None,
        state: SessionState::SignedOut,
        offset_ms: None,
        outputs: serde_json::Map::new(),
    });
    let mut commit = records::commit(&account, change);
    if forget {
        let current = Key::new("").text("current");
        commit.deletes.push((Table::Session, current));
    }
    commit
}

fn kept(view: &View) -> Result<Keep, Halt> {
    let found = view.ask(Query::One(Table::Meta, keep_key()));
    view.read()?;
    Ok(*records::value(found).unwrap_or_default())
}

fn old_notices(
    view: &View,
    account: &AccountId,
    before: i64,
    change: &mut Change,
) -> Result<(), Halt> {
    let notices = view.ask(records::notices(account, NOTICES_MAX));
    view.read()?;
    for record in notices {
        let at = i64::try_from(record.key.number_at(2)).unwrap_or(0);
        if at < before {
            change.delete(EntityKey::Notice(at, record.key.number_at(3)));
        }
    }
    Ok(())
}

/// What must stay for the sake of what is not settled: by the lanes, of which all but the route's
/// are a stop's own.
fn needed(view: &View, account: &AccountId) -> Result<Needed, Halt> {
    let mut needed = Needed::default();
    let route = LaneId::route();
    let mut mixed = vec![];
    let lanes = view.all(account, Table::Lanes);
    view.read()?;
    for record in lanes {
        match records::open::<Lane>(record) {
            Ok(Seen { value: lane, .. }) => match lane.stop.filter(|_| lane.id != route) {
                Some(stop) => needed.stops.push(stop),
                None => mixed.push(view.ask(records::lane_from(account, &lane.id, 0, None))),
            },
            // Which stop it was of, its operations say.
            Err(_) => mixed.push(view.all(account, Table::Operations)),
        }
    }
    view.read()?;
    for found in mixed {
        for op in records::readable::<Operation>(found) {
            needed.stops.extend(op.value.stop().cloned());
        }
    }
    Ok(needed)
}

/// The same with the pictures that a newer route carries on, and those of half-filled stops.
fn needed_with(view: &View, account: &AccountId, drafts: bool) -> Result<Needed, Halt> {
    let stops = view.all(account, Table::Stops);
    let half_filled = view.all(account, Table::Drafts);
    view.read()?;
    let mut needed = needed(view, account)?;
    for stop in records::readable::<StopRecord>(stops) {
        if needed.stops.contains(&stop.value.mirror.id) {
            needed.carried(&stop.value);
        }
    }
    if drafts {
        for draft in records::readable::<Draft>(half_filled) {
            needed.blobs.extend(draft.value.blobs);
        }
    }
    Ok(needed)
}

/// Looks at one piece of what is settled, from a moment on, and removes what is over its limit; for
/// good, with or without half-filled stops, where `wiped` says so.
fn thin(
    view: &View,
    account: &AccountId,
    from: u64,
    (limits, wiped): (&Limits, Option<bool>),
    out: &mut Thinned,
    change: &mut Change,
) -> Result<(), Halt> {
    let piece = view.ask(records::settled_from(account, from, TURN));
    view.read()?;
    let (mut gone, mut known) = (vec![], None);
    (out.next, out.more) = (from, piece.len() >= TURN as usize);
    for op in records::readable::<Operation>(piece) {
        let (at, letter) = match op.value.state {
            OperationState::Settled { at, .. } => (at, false),
            OperationState::Discarded { at, .. } => (at, true),
            _ => continue,
        };
        if at >= limits.photos.max(limits.personal) {
            out.more = false;
            break;
        }
        out.next = u64::try_from(at).unwrap_or(0);
        // Only now that something is old enough.
        if known.is_none() {
            known = Some(match wiped {
                Some(drafts) => needed_with(view, account, drafts)?,
                None => needed(view, account)?,
            });
        }
        if known.as_ref().is_some_and(|needed| needed.has(&op.value)) {
            continue;
        }
        let limit = match letter {
            true => limits.letters,
            false => limits.personal,
        };
        // The photo of what a person set aside may be all that is left of it.
        let too_old = at < limit || !letter && at < limits.photos;
        if let Some(blob) = op.value.blob.as_ref().filter(|_| too_old) {
            let blob = view.one(account, &EntityKey::Blob(blob.handle.clone()));
            gone.push((blob, op.value.seq));
        }
        if at < limit {
            forget(change, &op);
            out.operations += 1;
        }
    }
    if out.more && out.next == from {
        // All of one moment; whoever stays of them has been looked at.
        out.next += 1;
    }
    view.read()?;
    for (found, seq) in gone {
        for blob in records::readable::<BlobMeta>(found) {
            // What was recorded with it since goes by its own age.
            if blob.value.pinned_by == Some(seq) {
                forget_blob(change, &blob);
                out.photos += 1;
            }
        }
    }
    Ok(())
}

/// The stops and drafts of an account that no unsettled work needs, and what tells of its days.
fn clear(view: &View, account: &AccountId, drafts: bool) -> Decided {
    let needed = needed(view, account)?;
    let (route, reach) = (EntityKey::Route, EntityKey::Reach);
    let stops = view.all(account, Table::Stops);
    let half_filled = view.all(account, Table::Drafts);
    let wakes = view.all(account, Table::Wakes);
    let days = [route, reach].map(|key| (view.one(account, &key), key));
    view.read()?;
    let mut change = Change::default();
    for stop in records::readable::<StopRecord>(stops) {
        if !needed.stops.contains(&stop.value.mirror.id) {
            change.delete_seen(&stop);
        }
    }
    if drafts {
        for draft in records::readable::<Draft>(half_filled) {
            change.delete(draft.value.key());
        }
    }
    for record in wakes {
        change.delete(wake_at(&record.key));
    }
    old_notices(view, account, i64::MAX, &mut change)?;
    for (found, key) in days {
        if !found.is_empty() {
            change.delete(key);
        }
    }
    change.delete(EntityKey::Warned);
    decided(account, change)
}

/// What was staged and never recorded, and no half-filled stop or unsettled work names.
fn clear_blobs(view: &View, account: &AccountId, drafts: bool) -> Decided {
    let needed = needed_with(view, account, !drafts)?;
    let blobs = view.all(account, Table::Blobs);
    view.read()?;
    let mut change = Change::default();
    for blob in records::readable::<BlobMeta>(blobs) {
        let drafted = needed.blobs.contains(&blob.value.handle);
        if blob.value.pinned_by.is_none() && !drafted {
            forget_blob(&mut change, &blob);
        }
    }
    decided(account, change)
}

/// With nothing left that needs it, the name goes as well.
fn forget_session(view: &View, account: &AccountId) -> Decided {
    let session = view.one(account, &EntityKey::Session);
    let mut needed = 0;
    for table in [
        Table::Lanes,
        Table::Quarantine,
        Table::Drafts,
        Table::Settled,
    ] {
        let found = view.ask(Query::Under {
            table,
            prefix: Key::new(&account.0),
            limit: Some(1),
            newest_first: false,
        });
        needed += found.len();
    }
    view.read()?;
    let mut change = Change::strict();
    if let ([session], 0) = (session, needed) {
        change.expect(EntityKey::Session, Some(session.revision));
        change.delete(EntityKey::Session);
        change.delete(EntityKey::Pruned);
    }
    decided(account, change)
}
