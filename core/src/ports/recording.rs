//! What a courier records: intents made durable, pictures staged, half-filled stops kept; and what
//! a person may do to an operation that waits or is parked.

use super::blobs::Blobs;
use super::clock::Ids;
use super::driver::{Another, Driver, STALE_MAX, contended, signed_out, unreadable};
use super::error::CoreError;
use super::host::Host;
use super::records;
use super::store::{Committed, Durability, Record, Table};
use crate::domain::address::Position;
use crate::domain::ids::{AccountId, BlobHandle, LaneId, OperationId, StopId};
use crate::domain::json::{FromJson, ToJson, to_text};
use crate::domain::operation::{Intent, Operation, Recorded};
use crate::domain::proof::{BlobMeta, check_picture};
use crate::engine::admit::{Admitted, Admitting, admit, lane_of};
use crate::engine::amend::{Amending, amend};
use crate::engine::change::{Change, Counters, Draft, EntityKey, Seen, StopRecord};
use crate::engine::lane::Lane;
use crate::engine::person;
use crate::profile::document::Profile;
use crate::profile::test::find;
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
const TABLES: [Table; 7] = [
    Table::Meta,
    Table::Operations,
    Table::Lanes,
    Table::Blobs,
    Table::Drafts,
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
    Heal(u64),
    /// the stop's record cannot be read
    SetAside(StopId),
    Again,
}

/// The record of an answer, if there is one.
fn one_of<T: FromJson>(found: &[Record]) -> Result<Option<Seen<T>>, Said> {
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
            let mut said = Said::Again;
            let mut work = |found: Vec<Vec<Record>>| {
                let at = (&*profile, &id, &position);
                let admitted = self.admitted(&account, &intent, at, found);
                let (now, change) = match admitted {
                    Ok((change, operation)) => (
                        Said::New(operation),
                        Some(records::commit(&account, change)),
                    ),
                    Err(now) => (now, None),
                };
                said = now;
                change
            };
            let committed = self
                .decide(&queries, &TABLES, Durability::Strict, &mut work)
                .await?;
            let (operation, seq, revision, duplicate) = match (said, committed) {
                (Said::Refused(error), _) => return Err(error),
                (Said::Heal(revision), _) => {
                    self.heal(&account, &lane, Some(revision)).await?;
                    continue;
                }
                (Said::SetAside(stop), _) => {
                    self.seen_stop(&account, &stop).await?;
                    continue;
                }
                (Said::Duplicate(seq, last), _) => {
                    let operation = match last {
                        Some(last) => last,
                        None => self.operation_at(&account, &lane, seq).await?,
                    };
                    (operation, seq, 0, true)
                }
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
                (Said::Again, _) => continue,
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
        let session = match self.who(account, &mut found) {
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
                let mut stops = found.pop().unwrap_or_default();
                // Most of a day's stops do not even have it in their text, between its quotes.
                let written = to_text(&code.trim());
                let written = &written[1..written.len() - 1];
                stops.retain(|record| find(&record.envelope.body, written).is_some());
                let mut stops = records::read_all::<StopRecord>(&stops, &mut vec![]).into_iter();
                stops.find(|s| s.value.mirror.parcel_by_code(code).is_some())
            }
            _ => match intent.stop().zip(intent.stop().and_then(|_| found.pop())) {
                Some((id, stop)) => one_of(&stop).map_err(|_| Said::SetAside(id.clone()))?,
                None => None,
            },
        };
        let lane = match found[1]
            .first()
            .map(|r| (r.revision, records::open::<Lane>(r)))
        {
            None => Seen {
                value: None,
                revision: None,
            },
            Some((_, Ok(lane))) => Seen {
                value: Some(lane.value),
                revision: lane.revision,
            },
            // A lane's summary can be made again from its operations.
            Some((revision, Err(_))) => return Err(Said::Heal(revision)),
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

    pub(super) async fn seen_stop(
        &self,
        account: &AccountId,
        id: &StopId,
    ) -> Result<Option<Seen<StopRecord>>, CoreError> {
        let found = self.list(records::stop(account, id)).await?;
        self.readable_stop(account, &found).await
    }

    /// A stop, if there is one that can be read; one that cannot is set aside, and fetching the
    /// route brings it anew.
    async fn readable_stop(
        &self,
        account: &AccountId,
        found: &[Record],
    ) -> Result<Option<Seen<StopRecord>>, CoreError> {
        let mut aside = vec![];
        let stop = records::read_all(found, &mut aside).pop();
        self.set_aside(account, Table::Stops, aside).await?;
        Ok(stop)
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
        let account = self.referred(of).await?;
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
        let session = self.account().await?.value;
        let account = &session.account;
        let profile = self.profile();
        let new = OperationId::mint(self.now(), self.host.ids().random());
        for _ in 0..STALE_MAX {
            let (op, lane) = self.find(account, id).await?;
            let intent = corrected(&op.value.intent, &changes)?;
            let behind = records::lane_from(account, &op.value.lane, op.value.seq + 1, Some(1));
            let mut queries = vec![records::one(account, &EntityKey::Counters), behind];
            queries.extend(
                intent
                    .blob()
                    .map(|b| records::one(account, &EntityKey::Blob(b.clone()))),
            );
            let found = self.read(&queries).await?;
            let next = found[1].first().map(records::open::<Operation>);
            let next = next.transpose().map_err(unreadable)?.map(|o| o.value);
            let blob = found.get(2).and_then(|r| r.first()).map(records::open);
            let stop = match intent.stop() {
                Some(stop) => self.seen_stop(account, stop).await?,
                None => None,
            };
            let admitting = Admitting {
                account: account.clone(),
                id: new.clone(),
                intent,
                recorded: op.value.recorded.clone(),
                counters: first_counters(&found[0])?,
                lane: Seen {
                    value: None,
                    revision: None,
                },
                stop,
                blob: blob.transpose().map_err(unreadable)?,
                supersedes: None,
            };
            let amending = Amending {
                now: self.now(),
                admitting,
                lane,
                op,
                next,
            };
            let (change, operation) = amend(amending, &profile)?;
            if let Committed::Done(revision) = self.write(account, change).await? {
                return Ok(Receipt {
                    operation: operation.id,
                    seq: operation.seq,
                    revision,
                    duplicate: false,
                });
            }
        }
        Err(contended())
    }

    async fn find(
        &self,
        account: &AccountId,
        id: &OperationId,
    ) -> Result<(Seen<Operation>, Seen<Lane>), CoreError> {
        let unknown = || CoreError::new("operation_unknown", "no waiting operation has this id");
        let mut found = self.list(records::all(account, Table::Operations)).await?;
        // Of thousands that wait, only those that name it are read.
        found.retain(|record| find(&record.envelope.body, &id.0).is_some());
        let ops = records::read_all::<Operation>(&found, &mut vec![]);
        let op = ops.into_iter().find(|o| o.value.id == *id);
        let op = op.ok_or_else(unknown)?;
        let at = &op.value.lane;
        for _ in 0..STALE_MAX {
            let lane = self.list(records::one(account, &EntityKey::Lane(at.clone())));
            match lane.await?.first().map(records::open::<Lane>) {
                Some(Ok(lane)) => return Ok((op, lane)),
                Some(Err(_)) => self.heal_lane(account, at).await?,
                None => return Err(unknown()),
            }
        }
        Err(contended())
    }
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
    let wrong = |why: String| CoreError::new("changes_invalid", why);
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
