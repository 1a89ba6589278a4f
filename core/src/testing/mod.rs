//! In-memory twins of the ports, a deterministic executor, and the contract suites that every
//! adapter must pass. For tests and the simulation only.

// A test says what it expects by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod backend;
pub mod clock;
pub mod contract;
pub mod foreground;
pub mod host;
pub mod memory;
pub mod net;
pub mod run;
pub mod system;
