//! A refusal: the domain says no, with a stable code. The courier's sentence is made of the code and
//! the values outside the core; the text here is a developer's.

use super::json::{ToJson, tree};
use serde_json::{Map, Value};
use std::fmt;

/// What a sentence for the courier names.
pub type Values = Map<String, Value>;

/// One pointer wide: refusals are handed on everywhere.
pub type Refusal = Box<Refused>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: &'static str,
    pub text: &'static str,
    /// only where there are any
    pub values: Option<Box<Values>>,
}

impl Refused {
    #[cold]
    #[allow(clippy::new_ret_no_self)]
    pub fn new(code: &'static str, text: &'static str) -> Refusal {
        Box::new(Self {
            code,
            text,
            values: None,
        })
    }

    #[must_use]
    pub fn with(mut self: Box<Self>, name: &str, value: &dyn ToJson) -> Refusal {
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

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}
impl std::error::Error for Refused {}
