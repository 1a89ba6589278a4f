//! Reading a document: a clear error that names the place, or a profile that can be used.

use super::document::BodyTemplate;
use super::document::{
    Call, Identity, OutcomeRule, PagingKind, Profile, RequestTemplate, SignInKind, StatusMatch,
    Verdict,
};
use super::packs;
use super::test::Test;
use super::value::{FUNCTIONS, references};
use crate::domain::dictionary::Set;
use crate::domain::json::{FromJson, Wrong, as_whole, from_text};
use crate::domain::text::find;
use crate::known::{keep_text, known_text};
use serde_json::Value;
use std::fmt;

pub const PROFILE_BYTES_MAX: usize = 512 * 1024;
pub const LANGUAGE: u32 = 1;

/// One pointer wide: nearly everything about a profile may end in one.
pub type ProfileError = Box<Mistake>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub code: &'static str,
    pub text: String,
}

impl Mistake {
    #[cold]
    #[allow(clippy::new_ret_no_self)]
    pub fn new(code: &'static str, text: impl Into<String>) -> ProfileError {
        Box::new(Self {
            code,
            text: text.into(),
        })
    }
    /// The same mistake, with the place it was found at in front.
    #[must_use]
    pub fn at(mut self: Box<Self>, place: impl fmt::Display) -> ProfileError {
        self.text = format!("{place}: {}", self.text);
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}
impl std::error::Error for Mistake {}

/// Reads and checks a document.
///
/// # Errors
/// `profile_too_large`, `profile_unreadable` (with line and column), `profile_language`,
/// `profile_invalid` (with the place).
pub fn read(text: &str) -> Result<Profile, ProfileError> {
    if text.len() > PROFILE_BYTES_MAX {
        return Err(Mistake::new(
            "profile_too_large",
            format!(
                "the profile has {} bytes; at most {PROFILE_BYTES_MAX} are read",
                text.len()
            ),
        ));
    }
    if let Some(profile) = known_text(text) {
        return Ok(profile);
    }
    let unreadable = |e: Wrong| Mistake::new("profile_unreadable", format!("the profile: {e}"));
    // Before anything else: a later language may say everything else differently.
    let spoken: Spoken = from_text(text).map_err(unreadable)?;
    let spoken = as_whole(&spoken.pannier).unwrap_or(LANGUAGE.into());
    if spoken != i64::from(LANGUAGE) {
        return Err(Mistake::new(
            "profile_language",
            format!("the profile speaks version {spoken}; this core reads {LANGUAGE}"),
        ));
    }
    let mut profile: Profile = from_text(text).map_err(unreadable)?;
    for name in &profile.packs {
        let Some(rules) = packs::rules(name) else {
            let known: Vec<&str> = packs::PACKS.iter().map(|(name, _)| *name).collect();
            return Err(invalid(
                "packs",
                format!("{name} is none of {}", known.join(", ")),
            ));
        };
        profile.outcomes.extend(rules);
    }
    check(&profile)?;
    // An escaped sign may be a `$`.
    let signs = ["$stop", "\\u"];
    profile.stopless = signs.iter().all(|sign| find(text, sign).is_none());
    keep_text(text, &profile);
    Ok(profile)
}

#[derive(FromJson)]
struct Spoken {
    #[json(default)]
    pannier: Value,
}

fn invalid(place: &str, text: impl fmt::Display) -> ProfileError {
    Mistake::new("profile_invalid", format!("{place}: {text}"))
}

fn check(profile: &Profile) -> Result<(), ProfileError> {
    if profile.revision.0.is_empty() {
        return Err(invalid("revision", "is empty"));
    }
    if !(1..=16).contains(&profile.concurrency) {
        return Err(invalid("concurrency", "takes 1 to 16"));
    }
    check_statuses("outcomes", &profile.outcomes)?;
    check_sign_in(profile)?;
    let mut names = Set::new();
    if profile.route.reads.is_empty() {
        return Err(invalid("route.reads", "is empty"));
    }
    for read in &profile.route.reads {
        let place = ["route.reads.", &read.read_id].concat();
        if !names.add(read.read_id.as_str()) {
            return Err(invalid(&place, "this readId stands twice"));
        }
        // The name that `for` gives its item is known in this read, and in what is read by it.
        let own: Vec<&str> = read.as_.iter().map(String::as_str).collect();
        check_request_knowing(profile, &place, &read.request, &own)?;
        check_rules(&place, &read.outcomes, &profile.outcomes)?;
        if let Some(paging) = &read.paging {
            if paging.kind == PagingKind::Cursor && paging.next.is_none() {
                return Err(invalid(
                    &place,
                    "a cursor needs \"next\": where the answer has it",
                ));
            }
            if let Some(tree) = &paging.next {
                check_tree(&place, tree, &own)?;
            }
        }
        if let Some(tree) = &read.for_ {
            check_tree(&place, tree, &own)?;
        }
    }
    if let Some(tree) = &profile.route.items {
        check_tree("route.items", tree, &[])?;
    }
    for (name, tree) in &profile.route.outputs {
        check_tree(&["route.outputs.", name].concat(), tree, &[])?;
    }
    for (name, tree) in &profile.route.keep {
        check_tree(&["route.keep.", name].concat(), tree, &[])?;
    }
    check_tree("route.stop", &profile.route.stop, &[])?;
    if let Some(call) = &profile.heartbeat {
        check_call(profile, "heartbeat", call)?;
    }
    if let Some(push) = &profile.push {
        check_tree("push.key", &push.key, &[])?;
        for call in push.calls() {
            check_call(profile, "push", call)?;
        }
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
                check_tree(&format!("{place}.outputs.{name}"), tree, &[])?;
            }
            if let Some(test) = &step.when {
                check_test(&format!("{place}.when"), test)?;
            }
            if matches!(step.identity, Identity::Marker {}) && step.probe.is_none() {
                return Err(invalid(
                    &place,
                    "a marker is of no use without a probe that reads it",
                ));
            }
            if let Some(probe) = &step.probe {
                let place = format!("{place}.probe");
                check_request(profile, &place, &probe.request)?;
                check_test(&place, &probe.applied)?;
                check_test(&place, &probe.not_applied)?;
                let further = probe.message.iter().chain(&probe.count);
                let captured = probe.outputs.values().chain(probe.fresh.values());
                for tree in captured.chain(further) {
                    check_tree(&place, tree, &[])?;
                }
            }
        }
    }
    Ok(())
}

