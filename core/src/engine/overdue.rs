//! What waits too long: at which age a person is told, and that he is told once.

use super::lane::{HeadState, Lane};
use crate::domain::ids::StopId;
use crate::domain::json::{FromJson, ToJson};

/// Work that has waited longer than a person should leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
pub struct Overdue {
    /// the threshold that was passed, in minutes
    pub minutes: u32,
    /// when the oldest of it was recorded
    pub since: i64,
    /// stops that it belongs to
    pub stops: u32,
    pub operations: u32,
}

/// At which ages, in minutes, a person is told; none: never.
#[derive(Clone, Debug, PartialEq, Eq, ToJson, FromJson)]
#[json(transparent)]
pub struct Thresholds(pub Vec<u32>);

impl Default for Thresholds {
    fn default() -> Self {
        Self(vec![10, 30])
    }
}

/// The threshold that was told last; nought: none of what waits now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
pub struct Warned {
    pub minutes: u32,
}

const MINUTE_MS: i64 = 60_000;

/// Stops among these lanes. A lane that holds the work of all stops counts as the one of its first.
pub fn stops_of<'a>(lanes: impl Iterator<Item = &'a Lane>) -> u32 {
    let mut stops: Vec<&StopId> = vec![];
    for stop in lanes.filter_map(|l| l.stop.as_ref()) {
        if !stops.contains(&stop) {
            stops.push(stop);
        }
    }
    u32::try_from(stops.len()).unwrap_or(u32::MAX)
}

/// What needs a person (a parked head and all behind it) is told elsewhere and does not count.
pub fn overdue(lanes: &[Lane], thresholds: &Thresholds, now: i64) -> Option<Overdue> {
    let waits = |l: &&Lane| l.head.is != HeadState::Parked;
    let since = lanes
        .iter()
        .filter(waits)
        .map(|l| l.head.recorded_at)
        .min()?;
    let age = now.saturating_sub(since);
    let passed = |minutes: &&u32| age >= i64::from(**minutes) * MINUTE_MS;
    let minutes = *thresholds.0.iter().filter(passed).max()?;
    Some(Overdue {
        minutes,
        since,
        stops: stops_of(lanes.iter().filter(waits)),
        operations: lanes.iter().filter(waits).map(|l| l.count).sum(),
    })
}

/// Whether this is news, and what is known from now on.
pub fn warn(told: Warned, overdue: Option<&Overdue>) -> (bool, Warned) {
    let minutes = overdue.map_or(0, |o| o.minutes);
    (minutes > told.minutes, Warned { minutes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u32) -> Overdue {
        Overdue {
            minutes,
            since: 0,
            stops: 1,
            operations: 1,
        }
    }

    #[test]
    fn each_threshold_is_told_once_until_nothing_is_that_old_any_more() {
        let mut told = Warned::default();
        let mut news = vec![];
        let ages = [
            None,
            Some(10),
            Some(10),
            Some(30),
            Some(30),
            Some(10),
            Some(30),
            None,
            Some(10),
        ];
        for age in ages {
            let overdue = age.map(at);
            let (is_news, now) = warn(told, overdue.as_ref());
            news.push(is_news);
            told = now;
        }
        assert_eq!(
            news,
            [false, true, false, true, false, false, true, false, true]
        );
    }
}
