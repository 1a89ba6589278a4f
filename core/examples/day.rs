//! `npm run bench:day`: how long what a courier records takes to the backend when a web app lives as
//! iOS lets it. On a turned clock and the twins of the ports; the driver and the engine are those
//! that ship. Prints JSON.

// A bench says what it expects by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use pannier::testing::foreground::{Lived, Plan, Trip, live, photos_queued, working_day};
use serde_json::{Value, json};

const PROFILE: &str = include_str!("../../profiles/sandbox.json");
const DAYS: u64 = 20;
const PHOTO_BYTES: usize = 200_000;

/// The same backend, taking photos at any time.
fn photos_beside() -> String {
    let mut profile: Value = serde_json::from_str(PROFILE).expect("JSON");
    profile["operations"]["photo"]["independent"] = json!(true);
    profile.to_string()
}

fn percentiles(mut ms: Vec<i64>) -> Value {
    ms.sort_unstable();
    let at = |share: usize| ms.get((ms.len() * share / 100).min(ms.len().saturating_sub(1)));
    json!({ "count": ms.len(), "p50": at(50), "p95": at(95), "max": ms.last() })
}

fn waits(days: &[Lived], photo: bool, from: impl Fn(&Trip) -> i64) -> Value {
    let trips = days
        .iter()
        .flat_map(|day| &day.trips)
        .filter(|t| t.photo == photo);
    let ms = trips.filter_map(|t| Some(t.applied_at? - from(t)));
    percentiles(ms.collect())
}

fn figures(profile: &str, plans: impl Iterator<Item = Plan>) -> Value {
    let days: Vec<Lived> = plans.map(|plan| live(profile, &plan)).collect();
    let count = |of: fn(&Lived) -> usize| days.iter().map(of).sum::<usize>();
    let trips = count(|d| d.trips.len());
    let applied = count(|d| d.trips.iter().filter(|t| t.applied_at.is_some()).count());
    let effects = count(|d| d.backend.effects().len());
    assert_eq!((applied, effects), (trips, trips), "all of it, and once");
    let both = |from: fn(&Trip) -> i64| json!({ "status": waits(&days, false, from), "photo": waits(&days, true, from) });
    json!({
        "days": days.len(), "operations": trips, "applied": applied, "effects": effects,
        "wakes": count(|d| d.wakes), "requests": count(|d| d.requests),
        "fromRecordedMs": both(|t| t.recorded_at),
        "fromSignalMs": both(|t| t.signal_at),
        "fromChanceMs": both(|t| t.chance_at),
    })
}

fn main() {
    let beside = photos_beside();
    let day = |profile: &str| {
        figures(
            profile,
            (0..DAYS).map(|seed| working_day(seed, 40, PHOTO_BYTES)),
        )
    };
    let queued = |profile: &str, bits| {
        figures(
            profile,
            (0..DAYS).map(move |seed| photos_queued(seed, bits, 8, PHOTO_BYTES)),
        )
    };
    let out = json!({
        "what": "ms from a moment until the backend has applied it; fromChance: from the first moment at which there was a network and the app was in front",
        "day": { "asTheProfileSays": day(PROFILE), "photosBeside": day(&beside) },
        "photosQueued40kbit": { "photosBeside": queued(&beside, 40_000) },
    });
    println!("{}", serde_json::to_string_pretty(&out).expect("JSON"));
}
