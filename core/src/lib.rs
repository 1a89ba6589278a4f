//! The offline core of a courier's app. Dependencies point inward only:
//! `domain <- profile <- engine <- ports`; browser and tests stand outside.

// The derives name the crate from outside.
extern crate self as pannier;

pub mod domain;
pub mod engine;
pub mod known;
pub mod ports;
pub mod profile;
pub mod sabotage;
#[cfg(feature = "testing")]
pub mod testing;
