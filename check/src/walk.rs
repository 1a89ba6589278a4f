//! The document held against the table of the language: every mistake, each with its path. What the
//! core refuses when it reads a profile is *hard*; what it takes and what will then do nothing, or
//! fail when it is filled, is not.

use crate::language::{
    BODY, CLASSES, FUNCTIONS, IDENTITIES, IDENTITY, Kind, Named, PROFILE, Shape, VERDICTS,
};
use crate::names::{hint, nearest};
use crate::places::Path;
use pannier::profile::url::expand;
use serde_json::{Map, Value};

/// More than anybody reads; a document that is no profile at all would have thousands.
pub const MISTAKES_MAX: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub path: Path,
    /// at the key rather than at its value
    pub at_name: bool,
    pub code: &'static str,
    pub text: String,
    /// the core refuses the profile for it
    pub hard: bool,
}

/// All mistakes of a document that speaks our version of the language.
pub fn mistakes(document: &Value) -> Vec<Mistake> {
    let mut walk = Walk {
        root: document,
        path: vec![],
        out: vec![],
        soft: 0,
        trees_soft: 0,
        shapes_only: false,
    };
    walk.shape(&PROFILE, document);
    walk.out
}

pub(crate) struct Walk<'d> {
    pub root: &'d Value,
    pub path: Path,
    pub out: Vec<Mistake>,
    /// inside something that the core does not read before it is filled
    pub soft: u32,
    /// inside something whose shape the core reads, but not its references
    pub trees_soft: u32,
    /// values are seen to by whoever called
    pub shapes_only: bool,
}

/// What a value is, in words that show nothing of it: it may be a secret.
fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The name that an enumeration's value says, as the core reads it.
pub(crate) fn name_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(name) => Some(name),
        Value::Object(fields) if fields.len() == 1 => fields.keys().next().map(String::as_str),
        _ => None,
    }
}

/// A name that somebody wrote, cut short.
pub(crate) fn quoted(name: &str) -> String {
    pannier::domain::text::shown(name, 60)
}

pub(crate) fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn keys(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|fields| fields.keys().map(String::as_str))
}

impl<'d> Walk<'d> {
    pub fn wrong(&mut self, code: &'static str, text: impl Into<String>) {
        let hard = self.soft == 0;
        self.push(code, text.into(), false, hard);
    }

    pub fn push(&mut self, code: &'static str, text: String, at_name: bool, hard: bool) {
        if self.out.len() < MISTAKES_MAX {
            self.out.push(Mistake {
                path: self.path.clone(),
                at_name,
                code,
                text,
                hard,
            });
        }
    }

    fn unreadable(&mut self, text: impl Into<String>) {
        self.wrong("profile_unreadable", text);
    }
    fn invalid(&mut self, text: impl Into<String>) {
        self.wrong("profile_invalid", text);
    }

    fn expected(&mut self, what: &str, found: &Value) {
        self.unreadable(format!("expected {what}, found {}", noun(found)));
    }

    /// Goes one step down and comes back; nowhere any more once there is enough to tell.
    pub fn within(&mut self, name: impl Into<String>, look: impl FnOnce(&mut Self)) {
        if self.out.len() >= MISTAKES_MAX {
            return;
        }
        self.path.push(name.into());
        look(self);
        self.path.pop();
    }

    pub fn shape(&mut self, shape: &Shape, value: &'d Value) {
        let Some(fields) = value.as_object() else {
            self.expected("an object", value);
            return;
        };
        let unknown = fields.keys();
        let unknown = unknown.filter(|key| !shape.names().any(|n| n == *key));
        for key in unknown.take(MISTAKES_MAX) {
            let text = format!(
                "unknown field {}{}",
                quoted(key),
                hint(key, shape.names().filter(|n| !fields.contains_key(*n)))
            );
            let hard = self.soft == 0;
            self.within(key.as_str(), |walk| {
                walk.push("profile_unreadable", text, true, hard);
            });
        }
        for field in shape.fields {
            match fields.get(field.name) {
                None if field.required => {
                    self.unreadable(format!("{} is missing: {}", field.name, field.about));
                }
                None => {}
                Some(Value::Null) if !field.required => {}
                Some(value) => {
                    let unread = u32::from(shape.name == "refresh" && field.name == "outputs");
                    self.trees_soft += unread;
                    self.within(field.name, |walk| walk.kind(&field.kind, value));
                    self.trees_soft -= unread;
                }
            }
        }
        self.sense(shape, fields);
    }

