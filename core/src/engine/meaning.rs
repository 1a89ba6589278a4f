//! What a code in front of the camera means here, before anything is recorded.

use super::admit::situation;
use super::change::StopRecord;
use crate::domain::ids::{ParcelId, StopId};
use crate::domain::json::ToJson;
use crate::domain::parcel::Parcel;
use crate::domain::rules::{StaysBehind, check_code};
use crate::domain::stop::StopPlace;
use crate::domain::text::shown;

/// Whether a code belongs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum MeaningVerdict {
    /// it does, and may be recorded
    Expected,
    AlreadyScanned,
    /// in the van
    AlreadyLoaded,
    /// a parcel of this route, to be handed over elsewhere
    OtherStop,
    /// no parcel of this route
    Unlisted,
    /// empty, too long, or no text
    Unreadable,
}

/// What a code in front of the camera means, before anything is recorded.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "camelCase")]
pub struct ScanMeaning {
    pub verdict: MeaningVerdict,
    /// shortened and harmless to show; record the code as scanned
    pub code: String,
    /// where the parcel is to be handed over
    pub place: Option<StopPlace>,
    /// why it does not go into the van
    pub stays_behind: Option<StaysBehind>,
    pub parcel: Option<ParcelId>,
    pub stop: Option<StopId>,
}

/// Judges a code at a stop or, without one, for loading the van.
pub fn meaning(code: &str, at: Option<&StopId>, stops: &[StopRecord]) -> ScanMeaning {
    let short = shown(code.trim(), 40);
    let say = |verdict, found: Option<(&StopRecord, &Parcel)>| ScanMeaning {
        verdict,
        code: short.clone(),
        place: found.map(|(stop, _)| StopPlace::of(&stop.mirror)),
        stays_behind: None,
        parcel: found.map(|(_, parcel)| parcel.id.clone()),
        stop: found.map(|(stop, _)| stop.mirror.id.clone()),
    };
    if check_code(code).is_err() {
        return say(MeaningVerdict::Unreadable, None);
    }
    let mut holders = stops
        .iter()
        .filter_map(|s| s.mirror.parcel_by_code(code).map(|p| (s, p)));
    let to_load = |s: &StopRecord| situation(s, &[], &[]).to_load();
    let here = holders.clone().find(|(s, _)| match at {
        Some(stop) => s.mirror.id == *stop,
        None => to_load(s).is_ok(),
    });
    if let Some((stop, parcel)) = here {
        let known = match at {
            Some(_) => stop.progress.scanned.contains_key(&parcel.id),
            None => parcel.loaded || stop.progress.loaded.contains_key(&parcel.id),
        };
        let verdict = match (known, at) {
            (false, _) => MeaningVerdict::Expected,
            (true, Some(_)) => MeaningVerdict::AlreadyScanned,
            (true, None) => MeaningVerdict::AlreadyLoaded,
        };
        return say(verdict, here);
    }
    match holders.next() {
        Some(there) => ScanMeaning {
            stays_behind: at.map_or_else(|| to_load(there.0).err(), |_| None),
            ..say(MeaningVerdict::OtherStop, Some(there))
        },
        None => say(MeaningVerdict::Unlisted, None),
    }
}
