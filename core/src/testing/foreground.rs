//! A phone as iOS lets a web app live: in front for seconds, frozen in a pocket for minutes, with a
//! network that comes and goes and carries so many bits a second. The driver and the engine are
//! those that ship; the time each recording takes to the backend is what comes out.

use super::backend::Backend;
use super::clock::{SeededIds, Sleep, TestClock};
use super::host::TestHost;
use super::net::{Reply, Sent, TestNet};
use super::run::run;
use crate::domain::dictionary::Dictionary;
use crate::domain::ids::{OperationId, StopId};
use crate::domain::operation::Intent;
use crate::ports::Driver;
use crate::ports::clock::Clock;
use crate::ports::drain::{DrainReport, WakeReason};
use crate::ports::error::CoreError;
use crate::profile::http::{Body, Exchange, NetFailure, Part, Piece, Request};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// Milliseconds since the day began: from, and up to.
pub type Span = (i64, i64);

#[derive(Clone, Debug)]
pub enum What {
    Short(Intent),
    /// a photo of so many bytes at a stop
    Photo(String, usize),
}

/// What happens to a phone on one day.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub front: Vec<Span>,
    pub signal: Vec<Span>,
    pub records: Vec<(i64, What)>,
    pub bits_per_s: u32,
    pub latency_ms: i64,
    /// how long a page still runs once it is hidden
    pub grace_ms: i64,
    /// the browser tells of every second return of the network only
    pub deaf: bool,
    pub stops: Vec<String>,
    /// after the last of the above: in front, with signal, until all is sent
    pub evening_ms: i64,
}

/// One recording's way.
#[derive(Clone, Debug)]
pub struct Trip {
    pub operation: OperationId,
    pub photo: bool,
    pub recorded_at: i64,
    pub applied_at: Option<i64>,
    /// the first moment from then on at which there was a network
    pub signal_at: i64,
    /// the first at which the app was in front as well: sooner nothing could go out
    pub chance_at: i64,
}

pub struct Lived {
    pub trips: Vec<Trip>,
    pub backend: Backend,
    pub wakes: usize,
    pub requests: usize,
    /// operations left when the day ended
    pub waiting: u32,
}

struct Flight {
    request: Request,
    reply: Reply,
    /// bytes still to go up
    left: f64,
    /// when the last byte is at the backend, and when its answer is here
    lands_at: Option<i64>,
    answer: Option<(i64, Exchange)>,
    /// nobody waits for it any more
    orphan: bool,
}

/// A radio that many requests share.
struct Link {
    flights: Vec<Flight>,
    at: i64,
    bytes_per_ms: f64,
    latency_ms: i64,
    has_signal: bool,
    losses: u32,
    requests: usize,
}

const HEAD_BYTES: usize = 500;

fn bytes_of(request: &Request, pictures: &Dictionary<String, usize>) -> usize {
    let picture = |handle: &str| pictures.get(handle).copied().unwrap_or_default();
    let body = match &request.body {
        Body::Empty => 0,
        Body::Json(text) | Body::Form(text) => text.len(),
        Body::Blob { handle, .. } => picture(&handle.0),
        Body::JsonPieces(pieces) => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.len(),
                Piece::Base64(handle) => picture(&handle.0) * 4 / 3,
            })
            .sum(),
        Body::Multipart(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Text { value, .. } => value.len() + 100,
                Part::File { handle, .. } => picture(&handle.0) + 200,
            })
            .sum(),
    };
    HEAD_BYTES + request.url.len() + body
}

impl Link {
    fn take(&mut self, sent: Sent, bytes: usize) {
        self.requests += 1;
        let mut flight = Flight {
            request: sent.request,
            reply: sent.reply,
            left: bytes as f64,
            lands_at: None,
            answer: None,
            orphan: false,
        };
        if !self.has_signal {
            // Every second one is refused at once; the others hang, as in a dead zone with bars.
            self.losses += 1;
            if self.losses % 2 == 1 {
                flight.answer = Some((self.at + 50, Err(NetFailure::Unreachable)));
            }
        }
        self.flights.push(flight);
    }

