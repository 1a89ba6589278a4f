//! One run: the day, then the checkers.

use crate::check::{Tally, check};
use crate::setting::Setting;
use crate::trace::Trace;
use crate::watch::Violation;
use crate::world::World;
use pannier::known::keeping;
use pannier::sabotage::with;

pub struct Outcome {
    pub violations: Vec<Violation>,
    pub tally: Tally,
    /// of every line of the trace
    pub hash: u64,
    /// empty unless it was asked for
    pub lines: Vec<String>,
}

pub fn run(setting: &Setting, keep_trace: bool) -> Outcome {
    let _broken = with(setting.sabotage);
    let _kept = keeping();
    let mut world = World::new(setting, keep_trace);
    world.live();
    let (violations, tally) = check(&world);
    for violation in &violations {
        world.say(format_args!("!! {}: {}", violation.promise, violation.text));
    }
    let trace = std::mem::replace(&mut world.trace, Trace::new(false));
    Outcome {
        violations,
        tally,
        hash: trace.hash(),
        lines: trace.into_lines(),
    }
}
