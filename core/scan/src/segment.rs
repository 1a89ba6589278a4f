//! The corrected codewords' bit stream: digits, letters, bytes, kanji, and the marks between them.

/// Reads bits from the front.
struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Stream<'_> {
    fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    fn take(&mut self, count: usize) -> Option<usize> {
        if self.left() < count {
            return None;
        }
        let mut out = 0;
        for _ in 0..count {
            out = out << 1 | usize::from(self.bytes[self.at / 8] >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(out)
    }
}

const LETTERS: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
/// Separates GS1 fields.
const GROUP_SEPARATOR: u8 = 0x1d;

/// Which one of several codes that belong together this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// from 0
    pub index: u8,
    pub count: u8,
    /// the same in all of them
    pub parity: u8,
}

/// What a code carries.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    pub bytes: Vec<u8>,
    /// character set marks (ECI), with the place in `bytes` from which each holds
    pub marks: Vec<(usize, u32)>,
    /// some bytes are kanji in Shift JIS
    pub kanji: bool,
    pub gs1: bool,
    pub part: Option<Part>,
}

impl Payload {
    /// Text where that is not a guess: UTF-8 without a mark, and what a mark names that this crate knows.
    pub fn text(&self) -> Option<String> {
        const LATIN: [u32; 2] = [1, 3];
        const UTF8: [u32; 3] = [26, 27, 170];
        if self.kanji {
            return None;
        }
        let first = self.marks.first().map_or(self.bytes.len(), |m| m.0);
        let mut out = String::from_utf8(self.bytes[..first].to_vec()).ok()?;
        for (i, &(from, set)) in self.marks.iter().enumerate() {
            let to = self.marks.get(i + 1).map_or(self.bytes.len(), |m| m.0);
            let part = &self.bytes[from..to];
            if LATIN.contains(&set) {
                out.extend(part.iter().map(|&b| char::from(b)));
            } else if UTF8.contains(&set) {
                out.push_str(std::str::from_utf8(part).ok()?);
            } else {
                return None;
            }
        }
        Some(out)
    }
}

/// The payload; `None` when the stream breaks its own rules. Bytes are as they stand. GS1 field ends
/// become 0x1d.
pub(crate) fn payload(codewords: &[u8], version: usize) -> Option<Payload> {
    let mut stream = Stream {
        bytes: codewords,
        at: 0,
    };
    let mut all = Payload::default();
    let widths = |small: usize, middle: usize, large: usize| match version {
        0..=9 => small,
        10..=26 => middle,
        _ => large,
    };
    while stream.left() >= 4 {
        let out = &mut all.bytes;
        match stream.take(4)? {
            0b0000 => break,
            0b0001 => digits(&mut stream, widths(10, 12, 14), out)?,
            0b0010 => letters(&mut stream, widths(9, 11, 13), all.gs1, out)?,
            0b0100 => {
                for _ in 0..stream.take(widths(8, 16, 16))? {
                    out.push(stream.take(8)? as u8);
                }
            }
            0b1000 => {
                kanji(&mut stream, widths(8, 10, 12), out)?;
                all.kanji = true;
            }
            0b0111 => {
                let mark = character_set(&mut stream)?;
                all.marks.push((all.bytes.len(), mark));
            }
            0b0011 => {
                all.part = Some(Part {
                    index: stream.take(4)? as u8,
                    count: stream.take(4)? as u8 + 1,
                    parity: stream.take(8)? as u8,
                });
            }
            0b0101 => all.gs1 = true,
            0b1001 => {
                all.gs1 = true;
                stream.take(8)?;
            }
            _ => return None,
        }
    }
    Some(all)
}

fn digits(stream: &mut Stream, width: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut left = stream.take(width)?;
    while left > 0 {
        let count = left.min(3);
        let value = stream.take([0, 4, 7, 10][count])?;
        if value >= [1, 10, 100, 1000][count] {
            return None;
        }
        for place in [100, 10, 1].into_iter().skip(3 - count) {
            out.push(b'0' + (value / place % 10) as u8);
        }
        left -= count;
    }
    Some(())
}

fn letters(stream: &mut Stream, width: usize, gs1: bool, out: &mut Vec<u8>) -> Option<()> {
    let mut left = stream.take(width)?;
    let start = out.len();
    while left > 0 {
        if left >= 2 {
            let pair = stream.take(11)?;
            out.push(*LETTERS.get(pair / 45)?);
            out.push(LETTERS[pair % 45]);
            left -= 2;
        } else {
            out.push(*LETTERS.get(stream.take(6)?)?);
            left -= 1;
        }
    }
    if gs1 {
        let read = out.split_off(start);
        let mut rest = read.iter().copied().peekable();
        while let Some(c) = rest.next() {
            let doubled = c == b'%' && rest.next_if_eq(&b'%').is_some();
            out.push(if c == b'%' && !doubled {
                GROUP_SEPARATOR
            } else {
                c
            });
        }
    }
    Some(())
}

