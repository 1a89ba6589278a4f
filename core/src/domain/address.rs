//! Where a stop is, and when it wants the courier.

use crate::domain::json::{FromJson, ToJson};
use serde_json::Number;

/// Where a stop is and who is there; empty texts where the backend says nothing.
#[derive(Clone, Debug, Default, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Address {
    #[json(default)]
    pub name: String,
    #[json(default)]
    pub street: String,
    #[json(default)]
    pub postal_code: String,
    #[json(default)]
    pub city: String,
    #[json(default)]
    pub door_code: Option<String>,
    #[json(default)]
    pub floor: Option<String>,
    /// degrees, WGS 84
    #[json(default)]
    pub lat: Option<Number>,
    /// degrees, WGS 84
    #[json(default)]
    pub lon: Option<Number>,
    #[json(default)]
    pub phone: Option<String>,
}

/// Both ends in Unix milliseconds of the backend's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
pub struct TimeWindow {
    pub from: i64,
    pub to: i64,
}

/// A fix the device gave when something was recorded.
#[derive(Clone, Debug, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Position {
    /// degrees, WGS 84
    pub lat: Number,
    /// degrees, WGS 84
    pub lon: Number,
    /// metres
    pub accuracy_m: Number,
    /// how old the fix was at that moment, in milliseconds
    pub age_ms: i64,
}
