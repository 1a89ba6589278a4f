//! One day from one seed: couriers, phone, network, backend and office, event by event; first with
//! faults, then without, until the outbox has come to rest.

use crate::book::{Book, Choice, Told};
use crate::chance::Chance;
use crate::courier::{Step, day, stops};
use crate::phone::{Core, Mail, Phone, Slot};
use crate::setting::{Fault, Setting};
use crate::trace::Trace;
use crate::watch::Watch;
use crate::weather::Disk;
use crate::wire::{
    Asked, Fate, Flight, Landed, Weather, broken, describe, mark, portal, said, status_of,
};
use pannier::domain::dictionary::Dictionary;
use pannier::engine::listing::OperationStateName;
use pannier::engine::session::SessionState;
use pannier::ports::Driver;
use pannier::ports::drain::WakeReason;
use pannier::ports::store::Table;
use pannier::ports::views::{OutboxFilter, OutboxQuery};
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
const BERT_STOPS: u32 = 4;
/// With nothing in the way, everything has to come to rest within this.
const REST_MS_MAX: i64 = 3 * 3_600_000;
/// How often a person looks through what is parked before it is called needless.
const LOOKS_MAX: u32 = 12;
/// A day takes some hundred requests; who makes so many goes round in a circle.
const REQUESTS_MAX: usize = 5_000;
const MINUTE_MS: i64 = 60_000;

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
}

/// What a courier is about.
struct Courier {
    account: &'static str,
    steps: VecDeque<Step>,
    /// calls under way, with the line in the book: the first one decides whether he goes on
    calls: Vec<(usize, Slot, bool)>,
    tries: u32,
}

pub struct World {
    pub setting: Setting,
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

    // -- contexts ----------------------------------------------------------------------------

    fn open(&mut self, slot: Slot) {
        if self.phone.place(slot).core.is_some() || self.phone.place(slot).opening {
            return;
        }
        let context = self.phone.next_context();
        let seed = self.chance.next();
        let host = self.base.context(seed, context);
        // A worker opens with what is stored; a page brings the newest.
        let document = (slot != Slot::Worker).then(|| self.setting.strategy.profile(self.revision));
        let place = self.phone.place(slot);
        place.opening = true;
        place.context = context;
        self.say(format_args!("{} opens as context {context}", slot.name()));
        self.phone.spawn(slot, async move {
            let servers = if document.is_some() {
                servers()
            } else {
                Dictionary::default()
            };
            Mail::Opened(Driver::open(host, document, servers, Dictionary::default()).await)
        });
    }

    fn kill(&mut self, slot: Slot) {
        let context = self.phone.place(slot).context;
        if context == 0 {
            return;
        }
        let torn = self.setting.faults.has(Fault::Torn) && self.crashes.in_thousand(500);
        if torn {
            self.base.lock.tear(context);
        }
        self.say(format_args!("{} dies, locks kept: {torn}", slot.name()));
        self.kill_gently(slot);
        let after = self.crashes.between(100, 60_000);
        self.later(after, Event::Reopen(slot));
    }

    fn kill_gently(&mut self, slot: Slot) {
        self.crashed += 1;
        self.phone.kill(slot);
        let gone: Vec<(usize, Slot, bool)> = self.couriers[self.who]
            .calls
            .extract_if(.., |(_, of, _)| *of == slot)
            .collect();
        for (line, _, leads) in gone {
            self.say(format_args!("nobody will know of line {line}"));
            if leads {
                // He looks whether it is there before he says a second time what adds up.
                let courier = &mut self.couriers[self.who];
                if courier.steps.front().is_some_and(|s| s.what.adds_up()) {
                    courier.steps.pop_front();
                }
                self.later(4_000, Event::Act);
            }
        }
        if slot == Slot::Page {
            self.looking = false;
            self.signing = false;
        }
    }

    fn freeze(&mut self, slot: Slot, ms: i64) {
        let place = self.phone.place(slot);
        if place.core.is_none() || place.frozen {
            return;
        }
        place.frozen = true;
        let context = place.context;
        self.say(format_args!("{} stands still for {ms} ms", slot.name()));
        self.later(ms, Event::Thaw(slot, context));
    }

