//! Looks at every commit that holds and knows nothing of who meant what: the fence, the order of
//! numbers, due times and floors, and that nothing leaves the outbox unseen.

use pannier::domain::ids::OperationId;
use pannier::domain::json::{FromJson, from_text};
use pannier::domain::operation::{Operation, OperationState};
use pannier::engine::session::Lease;
use pannier::ports::records;
use pannier::ports::store::{Envelope, Found, Key, Record, Table};
use pannier::testing::memory::Observed;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a checker found: the promise it belongs to, and the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub promise: &'static str,
    pub text: String,
}

impl Violation {
    pub fn new(promise: &'static str, text: String) -> Self {
        Self { promise, text }
    }
}

/// What is kept of an operation between two of its commits.
#[derive(Clone, Debug)]
struct Known {
    attempts: u32,
    ended: bool,
    state: OperationState,
}

/// An attempt whose answer did not come: when that was found, on the world's clock and on the
/// phone's.
#[derive(Clone, Debug)]
pub struct Doubt {
    pub id: OperationId,
    pub at: i64,
    pub jumped: i64,
}

/// An operation was parked: why, and how many requests there had been by then.
#[derive(Clone, Debug)]
pub struct Parking {
    pub id: OperationId,
    pub code: String,
    pub at: i64,
}

#[derive(Default)]
pub struct Watch {
    pub now: i64,
    pub jumped: i64,
    /// contexts with a lower number know only the older schema
    pub newer_from: u32,
    pub violations: Vec<Violation>,
    known: BTreeMap<String, Known>,
    /// the lease of each account, and the context that raised its generation
    leases: BTreeMap<Key, (Rc<Lease>, u32)>,
    numbers: BTreeMap<(String, u64), OperationId>,
    pub doubts: Vec<Doubt>,
    pub parkings: Vec<Parking>,
    /// every operation that was ever in the store, as it was last
    last: BTreeMap<String, Rc<Operation>>,
    /// a throttle was taken down
    pub throttled: Vec<(String, i64)>,
    /// when an operation was settled
    pub settled: BTreeMap<String, i64>,
    /// what a person was told of duplicates: of which operation, and how many there are
    pub told: BTreeMap<String, u32>,
}

/// What the watch needs of a notice.
#[derive(FromJson)]
struct Said {
    code: String,
    operation: Option<OperationId>,
    times: Option<u32>,
}

/// The longest that anything may have to wait: what is due later than that is due because a clock
/// was wrong.
const WAIT_MS_MAX: i64 = 3_600_000;

pub fn opened(record: &Record) -> Option<Operation> {
    records::open(record).ok().map(|seen| *seen.value)
}

fn is_hopeful(trigger: &str) -> bool {
    !matches!(trigger, "recorded" | "timer" | "message" | "activate")
}

fn name(state: &OperationState) -> &'static str {
    match state {
        OperationState::Waiting { .. } => "waiting",
        OperationState::InFlight { .. } => "in_flight",
        OperationState::InDoubt { .. } => "in_doubt",
        OperationState::Parked { .. } => "parked",
        OperationState::Settled { .. } => "settled",
        OperationState::Discarded { .. } => "discarded",
    }
}

impl Watch {
    /// Settled or set aside: nobody has to send it any more.
    pub fn is_over(&self, id: &OperationId) -> bool {
        let known = self.known.get(id.as_str()).map(|known| &known.state);
        matches!(
            known,
            Some(OperationState::Settled { .. } | OperationState::Discarded { .. })
        )
    }

    fn fail(&mut self, promise: &'static str, text: String) {
        self.violations.push(Violation::new(promise, text));
    }

    pub fn see(&mut self, observed: &Observed<'_>) {
        if observed.context < self.newer_from {
            let text = format!("context {} wrote into a newer schema", observed.context);
            self.fail("newer schema", text);
        }
        for (table, key, envelope) in observed.puts {
            match table {
                Table::Meta if envelope.t == "lease" => self.lease(observed.context, key, envelope),
                Table::Meta if envelope.t == "notice" => self.notice(envelope),
                Table::Operations | Table::Settled => {
                    if let Ok(op) = envelope.read::<Operation>() {
                        if key.text_at(0) != op.account.0 {
                            let text = format!("{} of {} lies under {key}", op.id, op.account);
                            self.fail("account isolation", text);
                        }
                        self.operation(observed, *table, &op);
                        self.last.insert(op.id.0.clone(), op);
                    }
                }
                _ => {}
            }
        }
        for (table, key) in observed.deletes {
            if *table != Table::Operations {
                continue;
            }
            let Some((_, envelope)) = observed.before.get(*table, key) else {
                continue;
            };
            let Ok(op) = envelope.read::<Operation>() else {
                continue;
            };
            let kept = observed.puts.iter().any(|(table, _, e)| match table {
                Table::Settled => e
                    .read::<Operation>()
                    .is_ok_and(|settled| settled.id == op.id),
                Table::Quarantine => e.body == envelope.body,
                _ => false,
            });
            if !kept {
                let text = format!("{} {} left the outbox for nowhere", op.intent.kind(), op.id);
                self.fail("nothing lost", text);
            }
        }
    }

