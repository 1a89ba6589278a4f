//! The recorder's own list: what the courier did and what he was told, and what a person chose
//! afterwards. Nothing here comes from the store.

use pannier::domain::ids::OperationId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// the call has not come back; if its context died, it never will
    Nothing,
    Recorded(OperationId, u64),
    /// it was recorded before
    Duplicate(OperationId),
    /// refused by a rule: nothing may be there
    Refused(String),
    /// the store failed while it was asked: it may be there or not
    Failed(String),
}

#[derive(Clone, Debug)]
pub struct Line {
    pub account: String,
    pub kind: String,
    pub stop: String,
    pub told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Retried,
    Discarded,
}

#[derive(Clone, Debug, Default)]
pub struct Book {
    pub lines: Vec<Line>,
    pub choices: Vec<(OperationId, Choice)>,
}

impl Book {
    pub fn open(&mut self, account: &str, kind: &str, stop: &str) -> usize {
        self.lines.push(Line {
            account: account.to_owned(),
            kind: kind.to_owned(),
            stop: stop.to_owned(),
            told: Told::Nothing,
        });
        self.lines.len() - 1
    }
    pub fn chose(&self, id: &OperationId, choice: Choice) -> bool {
        self.choices.iter().any(|(i, c)| i == id && *c == choice)
    }
}
