//! What an answer means: the first rule that matches decides. What no rule describes is never a
//! yes and never a drop.

use super::date::http_date;
use super::document::{OutcomeRule, Probe, Profile, StatusMatch, Verdict, When};
use super::http::Answer;
use super::read::ProfileError;
use super::value::{Context, plain_text};
use crate::domain::json::{ToJson, object, parse};
use crate::domain::text::{find, whole};
use crate::domain::tree::pointed;
use serde_json::{Map, Value};

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Already => "already",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Auth => "auth",
            Self::AuthUnsure => "auth_unsure",
            Self::Throttled => "throttled",
            Self::Retry => "retry",
            Self::InDoubt => "in_doubt",
            Self::Probe => "probe",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Ruling,
    /// the backend's own words
    pub message: Option<String>,
    pub retry_after_ms: Option<i64>,
    /// the answer as a subject for tests and outputs
    pub subject: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    Rule(Verdict),
    /// 2xx or 4xx that nobody described: a person looks at it
    Unmatched,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeFinding {
    Applied,
    NotApplied,
    Unknown,
}

impl ProbeFinding {
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "found",
            Self::NotApplied => "not_found",
            Self::Unknown => "unclear",
        }
    }
}

/// The answer as a subject for tests and outputs.
pub fn answer_value(answer: &Answer) -> Value {
    let body = match parse(&answer.body) {
        Ok(json) if answer.is_json() => json,
        _ => Value::Null,
    };
    let mut headers = Map::new();
    for (name, value) in &answer.headers {
        headers.insert(name.clone(), Value::String(value.clone()));
    }
    object([
        ("status", answer.status.to_json()),
        ("headers", Value::Object(headers)),
        ("body", body),
    ])
}

/// JSON that is not whole. WebKit gives an answer that was cut as a complete one when its connection
/// was to be closed after it or it came in chunks, so it says as little as a cut connection.
fn breaks_off(answer: &Answer, subject: &Value) -> bool {
    let nothing = answer.is_json() && subject["body"].is_null();
    nothing && !is_empty(answer) && parse(&answer.body).is_err()
}

fn is_empty(answer: &Answer) -> bool {
    answer.body.trim().is_empty()
}

/// Tries a request's own rules, then the profile's common ones.
pub fn judge(
    rules: &[OutcomeRule],
    profile: &Profile,
    answer: &Answer,
    context: &Context,
) -> Result<Judgement, ProfileError> {
    judge_knowing(rules, profile, answer, context, false)
}

/// The same; with `signed_in` known for sure, rules that say `authUnsure` no longer apply.
pub fn judge_knowing(
    rules: &[OutcomeRule],
    profile: &Profile,
    answer: &Answer,
    context: &Context,
    signed_in: bool,
) -> Result<Judgement, ProfileError> {
    let subject = answer_value(answer);
    let mut message = None;
    let verdict = if (200..=299).contains(&answer.status) && breaks_off(answer, &subject) {
        Ruling::Rule(Verdict::InDoubt)
    } else {
        let body = &subject["body"];
        let rule = rule_for(rules, profile, answer, body, context, signed_in)?;
        let words = rule.and_then(|rule| rule.message.as_ref());
        message = words
            .and_then(|pointer| pointed(body, pointer.trim_start_matches('#')))
            .map(plain_text);
        rule.map_or_else(|| undescribed(answer), |rule| Ruling::Rule(rule.then))
    };
    let now = context.look_up("now").and_then(Value::as_i64).unwrap_or(0);
    Ok(Judgement {
        verdict,
        message,
        retry_after_ms: retry_after(answer, now),
        subject,
    })
}

/// The first rule that matches.
fn rule_for<'r>(
    rules: &'r [OutcomeRule],
    profile: &'r Profile,
    answer: &Answer,
    body: &Value,
    context: &Context,
    signed_in: bool,
) -> Result<Option<&'r OutcomeRule>, ProfileError> {
    for rule in rules.iter().chain(&profile.outcomes) {
        if signed_in && rule.then == Verdict::AuthUnsure {
            continue;
        }
        if matches(&rule.when, answer, body, context)? {
            return Ok(Some(rule));
        }
    }
    Ok(None)
}

