//! What must hold when a day is over. The checkers know nothing of the engine: they read what the
//! backend has, what went over the wire, what stands in the store, and the recorder's own list.

use crate::book::{Choice, Told};
use crate::setting::Fault;
use crate::strategy::Strategy;
use crate::watch::{Parking, Violation, opened};
use crate::wire::Asked;
use crate::world::World;
use pannier::domain::ids::OperationId;
use pannier::domain::json::as_whole;
use pannier::domain::operation::{Operation, OperationState, Settlement};
use pannier::ports::store::Table;
use pannier::testing::backend::Effect;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

mod twice;

/// What a day came to, for people.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub operations: usize,
    pub effects: usize,
    pub requests: usize,
    pub crashes: u32,
    pub parked: usize,
    /// effects twice that no core can prevent: the network repeated a request, one outlived
    /// `settleMs`, or a person sent it again
    pub doubled: usize,
    /// records that a late PUT wrote over after something newer had come
    pub late: usize,
    /// operations whose duplicates a person was told of
    pub told: usize,
    pub corrected: usize,
    /// how often a shift was closed, and how often nothing was unsent then
    pub closings: usize,
    pub clear: usize,
}

struct Day<'a> {
    world: &'a World,
    strategy: Strategy,
    ops: BTreeMap<&'a str, &'a Operation>,
    effects: &'a [Effect],
    /// places in `effects`, by operation and kind
    places: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    /// requests, by the operation that they carry
    asked: BTreeMap<&'a str, Vec<&'a Asked>>,
    /// operations that stand in the outbox at the end
    waiting: BTreeSet<String>,
    found: Vec<Violation>,
    tally: Tally,
}

/// How far the two clocks may be apart after they were compared over a slow wire.
const VAGUE_MS_MAX: i64 = 10_000;

/// The longest `settleMs` of a kind in the profiles.
fn settle_ms(kind: &str) -> i64 {
    if matches!(kind, "photo" | "signature") {
        3_000
    } else {
        2_000
    }
}

pub fn check(world: &World) -> (Vec<Violation>, Tally) {
    // What is settled may have been pruned, or wiped at a sign-out; what is not has to be there.
    let ops: Vec<Rc<Operation>> = world.watch.borrow().operations();
    let waiting: BTreeSet<String> = world.store.look(|tables| {
        let rows = tables.rows(Table::Operations);
        rows.filter_map(|record| opened(&record))
            .map(|op| op.id.0)
            .collect()
    });
    let effects = world.backend.look();
    let mut places: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, effect) in effects.iter().enumerate() {
        places
            .entry((&effect.mark, &effect.kind))
            .or_default()
            .push(at);
    }
    let mut asked: BTreeMap<&str, Vec<&Asked>> = BTreeMap::new();
    for one in world.asked.iter().filter(|a| !a.mark.is_empty()) {
        asked.entry(&one.mark).or_default().push(one);
    }
    let mut day = Day {
        world,
        strategy: world.setting.strategy,
        ops: ops.iter().map(|op| (op.id.as_str(), &**op)).collect(),
        effects: &effects,
        places,
        asked,
        waiting,
        found: world.watch.borrow().violations.clone(),
        tally: Tally {
            operations: ops.len(),
            effects: effects.len(),
            requests: world.asked.len(),
            crashes: world.crashed(),
            parked: world.watch.borrow().parkings.len(),
            ..Tally::default()
        },
    };
    day.progress();
    day.nothing_lost();
    day.one_effect();
    day.order();
    day.isolation();
    day.pins();
    day.parking();
    day.pauses();
    day.words();
    day.moments();
    day.told_by_name();
    day.counted();
    day.streamed();
    (day.found, day.tally)
}