    fn kind(&mut self, kind: &Kind, value: &'d Value) {
        match kind {
            Kind::Text | Kind::Pointer | Kind::Url => {
                if !value.is_string() {
                    self.expected("a text", value);
                }
            }
            Kind::Flag => {
                if !value.is_boolean() {
                    self.expected("true or false", value);
                }
            }
            Kind::Whole(least, most) => self.whole(value, *least, *most),
            Kind::Tree => self.tree(value),
            Kind::Trees => self.each_key(value, Self::tree),
            Kind::TreeList => self.each_item(value, Self::tree),
            Kind::Texts => self.each_item(value, |walk, item| walk.kind(&Kind::Text, item)),
            Kind::TextTable => self.each_key(value, |walk, item| walk.kind(&Kind::Text, item)),
            Kind::Codes => self.each_item(value, |walk, item| walk.whole(item, 0, 65_535)),
            Kind::Statuses => self.each_item(value, Self::status),
            Kind::Choice(known) => self.choice(value, known),
            Kind::Choices(known) => self.each_item(value, |walk, item| match item {
                Value::String(_) => walk.choice(item, known),
                _ => walk.kind(&Kind::Text, item),
            }),
            Kind::Body => self.body(value),
            Kind::Identity => self.identity(value),
            Kind::One(shape) => self.shape(shape, value),
            Kind::Many(shape) => {
                let unread = u32::from(shape.name == "rule");
                self.trees_soft += unread;
                self.each_item(value, |walk, item| walk.shape(shape, item));
                self.trees_soft -= unread;
            }
            Kind::Table(shape) => self.each_key(value, |walk, item| walk.shape(shape, item)),
        }
    }

