//! What is said while a backend is walked through: at once, harmless, and without what is secret.

use crate::Trouble;
use crate::words::add;
use std::io::{IsTerminal, Write};

pub struct Talk {
    hidden: Vec<String>,
}

/// The device's clock.
#[allow(
    clippy::disallowed_methods,
    reason = "a command that asks a real backend lives in real time"
)]
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// Shorter texts would blot out half of what is said.
const HIDDEN_MIN: usize = 4;

impl Talk {
    pub fn new(file: &str) -> Self {
        let talk = Self { hidden: vec![] };
        talk.say(format!(
            "{file}: a real backend is asked; tokens and passwords are not shown"
        ));
        talk
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
        let _ = std::io::stdout().write_all(out.as_bytes());
    }

    /// From the environment, or asked for without showing it.
    pub fn secret(&mut self, variable: Option<&str>, question: &str) -> Result<String, Trouble> {
        let given = match variable {
            Some(name) => std::env::var(name)
                .map_err(|_| Trouble(format!("the environment has no {name}")))?,
            None if std::io::stdin().is_terminal() => rpassword::prompt_password(question)?,
            None => {
                let what = question.trim_end_matches([':', ' ']);
                return Err(Trouble(format!(
                    "{what}: name a variable that holds it, or run this in a terminal"
                )));
            }
        };
        self.hide(&given);
        Ok(given)
    }

    pub fn prompt(&mut self, question: &str) -> Result<String, Trouble> {
        self.secret(None, question)
    }
}
