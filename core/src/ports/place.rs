//! What a turn of a lane reads and writes, and what it makes of what was read, without waiting for
//! anything: so that it can be done in the middle of a transaction.

use super::records;
use super::store::{Query, Record, Table};
use crate::domain::ids::{AccountId, LaneId, StopId};
use crate::domain::operation::Operation;
use crate::engine::attempt::LanePart;
use crate::engine::change::{EntityKey, Seen, TakenOut};
use crate::engine::lane::Lane;

/// All that a turn reads and writes.
pub(super) const TABLES: [Table; 5] = [
    Table::Meta,
    Table::Operations,
    Table::Lanes,
    Table::Stops,
    Table::Settled,
];

/// Where the drain's lease stands in what the queries of a place find.
pub(super) const LEASE: usize = 4;

/// Why a lane cannot be stepped yet.
pub(super) enum Unready {
    /// its head is of another stop than was thought
    Stop(StopId),
    /// something there cannot be read
    Spoilt,
}

/// A lane with the stop it is thought to be of: nearly every lane is a stop's own.
pub(super) struct Place {
    pub lane: LaneId,
    pub stop: StopId,
}

impl Place {
    pub fn of(lane: &LaneId) -> Self {
        Self {
            lane: lane.clone(),
            stop: StopId(lane.0.strip_prefix("stop/").unwrap_or(&lane.0).to_owned()),
        }
    }

    pub fn queries(&self, account: &AccountId) -> [Query; 5] {
        [
            records::one(account, &EntityKey::Lane(self.lane.clone())),
            records::lane_from(account, &self.lane, 0, Some(2)),
            records::one(account, &EntityKey::TakenOut),
            records::stop(account, &self.stop),
            // Read with the rest, the fence costs the commit no round trip of its own.
            records::one(account, &EntityKey::Lease),
        ]
    }

    /// What these queries found; `None`: the lane has no work.
    pub fn part(&self, found: &[Vec<Record>]) -> Result<Option<LanePart>, Unready> {
        let Some(lane) = found[0].first() else {
            return Ok(None);
        };
        let lane = records::open::<Lane>(lane).map_err(|_| Unready::Spoilt)?;
        let mut aside = vec![];
        let mut ops = records::read_all::<Operation>(&found[1], &mut aside).into_iter();
        let (head, next) = (ops.next(), ops.next());
        let head = head.filter(|head| aside.is_empty() && head.value.seq == lane.value.head.seq);
        let head = head.ok_or(Unready::Spoilt)?;
        let stop = match (head.value.stop(), found[3].first()) {
            (Some(of), _) if *of != self.stop => return Err(Unready::Stop(of.clone())),
            (Some(_), Some(stop)) => Some(records::open(stop).map_err(|_| Unready::Spoilt)?),
            _ => None,
        };
        // One that cannot be read says at least that there was one.
        let taken_out = records::first_or(&found[2], TakenOut::default());
        let taken_out = taken_out.unwrap_or_else(|unreadable| Seen {
            value: Box::new(TakenOut {
                at: 0,
                before: u64::MAX,
            }),
            revision: Some(unreadable.record.revision),
        });
        Ok(Some(LanePart {
            lane,
            head,
            next,
            stop,
            taken_out,
        }))
    }
}
