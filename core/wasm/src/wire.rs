//! What goes to the host, as JSON text: `core/js/src/host/store.ts` and `net.ts` say its shapes.

use pannier::domain::ids::{AccountId, BlobHandle};
use pannier::domain::json::quote;
use pannier::ports::store::{Commit, Durability, Key, KeyPart, Query, Table};
use pannier::profile::http::{ANSWER_BYTES_MAX, Body, Part, Piece, Request};

/// A text that grows: `[`, items with commas between them, `]`.
struct Writer(String);

impl Writer {
    fn item(&mut self) {
        if !self.0.ends_with(['[', '{', ':']) && !self.0.is_empty() {
            self.0.push(',');
        }
    }
    fn open(&mut self) {
        self.item();
        self.0.push('[');
    }
    fn close(&mut self) {
        self.0.push(']');
    }
    fn text(&mut self, text: &str) {
        self.item();
        quote(text, &mut self.0);
    }
    fn raw(&mut self, text: &str) {
        self.item();
        self.0.push_str(text);
    }
    fn number(&mut self, number: Option<u64>) {
        self.item();
        match number {
            Some(number) => self.0.push_str(&number.to_string()),
            None => self.0.push_str("null"),
        }
    }
    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.raw("null"),
        }
    }
    fn name(&mut self, name: &str) {
        self.item();
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }
    fn key(&mut self, key: &Key) {
        self.open();
        for part in key.parts() {
            match part {
                KeyPart::Text(text) => self.text(&text),
                KeyPart::Number(number) => self.number(Some(number)),
            }
        }
        self.close();
    }
    fn place(&mut self, table: Table, key: &Key) {
        self.open();
        self.text(table.name());
        self.key(key);
    }
}

pub fn key(key: &Key) -> String {
    let mut out = Writer(String::new());
    out.key(key);
    out.0
}

pub fn tables(tables: &[Table]) -> String {
    let mut out = Writer(String::new());
    out.open();
    for table in tables {
        out.text(table.name());
    }
    out.close();
    out.0
}

pub fn queries(queries: &[Query]) -> String {
    let mut out = Writer(String::new());
    out.open();
    for query in queries {
        out.open();
        let (name, table, key) = match query {
            Query::One(table, key) => ("one", table, key),
            Query::Under { table, prefix, .. } => ("under", table, prefix),
            Query::From { table, prefix, .. } => ("from", table, prefix),
        };
        out.text(name);
        out.text(table.name());
        out.key(key);
        match query {
            Query::One(..) => {}
            Query::Under {
                limit,
                newest_first,
                ..
            } => {
                out.number(limit.map(u64::from));
                out.raw(if *newest_first { "true" } else { "false" });
            }
            Query::From { from, limit, .. } => {
                out.number(Some(*from));
                out.number(limit.map(u64::from));
            }
        }
        out.close();
    }
    out.close();
    out.0
}

pub fn commit(commit: &Commit) -> String {
    let mut out = Writer(String::from("{"));
    out.name("durability");
    out.text(match commit.durability {
        Durability::Strict => "strict",
        Durability::Relaxed => "relaxed",
    });
    out.name("expect");
    out.open();
    for (table, key, revision) in &commit.expect {
        out.place(*table, key);
        out.number(*revision);
        out.close();
    }
    out.close();
    out.name("generation");
    match &commit.generation {
        Some((key, generation)) => {
            out.open();
            out.key(key);
            out.number(Some(*generation));
            out.close();
        }
        None => out.raw("null"),
    }
    out.name("puts");
    out.open();
    for (table, key, envelope) in &commit.puts {
        out.place(*table, key);
        out.number(Some(u64::from(envelope.v)));
        out.text(&envelope.t);
        out.optional(envelope.seal.as_deref());
        out.close();
    }
    out.close();
    out.name("deletes");
    out.open();
    for (table, key) in &commit.deletes {
        out.place(*table, key);
        out.close();
    }
    out.close();
    out.0.push('}');
    out.0
}

pub fn request(account: &AccountId, request: &Request) -> String {
    let picture = |out: &mut Writer, handle: &BlobHandle| {
        out.name("picture");
        out.key(&Key::new(&account.0).text(&handle.0));
    };
    let field = |out: &mut Writer, name: &str, text: &str| {
        out.name(name);
        out.text(text);
    };
    let flag = |out: &mut Writer, name: &str, on: bool| {
        out.name(name);
        out.raw(if on { "true" } else { "false" });
    };
    let mut out = Writer(String::from("{"));
    field(&mut out, "method", &request.method);
    field(&mut out, "url", &request.url);
    out.name("headers");
    out.open();
    for (name, value) in &request.headers {
        out.open();
        out.text(name);
        out.text(value);
        out.close();
    }
    out.close();
    out.name("contentType");
    let form = matches!(request.body, Body::Multipart(_));
    out.optional(request.content_type().filter(|_| !form));
    out.name("body");
    out.raw("{");
    let kind = match &request.body {
        Body::Empty => "empty",
        Body::Json(_) | Body::Form(_) => "text",
        Body::JsonPieces(_) => "pieces",
        Body::Blob { .. } => "blob",
        Body::Multipart(_) => "form",
    };
    field(&mut out, "kind", kind);
    match &request.body {
        Body::Empty => {}
        Body::Json(text) | Body::Form(text) => field(&mut out, "text", text),
        Body::JsonPieces(pieces) => {
            out.name("pieces");
            out.open();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => out.text(text),
                    Piece::Base64(handle) => {
                        out.raw("{");
                        picture(&mut out, handle);
                        out.0.push('}');
                    }
                }
            }
            out.close();
        }
        Body::Blob { handle, .. } => picture(&mut out, handle),
        Body::Multipart(parts) => {
            out.name("parts");
            out.open();
            for part in parts {
                out.raw("{");
                match part {
                    Part::Text { name, value } => {
                        field(&mut out, "name", name);
                        field(&mut out, "value", value);
                    }
                    Part::File {
                        name,
                        filename,
                        media_type,
                        handle,
                    } => {
                        field(&mut out, "name", name);
                        field(&mut out, "filename", filename);
                        field(&mut out, "mediaType", media_type);
                        picture(&mut out, handle);
                    }
                }
                out.0.push('}');
            }
            out.close();
        }
    }
    out.0.push('}');
    flag(&mut out, "cookies", request.cookies);
    flag(&mut out, "streamed", request.streamed);
    out.name("deadlineMs");
    out.number(Some(u64::from(request.deadline_ms)));
    out.name("answerMax");
    out.number(Some(ANSWER_BYTES_MAX as u64));
    out.0.push('}');
    out.0
}