fn check_sign_in(profile: &Profile) -> Result<(), ProfileError> {
    use SignInKind::{AuthorizationCode, ClientCredentials, Code, Password};
    let how = &profile.sign_in;
    let missing = |what: &str| Err(invalid("signIn", format!("{what} is missing")));
    if how.request.is_none()
        && matches!(
            how.kind,
            Password | Code | AuthorizationCode | ClientCredentials
        )
    {
        return missing("request");
    }
    if how.start.is_none() && how.kind == Code {
        return missing("start");
    }
    if how.start.is_some() && how.kind != Code {
        return Err(invalid("signIn", "start belongs to the kind \"code\""));
    }
    if let Some(request) = &how.request {
        check_request(profile, "signIn.request", request)?;
        check_rules("signIn.outcomes", &how.outcomes, &profile.outcomes)?;
    }
    for (name, call) in [("signIn.start", &how.start), ("signIn.probe", &how.probe)] {
        if let Some(call) = call {
            check_call(profile, name, call)?;
        }
    }
    let mut needed = vec!["account"];
    if how.kind != SignInKind::None && !how.cookies {
        needed.push("token");
    }
    if let Some(name) = needed.into_iter().find(|n| !how.outputs.contains_key(*n)) {
        return Err(invalid("signIn.outputs", format!("{name} is missing")));
    }
    for (name, tree) in how.outputs.iter().chain(how.headers.iter()) {
        check_tree(&["signIn.", name].concat(), tree, &[])?;
    }
    if let Some(refresh) = &how.refresh {
        check_request(profile, "signIn.refresh.request", &refresh.request)?;
        check_rules(
            "signIn.refresh.outcomes",
            &refresh.outcomes,
            &profile.outcomes,
        )?;
        if !refresh.outputs.contains_key("token") && !how.cookies {
            return Err(invalid("signIn.refresh.outputs", "token is missing"));
        }
    }
    Ok(())
}

fn check_call(profile: &Profile, place: &str, call: &Call) -> Result<(), ProfileError> {
    check_request(profile, place, &call.request)?;
    check_rules(place, &call.outcomes, &profile.outcomes)
}

fn check_test(place: &str, test: &Test) -> Result<(), ProfileError> {
    let values = test
        .eq
        .iter()
        .chain(&test.ne)
        .chain(&test.contains)
        .chain(&test.of);
    for tree in values.chain(test.in_.iter().flatten()) {
        check_tree(place, tree, &[])?;
    }
    let tests = test.some.iter().chain(&test.not).map(|t| &**t);
    for inner in tests
        .chain(test.all.iter().flatten())
        .chain(test.any.iter().flatten())
    {
        check_test(place, inner)?;
    }
    Ok(())
}

fn check_request(profile: &Profile, place: &str, r: &RequestTemplate) -> Result<(), ProfileError> {
    check_request_knowing(profile, place, r, &[])
}

fn check_request_knowing(
    profile: &Profile,
    place: &str,
    r: &RequestTemplate,
    known: &[&str],
) -> Result<(), ProfileError> {
    const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    if !METHODS.contains(&r.method.as_str()) {
        return Err(invalid(
            place,
            format!("method {} is none of {}", r.method, METHODS.join(", ")),
        ));
    }
    super::url::expand(&r.url, &mut |name| {
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
        check_tree(&format!("{place}.{name}"), tree, known)?;
    }
    let body = [place, ".body"].concat();
    let mut trees: Vec<&Value> = r.headers_from.iter().collect();
    match &r.body {
        Some(BodyTemplate::Json(tree) | BodyTemplate::Blob(tree)) => trees.push(tree),
        Some(BodyTemplate::Form(fields)) => trees.extend(fields.values()),
        Some(BodyTemplate::Multipart(parts)) => {
            for part in parts {
                let given = [&part.value, &part.blob, &part.fields];
                if given.iter().filter(|g| g.is_some()).count() != 1 {
                    let text = format!("part {} needs one of value, blob and fields", part.name);
                    return Err(invalid(&body, text));
                }
                trees.extend(given.into_iter().flatten().chain(&part.filename));
            }
        }
        None => {}
    }
    for tree in trees {
        check_tree(&body, tree, known)?;
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
pub const ROOTS: [&str; 18] = [
    "host",
    "push",
    "kept",
    "fresh",
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
    "device",
    "secrets",
    "reads",
    "page",
];

fn check_tree(place: &str, tree: &Value, known: &[&str]) -> Result<(), ProfileError> {
    let mut named = Set::new();
    for name in known {
        named.add(*name);
    }
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