    fn lease(&mut self, context: u32, key: &Key, envelope: &Found) {
        let Ok(lease) = envelope.read::<Lease>() else {
            return;
        };
        let entry = self.leases.entry(key.clone()).or_default();
        let (known, holder) = entry;
        if lease.generation > known.generation {
            *entry = (lease, context);
        } else if lease.generation == known.generation && lease.expires_at < known.expires_at {
            // Of what another lane has on its way nobody would know then.
            let text = format!(
                "context {context} shortened the lease of generation {}, which is context {holder}'s",
                lease.generation
            );
            self.fail("generation fencing", text);
        } else if lease.generation == known.generation {
            *known = lease;
        }
    }

    fn notice(&mut self, envelope: &Envelope) {
        let said = from_text::<Said>(&envelope.body).ok();
        let Some(said) = said.filter(|s| s.code == "duplicate") else {
            return;
        };
        let id = said.operation.map_or_else(String::new, |id| id.0);
        let told = self.told.entry(id).or_default();
        *told = said.times.unwrap_or(0).max(*told);
    }

    /// Every operation that was ever in the store, as it was last.
    pub fn operations(&self) -> Vec<Rc<Operation>> {
        self.last.values().cloned().collect()
    }

    fn operation(&mut self, observed: &Observed<'_>, table: Table, op: &Operation) {
        let last = op.attempts.last();
        let ended = last.is_none_or(|a| a.ended_at.is_some());
        let before = self.known.get(op.id.as_str()).cloned();
        let new = before.is_none();
        if new {
            let number = (op.account.0.clone(), op.seq);
            if let Some(other) = self.numbers.insert(number, op.id.clone())
                && other != op.id
            {
                let text = format!("{} and {} have the same number, {}", other, op.id, op.seq);
                self.fail("order", text);
            }
        }
        let lease_key = Key::new(&op.account.0).text("lease");
        let (lease, holder) = self.leases.get(&lease_key).cloned().unwrap_or_default();
        let generation = lease.generation;
        let before = before.unwrap_or(Known {
            attempts: 0,
            ended: true,
            state: OperationState::Waiting {
                due_at: op.recorded.at,
                floor_at: op.recorded.at,
            },
        });
        let began = op.attempt_count > before.attempts;
        let closed = op.attempt_count == before.attempts && ended && !before.ended;
        let settled = matches!(op.state, OperationState::Settled { .. });
        if (began || closed || settled) && holder != observed.context {
            let text = format!(
                "context {} wrote {} of {} {} while generation {generation} was context {holder}'s",
                observed.context,
                name(&op.state),
                op.intent.kind(),
                op.id,
            );
            self.fail("generation fencing", text);
        }
        if closed && last.is_some_and(|a| a.verdict.as_deref() == Some("throttled")) {
            self.throttled.push((op.id.0.clone(), self.now));
        }
        if began && let Some(attempt) = last {
            self.began(op, &before, attempt.started_at, &attempt.trigger);
        }
        match &op.state {
            OperationState::InDoubt { .. }
                if matches!(before.state, OperationState::InFlight { .. }) =>
            {
                self.doubts.push(Doubt {
                    id: op.id.clone(),
                    at: self.now,
                    jumped: self.jumped,
                });
            }
            OperationState::Settled { .. } => {
                self.settled.entry(op.id.0.clone()).or_insert(self.now);
            }
            OperationState::Parked { reason, .. }
                if !matches!(before.state, OperationState::Parked { .. }) =>
            {
                self.parkings.push(Parking {
                    id: op.id.clone(),
                    code: reason.code.clone(),
                    at: self.now,
                });
            }
            _ => {}
        }
        if table == Table::Settled {
            let from = Key::new(&op.account.0).text(&op.lane.0).number(op.seq);
            if observed.before.get(Table::Operations, &from).is_none()
                && !matches!(
                    before.state,
                    OperationState::Settled { .. } | OperationState::Discarded { .. }
                )
            {
                let text = format!("{} {} settled without being there", op.intent.kind(), op.id);
                self.fail("nothing lost", text);
            }
        }
        self.known.insert(
            op.id.0.clone(),
            Known {
                attempts: op.attempt_count,
                ended,
                state: op.state.clone(),
            },
        );
    }

    fn began(&mut self, op: &Operation, before: &Known, at: i64, trigger: &str) {
        let (OperationState::Waiting { due_at, floor_at }
        | OperationState::InDoubt { due_at, floor_at }) = before.state
        else {
            if matches!(before.state, OperationState::InFlight { .. }) {
                return;
            }
            let text = format!(
                "{} {} was attempted while {}",
                op.intent.kind(),
                op.id,
                name(&before.state)
            );
            return self.fail("due times", text);
        };
        let wanted = if is_hopeful(trigger) {
            floor_at
        } else {
            due_at
        };
        if at < wanted && wanted - at <= WAIT_MS_MAX {
            let text = format!(
                "{} {} was attempted {} ms before it was due ({trigger})",
                op.intent.kind(),
                op.id,
                wanted - at
            );
            self.fail("due times", text);
        }
    }
}
