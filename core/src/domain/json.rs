//! The one way between values and JSON: two small traits, derived, that read from a text and write
//! to one with no tree in between.
//!
//! serde's derive made two thirds of the module that the phone downloads (316 KB gzipped, with
//! everything else in place); lists of places that one routine fills cost a tenth of it, and an
//! error names the place it was found at.

use super::json_names::told;
pub use super::json_names::{
    read_fields, read_variant, within, write_fields, write_holding, write_object, write_unit,
    write_variant,
};
use super::json_text::write;
pub use super::json_text::{Reader, parse, print, quote};
use super::text;
pub use pannier_json_derive::{FromJson, ToJson};
use serde_json::{Map, Number, Value};
use std::fmt;

pub trait ToJson {
    fn write(&self, out: &mut String);
    /// As a tree, where somebody wants to look into it.
    fn to_json(&self) -> Value
    where
        Self: Sized,
    {
        tree(self)
    }
}

/// A value as a tree.
pub fn tree(value: &dyn ToJson) -> Value {
    // What was written here can be read here.
    parse(&to_text(value)).unwrap_or_default()
}

pub trait FromJson: Slot + Sized {
    /// What a value is before it is read.
    fn blank() -> Self;
    fn from_json(value: Value) -> Result<Self, Wrong> {
        let mut out = Self::blank();
        read_tree(&value, &mut out)?;
        Ok(out)
    }
}

fn read_tree(value: &Value, place: &mut dyn Slot) -> Result<(), Wrong> {
    read_text(&print(value), place)
}

/// A place that a field is read into: the derived code is a table of these.
pub trait Slot {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong>;
}

pub fn write_name(name: &str, out: &mut String) {
    quote(name, out);
    out.push(':');
}

/// What does not fit, and where: `stops/3/address: name is missing`. One pointer wide, since every
/// read of every field may return it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(Box<(String, String)>);

impl Wrong {
    pub fn new(what: impl Into<String>) -> Self {
        Self(Box::new((String::new(), what.into())))
    }
    #[cold]
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        let (place, _) = &mut *self.0;
        if !place.is_empty() {
            place.insert(0, '/');
        }
        place.insert_str(0, name);
        self
    }
    #[cold]
    pub fn expected(what: &str, found: &Value) -> Self {
        let mut found = print(found);
        if let Some((cut, _)) = found.char_indices().nth(60) {
            found.truncate(cut);
            found.push('…');
        }
        Self::new(["expected ", what, ", found ", &found].concat())
    }
    #[cold]
    pub fn variant(found: &str, known: &str) -> Self {
        Self::new([found, " is none of: ", &told(known)].concat())
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, what) = &*self.0;
        if !place.is_empty() {
            f.write_str(place)?;
            f.write_str(": ")?;
        }
        f.write_str(what)
    }
}
impl std::error::Error for Wrong {}

/// # Errors
/// What is wrong with the text, or with its shape.
pub fn from_text<T: FromJson>(text: &str) -> Result<T, Wrong> {
    let mut value = T::blank();
    read_text(text, &mut value)?;
    Ok(value)
}

/// Reads a whole text into its place.
pub fn read_text(text: &str, place: &mut dyn Slot) -> Result<(), Wrong> {
    let mut reader = Reader::new(text);
    place.read(&mut reader)?;
    reader.end()
}

pub fn to_text(value: &dyn ToJson) -> String {
    let mut out = String::with_capacity(512); // most fit: what grows is copied at each doubling
    value.write(&mut out);
    out
}

/// An object of these fields.
pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let mut out = Map::new();
    for (name, value) in fields {
        out.insert(name.to_owned(), value);
    }
    Value::Object(out)
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl ToJson for $type {
            fn write(&self, out: &mut String) {
                write_number(i64::try_from(*self).unwrap_or(i64::MAX), out);
            }
            fn to_json(&self) -> Value {
                number(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
        impl Slot for $type {
            fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
                let read = read_number(from)?;
                *self = read.try_into().map_err(|_| smaller(read))?;
                Ok(())
            }
        }
        impl FromJson for $type {
            fn blank() -> Self {
                0
            }
        }
    )*};
}
integer!(u16, u32, u64, i64);

