//! What the derived code calls: the fields and variants of a type by their names in one list.

use super::json::{Slot, ToJson, Wrong, write_name};
use super::json_text::{Reader, parse, quote};
use serde_json::Value;
use std::borrow::Cow;

/// The next name of a list: `stop,at,position?`. One text for a type, the same for reading and for
/// writing, is a fraction of a table of texts. A field with the mark may be missing or null.
fn next<'l>(list: &mut &'l str) -> &'l str {
    // The standard library's search is made for long texts; these are a few letters.
    let all = *list;
    let end = all.as_bytes().iter().position(|byte| *byte == b',');
    let end = end.unwrap_or(all.len());
    *list = all.get(end + 1..).unwrap_or_default();
    all.get(..end).unwrap_or_default()
}

fn plain(name: &str) -> &str {
    name.strip_suffix('?').unwrap_or(name)
}

/// Where a name stands in a list.
fn place_in(list: &str, name: &str) -> Option<usize> {
    let mut rest = list;
    let mut place = 0;
    while !rest.is_empty() {
        if next(&mut rest) == name {
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
    // What we wrote ourselves comes in our order: the search goes on where it ended.
    let (mut rest, mut place) = ("", 0);
    from.begin(b'{')?;
    'fields: while from.more(b'}')? {
        let found = from.name()?;
        for _ in 0..slots.len() {
            if rest.is_empty() {
                (rest, place) = (names, 0);
            }
            let (name, here) = (next(&mut rest), place);
            place += 1;
            if plain(name) != found {
                continue;
            }
            seen |= 1 << here;
            if name.ends_with('?') && from.null()? {
                continue 'fields;
            }
            if let Some(slot) = slots.get_mut(here) {
                slot.read(from).map_err(|e| e.within(&found))?;
            }
            continue 'fields;
        }
        if deny && tag != Some(&*found) {
            return Err(Wrong::new(["unknown field ", &found].concat()));
        }
        from.skip()?;
    }
    let mut rest = names;
    for place in 0..slots.len() {
        let name = next(&mut rest);
        if seen >> place & 1 == 0 && !name.ends_with('?') {
            return Err(missing(name));
        }
    }
    Ok(())
}

/// All fields that are something, by their names in one list.
pub fn write_object(names: &str, fields: &[&dyn ToJson], out: &mut String) {
    out.push('{');
    write_more(names, fields, out);
}

/// The same as a tree.
pub fn write_fields(names: &str, fields: &[&dyn ToJson]) -> Value {
    let mut text = String::new();
    write_object(names, fields, &mut text);
    parse(&text).unwrap_or_default()
}

fn write_more(names: &str, fields: &[&dyn ToJson], out: &mut String) {
    let mut rest = names;
    for field in fields {
        let name = plain(next(&mut rest));
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
    out.push('}');
}

#[cold]
fn missing(name: &str) -> Wrong {
    Wrong::new([name, " is missing"].concat())
}

/// An enum's variant: its name, and where what belongs to it is read.
struct Named<'a> {
    name: Cow<'a, str>,
    content: Reader<'a>,
}

/// Goes past an enum; gives the variant's place in the list of names, and where its content is read.
pub fn variant<'a>(
    from: &mut Reader<'a>,
    known: &str,
    tag: Option<&str>,
) -> Result<(usize, Reader<'a>), Wrong> {
    let Named { name, content } = named(from, tag)?;
    let place = place_in(known, &name).ok_or_else(|| Wrong::variant(&name, known))?;
    Ok((place, content))
}

/// What went wrong within this variant.
#[cold]
#[must_use]
pub fn within(wrong: Wrong, known: &str, place: usize) -> Wrong {
    wrong.within(name_at(known, place))
}

fn name_at(list: &str, place: usize) -> &str {
    let mut rest = list;
    for _ in 0..place {
        next(&mut rest);
    }
    next(&mut rest)
}

/// `"name"`, `{"name": content}`, or with a tag an object that names it.
fn named<'a>(from: &mut Reader<'a>, tag: Option<&str>) -> Result<Named<'a>, Wrong> {
    let begin = from.clone();
    match (from.peek(), tag) {
        (Some(b'{'), _) => {}
        (Some(b'"'), None) => {
            return Ok(Named {
                name: from.string()?,
                content: Reader::new("{}"),
            });
        }
        _ => return Err(from.expected(SEVERAL)),
    }
    let (mut found, mut count) = (None, 0);
    from.begin(b'{')?;
    while from.more(b'}')? {
        let name = from.name()?;
        count += 1;
        match tag {
            None => {
                let content = from.clone();
                found = Some(Named { name, content });
            }
            Some(tag) if tag == name && from.peek() == Some(b'"') => {
                let (name, content) = (from.string()?, begin.clone());
                found = Some(Named { name, content });
                continue;
            }
            Some(_) => {}
        }
        from.skip()?;
    }
    match (found, tag) {
        (Some(found), Some(_)) => Ok(found),
        (None, Some(tag)) => Err(missing(tag)),
        (Some(found), None) if count == 1 => Ok(found),
        _ => Err(begin.clone().expected(SEVERAL)),
    }
}

const SEVERAL: &str = "one of several kinds";

/// A variant with fields, or with none, by its place in the list of names.
pub fn write_variant(
    known: &str,
    place: usize,
    tag: Option<&str>,
    names: &str,
    fields: &[&dyn ToJson],
    out: &mut String,
) {
    let name = name_at(known, place);
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
        None => quote(name_at(known, place), out),
    }
}

pub fn write_holding(known: &str, place: usize, content: &dyn ToJson, out: &mut String) {
    out.push('{');
    write_name(name_at(known, place), out);
    content.write(out);
    out.push('}');
}
