//! What must not be in a profile for a browser: everybody who opens the page can read it. Literal
//! keys and passwords wherever a request is described, and the organisation's own right in every
//! courier's pocket. Nothing here ever shows what it found.

use crate::places::Path;
use crate::walk::name_of;
use serde_json::Value;

pub const SECRET: &str = "secret_in_browser";
pub const ORGANISATION: &str = "organisation_key";
/// Shared with every courier, which is right for a key that is public anyway.
pub const SHARED: &str = "shared_secret";
/// The codes that a profile may take upon itself under `accepts`.
pub const ACCEPTABLE: [&str; 2] = [SECRET, ORGANISATION];

pub const HIDDEN: &str = "<hidden>";

/// Where something secret stands, and what kind of thing it seems to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub path: Path,
    pub code: &'static str,
    pub text: String,
    /// the parts of the text there that are to be hidden
    hide: Vec<String>,
}

/// Everything that looks like a secret in the document.
pub fn find(document: &Value) -> Vec<Secret> {
    let kind = document.pointer("/signIn/kind").and_then(name_of);
    let mut search = Search {
        path: vec![],
        out: vec![],
        own_right: kind == Some("clientCredentials"),
    };
    for (name, value) in document.as_object().into_iter().flatten() {
        if matches!(
            name.as_str(),
            "servers" | "signIn" | "route" | "heartbeat" | "push" | "operations"
        ) {
            search.within(name, |search| search.value(value, ""));
        }
    }
    search.out
}

/// The document without them.
pub fn hidden(document: &Value, secrets: &[Secret]) -> Value {
    let mut out = document.clone();
    for secret in secrets {
        if let Some(Value::String(text)) = at(&mut out, &secret.path) {
            for part in &secret.hide {
                *text = text.replace(part.as_str(), HIDDEN);
            }
        }
    }
    out
}

fn at<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, name| match value {
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        other => other.get_mut(name),
    })
}

const FOUND_MAX: usize = 200;

struct Search {
    path: Path,
    out: Vec<Secret>,
    /// the sign-in is the app's own, not a person's
    own_right: bool,
}

impl Search {
    fn within(&mut self, name: &str, look: impl FnOnce(&mut Self)) {
        self.path.push(name.to_owned());
        look(self);
        self.path.pop();
    }

    fn found(&mut self, code: &'static str, what: &str, hide: Vec<String>) {
        if self.out.len() < FOUND_MAX {
            self.out.push(Secret {
                path: self.path.clone(),
                code,
                text: what.to_owned(),
                hide,
            });
        }
    }

