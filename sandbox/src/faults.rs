//! What may go wrong on purpose, and the rules that say when.
//!
//! A request is shown to the rules in their order. A rule whose method and path fit counts it;
//! by `skip`, `every` and `times` it then fires or lets pass. The first one that fires decides,
//! except that latency only adds up and the search goes on. A rule that did not get to see a
//! request because an earlier one decided does not count it. Rules live in memory: a restarted
//! sandbox is a healthy one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::refusal::Refusal;

const LATENCY_MS: u64 = 1000;
const LATENCY_MS_MAX: u64 = 600_000;
const RULES_MAX: usize = 100;

pub const KINDS: [(&str, &str); 8] = [
    ("latency", "the request waits for ms before it is applied"),
    ("status", "answered with a status; not applied"),
    (
        "refuse",
        "connection reset before the body is read; not applied",
    ),
    (
        "cut_before",
        "connection closed before the body is read; not applied",
    ),
    (
        "cut_after",
        "applied, then the connection is closed without a byte of answer",
    ),
    (
        "cut_half",
        "applied, then half of the answer and the connection is closed",
    ),
    (
        "html",
        "a login portal answers 200 with a page; not applied",
    ),
    (
        "dead",
        "the network is gone: every connection of both origins is closed, tools excepted",
    ),
];

/// How a request ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// as the backend wants
    Normal,
    Status {
        status: StatusCode,
        retry_after: Option<String>,
        body: Option<Value>,
    },
    Refuse,
    CutBefore,
    CutAfter,
    CutHalf,
    Html {
        body: Option<Value>,
    },
    Dead,
}

/// What the rules have in mind for one request.
#[derive(Debug)]
pub struct Plan {
    pub latency: Duration,
    pub ending: Ending,
    /// the faults that fired, as the log names them
    pub name: Option<String>,
}

#[derive(Default)]
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
}

impl Faults {
    /// Counts the request and says what happens to it. `api` tells whether it is for the API;
    /// everything else only fears a dead network.
    pub fn plan(&self, method: &Method, path: &str, api: bool) -> Plan {
        let mut plan = Plan {
            latency: Duration::ZERO,
            ending: Ending::Normal,
            name: None,
        };
        let mut names = Vec::new();
        for rule in self.lock().iter_mut() {
            if !(api || rule.action == Action::Ends(Ending::Dead)) || !rule.fires(method, path) {
                continue;
            }
            names.push(rule.fault);
            match &rule.action {
                Action::Waits(wait) => plan.latency += *wait,
                Action::Ends(ending) => {
                    plan.ending = ending.clone();
                    break;
                }
            }
        }
        plan.name = (!names.is_empty()).then(|| names.join("+"));
        plan
    }

    /// Replaces all rules.
    ///
    /// # Errors
    /// Names the field that is wrong; then nothing was replaced.
    pub fn replace(&self, rules: &[Value]) -> Result<(), Refusal> {
        if rules.len() > RULES_MAX {
            return Err(Refusal::bad_field("rules", &format!("at most {RULES_MAX}")));
        }
        let mut parsed: Vec<Rule> = Vec::with_capacity(rules.len());
        for rule in rules {
            let rule = Rule::parse(rule, &free_id(&parsed))?;
            if parsed.iter().any(|other| other.id == rule.id) {
                return Err(Refusal::bad_field("id", "used twice"));
            }
            parsed.push(rule);
        }
        *self.lock() = parsed;
        Ok(())
    }

