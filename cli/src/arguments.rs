//! The arguments of `pannier profile try`.

use crate::Trouble;
use crate::way::Way;
use lexopt::{Arg, Parser, ValueExt};

#[derive(Default)]
pub struct Wanted {
    pub file: String,
    pub send: Vec<String>,
    pub stop: Option<String>,
    pub picture: Option<String>,
    pub way: Way,
}

impl Wanted {
    pub fn read(mut arguments: Parser) -> Result<Self, Trouble> {
        let mut out = Self::default();
        while let Some(argument) = arguments.next()? {
            let name = match argument {
                Arg::Long(name) => name.to_owned(),
                Arg::Value(file) if out.file.is_empty() => {
                    out.file = file.to_string_lossy().into_owned();
                    continue;
                }
                other => return Err(other.unexpected().into()),
            };
            if name == "send" {
                for kind in arguments.values()? {
                    out.send.push(kind.string()?);
                }
                continue;
            }
            let value = arguments.value()?.string()?;
            let Some(value) = out.way.take(&name, value)? else {
                continue;
            };
            match name.as_str() {
                "stop" => out.stop = Some(value),
                "picture" => out.picture = Some(value),
                other => return Err(Trouble(format!("--{other} is no option of profile try"))),
            }
        }
        // Before anything is asked: half a trial helps nobody.
        let pictured = out
            .send
            .iter()
            .any(|kind| kind == "photo" || kind == "signature");
        let missing = match &out {
            Self { file, .. } if file.is_empty() => "which file?",
            Self {
                send, stop: None, ..
            } if !send.is_empty() => "--send needs --stop ID",
            Self { picture: None, .. } if pictured => "--send needs --picture FILE for this",
            _ => return Ok(out),
        };
        Err(Trouble(missing.to_owned()))
    }
}
