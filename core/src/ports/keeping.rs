//! What stays on the device and what goes: signing out wipes what is settled, pruning takes it by
//! age and by space. What is not settled is never touched here, and neither is what could not be
//! read.
//!
//! Everything here can be dropped between two commits and is taken up again by the next
//! [`Driver::tidy`]; a record that somebody else changed meanwhile is left to the next turn.

use super::driver::{Boxed, Driver};
use super::error::CoreError;
use super::handover::number_at;
use super::host::Host;
use super::log::wake_at;
use super::push::Subscription;
use super::records;
use super::store::{Commit, Committed, Durability, Key, Query, Table};
use crate::domain::ids::{AccountId, BlobHandle, StopId};
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

/// Before these moments what settled goes: photos, operations, dead letters.
struct Limits {
    photos: i64,
    personal: i64,
    letters: i64,
}

/// What unsettled work of an account still needs.
#[derive(Default)]
struct Needed {
    stops: Vec<StopId>,
    blobs: Vec<BlobHandle>,
}

impl Needed {
    fn add(&mut self, op: &Operation) {
        self.stops.extend(op.stop().cloned());
        self.blobs.extend(op.blob.iter().map(|b| b.handle.clone()));
    }
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
    let key = op.value.key();
    change.expect(key.clone(), op.revision);
    change.delete(key);
    for page in 0..op.value.pages() {
        change.delete(EntityKey::Attempts(op.value.id.clone(), page));
    }
}

fn forget_blob(change: &mut Change, blob: &Seen<BlobMeta>) {
    let handle = &blob.value.handle;
    change.expect(EntityKey::Blob(handle.clone()), blob.revision);
    change.delete(EntityKey::Blob(handle.clone()));
    change.delete(EntityKey::BlobData(handle.clone()));
}

impl<H: Host> Driver<H> {
    /// Says how long what is settled stays, from now on and for every context.
    ///
    /// # Errors
    /// `keep_invalid` for a share above 100 percent; the store's failures.
    pub async fn keep(&self, keep: &Keep) -> Result<(), CoreError> {
        if keep.storage_percent.is_some_and(|share| share > 100) {
            return Err(CoreError::new(
                "keep_invalid",
                "storagePercent is a share: at most 100",
            ));
        }
        if self.kept().await? != *keep {
            let mut commit = Commit::new(Durability::Relaxed);
            let stored = records::seal("keep", keep);
            commit.puts.push((Table::Meta, keep_key(), stored));
            self.commit(commit).await?;
        }
        Ok(())
    }

    async fn kept(&self) -> Result<Keep, CoreError> {
        let found = self.list(Query::One(Table::Meta, keep_key())).await?;
        Ok(found
            .first()
            .and_then(|r| records::open::<Keep>(r).ok())
            .map(|k| k.value)
            .unwrap_or_default())
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
        let keep = self.kept().await?;
        let share = u64::from(keep.storage_percent.unwrap_or(STORAGE_PERCENT));
        let ceiling = |room: Room| room.quota / 100 * share;
        let full = room.is_some_and(|room| room.quota > 0 && room.usage > ceiling(room));
        let current = self.session().await?.map(|s| s.value.account);
        let mut out = Tidied::default();
        if current.is_some() {
            out.orphans = self.sweep().await?;
        }
        for (account, session) in self.accounts().await? {
            let away = session.is_some_and(|s| s.state == SessionState::SignedOut);
            if away && current.as_ref() != Some(&account) {
                // A sign-out that was cut short, and what settled after it.
                self.wipe(&account, false).await?;
            }
            self.prune(&account, &keep, full, &mut out).await?;
        }
        if out.more {
            self.tidied_at.set(0);
        }
        Ok(out)
    }

    async fn prune(
        &self,
        account: &AccountId,
        keep: &Keep,
        full: bool,
        out: &mut Tidied,
    ) -> Result<(), CoreError> {
        let before = |days: u32| self.now() - i64::from(days) * DAY_MS;
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
        let found = self.list(records::one(account, &EntityKey::Pruned)).await?;
        let was = records::first_or(&found, Pruned::default());
        let was = was.map(|seen| seen.value).unwrap_or_default();
        let mut pruned = was.clone();
        if !(0..PASS_EVERY_MS).contains(&(self.now() - pruned.pass_began_at)) {
            pruned = Pruned {
                looked_to: 0,
                pass_began_at: self.now(),
            };
        }
        let needed = self.needed(account).await?;
        let from = pruned.looked_to;
        let (next, more) = self.thin(account, from, &limits, &needed, out).await?;
        pruned.looked_to = next;
        out.more |= more;
        let mut change = Change::default();
        self.old_notices(account, personal, &mut change).await?;
        if pruned != was {
            change.put_blind(&pruned);
        }
        self.write_some(account, change).await
    }

