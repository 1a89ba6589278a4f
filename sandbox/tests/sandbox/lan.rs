//! The local network: https under an authority of the sandbox's own, and the door to trust it.
//! The tests are their own network, 127.0.0.1.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{AT, Outcome, Request, Sandbox, connect, read};

const LAN: [&str; 5] = ["--lan", "--lan-address", "127.0.0.1", "--lan-port", "0"];

struct Lan {
    sandbox: Sandbox,
    page_port: u16,
    api_port: u16,
    door_port: u16,
}

impl Lan {
    fn start() -> Self {
        Self::of(Sandbox::start_with(&LAN))
    }

    fn of(sandbox: Sandbox) -> Self {
        let port = |name: &str| {
            let address = sandbox.first_line["lan"][name].as_str().unwrap();
            address.rsplit(':').next().unwrap().parse().unwrap()
        };
        Self {
            page_port: port("page"),
            api_port: port("api"),
            door_port: port("door"),
            sandbox,
        }
    }

    /// What the door gives away, as the only thing that the client trusts.
    fn authority(&self) -> CertificateDer<'static> {
        let answer = Request::get("/pannier-ca.crt").send(self.door_port);
        CertificateDer::from(answer.answer().body)
    }

    fn tls(&self, port: u16, name: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(client, connect(port))
    }

    fn send(&self, port: u16, request: &Request) -> Outcome {
        let mut stream = self.tls(port, "127.0.0.1");
        let host = format!("127.0.0.1:{port}");
        let request = request.clone().header("Host", &host);
        stream
            .write_all(&request.header("Connection", "close").bytes(port))
            .unwrap();
        read(&mut stream)
    }

    fn token(&self) -> String {
        let body = json!({"username": "anna", "password": "packet123"});
        let answer = self.send(self.page_port, &Request::post("/api/login").json(&body));
        answer.answer().json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn arrive(&self, stop: &str) -> Request {
        Request::post(&format!("/api/stops/{stop}/arrive"))
            .json(&json!({"at": AT}))
            .bearer(&self.token())
    }
}

/// A folder that is not there yet, below one that goes away with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("pannier-lan-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn authority(&self) -> PathBuf {
        self.0.join("made/authority")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pannier-sandbox"));
        command
            .args(["--port", "0", "--db"])
            .arg(self.0.join("sandbox.db"))
            .args(more)
            .env("PANNIER_CA_DIR", self.authority())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs until the first line is there, lets `meanwhile` use it, and stops it politely.
    fn run(&self, meanwhile: impl FnOnce(&Value)) -> Output {
        let mut child = self.command(&LAN).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        out.read_line(&mut told).unwrap();
        let first = told.strip_prefix("PANNIER_SANDBOX ");
        meanwhile(&serde_json::from_str(first.unwrap_or("null")).unwrap());
        let pid = child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        out.read_to_string(&mut told).unwrap();
        let mut output = child.wait_with_output().unwrap();
        output.stdout = told.into_bytes();
        output
    }

    /// Has to fail before it listens; gives what it said.
    fn refused(&self, more: &[&str]) -> String {
        let output = self.command(more).output().unwrap();
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, permissions).unwrap();
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_first_line_tells_the_addresses_and_without_lan_there_are_none() {
    let lan = Lan::start();
    let told = &lan.sandbox.first_line["lan"];
    assert_eq!(told["addresses"], json!(["127.0.0.1"]));
    assert_eq!(
        (lan.api_port, lan.door_port),
        (lan.page_port + 1, lan.page_port + 2)
    );
    assert_eq!(told["door"], format!("http://127.0.0.1:{}", lan.door_port));
    assert_eq!(Sandbox::start().first_line.get("lan"), None);
}

