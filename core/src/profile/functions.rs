//! Functions of one value: what a backend wants it to look like. The value is filled already; a
//! function of something that is missing is missing.

use super::date;
use super::read::{Mistake, ProfileError};
use super::request::mark;
use super::value::{Context, plain_text};
use crate::domain::json::{ToJson, as_whole, parse, print};
use crate::domain::text::{replaced, whole};
use serde_json::{Map, Value};

const TEXT_MAX: usize = 1 << 20;
const ALPHABET: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

fn wrong(name: &str, text: &str) -> ProfileError {
    Mistake::new("value_function", [name, ": ", text].concat())
}

/// `Ok(None)`: the value is none that this function can do anything with, so nothing comes of it.
pub fn apply(
    name: &str,
    given: Value,
    options: &Map<String, Value>,
    context: &Context,
) -> Result<Option<Value>, ProfileError> {
    let text_of = |key: &str| options.get(key).and_then(Value::as_str);
    let number_of = |key: &str| options.get(key).and_then(Value::as_u64);
    let text = plain_text(&given);
    Ok(match (name, given) {
        ("$last", Value::Array(mut items)) => items.pop(),
        ("$count", Value::Array(items)) => Some(items.len().to_json()),
        ("$join", Value::Array(items)) if items.is_empty() => None,
        ("$join", Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(plain_text).collect();
            Some(Value::String(items.join(text_of("with").unwrap_or(","))))
        }
        ("$flat", Value::Array(items)) => {
            let mut out = vec![];
            for item in items {
                match item {
                    Value::Array(inner) => out.extend(inner),
                    other => out.push(other),
                }
            }
            Some(Value::Array(out))
        }
        ("$last" | "$count" | "$join" | "$flat", _) => None,
        ("$truncate", _) => {
            let to =
                number_of("to").ok_or_else(|| wrong(name, "\"to\" says how many characters"))?;
            Some(Value::String(
                text.chars()
                    .take(usize::try_from(to).unwrap_or(TEXT_MAX))
                    .collect(),
            ))
        }
        ("$number", _) => parse(text.trim()).ok().filter(Value::is_number),
        ("$json", given) => Some(Value::String(print(&given))),
        ("$quote", _) => {
            let with = text_of("with").unwrap_or("\"");
            let escaped = replaced(&text, "\\", "\\\\");
            let escaped = replaced(&escaped, with, &["\\", with].concat());
            Some(Value::String([with, &escaped, with].concat()))
        }
        ("$base64", _) => Some(Value::String(base64(text.as_bytes()))),
        ("$id", _) => {
            let length = number_of("length").filter(|n| (1..=64).contains(n));
            let length = length.ok_or_else(|| wrong(name, "\"length\" takes 1 to 64"))?;
            let alphabet = text_of("alphabet").unwrap_or(ALPHABET);
            if alphabet.len() < 2 || !alphabet.is_ascii() {
                return Err(wrong(
                    name,
                    "\"alphabet\" needs two plain characters or more",
                ));
            }
            Some(Value::String(derived(&text, length, alphabet.as_bytes())))
        }
        ("$bytes", blob) => {
            let field = |name: &str| blob.get(name).and_then(Value::as_str);
            let (Some(handle), Some(media_type)) = (field("handle"), field("mediaType")) else {
                return Ok(None);
            };
            let bytes = mark(handle);
            Some(Value::String(match text_of("as").unwrap_or("base64") {
                "dataUri" => ["data:", media_type, ";base64,", &bytes].concat(),
                _ => bytes,
            }))
        }
        ("$claim", _) => claim(&text, text_of("give").unwrap_or("exp")),
        ("$date", given) => {
            let Some(ms) = as_whole(&given) else {
                return Ok(None);
            };
            let zone = zone(options, context);
            Some(match text_of("as").unwrap_or("iso") {
                "ms" => ms.to_json(),
                "s" => ms.div_euclid(1_000).to_json(),
                "iso" => Value::String(date::format(ms, zone, date::ISO)),
                pattern => Value::String(date::format(ms, zone, pattern)),
            })
        }
        ("$time", given) => {
            let scale = |by: i64| {
                as_whole(&given)
                    .or_else(|| whole(text.trim()))
                    .map(|n| n.saturating_mul(by))
            };
            let zone = zone(options, context);
            let ms = match text_of("as").unwrap_or("iso") {
                "ms" => scale(1),
                "s" => scale(1_000),
                "iso" => date::parse(&text, zone, None),
                pattern => date::parse(&text, zone, Some(pattern)),
            };
            ms.map(|ms| ms.to_json())
        }
        _ => {
            return Err(Mistake::new(
                "value_function",
                [name, " is no function"].concat(),
            ));
        }
    })
}

/// Minutes east of Greenwich: `"utc"` unless said, `"local"` for the device's own.
fn zone(options: &Map<String, Value>, context: &Context) -> i64 {
    match options.get("zone") {
        Some(Value::String(name)) if name == "local" => context
            .look_up("device.zoneMin")
            .and_then(Value::as_i64)
            .unwrap_or(0),
        Some(minutes) => minutes.as_i64().unwrap_or(0),
        None => 0,
    }
}