/// One routine for all sizes: none of our numbers is beyond it.
fn number(n: i64) -> Value {
    let mut text = String::new();
    write_number(n, &mut text);
    Value::Number(Number::from_string_unchecked(text))
}

fn write_number(n: i64, out: &mut String) {
    if n < 0 {
        out.push('-');
    }
    let (mut left, mut digits, mut at) = (n.unsigned_abs(), [0_u8; 20], 20);
    loop {
        at -= 1;
        digits[at] = (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    for digit in &digits[at..] {
        out.push(char::from(b'0' | (digit & 15))); // one byte, as the compiler sees, too
    }
}

#[cold]
fn smaller(read: i64) -> Wrong {
    Wrong::expected("a smaller number", &number(read))
}

/// A whole number, also where somebody wrote it with a fraction of nothing.
fn read_number(from: &mut Reader<'_>) -> Result<i64, Wrong> {
    const WHOLE: &str = "a whole number";
    if !matches!(from.peek(), Some(b'-' | b'0'..=b'9')) {
        return Err(from.expected(WHOLE));
    }
    let mut begin = from.clone();
    whole(from.number()?).ok_or_else(|| begin.expected(WHOLE))
}

fn whole(text: &str) -> Option<i64> {
    if let Some(whole) = text::whole(text) {
        return Some(whole);
    }
    let (digits, zeros) = text.split_once('.')?;
    let is_whole = zeros.bytes().all(|b| b == b'0');
    text::whole(digits).filter(|_| is_whole)
}

/// The whole number that a value is.
pub fn as_whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => whole(number.as_str()),
        _ => None,
    }
}

impl ToJson for usize {
    fn write(&self, out: &mut String) {
        (*self as u64).write(out);
    }
    fn to_json(&self) -> Value {
        (*self as u64).to_json()
    }
}

/// A number whose value is not ours to judge (a coordinate): kept and given on as it was written.
impl ToJson for Number {
    fn write(&self, out: &mut String) {
        out.push_str(self.as_str());
    }
}
impl Slot for Number {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        *self = Self::from_string_unchecked(from.number()?.to_owned());
        Ok(())
    }
}
impl FromJson for Number {
    fn blank() -> Self {
        Self::from_string_unchecked(String::from("0"))
    }
}

impl ToJson for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }
}
impl Slot for bool {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        match from.peek() {
            Some(b't' | b'f') => *self = from.word()? == Some(true),
            _ => return Err(from.expected("true or false")),
        }
        Ok(())
    }
}
impl FromJson for bool {
    fn blank() -> Self {
        false
    }
}

impl ToJson for String {
    fn write(&self, out: &mut String) {
        quote(self, out);
    }
    fn to_json(&self) -> Value {
        Value::String(self.clone())
    }
}
impl ToJson for &str {
    fn write(&self, out: &mut String) {
        quote(self, out);
    }
    fn to_json(&self) -> Value {
        Value::String((*self).to_owned())
    }
}
impl Slot for String {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        *self = from.string()?.into_owned();
        Ok(())
    }
}
impl FromJson for String {
    fn blank() -> Self {
        Self::new()
    }
}

impl ToJson for Value {
    fn write(&self, out: &mut String) {
        write(self, out);
    }
    fn to_json(&self) -> Value {
        self.clone()
    }
}
impl Slot for Value {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        *self = from.value()?;
        Ok(())
    }
}
impl FromJson for Value {
    fn blank() -> Self {
        Self::Null
    }
    fn from_json(value: Value) -> Result<Self, Wrong> {
        Ok(value)
    }
}

impl ToJson for Map<String, Value> {
    fn write(&self, out: &mut String) {
        out.push('{');
        for (name, value) in self {
            if !out.ends_with('{') {
                out.push(',');
            }
            write_name(name, out);
            write(value, out);
        }
        out.push('}');
    }
    fn to_json(&self) -> Value {
        Value::Object(self.clone())
    }
}
impl Slot for Map<String, Value> {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        match from.value()? {
            Value::Object(fields) => *self = fields,
            other => return Err(Wrong::expected("an object", &other)),
        }
        Ok(())
    }
}
impl FromJson for Map<String, Value> {
    fn blank() -> Self {
        Self::new()
    }
}