    /// On to this moment, which is no later than `next`.
    fn on(&mut self, now: i64, backend: &Backend) {
        let uploading = self.uploading();
        if self.has_signal && uploading > 0 {
            let each = (now - self.at) as f64 * self.bytes_per_ms / uploading as f64;
            for flight in &mut self.flights {
                if flight.lands_at.is_none() && flight.answer.is_none() {
                    flight.left -= each;
                    if flight.left < 0.5 {
                        flight.lands_at = Some(now + self.latency_ms / 2);
                    }
                }
            }
        }
        self.at = now;
        for flight in &mut self.flights {
            if flight.answer.is_none() && flight.lands_at.is_some_and(|at| at <= now) {
                let answer = backend.handle(&flight.request);
                flight.answer = Some((now + self.latency_ms / 2, answer));
            }
            if let Some((at, answer)) = &flight.answer
                && *at <= now
                && !flight.orphan
            {
                flight.reply.give(answer.clone());
            }
        }
        self.flights
            .retain(|f| f.answer.as_ref().is_none_or(|(at, _)| *at > now));
    }

    fn uploading(&self) -> usize {
        let goes = |f: &&Flight| f.lands_at.is_none() && f.answer.is_none();
        self.flights.iter().filter(goes).count()
    }

    fn next(&self) -> Option<i64> {
        let uploading = self.uploading();
        let moments = self
            .flights
            .iter()
            .filter_map(|f| match (&f.answer, f.lands_at) {
                (Some((at, _)), _) => Some(*at),
                (None, Some(at)) => Some(at),
                _ if self.has_signal => {
                    let ms = f.left.max(0.0) * uploading as f64 / self.bytes_per_ms;
                    Some(self.at + ms.ceil().max(1.0) as i64)
                }
                _ => None,
            });
        moments.min()
    }

    /// The page is frozen: what is not wholly sent never arrives, and no answer is heard.
    fn freeze(&mut self) {
        for flight in &mut self.flights {
            flight.reply.give(Err(NetFailure::Unreachable));
            flight.orphan = true;
        }
        self.flights.retain(|f| f.lands_at.is_some());
    }
}

enum Event {
    Front,
    Hidden,
    Frozen,
    Signal(bool),
    Record(usize),
    End,
}

enum Done {
    Drained(Result<DrainReport, CoreError>),
    Recorded(usize, Result<OperationId, CoreError>),
}

type Task<'a> = Pin<Box<dyn Future<Output = Done> + 'a>>;

fn drained(core: &Driver<TestHost>, reason: WakeReason) -> Task<'_> {
    Box::pin(async move { Done::Drained(core.drain(reason, None).await) })
}

fn first_in(spans: &[Span], from: i64) -> i64 {
    let after = spans.iter().filter(|(_, to)| *to > from);
    after
        .map(|(begin, _)| (*begin).max(from))
        .min()
        .unwrap_or(i64::MAX)
}

fn both(one: &[Span], other: &[Span]) -> Vec<Span> {
    let mut out = vec![];
    for (from, to) in one {
        for (begin, end) in other {
            let span = ((*from).max(*begin), (*to).min(*end));
            if span.0 < span.1 {
                out.push(span);
            }
        }
    }
    out
}

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0];

