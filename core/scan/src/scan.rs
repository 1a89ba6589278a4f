//! What is tried, in which order, and when to stop.

use std::cell::Cell;

use crate::binary::{Binary, Reach};
use crate::detect::{Care, Scene, triples};
use crate::finder::{Finder, finders};
use crate::frame::{Frame, Luma, Point, ScanError};
use crate::layout::EcLevel;

/// A camera's frame has a successor in a moment; a still picture has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    Live,
    Still,
}

/// What was found; no code is an ordinary outcome.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    pub codes: Vec<Code>,
}

/// A code that was read and passed its error correction.
#[derive(Debug, Clone)]
pub struct Code {
    /// Only when the bytes are UTF-8; a character set is never guessed. May hold control characters.
    pub text: Option<String>,
    pub bytes: Vec<u8>,
    /// clockwise as seen, from the corner between the first two eyes
    pub corners: [Point; 4],
    pub version: u8,
    pub ec_level: EcLevel,
    /// light on dark
    pub inverted: bool,
    /// seen in a mirror or from behind
    pub mirrored: bool,
}

/// One way to look at the frame.
#[derive(Clone, Copy)]
struct Look {
    scale: Scale,
    reach: Reach,
    inverted: bool,
    rows: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Double,
    Full,
    Half,
    Quarter,
}

const LIVE: &[Look] = &[
    Look {
        scale: Scale::Full,
        reach: Reach::Near,
        inverted: false,
        rows: 2,
    },
    Look {
        scale: Scale::Half,
        reach: Reach::Near,
        inverted: false,
        rows: 1,
    },
    Look {
        scale: Scale::Half,
        reach: Reach::Near,
        inverted: true,
        rows: 1,
    },
];
const STILL: &[Look] = &[
    Look {
        scale: Scale::Full,
        reach: Reach::Near,
        inverted: false,
        rows: 1,
    },
    Look {
        scale: Scale::Half,
        reach: Reach::Near,
        inverted: false,
        rows: 1,
    },
    Look {
        scale: Scale::Full,
        reach: Reach::Near,
        inverted: true,
        rows: 1,
    },
    Look {
        scale: Scale::Full,
        reach: Reach::Far,
        inverted: false,
        rows: 1,
    },
    Look {
        scale: Scale::Half,
        reach: Reach::Far,
        inverted: false,
        rows: 1,
    },
    Look {
        scale: Scale::Half,
        reach: Reach::Near,
        inverted: true,
        rows: 1,
    },
    Look {
        scale: Scale::Quarter,
        reach: Reach::Near,
        inverted: false,
        rows: 1,
    },
    Look {
        scale: Scale::Double,
        reach: Reach::Near,
        inverted: false,
        rows: 1,
    },
];

/// Bounds of one look.
struct Budget {
    triples: usize,
    fits: usize,
    ways: usize,
    care: Care,
    /// grey samples a frame, over all looks
    work: u32,
}

const LIVE_BUDGET: Budget = Budget {
    triples: 8,
    fits: 2,
    ways: 3,
    care: Care {
        sizes: 2,
        starts: 1,
    },
    work: 1_800_000,
};
const STILL_BUDGET: Budget = Budget {
    triples: 30,
    fits: 4,
    ways: 6,
    care: Care {
        sizes: 3,
        starts: 2,
    },
    work: 40_000_000,
};
/// Most codes reported from one frame.
const CODES_MAX: usize = 8;
/// A fit below this is not read: it would only be luck.
const SCORE_MIN: f32 = 0.30;
/// A fit below this is not bent.
const BEND_MIN: f32 = 0.40;
/// Doubling is for small pictures; the sides a doubled frame may have.
const DOUBLED_MAX: usize = 1600;

/// Looks for QR codes in 8-bit luma; rows are `stride` bytes apart.
///
/// # Errors
/// Sizes that do not fit the buffer, are zero, or exceed [`crate::MAX_SIDE`].
pub fn scan(
    luma: &[u8],
    width: usize,
    height: usize,
    stride: usize,
    effort: Effort,
) -> Result<Scan, ScanError> {
    let full = Luma::new(luma, width, height, stride)?;
    let (looks, budget) = match effort {
        Effort::Live => (LIVE, &LIVE_BUDGET),
        Effort::Still => (STILL, &STILL_BUDGET),
    };
    let mut scan = Scan::default();
    let mut scales = Scales::new(full);
    let work = Cell::new(budget.work);
    for look in looks {
        look_once(&mut scales, *look, budget, &work, &mut scan.codes);
        if !scan.codes.is_empty() || work.get() == 0 {
            break;
        }
    }
    Ok(scan)
}

