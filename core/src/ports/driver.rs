//! The driver: loads the part of the store that an input concerns, lets the engine step, commits,
//! and only then runs the effects. A failed commit runs none; a stale one is stepped again.
//!
//! This file opens, records and does what a person asks; [`super::drain`] sends,
//! [`super::session`] signs in and fetches the route, [`super::views`] shows.

use super::blobs::Blobs;
use super::clock::{Clock, Ids};
use super::error::CoreError;
use super::host::Host;
use super::net::Net;
use super::records::{self, Unreadable};
use super::store::{Commit, Committed, Durability, Key, Query, Record, Store, Table};
use crate::domain::address::Position;
use crate::domain::dictionary::Dictionary;
use crate::domain::ids::{AccountId, BlobHandle, LaneId, OperationId, StopId};
use crate::domain::json::{FromJson, ToJson};
use crate::domain::operation::{Intent, Operation, Recorded};
use crate::domain::proof::{BlobMeta, check_picture};
use crate::engine::admit::{Admitted, Admitting, admit, lane_of};
use crate::engine::change::{Change, Counters, Draft, EntityKey, Seen, StopRecord};
use crate::engine::lane::Lane;
use crate::engine::person;
use crate::engine::session::Session;
use crate::profile::document::Profile;
use crate::profile::http::{Exchange, Request};
use crate::profile::read::read;
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How often a step is taken again because someone else was first.
pub(super) const STALE_MAX: u32 = 16;
const DRAFT_BYTES_MAX: usize = 64 * 1024;
const ORPHAN_AGE_MS: i64 = 24 * 3_600_000;

pub struct Driver<H: Host> {
    pub host: H,
    profile: RefCell<Rc<Profile>>,
    /// older revisions that operations under way are pinned to
    pinned: RefCell<Vec<Rc<Profile>>>,
    servers: Dictionary<String, String>,
    pub(super) draining: Cell<bool>,
    pub(super) wanted: Cell<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct Receipt {
    pub operation: OperationId,
    pub seq: u64,
    pub revision: u64,
    pub duplicate: bool,
}

#[derive(ToJson, FromJson)]
struct Current {
    account: AccountId,
}

/// The profile as it is stored for the worker, with the addresses the host gave.
#[derive(ToJson, FromJson)]
struct StoredProfile {
    document: String,
    servers: Dictionary<String, String>,
}

fn device(name: &str) -> Key {
    Key::new("").text(name)
}

impl<H: Host> Driver<H> {
    /// Opens with a profile document, or with the one stored last.
    ///
    /// # Errors
    /// The profile's mistakes by name; `profile_missing`; the store's failures.
    pub async fn open(
        host: H,
        document: Option<String>,
        servers: Dictionary<String, String>,
    ) -> Result<Self, CoreError> {
        let stored = host
            .store()
            .read(&[Query::One(Table::Profiles, device("current"))])
            .await?;
        let stored: Option<StoredProfile> = stored
            .concat()
            .first()
            .and_then(|r| records::open(r).ok())
            .map(|s| s.value);
        let (document, servers, fresh) = match (document, stored) {
            (Some(document), Some(stored)) => {
                // A host that could not ask for its addresses goes on with those it had.
                let servers = if servers.is_empty() {
                    stored.servers.clone()
                } else {
                    servers
                };
                let fresh = stored.document != document || stored.servers != servers;
                (document, servers, fresh)
            }
            (Some(document), None) => (document, servers, true),
            (None, Some(stored)) => (stored.document, stored.servers, false),
            (None, None) => {
                return Err(CoreError::new(
                    "profile_missing",
                    "no backend profile was given and none is stored",
                ));
            }
        };
        let profile = with_servers(read(&document)?, &servers)?;
        if fresh {
            let stored = records::seal(
                "profile",
                &StoredProfile {
                    document,
                    servers: servers.clone(),
                },
            );
            let mut commit = Commit::new(Durability::Strict);
            let by_revision = device(&format!("revision/{}", profile.revision));
            commit
                .puts
                .push((Table::Profiles, device("current"), stored.clone()));
            commit.puts.push((Table::Profiles, by_revision, stored));
            host.store().commit(commit).await?;
        }
        Ok(Self {
            host,
            profile: RefCell::new(Rc::new(profile)),
            pinned: RefCell::default(),
            servers,
            draining: Cell::new(false),
            wanted: Cell::new(false),
        })
    }

    pub fn profile(&self) -> Rc<Profile> {
        self.profile.borrow().clone()
    }

