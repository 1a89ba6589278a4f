//! Deliberate bugs: places where the simulation breaks the core on purpose, to see whether its
//! checkers notice. What ships is built without the feature `testing`, and there the question is
//! answered `false` while it is compiled.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// a drain writes whether its generation is in force or not
    DropFence,
    /// an operation leaves the outbox when its attempt begins
    RemoveBeforeSend,
    /// what is in doubt is sent again without asking
    SkipProbe,
    /// one outbox for all accounts
    ForgetAccount,
    /// `seq` is minted whatever the counter says by now
    MintBlind,
    /// what is there twice is told to nobody
    HideDuplicates,
    /// a body that may be read once goes out as one that may be read again
    SendWhole,
}

#[cfg(not(feature = "testing"))]
pub(crate) const fn is(_: Sabotage) -> bool {
    false
}

#[cfg(feature = "testing")]
pub(crate) use switch::is;
#[cfg(feature = "testing")]
pub use switch::{Sabotaged, with};

#[cfg(feature = "testing")]
mod switch {
    use super::Sabotage;
    use std::cell::Cell;

    thread_local! {
        static ON: Cell<Option<Sabotage>> = const { Cell::new(None) };
    }

    pub(crate) fn is(bug: Sabotage) -> bool {
        ON.get() == Some(bug)
    }

    /// Breaks the core on this thread until it is dropped.
    pub struct Sabotaged(());

    pub fn with(bug: Option<Sabotage>) -> Sabotaged {
        ON.set(bug);
        Sabotaged(())
    }

    impl Drop for Sabotaged {
        fn drop(&mut self) {
            ON.set(None);
        }
    }

    impl Sabotage {
        pub const ALL: [Self; 7] = [
            Self::DropFence,
            Self::RemoveBeforeSend,
            Self::SkipProbe,
            Self::ForgetAccount,
            Self::MintBlind,
            Self::HideDuplicates,
            Self::SendWhole,
        ];
        pub fn name(self) -> &'static str {
            match self {
                Self::DropFence => "drop-fence",
                Self::RemoveBeforeSend => "remove-before-send",
                Self::SkipProbe => "skip-probe",
                Self::ForgetAccount => "forget-account",
                Self::MintBlind => "mint-blind",
                Self::HideDuplicates => "hide-duplicates",
                Self::SendWhole => "send-whole",
            }
        }
    }
}
