//! Requests and answers as data. Bytes of pictures are named, not held.

use crate::domain::dictionary::Dictionary;
use crate::domain::ids::BlobHandle;
use serde_json::Value;

#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    /// the browser's cookies go along
    pub cookies: bool,
    /// how long the whole exchange may take; an attempt outlives it by a margin at most
    pub deadline_ms: u32,
    /// the body goes as a stream, where the host can and the server takes one
    pub streamed: bool,
}

impl Request {
    /// The pictures whose bytes go out with it.
    pub fn pictures(&self) -> Vec<&BlobHandle> {
        match &self.body {
            Body::Empty | Body::Json(_) | Body::Form(_) => vec![],
            Body::Blob { handle, .. } => vec![handle],
            Body::JsonPieces(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Base64(handle) => Some(handle),
                    Piece::Text(_) => None,
                })
                .collect(),
            Body::Multipart(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::File { handle, .. } => Some(handle),
                    Part::Text { .. } => None,
                })
                .collect(),
        }
    }

    /// The media type that is said with the body where the profile's own header says none. That of
    /// a multipart body is its maker's to say, with the boundary.
    pub fn content_type(&self) -> Option<&str> {
        let own = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
        match &self.body {
            Body::Empty => None,
            Body::Multipart(_) => Some("multipart/form-data"),
            _ if self.headers.iter().any(own) => None,
            Body::Json(_) | Body::JsonPieces(_) => Some("application/json"),
            Body::Form(_) => Some("application/x-www-form-urlencoded"),
            Body::Blob { media_type, .. } => Some(media_type),
        }
    }
}

// Headers and bodies hold tokens and names: debug output shows neither.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Empty,
    Json(String),
    /// JSON with pictures in it
    JsonPieces(Vec<Piece>),
    Form(String),
    Blob {
        handle: BlobHandle,
        media_type: String,
    },
    Multipart(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// the picture's bytes, inside a JSON text
    Base64(BlobHandle),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text {
        name: String,
        value: String,
    },
    File {
        name: String,
        filename: String,
        media_type: String,
        handle: BlobHandle,
    },
}

/// The longest answer that is read; what is longer is cut and never matches a rule on its body.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// names in lower case; only what the browser lets us see
    pub headers: Dictionary<String, String>,
    pub body: String,
    /// what a function of the host said of it: `$host`
    pub host: Value,
}

impl Answer {
    pub fn media_type(&self) -> &str {
        let full = self.headers.get("content-type").map_or("", String::as_str);
        full.split(';').next().unwrap_or("").trim()
    }
    pub fn is_json(&self) -> bool {
        let media = self.media_type();
        media == "application/json" || media.ends_with("+json")
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetFailure {
    /// no connection, TLS, CORS or cut answer: a browser does not tell which
    Unreachable,
    /// our deadline passed
    TimedOut,
    /// the request could not be formed, so nothing left
    NotSent { code: String, text: String },
}

pub type Exchange = Result<Answer, NetFailure>;