    /// The profile an operation goes out under: the one it is pinned to, or today's.
    pub(super) async fn profile_for(&self, op: &Operation) -> Result<Rc<Profile>, CoreError> {
        let today = self.profile();
        let Some(revision) = op.profile.as_ref().filter(|r| **r != today.revision) else {
            return Ok(today);
        };
        if let Some(known) = self
            .pinned
            .borrow()
            .iter()
            .find(|p| p.revision == *revision)
        {
            return Ok(known.clone());
        }
        let key = device(&format!("revision/{revision}"));
        let found = self
            .host
            .store()
            .read(&[Query::One(Table::Profiles, key)])
            .await?
            .concat();
        let stored = found
            .first()
            .and_then(|r| records::open::<StoredProfile>(r).ok());
        let Some(stored) = stored else {
            return Ok(today);
        };
        // The addresses are today's: a profile is pinned for what it says, not for where.
        let servers = if self.servers.is_empty() {
            &stored.value.servers
        } else {
            &self.servers
        };
        let profile = Rc::new(with_servers(read(&stored.value.document)?, servers)?);
        self.pinned.borrow_mut().push(profile.clone());
        Ok(profile)
    }

    pub(super) fn now(&self) -> i64 {
        self.host.clock().now_ms()
    }

    // The three calls below are made from everywhere: boxed, so that the store's and the network's
    // own machinery stands once in the module and not in each caller's state.

