//! A place on the route, as the backend last described it.

use super::address::{Address, TimeWindow};
use super::ids::StopId;
use super::parcel::{Parcel, ParcelFate};
use super::proof::ProofPolicy;
use super::text::shown;
use crate::domain::json::{FromJson, ToJson};

/// What is done at a stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum StopKind {
    #[default]
    Delivery,
    Pickup,
}

/// What became of a stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "snake_case")]
pub enum StopStatus {
    #[default]
    Open,
    Arrived,
    Delivered,
    Partial,
    Failed,
    Returned,
    PickedUp,
    Cancelled,
}

impl StopStatus {
    /// Nothing more happens here, as far as the backend is concerned.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Open | Self::Arrived)
    }
    pub fn of(fate: ParcelFate) -> Self {
        match fate {
            ParcelFate::Delivered => Self::Delivered,
            ParcelFate::Failed => Self::Failed,
            ParcelFate::Returned => Self::Returned,
            ParcelFate::PickedUp => Self::PickedUp,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct Stop {
    pub id: StopId,
    #[json(default)]
    pub sequence: u32,
    #[json(default)]
    pub kind: StopKind,
    #[json(default)]
    pub status: StopStatus,
    /// the backend's own version of this stop, where it has one
    #[json(default)]
    pub version: Option<String>,
    #[json(default)]
    pub address: Address,
    #[json(default)]
    pub window: Option<TimeWindow>,
    #[json(default)]
    pub note: Option<String>,
    #[json(default)]
    pub proof: ProofPolicy,
    #[json(default)]
    pub parcels: Vec<Parcel>,
}

/// A stop in a line of text.
#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
pub struct StopPlace {
    pub sequence: u32,
    /// shortened and harmless to show
    pub street: String,
}

impl StopPlace {
    pub fn of(stop: &Stop) -> Self {
        Self {
            sequence: stop.sequence,
            street: shown(&stop.address.street, 60),
        }
    }
}

impl Stop {
    pub fn parcel_by_code(&self, code: &str) -> Option<&Parcel> {
        let code = code.trim();
        self.parcels.iter().find(|p| p.code.trim() == code)
    }
}
