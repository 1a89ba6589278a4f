//! From an export to the store: the very operations, under their ids, in their lanes and order, with
//! the attempts that the phone made. What the export does not need to say (whose account, how many
//! attempts, each lane's summary) is made again.

use crate::Wrong;
use crate::archive::Archive;
use crate::store::SqliteStore;
use pannier::domain::ids::{AccountId, BlobHandle};
use pannier::domain::json::{FromJson, ToJson};
use pannier::domain::operation::{Attempt, Operation, OperationState};
use pannier::domain::proof::BlobMeta;
use pannier::engine::change::{Change, Counters, StopRecord, TakenOut};
use pannier::engine::lane::Lane;
use pannier::ports::blobs::Blobs;
use pannier::ports::records::{commit, open, seal};
use pannier::ports::store::{Committed, Key, Query, Store, Table};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What came out of the export into the store.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// operations that wait to be sent
    pub unsettled: usize,
    /// what a person had set aside on the phone: kept, not sent
    pub set_aside: usize,
    pub photos: usize,
    /// photos without their bytes, or with others than were recorded
    pub damaged: usize,
    /// the store had this export already
    pub before: bool,
}

fn wrong(what: &str, why: impl std::fmt::Display) -> Wrong {
    Wrong::new(
        "export_unreadable",
        format!("{what} of the export cannot be read: {why}"),
    )
}

/// A list of the index, one not there being empty.
pub fn list<'a>(index: &'a Value, name: &str) -> &'a [Value] {
    index[name].as_array().map_or(&[], Vec::as_slice)
}

/// Which export a store holds.
fn marker() -> Key {
    Key::new("").text("export")
}

/// Loads the export unless the store has it already.
///
/// # Errors
/// `store_used` when it holds another one; `export_unreadable`; the store's failures.
pub async fn load(
    store: &SqliteStore,
    account: &AccountId,
    archive: &mut Archive,
) -> Result<Loaded, Wrong> {
    let mut out = Loaded::default();
    let known = store
        .read(&[Query::One(Table::Meta, marker())])
        .await?
        .concat();
    if let Some(known) = known.first() {
        let known = open::<String>(known).map(|seen| seen.value);
        if known.is_ok_and(|print| *print == archive.print) {
            out.before = true;
            return Ok(out);
        }
        let text = "this store holds another export; name a new file with --store";
        return Err(Wrong::new("store_used", text));
    }
    let index = archive.index.clone();
    let mut change = Change::strict();
    let mut lanes: BTreeMap<String, Lane> = BTreeMap::new();
    let mut pins: BTreeMap<BlobHandle, u64> = BTreeMap::new();
    let mut operations = vec![];
    let exported_at = index["exportedAt"].as_i64().unwrap_or_default();
    for told in list(&index, "operations") {
        operations.push(operation(account, told, exported_at, &mut change)?);
    }
    operations.sort_by_key(|op| op.seq);
    let mut next_seq = 1;
    for op in &operations {
        next_seq = next_seq.max(op.seq + 1);
        pins.extend(op.blob.iter().map(|blob| (blob.handle.clone(), op.seq)));
        change.put_blind(op);
        if op.is_settled() {
            out.set_aside += 1;
            continue;
        }
        out.unsettled += 1;
        let lane = lanes.entry(op.lane.0.clone());
        lane.and_modify(|lane| lane.append(op))
            .or_insert_with(|| Lane::begin(op));
    }
    for lane in lanes.values() {
        change.put_blind(lane);
    }
    for told in list(&index, "stops") {
        let stop = StopRecord::from_json(told.clone()).map_err(|why| wrong("a stop", why))?;
        change.put_blind(&stop);
    }
    change.put_blind(&Counters {
        next_seq,
        last: None,
    });
    // The phone may live and have sent some of it since: the backend is asked before anything goes out.
    change.put_blind(&TakenOut {
        at: exported_at,
        before: next_seq,
    });
    for told in list(&index, "blobs") {
        out.photos += 1;
        let mut meta = BlobMeta::from_json(told.clone()).map_err(|why| wrong("a photo", why))?;
        meta.pinned_by = pins.get(&meta.handle).copied();
        let bytes = archive.picture(told["path"].as_str().unwrap_or_default());
        let mut whole = false;
        if let Some(bytes) = bytes {
            let staged = store.stage(
                account,
                meta.handle.clone(),
                &meta.media_type,
                bytes,
                meta.staged_at,
            );
            whole = staged.await?.sha256 == meta.sha256;
        }
        out.damaged += usize::from(!whole);
        // As it was recorded: what is not those bytes is not sent.
        change.put_blind(&meta);
    }
    let mut commit = commit(account, change);
    commit.expect.push((Table::Meta, marker(), None));
    commit
        .puts
        .push((Table::Meta, marker(), seal("export", &archive.print)));
    match store.commit(commit).await? {
        Committed::Done(_) => Ok(out),
        _ => Err(Wrong::new(
            "store_used",
            "another program wrote to this store meanwhile",
        )),
    }
}

fn operation(
    account: &AccountId,
    told: &Value,
    exported_at: i64,
    change: &mut Change,
) -> Result<Operation, Wrong> {
    let name = told["id"].as_str().unwrap_or("without an id").to_owned();
    let what = format!("operation {name}");
    let mut body = told.clone();
    body["account"] = account.to_json();
    body["attemptCount"] = json!(0);
    body["attempts"] = json!([]);
    let mut op = Operation::from_json(body).map_err(|why| wrong(&what, why))?;
    for attempt in list(told, "attempts") {
        let attempt = Attempt::from_json(attempt.clone()).map_err(|why| wrong(&what, why))?;
        if let Some(page) = op.push_attempt(attempt) {
            change.put_blind(&page);
        }
    }
    // A person's word on the phone is no word on the desk.
    op.released = false;
    if matches!(op.state, OperationState::InFlight { .. }) {
        // Whoever sent it is not here: a drain of the phone's that is gone, or the operating system,
        // which may have a whole lane of them. The desk learns no answer, so it is in doubt.
        op.state = OperationState::InDoubt {
            due_at: 0,
            floor_at: 0,
        };
        if let Some(last) = op.attempts.last_mut() {
            last.ended_at = Some(exported_at);
            last.verdict = Some("interrupted".to_owned());
        }
    }
    Ok(op)
}
