//! What a profile that the core takes may still do wrong: warnings and notes about a document that
//! is valid.

use crate::names::nearest;
use crate::report::{Finding, Severity};
use crate::sample::{KINDS, values};
use crate::secrets::ACCEPTABLE;
use pannier::profile::document::{
    Identity, OperationProfile, OutcomeRule, Profile, RequestTemplate, SignInKind, StatusMatch,
    StepProfile, Verdict,
};
use pannier::profile::value::references;

pub fn risks(profile: &Profile) -> Vec<Finding> {
    let mut out = vec![];
    operations(profile, &mut out);
    versions(profile, &mut out);
    successes(profile, &mut out);
    kinds(profile, &mut out);
    whole(profile, &mut out);
    out
}

fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn reads_only(request: &RequestTemplate) -> bool {
    matches!(request.method.as_str(), "GET" | "HEAD")
}

/// Whether a later step looks at what this one did.
fn read_back(operation: &OperationProfile, step: usize) -> bool {
    let mut later = operation.steps.iter().skip(step + 1);
    later.any(|step| reads_only(&step.request))
}

fn names(request: &RequestTemplate, wanted: &[&str]) -> bool {
    let mut found = false;
    for tree in values(request) {
        references(tree, &mut |reference| found |= wanted.contains(&reference));
    }
    found
}

fn names_id(request: &RequestTemplate) -> bool {
    names(request, &["operation.id", "operation"])
}

/// Several changes under the stop's version, and one of them that does not say what it made of it.
fn versions(profile: &Profile, out: &mut Vec<Finding>) {
    let mut under: Vec<(Vec<String>, &StepProfile)> = vec![];
    for (kind, operation) in &profile.operations {
        for (i, step) in operation.steps.iter().enumerate() {
            if !reads_only(&step.request) && names(&step.request, &["stop.version"]) {
                under.push((path(&["operations", kind, "steps", &i.to_string()]), step));
            }
        }
    }
    if under.len() < 2 {
        return;
    }
    for (place, step) in under {
        if !step.outputs.contains_key("version") {
            let text = format!(
                "step {}: sent under $stop.version, but without an output version: what follows at this stop goes out under the outdated one until the route is read again",
                step.step_id
            );
            let code = "version_outdated";
            out.push(Finding::new(Severity::Warning, code, place, text));
        }
    }
}

fn operations(profile: &Profile, out: &mut Vec<Finding>) {
    let mut asked: Vec<&str> = vec![];
    for (kind, operation) in &profile.operations {
        for (i, step) in operation.steps.iter().enumerate() {
            let place = path(&["operations", kind, "steps", &i.to_string()]);
            if step.identity == (Identity::Marker {}) && names_id(&step.request) {
                asked.push(kind);
            } else if let Some((severity, code, text)) = identity(step) {
                let text = format!("step {}: {text}", step.step_id);
                out.push(Finding::new(severity, code, place, text));
            }
        }
    }
    for (kind, operation) in &profile.operations {
        for (i, step) in operation.steps.iter().enumerate() {
            let names: Vec<&str> = [&step.host.request, &step.host.answer]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            if names.is_empty() {
                continue;
            }
            let place = path(&["operations", kind, "steps", &i.to_string(), "host"]);
            let text = format!(
                "step {}: needs the host's {}; a service worker and a locked phone have no such function and leave it to the page",
                step.step_id,
                names.join(" and ")
            );
            out.push(Finding::new(Severity::Note, "host_function", place, text));
        }
    }
    asked.dedup();
    if !asked.is_empty() {
        let text = format!(
            "asked about after a lost answer, before anything is sent again: {}",
            asked.join(", ")
        );
        let place = path(&["operations"]);
        out.push(Finding::new(Severity::Note, "marker", place, text));
    }
    let can_be_asked = |o: &OperationProfile| {
        o.steps.iter().any(|step| step.probe.is_some())
            || (0..o.steps.len()).any(|i| read_back(o, i))
    };
    if let Some(deliver) = profile.operations.get("deliver")
        && !deliver.steps.is_empty()
        && !can_be_asked(deliver)
        && profile.operations.values().any(can_be_asked)
    {
        out.push(Finding::new(
            Severity::Warning,
            "deliver_unproven",
            path(&["operations", "deliver"]),
            "no step of a delivery can be read back, though other operations can: a lost answer leaves it to a person",
        ));
    }
}