    fn each_key(&mut self, value: &'d Value, look: impl Fn(&mut Self, &'d Value)) {
        let Some(fields) = value.as_object() else {
            self.expected("an object", value);
            return;
        };
        for (name, value) in fields {
            self.within(name.as_str(), |walk| look(walk, value));
        }
    }

    fn each_item(&mut self, value: &'d Value, look: impl Fn(&mut Self, &'d Value)) {
        let Some(items) = value.as_array() else {
            self.expected("a list", value);
            return;
        };
        for (i, value) in items.iter().enumerate() {
            self.within(i.to_string(), |walk| look(walk, value));
        }
    }

    fn whole(&mut self, value: &Value, least: u64, most: u64) {
        use pannier::domain::json::FromJson;
        match u64::from_json(value.clone()) {
            Ok(n) if (least..=most).contains(&n) => {}
            Ok(_) => {
                // The core says bounds of its own in other words than those of a type.
                let code = match most {
                    16 | 600_000 => "profile_invalid",
                    _ => "profile_unreadable",
                };
                self.wrong(code, format!("takes {least} to {most}"));
            }
            Err(_) if value.is_number() => {
                self.unreadable(format!("takes a whole number from {least} to {most}"));
            }
            Err(_) => self.expected("a whole number", value),
        }
    }

    fn status(&mut self, value: &'d Value) {
        match value {
            Value::String(class) if CLASSES.contains(&class.as_str()) => {}
            Value::String(class) => {
                let text = format!(
                    "{} is no class of answers; known are {}",
                    quoted(class),
                    CLASSES.join(", ")
                );
                self.invalid(text);
            }
            other => self.whole(other, 0, 65_535),
        }
    }

    fn choice(&mut self, value: &Value, known: &[Named]) {
        // The method is a plain text to the core, anything else an enumeration.
        let is_method = known.iter().any(|k| k.name == "GET");
        let name = match value {
            Value::String(name) => Some(name.as_str()),
            other if !is_method => name_of(other),
            _ => None,
        };
        let Some(name) = name else {
            self.expected("a name", value);
            return;
        };
        if !known.iter().any(|k| k.name == name) {
            let names = known.iter().map(|k| k.name);
            let list: Vec<&str> = names.clone().collect();
            let text = format!(
                "{} is none of {}{}",
                quoted(name),
                list.join(", "),
                hint(name, names)
            );
            let code = match is_method {
                true => "profile_invalid",
                false => "profile_unreadable",
            };
            self.wrong(code, text);
        }
    }

    fn body(&mut self, value: &'d Value) {
        let kinds = || BODY.names();
        if let Value::String(name) = value {
            // So the core reads a kind without contents.
            match name.as_str() {
                "json" | "blob" | "form" => {}
                "multipart" => self.unreadable("expected a list, found nothing"),
                other => {
                    let text = format!("{} is no body{}", quoted(other), hint(other, kinds()));
                    self.unreadable(text);
                }
            }
            return;
        }
        let Some((name, content)) = value
            .as_object()
            .filter(|fields| fields.len() == 1)
            .and_then(|fields| fields.iter().next())
        else {
            let list: Vec<&str> = kinds().collect();
            self.unreadable(format!("a body is exactly one of {}", list.join(", ")));
            return;
        };
        let Some(field) = BODY.fields.iter().find(|field| field.name == name) else {
            let text = format!("{} is no body{}", quoted(name), hint(name, kinds()));
            let hard = self.soft == 0;
            self.within(name.as_str(), |walk| {
                walk.push("profile_unreadable", text, true, hard);
            });
            return;
        };
        self.within(name.as_str(), |walk| walk.kind(&field.kind, content));
    }

    fn identity(&mut self, value: &'d Value) {
        let Some(kind) = value.get("kind").and_then(Value::as_str) else {
            let what = "an identity needs its kind";
            let list: Vec<&str> = IDENTITIES.iter().map(|k| k.name).collect();
            self.unreadable(format!("{what}: {}", list.join(", ")));
            return;
        };
        let Some(fields) = value.as_object() else {
            return;
        };
        if !IDENTITIES.iter().any(|known| known.name == kind) {
            self.within("kind", |walk| {
                walk.choice(&Value::String(kind.to_owned()), IDENTITIES);
            });
            return;
        }
        let takes_name = kind == "header";
        for key in fields.keys() {
            if key != "kind" && !(takes_name && key == "name") {
                let text = match IDENTITY.names().any(|known| known == key) {
                    true => format!("{kind} takes no {key}"),
                    false => format!(
                        "unknown field {}{}",
                        quoted(key),
                        hint(key, IDENTITY.names())
                    ),
                };
                let hard = self.soft == 0;
                self.within(key.as_str(), |walk| {
                    walk.push("profile_unreadable", text, true, hard);
                });
            }
        }
        match fields.get("name") {
            None if takes_name => self.unreadable("name is missing: the header's name"),
            Some(name) if takes_name && !name.is_string() => {
                self.within("name", |walk| walk.expected("a text", name));
            }
            _ => {}
        }
    }

    /// What holds between the fields of one object.
    fn sense(&mut self, shape: &Shape, fields: &'d Map<String, Value>) {
        let there = |name: &str| fields.get(name).is_some_and(|v| !v.is_null());
        match shape.name {
            "profile" if fields.get("revision").and_then(Value::as_str) == Some("") => {
                self.within("revision", |walk| walk.invalid("is empty"));
            }
            "signIn" => self.sign_in(fields),
            "refresh" => {
                self.success(fields);
                let cookies = self.root.pointer("/signIn/cookies") == Some(&Value::Bool(true));
                if there("outputs") && fields["outputs"].get("token").is_none() && !cookies {
                    self.within("outputs", |walk| walk.invalid("token is missing"));
                }
            }
            "call" => self.success(fields),
            "route" => {
                if array(fields.get("reads")).is_empty() {
                    self.within("reads", |walk| walk.invalid("is empty"));
                }
                self.once(fields, "reads", "readId");
            }
            "read" => {
                self.success(fields);
                let paging = fields.get("paging");
                let kind = paging.and_then(|p| p.get("kind")).and_then(name_of);
                let next = paging.and_then(|p| p.get("next"));
                if kind == Some("cursor") && next.is_none_or(Value::is_null) {
                    self.within("paging", |walk| {
                        walk.invalid("a cursor needs next: where the answer has it");
                    });
                }
            }
            "operation" => self.once(fields, "steps", "stepId"),
            "step" => {
                self.success(fields);
                let identity = fields.get("identity").and_then(|i| i.get("kind"));
                if identity.and_then(Value::as_str) == Some("marker") && !there("probe") {
                    self.within("identity", |walk| {
                        walk.invalid("a marker is of no use without a probe that reads it");
                    });
                }
            }
            "request" => self.url(fields),
            "part" => {
                let given = ["value", "blob", "fields"].iter().filter(|n| there(n));
                if given.count() != 1 {
                    self.invalid("a part needs exactly one of value, blob and fields");
                }
            }
            _ => {}
        }
    }

    fn sign_in(&mut self, fields: &'d Map<String, Value>) {
        let there = |name: &str| fields.get(name).is_some_and(|v| !v.is_null());
        let kind = fields.get("kind").and_then(name_of).unwrap_or("");
        if !there("request")
            && matches!(
                kind,
                "password" | "code" | "authorizationCode" | "clientCredentials"
            )
        {
            self.invalid(format!("request is missing: the kind {kind} needs it"));
        }
        if there("start") != (kind == "code") && !kind.is_empty() {
            let text = match kind {
                "code" => "start is missing: the request after which the person is sent a code",
                _ => "start belongs to the kind code",
            };
            self.invalid(text);
        }
        if there("request") {
            self.success(fields);
        }
        let cookies = fields.get("cookies") == Some(&Value::Bool(true));
        for name in ["account", "token"] {
            let needed = name == "account" || (kind != "none" && !cookies);
            let outputs = fields.get("outputs");
            if needed && outputs.and_then(|o| o.get(name)).is_none() {
                self.within("outputs", |walk| {
                    let other = nearest(name, keys(outputs));
                    let other = other.map(|o| format!("; is it {}?", quoted(o)));
                    let other = other.unwrap_or_default();
                    walk.invalid(format!("{name} is missing{other}"));
                });
            }
        }
    }

    /// Names that must not stand twice in a list.
    fn once(&mut self, fields: &'d Map<String, Value>, list: &str, key: &str) {
        let mut seen: Vec<&str> = vec![];
        for (i, item) in array(fields.get(list)).iter().enumerate() {
            let Some(name) = item.get(key).and_then(Value::as_str) else {
                continue;
            };
            if seen.contains(&name) {
                let path = [list.to_owned(), i.to_string(), key.to_owned()];
                let length = self.path.len();
                self.path.extend(path);
                self.invalid(format!("this {key} stands twice"));
                self.path.truncate(length);
            }
            seen.push(name);
        }
    }

    /// Some rule has to say what success is.
    fn success(&mut self, fields: &'d Map<String, Value>) {
        let own = array(fields.get("outcomes"));
        let common = array(self.root.get("outcomes"));
        let says_yes = |rule: &Value| {
            let then = rule.get("then").and_then(name_of);
            matches!(then, Some("applied" | "already"))
        };
        // A misspelt verdict is a mistake of its own; what it meant is not known.
        let unsure = |rule: &Value| {
            let then = rule.get("then").and_then(name_of);
            !VERDICTS.iter().any(|v| Some(v.name) == then)
        };
        let broken = fields
            .get("outcomes")
            .is_some_and(|o| !o.is_array() && !o.is_null());
        if !own.iter().chain(common).any(|r| says_yes(r) || unsure(r)) && !broken {
            self.invalid("no rule says what success is");
        }
    }

    fn url(&mut self, fields: &'d Map<String, Value>) {
        let Some(url) = fields.get("url").and_then(Value::as_str) else {
            return;
        };
        let parameters = fields.get("parameters");
        let servers = self.root.get("servers");
        let known = || keys(parameters).chain(keys(servers));
        let mut unknown: Vec<String> = vec![];
        let expanded = expand(url, &mut |name| {
            if !known().any(|k| k == name) {
                unknown.push(name.to_owned());
            }
            Ok(Some(String::new()))
        });
        self.path.push("url".to_owned());
        for name in unknown {
            let hint = hint(&name, known());
            self.invalid(format!(
                "{{{}}} is neither a server nor a parameter{hint}",
                quoted(&name)
            ));
        }
        if let Err(error) = expanded {
            // The template may hold a key: the words without it.
            let text = error
                .text
                .strip_prefix(url)
                .unwrap_or("")
                .trim_start_matches(": ");
            self.wrong("url_template", format!("not a template: {}", quoted(text)));
        }
        self.path.pop();
    }
}

/// The options that the core's own table gives a function.
pub(crate) fn options_of(name: &str) -> Option<&'static [&'static str]> {
    pannier::profile::value::FUNCTIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, options)| *options)
}

pub(crate) fn function_names() -> impl Iterator<Item = &'static str> + Clone {
    FUNCTIONS.iter().map(|(name, _)| *name)
}
