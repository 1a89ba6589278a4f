//! What a caller of the core may be told: a stable code, a text for developers, and what the
//! courier's sentence names.

use super::store::StoreError;
use crate::domain::error::{Refusal, Values, name_value};
use crate::domain::json::{ToJson, tree};
use crate::profile::ProfileError;
use std::fmt;

/// One pointer wide: every `?` of every call hands it on, and moving four times as much there made
/// up a tenth of the module.
pub type CoreError = Box<CoreFault>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreFault {
    pub code: String,
    pub message: String,
    pub values: Option<Box<Values>>,
}

impl CoreFault {
    #[cold]
    #[allow(clippy::new_ret_no_self)]
    pub fn new(code: &str, message: impl Into<String>) -> CoreError {
        fault(code, message.into())
    }

    #[must_use]
    pub fn with(mut self: Box<Self>, name: &str, value: &dyn ToJson) -> CoreError {
        name_value(&mut self.values, name, tree(value));
        self
    }
}

#[cold]
fn fault(code: &str, message: String) -> CoreError {
    Box::new(CoreFault {
        code: code.into(),
        message,
        values: None,
    })
}

impl fmt::Display for CoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}
impl std::error::Error for CoreFault {}

impl From<Refusal> for CoreError {
    fn from(e: Refusal) -> Self {
        let mut fault = fault(e.code, e.text.into());
        fault.values = e.values;
        fault
    }
}
impl From<StoreError> for CoreError {
    fn from(e: StoreError) -> Self {
        fault(e.code(), e.to_string())
    }
}
impl From<ProfileError> for CoreError {
    fn from(e: ProfileError) -> Self {
        fault(e.code, e.text)
    }
}