    fn thaw(&mut self, slot: Slot) {
        let place = self.phone.place(slot);
        place.frozen = false;
        if std::mem::take(&mut place.missed) {
            self.wake(slot, WakeReason::Visible, None);
        }
        self.say(format_args!("{} goes on", slot.name()));
    }

    fn wake(&mut self, slot: Slot, reason: WakeReason, budget: Option<u32>) {
        let Some(core) = self.phone.core(slot) else {
            return;
        };
        self.say(format_args!("{} wakes: {}", slot.name(), reason.name()));
        self.phone.spawn(slot, async move {
            Mail::Drained(core.drain(reason, budget).await)
        });
    }

    fn mail(&mut self, slot: Slot, mail: Mail) {
        match mail {
            Mail::Opened(Ok(core)) => {
                let place = self.phone.place(slot);
                place.opening = false;
                place.core = Some(Rc::new(core));
                let (reason, budget) = match slot {
                    Slot::Worker => (WakeReason::Push, Some(8_000)),
                    _ => (WakeReason::Opened, None),
                };
                self.wake(slot, reason, budget);
                if let Some(core) = self.phone.core(slot).filter(|_| slot == Slot::Page) {
                    self.phone.spawn(slot, async move {
                        let _ = core.sweep().await;
                        Mail::Nothing
                    });
                }
            }
            Mail::Opened(Err(e)) => {
                self.say(format_args!("{} does not open: {}", slot.name(), e.code));
                self.phone.kill(slot);
                self.later(5_000, Event::Reopen(slot));
            }
            Mail::Drained(result) => self.drained(slot, result),
            Mail::Recorded(line, result) => self.recorded(slot, line, result),
            Mail::Signed(result) => {
                self.signing = false;
                let code = result.as_ref().map_or_else(|e| &*e.code, |()| "ok");
                self.say(format_args!("{} signed: {code}", slot.name()));
                match result {
                    Ok(()) => self.wake(slot, WakeReason::SignedIn, None),
                    Err(_) => self.later(20_000, Event::Visit),
                }
            }
            Mail::Looked => {
                self.looking = false;
                self.wake(slot, WakeReason::Manual, None);
            }
            Mail::Nothing => {}
        }
    }

    fn drained(
        &mut self,
        slot: Slot,
        result: Result<pannier::ports::drain::DrainReport, pannier::ports::CoreError>,
    ) {
        let wall = self.wall();
        let wait = match &result {
            Ok(report) => {
                self.say(format_args!(
                    "{} drained: {:?}, {} attempted, {} settled, {} wait",
                    slot.name(),
                    report.stopped,
                    report.attempted,
                    report.settled,
                    report.waiting
                ));
                // A browser takes no timer of more than 24 days, and sleeps no longer than a day.
                report
                    .next_wake_at
                    .map(|at| (at - wall).clamp(250, 86_400_000))
            }
            Err(e) => {
                self.say(format_args!("{} drain failed: {}", slot.name(), e.code));
                Some(5_000)
            }
        };
        let place = self.phone.place(slot);
        place.timer += 1;
        let timer = place.timer;
        if let Some(wait) = wait.filter(|_| slot != Slot::Worker) {
            self.later(wait, Event::Timer(slot, timer));
        }
    }

    // -- the courier -------------------------------------------------------------------------

