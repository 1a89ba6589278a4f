//! JSON as text: read piece by piece, straight into what it is for. Numbers stay the text they came
//! as, so no digit of a coordinate is lost and no table for printing floats is downloaded; that and
//! the generic reader behind it would be a tenth of the module. `serde_json` itself is the oracle in
//! the tests.

use super::json::Wrong;
use super::text::cut;
use serde_json::{Map, Number, Value};
use std::borrow::Cow;

const DEPTH_MAX: u32 = 100;

/// # Errors
/// What is wrong, with line and column.
pub fn parse(text: &str) -> Result<Value, Wrong> {
    let mut reader = Reader::new(text);
    let value = reader.value()?;
    reader.end()?;
    Ok(value)
}

/// A place in a text: whoever reads takes what he expects there.
#[derive(Clone)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    /// an object or a list has begun, and nothing of it has been read
    begun: bool,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            begun: false,
        }
    }

    #[cold]
    fn wrong(&self, what: &str) -> Wrong {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        Wrong::new(format!("{what} at line {line} column {column}"))
    }

    /// Something else stands here.
    #[cold]
    pub fn expected(&mut self, what: &str) -> Wrong {
        match self.value() {
            Ok(found) => Wrong::expected(what, &found),
            Err(wrong) => wrong,
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What the next value begins with.
    pub fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.byte()
    }

    /// Takes this byte if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let here = self.byte() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// # Errors
    /// There is more.
    pub fn end(&mut self) -> Result<(), Wrong> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("nothing more is expected")),
        }
    }

    pub fn value(&mut self) -> Result<Value, Wrong> {
        Ok(match self.peek() {
            Some(b'{') => {
                let mut fields = Map::new();
                self.begin(b'{')?;
                while self.more(b'}')? {
                    let name = self.name()?.into_owned();
                    fields.insert(name, self.value()?);
                }
                Value::Object(fields)
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.begin(b'[')?;
                while self.more(b']')? {
                    items.push(self.value()?);
                }
                Value::Array(items)
            }
            Some(b'"') => Value::String(self.string()?.into_owned()),
            Some(b'-' | b'0'..=b'9') => {
                Value::Number(Number::from_string_unchecked(self.number()?.to_owned()))
            }
            _ => match self.word()? {
                Some(word) => Value::Bool(word),
                None => Value::Null,
            },
        })
    }

    /// Goes past the next value, whatever it is.
    pub fn skip(&mut self) -> Result<(), Wrong> {
        match self.peek() {
            Some(b'{') => {
                self.begin(b'{')?;
                while self.more(b'}')? {
                    self.name()?;
                    self.skip()?;
                }
                Ok(())
            }
            Some(b'[') => {
                self.begin(b'[')?;
                while self.more(b']')? {
                    self.skip()?;
                }
                Ok(())
            }
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            _ => self.word().map(drop),
        }
    }

    /// Goes past a `null`, if the next value is one.
    pub fn null(&mut self) -> Result<bool, Wrong> {
        if self.peek() != Some(b'n') {
            return Ok(false);
        }
        self.skip().map(|()| true)
    }

    /// `true`, `false` or `null`.
    pub fn word(&mut self) -> Result<Option<bool>, Wrong> {
        let words = [("null", None), ("true", Some(true)), ("false", Some(false))];
        self.peek();
        for (word, meant) in words {
            if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(meant);
            }
        }
        Err(self.wrong(match self.byte() {
            Some(_) => "a value is expected",
            None => "the text ends where a value is expected",
        }))
    }

    /// Into an object or a list, by the sign it begins with.
    pub fn begin(&mut self, open: u8) -> Result<(), Wrong> {
        if self.peek() != Some(open) {
            let what = if open == b'{' { "an object" } else { "a list" };
            return Err(self.expected(what));
        }
        self.at += 1;
        self.depth += 1;
        self.begun = true;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong("nested too deeply"));
        }
        Ok(())
    }

    /// On to the next field or item, which has to be taken then; false: this sign has ended it.
    pub fn more(&mut self, close: u8) -> Result<bool, Wrong> {
        let begun = std::mem::take(&mut self.begun);
        self.peek();
        if self.take(close) {
            self.depth -= 1;
            return Ok(false);
        }
        if !begun && !self.take(b',') {
            return Err(self.wrong(match close {
                b'}' => "a comma or } is expected",
                _ => "a comma or ] is expected",
            }));
        }
        self.peek();
        Ok(true)
    }

    /// A field's name, and on to its value.
    pub fn name(&mut self) -> Result<Cow<'a, str>, Wrong> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong("a name in quotes is expected"));
        }
        let name = self.string()?;
        self.peek();
        if !self.take(b':') {
            return Err(self.wrong("a colon is expected"));
        }
        Ok(name)
    }

    /// Goes past a field's name if this one comes next, written as we write it.
    pub fn takes(&mut self, name: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let after = rest.strip_prefix(b"\"");
        let after = after.and_then(|rest| rest.strip_prefix(name.as_bytes()));
        match after.and_then(|rest| rest.strip_prefix(b"\":")) {
            Some(after) => {
                self.at = self.text.len() - after.len();
                true
            }
            None => false,
        }
    }

    fn digits(&mut self) -> Result<(), Wrong> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        if count > 0 {
            Ok(())
        } else {
            Err(self.wrong("a digit is expected"))
        }
    }

    /// A number as it is written.
    pub fn number(&mut self) -> Result<&'a str, Wrong> {
        if !matches!(self.peek(), Some(b'-' | b'0'..=b'9')) {
            return Err(self.expected("a number"));
        }
        let from = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(cut(self.text, from, self.at))
    }

    /// A text; borrowed where nothing in it is escaped.
    pub fn string(&mut self) -> Result<Cow<'a, str>, Wrong> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a text"));
        }
        self.at += 1;
        let run = self.run();
        if self.take(b'"') {
            return Ok(Cow::Borrowed(run));
        }
        self.escaped(run).map(Cow::Owned)
    }

    /// As far as everything stands for itself. It ends before an ASCII byte, so no character is cut
    /// in two.
    fn run(&mut self) -> &'a str {
        let from = self.at;
        self.at += plain(self.text.as_bytes().get(from..).unwrap_or_default());
        cut(self.text, from, self.at)
    }

    /// The rest of a text in which something is escaped.
    fn escaped(&mut self, begin: &str) -> Result<String, Wrong> {
        let mut out = begin.to_owned();
        while !self.take(b'"') {
            match self.byte() {
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                    out.push_str(self.run());
                }
                Some(_) => return Err(self.wrong("a control character must be escaped")),
                None => return Err(self.wrong("the text ends inside quotes")),
            }
        }
        Ok(out)
    }

    fn escape(&mut self) -> Result<char, Wrong> {
        let byte = self.byte().unwrap_or(0);
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = self.hex()?;
                if (0xd800..0xdc00).contains(&code) && self.take(b'\\') && self.take(b'u') {
                    let low = self.hex()?;
                    // A high half alone, or with something else, is no character.
                    if (0xdc00..0xe000).contains(&low) {
                        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    }
                }
                match char::from_u32(code) {
                    Some(meant) => meant,
                    None => return Err(self.wrong("half a character")),
                }
            }
            _ => return Err(self.wrong("no known escape")),
        })
    }

    fn hex(&mut self) -> Result<u32, Wrong> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.wrong("four hexadecimal digits are expected"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Without spaces, names in their order.
pub fn print(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

pub fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (i, (name, value)) in fields.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                quote(name, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

/// A text as JSON has it, quotes included.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    loop {
        let at = from + plain(text.as_bytes().get(from..).unwrap_or_default());
        // What is escaped is ASCII, so nothing is cut in two.
        out.push_str(cut(text, from, at));
        let Some(byte) = text.as_bytes().get(at).copied() else {
            break;
        };
        from = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            _ => {
                out.push_str("\\u00");
                for nibble in [byte >> 4, byte & 15] {
                    out.extend(char::from_digit(u32::from(nibble), 16));
                }
            }
        }
    }
    out.push('"');
}

