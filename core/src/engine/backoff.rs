//! How long to wait after failures, as a wall-clock due time.

use crate::profile::judge::WAIT_MS_MAX;

pub const BACKOFF_MS_MIN: i64 = 1_000;
pub const BACKOFF_MS_MAX: i64 = 60_000;

/// Whether a stored moment is still to come. Nothing waits longer than an hour: what seems to was
/// written before the clock was set back, and its time has come.
pub fn is_ahead(at: i64, now: i64) -> bool {
    at > now && at.saturating_sub(now) <= WAIT_MS_MAX
}

/// Doubles with each failure up to the cap; `jitter` (any number) spreads it over its upper half,
/// so that a hundred phones do not return in the same second.
pub fn backoff_ms(failures: u32, jitter: u32) -> i64 {
    let full = (BACKOFF_MS_MIN << failures.saturating_sub(1).min(10)).min(BACKOFF_MS_MAX);
    full / 2 + i64::from(jitter) % (full / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_a_day_ahead_makes_nothing_wait_for_a_day() {
        let now = 1_795_334_400_000;
        assert!(is_ahead(now + WAIT_MS_MAX, now) && !is_ahead(now, now));
        assert!(!is_ahead(now + 86_400_000, now) && !is_ahead(i64::MAX, -1));
    }

    #[test]
    fn waits_grow_to_the_cap_and_keep_within_it() {
        for jitter in [0, 7, u32::MAX] {
            assert!((500..=1_000).contains(&backoff_ms(1, jitter)));
            assert!((4_000..=8_000).contains(&backoff_ms(4, jitter)));
            for failures in [7, 40, u32::MAX] {
                assert!((30_000..=60_000).contains(&backoff_ms(failures, jitter)));
            }
        }
    }
}
