//! The program under test, and an HTTP client that is small enough to see a cut connection.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x01\xff\r\n--not-a-boundary\r\n";
pub const AT: i64 = 1_700_000_000_000;

pub struct Sandbox {
    child: Child,
    pub folder: PathBuf,
    pub page_port: u16,
    pub api_port: u16,
    pub first_line: Value,
}

impl Sandbox {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(more: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("pannier-sandbox-{}-{number}", std::process::id()));
        std::fs::create_dir_all(folder.join("dist")).unwrap();
        Self::start_in(folder, more)
    }

    pub fn start_in(folder: PathBuf, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pannier-sandbox"))
            .args(["--port", "0", "--allow-origin", "https://courier.example/"])
            .args(more)
            .arg("--db")
            .arg(folder.join("sandbox.db"))
            .arg("--static")
            .arg(folder.join("dist"))
            .env("PANNIER_CA_DIR", folder.join("authority"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let first_line: Value =
            serde_json::from_str(line.strip_prefix("PANNIER_SANDBOX ").unwrap()).unwrap();
        let port = |name: &str| {
            first_line[name]
                .as_str()
                .unwrap()
                .rsplit(':')
                .next()
                .unwrap()
                .parse()
                .unwrap()
        };
        Self {
            page_port: port("page"),
            api_port: port("api"),
            child,
            folder,
            first_line,
        }
    }

    pub fn send(&self, request: Request) -> Outcome {
        request.send(self.page_port)
    }

    pub fn ask(&self, request: Request) -> Answer {
        self.send(request).answer()
    }

    pub fn sign_in(&self, username: &str) -> Courier<'_> {
        let body = json!({"username": username, "password": "packet123"});
        let answer = self.ask(Request::post("/api/login").json(&body));
        assert_eq!(answer.status, 200);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        Courier {
            sandbox: self,
            token,
        }
    }

    pub fn fault(&self, rules: &Value) {
        let answer = self.ask(Request::new("PUT", "/faults.json").json(&json!({"rules": rules})));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub fn control(&self, what: &str, body: &Value) -> Answer {
        self.ask(Request::post(&format!("/control/{what}")).json(body))
    }

    pub fn log(&self) -> Vec<Value> {
        self.ask(Request::get("/log.json")).json()["entries"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Stops the program politely and gives its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        std::mem::take(&mut self.folder);
        code
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.folder.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

pub struct Courier<'a> {
    pub sandbox: &'a Sandbox,
    pub token: String,
}

impl Courier<'_> {
    pub fn send(&self, request: Request) -> Outcome {
        self.sandbox.send(request.bearer(&self.token))
    }

    pub fn ask(&self, request: Request) -> Answer {
        self.send(request).answer()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path))
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Request::post(path).json(body))
    }

    pub fn arrive(&self, stop: &str) -> Answer {
        self.post(&format!("/api/stops/{stop}/arrive"), &json!({"at": AT}))
    }

    pub fn photo(&self, stop: &str, bytes: &[u8]) -> Answer {
        self.ask(Request::photo(stop, bytes))
    }

    pub fn stop(&self, id: &str) -> Value {
        let stops = self.get("/api/route").json()["stops"]
            .as_array()
            .unwrap()
            .clone();
        stops
            .into_iter()
            .find(|stop| stop["id"] == id)
            .unwrap_or_default()
    }

    pub fn event_types(&self, stop: &str) -> Vec<String> {
        let events = self.get(&format!("/api/stops/{stop}/events")).json();
        let events = events["events"].as_array().unwrap().clone();
        events
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[derive(Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// An upload as a browser sends it.
    pub fn photo(stop: &str, bytes: &[u8]) -> Self {
        let field = |name: &str, value: &str| {
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let mut request =
            Self::post("/api/photos").header("Content-Type", "multipart/form-data; boundary=edge");
        request.body.extend(field("stop_id", stop).bytes());
        request.body.extend(field("kind", "photo").bytes());
        request
            .body
            .extend(field("taken_at", &AT.to_string()).bytes());
        request.body.extend(
            b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"op-1.png\"\r\n\
              Content-Type: image/png\r\n\r\n",
        );
        request.body.extend(bytes);
        request.body.extend(b"\r\n--edge--\r\n");
        request
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", &body.to_string())
    }

    pub fn text(mut self, media_type: &str, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("Content-Type", media_type)
    }

    pub fn bytes(&self, port: u16) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name == "Host") {
            head += &format!("Host: localhost:{port}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", self.body.len());
        [head.as_bytes(), &self.body].concat()
    }

    pub fn send(&self, port: u16) -> Outcome {
        let mut stream = connect(port);
        let _ = stream.write_all(&self.clone().header("Connection", "close").bytes(port));
        read(&mut stream)
    }
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// Everything that comes until the connection ends.
pub fn read(stream: &mut impl Read) -> Outcome {
    let mut bytes = Vec::new();
    let reset = match stream.read_to_end(&mut bytes) {
        Ok(_) => false,
        // TLS that ends without its farewell: cut, as without TLS.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => false,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => true,
        Err(error) => panic!("{error}"),
    };
    Outcome { bytes, reset }
}

#[derive(Debug)]
pub struct Outcome {
    pub bytes: Vec<u8>,
    pub reset: bool,
}

impl Outcome {
    pub fn is_cut(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn answer(self) -> Answer {
        let split = self
            .bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("an answer");
        let head = String::from_utf8(self.bytes[..split].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Answer {
            status,
            headers,
            body: self.bytes[split + 4..].to_vec(),
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}
