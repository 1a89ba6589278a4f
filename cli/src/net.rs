//! Requests of the core over a real network, the way a browser would make them: redirects are
//! followed, cookies are kept only where the profile says so, an answer is text.

use crate::machine::{Machine, Outgoing};
use pannier::profile::functions::base64;
use pannier::profile::http::{ANSWER_BYTES_MAX, Answer, Body, Part, Piece, Request};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Nothing that is sent may hold it; a picture does so by no chance that matters.
const BOUNDARY: &str = "pannier-7d1f0a9c53e84b62";
const BOUNDARY_SAID: &str = "; boundary=pannier-7d1f0a9c53e84b62";

pub struct Net {
    machine: Rc<dyn Machine>,
    user_agent: String,
    /// by host, then name
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// bytes of pictures by handle
    pub pictures: BTreeMap<String, Vec<u8>>,
}

impl Net {
    /// `who` asks: the backend's log shows it.
    pub fn new(machine: &Rc<dyn Machine>, who: &str) -> Self {
        Self {
            machine: machine.clone(),
            user_agent: format!("pannier/{} ({who})", env!("CARGO_PKG_VERSION")),
            cookies: BTreeMap::new(),
            pictures: BTreeMap::new(),
        }
    }

    /// The answer, or why there is none.
    ///
    /// # Errors
    /// In words; whether anything arrived is not known.
    pub fn exchange(&mut self, request: &Request) -> Result<Answer, String> {
        let (boundary, body) = self.body(&request.body)?;
        let mut headers = request.headers.clone();
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        add("user-agent", self.user_agent.clone());
        if let Some(media_type) = request.content_type() {
            add("content-type", [media_type, boundary].concat());
        }
        let host = host(&request.url);
        if let Some(jar) = self.cookies.get(&host).filter(|_| request.cookies) {
            let pairs: Vec<String> = jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
            add("cookie", pairs.join("; "));
        }
        let came = self.machine.exchange(&Outgoing {
            method: request.method.as_str().to_owned(),
            url: request.url.clone(),
            headers,
            body,
            deadline_ms: request.deadline_ms,
        })?;
        let mut answer = Answer {
            status: came.status,
            ..Answer::default()
        };
        for (name, value) in came.headers {
            if name == "set-cookie" {
                if request.cookies {
                    self.keep(&host, &value);
                }
                continue;
            }
            // As a browser joins them.
            let joined = match answer.headers.get(&name) {
                Some(before) => format!("{before}, {value}"),
                None => value,
            };
            answer.headers.insert(name, joined);
        }
        if came.body.len() <= ANSWER_BYTES_MAX {
            answer.body = String::from_utf8_lossy(&came.body).into_owned();
        }
        Ok(answer)
    }

    fn keep(&mut self, host: &str, cookie: &str) {
        let pair = cookie.split(';').next().unwrap_or("");
        if let Some((name, value)) = pair.split_once('=') {
            let jar = self.cookies.entry(host.to_owned()).or_default();
            jar.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }

    fn picture(&self, handle: &str) -> Result<&[u8], String> {
        let found = self.pictures.get(handle).map(Vec::as_slice);
        found.ok_or_else(|| "there is no picture to send".to_owned())
    }

    /// The bytes, and what the media type says of them besides.
    fn body(&self, body: &Body) -> Result<(&'static str, Vec<u8>), String> {
        let bytes = match body {
            Body::Empty => vec![],
            Body::Json(text) | Body::Form(text) => text.clone().into_bytes(),
            Body::JsonPieces(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(part) => text.push_str(part),
                        Piece::Base64(handle) => text.push_str(&base64(self.picture(&handle.0)?)),
                    }
                }
                text.into_bytes()
            }
            Body::Blob { handle, .. } => self.picture(&handle.0)?.to_vec(),
            Body::Multipart(parts) => return Ok((BOUNDARY_SAID, self.multipart(parts)?)),
        };
        Ok(("", bytes))
    }

    fn multipart(&self, parts: &[Part]) -> Result<Vec<u8>, String> {
        let quoted = |text: &str| text.replace('"', "%22").replace(['\r', '\n'], "%0A");
        let mut out: Vec<u8> = vec![];
        for part in parts {
            out.extend(format!("--{BOUNDARY}\r\n").bytes());
            match part {
                Part::Text { name, value } => {
                    let name = quoted(name);
                    let head = format!("content-disposition: form-data; name=\"{name}\"\r\n\r\n");
                    out.extend(head.bytes().chain(value.bytes()));
                }
                Part::File {
                    name,
                    filename,
                    media_type,
                    handle,
                } => {
                    let (name, filename) = (quoted(name), quoted(filename));
                    let head = format!(
                        "content-disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\ncontent-type: {media_type}\r\n\r\n"
                    );
                    out.extend(head.bytes().chain(self.picture(&handle.0)?.iter().copied()));
                }
            }
            out.extend(b"\r\n");
        }
        out.extend(format!("--{BOUNDARY}--\r\n").bytes());
        Ok(out)
    }
}

fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or("").to_owned()
}