/// The frame in the sizes that were asked for so far.
struct Scales<'a> {
    full: Luma<'a>,
    double: Option<Frame>,
    half: Option<Frame>,
    quarter: Option<Frame>,
    /// of the last scale and reach, so that the inverted look need not make it again
    binary: Option<(Scale, Reach, Binary)>,
}

impl<'a> Scales<'a> {
    fn new(full: Luma<'a>) -> Self {
        Self {
            full,
            double: None,
            half: None,
            quarter: None,
            binary: None,
        }
    }

    fn make(&mut self, scale: Scale) {
        match scale {
            Scale::Full => {}
            Scale::Double => {
                if self.double.is_none() && self.full.width.max(self.full.height) * 2 <= DOUBLED_MAX
                {
                    self.double = Some(Frame::doubled(&self.full));
                }
            }
            Scale::Half => {
                if self.half.is_none() {
                    self.half = Frame::halved(&self.full);
                }
            }
            Scale::Quarter => {
                self.make(Scale::Half);
                if self.quarter.is_none() {
                    self.quarter = self
                        .half
                        .as_ref()
                        .and_then(|half| Frame::halved(&half.luma()));
                }
            }
        }
    }

    fn luma(&self, scale: Scale) -> Option<Luma<'_>> {
        match scale {
            Scale::Full => Some(self.full),
            Scale::Double => self.double.as_ref().map(Frame::luma),
            Scale::Half => self.half.as_ref().map(Frame::luma),
            Scale::Quarter => self.quarter.as_ref().map(Frame::luma),
        }
    }
}

/// Pixels of the frame a pixel of the scale.
fn pixels(scale: Scale) -> f32 {
    match scale {
        Scale::Double => 0.5,
        Scale::Full => 1.0,
        Scale::Half => 2.0,
        Scale::Quarter => 4.0,
    }
}

fn look_once(
    scales: &mut Scales,
    look: Look,
    budget: &Budget,
    work: &Cell<u32>,
    codes: &mut Vec<Code>,
) {
    scales.make(look.scale);
    let ready = matches!(&scales.binary, Some((s, r, _)) if *s == look.scale && *r == look.reach);
    if !ready {
        let Some(luma) = scales.luma(look.scale) else {
            return;
        };
        let binary = Binary::new(&luma, look.reach);
        scales.binary = Some((look.scale, look.reach, binary));
    }
    let (Some(luma), Some((_, _, binary))) = (scales.luma(look.scale), &scales.binary) else {
        return;
    };
    let scene = Scene {
        luma,
        binary,
        dark: u8::from(!look.inverted),
        work,
    };
    let eyes = finders(binary, scene.dark, look.rows);
    let mut used = vec![false; eyes.len()];
    for triple in triples(&eyes, budget.triples) {
        if codes.len() >= CODES_MAX || scene.exhausted() {
            break;
        }
        if triple.eyes.iter().any(|&i| used[i]) {
            continue;
        }
        let [a, b, c] = triple.eyes.map(|i| &eyes[i]);
        if let Some(mut code) = read(&scene, [a, b, c], budget) {
            for (eye, used) in eyes.iter().zip(&mut used) {
                *used |= inside(&code.corners, eye.centre);
            }
            code.inverted = look.inverted;
            code.corners = code.corners.map(|p| p.times(pixels(look.scale)));
            codes.push(code);
        }
    }
}

fn read(scene: &Scene, eyes: [&Finder; 3], budget: &Budget) -> Option<Code> {
    let fits = scene.fits(eyes, budget.care);
    for fit in fits.iter().take(budget.fits) {
        if fit.score < SCORE_MIN {
            break;
        }
        for bent in [false, true] {
            if bent && fit.score < BEND_MIN {
                break;
            }
            let fit = if bent { scene.bent(fit) } else { fit.clone() };
            if let Some(reading) = scene.greys(&fit.warp).read(budget.ways) {
                return Some(Code {
                    text: String::from_utf8(reading.bytes.clone()).ok(),
                    bytes: reading.bytes,
                    corners: fit.warp.corners(),
                    version: reading.version,
                    ec_level: reading.ec_level,
                    inverted: false,
                    mirrored: reading.mirrored,
                });
            }
        }
    }
    None
}

fn inside(quad: &[Point; 4], p: Point) -> bool {
    (0..4).all(|i| quad[(i + 1) % 4].minus(quad[i]).cross(p.minus(quad[i])) > 0.0)
}
