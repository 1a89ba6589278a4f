//! Dark or light, pixel by pixel, against a threshold that follows the light over the frame.

use crate::frame::Luma;

/// Pixels a side of the blocks whose darkest and lightest pixel is kept.
const BLOCK: usize = 8;
/// A neighbourhood with less than this between dark and light says nothing about its threshold.
const CONTRAST_MIN: u8 = 44;

/// How wide around a block the light is judged, in blocks to each side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    Near,
    Far,
}

/// One bit a pixel: 1 dark, 0 light. Rows begin with a word of their own, its lowest bit first.
pub(crate) struct Binary {
    words: Vec<u64>,
    /// words a row
    across: usize,
    pub width: usize,
    pub height: usize,
}

/// Pixels a word.
const WORD: usize = 64;

impl Binary {
    /// Behind the last pixel there is nothing but zeroes.
    pub fn row(&self, y: usize) -> &[u64] {
        &self.words[y * self.across..(y + 1) * self.across]
    }

    /// `None` outside the frame.
    pub fn at(&self, x: i32, y: i32) -> Option<u8> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < self.width && y < self.height)
            .then(|| (self.words[y * self.across + x / WORD] >> (x % WORD) & 1) as u8)
    }

    pub fn new(luma: &Luma, reach: Reach) -> Self {
        let blocks = Blocks::new(luma);
        let thresholds = blocks.thresholds(reach);
        let across = luma.width.div_ceil(WORD);
        let mut words = Vec::with_capacity(across * luma.height);
        // A row's thresholds; behind its end nothing is dark.
        let mut line = vec![0_u8; across * WORD];
        for y in 0..luma.height {
            if y % BLOCK == 0 {
                // The threshold changes by block row; inside one it is constant a block.
                let own = &thresholds[y / BLOCK * blocks.columns..][..blocks.columns];
                for (part, &t) in line.as_chunks_mut::<BLOCK>().0.iter_mut().zip(own) {
                    *part = [t; BLOCK];
                }
            }
            let row = luma.row(y);
            let (whole, rest) = row.as_chunks::<WORD>();
            let limits = line.as_chunks::<WORD>().0;
            words.extend(whole.iter().zip(limits).map(|(v, t)| below(v, t)));
            if !rest.is_empty() {
                let mut last = [u8::MAX; WORD];
                last[..rest.len()].copy_from_slice(rest);
                words.push(below(&last, &limits[whole.len()]));
            }
        }
        Self {
            words,
            across,
            width: luma.width,
            height: luma.height,
        }
    }
}

/// One bit for each that is below its limit: compared many at a time, then eight bytes of 0 or 1 are
/// moved beside each other by a product, whose parts do not meet.
fn below(values: &[u8; WORD], limits: &[u8; WORD]) -> u64 {
    let mut dark = [0_u8; WORD];
    for ((d, v), t) in dark.iter_mut().zip(values).zip(limits) {
        *d = u8::from(v < t);
    }
    let mut word = 0;
    for (i, eight) in dark.as_chunks::<8>().0.iter().enumerate() {
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= bits << (8 * i);
    }
    word
}

/// One of each two neighbours.
fn halved(values: &[u8], pick: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    values
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&[a, b]| pick(a, b))
        .collect()
}

struct Blocks {
    columns: usize,
    rows: usize,
    /// mean, lowest and highest of each block
    mean: Vec<f32>,
    low: Vec<u8>,
    high: Vec<u8>,
}

impl Blocks {
    /// Whole rows are folded into one another first: that is what vector instructions are good at.
    fn new(luma: &Luma) -> Self {
        let columns = luma.width.div_ceil(BLOCK);
        let rows = luma.height.div_ceil(BLOCK);
        let blocks = columns * rows;
        let (mut mean, mut low, mut high) = (
            Vec::with_capacity(blocks),
            Vec::with_capacity(blocks),
            Vec::with_capacity(blocks),
        );
        let mut sums = vec![0_u16; columns * BLOCK];
        let mut lows = vec![0_u8; columns * BLOCK];
        let mut highs = vec![0_u8; columns * BLOCK];
        for by in 0..rows {
            let (from, to) = (by * BLOCK, ((by + 1) * BLOCK).min(luma.height));
            sums.fill(0);
            lows.fill(255);
            highs.fill(0);
            // Every second row says enough about the light.
            for y in (from..to).step_by(2) {
                let row = luma.row(y);
                let all = sums.iter_mut().zip(&mut lows).zip(&mut highs).zip(row);
                for (((s, l), h), &v) in all {
                    *s += u16::from(v);
                    *l = (*l).min(v);
                    *h = (*h).max(v);
                }
            }
            let lines = (to - from).div_ceil(2);
            for (i, part) in sums.as_chunks::<BLOCK>().0.iter().enumerate() {
                let sum: u16 = part.iter().sum();
                let count = (luma.width - i * BLOCK).min(BLOCK) * lines;
                mean.push(f32::from(sum) / count as f32);
            }
            low.extend(halved(&halved(&halved(&lows, u8::min), u8::min), u8::min));
            high.extend(halved(&halved(&halved(&highs, u8::max), u8::max), u8::max));
        }
        Self {
            columns,
            rows,
            mean,
            low,
            high,
        }
    }

