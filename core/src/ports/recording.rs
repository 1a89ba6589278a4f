//! What a courier records: intents made durable, pictures staged, half-filled stops kept; and what
//! a person may do to an operation that waits or is parked.

use super::blobs::Blobs;
use super::clock::Ids;
use super::driver::{Driver, STALE_MAX, contended, signed_out, unreadable};
use super::error::CoreError;
use super::host::Host;
use super::records;
use super::store::{Committed, Record, Table};
use crate::domain::address::Position;
use crate::domain::ids::{AccountId, BlobHandle, LaneId, OperationId, StopId};
use crate::domain::json::{FromJson, ToJson};
use crate::domain::operation::{Intent, Operation, Recorded};
use crate::domain::proof::{BlobMeta, check_picture};
use crate::engine::admit::{Admitted, Admitting, admit, lane_of};
use crate::engine::amend::{Amending, amend};
use crate::engine::change::{Change, Counters, Draft, EntityKey, Seen, StopRecord};
use crate::engine::lane::Lane;
use crate::engine::person;
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
            let queries = |account: &AccountId| {
                let mut all = vec![
                    records::one(account, &EntityKey::Counters),
                    records::one(account, &EntityKey::Lane(lane.clone())),
                ];
                all.extend(intent.stop().map(|stop| records::stop(account, stop)));
                let blob = intent.blob().map(|b| EntityKey::Blob(b.clone()));
                all.extend(blob.map(|key| records::one(account, &key)));
                all
            };
            let (session, mut found) = self.session_and(&queries).await?.ok_or_else(signed_out)?;
            let session = session.value;
            let account = &session.account;
            let stop = match (&intent, intent.stop()) {
                (_, Some(_)) => {
                    let stop = found.remove(2);
                    self.readable_stop(account, &stop).await?
                }
                (Intent::Load { code }, None) => self.stop_with_code(account, code).await?,
                _ => None,
            };
            let lane_seen = self.lane_or_heal(account, &lane, &found[1]).await?;
            let blob = match found.get(2).and_then(|r| r.first()) {
                Some(record) => Some(records::open::<BlobMeta>(record).map_err(unreadable)?),
                None => None,
            };
            let counters = first_counters(&found[0])?;
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
                lane: lane_seen,
                stop,
                blob,
                supersedes: None,
            };
            match admit(admitting, &profile)? {
                Admitted::Duplicate(seq) => {
                    let operation = match last.filter(|last| last.seq == seq) {
                        Some(last) => last.operation,
                        None => self.operation_at(account, &lane, seq).await?,
                    };
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