    /// `name` is what the value is called: a field, a header, a parameter, a form's part.
    fn value(&mut self, value: &Value, name: &str) {
        match value {
            Value::String(text) => self.text(text, name),
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.within(&i.to_string(), |search| search.value(item, name));
                }
            }
            Value::Object(fields) => {
                let part = fields.get("name").and_then(Value::as_str);
                let is_function = fields.keys().any(|key| key.starts_with('$'));
                for (key, value) in fields {
                    // What answers look like, and what people read, is no request.
                    let skipped = match key.as_str() {
                        "outcomes" | "when" | "applied" | "notApplied" => true,
                        "stepId" | "readId" | "method" | "kind" => true,
                        "where" | "from" | "alphabet" | "as" | "with" | "zone" => is_function,
                        "stop" => self.path == ["route"],
                        _ => false,
                    };
                    if skipped {
                        continue;
                    }
                    let name = match key.as_str() {
                        function if function.starts_with('$') => name,
                        "value" => part.unwrap_or(key),
                        _ if is_function => name,
                        own => own,
                    };
                    self.within(key, |search| search.value(value, name));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, name: &str) {
        if let Some(reference) = text.strip_prefix('$')
            && !reference.starts_with('$')
        {
            if reference.starts_with("secrets.") {
                match self.own_right {
                    true => self.found(
                        ORGANISATION,
                        "the organisation's own right, in the browser of every courier: whoever has the page has it",
                        vec![],
                    ),
                    false => self.found(
                        SHARED,
                        "every courier's browser gets this text: only a key that may be public belongs here",
                        vec![],
                    ),
                }
            }
            return;
        }
        if text.contains("://") || name == "url" {
            self.address(text);
            return;
        }
        let all = || vec![text.to_owned()];
        let scheme = text.split_once(' ').filter(|(scheme, rest)| {
            let known = ["bearer", "basic", "token", "apikey"];
            let token = rest.trim();
            known.contains(&scheme.to_ascii_lowercase().as_str())
                && token.len() >= 4
                && !token.contains(' ')
        });
        if scheme.is_some() {
            self.found(
                SECRET,
                "a literal sign-in, readable by everybody who opens the page",
                all(),
            );
        } else if is_secret_name(name) && says_something(text) {
            self.found(
                SECRET,
                "a literal where a key or a password goes, readable by everybody who opens the page",
                all(),
            );
        } else if looks_random(text) {
            self.found(
                SECRET,
                "a long random text: if it is a key, everybody who opens the page can read it",
                all(),
            );
        }
    }

    /// In an address: a user with a password, a key among the parameters, a random path.
    fn address(&mut self, text: &str) {
        let mut hide = vec![];
        if let Some((_, rest)) = text.split_once("://") {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
            if let Some((user, _)) = authority.rsplit_once('@')
                && !user.is_empty()
            {
                hide.push(user.to_owned());
            }
        }
        if let Some((_, query)) = text.split_once('?') {
            for pair in query.split('&') {
                if let Some((name, value)) = pair.split_once('=')
                    && (is_secret_name(name) || name.eq_ignore_ascii_case("key"))
                    && says_something(value)
                    && !value.contains('{')
                {
                    hide.push(value.to_owned());
                }
            }
        }
        let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        hide.extend(
            text.split(|c| !is_token(c))
                .filter(|part| looks_random(part))
                .map(str::to_owned),
        );
        if !hide.is_empty() {
            self.found(
                SECRET,
                "an address with a key in it, readable by everybody who opens the page",
                hide,
            );
        }
    }
}

fn is_secret_name(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    // Asked for with the word "fetch", and no secret of ours.
    if plain.contains("csrf") || plain.contains("xsrf") {
        return false;
    }
    let parts = [
        "apikey",
        "secret",
        "password",
        "passwd",
        "privatekey",
        "accesskey",
        "subscriptionkey",
        "authorization",
    ];
    parts.iter().any(|part| plain.contains(part)) || plain.ends_with("token") || plain == "pwd"
}

/// More than the name of a scheme or a separator.
fn says_something(text: &str) -> bool {
    let scheme = text.len() <= 12 && text.ends_with(' ') && !text.trim().contains(' ');
    !scheme && text != HIDDEN && text.chars().any(char::is_alphanumeric)
}

/// Letters and digits well mixed, longer than any word.
fn looks_random(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+/=.~".contains(c);
    if !(20..=4_096).contains(&text.len()) || !text.chars().all(plain) || is_uuid(text) {
        return false;
    }
    let class = |c: char| match c {
        '0'..='9' => 1,
        'a'..='z' => 2,
        'A'..='Z' => 3,
        _ => 0,
    };
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(char::is_ascii_alphabetic).count();
    let classes: Vec<u8> = text.chars().map(class).filter(|c| *c > 0).collect();
    let turns = classes.windows(2).filter(|w| w[0] != w[1]).count();
    digits >= 3 && letters >= 3 && turns * 5 >= classes.len() && variety(text) >= 10
}

fn variety(text: &str) -> usize {
    let mut seen = [false; 128];
    for byte in text.bytes() {
        seen[usize::from(byte & 127)] = true;
    }
    seen.iter().filter(|s| **s).count()
}

/// A tenant's or a company's id more often than a key.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.chars().enumerate().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn codes(document: Value) -> Vec<&'static str> {
        find(&document).into_iter().map(|s| s.code).collect()
    }
    fn header(name: &str, value: Value) -> Value {
        json!({"signIn": {"kind": "password", "headers": {name: value}}})
    }

    #[test]
    fn literals_that_look_like_keys_are_found() {
        for (name, value) in [
            ("Authorization", json!("Bearer abc123def")),
            ("Authorization", json!("Basic dXNlcjpwYXNz")),
            (
                "Authorization",
                json!({"$concat": ["Basic ", {"$base64": "user:pass"}]}),
            ),
            ("X-Api-Key", json!("hunter2")),
            ("apikey", json!({"$concat": ["hunter2"]})),
            ("X-Tenant", json!("sk9fJ2mQ7xTz41LpWb8Rv0Yc")),
            (
                "X-Tenant",
                json!("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.k1-Zx9Q2"),
            ),
        ] {
            assert_eq!(
                codes(header(name, value.clone())),
                [SECRET],
                "{name}: {value}"
            );
        }
        for url in [
            "https://user:pass@api.example",
            "{+api}/a?api_key=hunter2&x=1",
            "https://hooks.example/services/T0A1B2C3/sk9fJ2mQ7xTz41LpWb8Rv0Yc",
        ] {
            let document = json!({"heartbeat": {"request": {"url": url}}});
            assert_eq!(codes(document), [SECRET], "{url}");
        }
        let part = json!({"signIn": {"request": {"body": {"multipart": [
            {"name": "client_secret", "value": "hunter2"}, {"name": "scope", "value": "all"}]}}}});
        assert_eq!(codes(part), [SECRET]);
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for (name, value) in [
            (
                "Authorization",
                json!({"$concat": ["Bearer ", "$session.token"]}),
            ),
            ("Authorization", json!("$session.token")),
            ("X-CSRF-Token", json!("fetch")),
            (
                "Accept",
                json!("application/vnd.example.v2+json;charset=utf-8"),
            ),
            ("X-Tenant", json!("3f2504e0-4f89-41d3-9a0c-0305e82c3301")),
            (
                "X-Id",
                json!({"$id": "$operation.id", "length": 15,
                "alphabet": "0123456789abcdefghijklmnopqrstuvwxyz"}),
            ),
            (
                "X-At",
                json!({"$date": "$now", "as": "yyyy-MM-dd'T'HH:mm:ss.SSSZ"}),
            ),
            ("X-Kind", json!("a_rather_long_name_of_an_enumeration_2")),
        ] {
            assert!(
                codes(header(name, value.clone())).is_empty(),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn the_organisations_own_right_is_named() {
        let of = |kind: &str| {
            codes(json!({"signIn": {"kind": kind, "request":
                {"body": {"form": {"client_secret": "$secrets.client"}}}}}))
        };
        assert_eq!(of("clientCredentials"), [ORGANISATION]);
        assert_eq!(of("key"), [SHARED]);
    }

    #[test]
    fn what_is_hidden_is_gone() {
        let document = json!({"servers": {"api": "https://user:pass@api.example/v1"},
            "signIn": {"kind": "key", "headers": {"X-Api-Key": "hunter2"}}});
        let text = hidden(&document, &find(&document)).to_string();
        assert!(
            !text.contains("hunter2") && !text.contains("pass@"),
            "{text}"
        );
        assert!(text.contains("@api.example/v1"), "{text}");
    }
}
