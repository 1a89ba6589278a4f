//! Greys a module in, bytes out: a few ways to tell dark from light, then `rqrr` reads the bit grid
//! and corrects its errors.

use crate::binary::Integral;

/// How much damage the code's maker planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EcLevel {
    L,
    M,
    Q,
    H,
}

impl EcLevel {
    /// The two bits of the format word.
    fn from_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::M,
            1 => Self::L,
            2 => Self::H,
            _ => Self::Q,
        }
    }

    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::L => "L",
            Self::M => "M",
            Self::Q => "Q",
            Self::H => "H",
        }
    }
}

/// What a grid of modules said.
pub(crate) struct Reading {
    pub bytes: Vec<u8>,
    pub version: u8,
    pub ec_level: EcLevel,
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
        const WAYS: [(f32, usize, f32); 6] =
            [(0.0, 4, 0.5), (0.6, 4, 0.5), (0.3, 7, 0.0), (1.0, 5, 0.3), (0.0, 2, 1.0), (0.6, 100, 0.0)];
        let mut seen: Vec<Vec<bool>> = Vec::with_capacity(WAYS.len());
        for (sharpen, radius, middle) in WAYS.into_iter().take(tries) {
            let cells = self.sharpened(sharpen).split(radius, middle);
            if seen.contains(&cells) {
                continue;
            }
            let bits = Bits { size: self.size, cells };
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
            return Self { size: self.size, values: self.values.clone() };
        }
        let n = self.size;
        let mut values = Vec::with_capacity(n * n);
        for y in 0..n {
            for x in 0..n {
                let at = |x: usize, y: usize| self.values[y * n + x];
                let own = at(x, y);
                let around = at(x.saturating_sub(1), y) + at((x + 1).min(n - 1), y) + at(x, y.saturating_sub(1))
                    + at(x, (y + 1).min(n - 1));
                values.push(own + amount * (own - around / 4.0));
            }
        }
        Self { size: n, values }
    }

    /// Dark where below a mix of the local mean and the local middle of extremes.
    fn split(&self, radius: usize, middle: f32) -> Vec<bool> {
        let n = self.size;
        let mean = Integral::new(&self.values, n, n);
        let mut cells = Vec::with_capacity(n * n);
        for y in 0..n {
            for x in 0..n {
                let mut threshold = mean.around(x, y, radius);
                if middle > 0.0 {
                    let (mut low, mut high) = (f32::MAX, f32::MIN);
                    for row in y.saturating_sub(radius)..(y + radius + 1).min(n) {
                        for &v in &self.values[row * n + x.saturating_sub(radius)..row * n + (x + radius + 1).min(n)] {
                            low = low.min(v);
                            high = high.max(v);
                        }
                    }
                    threshold = threshold * (1.0 - middle) + (low + high) / 2.0 * middle;
                }
                cells.push(self.values[y * n + x] < threshold);
            }
        }
        cells
    }
}

struct Bits {
    size: usize,
    cells: Vec<bool>,
}

impl rqrr::BitGrid for &Bits {
    fn size(&self) -> usize {
        self.size
    }
    fn bit(&self, y: usize, x: usize) -> bool {
        self.cells.get(y * self.size + x).copied().unwrap_or(false)
    }
}

impl Bits {
    fn read(&self) -> Option<Reading> {
        let mut bytes = Vec::new();
        let meta = rqrr::Grid::new(self).decode_to(&mut bytes).ok()?;
        let word = format_word(meta.ecc_level, meta.mask);
        Some(Reading {
            bytes,
            version: u8::try_from(meta.version.0).ok()?,
            ec_level: EcLevel::from_bits(meta.ecc_level),
            mirrored: self.format_distance(word, true) < self.format_distance(word, false),
        })
    }

    /// How many of the format bits around the first eye differ from `word`.
    fn format_distance(&self, word: u16, mirrored: bool) -> usize {
        const PLACES: [(usize, usize); 15] = [
            (8, 0), (8, 1), (8, 2), (8, 3), (8, 4), (8, 5), (8, 7), (8, 8),
            (7, 8), (5, 8), (4, 8), (3, 8), (2, 8), (1, 8), (0, 8),
        ];
        PLACES
            .iter()
            .enumerate()
            .filter(|&(i, &(y, x))| {
                let (y, x) = if mirrored { (x, y) } else { (y, x) };
                let bit = self.cells.get(y * self.size + x).copied().unwrap_or(false);
                bit != (word >> (14 - i) & 1 == 1)
            })
            .count()
    }
}

/// Two bits of level and three of mask with their ten check bits, masked as they stand in the code.
fn format_word(level: u16, mask: u16) -> u16 {
    let data = (level & 3) << 3 | (mask & 7);
    let mut rest = data << 10;
    for bit in (10..15).rev() {
        if rest >> bit & 1 == 1 {
            rest ^= 0b101_0011_0111 << (bit - 10);
        }
    }
    (data << 10 | rest) ^ 0b101_0100_0001_0010
}
