//! What happened, line by line: always as a hash, as text only when somebody will read it.

use std::fmt::{Arguments, Write};

#[derive(Debug)]
pub struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
    scratch: String,
}

impl Trace {
    pub fn new(keep: bool) -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            lines: keep.then(Vec::new),
            scratch: String::new(),
        }
    }
    pub fn say(&mut self, at_ms: i64, what: Arguments<'_>) {
        self.scratch.clear();
        // Writing to a text cannot fail.
        let (seconds, ms) = (at_ms / 1_000, at_ms % 1_000);
        let _ = write!(self.scratch, "{seconds:>5}.{ms:03} {what}");
        for byte in self.scratch.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(self.scratch.clone());
        }
    }
    pub fn hash(&self) -> u64 {
        self.hash
    }
    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
