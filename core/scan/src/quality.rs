//! Two cheap figures about a frame, for the words under the viewfinder ("hold still", "more light").

use crate::frame::{Luma, ScanError};

/// What can be said of a frame without decoding it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameQuality {
    /// 0 (no edge is finer than a few pixels) to 1 (edges as fine as the pixels)
    pub sharpness: f32,
    /// mean luma, 0 (black) to 1 (white)
    pub exposure: f32,
}

/// What would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// the frame is too dark
    Light,
    /// the frame is nearly white: glare, or the lens is covered by light
    Shade,
    /// no edge is sharp: the phone moves, or has not focused yet
    Still,
}

impl Advice {
    /// Stable name for JavaScript.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Shade => "shade",
            Self::Still => "still",
        }
    }
}

const DARK: f32 = 0.12;
const BRIGHT: f32 = 0.93;
/// Half of what a frame has that is blurred by two pixels.
const SOFT: f32 = 0.12;

impl FrameQuality {
    /// For this frame by itself; also what makes a photo useless as a proof.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        if self.exposure < DARK {
            Some(Advice::Light)
        } else if self.exposure > BRIGHT {
            Some(Advice::Shade)
        } else if self.sharpness < SOFT {
            Some(Advice::Still)
        } else {
            None
        }
    }
}

/// One row in so many is looked at.
const ROWS: usize = 6;
/// Noise stays below this, an edge of a printed code does not.
const EDGE_MIN: u8 = 24;

/// Looks at every sixth row.
///
/// # Errors
/// As [`crate::scan`]: sizes that do not fit the buffer.
pub fn measure(
    data: &[u8],
    width: usize,
    height: usize,
    stride: usize,
) -> Result<FrameQuality, ScanError> {
    let luma = Luma::new(data, width, height, stride)?;
    let (mut sum, mut count, mut fine, mut coarse) = (0_u64, 0_u64, 0_u64, 0_u64);
    for y in (0..height).step_by(ROWS) {
        let row = luma.row(y);
        sum += u64::from(row.iter().map(|&v| u32::from(v)).sum::<u32>());
        count += row.len() as u64;
        let (row_fine, row_coarse) = edges(row);
        coarse += u64::from(row_coarse);
        fine += u64::from(row_fine);
    }
    // A ramp over all five pixels gives a quarter, a step gives one.
    let ratio = if coarse == 0 {
        0.25
    } else {
        fine as f32 / coarse as f32
    };
    Ok(FrameQuality {
        sharpness: ((ratio - 0.25) / 0.75).clamp(0.0, 1.0),
        exposure: sum as f32 / (count as f32 * 255.0),
    })
}

/// Pixels at a time, and how many times before what was summed up is moved to where there is more room.
const LANES: usize = 16;
const TURNS: usize = 256;

/// Of a row, the steepest single steps of its edges, and the edges whole, summed up.
fn edges(row: &[u8]) -> (u32, u32) {
    let (mut fine, mut coarse) = (0, 0);
    // Five pixels side by side, as five rows that are shifted.
    let from = |by: usize| row.get(by..).unwrap_or_default().as_chunks::<LANES>().0;
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|by| from(by).chunks(TURNS));
    for ((((a, b), c), d), e) in a.zip(b).zip(c).zip(d).zip(e) {
        let (mut fines, mut coarses) = ([0_u16; LANES], [0_u16; LANES]);
        for ((((a, b), c), d), e) in a.iter().zip(b).zip(c).zip(d).zip(e) {
            for i in 0..LANES {
                let wide = a[i].abs_diff(e[i]);
                let steepest = (a[i].abs_diff(b[i]).max(b[i].abs_diff(c[i])))
                    .max(c[i].abs_diff(d[i]).max(d[i].abs_diff(e[i])));
                let edge = if wide >= EDGE_MIN { u8::MAX } else { 0 };
                coarses[i] += u16::from(wide & edge);
                fines[i] += u16::from(steepest.min(wide) & edge);
            }
        }
        coarse += coarses.iter().map(|&v| u32::from(v)).sum::<u32>();
        fine += fines.iter().map(|&v| u32::from(v)).sum::<u32>();
    }
    (fine, coarse)
}
