//! The courier's nouns and rules, as values: no clock, no store, no network.
//!
//! A *route* is a shift's stops; at each *stop* *parcels* change hands; what the courier did is an
//! *operation*; what it amounts to so far, for one stop, is its *progress*.

pub mod address;
pub mod dictionary;
pub mod error;
pub mod ids;
pub mod json;
mod json_names;
pub mod json_text;
pub mod operation;
pub mod parcel;
pub mod progress;
pub mod proof;
pub mod route;
pub mod rules;
pub mod stop;
pub mod text;
pub mod tree;
