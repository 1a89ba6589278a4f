//! The sandbox: what `npm start` serves and what the tests run against.
//!
//! One process is three things that a courier's app meets: the company's ordinary backend (with
//! its SQLite file), the static server of the page, and the bad network between them. See the
//! README beside this folder for what it answers; start reading at `front`, through which every
//! request comes, and go on to `api`.

mod api;
mod app;
mod arguments;
mod authority;
mod clock;
mod control;
mod cors;
mod database;
mod fault_pages;
mod faults;
mod fields;
mod files;
mod front;
mod labels;
mod lan;
mod log;
mod log_pages;
mod pages;
mod push;
mod refusal;
mod seed;
mod selfcheck;
mod server;
mod trust;

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{App, Door, Origins, Shared};
use crate::arguments::{Arguments, Command};
use crate::clock::{day_utc, now_ms};
use crate::database::{Database, set_setting, setting};
use crate::faults::Faults;
use crate::front::Front;
use crate::lan::Lan;
use crate::refusal::Refusal;
use crate::server::{Row, Way};

fn main() -> ExitCode {
    let arguments = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Command::Serve(arguments)) => arguments,
        Ok(Command::Help) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("pannier-sandbox: {error}; --help lists the options");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.to_string()),
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => complain(&message),
    }
}

fn complain(message: &str) -> ExitCode {
    eprintln!("pannier-sandbox: {message}");
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> Result<(), String> {
    // The ports first: a second sandbox must not get as far as the first one's database.
    let addresses = server::addresses(&arguments.host).await?;
    let row: Row<2> = server::listen(&addresses, arguments.port, "--port").await?;
    let origins = Origins {
        scheme: "http",
        page_port: row.port(0),
        api_port: row.port(1),
    };
    let lan = match &arguments.lan {
        Some(lan) => Some(lan::open(lan, day_utc(now_ms())).await?),
        None => None,
    };
    let database = Database::open(&arguments.database, arguments.fresh)?;
    let push = push::open(&arguments, &origins.page("localhost"))?;
    let planted = prepare(&database).map_err(|error| format!("database: {error:?}"))?;
    let app = Arc::new(App {
        database,
        faults: Faults::default(),
        files: arguments.files.clone(),
        push,
        allowed_origins: arguments.allowed_origins.clone(),
    });
    let (stopping, stop) = watch::channel(false);
    let on_signal = stop_on_signal(stopping).map_err(|error| error.to_string())?;
    announce(&arguments, origins, lan.as_ref(), planted).map_err(|error| error.to_string())?;
    let waking = tokio::spawn(pannier_push::keep_waking(Arc::clone(&app.push)));
    let page = Front {
        app: Arc::clone(&app),
        door: Door::Page,
        origins,
        connect: None,
        router: page_router(&app),
    };
    let api = Front {
        door: Door::Api,
        router: api_router(&app),
        ..page.clone()
    };
    let way = |front: &Front| Way {
        front: front.clone(),
        tls: None,
    };
    let [page_listeners, api_listeners] = row.listeners;
    let mut ways = vec![(page_listeners, way(&page)), (api_listeners, way(&api))];
    if let Some(lan) = lan {
        ways.extend(lan_ways(lan, page, api));
    }
    server::serve(ways, stop).await;
    on_signal.abort();
    waking.abort();
    Ok(())
}

/// The same two origins for the network, by https, and the door to trust them.
fn lan_ways(lan: Lan, page: Front, api: Front) -> [(Vec<TcpListener>, Way); 3] {
    let (origins, connect) = (lan.origins, Some(lan.connect()));
    let page = Front {
        origins,
        connect,
        ..page
    };
    let api = Front { origins, ..api };
    let trust = Front {
        door: Door::Trust,
        origins,
        router: trust::router(lan.trust),
        ..api.clone()
    };
    let way = |front, tls| Way { front, tls };
    let [page_listeners, api_listeners, door_listeners] = lan.row.listeners;
    [
        (page_listeners, way(page, Some(lan.tls.clone()))),
        (api_listeners, way(api, Some(lan.tls))),
        (door_listeners, way(trust, None)),
    ]
}

/// Gives the database its mark and, on a new day, its route. Tells whether it planted one.
fn prepare(database: &Database) -> Result<bool, Refusal> {
    database.change(|transaction| {
        if setting(transaction, "mark")?.is_none() {
            let mut mark = [0_u8; 3];
            getrandom::fill(&mut mark).map_err(Refusal::internal)?;
            let mark: String = mark.iter().map(|byte| format!("{byte:02x}")).collect();
            set_setting(transaction, "mark", &mark)?;
        }
        let stale = seed::is_stale(transaction, now_ms())?;
        if stale {
            seed::plant(transaction, now_ms())?;
        }
        Ok(stale)
    })
}

fn page_router(app: &Shared) -> Router {
    api::router(app)
        .merge(control::router())
        .merge(fault_pages::router())
        .merge(labels::router())
        .merge(log_pages::router())
        .merge(selfcheck::router())
        .route("/config.json", get(files::config))
        .fallback(files::file)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(Arc::clone(app))
}

fn api_router(app: &Shared) -> Router {
    api::router(app)
        .fallback(api::no_such_path)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(Arc::clone(app))
}

/// The first line is for programs, the rest for people. All of it goes out at once, so that a
/// program can put its own words below.
fn announce(
    arguments: &Arguments,
    origins: Origins,
    lan: Option<&Lan>,
    planted: bool,
) -> std::io::Result<()> {
    let host = match arguments.host.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() || address.is_unspecified() => "localhost".to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => arguments.host.clone(),
    };
    let (page, api) = (origins.page(&host), origins.api(&host));
    let mut lines = vec![
        (
            "The app",
            format!("{page}/   (sign in as anna or omar, password packet123)"),
        ),
        ("What arrived", format!("{page}/log")),
        ("Faults", format!("{page}/faults")),
        ("Labels", format!("{page}/labels")),
        (
            "Self-check",
            format!("{page}/selfcheck   (what phones sent: /selfcheck/reports)"),
        ),
        (
            "Second origin",
            format!("{api}/api   (the same backend, with CORS)"),
        ),
        ("Database", arguments.database.display().to_string()),
    ];
    let mut first = format!(
        "\"page\":{},\"api\":{},\"pid\":{}",
        json!(page),
        json!(api),
        std::process::id()
    );
    // A String takes everything, so nothing is lost with these results.
    if let Some(lan) = lan {
        let _ = write!(first, ",\"lan\":{}", lan.json());
        lines.extend(lan.words());
    }
    let mut text = format!("PANNIER_SANDBOX {{{first}}}\n\n");
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {name:<14}{value}");
    }
    if planted {
        text.push_str("  The day's route is planted anew.\n");
    }
    text.push_str("\n  Ctrl+C stops it.\n");
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Raises the flag on Ctrl+C and on a polite kill.
fn stop_on_signal(stopping: watch::Sender<bool>) -> std::io::Result<tokio::task::JoinHandle<()>> {
    #[cfg(unix)]
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        let _ = stopping.send(true);
    }))
}
