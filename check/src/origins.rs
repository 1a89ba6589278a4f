//! What a profile asks of a backend on another origin than the page: methods and headers that it
//! has to allow before a browser sends them, and answer headers that it has to expose before a
//! browser shows them. One note for each, for each server.

use crate::report::{Finding, Severity};
use crate::sample::values;
use pannier::domain::dictionary::{Dictionary, Set};
use pannier::profile::document::{
    BodyTemplate, Identity, OutcomeRule, PagingKind, Profile, Push, RequestTemplate,
};
use pannier::profile::value::references;
use serde_json::Value;

/// What one origin has to let through.
#[derive(Default)]
struct Asked {
    methods: Set<String>,
    headers: Set<String>,
    /// headers as an earlier answer gave them
    given: bool,
    exposed: Set<String>,
    cookies: bool,
}

struct Asking<'p> {
    profile: &'p Profile,
    out: Dictionary<String, Asked>,
}

pub fn notes(profile: &Profile) -> Vec<Finding> {
    let mut asking = Asking {
        profile,
        out: Dictionary::new(),
    };
    let how = &profile.sign_in;
    let calls = how.start.iter().chain(&how.probe).chain(&profile.heartbeat);
    for call in calls.chain(profile.push.iter().flat_map(Push::calls)) {
        asking.request(&call.request, &call.outcomes, &[]);
    }
    if let Some(request) = &how.request {
        asking.request(request, &how.outcomes, &of(&how.outputs));
    }
    if let Some(refresh) = &how.refresh {
        asking.request(&refresh.request, &refresh.outcomes, &of(&refresh.outputs));
    }
    for read in &profile.route.reads {
        let mut trees = of(&profile.route.outputs);
        trees.push(&profile.route.stop);
        trees.extend(read.paging.iter().filter_map(|p| p.next.as_ref()));
        let server = asking.request(&read.request, &read.outcomes, &trees);
        if read
            .paging
            .as_ref()
            .is_some_and(|p| p.kind == PagingKind::Link && p.next.is_none())
        {
            asking.note(&server, |asked| {
                asked.exposed.add("link".to_owned());
            });
        }
    }
    for step in profile.operations.values().flat_map(|o| &o.steps) {
        let server = asking.request(&step.request, &step.outcomes, &of(&step.outputs));
        if let Identity::Header { name } = &step.identity {
            let name = name.to_ascii_lowercase();
            asking.note(&server, |asked| {
                asked.headers.add(name);
            });
        }
        if let Some(probe) = &step.probe {
            let mut trees = of(&probe.outputs);
            trees.extend(of(&probe.fresh));
            trees.extend(probe.message.iter().chain(&probe.count));
            asking.request(&probe.request, &step.outcomes, &trees);
        }
    }
    asking.findings()
}

fn of(trees: &Dictionary<String, Value>) -> Vec<&Value> {
    trees.values().collect()
}

/// The name of the server an address begins with, or its origin, or nothing that is known.
fn server(url: &str) -> String {
    if let Some(variable) = url.strip_prefix('{') {
        let name = variable.split('}').next().unwrap_or("");
        return name.trim_start_matches('+').to_owned();
    }
    let length = url.find("://").map_or(0, |at| {
        let rest = &url[at + 3..];
        at + 3 + rest.find(['/', '?', '#', '{']).unwrap_or(rest.len())
    });
    // Whoever stands in front of the host is nobody's business.
    let origin = &url[..length];
    match (origin.find("://"), origin.rfind('@')) {
        (Some(scheme), Some(user)) if user > scheme => {
            [&origin[..scheme + 3], &origin[user + 1..]].concat()
        }
        _ => origin.to_owned(),
    }
}

/// What a browser sends without asking first, and shows without being told.
const SENT_FREELY: [&str; 3] = ["accept", "accept-language", "content-language"];
const SHOWN_FREELY: [&str; 7] = [
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
];