#[test]
fn a_client_that_trusts_the_authority_alone_is_served() {
    let lan = Lan::start();
    std::fs::write(lan.sandbox.folder.join("dist/index.html"), "here").unwrap();
    let page = lan.send(lan.page_port, &Request::get("/")).answer();
    assert_eq!(page.text(), "here");
    assert_eq!(
        lan.send(lan.page_port, &lan.arrive("st-01"))
            .answer()
            .status,
        200
    );
    let anna = lan.sandbox.sign_in("anna");
    assert_eq!(anna.stop("st-01")["status"], "arrived", "the same backend");
    if let Some(name) = lan.sandbox.first_line["lan"]["name"].as_str() {
        let mut stream = lan.tls(lan.page_port, name);
        stream
            .write_all(
                &Request::get("/api/health")
                    .header("Connection", "close")
                    .bytes(lan.page_port),
            )
            .unwrap();
        assert_eq!(read(&mut stream).answer().status, 200);
    }
    let mut stream = lan.tls(lan.page_port, "127.0.0.2");
    let error = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn both_origins_are_there_by_https() {
    let lan = Lan::start();
    let get = |port: u16, path: &str| lan.send(port, &Request::get(path)).answer();
    let server = |path: &str| {
        let config = get(lan.page_port, path).json();
        config["servers"]["api"].as_str().unwrap().to_owned()
    };
    let told = &lan.sandbox.first_line["lan"];
    assert_eq!(server("/config.json"), told["page"].as_str().unwrap());
    assert_eq!(
        server("/config.json?origin=second"),
        told["api"].as_str().unwrap()
    );
    let admitted = |origin: &str| {
        let request = Request::get("/api/health").header("Origin", origin);
        let answer = lan.send(lan.api_port, &request).answer();
        assert_eq!(answer.status, 200);
        answer
            .header("access-control-allow-origin")
            .map(str::to_owned)
    };
    let page = told["page"].as_str().unwrap();
    assert_eq!(admitted(page).as_deref(), Some(page));
    assert_eq!(admitted(&page.replace("https", "http")), None);
    assert_eq!(get(lan.api_port, "/config.json").code(), "not_found");
    let policy = get(lan.page_port, "/log");
    let policy = policy.header("content-security-policy").unwrap();
    let sources = format!("connect-src 'self' {}", told["api"].as_str().unwrap());
    assert!(policy.contains(&sources), "{policy}");
    assert!(!policy.contains("http://"), "{policy}");
}

#[test]
fn faults_work_through_tls() {
    let lan = Lan::start();
    let arrive = lan.arrive("st-01");
    lan.sandbox
        .fault(&json!([{"fault": "cut_half", "path": "/api/stops"}]));
    let half = lan.send(lan.page_port, &arrive);
    assert!(!half.is_cut() && !half.bytes.ends_with(b"}"));
    assert_eq!(
        lan.sandbox.sign_in("anna").stop("st-01")["status"],
        "arrived"
    );
    lan.sandbox
        .fault(&json!([{"fault": "cut_after", "path": "/api/stops"}]));
    assert!(lan.send(lan.page_port, &lan.arrive("st-02")).is_cut());
    assert_eq!(
        lan.sandbox.sign_in("anna").stop("st-02")["status"],
        "arrived"
    );
    lan.sandbox
        .fault(&json!([{"fault": "refuse", "path": "/api/route"}]));
    let refused = lan.send(lan.api_port, &Request::get("/api/route"));
    assert!(refused.is_cut() && refused.reset);
    lan.sandbox.fault(&json!([{"fault": "dead"}]));
    for port in [lan.page_port, lan.api_port] {
        assert!(lan.send(port, &Request::get("/api/health")).is_cut());
    }
    assert!(lan.send(lan.page_port, &Request::get("/")).is_cut());
    let tools = lan.send(lan.page_port, &Request::get("/faults.json"));
    assert_eq!(tools.answer().status, 200, "or nobody could revive it");
}

#[test]
fn the_door_has_the_page_and_the_certificate_and_nothing_else() {
    let lan = Lan::start();
    std::fs::write(lan.sandbox.folder.join("dist/index.html"), "here").unwrap();
    let ask = |request: Request| request.send(lan.door_port).answer();
    let page = ask(Request::get("/"));
    assert_eq!(page.status, 200);
    let app = format!("href=\"https://127.0.0.1:{}/\"", lan.page_port);
    assert!(page.text().contains(&app));
    assert!(page.text().contains("href=\"/pannier-ca.crt\""));
    let certificate = ask(Request::get("/pannier-ca.crt"));
    assert_eq!(
        certificate.header("content-type"),
        Some("application/x-x509-ca-cert")
    );
    for path in [
        "/api/health",
        "/api/route",
        "/log",
        "/log.json",
        "/faults",
        "/labels",
        "/config.json",
        "/index.html",
        "/authority-key.pem",
        "/control/reset",
        "/selfcheck",
    ] {
        assert_eq!(ask(Request::get(path)).status, 404, "{path}");
    }
    for path in ["/", "/pannier-ca.crt"] {
        assert_eq!(ask(Request::post(path)).status, 405, "{path}");
    }
    assert!(lan.sandbox.log().is_empty());
}

#[test]
fn the_door_names_no_host_that_is_not_its_own() {
    let lan = Lan::start();
    let strange = Request::get("/").header("Host", "elsewhere.example:80");
    let page = strange.send(lan.door_port).answer();
    assert!(!page.text().contains("elsewhere"));
    assert!(
        !page
            .header("content-security-policy")
            .unwrap()
            .contains("elsewhere")
    );
}

#[test]
fn the_authority_is_made_once() {
    let folder = Folder::new();
    folder.run(|_| {});
    let first = files(&folder.authority());
    let names: Vec<_> = first.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["authority-key.pem", "authority.pem"]);
    folder.run(|_| {});
    assert_eq!(files(&folder.authority()), first);
}