    fn act(&mut self) {
        let courier = &self.couriers[self.who];
        if courier.calls.iter().any(|(_, _, leads)| *leads) {
            return;
        }
        let Some(step) = courier.steps.front().cloned() else {
            return;
        };
        let second = courier.steps.get(1).cloned();
        let tab = self.chance.in_thousand(250);
        let twice = self.chance.in_thousand(60);
        let both = self.chance.in_thousand(80);
        let slot = [Slot::Page, Slot::Tab][usize::from(tab)];
        let slot = [slot, Slot::Page, Slot::Tab]
            .into_iter()
            .find(|slot| self.phone.core(*slot).is_some());
        let Some(slot) = slot else {
            self.later(3_000, Event::Act);
            return;
        };
        self.record(slot, &step, true);
        let other = [Slot::Tab, Slot::Page][usize::from(slot == Slot::Tab)];
        if twice {
            // A double tap: the same thing once more before the first has come back.
            self.record(slot, &step, false);
        } else if both
            && self.phone.core(other).is_some()
            && let Some(second) = second.filter(|s| !s.what.adds_up())
        {
            self.record(other, &second, false);
        }
    }

    fn record(&mut self, slot: Slot, step: &Step, leads: bool) {
        let Some(core) = self.phone.core(slot) else {
            return;
        };
        let who = self.couriers[self.who].account;
        let line = self
            .book
            .borrow_mut()
            .open(who, step.what.kind(), &step.stop);
        self.couriers[self.who].calls.push((line, slot, leads));
        self.say(format_args!(
            "{who} records {} at {} in the {} (line {line})",
            step.what.kind(),
            step.stop,
            slot.name()
        ));
        let step = step.clone();
        self.phone.spawn(slot, async move {
            Mail::Recorded(line, record(&core, &step).await)
        });
    }

    fn recorded(
        &mut self,
        slot: Slot,
        line: usize,
        result: Result<pannier::ports::recording::Receipt, pannier::ports::CoreError>,
    ) {
        let told = match &result {
            Ok(receipt) if receipt.duplicate => Told::Duplicate(receipt.operation.clone()),
            Ok(receipt) => Told::Recorded(receipt.operation.clone(), receipt.seq),
            Err(e) if e.code.starts_with("storage_") || e.code == "contended" => {
                Told::Failed(e.code.clone())
            }
            Err(e) => Told::Refused(e.code.clone()),
        };
        self.say(format_args!("line {line}: {told:?}"));
        let again = matches!(&told, Told::Failed(_))
            || matches!(&told, Told::Refused(code) if code == "signed_out" || code == "blob_unknown");
        self.book.borrow_mut().lines[line].told = told;
        let mut leads = false;
        for courier in &mut self.couriers {
            courier.calls.retain(|(l, _, lead)| {
                leads |= *l == line && *lead;
                *l != line
            });
        }
        if result.is_ok() {
            self.wake(slot, WakeReason::Recorded, None);
            if self.chance.in_thousand(150) {
                self.later(
                    200,
                    Event::Wake(Slot::Worker, WakeReason::Sync, Some(60_000)),
                );
            }
        }
        if !leads {
            return;
        }
        let pause = self.chance.between(500, 18_000);
        let courier = &mut self.couriers[self.who];
        courier.tries += 1;
        if !again || courier.tries > 60 {
            courier.tries = 0;
            courier.steps.pop_front();
        }
        self.later(if again { 5_000 + pause } else { pause }, Event::Act);
    }

    fn hand_over(&mut self, account: &'static str) {
        let to = usize::from(account == BERT);
        if self.who == to {
            self.waits_for_phone = false;
            return;
        }
        if self.couriers[self.who]
            .calls
            .iter()
            .any(|(_, _, leads)| *leads)
        {
            // He finishes what he is at.
            self.waits_for_phone = true;
            self.later(1_000, Event::HandOver(account));
            return;
        }
        self.waits_for_phone = false;
        self.say(format_args!("the phone goes to {account}"));
        self.who = to;
        self.later(2_000, Event::Act);
        self.visit();
    }

    /// A person looks at the phone: signs in where that is asked for, and looks through what is
    /// parked.
    fn visit(&mut self) {
        let Some(core) = self.phone.core(Slot::Page) else {
            return;
        };
        let who = self.couriers[self.who].account;
        let wrong = self.signed_in_as().as_deref() != Some(who);
        if wrong && !self.signing {
            self.signing = true;
            self.phone.spawn(Slot::Page, async move {
                Mail::Signed(sign_in_as(&core, who).await)
            });
        } else if !wrong && !self.looking && self.has_parked(who) {
            self.looking = true;
            let (book, backend, strategy) = (
                self.book.clone(),
                self.backend.clone(),
                self.setting.strategy,
            );
            self.phone.spawn(Slot::Page, async move {
                look_through(&core, who, &book, &backend, strategy).await;
                Mail::Looked
            });
        }
    }

