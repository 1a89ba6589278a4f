//! Bars and spaces in, bytes out: Code 128 with its three sets, shifts and function marks.
//!
//! A symbol is eleven modules in three bars and three spaces. What is compared are the distances between
//! edges of the same kind: ink that swells, or blur, moves both. The check symbol must agree, and start,
//! stop and quiet zones must be where they belong.

/// Widths of bars and spaces of each symbol, one digit each; 103 to 105 start, 106 is the stop with its
/// last bar apart.
const WIDTHS: [u32; 107] = [
    212222, 222122, 222221, 121223, 121322, 131222, 122213, 122312, 132212, 221213, 221312, 231212,
    112232, 122132, 122231, 113222, 123122, 123221, 223211, 221132, 221231, 213212, 223112, 312131,
    311222, 321122, 321221, 312212, 322112, 322211, 212123, 212321, 232121, 111323, 131123, 131321,
    112313, 132113, 132311, 211313, 231113, 231311, 112133, 112331, 132131, 113123, 113321, 133121,
    313121, 211331, 231131, 213113, 213311, 213131, 311123, 311321, 331121, 312113, 312311, 332111,
    314111, 221411, 431111, 111224, 111422, 121124, 121421, 141122, 141221, 112214, 112412, 122114,
    122411, 142112, 142211, 241211, 221114, 413111, 241112, 134111, 111242, 121142, 121241, 114212,
    124112, 124211, 411212, 421112, 421211, 212141, 214121, 412121, 111143, 111341, 131141, 114113,
    114311, 411113, 411311, 113141, 114131, 311141, 411131, 211412, 211214, 211232, 233111,
];
const START_A: usize = 103;
const STOP: usize = 106;
/// Light before the start and behind the stop, in modules; the standard wants ten, labels are cut.
const QUIET_MIN: f32 = 3.5;
/// Mean distance between what a symbol must be and what is, in modules an edge pair.
const COST_MAX: f32 = 0.34;
/// How much better the best symbol must be than the next.
const LEAD_MIN: f32 = 0.03;
/// A symbol may be this much wider or narrower than the one before: the label leans or is round.
const STRETCH_MAX: f32 = 1.22;
const SYMBOLS_MAX: usize = 110;
const GROUP_SEPARATOR: u8 = 0x1d;

const fn widths(symbol: usize) -> [u8; 6] {
    let mut rest = WIDTHS[symbol];
    let mut out = [0; 6];
    let mut i = 6;
    while i > 0 {
        i -= 1;
        out[i] = (rest % 10) as u8;
        rest /= 10;
    }
    out
}

/// Distances between edges of the same kind: bar and space, space and bar, and so on.
static PAIRS: [[f32; 5]; 107] = {
    let mut out = [[0.0; 5]; 107];
    let mut s = 0;
    while s < 107 {
        let w = widths(s);
        let mut i = 0;
        while i < 5 {
            out[s][i] = (w[i] + w[i + 1]) as f32;
            i += 1;
        }
        s += 1;
    }
    out
};

/// What a line said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub bytes: Vec<u8>,
    /// FNC1 stood first: the bytes are GS1 fields
    pub gs1: bool,
    /// bytes above 127 are there, by FNC4: ISO 8859-1
    pub extended: bool,
    /// first and last edge, in the units of the edges
    pub from: f32,
    pub to: f32,
}

/// Reads edges along a line, dark and light in turns; `first_dark` says what lies behind the first edge.
/// Finds the first symbol sequence that holds; `most` becomes the length of the longest that was begun.
pub(crate) fn read(edges: &[f32], first_dark: bool, most: &mut usize) -> Option<Line> {
    let begin = usize::from(!first_dark);
    (begin..edges.len().saturating_sub(6 * 3 + 1))
        .step_by(2)
        .find_map(|at| from_start(edges, at, most))
}

/// Cost of a symbol whose six runs begin at `edges[at]`, against one in the table; the width of the symbol.
fn cost(runs: &[f32; 6], module: f32, symbol: usize) -> f32 {
    PAIRS[symbol]
        .iter()
        .enumerate()
        .map(|(i, want)| ((runs[i] + runs[i + 1]) / module - want).abs())
        .sum::<f32>()
        / 5.0
}

fn runs_at(edges: &[f32], at: usize) -> Option<([f32; 6], f32)> {
    let part = edges.get(at..at + 7)?;
    let runs = std::array::from_fn(|i| part[i + 1] - part[i]);
    Some((runs, (part[6] - part[0]) / 11.0))
}

