//! A thing handed over.

use super::ids::ParcelId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parcel {
    pub id: ParcelId,
    /// what its label says, compared byte for byte after trimming
    pub code: String,
    #[serde(default)]
    pub label: String,
    #[serde(default)]
    pub loaded: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ParcelFate>,
}

/// What became of one parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParcelFate {
    Delivered,
    Failed,
    Returned,
    PickedUp,
}

/// One parcel's line of a `deliver` operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParcelOutcome {
    pub parcel: ParcelId,
    pub outcome: ParcelFate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