/// What no rule describes.
fn undescribed(answer: &Answer) -> Ruling {
    match answer.status {
        // A page where JSON was expected is a login portal or a proxy speaking, not the backend.
        200..=299 | 400..=499 if answer.media_type() == "text/html" => {
            Ruling::Rule(Verdict::InDoubt)
        }
        // Nothing where JSON was announced is not the whole of it either.
        200..=299 if answer.is_json() && is_empty(answer) => Ruling::Rule(Verdict::InDoubt),
        500..=599 => Ruling::Rule(Verdict::InDoubt),
        408 | 429 => Ruling::Rule(Verdict::Throttled),
        _ => Ruling::Unmatched,
    }
}

/// Whether a probe's answer is to be read at all: a whole 2xx in JSON.
pub fn says_something(answer: &Answer, subject: &Value) -> bool {
    (200..=299).contains(&answer.status)
        && answer.is_json()
        && !is_empty(answer)
        && !breaks_off(answer, subject)
}

/// Judges a probe's answer, which is also given as the subject: only a 2xx in JSON says anything.
pub fn judge_probe(
    probe: &Probe,
    answer: &Answer,
    subject: &Value,
    context: &Context,
) -> Result<ProbeFinding, ProfileError> {
    if probe.gone.contains(&answer.status) {
        return Ok(ProbeFinding::NotApplied);
    }
    if !says_something(answer, subject) {
        return Ok(ProbeFinding::Unknown);
    }
    let body = &subject["body"];
    if probe.applied.holds(body, context)? {
        Ok(ProbeFinding::Applied)
    } else if probe.not_applied.holds(body, context)? {
        Ok(ProbeFinding::NotApplied)
    } else {
        Ok(ProbeFinding::Unknown)
    }
}

/// The longest that anything waits.
pub const WAIT_MS_MAX: i64 = 3_600_000;

/// How long the backend wants to be left alone: `Retry-After` in seconds or as a date, or the
/// reset of a rate limit, which some give as seconds left and some as a moment.
fn retry_after(answer: &Answer, now: i64) -> Option<i64> {
    let header = |name: &str| answer.headers.get(name).map(|text| text.trim());
    // A moment is the backend's: by its own clock, where that can be read.
    let now = header("date").and_then(http_date).unwrap_or(now);
    // One that is over, or further off than anybody asks for, tells of two clocks: backoff then.
    let until = |at: i64| Some(at - now).filter(|wait| (0..=WAIT_MS_MAX).contains(wait));
    let wait = if let Some(text) = header("retry-after") {
        match whole(text) {
            Some(seconds) => seconds.saturating_mul(1_000),
            None => until(http_date(text)?)?,
        }
    } else {
        let names = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"];
        let reset = whole(names.into_iter().find_map(header)?)?;
        match reset {
            0..1_000_000_000 => reset * 1_000,
            1_000_000_000..100_000_000_000 => until(reset * 1_000)?,
            _ => until(reset)?,
        }
    };
    Some(wait.clamp(0, WAIT_MS_MAX))
}

fn matches(
    when: &When,
    answer: &Answer,
    body: &Value,
    context: &Context,
) -> Result<bool, ProfileError> {
    let status = when.status.is_empty()
        || when.status.iter().any(|s| match s {
            StatusMatch::Exact(code) => *code == answer.status,
            StatusMatch::Class(class) => {
                // Checked when the document is read: "1xx" to "5xx".
                let class = class.chars().next().and_then(|c| c.to_digit(10));
                class == Some(u32::from(answer.status / 100))
            }
        });
    if !status {
        return Ok(false);
    }
    if when
        .media_type
        .as_deref()
        .is_some_and(|m| m != answer.media_type())
    {
        return Ok(false);
    }
    if when
        .text_contains
        .as_ref()
        .is_some_and(|t| find(&answer.body, t).is_none())
    {
        return Ok(false);
    }
    for (name, test) in &when.headers {
        let header = answer.headers.get(name.to_ascii_lowercase().as_str());
        let header = header.map_or(Value::Null, |h| Value::String(h.clone()));
        if !test.holds(&header, context)? {
            return Ok(false);
        }
    }
    match &when.body {
        Some(test) => test.holds(body, context),
        None => Ok(true),
    }
}
