//! Values: functions and their options, and references to what is there. The core refuses a
//! reference whose first name it does not know; a wrong name further on is simply missing when the
//! value is filled, and the field silently dropped. Here it is found.

use crate::language::TEST;
use crate::names::hint;
use crate::sample;
use crate::walk::{Walk, array, function_names, keys, options_of, quoted};
use pannier::profile::read::ROOTS;
use serde_json::{Map, Value};

const BASE: &[&str] = &["now", "device", "secrets"];
const SIGNED_IN: &[&str] = &["account", "session"];
const STEP: &[&str] = &["operation", "stop", "steps", "carried", "kept", "fresh"];

/// The roots that hold something at a place, by the path to it.
fn roots_at(path: &[String]) -> Vec<&'static str> {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let further: &[&[&str]] = match names.as_slice() {
        ["signIn", "outputs", ..] => &[&["credentials", "response"]],
        ["signIn", "request" | "start" | "outcomes", ..] => &[&["credentials"], SIGNED_IN],
        ["signIn", "refresh", "outputs", ..] => &[SIGNED_IN, &["response"]],
        ["route", "reads", _, "paging", ..] => &[SIGNED_IN, &["reads", "page", "response"]],
        ["route", "reads", ..] => &[SIGNED_IN, &["reads", "page"]],
        ["route", "items", ..] => &[SIGNED_IN, &["reads"]],
        ["route", "keep", ..] => &[SIGNED_IN, &["reads", "response"]],
        ["route", "outputs", ..] => &[SIGNED_IN, &["response"]],
        ["route", "stop", ..] => &[SIGNED_IN, &["response", "item"]],
        ["push", "key", ..] => &[SIGNED_IN, &["response"]],
        ["push", "subscribe" | "unsubscribe", ..] => &[SIGNED_IN, &["push"]],
        ["operations", _, "steps", _, "outputs", ..] => &[SIGNED_IN, STEP, &["response", "host"]],
        ["operations", _, "steps", _, "outcomes", ..] => &[SIGNED_IN, STEP, &["host"]],
        [
            "operations",
            _,
            "steps",
            _,
            "probe",
            "outputs" | "message" | "fresh" | "count",
            ..,
        ] => &[SIGNED_IN, STEP, &["response"]],
        ["operations", ..] => &[SIGNED_IN, STEP],
        // Tried on every answer, so any of these may be there.
        ["outcomes", ..] => &[SIGNED_IN, STEP, &["reads", "page", "credentials", "push"]],
        _ => &[SIGNED_IN],
    };
    BASE.iter()
        .chain(further.iter().flat_map(|more| more.iter()))
        .copied()
        .collect()
}

/// The names that lists in this tree give their items.
fn named_items<'t>(tree: &'t Value, out: &mut Vec<&'t str>) {
    match tree {
        Value::Array(items) => items.iter().for_each(|item| named_items(item, out)),
        Value::Object(fields) => {
            if function(fields).is_some_and(|(name, _)| name == "$each") {
                out.extend(fields.get("as").and_then(Value::as_str));
            }
            fields.values().for_each(|value| named_items(value, out));
        }
        _ => {}
    }
}

fn function(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    fields
        .iter()
        .find(|(name, _)| name.starts_with('$'))
        .map(|(name, argument)| (name.as_str(), argument))
}

/// What holds for one tree while it is looked at.
struct Scope<'d> {
    roots: Vec<&'static str>,
    /// names that some list of this tree gives, wherever
    named: Vec<&'d str>,
    /// names that hold right here
    here: Vec<&'d str>,
}

impl<'d> Walk<'d> {
    /// One value of the profile.
    pub(crate) fn tree(&mut self, tree: &'d Value) {
        if self.shapes_only {
            return;
        }
        let mut named = vec![];
        named_items(tree, &mut named);
        let mut here = vec![];
        if let ["route", "reads", i, ..] =
            self.path.iter().map(String::as_str).collect::<Vec<_>>()[..]
        {
            let own = ["/route/reads/", i, "/as"].concat();
            here.extend(self.root.pointer(&own).and_then(Value::as_str));
        }
        named.extend(&here);
        let mut scope = Scope {
            roots: roots_at(&self.path),
            named,
            here,
        };
        self.soft += self.trees_soft;
        self.value(tree, &mut scope);
        self.soft -= self.trees_soft;
    }

