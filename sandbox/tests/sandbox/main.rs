//! The sandbox as its clients meet it: the built program on free ports, spoken to over sockets.

// Clippy's exception for tests covers test functions only, and the helpers are as much a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backend;
mod client;
mod faults;
mod lan;
mod log;
mod origins;
mod program;
mod selfcheck;
