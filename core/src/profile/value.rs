//! The typed JSON tree whose leaves are references: how a request's body, a header, an output or
//! a mapped stop is filled from a context. Numbers stay numbers and quoting cannot break.
//!
//! - `"$operation.recipient"`: a dotted path; `"$response.body#/data/0/id"`: with a JSON Pointer;
//!   `"$$5"`: the text `$5`.
//! - `{"$concat": [..]}`, `{"$first": [..]}` (the first that is there), `{"$map": ref, "from": {..}, "else": ..}`,
//!   `{"$each": list, "as": "name", "in": tree}`,
//!   `{"$find": list, "where": test, "give": tree}` (the first item that passes, as `$item`),
//!   `{"$filter": list, "where": test}`;
//!   functions of one value are in [`super::functions`].
//! - What is missing is dropped from objects and arrays, never written as an empty text; an object
//!   inside another of which nothing is left is missing, too.

use super::functions::apply;
use super::read::{Mistake, ProfileError};
use super::test::Test;
use crate::domain::json::{FromJson, print};
use crate::domain::text::whole;
use crate::domain::tree::pointed;
use serde_json::{Map, Value};

/// The names a tree may refer to.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    roots: Map<String, Value>,
    /// where names are looked up that are not here: an item's context costs no copy of the answer
    outer: Option<&'a Context<'a>>,
}

impl<'a> Context<'a> {
    fn inside(outer: &'a Context<'a>) -> Self {
        Self {
            roots: Map::new(),
            outer: Some(outer),
        }
    }
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.set(name, value);
        self
    }
    pub fn set(&mut self, name: &str, value: Value) {
        self.roots.insert(name.to_owned(), value);
    }

    /// The same names, with those of `newer` in place of the old ones.
    #[must_use]
    pub fn renewed(mut self, newer: Context<'_>) -> Self {
        for (name, value) in newer.roots {
            self.roots.insert(name, value);
        }
        self
    }

    fn root(&self, name: &str) -> Option<&Value> {
        self.roots
            .get(name)
            .or_else(|| self.outer.and_then(|outer| outer.root(name)))
    }

    pub fn look_up(&self, reference: &str) -> Option<&Value> {
        let (path, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let mut names = path.split('.');
        let mut value = self.root(names.next()?)?;
        for name in names {
            value = match value {
                Value::Array(items) => items.get(usize::try_from(whole(name)?).ok()?)?,
                other => other.get(name)?,
            };
        }
        pointed(value, pointer).filter(|v| !v.is_null())
    }
}

const DEPTH_MAX: usize = 32;

/// Fills a tree. `None`: what it refers to is not there.
pub fn fill(tree: &Value, context: &Context) -> Result<Option<Value>, ProfileError> {
    fill_at(tree, context, 0)
}

fn fill_at(tree: &Value, context: &Context, depth: usize) -> Result<Option<Value>, ProfileError> {
    if depth > DEPTH_MAX {
        return Err(Mistake::new(
            "value_too_deep",
            "a value is nested too deeply",
        ));
    }
    match tree {
        Value::String(text) => Ok(match text.strip_prefix('$') {
            Some(literal) if literal.starts_with('$') => Some(Value::String(literal.to_owned())),
            Some(reference) => context.look_up(reference).cloned(),
            None => Some(tree.clone()),
        }),
        Value::Array(items) => {
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                out.extend(fill_at(item, context, depth + 1)?);
            }
            Ok(Some(Value::Array(out)))
        }
        Value::Object(fields) => match function(fields) {
            Some((name, argument)) => call(name, argument, fields, context, depth),
            None => {
                let mut out = Map::new();
                for (key, value) in fields {
                    if let Some(value) = fill_at(value, context, depth + 1)? {
                        out.insert(key.clone(), value);
                    }
                }
                // Nothing is left of it, so it is as missing as what it was made of.
                let gone = depth > 0 && out.is_empty() && !fields.is_empty();
                Ok(Some(Value::Object(out)).filter(|_| !gone))
            }
        },
        plain => Ok(Some(plain.clone())),
    }
}

/// The function that an object stands for, and its argument.
pub(super) fn function(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    fields
        .iter()
        .find(|(k, _)| k.starts_with('$'))
        .map(|(k, v)| (k.as_str(), v))
}

/// The functions and the keys each may have beside its own.
pub const FUNCTIONS: [(&str, &[&str]); 20] = [
    ("$concat", &[]),
    ("$first", &[]),
    ("$last", &[]),
    ("$map", &["from", "else"]),
    ("$each", &["as", "in"]),
    ("$find", &["where", "give"]),
    ("$filter", &["where"]),
    ("$flat", &[]),
    ("$join", &["with"]),
    ("$count", &[]),
    ("$truncate", &["to"]),
    ("$number", &[]),
    ("$json", &[]),
    ("$quote", &["with"]),
    ("$base64", &[]),
    ("$id", &["length", "alphabet"]),
    ("$claim", &["give"]),
    ("$date", &["as", "zone"]),
    ("$time", &["as", "zone"]),
    ("$bytes", &["as"]),
];

