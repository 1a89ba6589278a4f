//! The machine itself: the standard library's files and terminal, and ureq's network.

use crate::machine::{Incoming, Machine, Outgoing};
use pannier::profile::http::ANSWER_BYTES_MAX;
use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{IsTerminal, Read, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

pub struct Native {
    agent: RefCell<Agent>,
}

impl Default for Native {
    fn default() -> Self {
        Self {
            agent: RefCell::new(agent(TlsConfig::default())),
        }
    }
}

fn agent(tls: TlsConfig) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(tls)
        .build();
    config.into()
}

impl Machine for Native {
    fn print(&self, text: &str) {
        // Whoever reads may have gone away: `| head` is no failure.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    fn complain(&self, text: &str) {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, file: &str, most: u64) -> Result<Vec<u8>, String> {
        let mut bytes = vec![];
        let read = match file {
            "-" => std::io::stdin().take(most).read_to_end(&mut bytes),
            path => {
                std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
            }
        };
        read.map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    fn ask(&self, question: &str) -> Result<Option<String>, String> {
        if !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let typed = rpassword::prompt_password(question);
        typed.map(Some).map_err(|error| error.to_string())
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "a command that asks a real backend lives in real time"
    )]
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
    }

    /// The standard library seeds its tables by chance; that is chance enough for an id.
    fn chance(&self) -> [u8; 16] {
        let mut out = [0; 16];
        for half in out.chunks_mut(8) {
            half.copy_from_slice(&RandomState::new().build_hasher().finish().to_be_bytes());
        }
        out
    }

    fn trust(&self, pem: &[u8]) -> Result<(), String> {
        let mut certificates = vec![];
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|e| e.to_string())? {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() {
            return Err("there is no certificate in that file".to_owned());
        }
        let roots = RootCerts::Specific(Arc::new(certificates));
        *self.agent.borrow_mut() = agent(TlsConfig::builder().root_certs(roots).build());
        Ok(())
    }

    fn exchange(&self, request: &Outgoing) -> Result<Incoming, String> {
        let mut builder = ureq::http::Request::builder()
            .method(request.method.as_str())
            .uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let sent = builder.body(&request.body[..]).map_err(|e| e.to_string())?;
        let agent = self.agent.borrow();
        let deadline = Duration::from_millis(u64::from(request.deadline_ms));
        let sent = agent
            .configure_request(sent)
            .timeout_global(Some(deadline))
            .build();
        let (head, body) = agent.run(sent).map_err(|e| e.to_string())?.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let mut out = Incoming {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: vec![],
        };
        body.into_reader()
            .take(ANSWER_BYTES_MAX as u64 + 1)
            .read_to_end(&mut out.body)
            .map_err(|e| format!("the answer was cut: {e}"))?;
        Ok(out)
    }
}
