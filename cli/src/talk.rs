//! What is said while a backend is walked through: at once, harmless, and without what is secret.

use crate::Trouble;
use crate::machine::Machine;
use crate::words::add;
use std::rc::Rc;

pub struct Talk {
    machine: Rc<dyn Machine>,
    hidden: Vec<String>,
}

/// Shorter texts would blot out half of what is said.
const HIDDEN_MIN: usize = 4;

impl Talk {
    pub fn new(machine: &Rc<dyn Machine>, file: &str) -> Self {
        let talk = Self::plain(machine);
        talk.say(format!(
            "{file}: a real backend is asked; tokens and passwords are not shown"
        ));
        talk
    }

    /// Without a word of its own.
    pub fn plain(machine: &Rc<dyn Machine>) -> Self {
        Self {
            machine: machine.clone(),
            hidden: vec![],
        }
    }

    /// This text is never said again, nor as it stands in an address.
    pub fn hide(&mut self, text: &str) {
        if text.len() >= HIDDEN_MIN {
            let mut escaped = String::new();
            pannier::profile::url::escape(text, false, &mut escaped);
            self.hidden.extend([text.to_owned(), escaped]);
            self.hidden
                .sort_by_key(|hidden| std::cmp::Reverse(hidden.len()));
        }
    }

    pub fn say(&self, text: impl AsRef<str>) {
        let mut text = text.as_ref().to_owned();
        for hidden in &self.hidden {
            text = text.replace(hidden.as_str(), "<hidden>");
        }
        let mut out = String::new();
        add(&mut out, text);
        self.machine.print(&out);
    }

    /// From the environment, or asked for without showing it.
    ///
    /// # Errors
    /// When it is in neither.
    pub fn secret(&mut self, variable: Option<&str>, question: &str) -> Result<String, Trouble> {
        let given = match variable {
            Some(name) => (self.machine.variable(name))
                .ok_or_else(|| Trouble(format!("the environment has no {name}")))?,
            None => self
                .machine
                .ask(question)
                .map_err(Trouble)?
                .ok_or_else(|| {
                    let what = question.trim_end_matches([':', ' ']);
                    Trouble(format!(
                        "{what}: name a variable that holds it, or run this in a terminal"
                    ))
                })?,
        };
        self.hide(&given);
        Ok(given)
    }

    /// # Errors
    /// When nobody sits there.
    pub fn prompt(&mut self, question: &str) -> Result<String, Trouble> {
        self.secret(None, question)
    }
}
