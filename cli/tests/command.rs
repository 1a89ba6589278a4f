//! The command as a person calls it: exit codes, what it prints and what it never does. With
//! `PANNIER_COMMAND` set to another program's path, that one is tried: the npm package's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

fn sandbox() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles/sandbox.json")
}

/// Runs `pannier profile` with these words; `input` is what comes in.
fn pannier(words: &[&str], input: &str, secret: &str) -> (i32, String, String) {
    let program = std::env::var("PANNIER_COMMAND");
    let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_pannier").to_owned());
    let mut child = Command::new(program)
        .arg("profile")
        .args(words)
        .env("SECRET", secret)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // A command that reads nothing may be gone already.
    let _ = child
        .stdin
        .take()
        .expect("is piped")
        .write_all(input.as_bytes());
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("is text");
    (
        status.code().expect("ends by itself"),
        text(stdout),
        text(stderr),
    )
}

fn checked(words: &[&str], input: &str) -> (i32, String) {
    let (code, out, _) = pannier(words, input, "");
    (code, out)
}

#[test]
fn exit_codes_tell_fine_wrong_and_not_looked_at() {
    let file = sandbox().to_string_lossy().into_owned();
    assert_eq!(checked(&["check", &file], "").0, 0);
    assert_eq!(checked(&["check", "-"], "{\"pannier\": 1}").0, 1);
    assert_eq!(checked(&["check", "no-such-file.json"], "").0, 2);
    assert_eq!(checked(&["check", &file, "--no-such-option"], "").0, 2);
    assert_eq!(checked(&["chek", &file], "").0, 2);
    assert_eq!(checked(&["check"], "").0, 2);
    let (code, out) = checked(&["try", "--help"], "");
    assert!(code == 0 && out.contains("usage: pannier profile"), "{out}");
    let text = std::fs::read_to_string(&file).expect("is text");
    let risky = text.replace("\"http://localhost:8080\"", "\"http://api.example\"");
    assert_eq!(checked(&["check", "-"], &risky).0, 0);
    assert_eq!(checked(&["check", "-", "--strict"], &risky).0, 1);
    let large = " ".repeat(600 * 1024);
    let (code, out) = checked(&["check", "-"], &large);
    assert!(code == 1 && out.contains("profile_too_large"), "{out}");
}

#[test]
fn a_finding_begins_with_file_line_and_column() {
    let (_, out) = checked(&["check", "-"], "{\n \"nam\": 1\n}");
    let line = "-:2:2: error profile_unreadable /nam\n    unknown field nam; did you mean name?\n";
    assert!(out.contains(line), "{out}");
    let (_, out) = checked(&["check", "-", "--json"], "{\n \"nam\": 1\n}");
    let report: Value = serde_json::from_str(&out).expect("is JSON");
    assert!(report["errors"].as_u64() > Some(3) && report["findings"][0]["line"].is_number());
}

#[test]
fn a_profile_s_own_media_type_goes_alone() {
    let text = std::fs::read_to_string(sandbox()).expect("is text");
    let mut profile: Value = serde_json::from_str(&text).expect("is JSON");
    let own = "application/merge-patch+json";
    profile["operations"]["note"]["steps"][0]["request"]["headers"] = json!({"Content-Type": own});
    let (_, out) = checked(&["check", "-", "--dry-run"], &profile.to_string());
    let note = out.split("\n== ").find(|part| part.starts_with("note,"));
    let said: Vec<_> = note
        .expect("is in the sample day")
        .lines()
        .filter(|l| l.to_ascii_lowercase().starts_with("content-type"))
        .collect();
    assert_eq!(said, [format!("Content-Type: {own}")]);
}

#[test]
fn a_profile_cannot_speak_to_the_terminal() {
    let (_, out) = checked(&["check", "-"], "{\"a\\u001b[31m\\u202e\": 1}");
    assert!(
        !out.contains('\u{1b}') && !out.contains('\u{202e}'),
        "{out:?}"
    );
}

#[test]
fn the_sample_day_is_printed_when_asked_for() {
    let file = sandbox().to_string_lossy().into_owned();
    let (_, out) = checked(&["check", &file, "--dry-run"], "");
    for line in [
        "POST http://localhost:8080/api/stops/1001/complete",
        "Authorization: Bearer <token>",
        "== photo, step upload, probe",
    ] {
        assert!(out.contains(line), "{line}");
    }
    let (_, out) = checked(&["check", &file], "");
    assert!(!out.contains("POST"), "{out}");
}

