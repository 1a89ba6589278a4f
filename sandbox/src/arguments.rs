//! The command line.

use std::net::Ipv4Addr;
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
  --push-service URL further push service that subscriptions may name; may be repeated
  --lan              serve the local network as well, by https with an authority of its own
  --lan-port N       https port there; the second origin and the door to trust it have the next two
                     (8443; 0: any free three)
  --lan-address IPV4 address there, instead of all that this machine has; may be repeated
  --help             this text
";

pub struct Arguments {
    pub port: u16,
    pub host: String,
    pub database: PathBuf,
    pub fresh: bool,
    pub files: PathBuf,
    pub allowed_origins: Vec<String>,
    pub push_services: Vec<String>,
    pub lan: Option<LanArguments>,
}

pub struct LanArguments {
    pub port: u16,
    /// none: all addresses of local networks that the machine has
    pub addresses: Vec<Ipv4Addr>,
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
        push_services: Vec::new(),
        lan: None,
    };
    let mut lan = false;
    let mut lan_port = None;
    let mut lan_addresses = Vec::new();
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
            Long("push-service") => arguments.push_services.push(parser.value()?.string()?),
            Long("lan") => lan = true,
            Long("lan-port") => lan_port = Some(parser.value()?.parse()?),
            Long("lan-address") => lan_addresses.push(parser.value()?.parse()?),
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    if lan {
        // The network gets https alone; plain http of a whole backend stays on this machine.
        if !is_loopback(&arguments.host) {
            let host = &arguments.host;
            return Err(format!("--lan serves the network by https; --host {host} would serve it by plain http too: leave one of them out").into());
        }
        arguments.lan = Some(LanArguments {
            port: lan_port.unwrap_or(8443),
            addresses: lan_addresses,
        });
    } else if lan_port.is_some() || !lan_addresses.is_empty() {
        return Err("--lan-port and --lan-address need --lan".into());
    }
    Ok(Command::Serve(arguments))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
