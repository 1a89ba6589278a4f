//! The program itself: its first line, its ports, its file.

use std::net::TcpStream;
use std::process::Command;

use crate::client::{Request, Sandbox};

#[test]
fn the_first_line_tells_programs_where_it_is() {
    let sandbox = Sandbox::start();
    assert_eq!(
        sandbox.first_line["page"],
        format!("http://localhost:{}", sandbox.page_port)
    );
    assert_eq!(sandbox.api_port, sandbox.page_port + 1);
    assert!(sandbox.first_line["pid"].is_u64());
}

#[test]
fn localhost_is_served_on_both_loopback_addresses() {
    let sandbox = Sandbox::start();
    assert!(TcpStream::connect(("127.0.0.1", sandbox.api_port)).is_ok());
    if std::net::TcpListener::bind(("::1", 0)).is_ok() {
        assert!(TcpStream::connect(("::1", sandbox.page_port)).is_ok());
    }
}

#[test]
fn a_taken_port_is_named() {
    let sandbox = Sandbox::start();
    let taken = sandbox.api_port;
    let output = Command::new(env!("CARGO_BIN_EXE_pannier-sandbox"))
        .args(["--port", &taken.to_string(), "--db"])
        .arg(sandbox.folder.join("other.db"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains(&format!("port {taken} is in use")),
        "{message}"
    );
}

#[test]
fn what_was_applied_survives_a_restart_and_fresh_forgets_it() {
    let sandbox = Sandbox::start();
    let folder = sandbox.folder.clone();
    assert_eq!(sandbox.sign_in("anna").arrive("st-01").status, 200);
    assert_eq!(sandbox.terminate(), Some(0));
    let sandbox = Sandbox::start_in(folder.clone(), &[]);
    assert_eq!(sandbox.sign_in("anna").stop("st-01")["status"], "arrived");
    assert_eq!(
        sandbox
            .log()
            .iter()
            .filter(|entry| entry["applied"] == true)
            .count(),
        1
    );
    assert_eq!(sandbox.terminate(), Some(0));
    let sandbox = Sandbox::start_in(folder, &["--fresh"]);
    assert!(sandbox.log().is_empty());
    assert_eq!(sandbox.sign_in("anna").stop("st-01")["status"], "assigned");
    assert_eq!(
        sandbox.ask(Request::get("/")).status,
        404,
        "nothing is built here"
    );
}