/// Lives a day by this profile.
///
/// # Panics
/// When the core refuses to open, to sign in or to record: then the plan is wrong.
#[allow(clippy::expect_used, clippy::missing_panics_doc)]
pub fn live(profile: &str, plan: &Plan) -> Lived {
    let clock = TestClock::default();
    let backend = Backend::with_stops("anna", plan.stops.clone());
    let twin = backend.clone();
    let net = TestNet::new(&clock, move |request| twin.handle(request));
    let host = TestHost::new(&clock, &net, 11);
    let servers = [("api".to_owned(), "http://backend".to_owned())];
    let opening = Driver::open(
        host,
        Some(profile.to_owned()),
        servers.into_iter().collect(),
        Dictionary::default(),
    );
    let core = run(&clock, opening).expect("opens");
    let Value::Object(who) = json!({"username": "anna", "password": "packet123"}) else {
        unreachable!()
    };
    run(&clock, core.sign_in(who)).expect("signs in");
    run(&clock, core.refresh_route()).expect("has a route");

    let dawn = clock.elapsed_ms();
    let last = plan.front.iter().chain(&plan.signal).map(|(_, to)| *to);
    let evening = last.max().unwrap_or(0);
    let span = |spans: &[Span]| -> Vec<Span> {
        let mut spans: Vec<Span> = spans.iter().map(|(a, b)| (a + dawn, b + dawn)).collect();
        spans.push((evening + dawn + 1, evening + dawn + plan.evening_ms));
        spans
    };
    let (front, signal) = (span(&plan.front), span(&plan.signal));
    let mut events: Vec<(i64, u8, Event)> = vec![];
    for (from, to) in &front {
        events.push((*from, 2, Event::Front));
        events.push((*to, 4, Event::Hidden));
        events.push((*to + plan.grace_ms, 5, Event::Frozen));
    }
    for (from, to) in &signal {
        events.push((*from, 1, Event::Signal(true)));
        events.push((*to, 0, Event::Signal(false)));
    }
    for (index, (at, _)) in plan.records.iter().enumerate() {
        events.push((at + dawn, 3, Event::Record(index)));
    }
    events.push((evening + dawn + plan.evening_ms + 1, 6, Event::End));
    events.sort_by_key(|(at, order, _)| (*at, *order));
    let mut events = events.into_iter().peekable();

    let pictures: Rc<RefCell<Dictionary<String, usize>>> = Rc::default();
    let link = Rc::new(RefCell::new(Link {
        flights: vec![],
        at: dawn,
        bytes_per_ms: f64::from(plan.bits_per_s) / 8_000.0,
        latency_ms: plan.latency_ms,
        has_signal: false,
        losses: 0,
        requests: 0,
    }));
    let (shared, known) = (link.clone(), pictures.clone());
    net.by_wire(move |sent| {
        let bytes = bytes_of(&sent.request, &known.borrow());
        shared.borrow_mut().take(sent, bytes);
    });

    let mut tasks: Vec<Task<'_>> = vec![];
    let mut timer: Option<i64> = None;
    let (mut in_front, mut frozen, mut returns, mut wakes) = (false, true, 0_u32, 0);
    let (mut operations, mut effects) = (vec![None; plan.records.len()], vec![]);
    let mut sleep: Option<Pin<Box<Sleep>>> = None;
    run(
        &clock,
        poll_fn(|context| {
            let mut over = false;
            loop {
                let now = clock.elapsed_ms();
                link.borrow_mut().on(now, &backend);
                if backend.count() > effects.len() {
                    for effect in backend.effects().drain(effects.len()..) {
                        effects.push((effect.mark, now));
                    }
                }
                let due = events.next_if(|(at, _, _)| *at <= now);
                let went_on = due.is_some();
                match due.map(|(_, _, event)| event) {
                    None => {}
                    Some(Event::Front) => {
                        (in_front, frozen) = (true, false);
                        core.seen(true);
                        wakes += 1;
                        tasks.push(drained(&core, WakeReason::Visible));
                    }
                    Some(Event::Hidden) => {
                        in_front = false;
                        core.seen(false);
                    }
                    // A burst may begin before the last one is wholly over.
                    Some(Event::Frozen) if in_front => {}
                    Some(Event::Frozen) => {
                        frozen = true;
                        link.borrow_mut().freeze();
                    }
                    Some(Event::Signal(has)) => {
                        link.borrow_mut().has_signal = has;
                        returns += u32::from(has);
                        if has && in_front && (!plan.deaf || returns % 2 == 0) {
                            wakes += 1;
                            tasks.push(drained(&core, WakeReason::Online));
                        }
                    }
                    Some(Event::Record(index)) => {
                        let (core, pictures) = (&core, pictures.clone());
                        let what = plan.records[index].1.clone();
                        tasks.push(Box::pin(async move {
                            let intent = match what {
                                What::Short(intent) => intent,
                                What::Photo(stop, bytes) => {
                                    let mut picture = JPEG.to_vec();
                                    picture.extend(index.to_le_bytes());
                                    let staged = core
                                        .stage(JPEG, picture.len() as u64, picture)
                                        .await
                                        .expect("is stored");
                                    let handle = staged.handle.0.clone();
                                    pictures.borrow_mut().insert(handle, bytes);
                                    Intent::Photo {
                                        stop: StopId::new(stop),
                                        blob: staged.handle,
                                    }
                                }
                            };
                            let receipt = core.record(intent, None).await;
                            Done::Recorded(index, receipt.map(|r| r.operation))
                        }));
                    }
                    Some(Event::End) => over = true,
                }
                let mut moved = went_on;
                if !frozen {
                    let mut place = 0;
                    while place < tasks.len() {
                        let Poll::Ready(done) = tasks[place].as_mut().poll(context) else {
                            place += 1;
                            continue;
                        };
                        drop(tasks.remove(place));
                        moved = true;
                        match done {
                            Done::Drained(report) => {
                                let next = report.expect("the store works").next_wake_at;
                                timer = next.map(|at| (at - clock.now_ms() + now).max(now + 250));
                            }
                            Done::Recorded(index, operation) => {
                                operations[index] = Some(operation.expect("is recorded"));
                                wakes += 1;
                                tasks.push(drained(&core, WakeReason::Recorded));
                            }
                        }
                    }
                    if timer.is_some_and(|at| at <= now) {
                        timer = None;
                        moved = true;
                        wakes += 1;
                        tasks.push(drained(&core, WakeReason::Timer));
                    }
                }
                if over {
                    return Poll::Ready(());
                }
                if moved {
                    continue;
                }
                let moments = [
                    events.peek().map(|(at, _, _)| *at),
                    link.borrow().next(),
                    timer.filter(|_| !frozen),
                ];
                let next = moments.into_iter().flatten().min().unwrap_or(now + 1_000);
                let mut until = Box::pin(clock.until(next.max(now + 1)));
                let _ = until.as_mut().poll(context);
                sleep = Some(until);
                return Poll::Pending;
            }
        }),
    );
    drop((sleep, tasks));

    let chances = both(&front, &signal);
    let trips = plan
        .records
        .iter()
        .zip(operations)
        .map(|((at, what), operation)| {
            let operation: OperationId = operation.expect("was recorded");
            let recorded_at = at + dawn;
            let applied = effects.iter().find(|(mark, _)| *mark == operation.0);
            Trip {
                photo: matches!(what, What::Photo(..)),
                recorded_at,
                applied_at: applied.map(|(_, at)| *at),
                signal_at: first_in(&signal, recorded_at),
                chance_at: first_in(&chances, recorded_at),
                operation,
            }
        });
    let trips = trips.collect();
    let requests = link.borrow().requests;
    let waiting = run(&clock, core.status()).expect("reads").waiting;
    Lived {
        trips,
        backend,
        wakes,
        requests,
        waiting,
    }
}

