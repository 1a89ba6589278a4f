//! Greys a module in, bytes out: a few ways to tell dark from light, each read until one passes the
//! error correction.

use crate::best::keep;
use crate::binary::{Integral, spread};
use crate::layout::{Blocks, EcLevel, blocks, format_word, function_modules, masked, version_of};
use crate::reed_solomon::correct;
use crate::segment::{Payload, payload};

/// What a grid of modules said.
pub(crate) struct Reading {
    pub payload: Payload,
    pub version: u8,
    pub ec_level: EcLevel,
    /// codewords that were wrong
    pub errors: usize,
    pub mirrored: bool,
}

/// One grey a module, dark is low, row by row.
pub(crate) struct Greys {
    pub size: usize,
    pub values: Vec<f32>,
}

impl Greys {
    /// Tries thresholds in the order of their worth; `tries` bounds the work.
    pub fn read(&self, tries: usize) -> Option<Reading> {
        const WAYS: [(f32, usize, f32); 6] = [
            (0.0, 4, 0.5),
            (0.6, 4, 0.5),
            (0.3, 7, 0.0),
            (1.0, 5, 0.3),
            (0.0, 2, 1.0),
            (0.6, 100, 0.0),
        ];
        let mut seen: Vec<Vec<bool>> = Vec::with_capacity(WAYS.len());
        for (sharpen, radius, middle) in WAYS.into_iter().take(tries) {
            let margins = self.sharpened(sharpen).split(radius, middle);
            let cells: Vec<bool> = margins.iter().map(|&m| m < 0.0).collect();
            if seen.contains(&cells) {
                continue;
            }
            let margin = margins.into_iter().map(f32::abs).collect();
            let bits = Bits {
                size: self.size,
                cells,
                margin,
            };
            if let Some(reading) = bits.read() {
                return Some(reading);
            }
            seen.push(bits.cells);
        }
        None
    }

    /// Takes back what the neighbours' light spilled into each module.
    fn sharpened(&self, amount: f32) -> Self {
        if amount == 0.0 {
            return Self {
                size: self.size,
                values: self.values.clone(),
            };
        }
        let n = self.size;
        let mut values = Vec::with_capacity(n * n);
        for y in 0..n {
            for x in 0..n {
                let at = |x: usize, y: usize| self.values[y * n + x];
                let own = at(x, y);
                let around = at(x.saturating_sub(1), y)
                    + at((x + 1).min(n - 1), y)
                    + at(x, y.saturating_sub(1))
                    + at(x, (y + 1).min(n - 1));
                values.push(own + amount * (own - around / 4.0));
            }
        }
        Self { size: n, values }
    }

    /// Above (light) or below (dark) a mix of the local mean and the local middle of extremes.
    fn split(&self, radius: usize, middle: f32) -> Vec<f32> {
        let n = self.size;
        let mean = Integral::new(&self.values, n, n);
        let mut out = self.values.clone();
        let mut around = vec![0.0; n];
        for (y, out) in out.chunks_mut(n.max(1)).enumerate() {
            mean.around(y, radius, &mut around);
            for (out, local) in out.iter_mut().zip(&around) {
                *out -= local * (1.0 - middle);
            }
        }
        if middle > 0.0 {
            let low = spread(&self.values, n, n, radius, f32::min);
            let high = spread(&self.values, n, n, radius, f32::max);
            for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
                *out -= (low + high) / 2.0 * middle;
            }
        }
        out
    }
}

/// Modules of one candidate reading, dark is true, and how sure each is.
struct Bits {
    size: usize,
    cells: Vec<bool>,
    /// distance from the threshold
    margin: Vec<f32>,
}

/// What the words beside the first eye say.
struct Format {
    level: EcLevel,
    mask: u16,
    mirrored: bool,
    distance: u32,
}

impl Bits {
    fn read(&self) -> Option<Reading> {
        let version = version_of(self.size)?;
        let mut formats = [self.format(false), self.format(true)];
        if formats[1].distance < formats[0].distance {
            formats.swap(0, 1);
        }
        formats
            .iter()
            .filter(|f| f.distance <= 3)
            .find_map(|f| self.read_as(version, f))
    }

    fn read_as(&self, version: usize, format: &Format) -> Option<Reading> {
        let (codewords, margins) = self.codewords(format);
        let (data, errors) = corrected(&codewords, &margins, version, format.level)?;
        Some(Reading {
            payload: payload(&data, version)?,
            errors,
            version: version as u8,
            ec_level: format.level,
            mirrored: format.mirrored,
        })
    }

