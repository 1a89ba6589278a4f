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

/// Looks at every fourth row.
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
    for y in (0..height).step_by(4) {
        let row = luma.row(y);
        sum += row.iter().map(|&v| u64::from(v)).sum::<u64>();
        count += row.len() as u64;
        for w in row.windows(5) {
            // Noise stays below this limit, an edge of a printed code does not.
            let wide = w[0].abs_diff(w[4]);
            if wide >= 24 {
                let steepest = w.windows(2).map(|p| p[0].abs_diff(p[1])).fold(0, u8::max);
                coarse += u64::from(wide);
                fine += u64::from(steepest.min(wide));
            }
        }
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