/// What follows from a step's identity, or from having none.
fn identity(step: &StepProfile) -> Option<(Severity, &'static str, String)> {
    let asked = step.probe.is_some();
    Some(match &step.identity {
        Identity::Unsaid | Identity::None {} if reads_only(&step.request) => (
            Severity::Note,
            "no_identity",
            "no identity is said; a read may be sent twice: naturalKey says so".to_owned(),
        ),
        Identity::Unsaid | Identity::None {} => {
            let then = match asked {
                true => "after a lost answer the probe decides",
                false => "after a lost answer it waits for a person",
            };
            (
                Severity::Warning,
                "no_identity",
                format!("a resend can duplicate this: it has no identity; {then}"),
            )
        }
        Identity::Marker {} => (
            Severity::Warning,
            "identity_unwritten",
            "a marker is said, but $operation.id stands nowhere in the request".to_owned(),
        ),
        Identity::RecordId {} if !names_id(&step.request) => (
            Severity::Warning,
            "identity_unwritten",
            "the client is said to choose the record's id, but $operation.id stands nowhere in the request".to_owned(),
        ),
        _ => return None,
    })
}

/// A rule that takes any answer with this status for a yes.
fn by_status_alone(rule: &OutcomeRule) -> bool {
    let when = &rule.when;
    let more = when.body.is_some()
        || when.text_contains.is_some()
        || !when.headers.is_empty()
        || when.media_type.as_ref().is_some_and(|m| m != "text/html");
    // A portal answers 200 with its page; 201 and 204 are nobody's idea of a page.
    let like_a_portal = |status: &StatusMatch| match status {
        StatusMatch::Exact(code) => *code == 200,
        StatusMatch::Class(class) => class == "2xx",
    };
    let yes = matches!(rule.then, Verdict::Applied | Verdict::Already);
    yes && !more && (when.status.is_empty() || when.status.iter().any(like_a_portal))
}

struct Rules<'p> {
    place: Vec<String>,
    rules: &'p [OutcomeRule],
    /// a later step reads back what they say yes to
    proven: bool,
}

/// Every list of rules with its place.
fn all_rules(profile: &Profile) -> Vec<Rules<'_>> {
    let how = &profile.sign_in;
    let mut out: Vec<Rules> = vec![];
    let mut add = |place: &[&str], rules| {
        out.push(Rules {
            place: path(place),
            rules,
            proven: false,
        });
    };
    add(&["outcomes"], &profile.outcomes);
    add(&["signIn", "outcomes"], &how.outcomes);
    if let Some(call) = &how.start {
        add(&["signIn", "start", "outcomes"], &call.outcomes);
    }
    if let Some(call) = &how.probe {
        add(&["signIn", "probe", "outcomes"], &call.outcomes);
    }
    if let Some(refresh) = &how.refresh {
        add(&["signIn", "refresh", "outcomes"], &refresh.outcomes);
    }
    if let Some(call) = &profile.heartbeat {
        add(&["heartbeat", "outcomes"], &call.outcomes);
    }
    if let Some(push) = &profile.push {
        add(&["push", "subscribe", "outcomes"], &push.subscribe.outcomes);
    }
    for (i, read) in profile.route.reads.iter().enumerate() {
        add(
            &["route", "reads", &i.to_string(), "outcomes"],
            &read.outcomes,
        );
    }
    for (kind, operation) in &profile.operations {
        for (i, step) in operation.steps.iter().enumerate() {
            let place = path(&["operations", kind, "steps", &i.to_string(), "outcomes"]);
            out.push(Rules {
                place,
                rules: &step.outcomes,
                // What a status alone claims is then seen for itself.
                proven: read_back(operation, i),
            });
        }
    }
    out
}

