//! `core/js/src/types.ts` is made from the Rust types that cross to JavaScript: read from the core's
//! sources as the derives read them, with their documentation. Where the file differs this fails;
//! `PANNIER_WRITE=1 cargo test -p pannier-json-derive --test types` writes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../src/names.rs"]
#[allow(dead_code)]
mod names;

use names::{Options, cased, options, variant_name};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use syn::{Attribute, Expr, Fields, GenericArgument, Item, Lit, Meta, PathArguments, Type};

/// What a call takes, in the order in which the file tells of them.
const GIVEN: &[&str] = &[
    "Intent",
    "Position",
    "OutboxQuery",
    "WakeReason",
    "Keep",
    "Subscription",
];
/// What a call answers.
const ANSWERED: &[&str] = &[
    "SessionView",
    "RouteView",
    "RouteRefresh",
    "ScanMeaning",
    "Receipt",
    "BlobMeta",
    "Draft",
    "OutboxPage",
    "Status",
    "Notice",
    "OtherAccount",
    "History",
    "ShiftClose",
    "Health",
    "Tidied",
    "DrainReport",
    "WakeRecord",
    "PushState",
];

/// Codes that stand as texts in the sources, each list under a name of its own: what comes before
/// such a text.
const CODES: &[(&str, &str, &[&str])] = &[
    (
        "ErrorCode",
        "Every code that a call of the core may be refused with, but for mistakes of a profile and of a call's arguments.",
        &[
            "Refused::new(",
            "CoreFault::new(",
            "Self::Lost(_) => ",
            "Self::Quota => ",
            "Self::Unavailable(_) => ",
            "Self::Newer { .. } => ",
            "Self::Blocked => ",
            "Self::TimedOut => ",
            "Self::Failed(_) => ",
        ],
    ),
    (
        "ReasonCode",
        "Every code of a `Reason`, but for mistakes of a profile.",
        &[
            "Reason::new(",
            "self.reason(",
            "not_sent(",
            "new NotSent(",
            "const WAITING_FOR: [&str; 10] = [",
        ],
    ),
    (
        "AttemptCode",
        "Every verdict that an attempt can end with.",
        &[
            "Self::Applied => ",
            "Self::Already => ",
            "Self::Conflict => ",
            "Self::Invalid => ",
            "Self::Auth => ",
            "Self::AuthUnsure => ",
            "Self::Throttled => ",
            "Self::Retry => ",
            "Self::InDoubt => ",
            "Self::Probe => ",
            "Self::NotApplied => ",
            "Self::Unknown => ",
            "Ruling::Unmatched => ",
            "self.name(",
            "self.note_lost(",
            "const WAITING_FOR: [&str; 10] = [",
        ],
    ),
    (
        "StopNoticeCode",
        "The codes of notices that are about a stop as a whole; all others are those of a `Reason`.",
        &["withdrawn(record, "],
    ),
];

/// The text that begins here, and those that follow it after a comma.
fn literals(rest: &str, many: bool) -> Vec<String> {
    let mut out = vec![];
    let mut rest = rest.trim_start();
    while let Some(inside) = rest.strip_prefix('"') {
        let Some((text, after)) = inside.split_once('"') else {
            break;
        };
        let code = text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !code {
            break;
        }
        out.push(text.to_owned());
        let after = after.trim_start().strip_prefix(',');
        rest = after.filter(|_| many).unwrap_or("").trim_start();
    }
    out
}

fn codes() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![];
    for sources in ["../src", "../wasm/src"] {
        rust_files(&folder.join(sources), &mut files);
    }
    // The core's ways into the world are JavaScript's.
    files.push(folder.join("../js/src/host/net.ts"));
    let texts: Vec<String> = files
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a file of the core");
            text.split("#[cfg(test)]\nmod ")
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    let mut out = String::new();
    for (name, about, marks) in CODES {
        let mut found = BTreeSet::new();
        for (text, mark) in texts.iter().flat_map(|t| marks.iter().map(move |m| (t, m))) {
            for rest in text.split(mark).skip(1) {
                found.extend(literals(rest, mark.ends_with('[')));
            }
        }
        assert!(
            found.len() > 1,
            "{name}: the sources say these otherwise by now"
        );
        let _ = write!(out, "\n/** {about} */\nexport type {name} =");
        for code in found {
            let _ = write!(out, "\n  | \"{code}\"");
        }
        out += ";\n";
    }
    out
}