/// A text's own id in another alphabet: the same text gives the same id, on every device and in
/// every version. Two FNV-1a hashes of 64 bits, the second over the text read backwards.
fn derived(text: &str, length: u64, alphabet: &[u8]) -> String {
    let hash = |bytes: &mut dyn Iterator<Item = u8>| {
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let mut state = [hash(&mut text.bytes()), hash(&mut text.bytes().rev())];
    let mut out = String::new();
    for place in 0..length {
        let word = &mut state[usize::from(place % 2 == 1)];
        // Each character takes its share of the word; an exhausted one is stirred again (SplitMix64).
        if place % 16 < 2 {
            *word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
            *word = (*word ^ (*word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *word = (*word ^ (*word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *word ^= *word >> 31;
        }
        let base = alphabet.len() as u64;
        // Far below the alphabet's length, which is a usize.
        let at = usize::try_from(*word % base).unwrap_or_default();
        *word /= base;
        out.push(char::from(alphabet[at]));
    }
    out
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard alphabet, padded.
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, i| {
            (word << 8) | u32::from(three.get(i).copied().unwrap_or(0))
        });
        for i in 0..4_usize {
            let sextet = (word >> (18 - 6 * i)) & 63;
            out.push(if i > three.len() {
                '='
            } else {
                char::from(BASE64[sextet as usize])
            });
        }
    }
    out
}

/// A claim of a JSON Web Token, read and not verified: the backend is who judges it.
fn claim(token: &str, name: &str) -> Option<Value> {
    let body = token.split('.').nth(1)?;
    let mut bytes = Vec::with_capacity(body.len());
    let (mut word, mut bits) = (0_u32, 0);
    for c in body.bytes().filter(|c| *c != b'=') {
        let plain = match c {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        };
        let sextet = BASE64.iter().position(|b| *b == plain)?;
        word = (word << 6) | u32::try_from(sextet).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((word >> bits) & 255).ok()?);
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    parse(&text)
        .ok()?
        .get(name)
        .cloned()
        .filter(|v| !v.is_null())
}

#[cfg(test)]
mod tests {
    use super::super::value::fill;
    use super::*;
    use serde_json::json;

    fn check(tree: Value, expected: Value) {
        let context = Context::default()
            .with("at", json!(1_795_334_709_120_i64))
            .with("device", json!({"zoneMin": 60}))
            .with("t", json!("a \"b\" ö\\"))
            .with("l", json!([[1, 2], 3, ["x"]]));
        let filled = fill(&tree, &context).expect("fills").unwrap_or_default();
        assert_eq!(filled, expected, "{tree}");
    }

    #[test]
    fn values_take_the_shape_a_backend_wants() {
        check(json!({"$date": "$at"}), json!("2026-11-22T08:05:09.120Z"));
        check(
            json!({"$date": "$at", "as": "yyyy-MM-dd HH:mm:ss", "zone": "local"}),
            json!("2026-11-22 09:05:09"),
        );
        check(json!({"$date": "$at", "as": "s"}), json!(1_795_334_709));
        check(json!({"$date": "$t"}), Value::Null);
        check(
            json!({"$time": "2026-11-22 09:05:09.120", "zone": 60}),
            json!(1_795_334_709_120_i64),
        );
        check(
            json!({"$time": 1_795_334_709, "as": "s"}),
            json!(1_795_334_709_000_i64),
        );
        check(json!({"$truncate": "$t", "to": 7}), json!("a \"b\" ö"));
        check(json!({"$number": "17"}), json!(17));
        check(json!({"$number": "seventeen"}), Value::Null);
        check(json!({"$json": {"a": "$l.1"}}), json!("{\"a\":3}"));
        check(json!({"$quote": "$t"}), json!("\"a \\\"b\\\" ö\\\\\""));
        check(json!({"$quote": "it's", "with": "'"}), json!("'it\\'s'"));
        check(json!({"$flat": "$l"}), json!([1, 2, 3, "x"]));
        check(
            json!({"$join": {"$flat": "$l"}, "with": ";"}),
            json!("1;2;3;x"),
        );
        check(json!({"$count": "$l"}), json!(3));
        check(json!({"$base64": "key:"}), json!("a2V5Og=="));
        check(json!({"$base64": "Anna:ö"}), json!("QW5uYTrDtg=="));
        check(json!({"$truncate": "$nothing", "to": 3}), Value::Null);
    }

    #[test]
    fn an_id_made_of_an_id_is_always_the_same_one() {
        let id = "0197-3a2b-operation";
        let tree = json!({"$id": id, "length": 15, "alphabet": ALPHABET});
        let context = Context::default();
        let made = fill(&tree, &context).expect("fills");
        // Fixed for good: a released profile must meet its own records again.
        assert_eq!(made, Some(json!("ivtunz7hvizqraa")));
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..20_000 {
            let made = derived(&format!("id-{n}"), 15, ALPHABET.as_bytes());
            assert_eq!(made.len(), 15);
            assert!(seen.insert(made));
        }
    }

    #[test]
    fn a_tokens_end_is_read_from_it() {
        let token = "e30.eyJleHAiOjE3OTUzMzQ3MDksInN1YiI6IsO2In0.sig";
        let context = Context::default().with("token", json!(token));
        let claim =
            |give: &str| fill(&json!({"$claim": "$token", "give": give}), &context).expect("fills");
        assert_eq!(claim("exp"), Some(json!(1_795_334_709)));
        assert_eq!(claim("sub"), Some(json!("ö")));
        assert_eq!(claim("iss"), None);
        assert_eq!(
            fill(&json!({"$claim": "no token"}), &context).expect("fills"),
            None
        );
    }
}
