//! What one run is made of: the seed and everything that may be switched off to make it smaller.

use crate::chance::Chance;
use crate::strategy::Strategy;
use pannier::sabotage::Sabotage;
use std::fmt;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $variant,)*
        }
        impl Fault {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

faults! {
    /// requests that never arrive, and minutes without any signal
    Loss "loss",
    /// the sender has given up, and the request lands all the same
    Delay "delay",
    /// a request arrives twice, as when a browser repeats it by itself
    Duplicate "duplicate",
    /// latencies that differ so much that requests overtake each other
    Reorder "reorder",
    /// applied, and the answer is lost
    Cut "cut",
    /// applied, and the answer breaks off in the middle
    Broken "broken",
    /// something between answers 4xx
    Client "4xx",
    /// 5xx, before or after applying
    Server "5xx",
    /// tokens end before their time; some cannot be renewed
    Auth "401",
    /// 429, with and without Retry-After
    Throttle "429",
    /// a login portal answers 200 with HTML
    Portal "portal",
    /// contexts die between any two awaits and any two commits
    Crash "crash",
    /// what a dead context held stays locked
    Torn "torn",
    /// one context stands still and goes on later
    Freeze "freeze",
    /// the whole phone sleeps
    Suspend "suspend",
    /// no space for a while
    Quota "quota",
    /// the store's connection dies: before a commit, after it, or so that it is tried twice
    Storage "storage",
    /// the wall clock jumps, forward and back
    Clock "clock",
    /// the phone's clock and the backend's are wrong by a day, each in its own direction
    Wrong "wrong-clocks",
    /// the office cancels and reassigns stops
    Office "office",
    /// a newer core opens the store; those that run know only the older schema
    Schema "schema",
    /// a newer revision of the profile
    Profile "profile",
    /// another courier takes the phone for a while
    Account "account",
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults(u32);

impl Faults {
    pub const NONE: Self = Self(0);
    pub fn all() -> Self {
        Fault::ALL
            .iter()
            .fold(Self::NONE, |all, one| all.with(*one))
    }
    pub fn has(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u32) != 0
    }
    #[must_use]
    pub fn with(self, fault: Fault) -> Self {
        Self(self.0 | 1 << fault as u32)
    }
    #[must_use]
    pub fn without(self, fault: Fault) -> Self {
        Self(self.0 & !(1 << fault as u32))
    }
    pub fn list(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(move |f| self.has(*f))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        let names: Vec<_> = self.list().map(Fault::name).collect();
        f.write_str(&names.join(","))
    }
}

pub const STOPS: u32 = 20;
/// When faults stop, counted from the start.
pub const UNTIL_MS: i64 = 30 * 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub seed: u64,
    pub strategy: Strategy,
    pub faults: Faults,
    /// how many stops the courier has
    pub stops: u32,
    /// when faults stop
    pub until_ms: i64,
    pub sabotage: Option<Sabotage>,
}

impl Setting {
    pub fn of(seed: u64) -> Self {
        let chance = Chance::new(seed, "setting");
        let some = |in_thousand: u64| {
            let mut faults = Faults::NONE;
            for fault in Fault::ALL {
                if chance.in_thousand(in_thousand) {
                    faults = faults.with(*fault);
                }
            }
            faults
        };
        let faults = match chance.below(10) {
            0 => Faults::NONE,
            1 => Faults::all(),
            2..=5 => some(150),
            _ => some(350),
        };
        let at = usize::try_from(seed % Strategy::ALL.len() as u64).unwrap_or(0);
        Self {
            seed,
            strategy: Strategy::ALL[at],
            faults,
            stops: STOPS,
            until_ms: UNTIL_MS,
            sabotage: None,
        }
    }

    /// The command that runs exactly this.
    pub fn command(&self) -> String {
        let plain = Self::of(self.seed);
        let mut out = format!("npm run sim -- --seeds 1 --seed {}", self.seed);
        if self.strategy != plain.strategy {
            out += &format!(" --strategy {}", self.strategy.name());
        }
        if self.faults != plain.faults {
            out += &format!(" --faults {}", self.faults);
        }
        if self.stops != plain.stops {
            out += &format!(" --stops {}", self.stops);
        }
        if self.until_ms != plain.until_ms {
            out += &format!(" --until-ms {}", self.until_ms);
        }
        if let Some(sabotage) = self.sabotage {
            out += &format!(" --sabotage {}", sabotage.name());
        }
        out
    }
}
