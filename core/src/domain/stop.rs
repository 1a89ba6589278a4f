//! A place on the route, as the backend last described it.

use super::address::{Address, TimeWindow};
use super::ids::StopId;
use super::parcel::{Parcel, ParcelFate};
use super::proof::ProofPolicy;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopKind {
    #[default]
    Delivery,
    Pickup,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    pub id: StopId,
    #[serde(default)]
    pub sequence: u32,
    #[serde(default)]
    pub kind: StopKind,
    #[serde(default)]
    pub status: StopStatus,
    /// the backend's own version of this stop, where it has one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default)]
    pub address: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<TimeWindow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default)]
    pub proof: ProofPolicy,
    #[serde(default)]
    pub parcels: Vec<Parcel>,
}

impl Stop {
    pub fn parcel_by_code(&self, code: &str) -> Option<&Parcel> {
        let code = code.trim();
        self.parcels.iter().find(|p| p.code.trim() == code)
    }
}
