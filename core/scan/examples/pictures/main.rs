//! The pictures of the bench: renders frames from a seed, and decodes files to plain pixels.
//!
//! `render FOLDER [--seed N] [--each N]` writes JPEG frames and a `manifest.jsonl` in the form that the
//! bench reads. `decode FOLDER MANIFEST...` writes every picture's RGBA and a `rows.jsonl` that names it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool of the workshop: what fails ends it"
)]

mod render;

use std::fs::{File, create_dir_all, read_to_string};
use std::io::{BufWriter, Write};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use serde_json::{Value, json};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["render", folder, ref options @ ..] => render(Path::new(folder), options),
        ["decode", folder, ref manifests @ ..] => decode(Path::new(folder), manifests),
        _ => {
            eprintln!("pictures render FOLDER [--seed N] [--each N] | decode FOLDER MANIFEST...");
            std::process::exit(2);
        }
    }
}

fn render(folder: &Path, options: &[&str]) {
    let option = |name: &str, default: u64| {
        options
            .iter()
            .position(|o| *o == name)
            .map_or(default, |i| options[i + 1].parse().expect("a number"))
    };
    let (seed, each) = (option("--seed", 1), option("--each", 15) as usize);
    create_dir_all(folder).expect("a folder to write to");
    let mut manifest = BufWriter::new(File::create(folder.join("manifest.jsonl")).unwrap());
    for family in render::FAMILIES {
        for index in 0..each {
            let frame = render::frame(seed, family, index, each);
            let file = format!("{family}-{index:03}.jpg");
            let out = BufWriter::new(File::create(folder.join(&file)).unwrap());
            JpegEncoder::new_with_quality(out, 88)
                .encode(
                    &frame.pixels,
                    render::WIDTH as u32,
                    render::HEIGHT as u32,
                    image::ExtendedColorType::L8,
                )
                .unwrap();
            let texts: Vec<String> = frame.texts.iter().map(|t| base64(t)).collect();
            let row = json!({
                "file": file, "family": format!("own {family}"), "kind": if texts.is_empty() { "negative" } else { "positive" },
                "width": render::WIDTH, "height": render::HEIGHT,
                "expected_base64": texts.first(), "also_base64": texts.get(1..).unwrap_or_default(),
                "symbology": if family.starts_with("code128") { "code128" } else { "qr" },
            });
            writeln!(manifest, "{row}").unwrap();
        }
    }
}

fn decode(folder: &Path, manifests: &[&str]) {
    create_dir_all(folder).expect("a folder to write to");
    let mut rows = BufWriter::new(File::create(folder.join("rows.jsonl")).unwrap());
    let mut count = 0;
    for manifest in manifests {
        let base = Path::new(manifest).parent().unwrap_or(Path::new("."));
        let text = read_to_string(manifest).unwrap_or_else(|e| panic!("{manifest}: {e}"));
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let mut row: Value = serde_json::from_str(line).expect("a row of JSON");
            let file = row["file"].as_str().expect("a file").to_owned();
            // Some names have no ending.
            let picture = image::ImageReader::open(base.join(&file))
                .and_then(image::ImageReader::with_guessed_format)
                .unwrap_or_else(|e| panic!("{file}: {e}"))
                .decode()
                .unwrap_or_else(|e| panic!("{file}: {e}"))
                .to_rgba8();
            let pixels = format!("{count:05}.rgba");
            std::fs::write(folder.join(&pixels), picture.as_raw()).unwrap();
            row["pixels"] = pixels.into();
            row["width"] = picture.width().into();
            row["height"] = picture.height().into();
            writeln!(rows, "{row}").unwrap();
            count += 1;
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|c| {
            let word = c
                .iter()
                .enumerate()
                .fold(0, |w, (i, &b)| w | u32::from(b) << (16 - 8 * i));
            (0..4).map(move |i| {
                if i > c.len() {
                    '='
                } else {
                    char::from(DIGITS[(word >> (18 - 6 * i) & 63) as usize])
                }
            })
        })
        .collect()
}