    fn softly(&mut self, code: &'static str, text: String) {
        self.push(code, text, false, false);
    }

    fn value(&mut self, value: &'d Value, scope: &mut Scope<'d>) {
        match value {
            Value::String(text) => {
                if let Some(reference) = text.strip_prefix('$').filter(|r| !r.starts_with('$')) {
                    self.reference(reference, scope);
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.within(i.to_string(), |walk| walk.value(item, scope));
                }
            }
            Value::Object(fields) => match function(fields) {
                Some((name, argument)) => self.call(name, argument, fields, scope),
                None => {
                    for (name, value) in fields {
                        self.within(name.as_str(), |walk| walk.value(value, scope));
                    }
                }
            },
            _ => {}
        }
    }

    fn call(
        &mut self,
        name: &'d str,
        argument: &'d Value,
        fields: &'d Map<String, Value>,
        scope: &mut Scope<'d>,
    ) {
        let hard = self.soft == 0;
        let options = options_of(name);
        if options.is_none() {
            let hint = hint(name, function_names());
            let text = format!("{} is no function{hint}", quoted(name));
            self.within(name, |walk| walk.push("profile_invalid", text, true, hard));
        }
        for (key, value) in fields {
            let known = key == name || options.is_none_or(|o| o.contains(&key.as_str()));
            if !known {
                let others = options.unwrap_or(&[]).iter().copied();
                let text = format!("{name} does not take {}{}", quoted(key), hint(key, others));
                self.within(key.as_str(), |walk| {
                    walk.push("profile_invalid", text, true, hard);
                });
            }
            self.within(key.as_str(), |walk| {
                walk.option(name, key, value, fields, scope);
            });
        }
        if options.is_some() {
            self.arguments(name, argument, fields);
        }
    }

    /// One key of a function: what it holds is a value, and sometimes more is known in it.
    fn option(
        &mut self,
        name: &str,
        key: &str,
        value: &'d Value,
        fields: &'d Map<String, Value>,
        scope: &mut Scope<'d>,
    ) {
        let item = match (name, key) {
            ("$each", "in") => Some(fields.get("as").and_then(Value::as_str).unwrap_or("item")),
            ("$find", "give") => Some("item"),
            ("$map", "from" | "else") => {
                // The core looks at them like at any value, and then takes them as they stand.
                let before = self.out.len();
                self.value(
                    value,
                    &mut Scope {
                        roots: ROOTS.to_vec(),
                        named: scope.named.clone(),
                        here: scope.named.clone(),
                    },
                );
                let mut found = false;
                pannier::profile::value::references(value, &mut |_| found = true);
                if found && self.out.len() == before {
                    let text = "entries are taken as they stand: this reference is not filled";
                    self.softly("reference_unfilled", text.to_owned());
                }
                return;
            }
            ("$find" | "$filter", "where") => {
                // The core reads this test only when it is filled; its values like any others.
                let before = self.shapes_only;
                self.shapes_only = true;
                self.soft += 1;
                self.shape(&TEST, value);
                self.soft -= 1;
                self.shapes_only = before;
                None
            }
            _ => None,
        };
        let length = scope.here.len();
        scope.here.extend(item);
        self.value(value, scope);
        scope.here.truncate(length);
    }

