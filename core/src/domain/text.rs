//! Texts from outside (labels, routes, couriers) made harmless and short before anyone shows them.

/// At most `max` characters on one line; control characters become a visible mark.
pub fn shown(text: &str, max: usize) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == max {
            out.push('…');
            break;
        }
        out.push(if c.is_control() || is_bidi_control(c) {
            '\u{fffd}'
        } else {
            c
        });
    }
    out
}

// Marks that reorder the text around them could make one parcel's code look like another's.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Where a piece stands in a text. The standard library's search is fast on megabytes and large in a
/// download; what is searched here is short.
pub fn find(text: &str, piece: &str) -> Option<usize> {
    let Some(first) = piece.bytes().next() else {
        return Some(0);
    };
    let mut places = text.as_bytes().windows(piece.len());
    places.position(|window| window[0] == first && window == piece.as_bytes())
}

/// What stands before and after the first such piece.
pub fn around<'a>(text: &'a str, piece: &str) -> Option<(&'a str, &'a str)> {
    let at = find(text, piece)?;
    Some((cut(text, 0, at), cut(text, at + piece.len(), text.len())))
}

/// A part of a text, empty where there is none. Indexing would bring along what its panic has to say.
pub fn cut(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

/// The text with every such piece replaced; of no length, there is none.
pub fn replaced(text: &str, piece: &str, by: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = around(rest, piece).filter(|_| !piece.is_empty()) {
        out.push_str(before);
        out.push_str(by);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A whole number, once for all kinds of them.
#[inline(never)]
pub fn whole(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// "1 parcel", "3 parcels".
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_odd_texts_are_shown_short_and_harmless() {
        assert_eq!(
            shown("PN-1\u{7}\n\u{202e}x", 40),
            "PN-1\u{fffd}\u{fffd}\u{fffd}x"
        );
        assert_eq!(shown(&"a".repeat(4096), 5), "aaaaa…");
    }

    #[test]
    fn pieces_are_found_and_replaced() {
        assert_eq!(around("a://ö://c", "://"), Some(("a", "ö://c")));
        assert_eq!(around("abc", "://"), None);
        assert_eq!(around("", "x"), None);
        assert_eq!(
            (find("abc", ""), replaced("abc", "", "x")),
            (Some(0), "abc".to_owned())
        );
        assert_eq!((cut("aöc", 0, 1), cut("aöc", 2, 3)), ("a", ""));
        for (text, piece, by) in [
            ("aa\"b\"", "\"", "\\\""),
            ("äxxäxx", "xx", "x"),
            ("none", "x", "y"),
            ("aaa", "aa", "b"),
        ] {
            assert_eq!(replaced(text, piece, by), text.replace(piece, by));
        }
    }
}
