//! The network between the phone and the backend: what of a request arrives, when, how often, and
//! what its sender hears. Every request and every answer is written down for the checkers.

use crate::chance::Chance;
use crate::setting::{Fault, Faults};
use pannier::profile::http::{Answer, Body, Exchange, NetFailure, Part, Request};
use pannier::testing::net::{Reply, Sent};
use std::fmt::Write;

/// What became of a request, for the checkers.
#[derive(Debug)]
pub struct Asked {
    pub context: u32,
    /// whose work it was sent for, as the core said
    pub account: String,
    /// whose token it carried, where the token held
    pub by: Option<String>,
    /// the operation's id that rode in it; probes and the like have none
    pub mark: String,
    /// of a question: what it asks for
    pub path: String,
    /// its body can be read once only, so no browser repeats it
    pub streamed: bool,
    pub at: i64,
    pub wall: i64,
    /// when it was at the backend and what that said; a request that arrives twice has two
    pub landed: Vec<Landed>,
    /// what the sender was told, and when
    pub heard: Option<(i64, Option<u16>)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Landed {
    pub at: i64,
    pub status: u16,
    /// the backend itself spoke, not something on the way
    pub genuine: bool,
    /// so many effects there were before it, and after it
    pub effects: (usize, usize),
    pub retry_after_ms: Option<i64>,
}

/// A request under way.
pub struct Flight {
    pub request: Request,
    pub reply: Reply,
}

/// What is going to happen to one request.
pub struct Plan {
    /// latencies until copies of it arrive
    pub arrives: Vec<i64>,
    /// when the sender is told that there is no connection, whatever else happens
    pub gives_up: Option<i64>,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Answered,
    /// applied, and the answer is lost
    Cut,
    /// applied, and so many bytes of the answer come
    Broken(usize),
    /// something on the way answers in the backend's place
    Instead(u16, bool),
    /// applied, and something on the way makes it this
    Afterwards(u16),
    Throttled(Option<i64>),
    Portal,
}

pub struct Weather {
    faults: Faults,
    chance: Chance,
    /// of a thousand requests, how many meet each fault
    often: u64,
    /// minutes without signal
    outages: Vec<(i64, i64)>,
    until_ms: i64,
}

/// How long a delayed original may take and still be within every `settleMs` of the profiles.
const WITHIN_SETTLE_MS: i64 = 1_500;

impl Weather {
    pub fn new(seed: u64, faults: Faults, until_ms: i64) -> Self {
        let chance = Chance::new(seed, "wire");
        let often = chance.pick(&[15, 40, 120]);
        let mut outages = vec![];
        if faults.has(Fault::Loss) {
            for _ in 0..chance.below(5) {
                let from = chance.between(0, until_ms);
                outages.push((from, from + chance.between(5_000, 300_000)));
            }
        }
        Self {
            faults,
            chance,
            often,
            outages,
            until_ms,
        }
    }

    fn strikes(&self, now: i64, fault: Fault) -> bool {
        let drawn = self.chance.in_thousand(self.often);
        drawn && now < self.until_ms && self.faults.has(fault)
    }

    /// Draws the same number of times whatever is switched on.
    pub fn plan(&self, now: i64) -> Plan {
        let latency = |far: i64| self.chance.between(20, far);
        let wild = now < self.until_ms && self.faults.has(Fault::Reorder);
        let far = if wild { 900 } else { 80 };
        let mut plan = Plan {
            arrives: vec![latency(far)],
            gives_up: None,
            fate: Fate::Answered,
        };
        let soon = self.chance.between(50, 3_000);
        let never = self.chance.in_thousand(200);
        let gives_up = (!never).then_some(soon);
        let late = self.chance.between(1, WITHIN_SETTLE_MS);
        let much_later = self.chance.between(10_000, 90_000);
        let outlives = self.chance.in_thousand(100);
        let bytes = self.chance.below(20);
        let code = self.chance.pick(&[400, 403, 404, 409, 410, 418, 422]);
        let worded = self.chance.in_thousand(600);
        let trouble = self.chance.pick(&[500, 502, 503, 504]);
        let after = self.chance.in_thousand(500);
        let wait = self.chance.pick(&[None, Some(1), Some(20), Some(120)]);
        let copies = self.chance.between(0, 1_000);
        let out = self
            .outages
            .iter()
            .any(|(from, to)| (*from..*to).contains(&now));
        let lost = self.strikes(now, Fault::Loss);
        if now < self.until_ms && out || lost {
            plan.arrives.clear();
            plan.gives_up = gives_up;
        }
        if self.strikes(now, Fault::Delay) && !plan.arrives.is_empty() {
            // Where nobody gives up, the deadline is what ends the attempt.
            plan.gives_up = Some(soon);
            plan.arrives = vec![soon + if outlives { much_later } else { late }];
        }
        if self.strikes(now, Fault::Duplicate)
            && let Some(first) = plan.arrives.first()
        {
            plan.arrives.push(first + copies);
        }
        if self.strikes(now, Fault::Cut) {
            plan.fate = Fate::Cut;
            plan.gives_up = gives_up.map(|at| at + far);
        }
        if self.strikes(now, Fault::Broken) {
            plan.fate = Fate::Broken(bytes);
        }
        if self.strikes(now, Fault::Client) {
            plan.fate = Fate::Instead(code, worded);
        }
        if self.strikes(now, Fault::Server) {
            plan.fate = if after {
                Fate::Afterwards(trouble)
            } else {
                Fate::Instead(trouble, worded)
            };
        }
        if self.strikes(now, Fault::Throttle) {
            plan.fate = Fate::Throttled(wait);
        }
        if self.strikes(now, Fault::Portal) {
            plan.fate = Fate::Portal;
        }
        plan
    }
}

/// The operation's id in a request that changes something.
pub fn mark(request: &Request) -> String {
    let found = match &request.body {
        Body::Json(text) => text
            .split_once("\"remarks\":\"")
            .and_then(|(_, rest)| rest.split('"').next()),
        Body::Multipart(parts) => parts.iter().find_map(|part| match part {
            Part::Text { name, value } if name == "remarks" => Some(value.as_str()),
            _ => None,
        }),
        _ => None,
    };
    found.unwrap_or_default().to_owned()
}

pub fn portal() -> Exchange {
    Ok(Answer {
        status: 200,
        headers: [("content-type".to_owned(), "text/html".to_owned())]
            .into_iter()
            .collect(),
        body: "<h1>Welcome to the café</h1>".into(),
        ..Answer::default()
    })
}

pub fn broken(exchange: Exchange, bytes: usize) -> Exchange {
    let mut answer = exchange?;
    answer.body.truncate(bytes);
    Ok(answer)
}

pub fn describe(request: &Request, to: &mut String) {
    let path = request.url.trim_start_matches("http://backend");
    // Writing to a text cannot fail.
    let _ = write!(to, "{} {path}", request.method);
}

pub fn status_of(exchange: &Exchange) -> Option<u16> {
    exchange.as_ref().ok().map(|answer| answer.status)
}

pub fn said(exchange: &Exchange) -> String {
    match exchange {
        Ok(answer) => answer.status.to_string(),
        Err(NetFailure::Unreachable) => "unreachable".into(),
        Err(NetFailure::TimedOut) => "timed out".into(),
        Err(NetFailure::NotSent { code, .. }) => format!("not sent: {code}"),
    }
}

impl From<Sent> for Flight {
    fn from(sent: Sent) -> Self {
        Self {
            request: sent.request,
            reply: sent.reply,
        }
    }
}