    /// What the core would stumble over only when the value is filled.
    fn arguments(&mut self, name: &str, argument: &Value, fields: &Map<String, Value>) {
        let is_text = |key: &str| fields.get(key).is_none_or(Value::is_string);
        let number = |key: &str| fields.get(key).and_then(Value::as_u64);
        let text = match name {
            "$concat" | "$first" if !argument.is_array() => "takes a list of values",
            "$each" if !fields.contains_key("in") => "needs in: what to make of each item",
            "$find" | "$filter" if !fields.contains_key("where") => "needs where: a test",
            "$map" if !fields.get("from").is_some_and(Value::is_object) => {
                "needs from: an object of entries"
            }
            "$truncate" if number("to").is_none() => "needs to: how many characters",
            "$id" if !number("length").is_some_and(|n| (1..=64).contains(&n)) => {
                "needs length: 1 to 64 characters"
            }
            "$id"
                if fields
                    .get("alphabet")
                    .is_some_and(|a| !a.as_str().is_some_and(|a| a.len() >= 2 && a.is_ascii())) =>
            {
                "needs an alphabet of two plain characters or more"
            }
            "$bytes"
                if !matches!(
                    fields.get("as").and_then(Value::as_str),
                    None | Some("base64" | "dataUri")
                ) =>
            {
                "knows as: base64 and dataUri"
            }
            "$each" | "$date" | "$time" if !is_text("as") => "takes a text for as",
            "$join" | "$quote" if !is_text("with") => "takes a text for with",
            "$claim" if !is_text("give") => "takes a text for give",
            _ => return,
        };
        self.softly("function_arguments", format!("{name} {text}"));
    }

    fn reference(&mut self, reference: &str, scope: &Scope<'d>) {
        let (path, _) = reference.split_once('#').unwrap_or((reference, ""));
        let names: Vec<&str> = path.split('.').collect();
        let root = names.first().copied().unwrap_or("");
        let known = ROOTS.contains(&root);
        if scope.here.contains(&root) {
            return;
        }
        if !known && !scope.named.contains(&root) {
            let around = scope.roots.iter().chain(&scope.here).copied();
            let hint = hint(root, around.chain(ROOTS)).replace("mean ", "mean $");
            // The rest of the reference goes with the name that was meant.
            let rest = &reference[root.len()..];
            let hint = hint.replace('?', &format!("{}?", quoted(rest)));
            let text = format!("${} refers to nothing known{hint}", quoted(reference));
            self.wrong("profile_invalid", text);
            return;
        }
        if !scope.roots.contains(&root) {
            let text = format!("${root} holds nothing here");
            self.softly("reference_empty", text);
            return;
        }
        let loading = self.path.iter().take(2).eq(["operations", "load"]);
        if loading && matches!(root, "stop" | "carried") {
            let text = format!("${root} holds nothing here: a parcel is loaded by its code alone");
            self.softly("reference_empty", text);
            return;
        }
        let second = names.get(1).copied();
        match (root, second) {
            ("operation", Some(field)) => self.operation_field(field),
            ("steps", Some(step)) => self.step_output(step, &names),
            ("carried", Some(kind)) => self.carried(kind, &names),
            (
                "session",
                Some(field @ ("account" | "name" | "expiresInS" | "expiresAt" | "nowMs")),
            ) => {
                let why = match field {
                    "account" => "the account is $account.id",
                    "name" => "the courier's name is $account.name",
                    _ => "it is not kept for requests",
                };
                let text = format!("$session.{field} is nothing: {why}");
                self.softly("reference_unknown", text);
            }
            ("session", Some(field)) => {
                let outputs = keys(self.root.pointer("/signIn/outputs"))
                    .chain(keys(self.root.pointer("/signIn/refresh/outputs")));
                let known = ["token", "refreshToken"].into_iter().chain(outputs);
                let known: Vec<&str> = known.collect();
                self.among(
                    "session",
                    field,
                    &known,
                    "no output of signIn has this name",
                );
            }
            ("account", Some(field)) => self.among(
                "account",
                field,
                &["id", "name"],
                "the account has id and name",
            ),
            ("push", Some(field)) => self.among(
                "push",
                field,
                &["endpoint", "p256dh", "auth"],
                "a subscription has endpoint, p256dh and auth",
            ),
            ("device", Some(field)) => {
                self.among("device", field, &["zoneMin"], "the device has zoneMin")
            }
            ("response", Some(field)) => {
                let known = ["status", "headers", "body"];
                self.among(
                    "response",
                    field,
                    &known,
                    "an answer has status, headers and body",
                );
                if let ("headers", Some(name)) = (field, names.get(2))
                    && name.chars().any(char::is_uppercase)
                {
                    let text = format!("headers have lower-case names: {}", quoted(name));
                    self.softly("reference_unknown", text);
                }
            }
            ("stop", Some(field)) => {
                let known = sample::stop_fields();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.among("stop", field, &known, "a stop has no such field");
            }
            ("kept", Some(name)) => {
                let kept = self.root.pointer("/route/keep").and_then(Value::as_object);
                let known: Vec<&str> = kept
                    .iter()
                    .flat_map(|k| k.keys())
                    .map(String::as_str)
                    .collect();
                self.among("kept", name, &known, "route.keep does not name it");
            }
            ("fresh", Some(name)) => {
                let step = match self.path.as_slice() {
                    [first, kind, steps, index, ..] if first == "operations" => {
                        [kind, steps, index]
                    }
                    _ => return,
                };
                let pointer = format!(
                    "/operations/{}/{}/{}/probe/fresh",
                    step[0], step[1], step[2]
                );
                let known: Vec<&str> = keys(self.root.pointer(&pointer)).collect();
                let why = "the step's probe reads nothing of this name as fresh";
                self.among("fresh", name, &known, why);
            }
            ("secrets", Some(name)) => {
                let known: Vec<&str> = array(self.root.get("secrets"))
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                self.among("secrets", name, &known, "it does not stand under secrets");
            }
            ("reads", Some(name)) => {
                let all = array(self.root.pointer("/route/reads")).iter();
                let ids = all
                    .filter_map(|r| r.get("readId"))
                    .filter_map(Value::as_str);
                // A read knows only those before it.
                let before = match self.path.get(1).map(String::as_str) {
                    Some("reads") => self.path.get(2).and_then(|i| i.parse().ok()),
                    _ => None,
                };
                let known: Vec<&str> = ids.take(before.unwrap_or(usize::MAX)).collect();
                self.among("reads", name, &known, "no earlier read has this readId");
            }
            _ => {}
        }
    }

