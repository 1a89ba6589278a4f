//! What the backend holds more often than once is told by name, and nothing else is; what can be
//! counted is asked for; what must not be repeated by a browser goes out as a stream.

use super::{Day, settle_ms};
use crate::setting::Fault;
use crate::watch::Violation;
use pannier::domain::operation::{Operation, OperationState};
use std::collections::BTreeMap;

impl Day<'_> {
    /// When the effect at this place landed.
    fn landed_at(&self, id: &str, place: usize) -> i64 {
        let asked = self.asked.get(id).map_or(&[][..], Vec::as_slice);
        let mut landed = asked.iter().flat_map(|one| &one.landed);
        let its = landed.find(|l| (l.effects.0..l.effects.1).contains(&place));
        its.map_or(0, |l| l.at)
    }

    pub(super) fn told_by_name(&mut self) {
        let watch = self.world.watch.borrow();
        for (id, times) in &watch.told {
            let held = self.places.iter().filter(|((of, _), _)| of == id);
            let most = held.map(|(_, places)| places.len()).max().unwrap_or(0);
            if most < *times as usize {
                let text = format!("{id} is told to be there {times} times, and is {most} times");
                self.found.push(Violation::new("duplicates", text));
            }
        }
        self.tally.told = watch.told.len();
        let faults = self.world.setting.faults;
        // Moments of another clock are not those of this one, and a sign-out takes what is settled.
        if [Fault::Clock, Fault::Account]
            .into_iter()
            .any(|fault| faults.has(fault))
        {
            return;
        }
        for ((id, kind), places) in self.places.iter().filter(|(_, places)| places.len() > 1) {
            let (Some(op), Some(settled)) = (self.ops.get(id), watch.settled.get(*id)) else {
                continue;
            };
            let counts = self.strategy.counts(op.intent.kind());
            if !counts || !matches!(op.state, OperationState::Settled { .. }) || self.is_touched(op)
            {
                continue;
            }
            let until = settled + settle_ms(kind);
            let in_time = |place: &&usize| self.landed_at(id, **place) <= until;
            let there = places.iter().filter(in_time).count();
            let told = watch.told.get(*id).copied().unwrap_or(1) as usize;
            if told < there {
                let text =
                    format!("{kind} of {id} is there {there} times, and told to be {told} times");
                self.found.push(Violation::new("duplicates", text));
            }
        }
    }

    /// Its stop is another's by now, of which the backend says nothing any more.
    fn is_touched(&self, op: &Operation) -> bool {
        let stop = op.stop().map_or("", |s| s.as_str());
        self.world.touched.iter().any(|touched| touched == stop)
    }

    /// Between the last sending of what can be counted and the first of what follows it, the
    /// backend was asked for what it holds of that stop.
    pub(super) fn counted(&mut self) {
        let watch = self.world.watch.borrow();
        let mut lanes: BTreeMap<(&str, &str), Vec<&Operation>> = BTreeMap::new();
        for op in self.ops.values() {
            let lane = (op.account.0.as_str(), op.lane.as_str());
            lanes.entry(lane).or_default().push(op);
        }
        for ops in lanes.values_mut() {
            ops.sort_by_key(|op| op.seq);
            for pair in ops.windows(2) {
                let (op, next) = (pair[0], pair[1]);
                let parked = watch.parkings.iter().any(|p| p.id == op.id);
                let settled = matches!(op.state, OperationState::Settled { .. });
                if parked || !settled || !self.strategy.counts(op.intent.kind()) {
                    continue;
                }
                let sent = |op: &Operation| self.asked.get(op.id.as_str()).cloned();
                let (Some(sent), Some(follows)) = (sent(op), sent(next)) else {
                    continue;
                };
                let from = sent.iter().map(|one| one.at).max().unwrap_or(0);
                let to = follows.iter().map(|one| one.at).min().unwrap_or(0);
                let stop = op.stop().map_or("", |s| s.as_str());
                let asks = self
                    .world
                    .asked
                    .iter()
                    .any(|one| (from..=to).contains(&one.at) && one.path.contains(stop));
                if !asks {
                    let text = format!("{} {} was followed uncounted", op.intent.kind(), op.id);
                    self.found.push(Violation::new("duplicates", text));
                }
            }
        }
    }

    /// What no browser may repeat goes out in a form that none can.
    pub(super) fn streamed(&mut self) {
        for (id, asked) in &self.asked {
            let streams = self
                .ops
                .get(id)
                .is_some_and(|op| self.strategy.streams(op.intent.kind()));
            if streams && asked.iter().any(|one| !one.streamed) {
                let text = format!("{id} went out as a body that a browser can send again");
                self.found.push(Violation::new("streamed bodies", text));
            }
        }
    }
}
