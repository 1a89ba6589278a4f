//! What a command needs of the machine it runs on. Natively that is the standard library and ureq,
//! in the npm package it is Node; everything else is the same code.

/// One request, whole, as it goes out.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub deadline_ms: u32,
}

/// What came back, redirects followed.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    pub status: u16,
    /// names in small letters; one that comes twice stands here twice
    pub headers: Vec<(String, String)>,
    /// at most one byte more than an answer may have
    pub body: Vec<u8>,
}

/// Refusals are sentences without a full stop, and say nothing secret.
pub trait Machine {
    fn print(&self, text: &str);
    fn complain(&self, text: &str);
    fn variable(&self, name: &str) -> Option<String>;
    /// The first `most` bytes of a file, or of what comes in when its name is `-`.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&self, file: &str, most: u64) -> Result<Vec<u8>, String>;
    /// Asks the person without showing what he types; `None` where nobody sits.
    ///
    /// # Errors
    /// When the terminal fails.
    fn ask(&self, question: &str) -> Result<Option<String>, String>;
    fn now_ms(&self) -> i64;
    fn chance(&self) -> [u8; 16];
    /// Trusts the authorities in this PEM text, for all requests that follow.
    ///
    /// # Errors
    /// When there is no certificate in it.
    fn trust(&self, pem: &[u8]) -> Result<(), String>;
    /// # Errors
    /// Why there is no answer.
    fn exchange(&self, request: &Outgoing) -> Result<Incoming, String>;
}