    fn signed_in_as(&self) -> Option<String> {
        use pannier::ports::store::Key;
        self.store.look(|tables| {
            let (_, current) = tables.get(Table::Session, &Key::new("").text("current"))?;
            let current: Value = serde_json::from_str(&current.body).ok()?;
            let account = current["account"].as_str()?.to_owned();
            let key = Key::new(&account).text("session");
            let (_, session) = tables.get(Table::Session, &key)?;
            let session: Value = serde_json::from_str(&session.body).ok()?;
            (session["state"] == "signed_in").then_some(account)
        })
    }

    fn lanes(&self, account: &str) -> Vec<pannier::engine::lane::Lane> {
        use pannier::ports::records;
        use pannier::ports::store::Record;
        self.store.look(|tables| {
            let rows = tables.rows(Table::Lanes);
            rows.filter(|(key, _)| crate::watch::account_of(key) == account)
                .filter_map(|(key, envelope)| {
                    let record = Record {
                        key: key.clone(),
                        revision: 0,
                        envelope: envelope.clone(),
                    };
                    records::open(&record).ok().map(|seen| seen.value)
                })
                .collect()
        })
    }

    fn has_parked(&self, account: &str) -> bool {
        use pannier::engine::lane::HeadState;
        let lanes = self.lanes(account);
        lanes.iter().any(|lane| lane.head.is == HeadState::Parked)
    }

    // -- the office --------------------------------------------------------------------------

    fn office(&mut self) {
        let number = self.chance.between(1, i64::from(self.setting.stops));
        let stop = format!("d{number:02}");
        let cancels = self.chance.in_thousand(500);
        let over = self.backend.status(&stop);
        let open = over.is_some_and(|(status, owner)| {
            owner == ANNA && (status == "assigned" || status == "arrived")
        });
        if !open {
            return;
        }
        self.touched.push(stop.clone());
        if cancels {
            self.say(format_args!("the office cancels {stop}"));
            self.backend.set_status(&stop, "cancelled");
        } else {
            self.say(format_args!("the office gives {stop} to another courier"));
            self.backend.assign(&stop, "carl");
        }
        let after = self.chance.between(1_000, 300_000);
        if let Some(core) = self.phone.core(Slot::Page).filter(|_| after < 150_000) {
            self.phone.spawn(Slot::Page, async move {
                let _ = core.refresh_route().await;
                Mail::Nothing
            });
        }
    }

    // -- the network -------------------------------------------------------------------------

    fn sent(&mut self, sent: Sent) {
        let now = self.now();
        let number = self.asked.len();
        let by = self.backend.account(&sent.request);
        let mark = mark(&sent.request);
        let mut line = String::new();
        describe(&sent.request, &mut line);
        self.say(format_args!(
            "-> {number} context {} {line} {mark}",
            sent.context
        ));
        let missing = sent
            .request
            .pictures()
            .into_iter()
            .find(|handle| !self.store.has_bytes(&sent.account, handle))
            .cloned();
        self.asked.push(Asked {
            context: sent.context,
            account: sent.account.0.clone(),
            by,
            mark,
            at: now,
            wall: self.wall(),
            landed: vec![],
            heard: None,
        });
        let plan = self.weather.plan(now);
        self.flights.push(sent.into());
        self.plans.push(plan.fate);
        if let Some(handle) = missing {
            self.watch
                .borrow_mut()
                .violations
                .push(crate::watch::Violation::new(
                    "pins",
                    format!("request {number} names picture {handle}, whose bytes are gone"),
                ));
            let (code, text) = ("blob_missing".to_owned(), "gone".to_owned());
            return self.hear(number, Err(NetFailure::NotSent { code, text }));
        }
        for (copy, ms) in plan.arrives.into_iter().enumerate() {
            self.later(ms, Event::Land(number, copy));
        }
        if let Some(ms) = plan.gives_up {
            self.later(ms, Event::Hear(number, Err(NetFailure::Unreachable)));
        }
    }

