//! What a caller of the core may be told: a stable code, a text for developers, and what the
//! courier's sentence names.

use super::store::StoreError;
use crate::domain::error::{Refusal, Values, name_value};
use crate::domain::json::{ToJson, tree};
use crate::profile::ProfileError;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreError {
    pub code: String,
    pub message: String,
    pub values: Option<Box<Values>>,
}

impl CoreError {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            values: None,
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &dyn ToJson) -> Self {
        name_value(&mut self.values, name, tree(value));
        self
    }
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}
impl std::error::Error for CoreError {}

impl From<Refusal> for CoreError {
    fn from(e: Refusal) -> Self {
        Self {
            values: e.values,
            ..Self::new(e.code, e.text)
        }
    }
}
impl From<StoreError> for CoreError {
    fn from(e: StoreError) -> Self {
        Self::new(e.code(), e.to_string())
    }
}
impl From<ProfileError> for CoreError {
    fn from(e: ProfileError) -> Self {
        Self::new(e.code, e.text)
    }
}