const HEAD: &str = "// Made from the Rust types by core/json-derive/tests/types.rs, which says how to write it anew.
// Not to be edited: what is wrong here is wrong in core/src. Times are Unix milliseconds of the
// device's clock unless a field says otherwise; ids, codes and handles are opaque strings.
";

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder of the core");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            // In-memory twins: nothing of theirs is downloaded.
            if !path.ends_with("testing") {
                rust_files(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Everything that has a derived JSON form, by name.
struct Shapes {
    items: BTreeMap<String, Vec<Item>>,
    /// newtypes of one text, which a macro makes
    ids: BTreeSet<String>,
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        _ => &[],
    }
}

fn has_json(item: &Item) -> bool {
    let mut found = false;
    let derives = attributes(item)
        .iter()
        .filter(|a| a.path().is_ident("derive"));
    for attribute in derives {
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("ToJson") || meta.path.is_ident("FromJson");
            Ok(())
        });
    }
    found
}

impl Shapes {
    fn read() -> Self {
        let mut files = vec![];
        let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
        rust_files(&core, &mut files);
        let mut out = Self {
            items: BTreeMap::new(),
            ids: BTreeSet::new(),
        };
        for path in files {
            let text = std::fs::read_to_string(&path).expect("a file of the core");
            for item in syn::parse_file(&text).expect("Rust").items {
                let name = match &item {
                    Item::Macro(made) if made.mac.path.is_ident("id") => {
                        let words = made.mac.tokens.to_string();
                        let name = words.rsplit([' ', ']']).next().unwrap_or_default();
                        out.ids.insert(name.to_owned());
                        continue;
                    }
                    Item::Struct(found) => found.ident.to_string(),
                    Item::Enum(found) => found.ident.to_string(),
                    _ => continue,
                };
                if has_json(&item) {
                    out.items.entry(name).or_default().push(item);
                }
            }
        }
        out
    }

    fn item(&self, name: &str) -> &Item {
        let found = self.items.get(name);
        let found = found.unwrap_or_else(|| panic!("{name} has no derived JSON form"));
        assert_eq!(found.len(), 1, "two types are called {name}");
        &found[0]
    }

    fn given(&self, name: &str) -> Options {
        options(attributes(self.item(name))).expect("json attributes")
    }

    /// A type's name and the names of its fields' types, and of theirs.
    fn reach(&self, name: &str, seen: &mut Vec<String>) {
        if seen.iter().any(|s| s == name) {
            return;
        }
        seen.push(name.to_owned());
        let mut visit = |fields: &Fields| {
            let mut named = vec![];
            for field in fields {
                let _ = self.typescript(&field.ty, &mut named);
            }
            named.iter().for_each(|name| self.reach(name, seen));
        };
        match self.item(name) {
            Item::Struct(item) => visit(&item.fields),
            Item::Enum(item) => item.variants.iter().for_each(|v| visit(&v.fields)),
            _ => {}
        }
    }

    /// A type as TypeScript writes it; `named` takes the types of ours that it names.
    fn typescript(&self, ty: &Type, named: &mut Vec<String>) -> String {
        let path = match ty {
            Type::Reference(inner) => return self.typescript(&inner.elem, named),
            Type::Path(path) => path,
            _ => panic!("no JSON form is known for this type"),
        };
        let last = path.path.segments.last().expect("a name");
        let mut inner: Vec<&Type> = vec![];
        if let PathArguments::AngleBracketed(list) = &last.arguments {
            inner.extend(list.args.iter().filter_map(|a| match a {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            }));
        }
        let name = last.ident.to_string();
        match name.as_str() {
            "String" | "str" => "string".to_owned(),
            "bool" => "boolean".to_owned(),
            "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" | "Number" => {
                "number".to_owned()
            }
            "Value" => "unknown".to_owned(),
            "Map" | "Values" => "Record<string, unknown>".to_owned(),
            "Option" | "Box" | "Cow" => self.typescript(inner[0], named),
            "Vec" => format!("{}[]", self.typescript(inner[0], named)),
            "Dictionary" => format!("Record<string, {}>", self.typescript(inner[1], named)),
            id if self.ids.contains(id) => "string".to_owned(),
            other => {
                named.push(other.to_owned());
                other.to_owned()
            }
        }
    }

    fn fields(&self, fields: &Fields, reading: &Reading<'_>, indent: &str) -> String {
        let mut out = String::new();
        for field in fields {
            let given = options(&field.attrs).expect("json attributes");
            let ident = field.ident.as_ref().expect("a named field").to_string();
            let name = given.rename.unwrap_or_else(|| cased(&ident, reading.style));
            let is_option = matches!(&field.ty, Type::Path(p) if p.path.segments.last().is_some_and(|s| s.ident == "Option"));
            let may_be_left_out = reading.read && (reading.all_default || given.default);
            let mark = if is_option || may_be_left_out {
                "?"
            } else {
                ""
            };
            let ty = self.typescript(&field.ty, &mut vec![]);
            let said = documentation(&field.attrs);
            let said = if ty == "number" {
                with_unit(said, &ident)
            } else {
                said
            };
            out += &comment(&said, indent);
            let _ = writeln!(out, "{indent}{name}{mark}: {ty};");
        }
        out
    }

