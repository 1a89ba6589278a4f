//! What a courier records: intents made durable, pictures staged, half-filled stops kept; and what
//! a person may do to an operation that waits or is parked.

use super::blobs::Blobs;
use super::clock::Ids;
use super::driver::{Another, Driver, STALE_MAX, contended, signed_out, unreadable};
use super::error::{CoreError, CoreFault};
use super::host::Host;
use super::keeping::forget_blob;
use super::records;
use super::step::{Decided, Halt, View, decided};
use super::store::{Commit, Committed, Durability, Record, Table};
use crate::domain::address::Position;
use crate::domain::ids::{AccountId, BlobHandle, LaneId, OperationId, StopId};
use crate::domain::json::{FromJson, ToJson, to_text};
use crate::domain::operation::{Intent, Operation, Recorded};
use crate::domain::proof::{BlobMeta, check_picture};
use crate::domain::text::{cut, find};
use crate::engine::admit::{Admitted, Admitting, admit, lane_of};
use crate::engine::amend::{Amending, amend};
use crate::engine::change::{Change, Counters, Draft, EntityKey, Seen, StopRecord};
use crate::engine::lane::Lane;
use crate::engine::person;
use crate::profile::document::Profile;
use serde_json::{Map, Value};

const DRAFT_BYTES_MAX: usize = 64 * 1024;
const ORPHAN_AGE_MS: i64 = 24 * 3_600_000;

/// The operation is on the disk.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct Receipt {
    pub operation: OperationId,
    /// its place in the order of recording
    pub seq: u64,
    /// the store's change number with it
    pub revision: u64,
    /// the same thing was recorded before (the same parcel, the same bytes): nothing was added
    pub duplicate: bool,
}

/// All that a recording reads and writes.
const TABLES: [Table; 5] = [
    Table::Meta,
    Table::Operations,
    Table::Lanes,
    Table::Stops,
    Table::Session,
];

/// What one look at the store came to.
enum Said {
    New(Box<Operation>),
    /// the same was recorded under this `seq`, as the one before if its id is known
    Duplicate(u64, Option<OperationId>),
    Refused(CoreError),
    /// the lane's summary of this revision cannot be read
    Heal(Option<u64>),
    /// the stop's record cannot be read
    SetAside(StopId),
    Again,
}

/// The record of an answer, if there is one.
fn one_of<T: FromJson + Clone + 'static>(found: &[Record]) -> Result<Option<Seen<T>>, Said> {
    let opened = found.first().map(records::open).transpose();
    opened.map_err(|u| Said::Refused(unreadable(u)))
}

