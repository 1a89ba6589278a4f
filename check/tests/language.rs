//! The table of the language is the core's types, key for key; the schema is the table; and what
//! ships keeps to the schema.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use boon::{Compiler, Schemas};
use pannier_check::language::{FUNCTIONS, IDENTITIES, Kind, Named, SHAPES};
use pannier_check::schema::{schema, schema_text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Keys with whether they may be left out; or the names of an enumeration.
type Keys = BTreeMap<String, bool>;

fn option(attributes: &[syn::Attribute], name: &str) -> Option<String> {
    let mut found = None;
    for attribute in attributes.iter().filter(|a| a.path().is_ident("json")) {
        attribute
            .parse_nested_meta(|meta| {
                let value = match meta.value() {
                    Ok(value) => value.parse::<syn::LitStr>()?.value(),
                    Err(_) => String::new(),
                };
                if meta.path.is_ident(name) {
                    found = Some(value);
                }
                Ok(())
            })
            .expect("an option of the derive");
    }
    found
}

fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut up = false;
    for (i, c) in name.trim_end_matches('_').chars().enumerate() {
        match c {
            '_' => up = true,
            c if i == 0 => out.extend(c.to_lowercase()),
            c if up => {
                out.extend(c.to_uppercase());
                up = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// Every type of the document, as the core reads it.
fn types() -> BTreeMap<String, Keys> {
    let mut out = BTreeMap::new();
    for file in ["document.rs", "test.rs"] {
        let path = repository("core/src/profile").join(file);
        let text = std::fs::read_to_string(path).expect("is there");
        for item in syn::parse_file(&text).expect("is Rust").items {
            let (name, keys): (_, Keys) = match item {
                syn::Item::Struct(item) => {
                    // What the core makes of a document is no key of it.
                    let read = |f: &&syn::Field| option(&f.attrs, "skip").is_none();
                    let fields = item.fields.iter().filter(read).map(|field| {
                        let ident = field.ident.as_ref().expect("a name").to_string();
                        let name = option(&field.attrs, "rename").unwrap_or_else(|| camel(&ident));
                        let default = option(&field.attrs, "default").is_some();
                        let syn::Type::Path(of) = &field.ty else {
                            panic!("{name}: a path")
                        };
                        let optional = of.path.segments.last().expect("one").ident == "Option";
                        (name, default || optional)
                    });
                    (item.ident, fields.collect())
                }
                syn::Item::Enum(item) => {
                    let shown = item
                        .variants
                        .iter()
                        .filter(|v| option(&v.attrs, "skip").is_none());
                    (
                        item.ident,
                        shown
                            .map(|v| (camel(&v.ident.to_string()), false))
                            .collect(),
                    )
                }
                _ => continue,
            };
            out.insert(name.to_string(), keys);
        }
    }
    out
}

#[test]
fn the_table_has_every_key_of_the_cores_types_and_no_other() {
    let types = types();
    for (name, rust) in [
        ("profile", "Profile"),
        ("reasons", "Reasons"),
        ("choice", "Choice"),
        ("limits", "Limits"),
        ("signIn", "SignIn"),
        ("refresh", "Refresh"),
        ("call", "Call"),
        ("push", "Push"),
        ("route", "RouteRead"),
        ("read", "Read"),
        ("paging", "Paging"),
        ("operation", "OperationProfile"),
        ("blob", "BlobLimits"),
        ("step", "StepProfile"),
        ("probe", "Probe"),
        ("host", "HostCalls"),
        ("request", "RequestTemplate"),
        ("part", "PartTemplate"),
        ("rule", "OutcomeRule"),
        ("when", "When"),
        ("test", "Test"),
    ] {
        let shape = SHAPES
            .iter()
            .find(|s| s.name == name)
            .expect("is in the table");
        let ours: Keys = shape
            .fields
            .iter()
            .map(|f| (f.name.to_owned(), !f.required))
            .collect();
        assert_eq!(ours, types[rust], "{rust}");
        assert!(
            shape.fields.iter().all(|f| f.about.ends_with('.')),
            "{name}: every key has a sentence"
        );
    }
    // Whatever reads JSON is held to something above or below.
    let known = [
        "Order",
        "SignInKind",
        "RefreshWith",
        "Shorter",
        "PagingKind",
        "OnConflict",
        "OnWithdrawn",
        "Identity",
        "BodyTemplate",
        "StatusMatch",
        "Verdict",
    ];
    assert_eq!(
        types.len(),
        21 + known.len(),
        "a new type of the document: {:?}",
        types.keys()
    );
}

fn names_at(shape: &str, field: &str) -> Keys {
    let shape = SHAPES
        .iter()
        .find(|s| s.name == shape)
        .expect("is in the table");
    let field = shape
        .fields
        .iter()
        .find(|f| f.name == field)
        .expect("is there");
    let Kind::Choice(names) = &field.kind else {
        panic!("{}: no choice", field.name)
    };
    named(names)
}

fn named(names: &[Named]) -> Keys {
    names.iter().map(|n| (n.name.to_owned(), false)).collect()
}

#[test]
fn the_table_has_every_name_of_the_cores_enumerations() {
    let types = types();
    for (shape, field, rust) in [
        ("profile", "order", "Order"),
        ("signIn", "kind", "SignInKind"),
        ("refresh", "with", "RefreshWith"),
        ("route", "shorter", "Shorter"),
        ("paging", "kind", "PagingKind"),
        ("operation", "onConflict", "OnConflict"),
        ("operation", "onWithdrawn", "OnWithdrawn"),
        ("rule", "then", "Verdict"),
    ] {
        assert_eq!(names_at(shape, field), types[rust], "{rust}");
    }
    assert_eq!(named(IDENTITIES), types["Identity"]);
    let bodies = SHAPES
        .iter()
        .find(|s| s.name == "body")
        .expect("is in the table")
        .names();
    assert_eq!(
        bodies.map(|n| (n.to_owned(), false)).collect::<Keys>(),
        types["BodyTemplate"]
    );
    let mut functions: Vec<&str> = pannier::profile::value::FUNCTIONS
        .iter()
        .map(|(n, _)| *n)
        .collect();
    let mut ours: Vec<&str> = FUNCTIONS.iter().map(|(n, _)| *n).collect();
    functions.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours, functions);
}

#[test]
fn the_defaults_of_the_table_are_the_cores() {
    let text =
        std::fs::read_to_string(repository("core/src/profile/document.rs")).expect("is there");
    let says = |function: &str| {
        let (_, after) = text
            .split_once(&format!("fn {function}()"))
            .expect("is there");
        let body = after.split(['{', '}']).nth(1).expect("a body");
        body.trim().replace('_', "")
    };
    for (function, shape, field) in [
        ("four", "profile", "concurrency"),
        ("five", "refresh", "beforeS"),
        ("one", "paging", "first"),
        ("settle_default", "step", "settleMs"),
        ("yes", "request", "auth"),
        ("deadline_default", "request", "deadlineMs"),
    ] {
        let shape = SHAPES
            .iter()
            .find(|s| s.name == shape)
            .expect("is in the table");
        let field = shape
            .fields
            .iter()
            .find(|f| f.name == field)
            .expect("is there");
        assert_eq!(field.default, Some(says(function).as_str()), "{function}");
    }
}

#[test]
fn the_schema_in_the_repository_is_the_tables() {
    let path = repository("profiles/pannier-profile.schema.json");
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        there,
        schema_text(),
        "renew it: cargo run -p pannier-cli -- profile schema > profiles/pannier-profile.schema.json"
    );
}

fn verdict(document: &Value) -> Result<(), String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler
        .add_resource("profile.json", schema())
        .expect("is JSON");
    let index = compiler
        .compile("profile.json", &mut schemas)
        .expect("is a schema");
    schemas.validate(document, index).map_err(|e| e.to_string())
}

fn shipped() -> Vec<(PathBuf, Value)> {
    let files = std::fs::read_dir(repository("profiles")).expect("is there");
    let files = files.map(|f| f.expect("is listed").path());
    let profiles = files.filter(|f| {
        let name = f.to_string_lossy();
        name.ends_with(".json") && !name.ends_with(".schema.json")
    });
    profiles
        .map(|f| {
            (
                f.clone(),
                serde_json::from_str(&std::fs::read_to_string(f).expect("is text"))
                    .expect("is JSON"),
            )
        })
        .collect()
}

#[test]
fn every_profile_that_ships_keeps_to_the_schema() {
    let shipped = shipped();
    assert!(shipped.len() >= 2);
    for (path, document) in shipped {
        if let Err(error) = verdict(&document) {
            panic!("{}: {error}", path.display());
        }
    }
}

#[test]
fn the_schema_refuses_what_the_core_does() {
    let sandbox = std::fs::read_to_string(repository("profiles/sandbox.json")).expect("is text");
    let good: Value = serde_json::from_str(&sandbox).expect("is JSON");
    let changed = |pointer: &str, value: Value| {
        let mut document = good.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a place");
        document.pointer_mut(parent).expect("is there")[name] = value;
        verdict(&document)
    };
    changed("/$schema", json!("./pannier-profile.schema.json")).expect("editors name their schema");
    for (pointer, value) in [
        ("/outcome", json!([])),
        ("/order", json!("lanes")),
        ("/concurrency", json!(17)),
        ("/pannier", json!(2)),
        ("/signIn/request/body", json!({"json": 1, "form": {}})),
        ("/heartbeat/request/headers", json!({"a": {"$conct": []}})),
        (
            "/heartbeat/request/headers",
            json!({"a": {"$concat": [], "with": 1}}),
        ),
        (
            "/heartbeat/request/headers",
            json!({"a": {"$find": [], "where": {"equals": 1}}}),
        ),
        (
            "/operations/deliver",
            json!({"steps": [{"stepId": "a", "request": {"method": "GET", "url": "{+a}"}, "identity": {"kind": "header"}}]}),
        ),
        ("/route/stop", json!({"id": {"deeper": [{"$nothing": 1}]}})),
    ] {
        assert!(
            changed(pointer, value.clone()).is_err(),
            "{pointer}: {value}"
        );
    }
    let headers = json!({"a": {"$find": "$item.list", "where": {"at": "/x", "eq": {"$concat": ["a", "$now"]}}, "give": "$item.y"}});
    changed("/heartbeat/request/headers", headers).expect("a function within a function");
}
