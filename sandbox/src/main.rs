//! The sandbox: what `npm start` serves and what the tests run against.
//!
//! One process is three things that a courier's app meets: the company's ordinary backend (with
//! its SQLite file), the static server of the page, and the bad network between them. See the
//! README beside this folder for what it answers; start reading at `front`, through which every
//! request comes, and go on to `api`.

mod api;
mod app;
mod arguments;
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
mod log;
mod log_pages;
mod pages;
mod refusal;
mod seed;
mod selfcheck;
mod server;

use std::io::Write;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::json;
use tokio::sync::watch;

use crate::app::{App, Door, Shared};
use crate::arguments::{Arguments, Command};
use crate::clock::now_ms;
use crate::database::{Database, set_setting, setting};
use crate::faults::Faults;
use crate::front::Front;
use crate::refusal::Refusal;
use crate::server::Listeners;

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
    let listeners = server::listen(&arguments.host, arguments.port).await?;
    let database = Database::open(&arguments.database, arguments.fresh)?;
    let planted = prepare(&database).map_err(|error| format!("database: {error:?}"))?;
    let app = Arc::new(App {
        database,
        faults: Faults::default(),
        files: arguments.files.clone(),
        page_port: listeners.page_port,
        api_port: listeners.api_port,
        allowed_origins: arguments.allowed_origins.clone(),
    });
    let (stopping, stop) = watch::channel(false);
    let on_signal = stop_on_signal(stopping).map_err(|error| error.to_string())?;
    announce(&arguments, &listeners, planted).map_err(|error| error.to_string())?;
    let page = Front {
        app: Arc::clone(&app),
        door: Door::Page,
        router: page_router(&app),
    };
    let api = Front {
        app: Arc::clone(&app),
        door: Door::Api,
        router: api_router(&app),
    };
    server::serve(vec![(listeners.page, page), (listeners.api, api)], stop).await;
    on_signal.abort();
    Ok(())
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
    api::router()
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
    api::router()
        .fallback(api::no_such_path)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(Arc::clone(app))
}

/// The first line is for programs, the rest for people.
fn announce(arguments: &Arguments, listeners: &Listeners, planted: bool) -> std::io::Result<()> {
    let host = match arguments.host.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() || address.is_unspecified() => "localhost".to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => arguments.host.clone(),
    };
    let page = format!("http://{host}:{}", listeners.page_port);
    let api = format!("http://{host}:{}", listeners.api_port);
    let mut out = std::io::stdout().lock();
    let (pid, page_json, api_json) = (std::process::id(), json!(page), json!(api));
    writeln!(
        out,
        "PANNIER_SANDBOX {{\"page\":{page_json},\"api\":{api_json},\"pid\":{pid}}}"
    )?;
    writeln!(
        out,
        "\n  The app       {page}/   (sign in as anna or omar, password packet123)"
    )?;
    writeln!(out, "  What arrived  {page}/log")?;
    writeln!(out, "  Faults        {page}/faults")?;
    writeln!(out, "  Labels        {page}/labels")?;
    writeln!(
        out,
        "  Second origin {api}/api   (the same backend, with CORS)"
    )?;
    writeln!(out, "  Database      {}", arguments.database.display())?;
    if planted {
        writeln!(out, "  The day's route is planted anew.")?;
    }
    writeln!(out, "\n  Ctrl+C stops it.")?;
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