/// A working day: stops in the order of the route, each worked at in one to three looks at the
/// phone of 5 to 40 seconds, with a network that is there two thirds of the time.
pub fn working_day(seed: u64, stops: usize, photo_bytes: usize) -> Plan {
    let ids = SeededIds::new(seed);
    let between = |from: i64, to: i64| from + (ids.next() % (to - from).unsigned_abs()) as i64;
    let mut plan = Plan {
        bits_per_s: 1_000_000,
        latency_ms: 150,
        grace_ms: 3_000,
        deaf: true,
        stops: (1..=stops).map(|n| format!("s{n}")).collect(),
        evening_ms: 600_000,
        ..Plan::default()
    };
    let mut now = 5_000;
    for stop in plan.stops.clone() {
        let id = StopId::new(&*stop);
        let note = |text: &str| {
            What::Short(Intent::Note {
                stop: id.clone(),
                text: text.to_owned(),
            })
        };
        let work = [
            vec![
                What::Short(Intent::Arrive { stop: id.clone() }),
                note("rang"),
            ],
            vec![What::Photo(stop.clone(), photo_bytes)],
            vec![
                note("left there"),
                What::Short(Intent::Fail {
                    stop: id.clone(),
                    reason: "nobody_home".to_owned(),
                    text: None,
                }),
            ],
        ];
        for piece in work {
            let long = between(5_000, 40_000);
            plan.front.push((now, now + long));
            let mut at = now + between(1_000, 3_000);
            for what in piece {
                plan.records.push((at, what));
                at += between(500, 1_800);
            }
            now += long + between(10_000, 90_000);
        }
        now += between(60_000, 300_000);
    }
    let mut at = 0;
    while at < now {
        let on = between(20_000, 400_000);
        plan.signal.push((at, at + on));
        at += on + between(10_000, 200_000);
    }
    plan
}

/// Photos queued on a poor link, the app in front: what is recorded meanwhile?
pub fn photos_queued(seed: u64, bits_per_s: u32, photos: usize, photo_bytes: usize) -> Plan {
    let ids = SeededIds::new(seed);
    let minutes = 15;
    let mut plan = Plan {
        front: vec![(0, minutes * 60_000)],
        signal: vec![(0, minutes * 60_000)],
        bits_per_s,
        latency_ms: 300,
        grace_ms: 3_000,
        stops: (1..=photos + 40).map(|n| format!("s{n}")).collect(),
        evening_ms: 3_600_000,
        ..Plan::default()
    };
    for (n, stop) in plan.stops.clone().into_iter().enumerate() {
        if n < photos {
            plan.records
                .push((100 + n as i64, What::Photo(stop, photo_bytes)));
        } else {
            let at = 5_000 + (n - photos) as i64 * 20_000 + (ids.next() % 10_000) as i64;
            let stop = StopId::new(stop);
            plan.records
                .push((at, What::Short(Intent::Arrive { stop })));
        }
    }
    plan
}
