//! Decode counts and times over the measuring pictures, beside plain rqrr.
//!
//! `cargo run --release -p pannier-scan --example measure [folder] [live|still] [only-this-family]`
//! The pictures are not part of this repository; without them this says so and ends well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pannier_scan::{Effort, scan};

#[derive(Default)]
struct Row {
    pictures: usize,
    right: usize,
    wrong: usize,
    rqrr: usize,
    rqrr_wrong: usize,
    rqrr_panics: usize,
    ms: Vec<f64>,
    missed: Vec<String>,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args
        .next()
        .map_or_else(|| PathBuf::from("../shared/qr"), PathBuf::from);
    let effort = if args.next().as_deref() == Some("live") {
        Effort::Live
    } else {
        Effort::Still
    };
    let only = args.next();
    let verbose = std::env::var_os("MEASURE_MISSED").is_some();
    std::panic::set_hook(Box::new(|_| {}));
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for manifest in ["frames.jsonl", "manifest.jsonl"] {
        let Ok(lines) = std::fs::read_to_string(folder.join(manifest)) else {
            println!(
                "{manifest} is not in {}; nothing to measure",
                folder.display()
            );
            continue;
        };
        for line in lines.lines().filter(|l| !l.trim().is_empty()) {
            one(&folder, line, effort, only.as_deref(), &mut rows);
        }
    }
    println!("{effort:?}");
    println!(
        "{:<24}{:>6}{:>7}{:>7}{:>7}{:>7}{:>4}{:>9}{:>9}",
        "family", "of", "right", "wrong", "rqrr", "wrong", "P", "ms p50", "ms p95"
    );
    let mut total = Row::default();
    for (name, row) in &mut rows {
        row.ms.sort_by(f64::total_cmp);
        print_row(name, row);
        if verbose {
            println!("    missed: {}", row.missed.join(" "));
        }
        total.pictures += row.pictures;
        total.right += row.right;
        total.wrong += row.wrong;
        total.rqrr += row.rqrr;
        total.rqrr_wrong += row.rqrr_wrong;
        total.rqrr_panics += row.rqrr_panics;
        total.ms.extend(&row.ms);
    }
    total.ms.sort_by(f64::total_cmp);
    print_row("all", &total);
}

fn print_row(name: &str, row: &Row) {
    let at = |q: f64| {
        row.ms
            .get(((row.ms.len() as f64 - 1.0) * q) as usize)
            .copied()
            .unwrap_or(0.0)
    };
    println!(
        "{name:<24}{:>6}{:>7}{:>7}{:>7}{:>7}{:>4}{:>9.1}{:>9.1}",
        row.pictures,
        row.right,
        row.wrong,
        row.rqrr,
        row.rqrr_wrong,
        row.rqrr_panics,
        at(0.5),
        at(0.95)
    );
}

#[allow(clippy::disallowed_methods, reason = "this tool measures time")]
fn one(
    folder: &Path,
    line: &str,
    effort: Effort,
    only: Option<&str>,
    rows: &mut BTreeMap<String, Row>,
) {
    let Ok(entry) = serde_json::from_str::<serde_json::Value>(line) else {
        println!("unreadable row: {line}");
        return;
    };
    let word = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let positive = word("kind") == "positive";
    let family = entry["family"].as_str().map_or_else(
        || format!("photos {}", word("set")),
        |f| format!("frames {f}"),
    );
    let family = if positive {
        family
    } else {
        format!("{family} (none)")
    };
    if only.is_some_and(|o| !family.contains(o)) {
        return;
    }
    let file = word("file");
    // Some names have no ending.
    let opened = image::ImageReader::open(folder.join(&file))
        .and_then(image::ImageReader::with_guessed_format);
    let Some(picture) = opened.ok().and_then(|r| r.decode().ok()) else {
        println!("cannot open {file}");
        return;
    };
    let luma = picture.to_luma8();
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    let expected = base64(&word("expected_base64"));
    let row = rows.entry(family).or_default();
    row.pictures += 1;
    let start = std::time::Instant::now();
    let found = scan(luma.as_raw(), width, height, width, effort)
        .map(|s| s.codes)
        .unwrap_or_default();
    row.ms.push(start.elapsed().as_secs_f64() * 1e3);
    let texts: Vec<Vec<u8>> = found.into_iter().map(|c| c.bytes).collect();
    match verdict(&texts, &expected, positive) {
        Some(true) => row.right += 1,
        Some(false) => row.wrong += 1,
        None => row.missed.push(file),
    }
    let plain = std::panic::catch_unwind(|| {
        let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            luma.as_raw()[y * width + x]
        });
        let grids = prepared.detect_grids();
        grids
            .iter()
            .filter_map(|g| {
                let mut bytes = Vec::new();
                g.decode_to(&mut bytes).ok().map(|_| bytes)
            })
            .collect::<Vec<_>>()
    });
    match plain.map(|texts| verdict(&texts, &expected, positive)) {
        Ok(Some(true)) => row.rqrr += 1,
        Ok(Some(false)) => row.rqrr_wrong += 1,
        Ok(None) => {}
        Err(_) => row.rqrr_panics += 1,
    }
}

fn verdict(texts: &[Vec<u8>], expected: &[u8], positive: bool) -> Option<bool> {
    if texts.is_empty() {
        return None;
    }
    Some(positive && texts.iter().any(|t| same(t, expected)))
}

/// Ignoring trailing blanks, and comparing non-ASCII text by its ASCII part: the character set is the reader's matter.
fn same(found: &[u8], expected: &[u8]) -> bool {
    let trim = |b: &[u8]| {
        let end = b
            .iter()
            .rposition(|c| !c.is_ascii_whitespace() && *c != 0)
            .map_or(0, |i| i + 1);
        b[..end].to_vec()
    };
    let (found, expected) = (trim(found), trim(expected));
    let ascii = |b: &[u8]| b.iter().copied().filter(u8::is_ascii).collect::<Vec<_>>();
    found == expected
        || (!expected.is_ascii() && {
            let latin: Vec<u8> = found
                .iter()
                .map(|&b| b as char)
                .collect::<String>()
                .into_bytes();
            latin == expected || ascii(&found) == ascii(&expected)
        })
}

fn base64(text: &str) -> Vec<u8> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}
