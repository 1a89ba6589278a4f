//! What the derived code calls: the fields and variants of a type by their names in one list.

use super::json::{Slot, ToJson, Wrong, write_name};
use super::json_text::{Reader, parse, quote};
use super::text::cut;
use serde_json::Value;
use std::borrow::Cow;

/// A name of a list.
struct Name<'l> {
    text: &'l str,
    /// a field with this name may be missing or null
    optional: bool,
}

/// The next name of a list. One text for a type, the same for reading and for writing, is a fraction
/// of a table of texts: before each name one byte says how long it is, and with its lowest bit
/// whether it is optional.
fn next<'l>(list: &mut &'l str) -> Name<'l> {
    let all = *list;
    let mark = all.bytes().next().map_or(0, usize::from);
    let end = 1 + mark / 2;
    *list = cut(all, end, all.len());
    Name {
        text: cut(all, 1, end),
        optional: mark % 2 == 1,
    }
}

fn name_at(list: &str, place: usize) -> Name<'_> {
    let mut rest = list;
    for _ in 0..place {
        next(&mut rest);
    }
    next(&mut rest)
}

/// Where a name stands in a list.
fn place_in(list: &str, name: &str) -> Option<usize> {
    let mut rest = list;
    let mut place = 0;
    while !rest.is_empty() {
        if next(&mut rest).text == name {
            return Some(place);
        }
        place += 1;
    }
    None
}

/// Fills the places from an object; with `deny`, a field that has no place is an error, except the
/// one that names the variant.
pub fn read_fields(
    from: &mut Reader<'_>,
    names: &str,
    slots: &mut [&mut dyn Slot],
    deny: bool,
    tag: Option<&str>,
) -> Result<(), Wrong> {
    // One bit for each field; nothing of ours has so many.
    let mut seen = 0_u64;
    // What we wrote ourselves comes in our order, and its names are known without being read.
    let (mut rest, mut place) = (names, 0);
    from.begin(b'{')?;
    while from.more(b'}')? {
        let (mut left, mut at, mut here) = (rest, place, None);
        while here.is_none() && !left.is_empty() {
            here = from.takes(next(&mut left).text).then_some(at);
            at += 1;
        }
        if here.is_some() {
            (rest, place) = (left, at);
        } else {
            let name = from.name()?;
            here = place_in(names, &name);
            if deny && here.is_none() && tag != Some(&*name) {
                return Err(Wrong::new(["unknown field ", &name].concat()));
            }
        }
        let Some((here, slot)) = here.and_then(|at| Some((at, slots.get_mut(at)?))) else {
            from.skip()?;
            continue;
        };
        seen |= 1 << here;
        if from.peek() == Some(b'n') && name_at(names, here).optional {
            from.skip()?;
        } else {
            slot.read(from)
                .map_err(|e| e.within(name_at(names, here).text))?;
        }
    }
    let mut rest = names;
    for place in 0..slots.len() {
        let name = next(&mut rest);
        if seen >> place & 1 == 0 && !name.optional {
            return Err(missing(name.text));
        }
    }
    Ok(())
}

/// All fields that are something, by their names in one list.
pub fn write_object(names: &str, fields: &[&dyn ToJson], out: &mut String) {
    out.push('{');
    write_more(names, fields, out);
}

/// The same as a tree, by names with commas between them.
pub fn write_fields(names: &str, fields: &[&dyn ToJson]) -> Value {
    let mut text = String::from("{");
    for (name, field) in names.split(',').zip(fields) {
        write_field(name, *field, &mut text);
    }
    text.push('}');
    parse(&text).unwrap_or_default()
}

fn write_more(names: &str, fields: &[&dyn ToJson], out: &mut String) {
    let mut rest = names;
    for field in fields {
        write_field(next(&mut rest).text, *field, out);
    }
    out.push('}');
}

fn write_field(name: &str, field: &dyn ToJson, out: &mut String) {
    let before = out.len();
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push('"'); // no name of ours has anything in it that is escaped
    out.push_str(name);
    out.push_str("\":");
    field.write(out);
    if out.ends_with(":null") {
        out.truncate(before);
    }
}

#[cold]
fn missing(name: &str) -> Wrong {
    Wrong::new([name, " is missing"].concat())
}

/// Reads an enum: `"name"`, `{"name": content}`, or with a tag an object that names it; `content`
/// reads what belongs to the variant at this place of the list of names.
pub fn read_variant<'a>(
    from: &mut Reader<'a>,
    known: &str,
    tag: Option<&str>,
    content: &mut dyn FnMut(usize, &mut Reader<'a>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let begin = from.clone();
    let several = || begin.clone().expected("one of several kinds");
    let in_object = match from.peek() {
        Some(b'{') => true,
        Some(b'"') if tag.is_none() => false,
        _ => return Err(several()),
    };
    let name = match tag {
        Some(tag) => tagged(from.clone(), tag)?,
        None if in_object => {
            from.begin(b'{')?;
            if !from.more(b'}')? {
                return Err(several());
            }
            from.name()?
        }
        None => from.string()?,
    };
    let place = place_in(known, &name).ok_or_else(|| Wrong::variant(&name, known))?;
    if !in_object {
        return content(place, &mut Reader::new("{}"));
    }
    let untouched = from.at();
    content(place, from)?;
    if from.at() == untouched {
        from.skip()?; // of a variant to which nothing belongs
    }
    if tag.is_none() && from.more(b'}')? {
        return Err(several());
    }
    Ok(())
}

/// The variant that an object names, wherever in it.
fn tagged<'a>(mut from: Reader<'a>, tag: &str) -> Result<Cow<'a, str>, Wrong> {
    from.begin(b'{')?;
    while from.more(b'}')? {
        if from.name()? == tag && from.peek() == Some(b'"') {
            return from.string();
        }
        from.skip()?;
    }
    Err(missing(tag))
}

/// What went wrong within this variant.
#[cold]
#[must_use]
pub fn within(wrong: Wrong, known: &str, place: usize) -> Wrong {
    wrong.within(name_at(known, place).text)
}

/// The names of a list, for people.
pub(super) fn told(list: &str) -> String {
    let (mut out, mut rest) = (String::new(), list);
    while !rest.is_empty() {
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(next(&mut rest).text);
    }
    out
}

/// A variant with fields, or with none, by its place in the list of names.
pub fn write_variant(
    known: &str,
    place: usize,
    tag: Option<&str>,
    names: &str,
    fields: &[&dyn ToJson],
    out: &mut String,
) {
    let name = name_at(known, place).text;
    out.push('{');
    match tag {
        Some(tag) => {
            write_name(tag, out);
            quote(name, out);
            write_more(names, fields, out);
        }
        None => {
            write_name(name, out);
            write_object(names, fields, out);
            out.push('}');
        }
    }
}

pub fn write_unit(known: &str, place: usize, tag: Option<&str>, out: &mut String) {
    match tag {
        Some(_) => write_variant(known, place, tag, "", &[], out),
        None => quote(name_at(known, place).text, out),
    }
}

pub fn write_holding(known: &str, place: usize, content: &dyn ToJson, out: &mut String) {
    out.push('{');
    write_name(name_at(known, place).text, out);
    content.write(out);
    out.push('}');
}