impl Day<'_> {
    fn fail(&mut self, promise: &'static str, text: String) {
        self.found.push(Violation::new(promise, text));
    }

    fn count(&self, id: &str, kind: &str) -> usize {
        self.places.get(&(id, kind)).map_or(0, Vec::len)
    }

    fn progress(&mut self) {
        if let Some(text) = self.world.restless.clone() {
            self.fail("progress", text);
        }
    }

    fn nothing_lost(&mut self) {
        let world = self.world;
        let book = world.book.borrow();
        let mut told: BTreeSet<&str> = BTreeSet::new();
        let mut maybe = vec![];
        for line in &book.lines {
            match &line.told {
                Told::Recorded(id, _) => {
                    told.insert(id.as_str());
                    if !self.ops.contains_key(id.as_str()) {
                        let text = format!(
                            "{} at {} was confirmed as {id} and is nowhere",
                            line.kind, line.stop
                        );
                        self.fail("nothing lost", text);
                    }
                }
                Told::Duplicate(id) if !id.0.is_empty() && !self.ops.contains_key(id.as_str()) => {
                    let text = format!(
                        "{} at {} was told to be {id}, which is nowhere",
                        line.kind, line.stop
                    );
                    self.fail("nothing lost", text);
                }
                Told::Nothing | Told::Failed(_) => maybe.push(line),
                Told::Duplicate(_) | Told::Refused(_) => {}
            }
        }
        let ops: Vec<&Operation> = self.ops.values().copied().collect();
        for op in ops {
            if !told.contains(op.id.as_str()) {
                let stop = op.stop().map_or("", |s| s.as_str());
                let at = maybe.iter().position(|line| {
                    line.account == op.account.0
                        && line.kind == op.intent.kind()
                        && (stop.is_empty() || line.stop == stop)
                });
                match at {
                    Some(at) => {
                        maybe.swap_remove(at);
                    }
                    None => self.fail(
                        "nothing lost",
                        format!("{} {} was never recorded", op.intent.kind(), op.id),
                    ),
                }
            }
            self.settled(op);
        }
        let strangers: Vec<&Effect> = self
            .effects
            .iter()
            .filter(|e| !self.ops.contains_key(e.mark.as_str()))
            .collect();
        for effect in strangers {
            let text = format!(
                "{} at {} carries {}, which is nowhere",
                effect.kind, effect.stop, effect.mark
            );
            self.fail("nothing lost", text);
        }
        let aside = world
            .store
            .look(|tables| tables.rows(Table::Quarantine).count());
        if aside > 0 {
            self.fail(
                "nothing lost",
                format!("{aside} records are in the quarantine"),
            );
        }
    }

    /// Only the backend's yes or a person takes something out of the outbox.
    fn settled(&mut self, op: &Operation) {
        match &op.state {
            OperationState::Settled { how, .. } => {
                let wanted = self.strategy.effects(op.intent.kind());
                let Some(missing) = wanted
                    .iter()
                    .find(|kind| self.count(op.id.as_str(), kind) == 0)
                else {
                    return;
                };
                // Where the fields are the identity, another of the same fields stands for it; where
                // the stop's state is, the one that a person set aside because it was there.
                let stop = op.stop().map_or("", |s| s.as_str());
                let stands_in = match self.strategy {
                    Strategy::NaturalKey => true,
                    Strategy::Conditional => self.ops.values().any(|other| {
                        let alike = other.intent.kind() == op.intent.kind();
                        let aside = matches!(other.state, OperationState::Discarded { .. });
                        alike && aside && other.stop() == op.stop()
                    }),
                    _ => false,
                };
                let same = stands_in
                    && *how == Settlement::Already
                    && self
                        .effects
                        .iter()
                        .any(|e| e.kind == **missing && e.stop == stop);
                if !same {
                    let text = format!(
                        "{} {} counts as settled, and the backend has no {missing}",
                        op.intent.kind(),
                        op.id
                    );
                    self.fail("nothing lost", text);
                }
            }
            OperationState::Discarded { .. } => {
                let by = op.superseded_by.as_ref();
                if by.is_some_and(|by| self.ops.contains_key(by.as_str())) {
                    return;
                }
                if !self.world.book.borrow().chose(&op.id, Choice::Discarded) {
                    let text = format!("{} {} was set aside by nobody", op.intent.kind(), op.id);
                    self.fail("nothing lost", text);
                }
            }
            _ if self.waiting.contains(&op.id.0) => {}
            _ => {
                let text = format!("{} {} waits and is nowhere", op.intent.kind(), op.id);
                self.fail("nothing lost", text);
            }
        }
    }

    fn one_effect(&mut self) {
        let twice: Vec<(&str, &str, usize)> = self
            .places
            .iter()
            .filter(|(_, places)| places.len() > 1)
            .map(|((id, kind), places)| (*id, *kind, places.len()))
            .collect();
        for (id, kind, times) in twice {
            if kind == "load" && !self.strategy.is_honoured() {
                // Loading a parcel is the same however often it is said.
                continue;
            }
            if self.may_double(id, kind) {
                self.tally.doubled += 1;
            } else {
                self.fail(
                    "one effect",
                    format!("{kind} of {id} is there {times} times"),
                );
            }
        }
    }

    /// Whether something that no core can prevent explains that an effect is there more than once.
    fn may_double(&self, id: &str, kind: &str) -> bool {
        if self.strategy.is_honoured() {
            return false;
        }
        let Some(asked) = self.asked.get(id) else {
            return false;
        };
        // A copy that the network made went through, whatever the first one met.
        let copied = |one: &&Asked| {
            let copies = one.landed.iter().skip(1);
            copies.filter(|l| l.effects.1 > l.effects.0).count() > 0
        };
        if asked.iter().any(copied) {
            return true;
        }
        if self.strategy == Strategy::None {
            let book = self.world.book.borrow();
            return book
                .choices
                .iter()
                .any(|(i, c)| i.0 == id && *c == Choice::Retried);
        }
        let watch = self.world.watch.borrow();
        asked.iter().any(|one| {
            // When the phone knew that this attempt had come to nothing.
            let doubt = watch.doubts.iter().find(|d| d.id.0 == id && d.at >= one.at);
            let jumped = doubt.is_some_and(|d| {
                let after = asked.iter().find(|a| a.at > d.at);
                after.is_some_and(|a| {
                    a.wall - a.at != one.wall - one.at || d.jumped != self.skew(one)
                })
            });
            let outlived = doubt.is_some_and(|d| {
                let late = |l: &crate::wire::Landed| {
                    l.effects.1 > l.effects.0 && l.at > d.at + settle_ms(kind)
                };
                one.landed.iter().any(late)
            });
            jumped || outlived
        })
    }

    fn skew(&self, one: &Asked) -> i64 {
        one.wall - one.at - pannier::testing::clock::START_MS
    }

    /// Within a lane the effects are there in the order of recording.
    fn order(&mut self) {
        let mut lanes: BTreeMap<(&str, &str), Vec<&Operation>> = BTreeMap::new();
        for op in self.ops.values() {
            let lane = (op.account.0.as_str(), op.lane.as_str());
            lanes.entry(lane).or_default().push(op);
        }
        for ops in lanes.values_mut() {
            ops.sort_by_key(|op| op.seq);
            let mut last: Option<(usize, &Operation)> = None;
            for op in ops {
                if matches!(op.state, OperationState::Discarded { .. }) {
                    continue;
                }
                let firsts = self
                    .strategy
                    .effects(op.intent.kind())
                    .iter()
                    .filter_map(|kind| {
                        self.places
                            .get(&(op.id.as_str(), *kind))
                            .and_then(|p| p.first())
                            .copied()
                    });
                let firsts: Vec<usize> = firsts.collect();
                let (Some(first), Some(end)) = (firsts.iter().min(), firsts.iter().max()) else {
                    continue;
                };
                if let Some((before, earlier)) = last
                    && *first < before
                {
                    self.found.push(Violation::new(
                        "order",
                        format!(
                            "{} {} is there before {} {}",
                            op.intent.kind(),
                            op.id,
                            earlier.intent.kind(),
                            earlier.id
                        ),
                    ));
                }
                last = Some((*end, op));
            }
        }
        let over = self.world.backend.over();
        self.tally.late = over
            .iter()
            .filter(|(at, by)| {
                let stop = &self.effects[*at].stop;
                self.effects[*at + 1..*by].iter().any(|e| e.stop == *stop)
            })
            .count();
    }

    fn isolation(&mut self) {
        for (number, one) in self.world.asked.iter().enumerate() {
            let whose = self
                .ops
                .get(one.mark.as_str())
                .map(|op| op.account.0.as_str());
            let wrong = match (&one.by, whose) {
                (Some(by), Some(whose)) => by != whose || one.account != whose,
                (Some(by), None) => *by != one.account,
                (None, Some(whose)) => one.account != whose,
                (None, None) => false,
            };
            if wrong {
                self.found.push(Violation::new(
                    "account isolation",
                    format!(
                        "request {number} for {} carries the sign-in of {:?} and work of {whose:?}",
                        one.account, one.by
                    ),
                ));
            }
            let settled = self.world.watch.borrow().settled.get(&one.mark).copied();
            if settled.is_some_and(|at| at < one.at) {
                self.found.push(Violation::new(
                    "one effect",
                    format!(
                        "request {number} sends {} again, which was settled",
                        one.mark
                    ),
                ));
            }
        }
    }

    fn pins(&mut self) {
        let missing: Vec<String> = self
            .ops
            .values()
            .filter(|op| !op.is_settled())
            .filter_map(|op| op.blob.as_ref().map(|blob| (op, blob)))
            .filter(|(op, blob)| !self.world.store.has_bytes(&op.account, &blob.handle))
            .map(|(op, _)| format!("{} {} waits without its bytes", op.intent.kind(), op.id))
            .collect();
        missing.into_iter().for_each(|text| self.fail("pins", text));
    }

    /// Whatever was parked needed a person.
    fn parking(&mut self) {
        let parkings = self.world.watch.borrow().parkings.clone();
        for parking in parkings {
            if !self.needs_a_person(&parking) {
                let id = parking.id.as_str();
                let kind = self.ops.get(id).map_or("", |op| op.intent.kind());
                let text = format!("{kind} {id} was parked as {} without need", parking.code);
                self.fail("no needless parking", text);
            }
        }
    }

    fn needs_a_person(&self, parking: &Parking) -> bool {
        let id = parking.id.as_str();
        let Some(op) = self.ops.get(id) else {
            return true;
        };
        let stop = op.stop().map_or("", |s| s.as_str());
        let touched = self.world.touched.iter().any(|s| s == stop);
        if parking.code == "in_doubt" {
            // Of a stop that is another's now the backend says nothing any more.
            return self.strategy == Strategy::None || touched;
        }
        if parking.code == "stop_withdrawn" {
            return touched;
        }
        if !matches!(&*parking.code, "invalid" | "conflict" | "unmatched") {
            return false;
        }
        let asked = self.asked.get(id).map_or(&[][..], Vec::as_slice);
        let on_the_way = asked.iter().any(|one| {
            one.heard.is_some_and(|(at, status)| {
                at <= parking.at && status.is_some_and(|s| (400..500).contains(&s))
            }) && one.landed.iter().any(|l| !l.genuine)
        });
        let book = self.world.book.borrow();
        // What a person did to it, or to what stood before it, has consequences.
        let chosen = book.choices.iter().any(|(i, _)| {
            *i == op.id
                || self
                    .ops
                    .get(i.as_str())
                    .is_some_and(|o| o.lane == op.lane && o.seq < op.seq)
        });
        on_the_way || chosen || touched
    }

    /// What a note says at the backend is what was recorded, or what it was corrected to.
    fn words(&mut self) {
        let book = self.world.book.borrow();
        for effect in self.effects.iter().filter(|e| e.kind == "notes") {
            let words = book.words.get(&OperationId(effect.mark.clone()));
            let said = effect.body["text"].as_str().unwrap_or_default();
            if words.is_some_and(|words| !words.iter().any(|word| word == said)) {
                let text = format!("{} says \"{said}\", which it never should", effect.mark);
                self.found.push(Violation::new("corrections", text));
            }
        }
        self.tally.corrected = book.corrected;
        (self.tally.closings, self.tally.clear) = self.world.closings;
    }

    /// The backend is told by its own clock when something was recorded, however wrong the phone's.
    fn moments(&mut self) {
        let faults = self.world.setting.faults;
        // Asleep or between two settings of its clock a phone cannot know better.
        let vague = [Fault::Clock, Fault::Freeze, Fault::Suspend, Fault::Delay];
        if vague.into_iter().any(|fault| faults.has(fault)) {
            return;
        }
        for effect in self.effects {
            let (Some(at), Some(op)) = (
                as_whole(&effect.body["at"]),
                self.ops.get(effect.mark.as_str()),
            ) else {
                continue;
            };
            // What the phone's clock was wrong by, from the start on.
            let wrong = self.world.wrong_ms;
            let meant = op.recorded.at - wrong + self.world.skew_ms;
            if (at - meant).abs() > VAGUE_MS_MAX {
                let text = format!(
                    "{} of {} is said to be {} ms from when it was",
                    effect.kind,
                    effect.mark,
                    at - meant
                );
                self.found.push(Violation::new("moments", text));
            }
        }
    }

    /// A backend that asked for a pause is left alone.
    fn pauses(&mut self) {
        let asked = &self.world.asked;
        for (number, one) in asked.iter().enumerate() {
            let Some((heard, Some(429))) = one.heard else {
                continue;
            };
            let Some(wait) = one.landed.first().and_then(|l| l.retry_after_ms) else {
                continue;
            };
            // Where the store refused to take it down, nobody can know.
            let on_record = |(id, at): &(String, i64)| *id == one.mark && *at == heard;
            if !self.world.watch.borrow().throttled.iter().any(on_record) {
                continue;
            }
            // The next one alone: by a later one the clock may have jumped away and back. Whatever
            // lane it is of, and whichever context sends it: the pause is on record with the answer.
            // A sign-out forgets it with all else that tells of the account's day.
            let later = asked[number + 1..].iter();
            let mut later = later.take_while(|a| a.account == one.account);
            let next = later.find(|a| a.at > heard && !a.mark.is_empty());
            let next = next.filter(|a| a.wall - a.at == one.wall - one.at);
            if let Some(next) = next.filter(|a| a.at < heard + wait) {
                let text = format!(
                    "{} was sent {} ms after a 429 to {} that asked for {wait}",
                    next.mark,
                    next.at - heard,
                    one.mark
                );
                self.found.push(Violation::new("due times", text));
            }
        }
    }
}