/// How many bytes at the beginning stand for themselves in a quoted text: eight at a time, since
/// most of what is read and written here is that.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let (eights, rest) = bytes.as_chunks::<8>();
    for (i, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        // A byte below a limit borrows from its highest bit; what is above the first such byte may be
        // wrong, and is not asked for.
        let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let slash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = (quote | slash | below(word, 0x20)) & (ONES << 7);
        if found != 0 {
            return i * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let more = rest.iter();
    let more = more.take_while(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f));
    eights.len() * 8 + more.count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Ours and serde_json's agree on what is JSON and on what it says. (Only theirs respells the
    /// exponents of numbers, so what ours prints is read by theirs once more.)
    fn check(text: &str) {
        match (parse(text), serde_json::from_str::<Value>(text)) {
            (Ok(ours), Ok(theirs)) => {
                assert_eq!(
                    serde_json::from_str::<Value>(&print(&ours)).ok(),
                    Some(theirs),
                    "{text}"
                );
            }
            (ours, theirs) => {
                assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}: {ours:?} {theirs:?}")
            }
        }
    }

    #[test]
    fn odd_texts_mean_what_serde_json_says() {
        for text in [
            "",
            " ",
            "nul",
            "null",
            "truE",
            "[",
            "[1,]",
            "[1 2]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "-",
            "-0",
            "1e",
            "1E+5",
            "1e-07",
            "123456789012345678901234567890",
            "\"\\u12\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83dx\"",
            "\"a\nb\"",
            "\"\\x\"",
            "\"\u{7f}é😀\"",
            "1 1",
            "[[],{}]",
            "\"\\u0000\\b\\f\\/\"",
            "{\"a\":1,\"a\":2}",
            "\u{feff}1",
            "[1]]",
        ] {
            check(text);
        }
    }

    #[test]
    fn a_mistake_is_told_with_line_and_column() {
        let wrong = parse("{\n  \"a\": x\n}").expect_err("is wrong").to_string();
        assert_eq!(wrong, "a value is expected at line 2 column 8");
        assert!(parse(&"[".repeat(100_000)).is_err(), "depth is bounded");
    }

    fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            any::<String>().prop_map(|s| serde_json::to_string(&s).expect("writes")),
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>()
                .prop_filter("finite", |f| f.is_finite())
                .prop_map(|f| format!("{f:e}")),
            Just("null".to_owned()),
            Just("true".to_owned()),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|v| format!("[{}]", v.join(" ,\n"))),
                prop::collection::vec(("[a-z\"\\\\]{0,4}", inner), 0..5).prop_map(|v| {
                    let fields: Vec<String> = v
                        .into_iter()
                        .map(|(k, v)| {
                            format!("{} :{v}", serde_json::to_string(&k).expect("writes"))
                        })
                        .collect();
                    format!("{{ {} }}", fields.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_json_is_read_alike(text in any_json()) {
            check(&text);
        }

        #[test]
        fn whatever_is_not_is_refused_alike(mut text in any_json(), at in any::<prop::sample::Index>(), c in any::<char>()) {
            let i = at.index(text.len() + 1);
            if text.is_char_boundary(i) {
                text.insert(i, c);
                check(&text);
            }
        }
    }
}