fn kanji(stream: &mut Stream, width: usize, out: &mut Vec<u8>) -> Option<()> {
    for _ in 0..stream.take(width)? {
        let value = stream.take(13)?;
        let packed = ((value / 0xc0) << 8) | (value % 0xc0);
        let code = packed + if packed < 0x1f00 { 0x8140 } else { 0xc140 };
        out.extend_from_slice(&(code as u16).to_be_bytes());
    }
    Some(())
}

/// One, two or three bytes, by the leading bits.
fn character_set(stream: &mut Stream) -> Option<u32> {
    let first = stream.take(8)?;
    let mark = match first {
        0..0x80 => first,
        0x80..0xc0 => (first & 0x3f) << 8 | stream.take(8)?,
        0xc0..0xe0 => (first & 0x1f) << 16 | stream.take(16)?,
        _ => return None,
    };
    Some(mark as u32)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    /// Writes (value, bits) one after the other.
    fn packed(parts: &[(usize, usize)]) -> Vec<u8> {
        let bits: Vec<usize> = parts
            .iter()
            .flat_map(|&(v, n)| (0..n).rev().map(move |i| v >> i & 1))
            .collect();
        bits.chunks(8)
            .map(|c| {
                c.iter()
                    .enumerate()
                    .fold(0, |b, (i, &v)| b | (v as u8) << (7 - i))
            })
            .collect()
    }

    #[test]
    fn gs1_percent_ends_a_field_and_two_are_one() {
        // "A%B%%C" in letters
        let pair = |a: usize, b: usize| (a * 45 + b, 11);
        let stream = packed(&[
            (5, 4),
            (2, 4),
            (6, 9),
            pair(10, 38),
            pair(11, 38),
            pair(38, 12),
            (0, 4),
        ]);
        let read = payload(&stream, 1).unwrap();
        assert_eq!(read.bytes, b"A\x1dB%C");
        assert!(read.gs1);
    }

    #[test]
    fn part_of_a_series_gives_its_own_bytes() {
        let stream = packed(&[
            (3, 4),
            (0x1234, 16),
            (4, 4),
            (2, 8),
            (b'h'.into(), 8),
            (b'i'.into(), 8),
            (0, 4),
        ]);
        let read = payload(&stream, 1).unwrap();
        assert_eq!(read.bytes, b"hi");
        let part = Part {
            index: 1,
            count: 3,
            parity: 0x34,
        };
        assert_eq!(read.part, Some(part));
    }

    /// Two bytes behind a mark.
    fn marked(set: usize, a: usize, b: usize) -> Option<String> {
        let stream = packed(&[(7, 4), (set, 8), (4, 4), (2, 8), (a, 8), (b, 8), (0, 4)]);
        payload(&stream, 1).unwrap().text()
    }

    #[test]
    fn a_character_set_that_is_named_is_honoured() {
        assert_eq!(marked(26, 0xc3, 0xa9).as_deref(), Some("é"));
        assert_eq!(marked(3, 0xc3, 0xa9).as_deref(), Some("Ã©"));
        assert_eq!(marked(26, 0xa9, 0xc3), None);
        // Shift JIS is named, and not known here: the bytes are all there is.
        assert_eq!(marked(20, b'h'.into(), b'i'.into()), None);
    }

    #[test]
    fn long_character_set_marks_are_read() {
        let long = |mark: usize, bits| packed(&[(7, 4), (mark, bits), (0, 4)]);
        let marks = |stream: &[u8]| payload(stream, 1).unwrap().marks;
        assert_eq!(marks(&long(0x8000 | 899, 16)), [(0, 899)]);
        assert_eq!(marks(&long(0xc0_0000 | 811_799, 24)), [(0, 811_799)]);
    }

    #[test]
    fn kanji_become_shift_jis() {
        // 0x935f and 0xe4aa, the standard's own examples
        let stream = packed(&[(8, 4), (2, 8), (0x0d9f, 13), (0x1aaa, 13), (0, 4)]);
        let read = payload(&stream, 1).unwrap();
        assert_eq!(read.bytes, [0x93, 0x5f, 0xe4, 0xaa]);
        assert_eq!(read.text(), None);
    }

    #[test]
    fn stream_that_breaks_its_rules_is_nothing() {
        assert!(payload(&packed(&[(4, 4), (200, 8), (1, 8)]), 1).is_none());
        assert!(payload(&packed(&[(1, 4), (3, 10), (1001, 10)]), 1).is_none());
        assert!(payload(&packed(&[(15, 4), (0, 8)]), 1).is_none());
    }
}
