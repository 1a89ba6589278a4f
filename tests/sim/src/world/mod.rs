//! One day from one seed: couriers, phone, network, backend and office, event by event; first with
//! faults, then without, until the outbox has come to rest.

use crate::book::{Book, Choice, Told};
use crate::chance::Chance;
use crate::courier::{Step, What, day, stops};
use crate::phone::{Core, Mail, Phone, Slot};
use crate::setting::{Fault, Setting};
use crate::trace::Trace;
use crate::watch::{Violation, Watch};
use crate::weather::Disk;
use crate::wire::{
    Asked, Fate, Flight, Landed, Weather, broken, describe, mark, portal, said, status_of,
};
use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::OperationId;
use pannier::domain::json::{FromJson, from_text};
use pannier::engine::listing::OperationStateName;
use pannier::engine::session::{Session, SessionState};
use pannier::ports::drain::WakeReason;
use pannier::ports::handover::ShiftClose;
use pannier::ports::recording::Receipt;
use pannier::ports::store::Table;
use pannier::ports::views::{OutboxFilter, OutboxQuery};
use pannier::ports::{CoreError, Driver};
use pannier::profile::http::{Answer, Exchange, NetFailure};
use pannier::testing::backend::Backend;
use pannier::testing::clock::TestClock;
use pannier::testing::host::TestHost;
use pannier::testing::memory::MemoryStore;
use pannier::testing::net::{Sent, TestNet, json};
use pannier::testing::run::run as run_alone;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

pub const ANNA: &str = "anna";
pub const BERT: &str = "bert";
mod contexts;
mod network;
mod office;
mod person;
mod rest;

const BERT_STOPS: u32 = 4;
/// With nothing in the way, everything has to come to rest within this.
const REST_MS_MAX: i64 = 3 * 3_600_000;
/// How often a person looks through what is parked before it is called needless.
const LOOKS_MAX: u32 = 12;
/// A day takes some hundred requests; who makes so many goes round in a circle.
const REQUESTS_MAX: usize = 5_000;
const MINUTE_MS: i64 = 60_000;
const DAYS: [i64; 3] = [0, -86_400_000, 86_400_000];

enum Event {
    Act,
    Timer(Slot, u64),
    Wake(Slot, WakeReason, Option<u32>),
    Land(usize, usize),
    Hear(usize, Exchange),
    Reopen(Slot),
    Kill(Slot),
    Freeze(Slot, i64),
    Thaw(Slot, u32),
    Suspend(i64),
    Jump(i64),
    Office,
    Expire(bool),
    Upgrade,
    Schema,
    HandOver(&'static str),
    Visit,
    Correct,
    Close,
}

/// What a courier is about.
struct Courier {
    account: &'static str,
    steps: VecDeque<Step>,
    /// calls under way, with the line in the book: the first one decides whether he goes on
    calls: Vec<(usize, Slot, bool)>,
    tries: u32,
}

#[derive(FromJson)]
struct Current {
    account: String,
}

pub struct World {
    pub setting: Setting,
    /// how far the backend's clock is from the world's
    pub skew_ms: i64,
    /// how far the phone's was from it at the start
    pub wrong_ms: i64,
    pub clock: TestClock,
    pub store: MemoryStore,
    pub backend: Backend,
    pub book: Rc<RefCell<Book>>,
    pub watch: Rc<RefCell<Watch>>,
    pub asked: Vec<Asked>,
    /// stops that the office took away or cancelled
    pub touched: Vec<String>,
    pub trace: Trace,
    pub phone: Phone,
    /// something that ought to have come to rest and did not
    pub restless: Option<String>,
    base: TestHost,
    disk: Rc<RefCell<Disk>>,
    weather: Weather,
    inbox: Rc<RefCell<Vec<Sent>>>,
    flights: Vec<Flight>,
    plans: Vec<Fate>,
    events: BTreeMap<(i64, u64), Event>,
    tickets: u64,
    chance: Chance,
    crashes: Chance,
    crash_one_in: u64,
    couriers: [Courier; 2],
    /// who has the phone
    who: usize,
    revision: u32,
    crashed: u32,
    looking: bool,
    signing: bool,
    correcting: bool,
    closing: bool,
    /// how shifts were closed, and how many said that nothing was unsent
    pub closings: (usize, usize),
    /// somebody waits until the other has finished what he is at
    waits_for_phone: bool,
}

fn servers() -> Dictionary<String, String> {
    [("api".to_owned(), "http://backend".to_owned())]
        .into_iter()
        .collect()
}

fn credentials(account: &str) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("username".into(), json!(account));
    out.insert("password".into(), json!("packet123"));
    out
}

