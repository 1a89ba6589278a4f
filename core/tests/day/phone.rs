//! A phone in memory: the core on twins of its ports, the sandbox's profile, and a backend to meet.

use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::{OperationId, ParcelId, StopId};
use pannier::domain::operation::{Intent, ScanSource};
use pannier::domain::parcel::{ParcelFate, ParcelOutcome};
use pannier::engine::projection::StopState;
use pannier::ports::Driver;
use pannier::ports::drain::{DrainReport, WakeReason};
use pannier::ports::route::RouteOutcome;
use pannier::ports::views::OutboxQuery;
use pannier::testing::backend::{Backend, Effect};
use pannier::testing::clock::TestClock;
use pannier::testing::host::TestHost;
use pannier::testing::net::TestNet;
use pannier::testing::run::run;
use serde_json::{Value, json};

pub const PROFILE: &str = include_str!("../../../profiles/sandbox.json");
pub const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 4];

pub struct Phone {
    pub clock: TestClock,
    pub backend: Backend,
    pub net: TestNet,
    pub core: Driver<TestHost>,
}

pub fn open(clock: &TestClock, host: TestHost, profile: &str) -> Driver<TestHost> {
    let servers = [("api".to_owned(), "http://backend".to_owned())]
        .into_iter()
        .collect();
    let opening = Driver::open(host, Some(profile.into()), servers, Dictionary::default());
    run(clock, opening).expect("opens")
}

impl Phone {
    /// Signed in, with today's route.
    pub fn new() -> Self {
        let clock = TestClock::default();
        let backend = Backend::new();
        let twin = backend.clone();
        let net = TestNet::new(&clock, move |request| twin.handle(request));
        let core = open(&clock, TestHost::new(&clock, &net, 7), PROFILE);
        let phone = Self {
            clock,
            backend,
            net,
            core,
        };
        phone.sign_in();
        let refresh = run(&phone.clock, phone.core.refresh_route()).expect("refreshes");
        assert_eq!(refresh.outcome, RouteOutcome::Updated);
        phone
    }
    pub fn sign_in(&self) {
        let credentials = json!({"username": "anna", "password": "packet123"});
        let Value::Object(credentials) = credentials else {
            unreachable!()
        };
        run(&self.clock, self.core.sign_in(credentials)).expect("signs in");
    }
    /// The same phone, opened with another profile.
    pub fn going_by(self, profile: &Value) -> Self {
        let core = open(&self.clock, self.core.host.tab(5), &profile.to_string());
        Self { core, ..self }
    }
    pub fn tab(&self, seed: u64) -> Driver<TestHost> {
        open(&self.clock, self.core.host.tab(seed), PROFILE)
    }
    pub fn record(&self, intent: Intent) -> Result<OperationId, String> {
        run(&self.clock, self.core.record(intent, None))
            .map(|r| r.operation)
            .map_err(|e| e.code)
    }
    pub fn done(&self, intent: Intent) -> OperationId {
        self.record(intent).expect("is recorded")
    }
    pub fn drain(&self, reason: WakeReason) -> DrainReport {
        run(&self.clock, self.core.drain(reason, None)).expect("drains")
    }
    pub fn now(&self) -> i64 {
        pannier::ports::clock::Clock::now_ms(&self.clock)
    }
    /// Follows the core's own timer until nothing is left to do by itself.
    pub fn settle(&self) {
        for _ in 0..200 {
            let report = self.drain(WakeReason::Timer);
            let Some(at) = report.next_wake_at else {
                return;
            };
            self.clock.advance((at - self.now()).max(1));
        }
        panic!("the outbox does not come to rest");
    }
    pub fn state(&self, stop: &str) -> StopState {
        let stop = run(&self.clock, self.core.stop(&StopId::new(stop))).expect("reads");
        stop.expect("is there").state
    }
    pub fn marks(&self, kind: &str) -> Vec<String> {
        self.effects(kind).into_iter().map(|e| e.mark).collect()
    }
    pub fn effects(&self, kind: &str) -> Vec<Effect> {
        self.backend
            .effects()
            .into_iter()
            .filter(|e| e.kind == kind)
            .collect()
    }
    pub fn waiting(&self) -> u32 {
        run(&self.clock, self.core.status()).expect("reads").waiting
    }
    pub fn photo(&self, stop: &str, tail: u8) -> OperationId {
        let mut bytes = JPEG.to_vec();
        bytes.push(tail);
        let staged = run(
            &self.clock,
            self.core.stage(JPEG, bytes.len() as u64, bytes),
        )
        .expect("stages");
        self.done(Intent::Photo {
            stop: StopId::new(stop),
            blob: staged.handle,
        })
    }
    pub fn notices(&self) -> Vec<(String, OperationId)> {
        let notices = run(&self.clock, self.core.notices()).expect("lists");
        let told = run(&self.clock, self.core.status()).expect("reads").notices;
        assert_eq!(told as usize, notices.len());
        notices
            .into_iter()
            .map(|n| (n.code, n.operation.unwrap_or_default()))
            .collect()
    }
    pub fn reason(&self, id: &OperationId) -> Option<(String, String)> {
        let page = run(&self.clock, self.core.outbox(OutboxQuery::default())).expect("lists");
        let item = page
            .items
            .into_iter()
            .find(|i| i.id == *id)
            .expect("is listed");
        item.reason.map(|r| (r.code, r.backend.unwrap_or_default()))
    }
}

pub fn arrive(stop: &str) -> Intent {
    Intent::Arrive {
        stop: StopId::new(stop),
    }
}
pub fn note(stop: &str, text: &str) -> Intent {
    Intent::Note {
        stop: StopId::new(stop),
        text: text.into(),
    }
}
pub fn scan(stop: &str, code: &str) -> Intent {
    Intent::Scan {
        stop: StopId::new(stop),
        code: code.into(),
        source: ScanSource::Typed,
    }
}
pub fn deliver(stop: &str, second: ParcelFate) -> Intent {
    let outcome = |parcel: &str, outcome, reason: Option<&str>| ParcelOutcome {
        parcel: ParcelId::new(format!("{stop}-{parcel}")),
        outcome,
        reason: reason.map(str::to_owned),
    };
    let reason = (second != ParcelFate::Delivered).then_some("damaged");
    Intent::Deliver {
        stop: StopId::new(stop),
        recipient: "Anna Berg".into(),
        outcomes: vec![
            outcome("a", ParcelFate::Delivered, None),
            outcome("b", second, reason),
        ],
        overrides: vec![],
    }
}
pub fn fail(stop: &str) -> Intent {
    Intent::Fail {
        stop: StopId::new(stop),
        reason: "nobody_home".into(),
        text: None,
    }
}
