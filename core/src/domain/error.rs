//! A refusal: the domain says no, with a stable code. The courier's sentence is made of the code and
//! the values outside the core; the text here is a developer's.

use super::json::{ToJson, tree};
use serde_json::{Map, Value};
use std::fmt;

/// What a sentence for the courier names.
pub type Values = Map<String, Value>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub text: &'static str,
    /// boxed, and only where there are any: refusals are handed on everywhere
    pub values: Option<Box<Values>>,
}

impl Refusal {
    pub fn new(code: &'static str, text: &'static str) -> Self {
        Self {
            code,
            text,
            values: None,
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &dyn ToJson) -> Self {
        name_value(&mut self.values, name, tree(value));
        self
    }
}

/// Adds a named value.
pub fn name_value(values: &mut Option<Box<Values>>, name: &str, value: Value) {
    values
        .get_or_insert_default()
        .insert(name.to_owned(), value);
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}
impl std::error::Error for Refusal {}