impl World {
    pub fn new(setting: &Setting, keep_trace: bool) -> Self {
        let seed = setting.seed;
        let (faults, until) = (setting.faults, setting.until_ms);
        let clock = TestClock::default();
        let backend = Backend::with_stops(ANNA, stops("d", setting.stops));
        stops("b", BERT_STOPS)
            .iter()
            .for_each(|stop| backend.assign(stop, BERT));
        backend.honours(setting.strategy.honours());
        // A phone's clock and a server's are each set by somebody.
        let wrong = Chance::new(seed, "wrong clocks");
        let (phone, server) = (wrong.pick(&DAYS), wrong.pick(&DAYS));
        let is_wrong = faults.has(Fault::Wrong);
        if is_wrong {
            clock.jump(phone);
        }
        let skew_ms = if is_wrong { server } else { 0 };
        backend.by_clock(&clock, skew_ms);
        let twin = backend.clone();
        let net = TestNet::new(&clock, move |request| twin.answer(request));
        let base = TestHost::new(&clock, &net, seed);
        let inbox: Rc<RefCell<Vec<Sent>>> = Rc::default();
        let watch: Rc<RefCell<Watch>> = Rc::default();
        let disk = Rc::new(RefCell::new(Disk::new(seed, faults, until)));
        let chance = Chance::new(seed, "world");
        let crash_one_in = chance.pick(&[400, 1_500, 6_000]);
        let courier = |account, prefix, count| Courier {
            account,
            steps: day(seed, prefix, count),
            calls: vec![],
            tries: 0,
        };
        let mut world = Self {
            setting: *setting,
            skew_ms,
            wrong_ms: clock.jumped_ms(),
            store: base.store.clone(),
            backend,
            book: Rc::default(),
            watch,
            asked: vec![],
            touched: vec![],
            trace: Trace::new(keep_trace),
            phone: Phone::new(seed),
            restless: None,
            disk,
            weather: Weather::new(seed, faults, until),
            inbox,
            flights: vec![],
            plans: vec![],
            events: BTreeMap::new(),
            tickets: 0,
            chance,
            crashes: Chance::new(seed, "crashes"),
            crash_one_in,
            couriers: [
                courier(ANNA, "d", setting.stops),
                courier(BERT, "b", BERT_STOPS),
            ],
            who: 0,
            revision: 1,
            crashed: 0,
            looking: false,
            signing: false,
            correcting: false,
            closing: false,
            closings: (0, 0),
            waits_for_phone: false,
            clock,
            base,
        };
        world.begin();
        world
    }

    /// Signed in, with today's route, before anything goes wrong.
    fn begin(&mut self) {
        let clock = self.clock.clone();
        let context = self.phone.next_context();
        let host = self.base.context(self.chance.next(), context);
        let document = self.setting.strategy.profile(1);
        let opening = Driver::open(host, Some(document), servers(), Dictionary::default());
        let watch = self.watch.clone();
        self.store
            .watch(move |observed| watch.borrow_mut().see(observed));
        let Ok(core) = run_alone(&clock, opening) else {
            self.restless = Some("the core does not open".into());
            return;
        };
        let ready = run_alone(&clock, async {
            core.sign_in(credentials(ANNA)).await?;
            core.refresh_route().await
        });
        if let Err(e) = ready {
            self.restless = Some(format!("the first sign-in failed: {e}"));
        }
        let place = self.phone.place(Slot::Page);
        place.core = Some(Rc::new(core));
        place.context = context;
        let disk = self.disk.clone();
        self.store
            .meets(move |context, commit| disk.borrow().meets(context, commit));
        let inbox = self.inbox.clone();
        self.base
            .net
            .by_wire(move |sent| inbox.borrow_mut().push(sent));
        self.plan_the_day();
    }

