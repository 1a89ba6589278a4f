//! Reading a document: a clear error that names the place, or a profile that can be used.

use super::document::{
    Identity, OutcomeRule, Profile, RequestTemplate, SignIn, StatusMatch, Verdict,
};
use super::value::{FUNCTIONS, references};
use crate::domain::dictionary::Set;
use crate::domain::json::{FromJson, Wrong, parse, print};
use serde_json::Value;
use std::fmt;

pub const PROFILE_BYTES_MAX: usize = 512 * 1024;
pub const LANGUAGE: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError {
    pub code: &'static str,
    pub text: String,
}

impl ProfileError {
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
    /// The same mistake, with the place it was found at in front.
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self {
            code: self.code,
            text: format!("{place}: {}", self.text),
        }
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}
impl std::error::Error for ProfileError {}

/// Reads and checks a document.
///
/// # Errors
/// `profile_too_large`, `profile_unreadable` (with line and column), `profile_language`,
/// `profile_invalid` (with the place).
pub fn read(text: &str) -> Result<Profile, ProfileError> {
    if text.len() > PROFILE_BYTES_MAX {
        return Err(ProfileError::new(
            "profile_too_large",
            format!(
                "the profile has {} bytes; at most {PROFILE_BYTES_MAX} are read",
                text.len()
            ),
        ));
    }
    let unreadable =
        |e: Wrong| ProfileError::new("profile_unreadable", format!("the profile: {e}"));
    let document = parse(text).map_err(unreadable)?;
    // Before anything else: a later language may say everything else differently.
    let language = document.get("pannier").cloned().unwrap_or_default();
    if u32::from_json(language.clone()).is_ok_and(|spoken| spoken != LANGUAGE) {
        return Err(ProfileError::new(
            "profile_language",
            format!(
                "the profile speaks version {}; this core reads {LANGUAGE}",
                print(&language)
            ),
        ));
    }
    let profile = Profile::from_json(document).map_err(unreadable)?;
    check(&profile)?;
    Ok(profile)
}

fn invalid(place: &str, text: impl fmt::Display) -> ProfileError {
    ProfileError::new("profile_invalid", format!("{place}: {text}"))
}

fn check(profile: &Profile) -> Result<(), ProfileError> {
    if profile.revision.0.is_empty() {
        return Err(invalid("revision", "is empty"));
    }
    if !(1..=16).contains(&profile.concurrency) {
        return Err(invalid("concurrency", "takes 1 to 16"));
    }
    let SignIn::Password {
        request,
        outcomes,
        outputs,
        refresh,
        headers,
    } = &profile.sign_in;
    check_request(profile, "signIn.request", request)?;
    check_rules("signIn.outcomes", outcomes, &profile.outcomes)?;
    for needed in ["account", "token"] {
        if !outputs.contains_key(needed) {
            return Err(invalid("signIn.outputs", format!("{needed} is missing")));
        }
    }
    check_statuses("outcomes", &profile.outcomes)?;
    headers
        .iter()
        .try_for_each(|(name, tree)| check_tree(&format!("signIn.headers.{name}"), tree))?;
    if let Some(refresh) = refresh {
        check_request(profile, "signIn.refresh.request", &refresh.request)?;
        check_rules(
            "signIn.refresh.outcomes",
            &refresh.outcomes,
            &profile.outcomes,
        )?;
        if !refresh.outputs.contains_key("token") {
            return Err(invalid("signIn.refresh.outputs", "token is missing"));
        }
    }
    check_request(profile, "route.request", &profile.route.request)?;
    check_rules("route.outcomes", &profile.route.outcomes, &profile.outcomes)?;
    check_tree("route.stop", &profile.route.stop)?;
    if let Some(call) = &profile.heartbeat {
        check_request(profile, "heartbeat.request", &call.request)?;
        check_rules("heartbeat.outcomes", &call.outcomes, &profile.outcomes)?;
    }
    for (kind, operation) in &profile.operations {
        let mut names = Set::new();
        for step in &operation.steps {
            let place = format!("operations.{kind}.{}", step.step_id);
            if !names.add(step.step_id.as_str()) {
                return Err(invalid(&place, "this stepId stands twice"));
            }
            check_request(profile, &format!("{place}.request"), &step.request)?;
            check_rules(
                &format!("{place}.outcomes"),
                &step.outcomes,
                &profile.outcomes,
            )?;
            for (name, tree) in &step.outputs {
                check_tree(&format!("{place}.outputs.{name}"), tree)?;
            }
            if matches!(step.identity, Identity::Marker {}) && step.probe.is_none() {
                return Err(invalid(
                    &place,
                    "a marker is of no use without a probe that reads it",
                ));
            }
            if let Some(probe) = &step.probe {
                check_request(profile, &format!("{place}.probe.request"), &probe.request)?;
            }
        }
    }
    Ok(())
}

