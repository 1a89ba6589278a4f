//! URL templates after RFC 6570, levels 1 to 3 as far as backends need them: `{x}`, `{+x}`,
//! `{?x,y}`, `{&x,y}`. A variable without a value leaves nothing behind.

use super::read::{Mistake, ProfileError};
use crate::domain::text::cut;
use std::fmt::Write;

/// Expands a template; `value` gives a variable's text.
///
/// # Errors
/// `url_template`, when braces do not match or an operator is unknown.
pub fn expand(
    template: &str,
    value: &mut dyn FnMut(&str) -> Result<Option<String>, ProfileError>,
) -> Result<String, ProfileError> {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(cut(rest, 0, open));
        let from = cut(rest, open, rest.len());
        let Some(close) = from.find('}') else {
            return Err(Mistake::new(
                "url_template",
                format!("{template}: a brace is open"),
            ));
        };
        let inside = cut(from, 1, close);
        rest = cut(from, close + 1, from.len());
        let (operator, names) = match inside.chars().next() {
            Some(c @ ('+' | '?' | '&')) => (Some(c), cut(inside, 1, inside.len())),
            Some(c) if c.is_ascii_alphanumeric() || c == '_' => (None, inside),
            _ => {
                return Err(Mistake::new(
                    "url_template",
                    format!("{template}: {{{inside}}} is no known expression"),
                ));
            }
        };
        let mut first = true;
        for name in names.split(',') {
            let Some(text) = value(name.trim())? else {
                continue;
            };
            match operator {
                Some(c @ ('?' | '&')) => {
                    out.push(if first { c } else { '&' });
                    out.push_str(name.trim());
                    out.push('=');
                    escape(&text, false, &mut out);
                }
                Some(_) => {
                    separate(&mut out, first);
                    escape(&text, true, &mut out);
                }
                None => {
                    separate(&mut out, first);
                    escape(&text, false, &mut out);
                }
            }
            first = false;
        }
    }
    if rest.contains('}') {
        return Err(Mistake::new(
            "url_template",
            format!("{template}: a brace closes nothing"),
        ));
    }
    out.push_str(rest);
    Ok(out)
}

fn separate(out: &mut String, first: bool) {
    if !first {
        out.push(',');
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters; `reserved` lets those through too.
pub fn escape(text: &str, reserved: bool, out: &mut String) {
    for byte in text.bytes() {
        let keep = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~')
            || (reserved && b":/?#[]@!$&'()*+,;=%".contains(&byte));
        if keep {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expected: &str) {
        let url = expand(template, &mut |name| {
            Ok(match name {
                "id" => Some("a/b*~ ö".to_owned()),
                "base" => Some("http://h:1/v1".to_owned()),
                "q" => Some("x=1&y".to_owned()),
                _ => None,
            })
        });
        assert_eq!(url.expect("expands"), expected);
    }

    #[test]
    fn variables_are_escaped_after_rfc_3986() {
        check(
            "{+base}/stops/{id}/arrive",
            "http://h:1/v1/stops/a%2Fb%2A~%20%C3%B6/arrive",
        );
        check("/s{?q,none,id}", "/s?q=x%3D1%26y&id=a%2Fb%2A~%20%C3%B6");
        check("/s?a=1{&q}", "/s?a=1&q=x%3D1%26y");
        check("/s{?none}", "/s");
    }

    #[test]
    fn broken_templates_are_named() {
        for template in ["/a{b", "/a}b", "/a{;b}", "/a{}"] {
            assert!(expand(template, &mut |_| Ok(None)).is_err(), "{template}");
        }
    }
}
