//! A failing run made smaller: fault kinds switched off, the day cut, the time with faults cut, as
//! long as the same promise is still broken. It tries the same things in the same order each time.
//! Fewer stops are another day of the same seed: where none of those fails, the days of the seeds
//! that follow are tried under the same faults, so that a rare weave is not shown as a whole day.

use crate::run::run;
use crate::setting::Setting;

fn breaks(setting: &Setting, promise: &str) -> bool {
    let outcome = run(setting, false);
    outcome.violations.iter().any(|v| v.promise == promise)
}

/// How many stops are tried, from a short trace on.
const FEWER: [u32; 7] = [1, 2, 3, 5, 8, 13, 18];

/// How many of the following seeds are tried where no smaller day of its own breaks the promise.
const OTHER_SEEDS: u64 = 16;

/// The smallest setting that was found to break the same promise, and how many runs that took.
pub fn shrink(failing: &Setting, promise: &str) -> (Setting, u32) {
    let mut best = *failing;
    let mut runs = 0;
    let mut attempt = |candidate: Setting, best: &mut Setting| {
        runs += 1;
        let still = candidate != *best && breaks(&candidate, promise);
        if still {
            *best = candidate;
        }
        still
    };
    loop {
        let before = best;
        for fault in failing.faults.list() {
            let faults = best.faults.without(fault);
            attempt(Setting { faults, ..best }, &mut best);
        }
        // Half of a day may go well where a third of it fails.
        for stops in FEWER {
            if stops < best.stops && attempt(Setting { stops, ..best }, &mut best) {
                break;
            }
        }
        while best.stops > 1 {
            let stops = best.stops - 1;
            if !attempt(Setting { stops, ..best }, &mut best) {
                break;
            }
        }
        for part in [2, 4, 8] {
            loop {
                let until_ms = best.until_ms - best.until_ms / part;
                if until_ms < 1_000 || !attempt(Setting { until_ms, ..best }, &mut best) {
                    break;
                }
            }
        }
        if best != before {
            continue;
        }
        let whole = best.stops == failing.stops;
        let mut elsewhere = FEWER
            .into_iter()
            .filter(|stops| whole && *stops < failing.stops)
            .flat_map(|stops| (1..=OTHER_SEEDS).map(move |further| (stops, further)));
        let still = elsewhere.any(|(stops, further)| {
            let seed = failing.seed.wrapping_add(further);
            let candidate = Setting {
                seed,
                stops,
                ..best
            };
            attempt(candidate, &mut best)
        });
        if !still {
            return (best, runs);
        }
    }
}
