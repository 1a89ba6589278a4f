//! `npm run sim -- --seeds N [--seed S]`: runs N days from S on, says how many of them went by in
//! a second, and for the first one that breaks a promise prints the command that shows it again and
//! a shrunk trace.

#![allow(clippy::print_stdout)]

use lexopt::{Arg, Parser, ValueExt};
use pannier::sabotage::Sabotage;
use pannier_sim::check::Tally;
use pannier_sim::run::run;
use pannier_sim::setting::{Fault, Faults, Setting};
use pannier_sim::shrink::shrink;
use pannier_sim::strategy::Strategy;
use std::process::ExitCode;

/// A third of a day went into the allocator of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "npm run sim -- --seeds N [--seed S] [--strategy NAME] [--faults NAME,NAME|all|none] [--stops N] [--until-ms N] [--sabotage NAME] [--trace] [--all]";
/// Of a shrunk trace, so many lines are printed before the last one.
const LINES_SHOWN: usize = 400;

#[derive(Default)]
struct Wanted {
    seeds: Option<u64>,
    from: u64,
    strategy: Option<Strategy>,
    faults: Option<Faults>,
    stops: Option<u32>,
    until_ms: Option<i64>,
    sabotage: Option<Sabotage>,
    trace: bool,
    /// go on after a failing seed, and say one line of each
    all: bool,
}

fn number(flag: &str, text: &str, least: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number >= least => Ok(number),
        Ok(_) => Err(format!("{flag} has to be {least} at least: {text}")),
        Err(_) => Err(format!("{flag} wants a number, and \"{text}\" is none")),
    }
}

fn named<T: Copy>(
    flag: &str,
    text: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|one| name(*one) == text);
    found.ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|one| name(*one)).collect();
        format!("{flag} knows no \"{text}\"; there are {}", known.join(", "))
    })
}

fn faults(text: &str) -> Result<Faults, String> {
    match text {
        "none" => Ok(Faults::NONE),
        "all" => Ok(Faults::all()),
        _ => text.split(',').try_fold(Faults::NONE, |faults, name| {
            Ok(faults.with(named("--faults", name, Fault::ALL, Fault::name)?))
        }),
    }
}

fn wanted(mut parser: Parser) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    while let Some(arg) = parser.next().map_err(|e| e.to_string())? {
        let flag = match arg {
            Arg::Long("trace") => {
                wanted.trace = true;
                continue;
            }
            Arg::Long("all") => {
                wanted.all = true;
                continue;
            }
            Arg::Long(
                name @ ("seeds" | "seed" | "strategy" | "faults" | "stops" | "until-ms"
                | "sabotage"),
            ) => {
                format!("--{name}")
            }
            Arg::Long(name) => return Err(format!("there is no flag --{name}")),
            Arg::Short(name) => return Err(format!("there is no flag -{name}")),
            Arg::Value(value) => return Err(format!("\"{}\" belongs to no flag", value.display())),
        };
        let text = parser
            .value()
            .map_err(|_| format!("{flag} wants a value"))?;
        let text = text.string().map_err(|e| e.to_string())?;
        match &*flag {
            "--seeds" => wanted.seeds = Some(number(&flag, &text, 1)?),
            "--seed" => wanted.from = number(&flag, &text, 0)?,
            "--strategy" => {
                wanted.strategy = Some(named(&flag, &text, &Strategy::ALL, Strategy::name)?)
            }
            "--faults" => wanted.faults = Some(faults(&text)?),
            "--stops" => {
                let stops = number(&flag, &text, 1)?.min(99);
                wanted.stops = u32::try_from(stops).ok();
            }
            "--until-ms" => wanted.until_ms = i64::try_from(number(&flag, &text, 0)?).ok(),
            _ => wanted.sabotage = Some(named(&flag, &text, &Sabotage::ALL, Sabotage::name)?),
        }
    }
    Ok(wanted)
}

fn setting(wanted: &Wanted, seed: u64) -> Setting {
    let plain = Setting::of(seed);
    Setting {
        strategy: wanted.strategy.unwrap_or(plain.strategy),
        faults: wanted.faults.unwrap_or(plain.faults),
        stops: wanted.stops.unwrap_or(plain.stops),
        until_ms: wanted.until_ms.unwrap_or(plain.until_ms),
        sabotage: wanted.sabotage,
        ..plain
    }
}

fn report(failing: &Setting) {
    // A panic was told where it happened first; it is met again at each step of making it smaller.
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = run(failing, false);
    let Some(first) = outcome.violations.first() else {
        return;
    };
    println!(
        "seed {} breaks \"{}\": {}",
        failing.seed, first.promise, first.text
    );
    let (small, runs) = shrink(failing, first.promise);
    let outcome = run(&small, true);
    let skipped = outcome.lines.len().saturating_sub(LINES_SHOWN);
    println!("shrunk in {runs} runs to {} lines:", outcome.lines.len());
    if skipped > 0 {
        println!("  ... {skipped} lines before; --trace prints all");
    }
    for line in outcome.lines.iter().skip(skipped) {
        println!("  {line}");
    }
    println!("again, as it was: {}", failing.command());
    println!("again, shrunk: {} --trace", small.command());
}

fn add(all: &mut Tally, one: Tally) {
    all.operations += one.operations;
    all.effects += one.effects;
    all.requests += one.requests;
    all.crashes += one.crashes;
    all.parked += one.parked;
    all.doubled += one.doubled;
    all.told += one.told;
    all.late += one.late;
    all.corrected += one.corrected;
    all.closings += one.closings;
    all.clear += one.clear;
}

fn main() -> ExitCode {
    let wanted = match wanted(Parser::from_env()) {
        Ok(wanted) => wanted,
        Err(text) => {
            eprintln!("{text}\nusage: {USAGE}");
            return ExitCode::from(2);
        }
    };
    let Some(seeds) = wanted.seeds else {
        eprintln!("--seeds is missing: how many days?\nusage: {USAGE}");
        return ExitCode::from(2);
    };
    // What it prints is how fast it was, so it has to look at a clock.
    #[allow(clippy::disallowed_methods)]
    let began = std::time::Instant::now();
    let mut all = Tally::default();
    let (mut failed, mut bytes) = (0, 0_u64);
    for seed in wanted.from..wanted.from.saturating_add(seeds) {
        let setting = setting(&wanted, seed);
        let outcome = run(&setting, wanted.trace);
        for line in &outcome.lines {
            println!("{line}");
        }
        if let Some(first) = outcome.violations.first() {
            if !wanted.all {
                report(&setting);
                return ExitCode::FAILURE;
            }
            failed += 1;
            println!("{}: {}\n  {}", first.promise, first.text, setting.command());
        }
        add(&mut all, outcome.tally);
        bytes = bytes.rotate_left(1) ^ outcome.hash;
    }
    let seconds = began.elapsed().as_secs_f64();
    if failed > 0 {
        println!("{failed} of {seeds} courier-days broke a promise");
        return ExitCode::FAILURE;
    }
    println!(
        "{seeds} courier-days kept every promise: {} operations, {} requests, {} deaths, {} parkings; {} effects doubled by what no core prevents, {} operations told of by name, {} late writes over a record; {} corrections; a shift closed {} times, {} with nothing unsent",
        all.operations,
        all.requests,
        all.crashes,
        all.parked,
        all.doubled,
        all.told,
        all.late,
        all.corrected,
        all.closings,
        all.clear
    );
    println!(
        "{:.0} courier-days/s ({seconds:.1} s), the same bytes each time: {bytes:016x}",
        seeds as f64 / seconds
    );
    ExitCode::SUCCESS
}