    fn land(&mut self, number: usize, copy: usize) {
        let now = self.now();
        let before = self.backend.count();
        // What is on the way answers the first time; a copy that the network made goes through.
        let fate = if copy == 0 {
            self.plans[number]
        } else {
            Fate::Answered
        };
        let request = &self.flights[number].request;
        let mut genuine = true;
        let mut retry_after_ms = None;
        let exchange = match fate {
            Fate::Answered | Fate::Cut => self.backend.answer(request),
            Fate::Broken(bytes) => {
                let exchange = broken(self.backend.answer(request), bytes);
                // A refusal without its body is judged by its status alone, and may need a person.
                genuine = status_of(&exchange).is_some_and(|status| status < 400);
                exchange
            }
            Fate::Afterwards(status) => {
                genuine = false;
                let _ = self.backend.answer(request);
                instead(status, true)
            }
            Fate::Instead(status, worded) => {
                genuine = false;
                instead(status, worded)
            }
            Fate::Throttled(seconds) => {
                genuine = false;
                retry_after_ms = seconds.map(|s| s * 1_000);
                throttled(seconds)
            }
            Fate::Portal => {
                genuine = false;
                portal()
            }
        };
        let after = self.backend.count();
        let status = status_of(&exchange).unwrap_or(0);
        self.say(format_args!(
            "   {number} lands, copy {copy}: {status}, {} new effects",
            after - before
        ));
        self.asked[number].landed.push(Landed {
            at: now,
            status,
            genuine,
            effects: (before, after),
            retry_after_ms,
        });
        if copy == 0 && fate != Fate::Cut {
            let back = self.chance.between(10, 60);
            self.later(back, Event::Hear(number, exchange));
        }
    }

    fn hear(&mut self, number: usize, exchange: Exchange) {
        let now = self.now();
        let asked = &mut self.asked[number];
        if asked.heard.is_some() {
            return;
        }
        asked.heard = Some((now, status_of(&exchange)));
        self.say(format_args!("<- {number} {}", said(&exchange)));
        self.flights[number].reply.give(exchange);
    }

    // -- afterwards --------------------------------------------------------------------------

    /// Nothing goes wrong any more: everything has to come to rest by itself, and what is parked by
    /// what a person decides.
    fn rest(&mut self) {
        if self.restless.is_some() {
            return;
        }
        let from = self.now();
        self.say(format_args!("faults are over"));
        for slot in Slot::ALL {
            if self.phone.place(slot).frozen {
                self.thaw(slot);
            }
        }
        self.disk.borrow_mut().newer_from = 0;
        self.open(Slot::Page);
        self.wake(Slot::Page, WakeReason::Online, None);
        let mut looks = 0;
        let first = self.who;
        for who in [first, 1 - first, 0] {
            let account = self.couriers[who].account;
            if who != first && self.lanes(account).is_empty() {
                continue;
            }
            self.who = who;
            loop {
                if self.now() - from > REST_MS_MAX {
                    self.restless = Some(self.unrest(account));
                    return;
                }
                if self.phone.is_idle() {
                    if self.signed_in_as().as_deref() != Some(account) {
                        self.open(Slot::Page);
                        self.visit();
                    } else if self.is_at_rest(account) {
                        if !self.has_parked(account) {
                            break;
                        }
                        looks += 1;
                        if looks > LOOKS_MAX {
                            self.restless = Some(self.unrest(account));
                            return;
                        }
                        self.visit();
                    }
                }
                if !self.step() {
                    let text = self.unrest(account);
                    self.restless.get_or_insert(text);
                    return;
                }
            }
        }
        // What is still on the wire arrives.
        let bound = self.now() + 3 * MINUTE_MS;
        while self.now() < bound && self.step() {}
    }