    fn plan_the_day(&mut self) {
        let chance = Chance::new(self.setting.seed, "plan");
        let (from, until) = (self.now(), self.setting.until_ms);
        self.at(from + 10, Event::Act);
        self.at(from + 5, Event::Reopen(Slot::Tab));
        self.at(from + MINUTE_MS, Event::Visit);
        let mut time = from;
        while time < until {
            time += chance.between(20_000, 240_000);
            let slot = chance.pick(&[Slot::Worker, Slot::Worker, Slot::Page, Slot::Tab]);
            let (reason, budget) = match slot {
                Slot::Worker => chance.pick(&[
                    (WakeReason::Push, Some(8_000)),
                    (WakeReason::Sync, Some(60_000)),
                    (WakeReason::Message, Some(20_000)),
                ]),
                _ => chance.pick(&[
                    (WakeReason::Visible, None),
                    (WakeReason::Online, None),
                    (WakeReason::Manual, None),
                ]),
            };
            self.at(time, Event::Wake(slot, reason, budget));
        }
        let chance = Chance::new(self.setting.seed, "second thoughts");
        for _ in 0..chance.between(0, 5) {
            self.at(chance.between(from, until.max(from)), Event::Correct);
        }
        for _ in 0..chance.between(0, 2) {
            self.at(chance.between(from, until.max(from)), Event::Close);
        }
        for fault in Fault::ALL {
            let chance = Chance::new(self.setting.seed, fault.name());
            let moments = match fault {
                Fault::Profile | Fault::Schema | Fault::Account => 1,
                Fault::Suspend | Fault::Auth => chance.between(1, 3),
                Fault::Crash | Fault::Freeze | Fault::Clock | Fault::Office => chance.between(1, 8),
                _ => 0,
            };
            for _ in 0..moments {
                let moment = chance.between(from, until.max(from));
                let slot = chance.pick(&Slot::ALL);
                let long = chance.between(1_000, 600_000);
                let jump = chance.pick(&[
                    60_000,
                    -60_000,
                    3_600_000,
                    -3_600_000,
                    86_400_000,
                    -86_400_000,
                    20_000,
                    -5_000,
                ]);
                let even = chance.in_thousand(400);
                if !self.setting.faults.has(*fault) {
                    continue;
                }
                let event = match fault {
                    Fault::Crash => Event::Kill(slot),
                    Fault::Freeze => Event::Freeze(slot, long),
                    Fault::Suspend => Event::Suspend(long * 2),
                    Fault::Clock => Event::Jump(jump),
                    Fault::Office => Event::Office,
                    Fault::Auth => Event::Expire(even),
                    Fault::Profile => Event::Upgrade,
                    Fault::Schema => Event::Schema,
                    _ => Event::HandOver(BERT),
                };
                self.at(moment, event);
                if *fault == Fault::Account {
                    // By the end of the faults the phone is back.
                    let back = (moment + long + MINUTE_MS).min(until - 1);
                    self.at(back.max(moment), Event::HandOver(ANNA));
                }
            }
        }
    }

    pub fn now(&self) -> i64 {
        self.clock.elapsed_ms()
    }

    fn wall(&self) -> i64 {
        use pannier::ports::clock::Clock;
        self.clock.now_ms()
    }

    fn faulty(&self) -> bool {
        self.now() < self.setting.until_ms
    }

    fn at(&mut self, when: i64, event: Event) {
        self.tickets += 1;
        self.events
            .insert((when.max(self.now()), self.tickets), event);
    }

    fn later(&mut self, ms: i64, event: Event) {
        self.at(self.now() + ms, event);
    }

    /// The whole day.
    pub fn live(&mut self) {
        // Faulty hours, and as long as it takes the courier to get through his day.
        let bound = self.setting.until_ms + REST_MS_MAX;
        while self.now() < self.setting.until_ms
            || self.waits_for_phone
            || !self.couriers[self.who].steps.is_empty()
        {
            if self.now() > bound {
                self.restless = Some("the couriers could not record their day".into());
                return;
            }
            if !self.step() {
                break;
            }
        }
        self.rest();
    }