    /// A threshold per block: halfway between the local mean and the local middle, judged over the
    /// smallest neighbourhood that has contrast.
    fn thresholds(&self, reach: Reach) -> Vec<u8> {
        let radii: [usize; 3] = match reach {
            Reach::Near => [2, 5, 14],
            Reach::Far => [6, 12, 24],
        };
        let mean = Integral::new(&self.mean, self.columns, self.rows);
        // What has contrast enough has a threshold above zero.
        let mut out = vec![0_u8; self.columns * self.rows];
        let (mut low, mut high) = (self.low.clone(), self.high.clone());
        let mut around = vec![0.0; self.columns];
        let mut reached = 0;
        for radius in radii {
            low = spread(&low, self.columns, self.rows, radius - reached, u8::min);
            high = spread(&high, self.columns, self.rows, radius - reached, u8::max);
            reached = radius;
            let mut open = false;
            for (y, out) in out.chunks_mut(self.columns).enumerate() {
                if !out.contains(&0) {
                    continue;
                }
                mean.around(y, radius, &mut around);
                let at = y * self.columns..(y + 1) * self.columns;
                let ends = low[at.clone()].iter().zip(&high[at]);
                for ((out, (&low, &high)), local) in out.iter_mut().zip(ends).zip(&around) {
                    let middle = (f32::from(low) + f32::from(high)) / 2.0;
                    let known = *out > 0 || high - low < CONTRAST_MIN;
                    *out = if known {
                        *out
                    } else {
                        (0.5 * local + 0.5 * middle) as u8
                    };
                }
                open |= out.contains(&0);
            }
            if !open {
                return out;
            }
        }
        let whole = self.mean.iter().sum::<f32>() / self.mean.len().max(1) as f32;
        for (y, out) in out.chunks_mut(self.columns).enumerate() {
            if out.contains(&0) {
                mean.around(y, 14, &mut around);
                for (out, local) in out.iter_mut().zip(&around).filter(|(out, _)| **out == 0) {
                    // A little below the mean, so that a flat bright wall is light.
                    *out = (local * 0.5 + whole * 0.4) as u8;
                }
            }
        }
        out
    }
}

/// The lowest or highest within `radius`, columns then rows; whole rows at a time. Three windows side by
/// side make one that is three times as wide.
pub(crate) fn spread<T: Copy>(
    values: &[T],
    columns: usize,
    rows: usize,
    radius: usize,
    pick: impl Fn(T, T) -> T + Copy,
) -> Vec<T> {
    let mut held = values.to_vec();
    let mut out = values.to_vec();
    let fold = |out: &mut [T], row: &[T]| {
        for (o, &v) in out.iter_mut().zip(row) {
            *o = pick(*o, v);
        }
    };
    let mut reached = 0;
    while reached < radius && columns > 0 {
        let by = (2 * reached + 1).min(radius - reached);
        reached += by;
        // Beyond the border the outermost stands for what there is.
        let (near, far) = (by.min(columns - 1), columns - by.min(columns - 1));
        for (out, row) in out.chunks_mut(columns).zip(held.chunks(columns)) {
            fold(&mut out[near..], row);
            fold(out, &row[near..]);
            for o in &mut out[..near] {
                *o = pick(*o, row[0]);
            }
            for o in &mut out[far..] {
                *o = pick(*o, row[columns - 1]);
            }
        }
        held.copy_from_slice(&out);
        let row = |y: usize| &held[y * columns..(y + 1) * columns];
        for (y, out) in out.chunks_mut(columns).enumerate() {
            fold(out, row(y.saturating_sub(by)));
            fold(out, row((y + by).min(rows - 1)));
        }
        held.copy_from_slice(&out);
    }
    held
}

/// Sums over rectangles.
pub(crate) struct Integral {
    sums: Vec<f32>,
    columns: usize,
    rows: usize,
}

impl Integral {
    pub fn new(values: &[f32], columns: usize, rows: usize) -> Self {
        let wide = columns + 1;
        let mut sums = vec![0.0; wide * (rows + 1)];
        for y in 0..rows {
            let mut line = 0.0;
            for x in 0..columns {
                line += values[y * columns + x];
                sums[(y + 1) * wide + x + 1] = sums[y * wide + x + 1] + line;
            }
        }
        Self {
            sums,
            columns,
            rows,
        }
    }

    /// Into `out`, for each place of row `y`: the mean of the square within `radius`, cut at the border.
    pub fn around(&self, y: usize, radius: usize, out: &mut [f32]) {
        let wide = self.columns + 1;
        let (y0, y1) = (y.saturating_sub(radius), (y + radius + 1).min(self.rows));
        let upper = &self.sums[y0 * wide..(y0 + 1) * wide];
        let lower = &self.sums[y1 * wide..(y1 + 1) * wide];
        for (x, out) in out.iter_mut().enumerate() {
            let (x0, x1) = (x.saturating_sub(radius), (x + radius + 1).min(self.columns));
            let sum = lower[x1] - upper[x1] - lower[x0] + upper[x0];
            *out = sum / ((x1 - x0) * (y1 - y0)).max(1) as f32;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spreading_is_the_extreme_of_the_square_around(
            columns in 1_usize..24, rows in 1_usize..24, radius in 0_usize..30, seed in any::<u64>(),
        ) {
            let values: Vec<u8> = (0..columns * rows)
                .map(|i| ((seed ^ i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
                .collect();
            let got = spread(&values, columns, rows, radius, u8::min);
            for y in 0..rows {
                for x in 0..columns {
                    let lowest = (0..columns * rows)
                        .filter(|i| (i % columns).abs_diff(x) <= radius && (i / columns).abs_diff(y) <= radius)
                        .map(|i| values[i])
                        .min();
                    prop_assert_eq!(got[y * columns + x], lowest.unwrap());
                }
            }
        }

        #[test]
        fn a_bit_is_set_where_the_pixel_is_below_its_limit(values in prop::collection::vec(any::<u8>(), 128)) {
            let (values, limits) = (values[..64].try_into().unwrap(), values[64..].try_into().unwrap());
            let word = below(&values, &limits);
            for i in 0..64 {
                prop_assert_eq!(word >> i & 1 == 1, values[i] < limits[i]);
            }
        }
    }
}