impl ToJson for () {
    fn write(&self, out: &mut String) {
        out.push_str("null");
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}
impl<T: FromJson> Slot for Option<T> {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        *self = None;
        if from.null()? {
            return Ok(());
        }
        self.insert(T::blank()).read(from)
    }
}
impl<T: FromJson> FromJson for Option<T> {
    fn blank() -> Self {
        None
    }
}

impl<T: ToJson> ToJson for Box<T> {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}
impl<T: FromJson> Slot for Box<T> {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        (**self).read(from)
    }
}
impl<T: FromJson> FromJson for Box<T> {
    fn blank() -> Self {
        Self::new(T::blank())
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write(&self, out: &mut String) {
        write_items(self, out);
    }
}

/// A list of any type: what a closure or an iterator would bring along for each type is more than
/// what is called of it.
trait Items {
    fn item(&self, at: usize) -> Option<&dyn ToJson>;
}
impl<T: ToJson> Items for Vec<T> {
    fn item(&self, at: usize) -> Option<&dyn ToJson> {
        Some(self.get(at)?)
    }
}

fn write_items(items: &dyn Items, out: &mut String) {
    out.push('[');
    let mut at = 0;
    while let Some(item) = items.item(at) {
        if at > 0 {
            out.push(',');
        }
        item.write(out);
        at += 1;
    }
    out.push(']');
}
impl<T: FromJson> Slot for Vec<T> {
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Wrong> {
        self.clear();
        read_items(self, from)
    }
}
impl<T: FromJson> FromJson for Vec<T> {
    fn blank() -> Self {
        Self::new()
    }
}

trait Grows {
    /// A place for one more.
    fn grow(&mut self) -> Option<&mut dyn Slot>;
}
impl<T: FromJson> Grows for Vec<T> {
    fn grow(&mut self) -> Option<&mut dyn Slot> {
        self.push(T::blank());
        Some(self.last_mut()?)
    }
}

/// Read in place: what is half read goes with the list when an item is wrong.
fn read_items(list: &mut dyn Grows, from: &mut Reader<'_>) -> Result<(), Wrong> {
    from.begin(b'[')?;
    let mut count = 0_usize;
    while from.more(b']')? {
        if let Some(place) = list.grow() {
            place.read(from).map_err(|e| e.within(&count.to_string()))?;
        }
        count += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, PartialEq, ToJson, FromJson)]
    #[json(rename_all = "camelCase", deny_unknown_fields)]
    struct Thing {
        first_name: String,
        age: Option<u32>,
        #[json(default)]
        kinds: Vec<Kind>,
        #[json(rename = "at")]
        place: Place,
    }

    #[derive(Debug, PartialEq, ToJson, FromJson)]
    #[json(rename_all = "snake_case")]
    enum Kind {
        PlainOne,
        With { x_y: i64 },
        Holding(bool),
    }

    #[derive(Debug, PartialEq, ToJson, FromJson)]
    #[json(tag = "is", rename_all = "snake_case")]
    enum Place {
        Here,
        There { far: Number },
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = r#"{"firstName":"Å","kinds":["plain_one",{"with":{"x_y":-1}},{"holding":true}],"at":{"is":"there","far":1.5}}"#;
        let thing: Thing = from_text(text).expect("reads");
        assert_eq!(thing.kinds.len(), 3);
        assert_eq!(
            thing.to_json(),
            json!({"at": {"far": 1.5, "is": "there"}, "firstName": "Å",
            "kinds": ["plain_one", {"with": {"x_y": -1}}, {"holding": true}]})
        );
        assert_eq!(
            to_text(&thing),
            r#"{"firstName":"Å","kinds":["plain_one",{"with":{"x_y":-1}},{"holding":true}],"at":{"is":"there","far":1.5}}"#
        );
        assert_eq!(from_text::<Thing>(&to_text(&thing)), Ok(thing));
        assert_eq!(Place::Here.to_json(), json!({"is": "here"}));
    }