    async fn old_notices(
        &self,
        account: &AccountId,
        before: i64,
        change: &mut Change,
    ) -> Result<(), CoreError> {
        for record in self.list(records::notices(account, NOTICES_MAX)).await? {
            let at = i64::try_from(number_at(&record.key, 2)).unwrap_or(0);
            if at < before {
                change.delete(EntityKey::Notice(at, number_at(&record.key, 3)));
            }
        }
        Ok(())
    }

    /// Looks at one piece of what is settled, from a moment on, and removes what is over its limit.
    /// Gives where the next piece begins, and whether there is one.
    fn thin<'a>(
        &'a self,
        account: &'a AccountId,
        from: u64,
        limits: &'a Limits,
        needed: &'a Needed,
        out: &'a mut Tidied,
    ) -> Boxed<'a, Result<(u64, bool), CoreError>> {
        Box::pin(async move {
            let piece = records::settled_from(account, from, TURN);
            let piece = self.list(piece).await?;
            let mut change = Change::default();
            let mut gone = vec![];
            let (mut next, mut more) = (from, piece.len() >= TURN as usize);
            let mut operations = 0;
            for op in records::read_all::<Operation>(&piece, &mut vec![]) {
                let (at, letter) = match op.value.state {
                    OperationState::Settled { at, .. } => (at, false),
                    OperationState::Discarded { at, .. } => (at, true),
                    _ => continue,
                };
                if at >= limits.photos.max(limits.personal) {
                    more = false;
                    break;
                }
                next = u64::try_from(at).unwrap_or(0);
                if needed.has(&op.value) {
                    continue;
                }
                let blob = op
                    .value
                    .blob
                    .as_ref()
                    .map(|b| EntityKey::Blob(b.handle.clone()));
                if at
                    < if letter {
                        limits.letters
                    } else {
                        limits.personal
                    }
                {
                    gone.extend(blob);
                    forget(&mut change, &op);
                    operations += 1;
                } else if !letter && at < limits.photos {
                    // The photo of what a person set aside may be all that is left of it.
                    gone.extend(blob);
                }
            }
            if more && next == from {
                // All of one moment; whoever stays of them has been looked at.
                next += 1;
            }
            let mut queries = vec![];
            for key in &gone {
                queries.push(records::one(account, key));
            }
            let mut photos = 0;
            let metas = self.read(&queries).await?.concat();
            for blob in records::read_all::<BlobMeta>(&metas, &mut vec![]) {
                forget_blob(&mut change, &blob);
                photos += 1;
            }
            // What somebody else changed meanwhile is left to the next turn.
            if !change.is_empty()
                && matches!(self.write(account, change).await?, Committed::Done(_))
            {
                out.operations += operations;
                out.photos += photos;
            }
            Ok((next, more))
        })
    }

    /// What must stay for the sake of what is not settled.
    async fn needed(&self, account: &AccountId) -> Result<Needed, CoreError> {
        let lanes = self.list(records::all(account, Table::Lanes)).await?;
        let mut needed = Needed::default();
        if lanes.is_empty() {
            return Ok(needed);
        }
        let found = self.list(records::all(account, Table::Operations)).await?;
        for op in records::read_all::<Operation>(&found, &mut vec![]) {
            needed.add(&op.value);
        }
        Ok(needed)
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
        let Some(session) = self.session().await? else {
            return Ok(());
        };
        let account = session.value.account.clone();
        let found = self
            .read(&[
                records::all(&account, Table::Lanes),
                records::all(&account, Table::Quarantine),
                records::all(&account, Table::Drafts),
            ])
            .await?;
        let lanes: Vec<Seen<Lane>> = records::read_all(&found[0], &mut vec![]);
        let waiting: u32 = lanes.iter().map(|l| l.value.count).sum();
        let kept = waiting as usize + found[1].len();
        let drafts = found[2].len();
        if kept + drafts > 0 && !force {
            let error = CoreError::new("unsent_work", "there is unsent or unfinished work");
            return Err(error.with("kept", &kept).with("drafts", &drafts));
        }
        if let Some(was) = was {
            // He finds out by his next message otherwise; nobody is kept for that.
            let _ = self.end_push(was).await;
        }
        self.leave(session, true).await?;
        self.wipe(&account, true).await
    }

    /// The sign-in ends on this device: its tokens are gone, its name stays with unsent work.
    async fn leave(&self, session: Seen<Session>, forget: bool) -> Result<(), CoreError> {
        let account = session.value.account.clone();
        let gone = Session {
            account: session.value.account,
            name: session.value.name,
            token: String::new(),
            refresh_token: None,
            expires_at: None,
            state: SessionState::SignedOut,
            offset_ms: None,
            outputs: serde_json::Map::new(),
        };
        let mut change = Change::strict();
        change.put_blind(&gone);
        let mut commit = records::commit(&account, change);
        if forget {
            let current = Key::new("").text("current");
            commit.deletes.push((Table::Session, current));
        }
        self.commit(commit).await?;
        Ok(())
    }

    /// Before another account takes this device over: the last one's tokens and settled work go,
    /// its unsent work and half-filled stops stay.
    pub(super) async fn hand_over_to(&self, next: &AccountId) -> Result<(), CoreError> {
        let Some(last) = self.session().await?.filter(|s| s.value.account != *next) else {
            return Ok(());
        };
        let account = last.value.account.clone();
        self.leave(last, false).await?;
        self.wipe(&account, false).await
    }

    /// Removes everything of an account that no unsettled work needs. Dead letters stay until their
    /// age takes them: they are a person's word that something was not sent.
    async fn wipe(&self, account: &AccountId, drafts: bool) -> Result<(), CoreError> {
        let mut needed = self.needed(account).await?;
        let (route, reach) = (EntityKey::Route, EntityKey::Reach);
        let found = self
            .read(&[
                records::all(account, Table::Stops),
                records::all(account, Table::Drafts),
                records::all(account, Table::Wakes),
                records::one(account, &route),
                records::one(account, &reach),
            ])
            .await?;
        let mut change = Change::default();
        for stop in records::read_all::<StopRecord>(&found[0], &mut vec![]) {
            if needed.stops.contains(&stop.value.mirror.id) {
                needed.carried(&stop.value);
                continue;
            }
            let key = stop.value.key();
            change.expect(key.clone(), stop.revision);
            change.delete(key);
        }
        for draft in records::read_all::<Draft>(&found[1], &mut vec![]) {
            if drafts {
                change.delete(draft.value.key());
            } else {
                needed.blobs.extend(draft.value.blobs);
            }
        }
        for record in &found[2] {
            change.delete(wake_at(&record.key));
        }
        self.old_notices(account, i64::MAX, &mut change).await?;
        for (key, found) in [(route, &found[3]), (reach, &found[4])] {
            if !found.is_empty() {
                change.delete(key);
            }
        }
        change.delete(EntityKey::Warned);
        self.write_some(account, change).await?;

        let all = Limits {
            photos: i64::MAX,
            personal: i64::MAX,
            letters: 0,
        };
        let mut from = 0;
        loop {
            let thinned = &mut Tidied::default();
            let (next, more) = self.thin(account, from, &all, &needed, thinned).await?;
            if !more {
                break;
            }
            from = next;
        }
        // What was staged and never recorded.
        let blobs = self.list(records::all(account, Table::Blobs)).await?;
        for blob in records::read_all::<BlobMeta>(&blobs, &mut vec![]) {
            let drafted = needed.blobs.contains(&blob.value.handle);
            if blob.value.pinned_by.is_none() && !drafted {
                // One by one: a picture that somebody records at this moment keeps only itself.
                let mut change = Change::default();
                forget_blob(&mut change, &blob);
                self.write_some(account, change).await?;
            }
        }
        self.forget_session(account).await
    }

    async fn write_some(&self, account: &AccountId, change: Change) -> Result<(), CoreError> {
        if !change.is_empty() {
            self.write(account, change).await?;
        }
        Ok(())
    }

    /// With nothing left that needs it, the name goes as well.
    async fn forget_session(&self, account: &AccountId) -> Result<(), CoreError> {
        let mut queries = vec![records::one(account, &EntityKey::Session)];
        for table in [
            Table::Lanes,
            Table::Quarantine,
            Table::Drafts,
            Table::Settled,
        ] {
            queries.push(Query::Under {
                table,
                prefix: Key::new(&account.0),
                limit: Some(1),
                newest_first: false,
            });
        }
        let found = self.read(&queries).await?.concat();
        if let [session] = found.as_slice()
            && session.envelope.t == "session"
        {
            let mut change = Change::strict();
            change.expect(EntityKey::Session, Some(session.revision));
            change.delete(EntityKey::Session);
            change.delete(EntityKey::Pruned);
            self.write(account, change).await?;
        }
        Ok(())
    }
}