/// The nearest symbol, by edge pairs and a little by the runs themselves.
fn nearest(runs: &[f32; 6], module: f32, from: usize, to: usize) -> Option<(usize, f32)> {
    let (mut best, mut next) = ((usize::MAX, f32::MAX), f32::MAX);
    for symbol in from..to {
        let c = cost(runs, module, symbol);
        if c < best.1 {
            next = best.1;
            best = (symbol, c);
        } else if c < next {
            next = c;
        }
    }
    (best.1 < COST_MAX && next - best.1 > LEAD_MIN).then_some(best)
}

fn from_start(edges: &[f32], at: usize, most: &mut usize) -> Option<Line> {
    let (runs, module) = runs_at(edges, at)?;
    // Bars of 2, 1 and 1 or 2 modules, in every start.
    if runs[0] < module * 1.1 || runs[0] > module * 3.2 || runs[1] > module * 2.2 {
        return None;
    }
    let quiet = at.checked_sub(1).map_or(f32::MAX, |i| edges[at] - edges[i]);
    if quiet < module * QUIET_MIN {
        return None;
    }
    let (start, _) = nearest(&runs, module, START_A, STOP)?;
    let mut symbols = vec![start];
    let (mut at, mut width) = (at + 6, module);
    loop {
        let (runs, module) = runs_at(edges, at)?;
        if !(width / STRETCH_MAX..=width * STRETCH_MAX).contains(&module) {
            return None;
        }
        let stop = cost(&runs, module, STOP);
        let data = nearest(&runs, module, 0, START_A);
        if stop < COST_MAX && data.is_none_or(|(_, c)| stop < c) {
            let last = edges.get(at + 7)? - edges[at + 6];
            let quiet = edges.get(at + 8).map_or(f32::MAX, |e| e - edges[at + 7]);
            // A stop is thirteen modules: the last bar is two wide.
            if !(module * 1.1..module * 3.2).contains(&last) || quiet < module * QUIET_MIN {
                return None;
            }
            let mut line = payload(&symbols)?;
            line.to = edges[at + 7];
            line.from = edges[at - 6 * symbols.len()];
            return Some(line);
        }
        symbols.push(data?.0);
        *most = symbols.len().max(*most);
        if symbols.len() > SYMBOLS_MAX {
            return None;
        }
        width = module;
        at += 6;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Set {
    A,
    B,
    C,
}

/// Start, data and check symbol to bytes; `None` when the check symbol does not hold.
fn payload(symbols: &[usize]) -> Option<Line> {
    let (&start, rest) = symbols.split_first()?;
    let (&check, data) = rest.split_last()?;
    let sum = data
        .iter()
        .enumerate()
        .fold(start, |sum, (i, s)| sum + (i + 1) * s);
    if data.is_empty() || sum % 103 != check {
        return None;
    }
    let mut set = [Set::A, Set::B, Set::C][start - START_A];
    let mut out = Line {
        bytes: Vec::with_capacity(data.len() * 2),
        gs1: false,
        extended: false,
        from: 0.0,
        to: 0.0,
    };
    let mut shifted = false;
    // FNC4 once: the next character; twice: until twice again.
    let (mut high, mut high_latched) = (false, false);
    for (i, &symbol) in data.iter().enumerate() {
        let own = if shifted {
            if set == Set::A { Set::B } else { Set::A }
        } else {
            set
        };
        shifted = false;
        match (own, symbol) {
            (Set::C, 0..=99) => {
                out.bytes.push(b'0' + (symbol / 10) as u8);
                out.bytes.push(b'0' + (symbol % 10) as u8);
            }
            (_, 0..=95) => {
                let plain = if own == Set::A && symbol >= 64 {
                    symbol as u8 - 64
                } else {
                    symbol as u8 + 32
                };
                let top = high != high_latched;
                out.extended |= top;
                out.bytes.push(plain | u8::from(top) << 7);
                high = false;
            }
            (_, 102) if i == 0 => out.gs1 = true,
            (_, 102) => out.bytes.push(GROUP_SEPARATOR),
            (Set::A, 101) | (Set::B, 100) => {
                if high {
                    high_latched = !high_latched;
                }
                high = !high;
            }
            (_, 101) => set = Set::A,
            (_, 100) => set = Set::B,
            (Set::A | Set::B, 99) => set = Set::C,
            (Set::A | Set::B, 98) => shifted = true,
            // FNC2 and FNC3 speak to the reader.
            (Set::A | Set::B, 96 | 97) => {}
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use barcoders::sym::code128::Code128;
    use proptest::prelude::*;

    /// Edges of the foreign encoder's bars, `module` apart, after ten modules of quiet.
    fn edges(text: &str, module: f32, swell: f32) -> Vec<f32> {
        let bars = Code128::new(text).unwrap().encode();
        let mut out = Vec::new();
        let mut last = 0;
        for (i, &b) in bars.iter().chain(&[0]).enumerate() {
            if b != last {
                let at = (i as f32 + 10.0) * module;
                out.push(if b == 1 { at - swell } else { at + swell });
                last = b;
            }
        }
        out
    }

    fn check(text: &str, bytes: &[u8]) -> Line {
        let line = read(&edges(text, 3.0, 0.0), true, &mut 0).unwrap();
        assert_eq!(line.bytes, bytes, "{text}");
        line
    }

    #[test]
    fn every_symbol_is_eleven_modules_and_differs_from_the_others() {
        for (s, pairs) in PAIRS.iter().enumerate() {
            assert_eq!(widths(s).iter().sum::<u8>(), 11, "{s}");
            assert!(!PAIRS[..s].contains(pairs), "{s}");
        }
    }

    #[test]
    fn the_three_sets_are_read() {
        check("\u{181}Hello 42!", b"Hello 42!");
        check("\u{c0}PANNIER\u{6}", b"PANNIER\x06");
        check("\u{106}0123456789", b"0123456789");
        check("\u{c0}AB\u{106}1234\u{181}cd", b"AB1234cd");
    }

    #[test]
    fn a_shift_holds_for_one_character() {
        // The encoder knows the symbol but not its sense: what is 3 in set A is c in set B.
        check("\u{c0}AB\u{17d}\u{3}D", b"ABcD");
    }

    #[test]
    fn fnc1_in_front_says_gs1_and_later_ends_a_field() {
        let line = check("\u{106}\u{179}0012345678\u{179}4210", b"0012345678\x1d4210");
        assert!(line.gs1);
        assert!(!check("\u{106}1234", b"1234").gs1);
    }

    #[test]
    fn fnc4_reaches_the_upper_half() {
        let line = check(
            "\u{181}\u{17c}ib\u{17c}\u{17c}ab\u{17c}\u{17c}c",
            b"\xe9b\xe1\xe2c",
        );
        assert!(line.extended);
    }

    #[test]
    fn swollen_and_shrunken_bars_are_read() {
        for swell in [-0.35, -0.2, 0.2, 0.35] {
            let line = read(&edges("\u{181}PN-7H2K-0001", 1.0, swell), true, &mut 0);
            assert_eq!(line.unwrap().bytes, b"PN-7H2K-0001", "{swell}");
        }
    }

    #[test]
    fn a_wrong_check_symbol_is_nothing() {
        assert!(payload(&[104, 33, 34, 35]).is_none());
        assert!(payload(&[104, 33, (104 + 33) % 103]).is_some());
        assert!(payload(&[104, 1]).is_none());
    }

    #[test]
    fn without_quiet_zones_nothing_is_read() {
        let good = edges("\u{181}PN-7H2K-0001", 2.0, 0.0);
        let mut crowded = vec![good[0] - 4.0, good[0] - 2.0];
        crowded.extend(&good);
        assert!(read(&crowded, true, &mut 0).is_none());
        let mut crowded = good.clone();
        let last = good[good.len() - 1];
        crowded.extend([last + 2.0, last + 4.0]);
        assert!(read(&crowded, true, &mut 0).is_none());
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[ -~]{1,40}", module in 1.0_f32..6.0) {
            let line = read(&edges(&format!("\u{181}{text}"), module, 0.0), true, &mut 0).unwrap();
            prop_assert_eq!(line.bytes, text.as_bytes());
        }

        #[test]
        fn any_symbols_do_not_panic(symbols in prop::collection::vec(0_usize..103, 0..50), start in 103_usize..106) {
            payload(&[&[start][..], &symbols].concat());
        }

        #[test]
        fn any_edges_do_not_panic(mut edges in prop::collection::vec(0.0_f32..500.0, 0..200), dark in any::<bool>()) {
            edges.sort_by(f32::total_cmp);
            prop_assert!(read(&edges, dark, &mut 0).is_none());
        }
    }
}