    /// The place of a module, seen directly or in a mirror.
    fn index(&self, x: usize, y: usize, mirrored: bool) -> usize {
        if mirrored {
            x * self.size + y
        } else {
            y * self.size + x
        }
    }

    /// The nearest of the 32 format words to either copy.
    fn format(&self, mirrored: bool) -> Format {
        let n = self.size;
        let bit = |x: usize, y: usize| u16::from(self.cells[self.index(x, y, mirrored)]);
        let first = (0..15).fold(0, |word, i| {
            let (x, y) = match i {
                0..=5 => (i, 8),
                6 => (7, 8),
                7 => (8, 8),
                8 => (8, 7),
                _ => (8, 14 - i),
            };
            word << 1 | bit(x, y)
        });
        let second = (0..15).fold(0, |word, i| {
            let (x, y) = if i < 7 {
                (8, n - 1 - i)
            } else {
                (n - 15 + i, 8)
            };
            word << 1 | bit(x, y)
        });
        let mut best = Format {
            level: EcLevel::L,
            mask: 0,
            mirrored,
            distance: u32::MAX,
        };
        for data in 0..32_u16 {
            let word = format_word(data >> 3, data & 7);
            let distance = (word ^ first)
                .count_ones()
                .min((word ^ second).count_ones());
            if distance < best.distance {
                best = Format {
                    level: EcLevel::from_bits(data >> 3),
                    mask: data & 7,
                    mirrored,
                    distance,
                };
            }
        }
        best
    }

    /// Up and down in pairs of columns from the right, around what carries no data.
    fn codewords(&self, format: &Format) -> (Vec<u8>, Vec<f32>) {
        let n = self.size;
        let taken = function_modules(n);
        let (mut codewords, mut margins) = (Vec::new(), Vec::new());
        let (mut byte, mut margin, mut held) = (0_u8, f32::MAX, 0);
        let mut up = true;
        for right in (1..n).rev().step_by(2) {
            // The column of the timing pattern is left out of the pairs.
            let right = if right <= 6 { right - 1 } else { right };
            for i in 0..n {
                let y = if up { n - 1 - i } else { i };
                for x in [right, right.wrapping_sub(1)] {
                    if x >= n || taken[y * n + x] {
                        continue;
                    }
                    let at = self.index(x, y, format.mirrored);
                    byte = byte << 1 | u8::from(self.cells[at] != masked(format.mask, x, y));
                    margin = margin.min(self.margin[at]);
                    held += 1;
                    if held == 8 {
                        codewords.push(byte);
                        margins.push(margin);
                        (byte, margin, held) = (0, f32::MAX, 0);
                    }
                }
            }
            up = !up;
        }
        (codewords, margins)
    }
}

/// Deals the codewords out to their blocks, corrects each, and gives the data in order.
fn corrected(
    codewords: &[u8],
    margins: &[f32],
    version: usize,
    level: EcLevel,
) -> Option<(Vec<u8>, usize)> {
    let Blocks {
        count,
        check,
        reserved,
    } = blocks(version, level)?;
    let short = codewords.len() / count - check;
    let long_blocks = codewords.len() % count;
    let (mut out, mut errors) = (Vec::with_capacity(codewords.len()), 0);
    for b in 0..count {
        let data = short + usize::from(b >= count - long_blocks);
        let place = |i: usize| match i {
            i if i < short => i * count + b,
            i if i < data => short * count + b - (count - long_blocks),
            i => short * count + long_blocks + (i - data) * count + b,
        };
        let block: Vec<u8> = (0..data + check).map(|i| codewords[place(i)]).collect();
        let sure: Vec<f32> = (0..data + check).map(|i| margins[place(i)]).collect();
        let (block, changed) = corrected_block(&block, &sure, check, reserved)?;
        out.extend_from_slice(&block[..data]);
        errors += changed;
    }
    Some((out, errors))
}

