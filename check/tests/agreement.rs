//! The checker and the core's reader agree on every document, and neither falls over one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pannier::domain::json::{ToJson, parse, print};
use pannier::profile::read::{PROFILE_BYTES_MAX, read};
use pannier_check::secrets::ACCEPTABLE;
use pannier_check::walk::mistakes;
use pannier_check::{Severity, check};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::OnceLock;

fn shipped() -> &'static [Value] {
    static SHIPPED: OnceLock<Vec<Value>> = OnceLock::new();
    SHIPPED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .expect("is there")
            .map(|f| f.expect("is listed").path())
            .filter(|f| {
                f.to_string_lossy().ends_with(".json")
                    && !f.to_string_lossy().ends_with(".schema.json")
            })
            .collect();
        files.sort();
        files
            .iter()
            .map(|f| parse(&std::fs::read_to_string(f).expect("is text")).expect("is JSON"))
            .collect()
    })
}

/// An error of the check is a refusal of the core, and the other way round; what stands in the
/// table says so by itself, without the core's last word.
fn agree(document: &Value) {
    let text = print(document);
    let core = read(&text);
    let report = check(&text);
    let errors = report.findings.iter();
    let errors: Vec<_> = errors
        .filter(|f| f.severity == Severity::Error && !ACCEPTABLE.contains(&f.code))
        .collect();
    assert_eq!(
        errors.is_empty(),
        core.is_ok(),
        "{core:?} {errors:?}\n{text}"
    );
    let found = mistakes(document);
    let hard: Vec<_> = found.iter().filter(|m| m.hard).collect();
    let language = core.as_ref().is_err_and(|e| e.code == "profile_language");
    if !language {
        assert_eq!(
            hard.is_empty(),
            core.is_ok(),
            "{:?} {hard:?}\n{text}",
            core.err()
        );
    }
    let _ = report.to_json();
}

/// Every place of a document.
fn places(value: &Value, here: &str, out: &mut Vec<String>) {
    out.push(here.to_owned());
    match value {
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                places(item, &format!("{here}/{i}"), out);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, &format!("{here}/{name}"), out);
            }
        }
        _ => {}
    }
}

#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Remove,
    Rename(String),
    Add(String, Value),
    Twice,
    Slip(char),
}

fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "outcomes",
        "then",
        "when",
        "identity",
        "probe",
        "paging",
        "next",
        "kind",
        "name",
        "$each",
        "$concat",
        "as",
        "in",
        "where",
        "auth",
        "deadlineMs",
        "headers",
        "body",
        "json",
        "form",
        "multipart",
        "blob",
        "status",
        "steps",
        "stepId",
        "request",
        "outputs",
        "url",
        "method",
        "parameters",
        "for",
        "$schema",
        "cookies",
        "start",
        "gone",
        "headersFrom",
        "fields",
        "value",
        "refresh",
        "unsupported",
        "secrets",
        "accepts",
        "limits",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => "[a-z$]{0,6}"]
}

fn tree() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(vec![
        "",
        "$",
        "$$x",
        "$operation.id",
        "$opration.id",
        "$item",
        "$code",
        "$response.body#/a",
        "applied",
        "already",
        "auth",
        "2xx",
        "6xx",
        "marker",
        "none",
        "cursor",
        "page",
        "POST",
        "post",
        "{+api}/x",
        "{a}",
        "{",
        "key",
        "code",
        "host",
        "token",
        "lane",
        "json",
        "multipart",
        "$page",
        "Bearer abcdef",
        "https://u:p@h/",
    ]);
    let leaf = prop_oneof![
        6 => text.prop_map(|t| json!(t)),
        1 => any::<bool>().prop_map(|b| json!(b)),
        1 => Just(Value::Null),
        2 => prop::sample::select(vec![0_i64, 1, 2, 4, 16, 17, 200, 404, 1_000, 600_000, 600_001, 65_536, -1, i64::MAX]).prop_map(|n| json!(n)),
        1 => prop::sample::select(vec!["1.0", "1.5", "1e3", "99999999999999999999", "-0", "4294967296", "9223372036854775808"]).prop_map(|n| parse(n).expect("is a number")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => tree().prop_map(Change::Replace),
        2 => Just(Change::Remove),
        2 => name().prop_map(Change::Rename),
        3 => (name(), tree()).prop_map(|(n, v)| Change::Add(n, v)),
        1 => Just(Change::Twice),
        2 => any::<char>().prop_map(Change::Slip),
    ]
}

