//! The JSON Schema for editors: completion, descriptions and defaults, of the one table. It is
//! stricter than the core in spelling (an enumeration is a text) and looser in sense (what holds
//! between two places is the check's).

use crate::language::{BODY, FUNCTIONS, Field, IDENTITIES, Kind, Named, PROFILE, SHAPES, Shape};
use crate::walk::{function_names, options_of};
use pannier::domain::json::parse;
use serde_json::{Map, Value, json};

/// The schema as a document, as it stands in the repository.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for shape in SHAPES {
        let made = match shape.name {
            "profile" => continue,
            "body" => body(),
            "identity" => identity(),
            _ => object(shape),
        };
        definitions.insert(shape.name.to_owned(), made);
    }
    definitions.insert("value".to_owned(), value());
    let mut out = object(&PROFILE);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pannier profile",
        "$defs": definitions,
    });
    if let (Value::Object(out), Value::Object(head)) = (&mut out, head) {
        out.extend(head);
    }
    out
}

/// Indented, for the file.
pub fn schema_text() -> String {
    let mut out = String::new();
    write(&schema(), 0, &mut out);
    out.push('\n');
    out
}

/// Like any printer of JSON, but what is short stays on one line: the file is read by people too.
fn write(value: &Value, depth: usize, out: &mut String) {
    let short = pannier::domain::json::print(value);
    let (open, close, inside): (_, _, Vec<(Option<&String>, &Value)>) = match value {
        Value::Object(fields) => ('{', '}', fields.iter().map(|(k, v)| (Some(k), v)).collect()),
        Value::Array(items) => ('[', ']', items.iter().map(|v| (None, v)).collect()),
        _ => return out.push_str(&short),
    };
    if short.len() <= 80 {
        return out.push_str(&short);
    }
    out.push(open);
    for (i, (name, value)) in inside.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth + 1));
        if let Some(name) = name {
            out.push_str(&pannier::domain::json::print(&Value::String(name.clone())));
            out.push_str(": ");
        }
        write(value, depth + 1, out);
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', depth));
    out.push(close);
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn object(shape: &Shape) -> Value {
    let mut properties = Map::new();
    for field in shape.fields {
        properties.insert(field.name.to_owned(), property(field));
    }
    let required: Vec<&str> = shape
        .fields
        .iter()
        .filter(|f| f.required)
        .map(|f| f.name)
        .collect();
    let mut out = json!({
        "type": "object",
        "description": shape.about,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        out["required"] = json!(required);
    }
    out
}

fn property(field: &Field) -> Value {
    let mut out = kind(&field.kind);
    out["description"] = json!(match field.default {
        Some(default) => format!("{} Default: {default}.", field.about),
        None => field.about.to_owned(),
    });
    if let Some(default) = field.default
        && let Ok(default) = parse(default)
    {
        out["default"] = default;
    }
    out
}

fn kind(kind: &Kind) -> Value {
    let list = |of: Value| json!({"type": "array", "items": of});
    let table = |of: Value| json!({"type": "object", "additionalProperties": of});
    let status = json!({"type": "integer", "minimum": 100, "maximum": 599});
    match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Url => json!({"type": "string", "pattern": "^(\\{|https?://)"}),
        Kind::Pointer => json!({"type": "string", "pattern": "^(#?/|#?$)"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Whole(1, 1) => json!({"const": 1}),
        Kind::Whole(least, most) => match i64::try_from(*most) {
            Ok(i64::MAX) => json!({"type": "integer", "minimum": least}),
            _ => json!({"type": "integer", "minimum": least, "maximum": most}),
        },
        Kind::Tree => reference("value"),
        Kind::Trees => table(reference("value")),
        Kind::TreeList => list(reference("value")),
        Kind::Texts => list(json!({"type": "string"})),
        Kind::TextTable => table(json!({"type": "string"})),
        Kind::Codes => list(status),
        Kind::Statuses => list(json!({"anyOf": [status, {"enum": crate::language::CLASSES}]})),
        Kind::Choice(names) => choice(names),
        Kind::Choices(names) => list(choice(names)),
        Kind::Body => reference("body"),
        Kind::Identity => reference("identity"),
        Kind::One(shape) => reference(shape.name),
        Kind::Many(shape) => list(reference(shape.name)),
        Kind::Table(shape) => table(reference(shape.name)),
    }
}

fn choice(names: &[Named]) -> Value {
    let each: Vec<Value> = names
        .iter()
        .map(|one| json!({"const": one.name, "description": one.about}))
        .collect();
    json!({"oneOf": each})
}

fn body() -> Value {
    let mut out = object(&BODY);
    out["minProperties"] = json!(1);
    out["maxProperties"] = json!(1);
    out
}

fn identity() -> Value {
    let mut out = json!({
        "type": "object",
        "description": crate::language::IDENTITY.about,
        "properties": {
            "kind": choice(IDENTITIES),
            "name": {"type": "string", "description": "Kind \"header\" only: the header's name."},
        },
        "required": ["kind"],
        "additionalProperties": false,
    });
    out["properties"]["kind"]["description"] = json!("The strategy.");
    out["if"] = json!({"properties": {"kind": {"const": "header"}}, "required": ["kind"]});
    out["then"] = json!({"required": ["kind", "name"]});
    out["else"] = json!({"properties": {"name": false}});
    out
}

/// Any JSON, but a key with a dollar is a function, and a function has its own options.
fn value() -> Value {
    let (mut properties, mut rules) = (Map::new(), Map::new());
    for (name, about) in FUNCTIONS {
        properties.insert(
            (*name).to_owned(),
            json!({"$ref": "#/$defs/value", "description": about}),
        );
        let mut options = Map::new();
        options.insert((*name).to_owned(), json!(true));
        for option in options_of(name).unwrap_or(&[]) {
            let of = match *option {
                "where" => reference("test"),
                "to" | "length" => json!({"type": "integer", "minimum": 1}),
                "as" | "alphabet" | "with" => json!({"type": "string"}),
                "from" => json!({"type": "object"}),
                _ => reference("value"),
            };
            options.insert((*option).to_owned(), of);
        }
        rules.insert(
            (*name).to_owned(),
            json!({"properties": options, "additionalProperties": false}),
        );
    }
    let names: Vec<&str> = function_names().collect();
    // `from` and `else` of a $map are taken as they stand, and so is everything that is no object.
    json!({
        "description": "A value: plain JSON. A text with a dollar in front is a reference (\"$operation.id\"), with two a text (\"$$5\"); an object with a key with a dollar is a function.",
        "if": {"type": "object"},
        "then": {
            "properties": properties,
            "propertyNames": {"anyOf": [{"not": {"pattern": "^\\$"}}, {"enum": names}]},
            "additionalProperties": {"$ref": "#/$defs/value"},
            "dependentSchemas": rules,
        },
        "else": {"if": {"type": "array"}, "then": {"items": {"$ref": "#/$defs/value"}}},
    })
}