    fn is_at_rest(&self, account: &str) -> bool {
        use pannier::engine::lane::HeadState;
        let lanes = self.lanes(account);
        lanes.iter().all(|lane| lane.head.is == HeadState::Parked)
    }

    fn unrest(&self, account: &str) -> String {
        let lanes = self.lanes(account);
        let words: Vec<String> = lanes
            .iter()
            .map(|l| {
                format!(
                    "{} ({} operations, {:?}, due {})",
                    l.id, l.count, l.head.is, l.head.due_at
                )
            })
            .collect();
        format!(
            "at {} (wall {}) {account}'s outbox has not come to rest: {}",
            self.now(),
            self.wall(),
            words.join("; ")
        )
    }

    pub fn crashed(&self) -> u32 {
        self.crashed
    }
}

fn instead(status: u16, worded: bool) -> Exchange {
    if worded {
        return json(
            status,
            &json!({"error": {"code": "fault", "message": "a fault"}}),
        );
    }
    Ok(Answer {
        status,
        headers: [("content-type".to_owned(), "text/plain".to_owned())]
            .into_iter()
            .collect(),
        body: "no".into(),
        ..Answer::default()
    })
}

fn throttled(seconds: Option<i64>) -> Exchange {
    let mut answer = json(
        429,
        &json!({"error": {"code": "slow_down", "message": "slow down"}}),
    )?;
    if let Some(seconds) = seconds {
        answer
            .headers
            .insert("retry-after".to_owned(), seconds.to_string());
    }
    Ok(answer)
}

async fn record(
    core: &Core,
    step: &Step,
) -> Result<pannier::ports::recording::Receipt, pannier::ports::CoreError> {
    let blob = if step.what.has_picture() {
        let bytes = step.picture();
        let staged = core
            .stage(&bytes.clone(), bytes.len() as u64, bytes)
            .await?;
        Some(staged.handle)
    } else {
        None
    };
    core.record(step.intent(blob), None).await
}

async fn sign_in_as(core: &Core, who: &str) -> Result<(), pannier::ports::CoreError> {
    if let Some(session) = core.session().await?
        && (session.value.account.0 != who || session.value.state == SessionState::SignedOut)
    {
        core.sign_out(true).await?;
    }
    core.sign_in(credentials(who)).await?;
    core.refresh_route().await?;
    Ok(())
}

/// What a person does with what is parked: he asks the office whether it is there, lets go what the
/// office took, and tries the rest again.
async fn look_through(
    core: &Core,
    who: &str,
    book: &RefCell<Book>,
    backend: &Backend,
    strategy: crate::strategy::Strategy,
) {
    let query = OutboxQuery {
        state: OutboxFilter::Unsettled,
        ..OutboxQuery::default()
    };
    let Ok(page) = core.outbox(query).await else {
        return;
    };
    for item in page
        .items
        .iter()
        .filter(|item| item.state == OperationStateName::Parked)
    {
        let wanted = strategy.effects(&item.kind);
        let there = wanted.iter().all(|kind| backend.has(&item.id.0, kind));
        let stop = item.stop.as_ref().and_then(|stop| backend.status(&stop.0));
        let taken = stop.is_some_and(|(status, owner)| {
            // Somebody else's, or past it: by an earlier one that was set aside and landed late.
            let past = match &*item.kind {
                "arrive" => status != "assigned",
                "deliver" | "fail" | "return" => status != "arrived" && status != "assigned",
                _ => false,
            };
            owner != who || status == "cancelled" || past
        });
        let choice = if there || taken {
            Choice::Discarded
        } else {
            Choice::Retried
        };
        // Taken down first: a choice whose page dies may be in force all the same.
        book.borrow_mut().choices.push((item.id.clone(), choice));
        let _ = match choice {
            Choice::Discarded => core.discard(&item.id, "the office knows").await,
            Choice::Retried => core.retry(&item.id).await,
        };
    }
}
