//! What a code in front of the camera means here, before anything is recorded.

use super::admit::situation;
use super::change::StopRecord;
use crate::domain::ids::{ParcelId, StopId};
use crate::domain::json::ToJson;
use crate::domain::rules::check_code;
use crate::domain::text::shown;

/// Whether a code belongs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum MeaningVerdict {
    /// it does, and may be recorded
    Expected,
    AlreadyScanned,
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
    /// a sentence for the courier
    pub text: String,
    pub parcel: Option<ParcelId>,
    pub stop: Option<StopId>,
}

/// Judges a code at a stop or, without one, for loading the van.
pub fn meaning(code: &str, at: Option<&StopId>, stops: &[StopRecord]) -> ScanMeaning {
    let short = shown(code.trim(), 40);
    let say = |verdict, text: String| ScanMeaning {
        verdict,
        code: short.clone(),
        text,
        parcel: None,
        stop: None,
    };
    if let Err(refusal) = check_code(code) {
        return say(MeaningVerdict::Unreadable, refusal.text.into_owned());
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
        let (verdict, text) = match (known, at) {
            (false, _) => (MeaningVerdict::Expected, format!("{short} belongs here")),
            (true, Some(_)) => (
                MeaningVerdict::AlreadyScanned,
                format!("{short} is already scanned"),
            ),
            (true, None) => (
                MeaningVerdict::AlreadyScanned,
                format!("{short} is already in the van"),
            ),
        };
        return ScanMeaning {
            parcel: Some(parcel.id.clone()),
            stop: Some(stop.mirror.id.clone()),
            ..say(verdict, text)
        };
    }
    match holders.next() {
        Some((stop, parcel)) => ScanMeaning {
            parcel: Some(parcel.id.clone()),
            stop: Some(stop.mirror.id.clone()),
            ..say(
                MeaningVerdict::OtherStop,
                match (at, to_load(stop)) {
                    (None, Err(why)) => {
                        format!("{short} stays behind: stop {} {why}", stop.mirror.sequence)
                    }
                    _ => format!(
                        "{short} belongs to stop {}, {}",
                        stop.mirror.sequence,
                        shown(&stop.mirror.address.street, 60)
                    ),
                },
            )
        },
        None => say(
            MeaningVerdict::Unlisted,
            format!("{short} is on no stop of this route"),
        ),
    }
}
