//! Between the engine's entities and the store's enveloped records: keys, versions, reading back.
//!
//! A record that cannot be read is never dropped: it comes back as [`Unreadable`] and the driver
//! sets it aside raw.

use super::store::{Commit, Durability, Envelope, Key, Query, Record, Table};
use crate::domain::ids::{AccountId, LaneId, StopId};
use crate::domain::json::{self, FromJson, Slot, ToJson, Wrong};
use crate::engine::change::{Change, EntityKey, Seen};
use crate::known::{keep, known};
use crate::sabotage::{Sabotage, is};

/// The version under which each type is stored today. Raised together with a migration.
const VERSION: u16 = 1;

/// Every key begins with whose it is.
fn under(account: &AccountId) -> Key {
    if is(Sabotage::ForgetAccount) {
        return Key::new("anybody");
    }
    Key::new(&account.0)
}

fn place(account: &AccountId, key: &EntityKey) -> (Table, Key) {
    let base = under(account);
    let when = |at: i64| u64::try_from(at).unwrap_or(0);
    match key {
        EntityKey::Counters => (Table::Meta, base.text("counters")),
        EntityKey::Reach => (Table::Meta, base.text("reach")),
        EntityKey::Lease => (Table::Meta, base.text("lease")),
        EntityKey::Route => (Table::Meta, base.text("route")),
        EntityKey::Pruned => (Table::Meta, base.text("pruned")),
        EntityKey::Push => (Table::Meta, base.text("push")),
        EntityKey::TakenOut => (Table::Meta, base.text("taken_out")),
        EntityKey::Warned => (Table::Meta, base.text("warned")),
        EntityKey::Session => (Table::Session, base.text("session")),
        EntityKey::Lane(lane) => (Table::Lanes, base.text(&lane.0)),
        EntityKey::Operation(lane, seq) => (Table::Operations, base.text(&lane.0).number(*seq)),
        EntityKey::Settled(at, seq) => (Table::Settled, base.number(when(*at)).number(*seq)),
        EntityKey::Stop(stop) => (Table::Stops, base.text(&stop.0)),
        EntityKey::Blob(handle) => (Table::Blobs, base.text(&handle.0)),
        EntityKey::BlobData(handle) => (Table::BlobData, base.text(&handle.0)),
        EntityKey::Draft(stop) => (Table::Drafts, base.text(&stop.0)),
        EntityKey::Notice(at, seq) => {
            let under = base.text("notice");
            (Table::Meta, under.number(when(*at)).number(*seq))
        }
        EntityKey::Wake(at, by) => (Table::Wakes, base.number(when(*at)).number(*by)),
        EntityKey::Attempts(id, page) => {
            let base = base.text("attempts").text(&id.0);
            (Table::Meta, base.number(u64::from(*page)))
        }
    }
}

pub fn seal(name: &str, value: &dyn ToJson) -> Envelope {
    sealed(name, json::to_text(value))
}

fn sealed(name: &str, body: String) -> Envelope {
    Envelope {
        v: VERSION,
        t: name.to_owned(),
        seal: None,
        body,
    }
}

pub fn commit(account: &AccountId, change: Change) -> Commit {
    let mut commit = Commit::new(if change.strict {
        Durability::Strict
    } else {
        Durability::Relaxed
    });
    for (key, revision) in &change.expect {
        let (table, key) = place(account, key);
        commit.expect.push((table, key, *revision));
    }
    commit.generation = change
        .generation
        .filter(|_| !is(Sabotage::DropFence))
        .map(|g| (place(account, &EntityKey::Lease).1, g));
    for put in change.puts {
        let (table, key) = place(account, &put.key);
        commit.puts.push((table, key, sealed(put.kind, put.body)));
    }
    commit.deletes = change
        .deletes
        .iter()
        .map(|key| place(account, key))
        .collect();
    commit
}

pub fn one(account: &AccountId, key: &EntityKey) -> Query {
    let (table, key) = place(account, key);
    Query::One(table, key)
}

pub fn all(account: &AccountId, table: Table) -> Query {
    Query::under(table, under(account))
}