fn changed(document: &mut Value, at: Index, change: Change) {
    let mut all = vec![];
    places(document, "", &mut all);
    let place = &all[at.index(all.len())];
    match change {
        Change::Replace(value) => {
            if let Some(there) = document.pointer_mut(place) {
                *there = value;
            }
        }
        Change::Add(name, value) => match document.pointer_mut(place) {
            Some(Value::Object(fields)) => drop(fields.insert(name, value)),
            Some(Value::Array(items)) => items.push(value),
            _ => {}
        },
        Change::Slip(c) => {
            if let Some(Value::String(text)) = document.pointer_mut(place) {
                let at = text
                    .char_indices()
                    .nth(text.chars().count() / 2)
                    .map_or(0, |(i, _)| i);
                text.insert(at, c);
            }
        }
        Change::Remove | Change::Rename(_) | Change::Twice => {
            let Some((parent, name)) = place.rsplit_once('/') else {
                return;
            };
            let name = name.replace("~1", "/").replace("~0", "~");
            match document.pointer_mut(parent) {
                Some(Value::Object(fields)) => {
                    let value = fields.remove(&name);
                    if let (Change::Rename(new), Some(value)) = (change, value) {
                        fields.insert(new, value);
                    }
                }
                Some(Value::Array(items)) => {
                    let i: usize = name.parse().expect("a number");
                    match change {
                        Change::Twice => items.push(items[i].clone()),
                        _ => drop(items.remove(i)),
                    }
                }
                _ => {}
            }
        }
    }
}

fn cases(n: u32) -> ProptestConfig {
    // A longer run for who has the time: PROPTEST_CASES.
    let said = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok());
    ProptestConfig {
        cases: said.unwrap_or(n),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_profile_with_changes_is_judged_alike(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), change()), 1..4),
    ) {
        let mut document = which.get(shipped()).clone();
        for (at, change) in changes {
            changed(&mut document, at, change);
        }
        agree(&document);
    }

    #[test]
    fn anything_at_all_is_judged_alike(document in tree()) {
        agree(&document);
    }

    #[test]
    fn a_broken_text_is_told_and_not_tripped_over(which in any::<Index>(), at in any::<Index>(), c in any::<char>(), cut in any::<bool>()) {
        let mut text = print(which.get(shipped()));
        let i = at.index(text.len());
        if text.is_char_boundary(i) {
            if cut { text.truncate(i) } else { text.insert(i, c) }
        }
        let report = check(&text);
        prop_assert_eq!(report.findings.iter().any(|f| f.severity == Severity::Error && !ACCEPTABLE.contains(&f.code)), read(&text).is_err());
    }

    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        prop_assert!(check(&text).count(Severity::Error) > 0);
    }
}

#[test]
fn what_ships_has_no_errors() {
    for document in shipped() {
        agree(document);
        assert_eq!(check(&print(document)).count(Severity::Error), 0);
    }
}

#[test]
fn size_and_depth_have_their_bounds() {
    let large = format!("{{\"notes\": \"{}\"}}", "x".repeat(PROFILE_BYTES_MAX));
    assert_eq!(check(&large).findings[0].code, "profile_too_large");
    for open in [
        "[",
        "{\"a\":",
        "{\"$concat\":[",
        "{\"operations\":{\"a\":{\"steps\":[",
    ] {
        let text = open.repeat(PROFILE_BYTES_MAX / open.len());
        assert_eq!(check(&text).findings[0].code, "profile_unreadable");
    }
    let mut deep = shipped()[0].clone();
    let mut tree = json!("$item.id");
    for _ in 0..80 {
        tree = json!([tree]);
    }
    deep["route"]["stop"] = tree;
    agree(&deep);
}

/// As much of everything as fits: nothing may take more than a moment.
#[test]
fn a_profile_of_the_largest_size_is_checked_in_a_moment() {
    let step = |i: usize| json!({"stepId": format!("s{i}"), "request": {"method": "POST", "url": "{+a}/{b}/{c}", "parameters": {"b": "$operation.x", "c": "$stepz.y"}}});
    let mut wide = Map::new();
    for i in 0..20_000 {
        wide.insert(format!("unknown-key-{i}"), json!(1));
    }
    let mut many = shipped()[0].clone();
    many["operations"] = json!({"deliver": {"steps": (0..2_500).map(step).collect::<Vec<_>>()}});
    let mut refs = shipped()[0].clone();
    refs["route"]["stop"] = json!({"id": vec!["$item.a.b.c#/d/e"; 20_000]});
    let functions = json!({"id": (0..9_000).map(|i| json!({"$each": "$item.x", "as": format!("n{i}"), "in": "$n1"})).collect::<Vec<_>>()});
    let mut named = shipped()[0].clone();
    named["route"]["stop"] = functions;
    for document in [Value::Object(wide), many, refs, named] {
        let text = print(&document);
        assert!(text.len() <= PROFILE_BYTES_MAX, "{}", text.len());
        #[allow(clippy::disallowed_methods)]
        let from = std::time::Instant::now();
        let _ = check(&text).to_json();
        let took = from.elapsed();
        assert!(took.as_secs() < 20, "{took:?} for {}…", &text[..60]);
        println!("{took:?} for {} bytes", text.len());
    }
}

#[test]
fn a_pack_that_is_none_is_refused_by_both() {
    let with = |packs: Value| {
        let mut document = shipped()[0].clone();
        document["packs"] = packs;
        agree(&document);
        read(&print(&document)).is_ok()
    };
    assert!(!with(json!(["std"])));
    assert!(!with(json!(["problemDetails", ""])));
    for (name, _) in pannier::profile::packs::PACKS {
        assert!(with(json!([name])), "{name}");
    }
}