    pub(super) fn write<'a>(
        &'a self,
        account: &AccountId,
        change: Change,
    ) -> Boxed<'a, Result<Committed, CoreError>> {
        self.commit(records::commit(account, change))
    }

    pub(super) fn commit(&self, commit: Commit) -> Boxed<'_, Result<Committed, CoreError>> {
        Box::pin(async move {
            let committed = self.host.store().commit(commit).await?;
            if let Committed::Done(revision) = committed {
                self.host.changed(revision);
            }
            Ok(committed)
        })
    }

    pub(super) fn read<'a>(
        &'a self,
        queries: &'a [Query],
    ) -> Boxed<'a, Result<Vec<Vec<Record>>, CoreError>> {
        Box::pin(async move { Ok(self.host.store().read(queries).await?) })
    }

    /// What one query finds.
    pub(super) fn list(&self, query: Query) -> Boxed<'_, Result<Vec<Record>, CoreError>> {
        Box::pin(async move { Ok(self.read(&[query]).await?.pop().unwrap_or_default()) })
    }

    pub(super) fn exchange<'a>(
        &'a self,
        account: &'a AccountId,
        request: &'a Request,
    ) -> Boxed<'a, Exchange> {
        Box::pin(self.host.net().exchange(account, request))
    }

    /// Who is current on this device, with the sign-in as it stands.
    pub fn session(&self) -> Boxed<'_, Result<Option<Seen<Session>>, CoreError>> {
        Box::pin(async move {
            let current = self
                .list(Query::One(Table::Session, device("current")))
                .await?;
            let Some(current) = current
                .first()
                .and_then(|r| records::open::<Current>(r).ok())
            else {
                return Ok(None);
            };
            let query = records::one(&current.value.account, &EntityKey::Session);
            let found = self.list(query).await?;
            Ok(found.first().and_then(|r| records::open(r).ok()))
        })
    }

    /// The account whose work this is.
    ///
    /// # Errors
    /// `signed_out`.
    pub(super) fn account(&self) -> Boxed<'_, Result<Seen<Session>, CoreError>> {
        Box::pin(async move {
            self.session()
                .await?
                .ok_or_else(|| CoreError::new("signed_out", "nobody is signed in on this device"))
        })
    }

    pub(super) async fn make_current(&self, session: Session) -> Result<(), CoreError> {
        let account = session.account.clone();
        let mut change = Change::strict();
        change.put_blind(&session);
        let mut commit = records::commit(&account, change);
        let current = records::seal("current", &Current { account });
        commit
            .puts
            .push((Table::Session, device("current"), current));
        self.commit(commit).await?;
        Ok(())
    }

    pub(super) async fn forget_current(&self) -> Result<(), CoreError> {
        let mut commit = Commit::new(Durability::Strict);
        commit.deletes.push((Table::Session, device("current")));
        self.commit(commit).await?;
        Ok(())
    }

    // ---------------------------------------------------------------- recording

    /// Makes an intent durable. Resolves when it is on the disk.
    ///
    /// # Errors
    /// The refusal's code when a precondition does not hold; the store's failures. Nothing is
    /// changed then.
    pub async fn record(
        &self,
        intent: Intent,
        position: Option<Position>,
    ) -> Result<Receipt, CoreError> {
        let session = self.account().await?.value;
        let account = &session.account;
        let profile = self.profile();
        let id = OperationId::mint(self.now(), self.host.ids().random());
        for _ in 0..STALE_MAX {
            let lane = lane_of(&intent, &profile);
            let stop = match (&intent, intent.stop()) {
                (_, Some(stop)) => self.seen_stop(account, stop).await?,
                (Intent::Load { code }, None) => self.stop_with_code(account, code).await?,
                _ => None,
            };
            let mut queries = vec![
                records::one(account, &EntityKey::Counters),
                records::one(account, &EntityKey::Lane(lane.clone())),
            ];
            queries.extend(
                intent
                    .blob()
                    .map(|b| records::one(account, &EntityKey::Blob(b.clone()))),
            );
            let found = self.read(&queries).await?;
            let lane_seen = self.lane_or_heal(account, &lane, &found[1]).await?;
            let blob = match found.get(2).and_then(|r| r.first()) {
                Some(record) => Some(records::open::<BlobMeta>(record).map_err(unreadable)?),
                None => None,
            };
            let admitting = Admitting {
                account: account.clone(),
                id: id.clone(),
                intent: intent.clone(),
                recorded: Recorded {
                    at: self.now(),
                    offset_ms: session.offset_ms,
                    position: position.clone(),
                },
                counters: records::first_or(&found[0], Counters { next_seq: 1 })
                    .map_err(unreadable)?,
                lane: lane_seen,
                stop,
                blob,
            };
            match admit(admitting, &profile)? {
                Admitted::Duplicate(seq) => {
                    let operation = self.operation_at(account, &lane, seq).await?;
                    return Ok(Receipt {
                        operation,
                        seq,
                        revision: 0,
                        duplicate: true,
                    });
                }
                Admitted::New { change, operation } => match self.write(account, change).await? {
                    Committed::Done(revision) => {
                        return Ok(Receipt {
                            operation: operation.id,
                            seq: operation.seq,
                            revision,
                            duplicate: false,
                        });
                    }
                    Committed::Stale | Committed::Fenced => {
                        // A connection that died while committing is tried again, and then meets
                        // what it wrote itself.
                        let (lane, seq) = (&operation.lane, operation.seq);
                        if self.operation_at(account, lane, seq).await? == operation.id {
                            return Ok(Receipt {
                                operation: operation.id,
                                seq,
                                revision: 0,
                                duplicate: false,
                            });
                        }
                    }
                },
            }
        }
        Err(contended())
    }

    /// The id of the unsettled operation at a place; empty when there is none.
    async fn operation_at(
        &self,
        account: &AccountId,
        lane: &LaneId,
        seq: u64,
    ) -> Result<OperationId, CoreError> {
        let found = self
            .list(records::lane_from(account, lane, seq, Some(1)))
            .await?;
        let found = found
            .first()
            .and_then(|r| records::open::<Operation>(r).ok());
        Ok(found
            .filter(|o| o.value.seq == seq)
            .map(|o| o.value.id)
            .unwrap_or_default())
    }

    async fn seen_stop(
        &self,
        account: &AccountId,
        id: &StopId,
    ) -> Result<Option<Seen<StopRecord>>, CoreError> {
        let found = self.list(records::stop(account, id)).await?;
        found
            .first()
            .map(records::open)
            .transpose()
            .map_err(unreadable)
    }

    async fn stop_with_code(
        &self,
        account: &AccountId,
        code: &str,
    ) -> Result<Option<Seen<StopRecord>>, CoreError> {
        let found = self.list(records::all(account, Table::Stops)).await?;
        let mut stops = records::read_all::<StopRecord>(&found, &mut vec![]).into_iter();
        Ok(stops.find(|s| s.value.mirror.parcel_by_code(code).is_some()))
    }

    /// Stores a picture's bytes before anything is shown, under a handle of its own.
    ///
    /// # Errors
    /// `photo_empty`, `photo_too_large`, `photo_not_a_picture`, `storage_full`, `signed_out`.
    pub async fn stage(
        &self,
        head: &[u8],
        length: u64,
        bytes: <H::Blobs as Blobs>::Bytes,
    ) -> Result<BlobMeta, CoreError> {
        let media_type = check_picture(head, length)?;
        let account = self.account().await?.value.account;
        let handle = BlobHandle(OperationId::mint(self.now(), self.host.ids().random()).0);
        Ok(self
            .host
            .blobs()
            .stage(&account, handle, media_type, bytes, self.now())
            .await?)
    }

    pub async fn blob(
        &self,
        handle: &BlobHandle,
    ) -> Result<Option<(String, <H::Blobs as Blobs>::Bytes)>, CoreError> {
        let account = self.account().await?.value.account;
        Ok(self.host.blobs().bytes(&account, handle).await?)
    }

    pub async fn draft(&self, stop: &StopId) -> Result<Option<Draft>, CoreError> {
        let account = self.account().await?.value.account;
        let query = records::one(&account, &EntityKey::Draft(stop.clone()));
        let found = self.list(query).await?;
        Ok(found
            .first()
            .and_then(|r| records::open::<Draft>(r).ok())
            .map(|d| d.value))
    }

    /// Keeps a half-filled stop, and the pictures it names alive.
    ///
    /// # Errors
    /// `draft_too_large`, the store's failures.
    pub async fn save_draft(
        &self,
        stop: StopId,
        blobs: Vec<BlobHandle>,
        fields: Map<String, Value>,
    ) -> Result<(), CoreError> {
        let account = self.account().await?.value.account;
        let size = crate::domain::json::to_text(&fields).len();
        if size > DRAFT_BYTES_MAX {
            return Err(CoreError::new(
                "draft_too_large",
                format!("the draft has {size} bytes; at most {DRAFT_BYTES_MAX} are kept"),
            ));
        }
        let mut change = Change::strict();
        if blobs.is_empty() && fields.is_empty() {
            change.delete(EntityKey::Draft(stop));
        } else {
            let draft = Draft {
                account: account.clone(),
                stop,
                blobs,
                fields,
                saved_at: self.now(),
            };
            change.put_blind(&draft);
        }
        self.write(&account, change).await?;
        Ok(())
    }

    /// Removes staged pictures that nothing names any more.
    pub async fn sweep(&self) -> Result<u32, CoreError> {
        let account = self.account().await?.value.account;
        let found = self
            .read(&[
                records::all(&account, Table::Blobs),
                records::all(&account, Table::Drafts),
            ])
            .await?;
        let drafts = records::read_all::<Draft>(&found[1], &mut vec![]);
        let mut change = Change::default();
        for blob in records::read_all::<BlobMeta>(&found[0], &mut vec![]) {
            let handle = &blob.value.handle;
            let named = drafts.iter().any(|d| d.value.blobs.contains(handle));
            let young = self.now() - blob.value.staged_at < ORPHAN_AGE_MS;
            if blob.value.pinned_by.is_none() && !named && !young {
                change.expect(EntityKey::Blob(handle.clone()), blob.revision);
                change.delete(EntityKey::Blob(handle.clone()));
                change.delete(EntityKey::BlobData(handle.clone()));
            }
        }
        let swept = u32::try_from(change.deletes.len() / 2).unwrap_or(u32::MAX);
        if swept > 0 {
            self.write(&account, change).await?;
        }
        Ok(swept)
    }

    // ---------------------------------------------------------------- a person's choice

    /// # Errors
    /// `operation_unknown`, `operation_in_flight`, `operation_settled`.
    pub async fn retry(&self, id: &OperationId) -> Result<(), CoreError> {
        let account = self.account().await?.value.account;
        for _ in 0..STALE_MAX {
            let (op, lane) = self.find(&account, id).await?;
            let change = person::retry(self.now(), lane, op)?;
            if let Committed::Done(_) = self.write(&account, change).await? {
                return Ok(());
            }
        }
        Err(contended())
    }

    /// # Errors
    /// `operation_unknown`, `operation_in_flight`, `operation_in_doubt`, `reason_missing`.
    pub async fn discard(&self, id: &OperationId, reason: &str) -> Result<(), CoreError> {
        let account = self.account().await?.value.account;
        for _ in 0..STALE_MAX {
            let (op, lane) = self.find(&account, id).await?;
            let behind = records::lane_from(&account, &op.value.lane, op.value.seq + 1, Some(1));
            let behind = self.list(behind).await?;
            let next = behind
                .first()
                .map(records::open::<Operation>)
                .transpose()
                .map_err(unreadable)?;
            let stop = match op.value.stop() {
                Some(stop) => self.seen_stop(&account, stop).await?,
                None => None,
            };
            let next = next.as_ref().map(|n| &n.value);
            let change = person::discard(self.now(), reason, lane, op, next, stop)?;
            if let Committed::Done(_) = self.write(&account, change).await? {
                return Ok(());
            }
        }
        Err(contended())
    }

    async fn find(
        &self,
        account: &AccountId,
        id: &OperationId,
    ) -> Result<(Seen<Operation>, Seen<Lane>), CoreError> {
        let found = self.list(records::all(account, Table::Operations)).await?;
        let ops = records::read_all::<Operation>(&found, &mut vec![]);
        let Some(op) = ops.into_iter().find(|o| o.value.id == *id) else {
            return Err(CoreError::new(
                "operation_unknown",
                "no waiting operation has this id",
            ));
        };
        let query = records::one(account, &EntityKey::Lane(op.value.lane.clone()));
        let lane = self.list(query).await?;
        let lane = self.lane_or_heal(account, &op.value.lane, &lane).await?;
        match lane.value {
            Some(value) => Ok((
                op,
                Seen {
                    value,
                    revision: lane.revision,
                },
            )),
            None => Err(CoreError::new(
                "operation_unknown",
                "no waiting operation has this id",
            )),
        }
    }

    // ---------------------------------------------------------------- unreadable records

    /// A lane's summary can be made again from its operations, so an unreadable one is.
    pub(super) fn lane_or_heal<'a>(
        &'a self,
        account: &'a AccountId,
        id: &'a LaneId,
        records: &'a [Record],
    ) -> Boxed<'a, Result<Seen<Option<Lane>>, CoreError>> {
        Box::pin(async move {
            let Some(record) = records.first() else {
                return Ok(Seen {
                    value: None,
                    revision: None,
                });
            };
            match records::open::<Lane>(record) {
                Ok(lane) => Ok(Seen {
                    value: Some(lane.value),
                    revision: lane.revision,
                }),
                Err(_) => {
                    let lane = self.rebuilt_lane(account, id).await?;
                    Ok(Seen {
                        value: lane,
                        revision: Some(record.revision),
                    })
                }
            }
        })
    }

    /// Sets unreadable operations of a lane aside and sums up the rest.
    pub(super) fn rebuilt_lane<'a>(
        &'a self,
        account: &'a AccountId,
        id: &'a LaneId,
    ) -> Boxed<'a, Result<Option<Lane>, CoreError>> {
        Box::pin(async move {
            let found = self.list(records::lane_from(account, id, 0, None)).await?;
            let mut aside = vec![];
            let ops = records::read_all::<Operation>(&found, &mut aside);
            self.set_aside(account, Table::Operations, aside).await?;
            let mut lane: Option<Lane> = None;
            for op in ops {
                match &mut lane {
                    Some(lane) => lane.append(&op.value),
                    None => lane = Some(Lane::begin(&op.value)),
                }
            }
            Ok(lane)
        })
    }

    /// Moves unreadable records to the quarantine, raw.
    pub(super) fn set_aside<'a>(
        &'a self,
        account: &'a AccountId,
        table: Table,
        aside: Vec<Unreadable>,
    ) -> Boxed<'a, Result<(), CoreError>> {
        Box::pin(async move {
            if aside.is_empty() {
                return Ok(());
            }
            let mut commit = Commit::new(Durability::Strict);
            for unreadable in aside {
                let key = Key::new(&account.0)
                    .text(table.name())
                    .text(&unreadable.record.key.to_string());
                commit
                    .puts
                    .push((Table::Quarantine, key, unreadable.record.envelope));
                commit.expect.push((
                    table,
                    unreadable.record.key.clone(),
                    Some(unreadable.record.revision),
                ));
                commit.deletes.push((table, unreadable.record.key));
            }
            self.commit(commit).await?;
            Ok(())
        })
    }
}

fn with_servers(
    mut profile: Profile,
    servers: &Dictionary<String, String>,
) -> Result<Profile, CoreError> {
    for (name, address) in servers {
        match profile.servers.get_mut(name) {
            Some(base) => base.clone_from(address),
            None => {
                return Err(CoreError::new(
                    "server_unknown",
                    format!("the profile has no server named {name}"),
                ));
            }
        }
    }
    Ok(profile)
}

#[allow(clippy::boxed_local)] // what `open` gives
pub(super) fn unreadable(unreadable: Box<Unreadable>) -> CoreError {
    CoreError::new(
        "record_unreadable",
        format!(
            "a stored record cannot be read ({}): {}",
            unreadable.record.key, unreadable.why
        ),
    )
}

pub(super) fn contended() -> CoreError {
    CoreError::new(
        "contended",
        "the storage was changed by others all the time; try again",
    )
}