fn call(
    name: &str,
    argument: &Value,
    fields: &Map<String, Value>,
    context: &Context,
    depth: usize,
) -> Result<Option<Value>, ProfileError> {
    let list = || {
        argument
            .as_array()
            .ok_or_else(|| Mistake::new("value_function", format!("{name} takes a list of values")))
    };
    match name {
        "$concat" => {
            let mut text = String::new();
            for part in list()? {
                match fill_at(part, context, depth + 1)? {
                    Some(value) => text.push_str(&plain_text(&value)),
                    None => return Ok(None),
                }
            }
            Ok(Some(Value::String(text)))
        }
        "$first" => {
            for part in list()? {
                if let Some(value) = fill_at(part, context, depth + 1)? {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        }
        "$map" => {
            let key = fill_at(argument, context, depth + 1)?.map(|v| plain_text(&v));
            let found = key.and_then(|k| fields.get("from").and_then(|from| from.get(&k)));
            Ok(found.or_else(|| fields.get("else")).cloned())
        }
        "$each" => {
            let Some(Value::Array(items)) = fill_at(argument, context, depth + 1)? else {
                return Ok(None);
            };
            let item_name = fields.get("as").and_then(Value::as_str).unwrap_or("item");
            let body = fields.get("in").ok_or_else(|| {
                Mistake::new(
                    "value_function",
                    "$each needs \"in\": what to make of each item",
                )
            })?;
            let mut inner = Context::inside(context);
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                inner.set(item_name, item);
                out.extend(fill_at(body, &inner, depth + 1)?);
            }
            Ok(Some(Value::Array(out)))
        }
        "$find" | "$filter" => {
            let Some(Value::Array(items)) = fill_at(argument, context, depth + 1)? else {
                return Ok(None);
            };
            let wanted = fields.get("where").cloned().unwrap_or(Value::Null);
            let wanted = Test::from_json(wanted)
                .map_err(|e| Mistake::new("value_function", format!("{name}: where: {e}")))?;
            if name == "$filter" {
                let mut out = vec![];
                for item in items {
                    if wanted.holds(&item, context)? {
                        out.push(item);
                    }
                }
                return Ok(Some(Value::Array(out)));
            }
            for item in items {
                if wanted.holds(&item, context)? {
                    let Some(give) = fields.get("give") else {
                        return Ok(Some(item));
                    };
                    let mut inner = Context::inside(context);
                    inner.set("item", item);
                    return fill_at(give, &inner, depth + 1);
                }
            }
            Ok(None)
        }
        _ => match fill_at(argument, context, depth + 1)? {
            Some(given) => apply(name, given, fields, context),
            None => Ok(None),
        },
    }
}

/// A value as it stands in a URL, a header or a form field.
pub fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => print(other),
    }
}

/// Visits every string reference in a tree, without its `$`.
pub fn references(tree: &Value, visit: &mut dyn FnMut(&str)) {
    match tree {
        Value::String(text) => {
            if let Some(reference) = text.strip_prefix('$').filter(|r| !r.starts_with('$')) {
                visit(reference);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, visit)),
        Value::Object(fields) => fields.values().for_each(|value| references(value, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(tree: Value, expected: Option<Value>) {
        let context = Context::default().with(
            "a",
            json!({"n": 7, "t": "x \"y\"", "list": [{"id": 1}, {"id": 2}], "none": null}),
        );
        assert_eq!(fill(&tree, &context).expect("fills"), expected, "{tree}");
    }

    #[test]
    fn leaves_keep_their_type_and_quoting_cannot_break() {
        check(
            json!({"n": "$a.n", "t": "$a.t"}),
            Some(json!({"n": 7, "t": "x \"y\""})),
        );
        check(json!("$$5"), Some(json!("$5")));
        check(json!("$a#/list/1/id"), Some(json!(2)));
        check(json!("$a.list.0.id"), Some(json!(1)));
    }

    #[test]
    fn what_is_missing_is_dropped() {
        check(
            json!({"k": "$a.nothing", "l": ["$a.none", 1]}),
            Some(json!({"l": [1]})),
        );
        check(
            json!({"w": {"from": "$a.nothing"}, "e": {}, "l": [{"x": "$nobody"}]}),
            Some(json!({"e": {}, "l": []})),
        );
        check(json!({"k": "$a.nothing"}), Some(json!({})));
        check(json!({"$concat": ["p-", "$a.nothing"]}), None);
        check(json!("$nobody"), None);
    }

    #[test]
    fn functions_make_lists_texts_and_choices() {
        check(
            json!({"$each": "$a.list", "in": {"v": "$item.id"}}),
            Some(json!([{"v": 1}, {"v": 2}])),
        );
        check(
            json!({"$concat": ["p-", "$a.n", ".jpg"]}),
            Some(json!("p-7.jpg")),
        );
        check(json!({"$first": ["$a.nothing", "$a.n"]}), Some(json!(7)));
        check(
            json!({"$map": "$a.n", "from": {"7": "seven"}}),
            Some(json!("seven")),
        );
        check(
            json!({"$map": "$a.t", "from": {}, "else": "other"}),
            Some(json!("other")),
        );
        check(json!({"$last": "$a.list"}), Some(json!({"id": 2})));
        check(
            json!({"$find": "$a.list", "where": {"at": "/id", "eq": 2}, "give": {"was": "$item.id"}}),
            Some(json!({"was": 2})),
        );
        check(
            json!({"$find": "$a.list", "where": {"at": "/id", "eq": 9}}),
            None,
        );
    }

    #[test]
    fn an_unknown_function_is_named() {
        let error = fill(&json!({"$shout": 1}), &Context::default()).expect_err("refused");
        assert!(error.to_string().contains("$shout"));
    }
}
