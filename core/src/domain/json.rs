//! The one way between values and JSON: two small traits over `serde_json::Value`, derived.
//!
//! serde's derive made two thirds of the module that the phone downloads (316 KB gzipped, with
//! everything else in place); reading a parsed `Value` field by field costs a tenth of it, and
//! an error names the place it was found at.

pub use super::json_text::{parse, print, quote};
pub use pannier_json_derive::{FromJson, ToJson};
use serde_json::{Map, Number, Value};
use std::fmt;

pub trait ToJson {
    fn to_json(&self) -> Value;
}

pub trait FromJson: Sized {
    /// What a value is before it is read.
    fn blank() -> Self;
    /// Reads in place.
    fn read(&mut self, value: Value) -> Result<(), Wrong>;
    /// Whether a field of this type may be left out.
    fn may_be_absent() -> bool {
        false
    }
    fn from_json(value: Value) -> Result<Self, Wrong> {
        let mut out = Self::blank();
        out.read(value)?;
        Ok(out)
    }
}

/// A place that a field is read into: the derived code is a table of these.
pub trait Slot {
    fn set(&mut self, value: Value) -> Result<(), Wrong>;
    fn absent_is_fine(&self) -> bool;
}

impl<T: FromJson> Slot for T {
    fn set(&mut self, value: Value) -> Result<(), Wrong> {
        self.read(value)
    }
    fn absent_is_fine(&self) -> bool {
        T::may_be_absent()
    }
}

