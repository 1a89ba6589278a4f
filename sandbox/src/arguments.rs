//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

pub const HELP: &str = "An ordinary courier backend with switchable faults.

pannier-sandbox [options]
  --port N           port of the page; the API's second origin has the next one (8080; 0: any free pair)
  --host ADDRESS     address to listen on (127.0.0.1, which includes ::1)
  --db PATH          SQLite file (.cache/sandbox.db)
  --fresh            delete that file first
  --static DIR       folder of the built page (dist)
  --allow-origin URL further page that the second origin admits; may be repeated
  --help             this text
";

pub struct Arguments {
    pub port: u16,
    pub host: String,
    pub database: PathBuf,
    pub fresh: bool,
    pub files: PathBuf,
    pub allowed_origins: Vec<String>,
}

pub enum Command {
    Serve(Arguments),
    Help,
}

/// # Errors
/// What is wrong with the command line, in a sentence.
pub fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut arguments = Arguments {
        port: 8080,
        host: "127.0.0.1".into(),
        database: ".cache/sandbox.db".into(),
        fresh: false,
        files: "dist".into(),
        allowed_origins: Vec::new(),
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => arguments.port = parser.value()?.parse()?,
            Long("host") => arguments.host = parser.value()?.string()?,
            Long("db") => arguments.database = parser.value()?.into(),
            Long("fresh") => arguments.fresh = true,
            Long("static") => arguments.files = parser.value()?.into(),
            Long("allow-origin") => {
                arguments
                    .allowed_origins
                    .push(parser.value()?.string()?.trim_end_matches('/').to_owned());
            }
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Serve(arguments))
}
