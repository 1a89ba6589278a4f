//! One run: the day, then the checkers.

use crate::check::{Tally, check};
use crate::setting::Setting;
use crate::trace::Trace;
use crate::watch::Violation;
use crate::world::World;
use pannier::known::keeping;
use pannier::sabotage::with;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
    // What a panic left half done is looked at no more: the trace up to it is what there is to see.
    let (violations, tally) = caught(|| world.live())
        .and_then(|()| caught(|| check(&world)))
        .unwrap_or_else(|panicked| (vec![panicked], Tally::default()));
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

/// A panic is a broken promise like any other: told with its seed, shown again, shrunk.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let text = match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => payload
                .downcast_ref::<&str>()
                .map_or_else(String::new, |text| (*text).to_owned()),
        };
        Violation::new("no panic", text)
    })
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_panic_is_a_broken_promise() {
        let list: Vec<u8> = vec![];
        let place = list.len() + 3;
        let found = caught(|| list[place]).expect_err("is beyond the end");
        assert_eq!(found.promise, "no panic");
        assert!(found.text.contains("index is 3"), "{}", found.text);
        assert_eq!(caught(|| 7), Ok(7));
    }
}
