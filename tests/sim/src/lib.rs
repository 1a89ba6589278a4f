//! One day of couriers, phone, network, backend and office in one process, from one seed, and
//! whether the promises held. The README tells how it works and how to read a failure.

// Nothing here is shipped, and a run that cannot go on says so by ending.
pub mod book;
pub mod chance;
pub mod check;
pub mod courier;
pub mod phone;
pub mod run;
pub mod setting;
pub mod shrink;
pub mod strategy;
pub mod trace;
pub mod watch;
pub mod weather;
pub mod wire;
pub mod world;
