//! Where in the text everything stands: line and column by the path to it.

use std::collections::BTreeSet;

/// From the root to a value: names of keys and numbers of items.
pub type Path = Vec<String>;

/// A path as JSON Pointer.
pub fn pointer(path: &[String]) -> String {
    path.iter()
        .map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")))
        .collect()
}

/// Both from 1; a column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Default)]
struct Node {
    /// where its name begins, or the value itself in a list
    name: usize,
    value: usize,
    inside: Vec<(String, Node)>,
}

/// The places of everything in one JSON text.
#[derive(Debug, Default)]
pub struct Places {
    line_starts: Vec<usize>,
    text: String,
    root: Node,
    /// keys that stand twice in an object, where the first of them is lost
    pub twice: Vec<(Path, Place)>,
}

impl Places {
    /// Of a text that the core's reader has found to be JSON: what is not, gives no places.
    pub fn of(text: &str) -> Self {
        let mut line_starts = vec![0];
        line_starts.extend(text.match_indices('\n').map(|(i, _)| i + 1));
        let mut out = Self {
            line_starts,
            text: text.to_owned(),
            ..Self::default()
        };
        let mut reader = Reader {
            bytes: text.as_bytes(),
            at: 0,
            twice: vec![],
        };
        out.root = reader.value(&mut vec![]).unwrap_or_default();
        let twice = reader.twice;
        out.twice = twice
            .into_iter()
            .map(|(path, at)| (path, out.place(at)))
            .collect();
        out
    }

    /// Of the value, or with `name` of the key in front of it; of the nearest thing around it where
    /// there is no such value.
    pub fn find(&self, path: &[String], name: bool) -> Place {
        let mut node = &self.root;
        for (i, step) in path.iter().enumerate() {
            // The last of the same name is the one that counts.
            match node.inside.iter().rev().find(|(key, _)| key == step) {
                Some((_, inner)) => node = inner,
                None => return self.place(node.name.max(self.root.value)),
            }
            if name && i + 1 == path.len() {
                return self.place(node.name);
            }
        }
        self.place(node.value)
    }

    fn place(&self, at: usize) -> Place {
        let line = self
            .line_starts
            .partition_point(|start| *start <= at)
            .max(1);
        let start = self.line_starts[line - 1];
        let before = self.text.get(start..at).unwrap_or("");
        Place {
            line,
            column: before.chars().count() + 1,
        }
    }
}

/// As lenient as can be: what is JSON was decided elsewhere, and nothing here may fail or recurse
/// further than that reader did.
struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    twice: Vec<(Path, usize)>,
}

const DEPTH_MAX: usize = 128;

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, also: &[u8]) {
        while self
            .peek()
            .is_some_and(|b| b" \n\r\t".contains(&b) || also.contains(&b))
        {
            self.at += 1;
        }
    }

    fn value(&mut self, path: &mut Path) -> Option<Node> {
        self.skip(b"");
        let mut node = Node {
            name: self.at,
            value: self.at,
            inside: vec![],
        };
        if path.len() > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            open @ (b'{' | b'[') => {
                let close = if open == b'{' { b'}' } else { b']' };
                let mut names = BTreeSet::new();
                self.at += 1;
                loop {
                    self.skip(b",");
                    if self.peek()? == close {
                        self.at += 1;
                        break;
                    }
                    let name_at = self.at;
                    let name = if open == b'{' {
                        let name = self.string()?;
                        self.skip(b":");
                        name
                    } else {
                        node.inside.len().to_string()
                    };
                    path.push(name.clone());
                    let inner = self.value(path);
                    if open == b'{' && !names.insert(name.clone()) {
                        self.twice.push((path.clone(), name_at));
                    }
                    path.pop();
                    let mut inner = inner?;
                    inner.name = name_at;
                    node.inside.push((name, inner));
                }
            }
            _ => {
                let from = self.at;
                while self.peek().is_some_and(|b| !b" \n\r\t,]}".contains(&b)) {
                    self.at += 1;
                }
                // Where a value should be and is none, this is no JSON: going on would never end.
                if self.at == from {
                    return None;
                }
            }
        }
        Some(node)
    }

    fn string(&mut self) -> Option<String> {
        let from = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = std::str::from_utf8(self.bytes.get(from..self.at)?).ok()?;
        // Escapes in a name are the core's reader's business.
        match pannier::domain::json::parse(quoted) {
            Ok(serde_json::Value::String(name)) => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(names: &[&str]) -> Path {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn everything_has_its_line_and_column() {
        let places = Places::of("{\n  \"ä\": [1, {\"b\\u0063\": \"x,]\"}],\n  \"d\": {}\n}");
        let at = |names: &[&str], name| {
            let Place { line, column } = places.find(&path(names), name);
            (line, column)
        };
        assert_eq!(at(&[], false), (1, 1));
        assert_eq!(at(&["ä"], true), (2, 3));
        assert_eq!(at(&["ä", "0"], false), (2, 9));
        assert_eq!(at(&["ä", "1", "bc"], true), (2, 13));
        assert_eq!(at(&["ä", "1", "bc"], false), (2, 24));
        assert_eq!(at(&["d"], false), (3, 8));
        assert_eq!(at(&["d", "gone", "deeper"], false), (3, 3));
        assert_eq!(pointer(&path(&["a/b", "~", "0"])), "/a~1b/~0/0");
    }

    #[test]
    fn a_key_that_stands_twice_is_seen() {
        let places = Places::of("{\"a\": 1,\n \"a\": 2}");
        let twice = &places.twice[0];
        assert_eq!(
            (twice.0.join("."), twice.1.line, twice.1.column),
            ("a".into(), 2, 2)
        );
    }

    #[test]
    fn what_is_no_json_gives_no_places_and_no_harm() {
        for text in [
            "",
            "{",
            "[1,",
            "{\"a",
            "\"\\",
            "{\"a\":}",
            "]",
            "[}",
            "{]",
            "{\"a\" 1}",
        ] {
            let _ = Places::of(text).find(&path(&["a", "b"]), true);
        }
        let _ = Places::of(&"[".repeat(100_000));
    }
}
