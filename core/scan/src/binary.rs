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

/// One byte a pixel: 1 dark, 0 light.
pub(crate) struct Binary {
    cells: Vec<u8>,
    pub width: usize,
    pub height: usize,
}

impl Binary {
    pub fn row(&self, y: usize) -> &[u8] {
        &self.cells[y * self.width..(y + 1) * self.width]
    }

    /// `None` outside the frame.
    pub fn at(&self, x: i32, y: i32) -> Option<u8> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < self.width && y < self.height).then(|| self.cells[y * self.width + x])
    }

    pub fn new(luma: &Luma, reach: Reach) -> Self {
        let blocks = Blocks::new(luma);
        let thresholds = blocks.thresholds(reach);
        let mut cells = vec![0; luma.width * luma.height];
        let mut line = vec![0_u8; luma.width];
        for y in 0..luma.height {
            if y % BLOCK == 0 || y == 0 {
                // The threshold changes by block row; inside one it is constant a block.
                let by = (y / BLOCK).min(blocks.rows - 1);
                for (x, t) in line.iter_mut().enumerate() {
                    *t = thresholds[by * blocks.columns + (x / BLOCK).min(blocks.columns - 1)];
                }
            }
            let out = &mut cells[y * luma.width..(y + 1) * luma.width];
            for ((cell, &v), &t) in out.iter_mut().zip(luma.row(y)).zip(&line) {
                *cell = u8::from(v < t);
            }
        }
        Self {
            cells,
            width: luma.width,
            height: luma.height,
        }
    }
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
                for (s, &v) in sums.iter_mut().zip(row) {
                    *s += u16::from(v);
                }
                for (l, &v) in lows.iter_mut().zip(row) {
                    *l = (*l).min(v);
                }
                for (h, &v) in highs.iter_mut().zip(row) {
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
        let mut out = vec![0_u8; self.columns * self.rows];
        let mut undecided: Vec<usize> = (0..out.len()).collect();
        for radius in radii {
            let low = spread(&self.low, self.columns, self.rows, radius, u8::min);
            let high = spread(&self.high, self.columns, self.rows, radius, u8::max);
            undecided.retain(|&i| {
                if high[i] - low[i] < CONTRAST_MIN {
                    return true;
                }
                let local = mean.around(i % self.columns, i / self.columns, radius);
                let middle = (f32::from(low[i]) + f32::from(high[i])) / 2.0;
                out[i] = (0.5 * local + 0.5 * middle) as u8;
                false
            });
            if undecided.is_empty() {
                return out;
            }
        }
        let whole = self.mean.iter().sum::<f32>() / self.mean.len().max(1) as f32;
        for i in undecided {
            // A little below the mean, so that a flat bright wall is light.
            let local = mean.around(i % self.columns, i / self.columns, 14);
            out[i] = (local * 0.5 + whole * 0.4) as u8;
        }
        out
    }
}

/// The lowest or highest within `radius`, columns then rows; whole rows at a time.
pub(crate) fn spread<T: Copy>(
    values: &[T],
    columns: usize,
    rows: usize,
    radius: usize,
    pick: impl Fn(T, T) -> T + Copy,
) -> Vec<T> {
    let mut across = values.to_vec();
    for (out, row) in across
        .chunks_mut(columns.max(1))
        .zip(values.chunks(columns.max(1)))
    {
        for d in 1..=radius.min(columns.saturating_sub(1)) {
            for (o, &v) in out.iter_mut().zip(&row[d..]) {
                *o = pick(*o, v);
            }
            for (o, &v) in out[d..].iter_mut().zip(row) {
                *o = pick(*o, v);
            }
        }
    }
    let mut out = across.clone();
    for y in 0..rows {
        let line = &mut out[y * columns..(y + 1) * columns];
        for r in y.saturating_sub(radius)..(y + radius + 1).min(rows) {
            for (o, &v) in line.iter_mut().zip(&across[r * columns..(r + 1) * columns]) {
                *o = pick(*o, v);
            }
        }
    }
    out
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

    /// Mean of the square within `radius` of (x, y), cut at the border.
    pub fn around(&self, x: usize, y: usize, radius: usize) -> f32 {
        let wide = self.columns + 1;
        let (x0, x1) = (x.saturating_sub(radius), (x + radius + 1).min(self.columns));
        let (y0, y1) = (y.saturating_sub(radius), (y + radius + 1).min(self.rows));
        let sum = self.sums[y1 * wide + x1] - self.sums[y0 * wide + x1] - self.sums[y1 * wide + x0]
            + self.sums[y0 * wide + x0];
        sum / ((x1 - x0) * (y1 - y0)).max(1) as f32
    }
}