    fn among(&mut self, root: &str, name: &str, known: &[&str], why: &str) {
        if !known.contains(&name) {
            let hint = hint(name, known.iter().copied());
            let hint = hint.replace("mean ", &format!("mean ${root}."));
            let text = format!("${root}.{} is nothing: {why}{hint}", quoted(name));
            self.softly("reference_unknown", text);
        }
    }

    fn operation_field(&mut self, field: &str) {
        // In rules for all answers any kind may be meant.
        let Some(kind) = self.path.get(1).filter(|_| self.path[0] == "operations") else {
            return;
        };
        let known = sample::fields(kind);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let why = format!("{} has no such field", quoted(kind));
        self.among("operation", field, &known, &why);
    }

    fn step_output(&mut self, step: &str, names: &[&str]) {
        let [first, kind, _, index, ..] = self.path.as_slice() else {
            return;
        };
        if first != "operations" {
            return;
        }
        let index: usize = index.parse().unwrap_or(0);
        let steps = array(
            self.root
                .get("operations")
                .and_then(|o| o.get(kind))
                .and_then(|o| o.get("steps")),
        );
        let id = |step: &'d Value| step.get("stepId").and_then(Value::as_str);
        let earlier: Vec<&str> = steps.iter().take(index).filter_map(id).collect();
        let Some(at) = earlier.iter().position(|known| *known == step) else {
            self.among("steps", step, &earlier, "no earlier step has this stepId");
            return;
        };
        match names.get(2) {
            Some(&"outputs") => {}
            Some(other) => {
                let root = format!("steps.{step}");
                self.among(&root, other, &["outputs"], "a step has outputs");
                return;
            }
            None => return,
        }
        let found = &steps[at];
        let known: Vec<&str> = keys(found.get("outputs"))
            .chain(keys(found.pointer("/probe/outputs")))
            .collect();
        if let Some(output) = names.get(3) {
            let root = format!("steps.{step}.outputs");
            self.among(
                &root,
                output,
                &known,
                "the step captures nothing of this name",
            );
        }
    }

    fn carried(&mut self, kind: &str, names: &[&str]) {
        let known: Vec<&str> = keys(self.root.get("operations"))
            .filter(|k| *k != "load")
            .collect();
        self.among(
            "carried",
            kind,
            &known,
            "no operation of this kind is carried",
        );
        if let Some(next) = names.get(2).filter(|n| n.parse::<usize>().is_err()) {
            let text = format!(
                "$carried.{kind} is a list: {} is nothing of it",
                quoted(next)
            );
            self.softly("reference_unknown", text);
        }
    }
}
