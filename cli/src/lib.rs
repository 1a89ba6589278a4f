//! `pannier`: the checker of profiles in a terminal. This crate reads files, asks a real backend
//! where it is told to, and prints; what is right and wrong is decided in `check` and in the core.
//! It reaches everything outside through [`Machine`], so that the npm package's command is this
//! very code.

mod arguments;
mod check;
pub mod machine;
#[cfg(feature = "native")]
pub mod native;
pub mod net;
mod send;
pub mod talk;
mod trial;
pub mod way;
mod words;

use lexopt::{Arg, Parser};
use machine::Machine;
use std::ffi::OsString;
use std::rc::Rc;

/// 0: nothing is wrong. 1: something is, or the backend said no. 2: it could not be looked at.
enum End {
    Fine,
    Wrong,
}

/// Why it could not be looked at: a file, an argument, a terminal.
pub struct Trouble(pub String);

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

const USAGE: &str = "\
usage: pannier profile check FILE [--dry-run] [--json] [--strict]
       pannier profile try FILE [--base-url NAME=URL | --base-url URL] [--username NAME]
               [--password-env VAR | --key-env VAR | --token-env VAR --account ID]
               [--secret-env NAME=VAR] [--ca FILE] [--send KIND... --stop ID [--picture FILE]]
       pannier profile schema
       pannier --help | --version

check        names every mistake with its place, warns of what is risky, notes what a backend on
             another origin has to allow
  --dry-run  also prints the exact requests of a sample day
  --json     for programs
  --strict   warnings count as errors

try          signs in at a real backend, renews the token, asks the heartbeat, reads the route, and
             says which rule matched each answer; changes nothing without --send
  --base-url the server's address, in place of the profile's own; may be said once for each server
  --ca       trust the authority in this PEM file
  --send     sends one operation of each kind for real, at --stop, and asks the probes
             Secrets come from the environment or are asked for; they are never printed.

schema       prints the JSON Schema of profiles, for editors

A FILE of - is read from standard input. Exit codes: 0 fine, 1 errors found, 2 could not be looked at.
";

/// Runs the command with these arguments, the program's own name not among them, and gives its
/// exit code.
pub fn run(machine: &Rc<dyn Machine>, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Wherever it stands, somebody who asks for help gets it.
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        machine.print(USAGE);
        return 0;
    }
    match command(machine, Parser::from_args(arguments)) {
        Ok(End::Fine) => 0,
        Ok(End::Wrong) => 1,
        Err(Trouble(text)) => {
            machine.complain(&format!("pannier: {text}\n"));
            2
        }
    }
}

fn command(machine: &Rc<dyn Machine>, mut arguments: Parser) -> Result<End, Trouble> {
    let mut words: Vec<String> = vec![];
    while words.len() < 2 {
        match arguments.next()? {
            Some(Arg::Long("version") | Arg::Short('V')) => {
                machine.print(concat!("pannier ", env!("CARGO_PKG_VERSION"), "\n"));
                return Ok(End::Fine);
            }
            Some(Arg::Value(word)) => words.push(word.to_string_lossy().into_owned()),
            Some(other) => return Err(Trouble(format!("{}\n{USAGE}", other.unexpected()))),
            None => break,
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["profile", "check"] => check::run(machine.as_ref(), arguments),
        ["profile", "try"] => trial::run(machine, arguments),
        ["profile", "schema"] => {
            machine.print(&pannier_check::schema::schema_text());
            Ok(End::Fine)
        }
        ["profile", other] => Err(Trouble(format!("profile {other} is no command\n{USAGE}"))),
        [] | ["profile"] => Err(Trouble(format!("what is to be done?\n{USAGE}"))),
        [other, ..] => Err(Trouble(format!("{other} is no command\n{USAGE}"))),
    }
}
