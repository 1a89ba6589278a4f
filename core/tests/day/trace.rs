//! A day as iOS lets a web app live, on a turned clock: seconds in front, minutes frozen, a network
//! that comes and goes. The figures are in docs/measured.md; here is what must hold of them.

use crate::wakes::photos_beside;
use pannier::testing::foreground::{Lived, live, photos_queued, working_day};

fn at(share: usize, mut ms: Vec<i64>) -> i64 {
    ms.sort_unstable();
    ms[(ms.len() * share / 100).min(ms.len() - 1)]
}

fn waits(day: &Lived, photo: bool) -> Vec<i64> {
    let trips = day.trips.iter().filter(|t| t.photo == photo);
    trips
        .map(|t| t.applied_at.expect("arrived") - t.chance_at)
        .collect()
}

#[test]
fn a_day_of_short_looks_at_the_phone_sends_everything_once() {
    for seed in 0..2 {
        let day = live(crate::phone::PROFILE, &working_day(seed, 12, 200_000));
        assert_eq!(day.waiting, 0, "seed {seed}");
        assert_eq!(day.backend.effects().len(), day.trips.len(), "seed {seed}");
        for trip in &day.trips {
            let effects = day.backend.effects();
            let here = effects.iter().filter(|e| e.mark == trip.operation.0);
            assert_eq!(here.count(), 1, "seed {seed}: {}", trip.operation);
        }
    }
}

#[test]
fn most_is_applied_within_seconds_of_the_first_moment_that_allows_it() {
    let mut waited = vec![];
    for seed in 10..13 {
        waited.extend(waits(
            &live(
                &photos_beside().to_string(),
                &working_day(seed, 12, 200_000),
            ),
            false,
        ));
    }
    let (p50, p95) = (at(50, waited.clone()), at(95, waited));
    assert!(p50 < 2_000 && p95 < 60_000, "p50 {p50}, p95 {p95}");
}

#[test]
fn statuses_pass_photos_that_are_queued_on_forty_kilobits() {
    let day = live(
        &photos_beside().to_string(),
        &photos_queued(3, 40_000, 8, 200_000),
    );
    let p95 = at(95, waits(&day, false));
    assert!(p95 < 5_000, "{p95}");
    assert_eq!(day.waiting, 0);
}