impl Asking<'_> {
    fn note(&mut self, server: &str, change: impl FnOnce(&mut Asked)) {
        if !self.out.contains_key(server) {
            self.out.insert(server.to_owned(), Asked::default());
        }
        if let Some(asked) = self.out.get_mut(server) {
            change(asked);
        }
    }

    /// Notes what a request and the reading of its answers take; gives its server.
    fn request(
        &mut self,
        request: &RequestTemplate,
        rules: &[OutcomeRule],
        outputs: &[&Value],
    ) -> String {
        let profile = self.profile;
        let server = server(&request.url);
        self.note(&server, |asked| {
            if !matches!(request.method.as_str(), "GET" | "HEAD" | "POST") {
                asked.methods.add(request.method.clone());
            }
            let own = request.auth.then(|| profile.sign_in.headers.keys());
            for name in own.into_iter().flatten().chain(request.headers.keys()) {
                let name = name.to_ascii_lowercase();
                if !SENT_FREELY.contains(&name.as_str()) {
                    asked.headers.add(name);
                }
            }
            asked.given |= request.headers_from.is_some();
            if matches!(
                request.body,
                Some(BodyTemplate::Json(_) | BodyTemplate::Blob(_))
            ) {
                asked.headers.add("content-type".to_owned());
            }
            asked.cookies |= request.auth && profile.sign_in.cookies;
            let mut read = |name: &str| {
                let name = name.to_ascii_lowercase();
                if !SHOWN_FREELY.contains(&name.as_str()) {
                    asked.exposed.add(name);
                }
            };
            // Read from every answer that asks for a pause.
            read("retry-after");
            for rule in rules.iter().chain(&profile.outcomes) {
                rule.when.headers.keys().for_each(|name| read(name));
            }
            for tree in outputs.iter().copied().chain(values(request)) {
                references(tree, &mut |reference| {
                    let place = reference.replace(['#', '/'], ".");
                    let mut names = place.split('.').filter(|n| !n.is_empty());
                    if names.next() == Some("response") && names.next() == Some("headers") {
                        names.next().into_iter().for_each(&mut read);
                    }
                });
            }
        });
        server
    }

    fn findings(self) -> Vec<Finding> {
        let mut out = vec![];
        for (server, asked) in &self.out {
            let known = self.profile.servers.contains_key(server.as_str());
            let (path, name) = match (known, server.as_str()) {
                (true, name) => (vec!["servers".to_owned(), name.to_owned()], name),
                (false, "") => (vec![], "an address that an answer gave"),
                (false, origin) if origin.contains("://") => (vec![], origin),
                // A parameter whose value an earlier answer gave.
                (false, _) => (vec![], "an address that an answer gave"),
            };
            let mut note = |code, text: String| {
                out.push(Finding::new(
                    Severity::Note,
                    code,
                    path.clone(),
                    format!("{name}, if on another origin, {text}"),
                ));
            };
            let list = |names: &Set<String>| names.keys().cloned().collect::<Vec<_>>().join(", ");
            if !asked.methods.is_empty() {
                note(
                    "cross_origin_methods",
                    format!(
                        "has to allow the methods {} (Access-Control-Allow-Methods)",
                        list(&asked.methods)
                    ),
                );
            }
            let more = match asked.given {
                true => ", and those that an answer gave",
                false => "",
            };
            if !asked.headers.is_empty() || asked.given {
                note(
                    "cross_origin_headers",
                    format!(
                        "has to allow the headers {}{more} (Access-Control-Allow-Headers)",
                        list(&asked.headers)
                    ),
                );
            }
            if !asked.exposed.is_empty() {
                note(
                    "cross_origin_exposed",
                    format!(
                        "has to expose the answer headers {} (Access-Control-Expose-Headers)",
                        list(&asked.exposed)
                    ),
                );
            }
            if asked.cookies {
                note("cross_origin_cookies", "has to name the page's origin, no * anywhere, and send Access-Control-Allow-Credentials: true".to_owned());
            }
        }
        out
    }
}