    /// `read`: it is, or is part of, what a call takes.
    fn rendered(&self, name: &str, read: bool) -> String {
        let item = self.item(name);
        let given = self.given(name);
        let style = given.rename_all.as_deref();
        let mut about = documentation(attributes(item));
        let item = match item {
            Item::Struct(item) => {
                let reading = Reading {
                    style,
                    all_default: given.default,
                    read,
                };
                let fields = self.fields(&item.fields, &reading, "  ");
                let about = comment(&about, "");
                return format!("{about}export interface {name} {{\n{fields}}}\n");
            }
            Item::Enum(item) => item,
            _ => panic!("{name} is neither struct nor enum"),
        };
        let variants: Vec<_> = item
            .variants
            .iter()
            .filter(|v| !options(&v.attrs).expect("json attributes").skip)
            .map(|v| (v, variant_name(v, style).expect("a name")))
            .collect();
        let Some(tag) = &given.tag else {
            for (variant, label) in &variants {
                assert!(
                    matches!(variant.fields, Fields::Unit),
                    "{name}: fields without a tag"
                );
                let said = documentation(&variant.attrs);
                if !said.is_empty() {
                    about.push(format!("- `{label}`: {}", said.join(" ")));
                }
            }
            let words: Vec<String> = variants.iter().map(|(_, l)| format!("\"{l}\"")).collect();
            let about = comment(&about, "");
            return format!("{about}export type {name} = {};\n", words.join(" | "));
        };
        let mut out = comment(&about, "") + "export type " + name + " =";
        for (variant, label) in &variants {
            // Field names of variants are as written.
            let reading = Reading {
                style: None,
                all_default: false,
                read,
            };
            let fields = self.fields(&variant.fields, &reading, "      ");
            out.push('\n');
            out += &comment(&documentation(&variant.attrs), "  ");
            let _ = write!(out, "  | {{\n      {tag}: \"{label}\";\n{fields}    }}");
        }
        out + ";\n"
    }
}

struct Reading<'a> {
    style: Option<&'a str>,
    all_default: bool,
    read: bool,
}

fn documentation(attributes: &[Attribute]) -> Vec<String> {
    let mut out = vec![];
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(lit) = &pair.value
            && let Lit::Str(text) = &lit.lit
        {
            let text = text.value();
            out.push(
                text.strip_prefix(' ')
                    .unwrap_or(&text)
                    .trim_end()
                    .to_owned(),
            );
        }
    }
    out
}

/// A quantity's name tells its unit; who reads it in an editor is told in words.
fn with_unit(mut said: Vec<String>, ident: &str) -> Vec<String> {
    let last = ident.rsplit('_').next().unwrap_or_default();
    let unit = match last {
        "at" | "since" | "until" => "Unix milliseconds",
        "ms" => "milliseconds",
        "bytes" | "days" | "minutes" => last,
        _ if ident.starts_with("bytes_") => "bytes",
        _ => return said,
    };
    if said.is_empty() {
        said.push(unit.to_owned());
    } else if !said.iter().any(|line| line.contains(unit)) {
        let last = said.len() - 1;
        said[last] += &format!(", in {unit}");
    }
    said
}

fn comment(lines: &[String], indent: &str) -> String {
    match lines {
        [] => String::new(),
        [one] => format!("{indent}/** {one} */\n"),
        many => {
            let mut out = format!("{indent}/**\n");
            for line in many {
                let _ = writeln!(out, "{}", format!("{indent} * {line}").trim_end());
            }
            out + indent + " */\n"
        }
    }
}

#[test]
fn the_typescript_types_are_those_of_the_core() {
    let shapes = Shapes::read();
    let (mut given, mut answered) = (vec![], vec![]);
    GIVEN.iter().for_each(|name| shapes.reach(name, &mut given));
    for name in ANSWERED {
        shapes.reach(name, &mut answered);
    }
    answered.retain(|name| !given.contains(name));
    let mut made = HEAD.to_owned();
    for (names, read) in [(given, true), (answered, false)] {
        for name in names {
            made.push('\n');
            made += &shapes.rendered(&name, read);
        }
    }
    made += &codes();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../js/src/types.ts");
    if std::env::var_os("PANNIER_WRITE").is_some() {
        std::fs::write(&file, made).expect("types.ts can be written");
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let at = committed
        .lines()
        .zip(made.lines())
        .position(|(a, b)| a != b);
    assert!(
        committed == made,
        "core/js/src/types.ts is not what the Rust types say, from line {}; PANNIER_WRITE=1 cargo test -p pannier-json-derive --test types writes it",
        at.unwrap_or_default() + 1
    );
}