impl<H: Host> Driver<H> {
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
        let profile = self.profile();
        let id = OperationId::mint(self.now(), self.host.ids().random());
        let lane = lane_of(&intent, &profile);
        for _ in 0..STALE_MAX {
            let account = self.whose();
            let mut queries = vec![
                records::one(&account, &EntityKey::Counters),
                records::one(&account, &EntityKey::Lane(lane.clone())),
            ];
            queries.extend(match intent.stop() {
                Some(stop) => Some(records::stop(&account, stop)),
                // Whichever lists the parcel.
                None => matches!(intent, Intent::Load { .. })
                    .then(|| records::all(&account, Table::Stops)),
            });
            let blob = intent.blob().map(|b| EntityKey::Blob(b.clone()));
            queries.extend(blob.map(|key| records::one(&account, &key)));
            let queries = self.with_whose(queries);
            // No more than it writes: each table of a transaction costs something.
            let mut tables = TABLES.to_vec();
            tables.extend(intent.blob().map(|_| Table::Blobs));
            tables.extend(intent.outcome().map(|_| Table::Drafts));
            let (found, begun) = self
                .begin_change(&queries, &tables, Durability::Strict)
                .await?;
            let at = (&*profile, &id, &position);
            let (said, commit) = match self.admitted(&account, &intent, at, found) {
                Ok((change, operation)) => {
                    let commit = records::commit(&account, change);
                    (Said::New(operation), Some(commit))
                }
                Err(said) => (said, None),
            };
            let committed = self.conclude(begun, commit).await?;
            let (operation, seq, revision, duplicate) = match (said, committed) {
                (Said::New(operation), Some(Committed::Done(revision))) => {
                    (operation.id, operation.seq, revision, false)
                }
                // A connection that died while committing is tried again, and then meets what it
                // wrote itself.
                (Said::New(operation), _) => {
                    let (lane, seq) = (&operation.lane, operation.seq);
                    if self.operation_at(&account, lane, seq).await? != operation.id {
                        continue;
                    }
                    (operation.id, seq, 0, false)
                }
                // What it follows from did not hold.
                (_, Some(_)) | (Said::Again, _) => continue,
                (Said::Refused(error), _) => return Err(error),
                (Said::Heal(revision), _) => {
                    self.heal(&account, &lane, revision).await?;
                    continue;
                }
                (Said::SetAside(stop), _) => {
                    self.heal_stop(&account, &stop).await?;
                    continue;
                }
                (Said::Duplicate(seq, last), _) => {
                    let operation = match last {
                        Some(last) => last,
                        None => self.operation_at(&account, &lane, seq).await?,
                    };
                    (operation, seq, 0, true)
                }
            };
            return Ok(Receipt {
                operation,
                seq,
                revision,
                duplicate,
            });
        }
        Err(contended())
    }

    /// What an intent comes to by what the store holds now.
    fn admitted(
        &self,
        account: &AccountId,
        intent: &Intent,
        (profile, id, position): (&Profile, &OperationId, &Option<Position>),
        mut found: Vec<Vec<Record>>,
    ) -> Result<(Change, Box<Operation>), Said> {
        let session = found.pop().unwrap_or_default();
        let current = found.pop().unwrap_or_default();
        let session = match self.who(account, &current, &session) {
            Ok(Some(session)) => session.value,
            Ok(None) => return Err(Said::Refused(signed_out())),
            Err(Another) => return Err(Said::Again),
        };
        let blob = match intent.blob().and_then(|_| found.pop()) {
            Some(blob) => one_of::<BlobMeta>(&blob)?,
            None => None,
        };
        let stop = match intent {
            Intent::Load { code } => {
                let stops = found.pop().unwrap_or_default();
                listing(&stops, code)
            }
            _ => match intent.stop().zip(intent.stop().and_then(|_| found.pop())) {
                Some((id, stop)) => one_of(&stop).map_err(|_| Said::SetAside(id.clone()))?,
                None => None,
            },
        };
        let lane = found[1].first();
        let lane_seen = lane.map(|record| record.revision);
        let lane = match lane.map(records::open::<Lane>) {
            None => None,
            Some(Ok(lane)) => Some(lane.value),
            // A lane's summary can be made again from its operations.
            Some(Err(_)) => return Err(Said::Heal(lane_seen)),
        };
        let counters = first_counters(&found[0]).map_err(Said::Refused)?;
        let last = counters.value.last.clone();
        let admitting = Admitting {
            account: account.clone(),
            id: id.clone(),
            intent: intent.clone(),
            recorded: Recorded {
                at: self.now(),
                offset_ms: session.offset_ms,
                position: position.clone(),
            },
            counters,
            lane,
            lane_seen,
            stop,
            blob,
            supersedes: None,
        };
        match admit(admitting, profile) {
            Ok(Admitted::Duplicate(seq)) => {
                let last = last.filter(|last| last.seq == seq);
                Err(Said::Duplicate(seq, last.map(|last| last.operation)))
            }
            Ok(Admitted::New { change, operation }) => Ok((change, operation)),
            Err(refusal) => Err(Said::Refused(refusal.into())),
        }
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

    /// Sets a stop's record aside where it cannot be read.
    pub(super) async fn heal_stop(
        &self,
        account: &AccountId,
        id: &StopId,
    ) -> Result<(), CoreError> {
        let found = self.list(records::stop(account, id)).await?;
        let mut aside = vec![];
        records::read_all::<StopRecord>(&found, &mut aside);
        self.set_aside(account, Table::Stops, aside).await
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

    /// A picture's media type and bytes; of another account's, by its reference.
    pub async fn blob(
        &self,
        handle: &BlobHandle,
        of: Option<&str>,
    ) -> Result<Option<(String, <H::Blobs as Blobs>::Bytes)>, CoreError> {
        let account = self.look(|view| self.referred_in(view, of)).await?;
        Ok(self.host.blobs().bytes(&account, handle).await?)
    }

    pub fn draft_in(&self, view: &View, stop: &StopId) -> Result<Option<Box<Draft>>, Halt> {
        let account = self.account_in(view)?;
        let draft = view.one(&account, &EntityKey::Draft(stop.clone()));
        view.read()?;
        Ok(records::value(draft))
    }

    /// Keeps a half-filled stop, and the pictures it names alive.
    ///
    /// # Errors
    /// `draft_too_large`, the store's failures.
    pub fn save_draft_in(
        &self,
        view: &View,
        stop: &StopId,
        blobs: &[BlobHandle],
        fields: &Map<String, Value>,
    ) -> Decided {
        let account = self.account_in(view)?;
        let size = to_text(fields).len();
        if size > DRAFT_BYTES_MAX {
            return Err(CoreFault::new(
                "draft_too_large",
                format!("the draft has {size} bytes; at most {DRAFT_BYTES_MAX} are kept"),
            )
            .into());
        }
        let mut change = Change::strict();
        if blobs.is_empty() && fields.is_empty() {
            change.delete(EntityKey::Draft(stop.clone()));
        } else {
            change.put_blind(&Draft {
                account: account.clone(),
                stop: stop.clone(),
                blobs: blobs.to_vec(),
                fields: fields.clone(),
                saved_at: self.now(),
            });
        }
        decided(&account, change)
    }

    /// Removes staged pictures that nothing names any more.
    pub fn sweep_in(&self, view: &View, swept: &mut u32) -> Decided {
        let account = self.account_in(view)?;
        let blobs = view.all(&account, Table::Blobs);
        let drafts = view.all(&account, Table::Drafts);
        view.read()?;
        let drafts = records::readable::<Draft>(drafts);
        let mut change = Change::default();
        *swept = 0;
        for blob in records::readable::<BlobMeta>(blobs) {
            let handle = &blob.value.handle;
            let named = drafts.iter().any(|d| d.value.blobs.contains(handle));
            let young = self.now() - blob.value.staged_at < ORPHAN_AGE_MS;
            if blob.value.pinned_by.is_none() && !named && !young {
                forget_blob(&mut change, &blob);
                *swept += 1;
            }
        }
        decided(&account, change)
    }

    /// # Errors
    /// `operation_unknown`, `operation_in_flight`, `operation_settled`.
    pub fn retry_in(&self, view: &View, id: &OperationId) -> Decided {
        let account = self.account_in(view)?;
        let (op, lane) = waiting(view, &account, id)?;
        decided(&account, person::retry(self.now(), lane, op)?)
    }

    /// # Errors
    /// `operation_unknown`, `operation_in_flight`, `operation_in_doubt`, `reason_missing`.
    pub fn discard_in(&self, view: &View, id: &OperationId, reason: &str) -> Decided {
        let account = self.account_in(view)?;
        let (op, lane) = waiting(view, &account, id)?;
        let next = behind(view, &account, &op.value)?;
        let stop = match op.value.stop() {
            Some(stop) => stop_of(view, &account, stop)?,
            None => None,
        };
        let change = person::discard(self.now(), reason, lane, op, next.as_deref(), stop)?;
        decided(&account, change)
    }

    /// Corrects what was recorded: in its place before its first attempt, else by a new operation
    /// that supersedes it. `changes` are fields of the intent.
    ///
    /// # Errors
    /// What a recording is refused with; `operation_unknown`, `operation_settled`,
    /// `amend_unsupported`, `changes_invalid`.
    pub async fn amend(
        &self,
        id: &OperationId,
        changes: Map<String, Value>,
    ) -> Result<Receipt, CoreError> {
        let new = OperationId::mint(self.now(), self.host.ids().random());
        let mut made = None;
        let revision = self
            .take(&mut |view| {
                let (commit, operation) = self.amend_in(view, id, &changes, &new)?;
                made = Some(operation);
                Ok(Some(commit))
            })
            .await?;
        let made = made.ok_or_else(contended)?;
        Ok(Receipt {
            operation: made.id,
            seq: made.seq,
            revision: revision.unwrap_or(0),
            duplicate: false,
        })
    }

    fn amend_in(
        &self,
        view: &View,
        id: &OperationId,
        changes: &Map<String, Value>,
        new: &OperationId,
    ) -> Result<(Commit, Box<Operation>), Halt> {
        let account = self.account_in(view)?;
        let (op, lane) = waiting(view, &account, id)?;
        let intent = corrected(&op.value.intent, changes)?;
        let next = behind(view, &account, &op.value)?;
        let counters = view.one(&account, &EntityKey::Counters);
        let blob = match intent.blob() {
            Some(blob) => view.one(&account, &EntityKey::Blob(blob.clone())),
            None => &[],
        };
        view.read()?;
        let blob = blob.first().map(records::open).transpose();
        let stop = match intent.stop() {
            Some(stop) => stop_of(view, &account, stop)?,
            None => None,
        };
        let admitting = Admitting {
            account: account.clone(),
            id: new.clone(),
            intent,
            recorded: op.value.recorded.clone(),
            counters: first_counters(counters)?,
            lane: None,
            lane_seen: None,
            stop,
            blob: blob.map_err(unreadable)?,
            supersedes: None,
        };
        let amending = Amending {
            now: self.now(),
            admitting,
            lane,
            op,
            next,
        };
        let (change, operation) = amend(amending, &self.profile())?;
        Ok((records::commit(&account, change), operation))
    }
}

/// An operation that waits, and its lane.
fn waiting(
    view: &View,
    account: &AccountId,
    id: &OperationId,
) -> Result<(Seen<Operation>, Seen<Lane>), Halt> {
    let unknown = || CoreFault::new("operation_unknown", "no waiting operation has this id");
    let found = view.all(account, Table::Operations);
    view.read()?;
    let op = with_id(found, id).ok_or_else(unknown)?;
    let at = &op.value.lane;
    let lane = view.one(account, &EntityKey::Lane(at.clone()));
    view.read()?;
    match lane.first().map(records::open::<Lane>) {
        Some(Ok(lane)) => Ok((op, lane)),
        Some(Err(_)) => {
            view.mend(account, at.clone());
            Err(Halt::Again)
        }
        None => Err(unknown().into()),
    }
}

/// The operation with this id. Of thousands, only those that name it are read.
pub(super) fn with_id(found: &[Record], id: &OperationId) -> Option<Seen<Operation>> {
    for record in found {
        if find(&record.envelope.body, id.as_str()).is_some()
            && let Ok(op) = records::open::<Operation>(record)
            && op.value.id == *id
        {
            return Some(op);
        }
    }
    None
}

/// The stop that lists a parcel.
fn listing(stops: &[Record], code: &str) -> Option<Seen<StopRecord>> {
    // Most of a day's stops do not even have it in their text, between its quotes.
    let written = to_text(&code.trim());
    let written = cut(&written, 1, written.len() - 1);
    for record in stops {
        if find(&record.envelope.body, written).is_some()
            && let Ok(stop) = records::open::<StopRecord>(record)
            && stop.value.mirror.parcel_by_code(code).is_some()
        {
            return Some(stop);
        }
    }
    None
}

/// The operation that comes after one in its lane.
fn behind(
    view: &View,
    account: &AccountId,
    op: &Operation,
) -> Result<Option<Box<Operation>>, Halt> {
    let behind = view.ask(records::lane_from(account, &op.lane, op.seq + 1, Some(1)));
    view.read()?;
    let next = behind.first().map(records::open::<Operation>);
    Ok(next.transpose().map_err(unreadable)?.map(|o| o.value))
}

/// A stop, if there is one that can be read; one that cannot is set aside, and fetching the route
/// brings it anew.
fn stop_of(
    view: &View,
    account: &AccountId,
    id: &StopId,
) -> Result<Option<Seen<StopRecord>>, Halt> {
    let mut aside = vec![];
    let stop = view.ask(records::stop(account, id));
    view.read()?;
    let stop = records::read_all(stop, &mut aside).pop();
    view.set_aside(account, Table::Stops, aside);
    Ok(stop)
}

fn first_counters(found: &[Record]) -> Result<Seen<Counters>, CoreError> {
    let none = Counters {
        next_seq: 1,
        last: None,
    };
    records::first_or(found, none).map_err(unreadable)
}

/// The intent with these fields changed.
fn corrected(intent: &Intent, changes: &Map<String, Value>) -> Result<Intent, CoreError> {
    let wrong = |why: String| CoreFault::new("changes_invalid", why);
    let Value::Object(mut fields) = intent.to_json() else {
        return Err(wrong("there is nothing to change".to_owned()));
    };
    for (name, value) in changes {
        if !intent.correctable().contains(&name.as_str()) {
            return Err(wrong(format!("{name} of this cannot be corrected")));
        }
        fields.insert(name.clone(), value.clone());
    }
    Intent::from_json(Value::Object(fields)).map_err(|e| wrong(e.to_string()))
}
