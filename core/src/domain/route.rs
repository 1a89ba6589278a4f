//! A shift's work, and the bounds within which a route is believed.

use super::dictionary::Set;
use super::error::{Refusal, Refused};
use super::stop::Stop;
use crate::domain::json::{FromJson, ToJson};
use serde_json::{Map, Value};

/// Refused while the answer is read, before anything is made of it.
pub const ROUTE_STOPS_MAX: usize = 2_000;
pub const STOP_PARCELS_MAX: usize = 500;
/// As JSON text.
pub const KEPT_BYTES_MAX: usize = 64 * 1024;

/// What the backend says besides the stops.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
#[json(rename_all = "camelCase")]
pub struct RouteHeader {
    #[json(default)]
    pub id: Option<String>,
    #[json(default)]
    pub date: Option<String>,
    #[json(default)]
    pub version: Option<String>,
    /// lists and tables of the backend's that requests need later
    #[json(default)]
    pub kept: Map<String, Value>,
}

/// A route that just arrived, already in our words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    pub header: RouteHeader,
    pub stops: Vec<Stop>,
}

/// Refuses a route that no shift can be.
///
/// # Errors
/// `route_too_large`, `route_stop_twice`, `route_parcel_twice`; the values name the stop.
pub fn check_route(route: &Route) -> Result<(), Refusal> {
    let mut stops = Set::new();
    for stop in &route.stops {
        if !stops.add(stop.id.as_str()) {
            return Err(
                Refused::new("route_stop_twice", "the backend's route names a stop twice")
                    .with("stop", &stop.id),
            );
        }
        if stop.parcels.len() > STOP_PARCELS_MAX {
            return Err(
                Refused::new("route_too_large", "a stop has too many parcels")
                    .with("stop", &stop.id),
            );
        }
        let mut parcels = Set::new();
        for parcel in &stop.parcels {
            if !parcels.add(parcel.id.as_str()) {
                return Err(
                    Refused::new("route_parcel_twice", "a stop names a parcel twice")
                        .with("stop", &stop.id),
                );
            }
        }
    }
    Ok(())
}