fn check_request(profile: &Profile, place: &str, r: &RequestTemplate) -> Result<(), ProfileError> {
    const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    if !METHODS.contains(&r.method.as_str()) {
        return Err(invalid(
            place,
            format!("method {} is none of {}", r.method, METHODS.join(", ")),
        ));
    }
    super::url::expand(&r.url, |name| {
        let known = profile.servers.contains_key(name) || r.parameters.contains_key(name);
        if known {
            Ok(Some(String::new()))
        } else {
            Err(invalid(
                place,
                format!("{{{name}}} is neither a server nor a parameter"),
            ))
        }
    })?;
    for (name, tree) in r.parameters.iter().chain(r.headers.iter()) {
        check_tree(&format!("{place}.{name}"), tree)?;
    }
    if let Some(super::document::BodyTemplate::Json(tree)) = &r.body {
        check_tree(&format!("{place}.body"), tree)?;
    }
    if !(1_000..=600_000).contains(&r.deadline_ms) {
        return Err(invalid(place, "deadlineMs takes 1000 to 600000"));
    }
    Ok(())
}

fn check_rules(
    place: &str,
    rules: &[OutcomeRule],
    common: &[OutcomeRule],
) -> Result<(), ProfileError> {
    let says_yes = |r: &OutcomeRule| matches!(r.then, Verdict::Applied | Verdict::Already);
    if !rules.iter().chain(common).any(says_yes) {
        return Err(invalid(place, "no rule says what success is"));
    }
    check_statuses(place, rules)
}

fn check_statuses(place: &str, rules: &[OutcomeRule]) -> Result<(), ProfileError> {
    for (i, rule) in rules.iter().enumerate() {
        for status in &rule.when.status {
            if let StatusMatch::Class(class) = status
                && !matches!(class.as_str(), "1xx" | "2xx" | "3xx" | "4xx" | "5xx")
            {
                return Err(invalid(
                    place,
                    format!("rule {i}: {class} is no class of answers"),
                ));
            }
        }
    }
    Ok(())
}

/// The names a reference may begin with; what `$each` names with `as` comes on top.
const ROOTS: [&str; 11] = [
    "operation",
    "stop",
    "account",
    "session",
    "steps",
    "carried",
    "response",
    "credentials",
    "item",
    "now",
    "attempt",
];

fn check_tree(place: &str, tree: &Value) -> Result<(), ProfileError> {
    let mut named = Set::new();
    check_functions(place, tree, &mut named)?;
    let mut wrong = None;
    references(tree, &mut |reference| {
        let root = reference.split(['.', '#']).next().unwrap_or("");
        if !ROOTS.contains(&root) && !named.contains_key(root) {
            wrong.get_or_insert_with(|| reference.to_owned());
        }
    });
    match wrong {
        Some(reference) => Err(invalid(
            place,
            format!("${reference} refers to nothing known"),
        )),
        None => Ok(()),
    }
}

fn check_functions<'t>(
    place: &str,
    tree: &'t Value,
    named: &mut Set<&'t str>,
) -> Result<(), ProfileError> {
    match tree {
        Value::Array(items) => items
            .iter()
            .try_for_each(|v| check_functions(place, v, named)),
        Value::Object(fields) => {
            if let Some((name, _)) = fields.iter().find(|(k, _)| k.starts_with('$')) {
                let known = FUNCTIONS.iter().find(|(f, _)| f == name);
                let Some((_, others)) = known else {
                    return Err(invalid(place, format!("{name} is no function")));
                };
                if let Some(extra) = fields
                    .keys()
                    .find(|k| *k != name && !others.contains(&k.as_str()))
                {
                    return Err(invalid(place, format!("{name} does not take {extra}")));
                }
                if name == "$each"
                    && let Some(name) = fields.get("as").and_then(Value::as_str)
                {
                    named.add(name);
                }
            }
            fields
                .values()
                .try_for_each(|v| check_functions(place, v, named))
        }
        _ => Ok(()),
    }
}
