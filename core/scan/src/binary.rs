//! Dark or light, pixel by pixel, against a threshold that follows the light over the frame.

use crate::frame::Luma;

/// Pixels a side of the blocks whose darkest and lightest pixel is kept.
const BLOCK: usize = 8;
/// A neighbourhood with less than this between dark and light says nothing about its threshold.
const CONTRAST_MIN: f32 = 22.0;

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

struct Blocks {
    columns: usize,
    rows: usize,
    /// mean, lowest and highest of each block
    mean: Vec<f32>,
    low: Vec<f32>,
    high: Vec<f32>,
}

impl Blocks {
    fn new(luma: &Luma) -> Self {
        let columns = luma.width.div_ceil(BLOCK);
        let rows = luma.height.div_ceil(BLOCK);
        let mut sums = vec![0_u32; columns * rows];
        let mut counts = vec![0_u32; columns * rows];
        let mut lows = vec![255_u8; columns * rows];
        let mut highs = vec![0_u8; columns * rows];
        for y in 0..luma.height {
            let base = (y / BLOCK) * columns;
            for (bx, part) in luma.row(y).chunks(BLOCK).enumerate() {
                let i = base + bx;
                sums[i] += part.iter().map(|&v| u32::from(v)).sum::<u32>();
                counts[i] += part.len() as u32;
                for &v in part {
                    lows[i] = lows[i].min(v);
                    highs[i] = highs[i].max(v);
                }
            }
        }
        Self {
            columns,
            rows,
            mean: sums
                .iter()
                .zip(&counts)
                .map(|(&s, &c)| s as f32 / c.max(1) as f32)
                .collect(),
            low: lows.into_iter().map(f32::from).collect(),
            high: highs.into_iter().map(f32::from).collect(),
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
            let low = spread(&self.low, self.columns, self.rows, radius, f32::min);
            let high = spread(&self.high, self.columns, self.rows, radius, f32::max);
            undecided.retain(|&i| {
                if high[i] - low[i] < CONTRAST_MIN * 2.0 {
                    return true;
                }
                let local = mean.around(i % self.columns, i / self.columns, radius);
                let middle = (low[i] + high[i]) / 2.0;
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

/// The lowest or highest within `radius` blocks, columns then rows.
pub(crate) fn spread(
    values: &[f32],
    columns: usize,
    rows: usize,
    radius: usize,
    pick: fn(f32, f32) -> f32,
) -> Vec<f32> {
    let mut across = Vec::with_capacity(values.len());
    for row in values.chunks(columns.max(1)) {
        for x in 0..row.len() {
            let part = &row[x.saturating_sub(radius)..(x + radius + 1).min(row.len())];
            across.push(part.iter().copied().fold(part[0], pick));
        }
    }
    let mut out = Vec::with_capacity(values.len());
    for y in 0..rows {
        let (from, to) = (y.saturating_sub(radius), (y + radius + 1).min(rows));
        for x in 0..columns {
            let mut best = across[from * columns + x];
            for r in from + 1..to {
                best = pick(best, across[r * columns + x]);
            }
            out.push(best);
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