    /// One turn of a future, or else on to the next event. False: nothing will ever happen again.
    fn step(&mut self) -> bool {
        if self.asked.len() > REQUESTS_MAX {
            self.restless = Some("the backend is asked without end".into());
            return false;
        }
        if let Some((slot, mail)) = self.phone.turn() {
            let sent = std::mem::take(&mut *self.inbox.borrow_mut());
            sent.into_iter().for_each(|sent| self.sent(sent));
            if let Some(mail) = mail {
                self.mail(slot, mail);
            }
            let drawn = self.crashes.next().is_multiple_of(self.crash_one_in);
            if drawn && self.faulty() && self.setting.faults.has(Fault::Crash) {
                self.kill(slot);
            }
            return true;
        }
        let next_event = self.events.keys().next().map(|(at, _)| *at);
        let next_sleeper = self.clock.next_sleeper();
        let Some(next) = next_event.into_iter().chain(next_sleeper).min() else {
            return false;
        };
        self.clock.advance_to(next);
        self.disk.borrow_mut().now = self.now();
        {
            let mut watch = self.watch.borrow_mut();
            watch.now = self.clock.elapsed_ms();
            watch.jumped = self.clock.jumped_ms();
        }
        if next_event == Some(next)
            && let Some((_, event)) = self.events.pop_first()
        {
            self.happen(event);
        }
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act => self.act(),
            Event::Timer(slot, timer) => {
                let place = self.phone.place(slot);
                if place.timer != timer {
                    return;
                }
                if place.frozen {
                    place.missed = true;
                } else {
                    self.wake(slot, WakeReason::Timer, None);
                }
            }
            Event::Wake(slot, reason, budget) => {
                if self.phone.place(slot).core.is_none() && slot == Slot::Worker {
                    self.open(slot);
                } else {
                    self.wake(slot, reason, budget);
                }
            }
            Event::Land(flight, copy) => self.land(flight, copy),
            Event::Hear(flight, exchange) => self.hear(flight, exchange),
            Event::Reopen(slot) => self.open(slot),
            Event::Thaw(slot, context) => {
                if self.phone.place(slot).context == context {
                    self.thaw(slot);
                }
            }
            Event::HandOver(account) => self.hand_over(account),
            Event::Visit => {
                self.visit();
                if self.faulty() || !self.couriers[self.who].steps.is_empty() {
                    self.later(MINUTE_MS * 2, Event::Visit);
                }
            }
            Event::Correct => self.correct(),
            Event::Close => self.close_shift(),
            Event::Kill(slot) => self.kill(slot),
            _ if !self.faulty() => {}
            Event::Freeze(slot, ms) => self.freeze(slot, ms),
            Event::Suspend(ms) => {
                self.say(format_args!("the phone sleeps for {ms} ms"));
                Slot::ALL.into_iter().for_each(|slot| self.freeze(slot, ms));
            }
            Event::Jump(ms) => {
                self.say(format_args!("the wall clock jumps by {ms} ms"));
                self.clock.jump(ms);
            }
            Event::Office => self.office(),
            Event::Expire(refresh_too) => {
                self.say(format_args!("tokens end; renewal refused: {refresh_too}"));
                self.backend.expire_tokens(refresh_too);
            }
            Event::Upgrade => {
                self.revision += 1;
                let revision = self.revision;
                self.say(format_args!("profile revision {revision}"));
                self.kill_gently(Slot::Page);
                self.open(Slot::Page);
            }
            Event::Schema => {
                self.say(format_args!("a newer core has opened the store"));
                let next = self.phone.next_context();
                self.disk.borrow_mut().newer_from = next;
                self.watch.borrow_mut().newer_from = next;
                // What a schema may add without being another: fields that the older core leaves.
                let added = self.store.add_to_bodies("later", "{\"than\":1}");
                self.say(format_args!("{added} records have a field more"));
                // A page that is told so offers to start again; people take their time.
                for slot in Slot::ALL {
                    if self.phone.place(slot).core.is_some() {
                        let after = self.chance.between(1_000, 90_000);
                        self.later(after, Event::Kill(slot));
                    }
                }
            }
        }
    }

    pub fn say(&mut self, what: std::fmt::Arguments<'_>) {
        let now = self.clock.elapsed_ms();
        self.trace.say(now, what);
    }
}
