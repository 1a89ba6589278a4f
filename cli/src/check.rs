//! `pannier profile check`.

use crate::machine::Machine;
use crate::words::{self, add};
use crate::{End, Trouble};
use lexopt::{Arg, Parser};
use pannier::domain::json::{ToJson, print};
use pannier::domain::text::count;
use pannier::profile::read::PROFILE_BYTES_MAX;
use pannier_check::{Report, Severity, check};

pub fn run(machine: &dyn Machine, mut arguments: Parser) -> Result<End, Trouble> {
    let (mut file, mut dry_run, mut json, mut strict) = (None, false, false, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("dry-run") => dry_run = true,
            Arg::Long("json") => json = true,
            Arg::Long("strict") => strict = true,
            Arg::Value(path) if file.is_none() => {
                file = Some(path.to_string_lossy().into_owned());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let file = file.ok_or_else(|| Trouble("which file?".to_owned()))?;
    let mut report = check(&read(machine, &file)?);
    if !dry_run {
        report.requests.clear();
    }
    let mut out = String::new();
    if json {
        add(&mut out, print(&report.to_json()));
    } else {
        write(&file, &report, &mut out);
    }
    machine.print(&out);
    let wrong = report.count(Severity::Error) > 0 || strict && report.count(Severity::Warning) > 0;
    Ok(if wrong { End::Wrong } else { End::Fine })
}

/// A file's text, or of `-` what comes in; one byte more than a profile may have is enough.
pub fn read(machine: &dyn Machine, file: &str) -> Result<String, Trouble> {
    let most = PROFILE_BYTES_MAX as u64 + 1;
    let bytes = machine
        .read(file, most)
        .map_err(|error| Trouble(format!("{file}: {error}")))?;
    // Cut in the middle of a character it is too large anyway.
    if bytes.len() as u64 == most {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| Trouble(format!("{file}: is no UTF-8 text")))
}

fn write(file: &str, report: &Report, out: &mut String) {
    for finding in &report.findings {
        let place = finding.pointer();
        add(
            out,
            format!(
                "{file}:{}:{}: {} {}{}{}\n    {}",
                finding.place.line,
                finding.place.column,
                finding.severity.name(),
                finding.code,
                if place.is_empty() { "" } else { " " },
                place,
                finding.text
            ),
        );
    }
    for sample in &report.requests {
        words::request(sample, out);
    }
    let of = |severity, noun| count(report.count(severity), noun);
    add(
        out,
        format!(
            "{file}: {}, {}, {}",
            of(Severity::Error, "error"),
            of(Severity::Warning, "warning"),
            of(Severity::Note, "note")
        ),
    );
}
