//! Reading a JSON request field by field, so that a refusal can name the field. Fields that
//! nobody asked for are ignored, as an ordinary backend does.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The JSON object that a request carried.
pub struct Fields(Map<String, Value>);

impl Fields {
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The named fields that are there, as the record of what was said.
    pub fn pick(&self, names: &[&str]) -> Value {
        let known = |name: &&str| {
            self.get(name)
                .map(|value| ((*name).to_owned(), value.clone()))
        };
        Value::Object(names.iter().filter_map(known).collect())
    }

    /// # Errors
    /// Missing, empty or not a string.
    pub fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.optional_text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Refusal::bad_field(name, "a text is required"))
    }

    /// # Errors
    /// There, but not a string.
    pub fn optional_text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.get(name)
            .map(|value| {
                value
                    .as_str()
                    .ok_or_else(|| Refusal::bad_field(name, "must be a text"))
            })
            .transpose()
    }

    /// # Errors
    /// Missing or not a whole number.
    pub fn integer(&self, name: &str) -> Result<i64, Refusal> {
        self.get(name)
            .and_then(Value::as_i64)
            .ok_or_else(|| Refusal::bad_field(name, "a whole number is required"))
    }

    /// When it happened, in Unix milliseconds.
    ///
    /// # Errors
    /// Missing or not a whole number above zero.
    pub fn at(&self) -> Result<i64, Refusal> {
        let wanted = "a time in unix milliseconds is required";
        self.integer("at")
            .ok()
            .filter(|at| *at > 0)
            .ok_or_else(|| Refusal::bad_field("at", wanted))
    }

    /// # Errors
    /// Missing or not a list.
    pub fn list(&self, name: &str) -> Result<&[Value], Refusal> {
        self.get(name)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .ok_or_else(|| Refusal::bad_field(name, "a list is required"))
    }

    /// # Errors
    /// There, but not a list of strings.
    pub fn optional_texts(&self, name: &str) -> Result<Vec<&str>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(Vec::new());
        };
        value
            .as_array()
            .and_then(|items| items.iter().map(Value::as_str).collect())
            .ok_or_else(|| Refusal::bad_field(name, "must be a list of texts"))
    }

    /// # Errors
    /// There, but not an object.
    pub fn optional_object(&self, name: &str) -> Result<Option<&Map<String, Value>>, Refusal> {
        self.get(name)
            .map(|value| {
                value
                    .as_object()
                    .ok_or_else(|| Refusal::bad_field(name, "must be an object"))
            })
            .transpose()
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(Refusal::media_type("content-type must be application/json"));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(Refusal::internal)?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Refusal::bad_field("body", "must be a JSON object")),
            Err(error) => Err(Refusal::bad_field("body", &format!("is not JSON: {error}"))),
        }
    }
}

pub fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

/// The media type of a request without its parameters.
pub fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}