    #[test]
    fn a_field_is_found_however_its_name_is_written() {
        let plain = r#"{"firstName":"a","age":3,"kinds":["plain_one"],"at":{"is":"here"}}"#;
        let thing: Thing = from_text(plain).expect("reads");
        for text in [
            r#"{"at":{"is":"here"},"kinds":["plain_one"],"age":3,"firstName":"a"}"#,
            r#"{"kinds":["plain_one"],"firstName":"a","at":{"is":"here"},"age":3}"#,
            r#"{ "firstName" : "a" , "age" : 3, "kinds": [ "plain_one" ], "at": { "is": "here" } }"#,
            r#"{"f\u0069rstName":"a","\u0061ge":3,"kinds":["plain_one"],"at":{"\u0069s":"here"}}"#,
            r#"{"firstName":"b","age":null,"age":3,"kinds":[],"firstName":"a","kinds":["plain_one"],"at":{"is":"here"}}"#,
        ] {
            assert_eq!(from_text::<Thing>(text).as_ref(), Ok(&thing), "{text}");
        }
        for (text, wrong) in [
            (r#"{"first":1}"#, "unknown field first"),
            (r#"{"firstName":"a"}"#, "at is missing"),
            (r#"{"at":{"is":"here"}}"#, "firstName is missing"),
            (
                r#"{"firstName":null}"#,
                "firstName: expected a text, found null",
            ),
            (
                r#"{"firstName":"a","at":"here"}"#,
                "at: expected one of several kinds, found \"here\"",
            ),
        ] {
            let found = from_text::<Thing>(text).expect_err(text).to_string();
            assert_eq!(found, wrong);
        }
    }

    #[test]
    fn a_variant_is_found_wherever_its_name_stands() {
        for text in [
            r#"{"is":"there","far":1}"#,
            r#"{"far":1,"is":"there"}"#,
            r#" { "far" : 1 , "is" : "there" } "#,
        ] {
            let place = from_text::<Place>(text).expect("reads");
            assert_eq!(place, Place::There { far: 1.into() }, "{text}");
        }
        assert_eq!(
            from_text(r#"{"first":1,"is":"here"}"#),
            Ok(Place::Here),
            "what is not known of it is left"
        );
        for text in [
            r#"{"far":1}"#,
            r#"{"is":1}"#,
            "1",
            r#""there""#,
            r#"{"is":"there"}"#,
        ] {
            assert!(from_text::<Place>(text).is_err(), "{text}");
        }
        let plain = from_text(r#"{"plain_one":[{"more":1}]}"#);
        assert_eq!(plain, Ok(Kind::PlainOne), "nothing belongs to it");
        for text in [r#"{"with":{"x_y":1},"holding":true}"#, "{}", r#""with""#] {
            assert!(from_text::<Kind>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_written_whole() {
        for n in [0, -1, 10, 1_795_334_400_000, i64::MAX, i64::MIN] {
            assert_eq!(to_text(&n), n.to_string());
            assert_eq!(from_text(&n.to_string()), Ok(n));
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let wrong = |value: Value| Thing::from_json(value).expect_err("is wrong").to_string();
        assert_eq!(wrong(json!({"at": {"is": "here"}})), "firstName is missing");
        assert_eq!(
            wrong(
                json!({"firstName": "a", "kinds": [{"with": {"x_y": "1"}}], "at": {"is": "here"}})
            ),
            "kinds/0/x_y: expected a whole number, found \"1\""
        );
        assert_eq!(
            wrong(json!({"firstName": "a", "at": {"is": "here"}, "b": 1})),
            "unknown field b"
        );
        assert_eq!(
            wrong(json!({"firstName": "a", "at": {"is": "gone"}})),
            "at: gone is none of: here, there"
        );
        assert_eq!(
            wrong(
                serde_json::from_str(r#"{"firstName": "a", "age": 1e30, "at": {"is": "here"}}"#)
                    .expect("is JSON")
            ),
            "age: expected a whole number, found 1e+30"
        );
    }
}