/// A backend that says what it was asked.
struct Backend {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

fn answer(asked: &str, body: &str) -> (u16, Value) {
    match asked {
        "POST /api/login" if body.contains("open sesame") => (
            200,
            json!({"access_token": "token-one", "refresh_token": "renewal-one", "expires_in": 60,
            "courier": {"id": "c-1", "name": "Anna"}, "now": 1}),
        ),
        "POST /api/login" => (
            401,
            json!({"error": {"code": "no", "message": "no open sesamee"}}),
        ),
        "POST /api/token/refresh" => (
            200,
            json!({"access_token": "token-two", "refresh_token": "renewal-two", "expires_in": 60, "now": 1}),
        ),
        "GET /api/health" => (200, json!({"ok": true})),
        "GET /api/route" => (
            200,
            json!({"route": {"id": "r"}, "now": 1, "stops": [
            {"id": "s-1", "sequence": 1, "status": "assigned", "version": 1, "address": {"name": "Secret Person"}, "parcels": [],
             "proof": {"photo": "required", "signature": "optional", "scan": "warned", "overridable": true}},
            {"id": "s-2", "sequence": "second", "status": "assigned"}]}),
        ),
        _ => (
            404,
            json!({"error": {"code": "gone", "message": "token-two is not here"}}),
        ),
    }
}

fn serve(stream: TcpStream, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request = first.rsplit_once(' ')?.0.to_owned();
    let (status, json) = answer(&request, &String::from_utf8_lossy(&body));
    asked.lock().expect("is whole").push(request);
    let text = json.to_string();
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    reader.get_mut().write_all((head + &text).as_bytes()).ok()
}

fn backend() -> Backend {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = format!("http://{}", listener.local_addr().expect("has one"));
    let asked = Arc::new(Mutex::new(vec![]));
    let heard = asked.clone();
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream, &heard);
        }
    });
    Backend { address, asked }
}

fn tried(backend: &Backend, secret: &str, more: &[&str]) -> (i32, String) {
    let file = sandbox().to_string_lossy().into_owned();
    let words = [
        &[
            "try",
            &file,
            "--base-url",
            &backend.address,
            "--username",
            "anna",
            "--password-env",
            "SECRET",
        ],
        more,
    ]
    .concat();
    let (code, out, error) = pannier(&words, "", secret);
    (code, out + &error)
}

#[test]
fn a_trial_walks_to_the_route_changes_nothing_and_shows_no_secret() {
    let backend = backend();
    let (code, out) = tried(&backend, "open sesame", &[]);
    let asked = backend.asked.lock().expect("is whole").clone();
    assert_eq!(
        asked,
        [
            "POST /api/login",
            "POST /api/token/refresh",
            "GET /api/health",
            "GET /api/route"
        ]
    );
    for words in [
        "applied, by /signIn/outcomes/0 (line 23)",
        "captured token: 9 characters, not shown",
        "stop s-1: 1 delivery, open, 0 parcels; has address (name), version, proof (scan warned, photo required)",
        "not read: stop 1: sequence: expected a whole number",
        "1 stops read, 1 not",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    for secret in [
        "open sesame",
        "token-one",
        "token-two",
        "renewal",
        "Secret Person",
    ] {
        assert!(!out.contains(secret), "{secret}: {out}");
    }
    assert_eq!(code, 1, "a stop could not be read");
}

#[test]
fn a_refused_sign_in_is_said_with_the_rule_and_without_the_password() {
    let (code, out) = tried(&backend(), "sesamee", &[]);
    assert_eq!(code, 1);
    assert!(
        out.contains("auth, by /signIn/outcomes/1") && out.contains("no open <hidden>"),
        "{out}"
    );
}

#[test]
fn half_a_command_asks_nobody() {
    let backend = backend();
    for more in [
        &["--send", "arrive"][..],
        &["--send", "photo", "--stop", "s-1"],
        &["--password", "x"],
        &["--base-url", "nothing=http://x"],
    ] {
        let (code, out) = tried(&backend, "open sesame", more);
        assert_eq!(code, 2, "{more:?}: {out}");
    }
    assert!(backend.asked.lock().expect("is whole").is_empty());
}