/// As it is, then with the least sure codewords counted as unknown. A quarter of the check codewords
/// always stays for noticing that the guess was wrong.
fn corrected_block(
    block: &[u8],
    sure: &[f32],
    check: usize,
    reserved: usize,
) -> Option<(Vec<u8>, usize)> {
    let mut plain = block.to_vec();
    if let Some(changed) = correct(&mut plain, check, reserved, &[]) {
        return Some((plain, changed));
    }
    if check < 10 {
        return None;
    }
    let mut order: Vec<usize> = Vec::with_capacity(check);
    for i in 0..block.len() {
        keep(&mut order, i, check * 2 / 3, |&i| -sure[i]);
    }
    [check / 3, check * 2 / 3].into_iter().find_map(|doubts| {
        let mut attempt = block.to_vec();
        correct(
            &mut attempt,
            check,
            reserved.max(check / 4),
            order.get(..doubts)?,
        )
        .map(|changed| (attempt, changed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use qrcode::{Color, QrCode, Version};

    fn greys(code: &QrCode) -> Greys {
        let values = code
            .to_colors()
            .into_iter()
            .map(|c| if c == Color::Dark { 40.0 } else { 200.0 })
            .collect();
        Greys {
            size: code.width(),
            values,
        }
    }

    /// As many bytes as fit, by this crate's own tables: were they wrong, the encoder would refuse or differ.
    fn fullest(version: i16, level: qrcode::EcLevel, own: EcLevel) -> (Vec<u8>, QrCode) {
        let modules = function_modules(version as usize * 4 + 17)
            .into_iter()
            .filter(|taken| !taken)
            .count();
        let dealt = blocks(version as usize, own).unwrap();
        let length = modules / 8 - dealt.count * dealt.check - if version < 10 { 2 } else { 3 };
        let text: Vec<u8> = (0..length).map(|i| (i * 37 % 251) as u8 | 0x80).collect();
        let code = QrCode::with_version(&text, Version::Normal(version), level).unwrap();
        (text, code)
    }

    #[test]
    fn every_version_and_level_is_read_to_the_last_byte() {
        for version in 1..=40 {
            for (level, own) in [
                (qrcode::EcLevel::L, EcLevel::L),
                (qrcode::EcLevel::M, EcLevel::M),
                (qrcode::EcLevel::Q, EcLevel::Q),
                (qrcode::EcLevel::H, EcLevel::H),
            ] {
                let (text, code) = fullest(version, level, own);
                let reading = greys(&code).read(1).unwrap();
                assert_eq!(reading.payload.bytes, text, "{version} {level:?}");
                assert_eq!(i16::from(reading.version), version);
                assert_eq!(reading.ec_level, own);
                assert!(!reading.mirrored);
            }
        }
    }

    #[test]
    fn every_mode_is_read() {
        for text in [
            "0",
            "01234567",
            "000123456789012345",
            "PARCEL 7:F3K/42",
            "A",
            "mixed 0123456789 UPPER CASE é",
        ] {
            let code = QrCode::new(text).unwrap();
            assert_eq!(greys(&code).read(1).unwrap().payload.bytes, text.as_bytes());
        }
    }

    /// rqrr's view of the same modules.
    struct Grid<'a>(&'a Greys);
    impl rqrr::BitGrid for Grid<'_> {
        fn size(&self) -> usize {
            self.0.size
        }
        fn bit(&self, y: usize, x: usize) -> bool {
            self.0.values[y * self.0.size + x] < 120.0
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_grid_is_survived(size in 0_usize..60, seed in any::<u64>()) {
            let values = (0..size * size)
                .map(|i| ((seed ^ i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as f32)
                .collect();
            let read = Greys { size, values }.read(6);
            prop_assert!(read.is_none());
        }

        #[test]
        fn what_a_spoilt_grid_says_is_what_another_reader_says(
            text in "[a-z0-9 ]{1,60}",
            flips in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let mut grid = greys(&QrCode::with_error_correction_level(&text, qrcode::EcLevel::Q).unwrap());
            for flip in &flips {
                let at = flip.index(grid.values.len());
                grid.values[at] = 240.0 - grid.values[at];
            }
            let mut theirs = Vec::new();
            let other = rqrr::Grid::new(Grid(&grid)).decode_to(&mut theirs).is_ok();
            let own = grid.read(1).map(|r| r.payload.bytes);
            if let Some(bytes) = &own {
                prop_assert_eq!(bytes, text.as_bytes());
            }
            // What plain correction can take, ours takes too, but for what the smallest codes reserve.
            if other && theirs == text.as_bytes() && grid.size > 25 {
                prop_assert_eq!(own.as_deref(), Some(text.as_bytes()));
            }
        }
    }

    #[test]
    fn grid_that_is_no_code_is_not_read() {
        for seed in 0..200_u32 {
            for size in [21, 25, 29] {
                let values = (0..size * size).map(|i| {
                    ((seed + 1)
                        .wrapping_mul(i as u32 + 7)
                        .wrapping_mul(2_654_435_761)
                        >> 24) as f32
                });
                assert!(
                    Greys {
                        size,
                        values: values.collect()
                    }
                    .read(6)
                    .is_none()
                );
            }
        }
    }
}
