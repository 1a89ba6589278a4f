//! The one way between values and JSON: two small traits over `serde_json::Value`, derived.
//!
//! serde's derive made two thirds of the module that the phone downloads (316 KB gzipped, with
//! everything else in place); reading a parsed `Value` field by field costs a tenth of it, and
//! an error names the place it was found at.

pub use pannier_json_derive::{FromJson, ToJson};
use serde_json::{Map, Number, Value};
use std::fmt;

pub trait ToJson {
    fn to_json(&self) -> Value;
}

pub trait FromJson: Sized {
    fn from_json(value: Value) -> Result<Self, Wrong>;
    /// What a field that is not there stands for, if anything.
    fn absent() -> Option<Self> {
        None
    }
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
        let mut found = found.to_string();
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

pub fn parse(text: &str) -> Result<Value, Wrong> {
    serde_json::from_str(text).map_err(|e| Wrong::new(e.to_string()))
}

pub fn to_text<T: ToJson>(value: &T) -> String {
    value.to_json().to_string()
}

/// The fields of an object while they are taken out.
pub struct Fields(Map<String, Value>);

impl Fields {
    pub fn of(value: Value) -> Result<Self, Wrong> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            other => Err(Wrong::expected("an object", &other)),
        }
    }

    #[inline(never)]
    fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    #[inline(never)]
    pub fn take<T: FromJson>(&mut self, name: &str) -> Result<T, Wrong> {
        match self.remove(name) {
            Some(value) => T::from_json(value).map_err(|e| e.within(name)),
            None => T::absent().ok_or_else(|| missing(name)),
        }
    }

    #[inline(never)]
    pub fn take_or<T: FromJson>(&mut self, name: &str, absent: fn() -> T) -> Result<T, Wrong> {
        match self.remove(name) {
            None | Some(Value::Null) => Ok(absent()),
            Some(value) => T::from_json(value).map_err(|e| e.within(name)),
        }
    }

    /// All of them, for tables whose keys are data.
    pub fn all(self) -> Map<String, Value> {
        self.0
    }

    /// With `deny`, a field that nobody took is an error that names it.
    pub fn end(self, deny: bool) -> Result<(), Wrong> {
        match self.0.keys().next() {
            Some(unknown) if deny => Err(Wrong::new(["unknown field ", unknown].concat())),
            _ => Ok(()),
        }
    }
}

#[cold]
fn missing(name: &str) -> Wrong {
    Wrong::new([name, " is missing"].concat())
}

/// Writes a field, unless it is nothing.
pub fn put(fields: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        fields.insert(name.to_owned(), value);
    }
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
                Value::Number(Number::from(*self))
            }
        }
        impl FromJson for $type {
            fn from_json(value: Value) -> Result<Self, Wrong> {
                whole(&value)?.try_into().map_err(|_| Wrong::expected("a smaller number", &value))
            }
        }
    )*};
}
integer!(u16, u32, u64, i64);

/// A whole number, also where JavaScript wrote it with a fraction of nothing.
fn whole(value: &Value) -> Result<i128, Wrong> {
    let float = || value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15);
    #[allow(clippy::cast_possible_truncation)]
    value
        .as_i64()
        .map(i128::from)
        .or_else(|| value.as_u64().map(i128::from))
        .or_else(|| float().map(|n| n as i128))
        .ok_or_else(|| Wrong::expected("a whole number", value))
}

impl ToJson for usize {
    fn to_json(&self) -> Value {
        Value::Number(Number::from(*self))
    }
}

impl ToJson for f64 {
    fn to_json(&self) -> Value {
        Number::from_f64(*self).map_or(Value::Null, Value::Number)
    }
}
impl FromJson for f64 {
    fn from_json(value: Value) -> Result<Self, Wrong> {
        value.as_f64().ok_or_else(|| Wrong::expected("a number", &value))
    }
}

impl ToJson for bool {
    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }
}
impl FromJson for bool {
    fn from_json(value: Value) -> Result<Self, Wrong> {
        value.as_bool().ok_or_else(|| Wrong::expected("true or false", &value))
    }
}

impl ToJson for String {
    fn to_json(&self) -> Value {
        Value::String(self.clone())
    }
}
impl ToJson for &str {
    fn to_json(&self) -> Value {
        Value::String((*self).to_owned())
    }
}
impl FromJson for String {
    fn from_json(value: Value) -> Result<Self, Wrong> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(Wrong::expected("a text", &other)),
        }
    }
}

impl ToJson for Value {
    fn to_json(&self) -> Value {
        self.clone()
    }
}
impl FromJson for Value {
    fn from_json(value: Value) -> Result<Self, Wrong> {
        Ok(value)
    }
}

impl ToJson for Map<String, Value> {
    fn to_json(&self) -> Value {
        Value::Object(self.clone())
    }
}
impl FromJson for Map<String, Value> {
    fn from_json(value: Value) -> Result<Self, Wrong> {
        Fields::of(value).map(|f| f.0)
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
    fn from_json(value: Value) -> Result<Self, Wrong> {
        if value.is_null() { Ok(None) } else { T::from_json(value).map(Some) }
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: ToJson> ToJson for Box<T> {
    fn to_json(&self) -> Value {
        (**self).to_json()
    }
}
impl<T: FromJson> FromJson for Box<T> {
    fn from_json(value: Value) -> Result<Self, Wrong> {
        T::from_json(value).map(Self::new)
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Value {
        let mut out: Vec<Value> = Vec::new();
        for item in self {
            out.push(item.to_json());
        }
        Value::Array(out)
    }
}
impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Value) -> Result<Self, Wrong> {
        let Value::Array(items) = value else { return Err(Wrong::expected("a list", &value)) };
        let mut out = Self::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            out.push(T::from_json(item).map_err(|e| e.within(&i.to_string()))?);
        }
        Ok(out)
    }
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
        There { far: f64 },
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = r#"{"firstName":"Å","kinds":["plain_one",{"with":{"x_y":-1}},{"holding":true}],"at":{"is":"there","far":1.5}}"#;
        let thing: Thing = from_text(text).expect("reads");
        assert_eq!(thing.kinds.len(), 3);
        assert_eq!(thing.to_json(), json!({"at": {"far": 1.5, "is": "there"}, "firstName": "Å",
            "kinds": ["plain_one", {"with": {"x_y": -1}}, {"holding": true}]}));
        assert_eq!(from_text::<Thing>(&to_text(&thing)), Ok(thing));
        assert_eq!(Place::Here.to_json(), json!({"is": "here"}));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let wrong = |value: Value| Thing::from_json(value).expect_err("is wrong").to_string();
        assert_eq!(wrong(json!({"at": {"is": "here"}})), "firstName is missing");
        assert_eq!(
            wrong(json!({"firstName": "a", "kinds": [{"with": {"x_y": "1"}}], "at": {"is": "here"}})),
            "kinds/0/x_y: expected a whole number, found \"1\""
        );
        assert_eq!(wrong(json!({"firstName": "a", "at": {"is": "here"}, "b": 1})), "unknown field b");
        assert_eq!(wrong(json!({"firstName": "a", "at": {"is": "gone"}})), "at: gone is none of: here, there");
        assert_eq!(wrong(json!({"firstName": "a", "age": 1e30, "at": {"is": "here"}})), "age: expected a whole number, found 1e+30");
    }
}