#[test]
fn it_lives_in_the_persons_own_settings() {
    let folder = Folder::new();
    let started = |variable: &str| {
        let mut command = folder.command(&LAN);
        command.env_remove("PANNIER_CA_DIR");
        command.env_remove("XDG_CONFIG_HOME");
        command.env(variable, &folder.0);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    };
    started("XDG_CONFIG_HOME");
    assert!(folder.0.join("pannier/authority-key.pem").exists());
    started("HOME");
    let usual = folder.0.join(".config/pannier/authority-key.pem");
    assert!(usual.exists());
}

#[test]
#[cfg(unix)]
fn the_key_is_for_its_owner_alone() {
    let folder = Folder::new();
    folder.run(|_| {});
    assert_eq!(mode(&folder.authority()), 0o700);
    assert_eq!(mode(&folder.authority().join("authority-key.pem")), 0o600);
}

#[test]
#[cfg(unix)]
fn a_key_that_others_can_read_is_refused() {
    let folder = Folder::new();
    folder.run(|_| {});
    let key = folder.authority().join("authority-key.pem");
    set_mode(&key, 0o640);
    let message = folder.refused(&LAN);
    assert!(message.contains(key.to_str().unwrap()), "{message}");
    assert!(
        message.contains("mode 640") && message.contains("chmod 600"),
        "{message}"
    );
    set_mode(&key, 0o600);
    set_mode(&folder.authority(), 0o777);
    assert!(folder.refused(&LAN).contains("others may write"));
}

#[test]
fn a_folder_in_a_git_work_tree_is_refused_and_stays_empty() {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.join(".git")).unwrap();
    let message = folder.refused(&LAN);
    assert!(message.contains("git work tree"), "{message}");
    assert!(message.contains("PANNIER_CA_DIR"), "{message}");
    assert!(!folder.authority().exists());
}

#[test]
fn half_an_authority_is_mended_or_named() {
    let folder = Folder::new();
    folder.run(|_| {});
    let path = folder.authority().join("authority.pem");
    let certificate = std::fs::read(&path).unwrap();
    // As after a crash between the two: nobody can have trusted that certificate yet.
    std::fs::remove_file(&path).unwrap();
    folder.run(|first| assert!(first["lan"].is_object()));
    let key = folder.authority().join("authority-key.pem");
    std::fs::remove_file(&key).unwrap();
    assert!(folder.refused(&LAN).contains("lost its key"));
    std::fs::remove_file(&path).unwrap();
    folder.run(|_| {});
    std::fs::write(&path, certificate).unwrap();
    let message = folder.refused(&LAN);
    assert!(message.contains("does not belong to the key"), "{message}");
    std::fs::write(&key, "no key").unwrap();
    assert!(folder.refused(&LAN).contains("cannot be read"));
}

#[test]
fn no_secret_is_told() {
    let folder = Folder::new();
    let output = folder.run(|first| {
        let door = first["lan"]["door"].as_str().unwrap();
        let port = door.rsplit(':').next().unwrap().parse().unwrap();
        assert_eq!(Request::get("/").send(port).answer().status, 200);
        // No TLS: the greeting fails, and that is nothing to print either.
        let _ = Request::get("/").send(port - 2);
    });
    assert_eq!(output.status.code(), Some(0));
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("PANNIER_SANDBOX"));
    let key = std::fs::read_to_string(folder.authority().join("authority-key.pem")).unwrap();
    let lines = key.lines().filter(|line| !line.starts_with('-'));
    for line in lines {
        for start in (0..line.len().saturating_sub(8)).step_by(4) {
            assert!(!told.contains(&line[start..start + 8]));
        }
    }
    assert!(!told.contains("PRIVATE"));
}

#[test]
fn a_taken_port_of_the_network_is_named() {
    let lan = Lan::start();
    let taken = lan.door_port.to_string();
    let args = ["--lan", "--lan-address", "127.0.0.1", "--lan-port", &taken];
    let message = Folder::new().refused(&args);
    assert!(
        message.contains(&format!("port {taken} is in use")),
        "{message}"
    );
    assert!(message.contains("--lan-port"), "{message}");
}

#[test]
fn the_command_line_keeps_plain_http_off_the_network() {
    let folder = Folder::new();
    let message = folder.refused(&["--lan", "--host", "0.0.0.0"]);
    assert!(message.contains("--host 0.0.0.0"), "{message}");
    assert!(
        folder
            .refused(&["--lan-port", "9000"])
            .contains("need --lan")
    );
    let message = folder.refused(&["--lan", "--lan-address", "8.8.8.8"]);
    assert!(message.contains("--lan-address 8.8.8.8"), "{message}");
    assert!(folder.refused(&["--tunnel"]).contains("--tunnel"));
    assert!(!folder.authority().exists());
}
