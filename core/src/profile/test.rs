//! Predicates on JSON: a closed list, no regular expressions. All that one test says must hold.

use super::read::ProfileError;
use super::value::{Context, fill, plain_text};
use crate::domain::json::{FromJson, as_whole};
use crate::domain::text::{cut, find};
use crate::domain::tree::pointed;
use serde_json::Value;

#[derive(Clone, Debug, Default, FromJson)]
#[json(rename_all = "camelCase", deny_unknown_fields)]
pub struct Test {
    /// JSON Pointer into the subject, with or without a leading `#`; the whole subject without it
    #[json(default)]
    pub at: Option<String>,
    /// another subject than the one at hand
    #[json(default)]
    pub of: Option<Value>,
    #[json(default)]
    pub exists: Option<bool>,
    #[json(default)]
    pub eq: Option<Value>,
    #[json(default)]
    pub ne: Option<Value>,
    #[json(default, rename = "in")]
    pub in_: Option<Vec<Value>>,
    /// a text holds this text, or a list this value
    #[json(default)]
    pub contains: Option<Value>,
    /// `*` stands for any text
    #[json(default)]
    pub glob: Option<String>,
    /// an empty text, list or object
    #[json(default)]
    pub empty: Option<bool>,
    /// at least one item of the list passes
    #[json(default)]
    pub some: Option<Box<Test>>,
    #[json(default)]
    pub all: Option<Vec<Test>>,
    #[json(default)]
    pub any: Option<Vec<Test>>,
    #[json(default)]
    pub not: Option<Box<Test>>,
}

impl Test {
    pub fn holds(&self, subject: &Value, context: &Context) -> Result<bool, ProfileError> {
        let other = match &self.of {
            Some(tree) => Some(fill(tree, context)?.unwrap_or(Value::Null)),
            None => None,
        };
        let subject = other.as_ref().unwrap_or(subject);
        let at = match &self.at {
            Some(pointer) => pointed(subject, pointer.trim_start_matches('#')),
            None => Some(subject),
        };
        let value = at.filter(|v| !v.is_null());
        let filled = |tree: &Value| fill(tree, context).map(|v| v.unwrap_or(Value::Null));
        if self.exists.is_some_and(|wanted| wanted != value.is_some()) {
            return Ok(false);
        }
        let here = value.unwrap_or(&Value::Null);
        if let Some(tree) = &self.eq
            && !same(here, &filled(tree)?)
        {
            return Ok(false);
        }
        if let Some(tree) = &self.ne
            && same(here, &filled(tree)?)
        {
            return Ok(false);
        }
        if let Some(list) = &self.in_
            && !list
                .iter()
                .try_fold(false, |hit, t| filled(t).map(|v| hit || same(&v, here)))?
        {
            return Ok(false);
        }
        if let Some(tree) = &self.contains {
            let wanted = filled(tree)?;
            let holds = match here {
                Value::String(text) => {
                    !wanted.is_null() && find(text, &plain_text(&wanted)).is_some()
                }
                Value::Array(items) => items.iter().any(|item| same(item, &wanted)),
                _ => false,
            };
            if !holds {
                return Ok(false);
            }
        }
        if let Some(pattern) = &self.glob
            && !here.as_str().is_some_and(|text| glob(pattern, text))
        {
            return Ok(false);
        }
        if let Some(wanted) = self.empty {
            let empty = match here {
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(fields) => fields.is_empty(),
                _ => false,
            };
            if empty != wanted {
                return Ok(false);
            }
        }
        if let Some(inner) = &self.some {
            let none: &[Value] = &[];
            let items = here.as_array().map_or(none, Vec::as_slice);
            if !items
                .iter()
                .try_fold(false, |hit, v| inner.holds(v, context).map(|h| hit || h))?
            {
                return Ok(false);
            }
        }
        for test in self.all.iter().flatten() {
            if !test.holds(here, context)? {
                return Ok(false);
            }
        }
        if let Some(tests) = &self.any
            && !tests
                .iter()
                .try_fold(false, |hit, t| t.holds(here, context).map(|h| hit || h))?
        {
            return Ok(false);
        }
        if let Some(test) = &self.not
            && test.holds(here, context)?
        {
            return Ok(false);
        }
        Ok(true)
    }
}

/// Equal, and `1` is `1.0`: numbers keep the spelling they came in.
fn same(a: &Value, b: &Value) -> bool {
    a == b || matches!((as_whole(a), as_whole(b)), (Some(a), Some(b)) if a == b)
}

/// Matches `*` as any run of characters, everything else as itself.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match find(rest, part) {
            Some(i) => rest = cut(rest, i + part.len(), rest.len()),
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(test: Value) -> bool {
        let test = Test::from_json(test).expect("reads");
        let subject = json!({"ok": true, "n": 3, "events": [{"r": "a"}, {"r": "id-1"}], "t": "already started", "e": []});
        let context = Context::default().with("operation", json!({"id": "id-1"}));
        test.holds(&subject, &context).expect("judges")
    }

    #[test]
    fn each_operator_says_yes_and_no() {
        for (test, expected) in [
            (json!({"at": "#/ok", "eq": true}), true),
            (json!({"at": "/ok", "eq": 1}), false),
            (json!({"at": "/n", "eq": 3.0}), true),
            (json!({"at": "#/nothing", "exists": false}), true),
            (json!({"at": "#/n", "in": [1, 3]}), true),
            (json!({"at": "#/n", "in": [1]}), false),
            (json!({"at": "#/n", "ne": 3}), false),
            (json!({"at": "#/t", "contains": "started"}), true),
            (json!({"at": "#/t", "glob": "already*"}), true),
            (json!({"at": "#/t", "glob": "*stopped"}), false),
            (json!({"at": "#/e", "empty": true}), true),
            (
                json!({"at": "#/events", "some": {"at": "/r", "eq": "$operation.id"}}),
                true,
            ),
            (
                json!({"at": "#/events", "some": {"at": "/r", "eq": "x"}}),
                false,
            ),
            (json!({"not": {"at": "#/ok", "eq": true}}), false),
            (
                json!({"any": [{"at": "#/n", "eq": 9}, {"at": "#/n", "eq": 3}]}),
                true,
            ),
            (
                json!({"all": [{"at": "#/n", "eq": 9}, {"at": "#/n", "eq": 3}]}),
                false,
            ),
        ] {
            assert_eq!(holds(test.clone()), expected, "{test}");
        }
    }

    #[test]
    fn a_glob_star_takes_any_text() {
        assert!(glob("*", "") && glob("a*c", "abbc") && glob("a*b*c", "a1b2c"));
        assert!(!glob("a*c", "ab") && !glob("a", "ab") && glob("a", "a"));
        assert!(glob("*ab*ab", "abab") && !glob("ab*ab", "ab"));
    }
}
