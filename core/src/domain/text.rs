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

/// Where a piece stands in a text. A few lines instead of the standard search, which the phone would
/// have to download.
pub fn find(text: &str, piece: &str) -> Option<usize> {
    let mut places = text.as_bytes().windows(piece.len().max(1));
    places.position(|window| window == piece.as_bytes())
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
}
