//! The engine: inputs and the part of the store they concern go in; a *change*, *effects* and
//! words for the person come out as data. No clock, chance, storage or await inside.
//!
//! The story in order: [`admit`] checks an intent and makes it an operation; [`attempt`] puts the
//! head of a due lane on record as in flight and says what to send; [`verdict`] takes the answer,
//! or its absence, and moves the operation on; [`handed`] gives requests to the
//! operating system, whose answers come later; [`person`] is what a courier may do to a parked
//! one; [`reconcile`] takes a new route; [`projection`] and [`listing`] make the views.
//!
//! What survives a crash: everything that a change was committed for. An operation found in
//! flight under an older drain generation is in doubt, and its identity strategy decides what next.

pub mod admit;
pub mod amend;
pub mod attempt;
pub mod backoff;
pub mod change;
pub mod context;
pub mod count;
pub mod handed;
pub mod lane;
pub mod listing;
pub mod meaning;
pub mod overdue;
pub mod person;
pub mod projection;
pub mod reconcile;
pub mod rejudge;
pub mod session;
pub mod verdict;