/// What a person has not put away yet, newest first.
pub fn notices(account: &AccountId, limit: u32) -> Query {
    Query::Under {
        table: Table::Meta,
        prefix: Key::new(&account.0).text("notice"),
        limit: Some(limit),
        newest_first: true,
    }
}

pub fn lane_from(account: &AccountId, lane: &LaneId, seq: u64, limit: Option<u32>) -> Query {
    Query::From {
        table: Table::Operations,
        prefix: under(account).text(&lane.0),
        from: seq,
        limit,
    }
}

/// Settled operations from a moment on, oldest first.
pub fn settled_from(account: &AccountId, from: u64, limit: u32) -> Query {
    Query::From {
        table: Table::Settled,
        prefix: Key::new(&account.0),
        from,
        limit: Some(limit),
    }
}

pub fn stop(account: &AccountId, stop: &StopId) -> Query {
    one(account, &EntityKey::Stop(stop.clone()))
}

/// A record this core cannot read.
#[derive(Clone, Debug)]
pub struct Unreadable {
    pub record: Record,
    pub why: String,
}

pub fn open<T: FromJson + Clone + 'static>(record: &Record) -> Result<Seen<T>, Box<Unreadable>> {
    let envelope: &Envelope = &record.envelope;
    let Envelope { v, seal, .. } = envelope;
    let plain = *v == VERSION && seal.is_none();
    let value = match known(&record.envelope).filter(|_| plain) {
        Some(value) => Box::new(value),
        None => {
            let mut value = Box::new(T::blank());
            read(record, &mut *value)?;
            if plain {
                keep(&record.envelope, &*value);
            }
            value
        }
    };
    Ok(Seen {
        value,
        revision: Some(record.revision),
    })
}

/// What of it does not depend on the type.
fn read(record: &Record, place: &mut dyn Slot) -> Result<(), Box<Unreadable>> {
    let aside = |why: Wrong| {
        Box::new(Unreadable {
            record: record.clone(),
            why: why.to_string(),
        })
    };
    read_body(record, place).map_err(aside)
}

fn read_body(record: &Record, place: &mut dyn Slot) -> Result<(), Wrong> {
    let envelope: &Envelope = &record.envelope;
    let Envelope { v, seal, body, .. } = envelope;
    if *v > VERSION {
        return Err(Wrong::new(format!("written by a newer version ({v})")));
    }
    if let Some(seal) = seal {
        return Err(Wrong::new(format!(
            "sealed as {seal}, which this core cannot open"
        )));
    }
    json::read_text(body, place)
}

/// The value of an answer's first record, if it can be read: where what is lost with one that cannot
/// is no loss, or is not asked for here.
pub fn value<T: FromJson + Clone + 'static>(found: &[Record]) -> Option<Box<T>> {
    Some(open(found.first()?).ok()?.value)
}

/// The values of those that can be read.
pub fn values<T: FromJson + Clone + 'static>(found: &[Record]) -> Vec<T> {
    let mut out = Vec::with_capacity(found.len());
    for record in found {
        out.extend(open(record).ok().map(|seen| *seen.value));
    }
    out
}

/// The first record of an answer, or the value a store without it stands for.
pub fn first_or<T: FromJson + Clone + 'static>(
    records: &[Record],
    absent: T,
) -> Result<Seen<T>, Box<Unreadable>> {
    match records.first() {
        Some(record) => open(record),
        None => Ok(Seen {
            value: Box::new(absent),
            revision: None,
        }),
    }
}

/// Those that can be read: where what is lost with the others is no loss, or is not asked for here.
pub fn readable<T: FromJson + Clone + 'static>(records: &[Record]) -> Vec<Seen<T>> {
    read_all(records, &mut vec![])
}

/// Reads what can be read; the rest goes to `aside`.
pub fn read_all<T: FromJson + Clone + 'static>(
    records: &[Record],
    aside: &mut Vec<Unreadable>,
) -> Vec<Seen<T>> {
    let mut out = Vec::with_capacity(records.len());
    for record in records {
        match open(record) {
            Ok(seen) => out.push(seen),
            Err(unreadable) => aside.push(*unreadable),
        }
    }
    out
}
