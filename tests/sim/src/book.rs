//! The recorder's own list: what the courier did and what he was told, and what a person chose
//! afterwards. Nothing here comes from the store.

use pannier::domain::ids::OperationId;
use std::collections::BTreeMap;

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
    /// what a note may say at the backend: what was recorded, or what it was corrected to; both
    /// where nobody was told whether the correction is there
    pub words: BTreeMap<OperationId, Vec<String>>,
    /// corrections that were confirmed
    pub corrected: usize,
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
    /// Somebody asks for this note to say something else.
    pub fn correcting(&mut self, id: &OperationId, text: &str) {
        let words = self.words.entry(id.clone()).or_default();
        words.push(text.to_owned());
    }
    /// He is told that it does: in its place, or by a recording of its own.
    pub fn corrected(&mut self, id: &OperationId, by: &OperationId, text: &str) {
        self.corrected += 1;
        if id != by {
            self.not_corrected(id);
        }
        self.words.insert(by.clone(), vec![text.to_owned()]);
    }
    /// He is told that it may not.
    pub fn not_corrected(&mut self, id: &OperationId) {
        self.words.entry(id.clone()).or_default().pop();
    }
    /// What this account was told is recorded.
    pub fn confirmed(&self, account: &str) -> Vec<OperationId> {
        let own = self.lines.iter().filter(|line| line.account == account);
        own.filter_map(|line| match &line.told {
            Told::Recorded(id, _) => Some(id.clone()),
            _ => None,
        })
        .collect()
    }
    pub fn chose(&self, id: &OperationId, choice: Choice) -> bool {
        self.choices.iter().any(|(i, c)| i == id && *c == choice)
    }
}