/// Fills the places from an object; with `deny`, a field that has no place is an error.
pub fn read_fields(
    value: Value,
    slots: &mut [(&'static str, &mut dyn Slot, bool)],
    deny: bool,
) -> Result<(), Wrong> {
    let Value::Object(mut fields) = value else {
        return Err(Wrong::expected("an object", &value));
    };
    for (name, slot, optional) in slots {
        match fields.remove(*name) {
            Some(Value::Null) if *optional => {}
            Some(value) => slot.set(value).map_err(|e| e.within(name))?,
            None if *optional || slot.absent_is_fine() => {}
            None => return Err(missing(name)),
        }
    }
    match fields.keys().next() {
        Some(unknown) if deny => Err(Wrong::new(["unknown field ", unknown].concat())),
        _ => Ok(()),
    }
}

/// An object of all fields that are something.
pub fn write_fields(fields: &[(&'static str, &dyn ToJson)]) -> Value {
    let mut out = Map::new();
    for (name, field) in fields {
        let value = field.to_json();
        if !value.is_null() {
            out.insert((*name).to_owned(), value);
        }
    }
    Value::Object(out)
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
    fn expected(what: &str, found: &Value) -> Self {
        let mut found = print(found);
        if let Some((cut, _)) = found.char_indices().nth(60) {
            found.truncate(cut);
            found.push('…');
        }
        Self::new(["expected ", what, ", found ", &found].concat())
    }
    #[cold]
    pub fn variant(found: &str, known: &str) -> Self {
        Self::new([found, " is none of: ", known].concat())
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
    T::from_json(parse(text)?)
}

pub fn to_text(value: &dyn ToJson) -> String {
    print(&value.to_json())
}

/// An object of these fields.
pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let mut out = Map::new();
    for (name, value) in fields {
        out.insert(name.to_owned(), value);
    }
    Value::Object(out)
}

/// The entries of an object, for tables whose keys are data.
pub fn entries(value: Value) -> Result<Map<String, Value>, Wrong> {
    match value {
        Value::Object(entries) => Ok(entries),
        other => Err(Wrong::expected("an object", &other)),
    }
}

#[cold]
fn missing(name: &str) -> Wrong {
    Wrong::new([name, " is missing"].concat())
}

/// Takes an enum apart: its variant's name, and what belongs to it.
pub fn variant(value: Value, tag: Option<&str>) -> Result<(String, Value), Wrong> {
    match (value, tag) {
        (Value::Object(mut fields), Some(tag)) => match fields.remove(tag) {
            Some(Value::String(name)) => Ok((name, Value::Object(fields))),
            _ => Err(missing(tag)),
        },
        (Value::String(name), None) => Ok((name, Value::Object(Map::new()))),
        (Value::Object(fields), None) if fields.len() == 1 => {
            fields.into_iter().next().ok_or_else(|| Wrong::new("empty"))
        }
        (other, _) => Err(Wrong::expected("one of several kinds", &other)),
    }
}

pub fn unit_variant(name: &str, tag: Option<&str>) -> Value {
    match tag {
        Some(_) => variant_of(name, tag, Value::Object(Map::new())),
        None => Value::String(name.to_owned()),
    }
}

pub fn variant_of(name: &str, tag: Option<&str>, content: Value) -> Value {
    let mut out = Map::new();
    match (tag, content) {
        (Some(tag), Value::Object(fields)) => {
            out = fields;
            out.insert(tag.to_owned(), Value::String(name.to_owned()));
        }
        (_, content) => {
            out.insert(name.to_owned(), content);
        }
    }
    Value::Object(out)
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl ToJson for $type {
            fn to_json(&self) -> Value {
                number(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
        impl FromJson for $type {
            fn blank() -> Self {
                0
            }
            fn read(&mut self, value: Value) -> Result<(), Wrong> {
                *self = whole(&value)?.try_into().map_err(|_| Wrong::expected("a smaller number", &value))?;
                Ok(())
            }
        }
    )*};
}
integer!(u16, u32, u64, i64);

/// One routine for all sizes: none of our numbers is beyond it.
fn number(n: i64) -> Value {
    Value::Number(Number::from(n))
}

/// A whole number, also where somebody wrote it with a fraction of nothing.
fn whole(value: &Value) -> Result<i64, Wrong> {
    let Value::Number(number) = value else {
        return Err(Wrong::expected("a whole number", value));
    };
    let text = number.as_str();
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if zeros.bytes().all(|b| b == b'0') => digits,
        _ => text,
    };
    digits
        .parse()
        .map_err(|_| Wrong::expected("a whole number", value))
}

impl ToJson for usize {
    fn to_json(&self) -> Value {
        number(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

/// A number whose value is not ours to judge (a coordinate): kept and given on as it was written.
impl ToJson for Number {
    fn to_json(&self) -> Value {
        Value::Number(self.clone())
    }
}
impl FromJson for Number {
    fn blank() -> Self {
        Self::from(0)
    }
    fn read(&mut self, value: Value) -> Result<(), Wrong> {
        match value {
            Value::Number(number) => *self = number,
            other => return Err(Wrong::expected("a number", &other)),
        }
        Ok(())
    }
}

impl ToJson for bool {
    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }
}
impl FromJson for bool {
    fn blank() -> Self {
        false
    }
    fn read(&mut self, value: Value) -> Result<(), Wrong> {
        *self = value
            .as_bool()
            .ok_or_else(|| Wrong::expected("true or false", &value))?;
        Ok(())
    }
}

impl ToJson for String {
    fn to_json(&self) -> Value {
        Value::String(self.clone())
    }
}
impl ToJson for str {
    fn to_json(&self) -> Value {
        Value::String(self.to_owned())
    }
}
impl ToJson for &str {
    fn to_json(&self) -> Value {
        Value::String((*self).to_owned())
    }
}
impl FromJson for String {
    fn blank() -> Self {
        Self::new()
    }
    fn read(&mut self, value: Value) -> Result<(), Wrong> {
        match value {
            Value::String(text) => *self = text,
            other => return Err(Wrong::expected("a text", &other)),
        }
        Ok(())
    }
}

impl ToJson for Value {
    fn to_json(&self) -> Value {
        self.clone()
    }
}
impl FromJson for Value {
    fn blank() -> Self {
        Self::Null
    }
    fn read(&mut self, value: Value) -> Result<(), Wrong> {
        *self = value;
        Ok(())
    }
}

impl ToJson for Map<String, Value> {
    fn to_json(&self) -> Value {
        Value::Object(self.clone())
    }
}
impl FromJson for Map<String, Value> {
    fn blank() -> Self {
        Self::new()
    }
    fn read(&mut self, value: Value) -> Result<(), Wrong> {
        *self = entries(value)?;
        Ok(())
    }
}

impl ToJson for () {
    fn to_json(&self) -> Value {
        Value::Null
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToJson::to_json)
    }
}
impl<T: FromJson> FromJson for Option<T> {
    fn blank() -> Self {
        None
    }
    fn read(&mut self, value: Value) -> Result<(), Wrong> {
        if value.is_null() {
            *self = None;
            return Ok(());
        }
        self.insert(T::blank()).read(value)
    }
    fn may_be_absent() -> bool {
        true
    }
}

impl<T: ToJson> ToJson for Box<T> {
    fn to_json(&self) -> Value {
        (**self).to_json()
    }
}
impl<T: FromJson> FromJson for Box<T> {
    fn blank() -> Self {
        Self::new(T::blank())
    }
    fn read(&mut self, value: Value) -> Result<(), Wrong> {
        (**self).read(value)
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Value {
        write_items(&mut self.iter().map(|item| item as &dyn ToJson))
    }
}

fn write_items(items: &mut dyn Iterator<Item = &dyn ToJson>) -> Value {
    let mut out = Vec::new();
    for item in items {
        out.push(item.to_json());
    }
    Value::Array(out)
}
impl<T: FromJson> FromJson for Vec<T> {
    fn blank() -> Self {
        Self::new()
    }
    fn read(&mut self, value: Value) -> Result<(), Wrong> {
        // Read in place: what is half read goes with the list when an item is wrong.
        read_items(value, &mut |item| {
            self.push(T::blank());
            self.last_mut().map_or(Ok(()), |place| place.read(item))
        })
    }
}

fn read_items(value: Value, read: &mut dyn FnMut(Value) -> Result<(), Wrong>) -> Result<(), Wrong> {
    let Value::Array(items) = value else {
        return Err(Wrong::expected("a list", &value));
    };
    for (i, item) in items.into_iter().enumerate() {
        read(item).map_err(|e| e.within(&i.to_string()))?;
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
        assert_eq!(from_text::<Thing>(&to_text(&thing)), Ok(thing));
        assert_eq!(Place::Here.to_json(), json!({"is": "here"}));
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