fn successes(profile: &Profile, out: &mut Vec<Finding>) {
    let rules = all_rules(profile);
    for list in rules.iter().filter(|list| !list.proven) {
        let alone = list.rules.iter().map(by_status_alone).enumerate();
        for (i, _) in alone.filter(|(_, alone)| *alone) {
            let mut place = list.place.clone();
            place.push(i.to_string());
            out.push(Finding::new(
                Severity::Warning,
                "success_by_status",
                place,
                "success by its status alone: a login portal answers 200 too; test something that only the real answer has",
            ));
        }
    }
    let mut all = rules.iter().flat_map(|list| list.rules.iter());
    let says_auth = |rule: &OutcomeRule| matches!(rule.then, Verdict::Auth | Verdict::AuthUnsure);
    if profile.sign_in.kind != SignInKind::None && !all.any(says_auth) {
        out.push(Finding::new(
            Severity::Warning,
            "no_auth_rule",
            path(&["outcomes"]),
            "no rule says auth: an ended sign-in parks every operation instead of asking for a new one",
        ));
    }
}

fn kinds(profile: &Profile, out: &mut Vec<Finding>) {
    let mut own: Vec<&str> = vec![];
    for kind in profile.operations.keys() {
        let place = path(&["operations", kind]);
        if profile.unsupported.contains_key(kind.as_str()) {
            out.push(Finding::new(
                Severity::Warning,
                "unsupported_described",
                place,
                format!("{kind} is described here and under unsupported"),
            ));
        } else if !KINDS.contains(&kind.as_str()) {
            let Some(known) = nearest(kind, KINDS) else {
                own.push(kind);
                continue;
            };
            let text =
                format!("{kind} is taken for an operation of your own; did you mean {known}?");
            out.push(Finding::new(Severity::Warning, "custom_kind", place, text));
        }
    }
    if !own.is_empty() {
        let text = format!(
            "operations of your own, which the page offers only where yours asks for them: {}",
            own.join(", ")
        );
        out.push(Finding::new(
            Severity::Note,
            "custom_kind",
            path(&["operations"]),
            text,
        ));
    }
    let missing: Vec<&str> = KINDS
        .into_iter()
        .filter(|k| !profile.operations.contains_key(*k) && !profile.unsupported.contains_key(*k))
        .collect();
    if !missing.is_empty() {
        let text = format!(
            "not described, so not offered: {}; under unsupported they get words of their own",
            missing.join(", ")
        );
        out.push(Finding::new(
            Severity::Note,
            "not_offered",
            path(&["operations"]),
            text,
        ));
    }
}

fn whole(profile: &Profile, out: &mut Vec<Finding>) {
    let mut warn = |code, place: Vec<String>, text: &str| {
        out.push(Finding::new(Severity::Warning, code, place, text));
    };
    if profile.heartbeat.is_none() {
        warn(
            "no_heartbeat",
            vec![],
            "no heartbeat: after a dead zone the first operation is what finds out, and may be put in doubt",
        );
    }
    for (name, address) in &profile.servers {
        let open = address.strip_prefix("http://");
        let host = open.map(|rest| rest.split(['/', ':']).next().unwrap_or(""));
        if host.is_some_and(|h| !matches!(h, "localhost" | "127.0.0.1" | "[" | "")) {
            warn(
                "plain_http",
                path(&["servers", name]),
                "unencrypted: tokens and addresses can be read on the way, and a page from https may not ask it",
            );
        }
    }
    for (i, code) in profile.accepts.iter().enumerate() {
        if !ACCEPTABLE.contains(&code.as_str()) {
            let known = ACCEPTABLE.join(" and ");
            let text = format!("nothing is refused under this code; known are {known}");
            warn("accepts_unknown", path(&["accepts", &i.to_string()]), &text);
        }
    }
    let can_renew = profile.sign_in.refresh.is_some()
        || matches!(
            profile.sign_in.kind,
            SignInKind::None | SignInKind::Key | SignInKind::Host | SignInKind::ClientCredentials
        );
    if !can_renew {
        out.push(Finding::new(
            Severity::Note,
            "no_refresh",
            path(&["signIn"]),
            "the token is never renewed: when it ends, the courier signs in again",
        ));
    }
}