    /// Adds one rule behind the others.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn add(&self, rule: &Value) -> Result<(), Refusal> {
        let mut rules = self.lock();
        let rule = Rule::parse(rule, &free_id(&rules))?;
        if rules.len() >= RULES_MAX {
            return Err(Refusal::bad_field("rules", &format!("at most {RULES_MAX}")));
        }
        rules.retain(|other| other.id != rule.id);
        rules.push(rule);
        Ok(())
    }

    pub fn remove(&self, id: &str) {
        self.lock().retain(|rule| rule.id != id);
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    pub fn json(&self) -> Value {
        json!({ "rules": self.lock().iter().map(Rule::json).collect::<Vec<_>>() })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Waits(Duration),
    Ends(Ending),
}

struct Rule {
    id: String,
    fault: &'static str,
    action: Action,
    method: Option<String>,
    path: Option<String>,
    every: u64,
    skip: u64,
    times: Option<u64>,
    /// matching requests so far, and those of them that were hit
    seen: u64,
    fired: u64,
    /// as it was given, to show
    given: Map<String, Value>,
}

impl Rule {
    fn parse(rule: &Value, default_id: &str) -> Result<Self, Refusal> {
        let given = rule
            .as_object()
            .ok_or_else(|| Refusal::bad_field("rules", "each rule is an object"))?;
        let given: Map<String, Value> = given
            .iter()
            .filter(|(name, value)| !value.is_null() && !matches!(name.as_str(), "seen" | "fired"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let wanted = given
            .get("fault")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let fault = KINDS
            .iter()
            .map(|(name, _)| *name)
            .find(|name| *name == wanted)
            .ok_or_else(|| {
                let known: Vec<_> = KINDS.iter().map(|(name, _)| *name).collect();
                Refusal::bad_field("fault", &format!("one of {}", known.join(", ")))
            })?;
        let id = text(&given, "id")?.unwrap_or_else(|| default_id.to_owned());
        let every = number(&given, "every")?.unwrap_or(1);
        if every == 0 {
            return Err(Refusal::bad_field("every", "at least 1"));
        }
        Ok(Self {
            action: action(fault, &given)?,
            id,
            fault,
            method: text(&given, "method")?.map(|method| method.to_ascii_uppercase()),
            path: text(&given, "path")?,
            every,
            skip: number(&given, "skip")?.unwrap_or(0),
            times: number(&given, "times")?,
            seen: 0,
            fired: 0,
            given,
        })
    }

    fn fires(&mut self, method: &Method, path: &str) -> bool {
        if self.times.is_some_and(|times| self.fired >= times) || !self.fits(method, path) {
            return false;
        }
        self.seen += 1;
        let fires = self.seen > self.skip && (self.seen - self.skip).is_multiple_of(self.every);
        self.fired += u64::from(fires);
        fires
    }

    fn fits(&self, method: &Method, path: &str) -> bool {
        // A preflight is the browser's own request; only a rule that names it counts it, or
        // "every third" would mean something else on each origin. A dead network takes all.
        let fits_method = match &self.method {
            Some(wanted) => wanted == method.as_str(),
            None => method != Method::OPTIONS || self.action == Action::Ends(Ending::Dead),
        };
        fits_method
            && self
                .path
                .as_ref()
                .is_none_or(|pattern| path_fits(pattern, path))
    }

    fn json(&self) -> Value {
        let mut rule = self.given.clone();
        rule.insert("id".into(), self.id.clone().into());
        rule.insert("seen".into(), self.seen.into());
        rule.insert("fired".into(), self.fired.into());
        Value::Object(rule)
    }
}

fn action(fault: &str, given: &Map<String, Value>) -> Result<Action, Refusal> {
    let body = given.get("body").cloned();
    Ok(Action::Ends(match fault {
        "latency" => {
            let ms = number(given, "ms")?.unwrap_or(LATENCY_MS);
            if ms > LATENCY_MS_MAX {
                return Err(Refusal::bad_field(
                    "ms",
                    &format!("at most {LATENCY_MS_MAX}"),
                ));
            }
            return Ok(Action::Waits(Duration::from_millis(ms)));
        }
        "status" => {
            let status = number(given, "status")?.unwrap_or(500);
            let status = u16::try_from(status)
                .ok()
                .filter(|status| (200..600).contains(status));
            let status = status.and_then(|status| StatusCode::from_u16(status).ok());
            Ending::Status {
                status: status.ok_or_else(|| Refusal::bad_field("status", "200 to 599"))?,
                retry_after: retry_after(given)?,
                body,
            }
        }
        "refuse" => Ending::Refuse,
        "cut_before" => Ending::CutBefore,
        "cut_after" => Ending::CutAfter,
        "cut_half" => Ending::CutHalf,
        "html" => Ending::Html { body },
        _ => Ending::Dead,
    }))
}

/// Seconds as a number, or an HTTP date as a text.
fn retry_after(given: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match given.get("retry_after") {
        None => Ok(None),
        Some(Value::Number(seconds)) => Ok(Some(seconds.to_string())),
        Some(Value::String(text)) if text.is_ascii() && !text.contains(char::is_control) => {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(Refusal::bad_field("retry_after", "seconds or an HTTP date")),
    }
}

fn text(given: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    given
        .get(name)
        .map(|value| {
            value
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| Refusal::bad_field(name, "must be a text"))
        })
        .transpose()
}

fn number(given: &Map<String, Value>, name: &str) -> Result<Option<u64>, Refusal> {
    given
        .get(name)
        .map(|value| {
            value
                .as_u64()
                .ok_or_else(|| Refusal::bad_field(name, "must be a whole number"))
        })
        .transpose()
}

fn free_id(rules: &[Rule]) -> String {
    (1..)
        .map(|number| format!("f{number}"))
        .find(|id| rules.iter().all(|rule| rule.id != *id))
        .unwrap_or_default()
}

/// With a star: the whole path, a star standing for any text. Without: the beginning of the path.
fn path_fits(pattern: &str, path: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return true;
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(rule: Value, requests: usize) -> Vec<bool> {
        let faults = Faults::default();
        faults.replace(&[rule]).unwrap();
        (0..requests)
            .map(|_| {
                faults
                    .plan(&Method::POST, "/api/stops/st-01/arrive", true)
                    .name
                    .is_some()
            })
            .collect()
    }

    #[test]
    fn a_star_stands_for_any_text_and_no_star_means_prefix() {
        assert!(path_fits("/api/stops", "/api/stops/st-01/arrive"));
        assert!(!path_fits("/api/stops", "/api/route"));
        assert!(path_fits("/api/stops/*/arrive", "/api/stops/st-01/arrive"));
        assert!(!path_fits(
            "/api/stops/*/arrive",
            "/api/stops/st-01/arrive/x"
        ));
        assert!(!path_fits("/api/*/a/*", "/api/stops"));
        assert!(path_fits("*", "/api/stops"));
        assert!(!path_fits("/ab*ab", "/ab"));
    }

    #[test]
    fn skip_every_and_times_count_matching_requests() {
        assert_eq!(
            hits(json!({"fault": "status", "every": 3}), 6),
            [false, false, true, false, false, true]
        );
        assert_eq!(
            hits(json!({"fault": "status", "skip": 1, "times": 2}), 4),
            [false, true, true, false]
        );
        assert_eq!(
            hits(json!({"fault": "status", "skip": 1, "every": 2}), 5),
            [false, false, true, false, true]
        );
        assert_eq!(
            hits(json!({"fault": "status", "method": "get"}), 2),
            [false, false]
        );
    }

    #[test]
    fn latency_adds_up_and_the_first_ending_decides() {
        let faults = Faults::default();
        faults
            .replace(&[
                json!({"fault": "latency", "ms": 5}),
                json!({"fault": "latency", "ms": 7}),
                json!({"fault": "cut_after"}),
                json!({"fault": "status"}),
            ])
            .unwrap();
        let plan = faults.plan(&Method::GET, "/api/route", true);
        assert_eq!(plan.latency, Duration::from_millis(12));
        assert_eq!(plan.ending, Ending::CutAfter);
        assert_eq!(plan.name.as_deref(), Some("latency+latency+cut_after"));
        assert_eq!(faults.json()["rules"][3]["seen"], 0);
    }

    #[test]
    fn only_a_dead_network_touches_what_is_not_the_api() {
        let faults = Faults::default();
        faults
            .replace(&[json!({"fault": "status"}), json!({"fault": "dead"})])
            .unwrap();
        assert_eq!(
            faults.plan(&Method::GET, "/index.html", false).ending,
            Ending::Dead
        );
    }

    #[test]
    fn a_wrong_rule_replaces_nothing() {
        let faults = Faults::default();
        faults.replace(&[json!({"fault": "dead"})]).unwrap();
        assert!(
            faults
                .replace(&[json!({"fault": "html"}), json!({"fault": "rain"})])
                .is_err()
        );
        assert_eq!(faults.json()["rules"][0]["fault"], "dead");
    }
}
