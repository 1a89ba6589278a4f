//! JSON as text, to and from `serde_json`'s values. Numbers stay the text they came as, so no
//! digit of a coordinate is lost and no table for printing floats is downloaded; that and the
//! generic reader behind it would be a tenth of the module. `serde_json` itself is the oracle in
//! the tests.

use super::json::Wrong;
use serde_json::{Map, Number, Value};

const DEPTH_MAX: u32 = 100;

/// # Errors
/// What is wrong, with line and column.
pub fn parse(text: &str) -> Result<Value, Wrong> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
    };
    match reader.document() {
        Ok(value) => Ok(value),
        Err(what) => Err(reader.wrong(what)),
    }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

type Read<T> = Result<T, &'static str>;

impl Reader<'_> {
    #[cold]
    fn wrong(&self, what: &str) -> Wrong {
        let before = &self.bytes[..self.at.min(self.bytes.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        Wrong::new(format!("{what} at line {line} column {column}"))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Takes this byte if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn document(&mut self) -> Read<Value> {
        let value = self.value(0)?;
        self.skip_space();
        if self.at == self.bytes.len() {
            Ok(value)
        } else {
            Err("nothing more is expected")
        }
    }

    fn value(&mut self, depth: u32) -> Read<Value> {
        if depth > DEPTH_MAX {
            return Err("nested too deeply");
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err("a value is expected"),
            None => Err("the text ends where a value is expected"),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Read<Value> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err("a value is expected")
        }
    }

    fn object(&mut self, depth: u32) -> Read<Value> {
        self.at += 1;
        let mut fields = Map::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err("a name in quotes is expected");
            }
            let name = self.string()?;
            self.skip_space();
            if !self.take(b':') {
                return Err("a colon is expected");
            }
            fields.insert(name, self.value(depth + 1)?);
            self.skip_space();
            if self.take(b'}') {
                return Ok(Value::Object(fields));
            }
            if !self.take(b',') {
                return Err("a comma or } is expected");
            }
        }
    }

    fn array(&mut self, depth: u32) -> Read<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return Err("a comma or ] is expected");
            }
        }
    }

    fn digits(&mut self) -> Read<()> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > from {
            Ok(())
        } else {
            Err("a digit is expected")
        }
    }

    fn number(&mut self) -> Read<Value> {
        let from = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(Value::Number(Number::from_string_unchecked(
            self.text[from..self.at].to_owned(),
        )))
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let from = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            // Runs end before ASCII bytes, so they never cut a character in two.
            out.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(_) => return Err("a control character must be escaped"),
                None => return Err("the text ends inside quotes"),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let byte = self.peek().ok_or("the text ends inside quotes")?;
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
                if (0xd800..0xdc00).contains(&code) {
                    if !(self.take(b'\\') && self.take(b'u')) {
                        return Err("half a character");
                    }
                    let low = self.hex()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err("half a character");
                    }
                    code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                }
                char::from_u32(code).ok_or("half a character")?
            }
            _ => return Err("no known escape"),
        })
    }

    fn hex(&mut self) -> Read<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            code = code * 16 + digit.ok_or("four hexadecimal digits are expected")?;
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

fn write(value: &Value, out: &mut String) {
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
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{0}'..='\u{1f}' => {
                out.push_str("\\u00");
                for nibble in [c as u32 >> 4, c as u32 & 15] {
                    out.extend(char::from_digit(nibble, 16));
                }
            }
            _ => out.push(c),
        }
    }
    out.push('"');
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
