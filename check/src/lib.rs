//! What is wrong with a profile, what is risky in it, what it asks of its backend, and which
//! requests it becomes on a sample day. Text in, [`Report`] out: no files, no network, no clock, so
//! that the same code runs in a terminal, in a test and in a browser.
//!
//! The core's own reader decides whether a document is valid; it stops at the first mistake and is
//! small. This crate goes on from there, in this order: [`places`] finds line and column of
//! everything, [`language`] is the table of all keys, [`walk`] holds the document against it and
//! [`trees`] looks at values and their references; [`secrets`] finds what must not be in a
//! browser. Where the core takes the document, [`risks`] and [`origins`] look at what it means, and
//! [`sample`] builds its requests. [`schema`] makes the JSON Schema of the same table.

pub mod language;
pub mod names;
pub mod origins;
pub mod places;
pub mod report;
pub mod risks;
pub mod sample;
pub mod schema;
pub mod secrets;
pub mod trees;
pub mod walk;

pub use report::{Finding, Report, Severity, check};
