//! The relay as a program of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use lexopt::{Arg, Parser, ValueExt};
use pannier_push::{Message, Relay, Rhythm, Settings, Store, keep_waking, router};

const HELP: &str = "\
usage: pannier-push --subject mailto:ops@company.example --app https://app.company.example
                    [--listen 127.0.0.1:8090] [--store pannier-push.db]
                    [--origin ORIGIN]... [--service ORIGIN-OR-HOST]...
                    [--quiet MINUTES] [--shift HOURS] [--title TEXT] [--body TEXT]

Keeps the push subscriptions of couriers' phones and wakes those that have gone quiet.

--subject  whom a push service may write to
--app      what a tap on the message opens; its origin may register phones
--origin   a further origin that may
--service  a push service beside those of Apple, Google, Microsoft and Mozilla
--quiet    a phone is woken when it has not been heard of for so long (default 30)
--shift    a phone that has not been heard of for so long has gone home (default 10)
           POST /push/wake needs the secret in the environment's PANNIER_PUSH_SECRET.
";
const MINUTE_MS: i64 = 60_000;

struct Arguments {
    listen: SocketAddr,
    store: PathBuf,
    settings: Settings,
}

fn parse(mut parser: Parser) -> Result<Option<Arguments>, lexopt::Error> {
    let (mut subject, mut app) = (None, None);
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 8090));
    let mut store = PathBuf::from("pannier-push.db");
    let mut settings = Settings {
        subject: String::new(),
        navigate: String::new(),
        message: Message {
            title: "Pannier".to_owned(),
            body: "Open the app near a window if deliveries wait.".to_owned(),
        },
        rhythm: Rhythm {
            quiet_ms: 30 * MINUTE_MS,
            shift_ms: 10 * 60 * MINUTE_MS,
        },
        services: vec![],
        secret: std::env::var("PANNIER_PUSH_SECRET")
            .ok()
            .filter(|secret| !secret.is_empty()),
        origins: vec![],
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("subject") => subject = Some(parser.value()?.string()?),
            Arg::Long("app") => app = Some(parser.value()?.string()?),
            Arg::Long("listen") => listen = parser.value()?.parse()?,
            Arg::Long("store") => store = parser.value()?.into(),
            Arg::Long("origin") => settings.origins.push(parser.value()?.string()?),
            Arg::Long("service") => settings.services.push(parser.value()?.string()?),
            Arg::Long("quiet") => settings.rhythm.quiet_ms = minutes(&mut parser, "--quiet", 1)?,
            Arg::Long("shift") => settings.rhythm.shift_ms = minutes(&mut parser, "--shift", 60)?,
            Arg::Long("title") => settings.message.title = parser.value()?.string()?,
            Arg::Long("body") => settings.message.body = parser.value()?.string()?,
            other => return Err(other.unexpected()),
        }
    }
    let subject: String =
        subject.ok_or("--subject is missing: whom may a push service write to?")?;
    if !subject.starts_with("mailto:") && !subject.starts_with("https:") {
        return Err("--subject begins with mailto: or https:".into());
    }
    let app: String = app.ok_or("--app is missing: what does a tap on the message open?")?;
    let host = app
        .strip_prefix("https://")
        .or(app.strip_prefix("http://localhost").map(|_| app.as_str()));
    if host.is_none() {
        return Err("--app is an https address".into());
    }
    let origin: String = app.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    settings.origins.push(origin);
    settings.subject = subject;
    settings.navigate = app;
    Ok(Some(Arguments {
        listen,
        store,
        settings,
    }))
}

fn minutes(parser: &mut Parser, name: &str, each: i64) -> Result<i64, lexopt::Error> {
    let number: i64 = parser.value()?.parse()?;
    if !(1..=1_000).contains(&number) {
        return Err(format!("{name}: from 1 to 1000").into());
    }
    Ok(number * each * MINUTE_MS)
}

fn main() -> ExitCode {
    let arguments = match parse(Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("pannier-push: {error}; --help lists the options");
            return ExitCode::from(2);
        }
    };
    let done = tokio::runtime::Runtime::new()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(run(arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("pannier-push: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(
    Arguments {
        listen,
        store,
        settings,
    }: Arguments,
) -> Result<(), String> {
    let relay = Relay::new(Store::open(&store)?, settings)?;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(|error| format!("{listen}: {error}"))?;
    let at = listener.local_addr().map_err(|error| error.to_string())?;
    println!(
        "PANNIER_PUSH {{\"address\":\"http://{at}\",\"key\":\"{}\"}}",
        relay.public_key()
    );
    tokio::spawn(keep_waking(Arc::clone(&relay)));
    axum::serve(listener, router(&relay))
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await
        .map_err(|error| error.to_string())
}
