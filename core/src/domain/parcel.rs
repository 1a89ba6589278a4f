//! A thing handed over.

use super::ids::ParcelId;
use crate::domain::json::{FromJson, ToJson};

#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Parcel {
    pub id: ParcelId,
    /// what its label says, compared byte for byte after trimming
    pub code: String,
    #[json(default)]
    pub label: String,
    #[json(default)]
    pub loaded: bool,
    #[json(default)]
    pub outcome: Option<ParcelFate>,
}

/// What became of one parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum ParcelFate {
    Delivered,
    Failed,
    Returned,
    PickedUp,
}

/// One parcel's line of a `deliver` operation.
#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(deny_unknown_fields)]
pub struct ParcelOutcome {
    pub parcel: ParcelId,
    pub outcome: ParcelFate,
    /// why it was not delivered: one of the profile's, by its code
    #[json(default)]
    pub reason: Option<String>,
}
