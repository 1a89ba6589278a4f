//! What is tried, in which order, and when to stop.

use std::cell::Cell;

use crate::bars::{self, bars};
use crate::binary::{Binary, Reach};
use crate::detect::{Care, Depth, Scene, triples};
use crate::finder::{Finder, finders};
use crate::frame::{Frame, Luma, Point, ScanError};
use crate::layout::EcLevel;
use crate::segment::Part;

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

/// The kinds of code that are read. Data Matrix and the others are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbology {
    Qr,
    Code128,
}

impl Symbology {
    /// Stable name for JavaScript.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Qr => "qr",
            Self::Code128 => "code128",
        }
    }
}

/// A code that was read and passed its error correction or its check symbol.
#[derive(Debug, Clone)]
pub struct Code {
    pub symbology: Symbology,
    /// Only where it is not a guess: UTF-8, or a character set that the code itself names and that is
    /// ISO 8859-1 or UTF-8. May hold control characters.
    pub text: Option<String>,
    /// As they stand in the code; where a GS1 field ends, 0x1d.
    pub bytes: Vec<u8>,
    /// character sets that the code names (ECI), in order
    pub eci: Vec<u32>,
    /// the bytes are GS1 fields
    pub gs1: bool,
    /// one of several codes that belong together
    pub part: Option<Part>,
    /// clockwise as seen; of a QR code from the corner between the first two eyes, of bars from where
    /// reading begins
    pub corners: [Point; 4],
    /// of a QR code
    pub version: Option<u8>,
    /// of a QR code
    pub ec_level: Option<EcLevel>,
    /// codewords that were wrong and corrected
    pub errors_corrected: usize,
    /// light on dark
    pub inverted: bool,
    /// seen in a mirror or from behind; of bars nobody can tell
    pub mirrored: bool,
    /// which try succeeded
    pub found_by: Try,
}

/// One way to look at the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    scale: Scale,
    reach: Reach,
    inverted: bool,
    /// where the last code was, and only there
    again: bool,
    bars: bool,
}

impl Try {
    /// For the diagnostics: `full`, `half inverted`, `again full`, `bars` and so on.
    #[must_use]
    pub fn name(self) -> String {
        if self.bars {
            return if self.again { "again bars" } else { "bars" }.to_owned();
        }
        let scale = match self.scale {
            Scale::Double => "double",
            Scale::Full => "full",
            Scale::Half => "half",
            Scale::Quarter => "quarter",
        };
        let mut name = String::from(if self.again { "again " } else { "" });
        name.push_str(scale);
        if self.reach == Reach::Far {
            name.push_str(" far");
        }
        if self.inverted {
            name.push_str(" inverted");
        }
        name
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Double,
    Full,
    Half,
    Quarter,
}

const fn look(scale: Scale, reach: Reach, inverted: bool) -> Try {
    Try {
        scale,
        reach,
        inverted,
        again: false,
        bars: false,
    }
}

const BASE: Try = look(Scale::Full, Reach::Near, false);
/// What one frame by itself gets after the first look.
const LIVE: &[Try] = &[
    look(Scale::Half, Reach::Near, false),
    look(Scale::Half, Reach::Near, true),
];
/// What frames of a camera get in turns while nothing is found; a frame that gets no look at its own
/// size is followed by one that does.
const TURNS: &[(&[Try], bool)] = &[
    (&[look(Scale::Half, Reach::Near, false)], true),
    (&[BASE], false),
    (LIVE, false),
    (&[BASE], true),
    (&[look(Scale::Half, Reach::Near, false)], false),
    (&[BASE, look(Scale::Full, Reach::Near, true)], false),
    (&[look(Scale::Quarter, Reach::Near, false)], true),
    (&[look(Scale::Full, Reach::Far, false)], false),
];
const STILL: &[Try] = &[
    look(Scale::Half, Reach::Near, false),
    look(Scale::Full, Reach::Near, true),
    look(Scale::Full, Reach::Far, false),
    look(Scale::Half, Reach::Far, false),
    look(Scale::Half, Reach::Near, true),
    look(Scale::Quarter, Reach::Near, false),
    look(Scale::Double, Reach::Near, false),
];

/// Bounds of one look.
struct Budget {
    triples: usize,
    ways: usize,
    care: Care,
    /// of every so many rows one is searched for eyes, in the frame's own size
    rows: usize,
    bars: bars::Effort,
    /// grey samples a frame, over all looks
    work: u32,
}

const LIVE_BUDGET: Budget = Budget {
    triples: 8,
    ways: 3,
    care: Care {
        sizes: 2,
        starts: 1,
        fits: 2,
    },
    rows: 2,
    bars: bars::Effort {
        areas: 5,
        lines: 9,
        patience: 2,
        ways: 3,
    },
    work: 1_800_000,
};
const STILL_BUDGET: Budget = Budget {
    triples: 30,
    ways: 6,
    care: Care {
        sizes: 3,
        starts: 2,
        fits: 4,
    },
    rows: 1,
    bars: bars::Effort {
        areas: 12,
        lines: 21,
        patience: 7,
        ways: 6,
    },
    work: 40_000_000,
};
/// Most codes reported from one frame.
const CODES_MAX: usize = 8;
/// Thresholds tried where a fit looks good but was not polished.
const QUICK_WAYS: usize = 2;
/// Doubling is for small pictures; the sides a doubled frame may have.
const DOUBLED_MAX: usize = 1600;

/// Looks for QR codes and Code 128 in 8-bit luma; rows are `stride` bytes apart.
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
    let sight = match effort {
        Effort::Live => live(full),
        Effort::Still => still(full),
    };
    Ok(Scan { codes: sight.codes })
}

fn live(full: Luma) -> Sight {
    let mut sight = Sight::new(full, Effort::Live);
    sight.look(BASE);
    sight.bars(false);
    for look in LIVE {
        if !sight.done() {
            sight.look(*look);
        }
    }
    sight
}

fn still(full: Luma) -> Sight {
    let mut sight = Sight::new(full, Effort::Still);
    sight.look(BASE);
    sight.bars(false);
    for look in STILL {
        // A second code may show only at another scale, but the first one's eyes cost the same again there.
        if !sight.done() {
            sight.look(*look);
        }
    }
    sight
}

/// Frames of a camera, one after the other: what was seen in one helps with the next.
#[derive(Debug, Default)]
pub struct Live {
    /// around the last code, and how many frames ago it was seen
    last: Option<(Region, u32)>,
    /// frames since the last code
    empty: u32,
    told: Vec<Told>,
}

/// A code that was reported.
#[derive(Debug)]
struct Told {
    symbology: Symbology,
    bytes: Vec<u8>,
    seen_ms: f64,
    /// when it was new
    new_ms: f64,
}

#[derive(Debug, Clone, Copy)]
struct Region {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// A code that was out of sight for so long is new again.
const FORGET_MS: f64 = 2_000.0;
/// And when another was seen meanwhile, for so long.
const FORGET_FOR_ANOTHER_MS: f64 = 400.0;
/// The place of the last code is looked at first for so many frames.
const AGAIN_FRAMES: u32 = 15;
/// While a code stays in its place, every so-manieth frame is searched whole for others.
const WHOLE_EVERY: u32 = 6;

impl Live {
    /// Looks at the next frame. `now_ms` is any clock that does not go back. The second of each pair says
    /// whether the code is new: a code that stays before the lens is new once.
    ///
    /// The place of the last code comes first. The costly tries take turns while nothing is found, one a
    /// frame; only the first frame gets all that [`scan`] gives.
    ///
    /// # Errors
    /// As [`scan`].
    pub fn scan(
        &mut self,
        luma: &[u8],
        width: usize,
        height: usize,
        stride: usize,
        now_ms: f64,
    ) -> Result<Vec<(Code, bool)>, ScanError> {
        let full = Luma::new(luma, width, height, stride)?;
        let mut codes = self.again(&full);
        if codes.is_empty() {
            let sight = match self.empty.checked_sub(1) {
                None => live(full),
                Some(turn) => {
                    let (looks, with_bars) = TURNS[turn as usize % TURNS.len()];
                    let mut sight = Sight::new(full, Effort::Live);
                    for look in looks {
                        sight.look(*look);
                    }
                    if with_bars {
                        sight.bars(false);
                    }
                    sight
                }
            };
            codes = sight.codes;
            self.empty = if codes.is_empty() {
                self.empty.wrapping_add(1).max(1)
            } else {
                0
            };
            if let Some(code) = codes.first() {
                self.last = Region::around(&code.corners, width, height).map(|r| (r, 0));
            }
        }
        Ok(codes
            .into_iter()
            .map(|code| {
                let new = self.is_new(&code, now_ms);
                (code, new)
            })
            .collect())
    }

    /// Only where the last code was.
    fn again(&mut self, full: &Luma) -> Vec<Code> {
        let Some((region, age)) = self.last else {
            return Vec::new();
        };
        if age > AGAIN_FRAMES {
            self.last = None;
            return Vec::new();
        }
        self.last = Some((region, age + 1));
        if age % WHOLE_EVERY == WHOLE_EVERY - 1 {
            return Vec::new();
        }
        let Some(part) = full.part(region.x, region.y, region.width, region.height) else {
            return Vec::new();
        };
        let mut sight = Sight::new(part, Effort::Live);
        sight.look(BASE);
        if sight.codes.is_empty() {
            sight.bars(true);
        }
        let mut codes = sight.codes;
        let by = Point {
            x: region.x as f32,
            y: region.y as f32,
        };
        for code in &mut codes {
            code.corners = code.corners.map(|p| p.plus(by));
            code.found_by.again = true;
        }
        if let Some(code) = codes.first() {
            let next = Region::around(&code.corners, full.width, full.height);
            // The age goes on: it says when the whole frame is due.
            self.last = next.map(|r| (r, (age + 1) % WHOLE_EVERY));
        }
        codes
    }

    fn is_new(&mut self, code: &Code, now_ms: f64) -> bool {
        let same = |t: &Told| t.symbology == code.symbology && t.bytes == code.bytes;
        let known = self.told.iter().position(same);
        // Another that was new after this one was last seen.
        let another = known.is_some_and(|i| {
            let seen = self.told[i].seen_ms;
            self.told.iter().any(|t| !same(t) && t.new_ms > seen)
        });
        let limit = if another {
            FORGET_FOR_ANOTHER_MS
        } else {
            FORGET_MS
        };
        let fresh = known.is_none_or(|i| now_ms - self.told[i].seen_ms > limit);
        match known {
            Some(i) if fresh => (self.told[i].seen_ms, self.told[i].new_ms) = (now_ms, now_ms),
            // Back at once after another: held there, it has to become new in its time.
            Some(_) if another => {}
            Some(i) => self.told[i].seen_ms = now_ms,
            None => {
                self.told.retain(|t| now_ms - t.seen_ms <= FORGET_MS);
                self.told.push(Told {
                    symbology: code.symbology,
                    bytes: code.bytes.clone(),
                    seen_ms: now_ms,
                    new_ms: now_ms,
                });
            }
        }
        fresh
    }
}

impl Region {
    /// With half the code's size on every side, for a hand that moves.
    fn around(corners: &[Point; 4], width: usize, height: usize) -> Option<Self> {
        let bounds = |pick: fn(&Point) -> f32, most: usize| {
            let (low, high) = corners
                .iter()
                .map(pick)
                .fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(v), h.max(v)));
            let room = (high - low) * 0.5 + 16.0;
            let from = (low - room).max(0.0) as usize;
            let to = ((high + room).max(0.0) as usize).min(most);
            (from < to).then(|| (from, to - from))
        };
        let (x, w) = bounds(|p| p.x, width)?;
        let (y, h) = bounds(|p| p.y, height)?;
        // Nothing is gained where the code fills the frame.
        (w * h * 2 < width * height).then_some(Self {
            x,
            y,
            width: w,
            height: h,
        })
    }
}

/// One frame, and what was seen in it so far.
struct Sight<'a> {
    scales: Scales<'a>,
    budget: &'static Budget,
    work: Cell<u32>,
    codes: Vec<Code>,
}

impl<'a> Sight<'a> {
    fn new(full: Luma<'a>, effort: Effort) -> Self {
        let budget = match effort {
            Effort::Live => &LIVE_BUDGET,
            Effort::Still => &STILL_BUDGET,
        };
        Self {
            scales: Scales::new(full),
            budget,
            work: Cell::new(budget.work),
            codes: Vec::new(),
        }
    }

    fn done(&self) -> bool {
        !self.codes.is_empty() || self.work.get() == 0
    }

    fn look(&mut self, look: Try) {
        look_once(
            &mut self.scales,
            look,
            self.budget,
            &self.work,
            &mut self.codes,
        );
    }

    fn bars(&mut self, again: bool) {
        for found in bars(&self.scales.full, self.budget.bars, &self.work) {
            if self.codes.len() >= CODES_MAX {
                break;
            }
            let line = found.line;
            let text = if line.extended {
                Some(line.bytes.iter().map(|&b| char::from(b)).collect())
            } else {
                String::from_utf8(line.bytes.clone()).ok()
            };
            self.codes.push(Code {
                symbology: Symbology::Code128,
                text,
                bytes: line.bytes,
                eci: Vec::new(),
                gs1: line.gs1,
                part: None,
                corners: found.corners,
                version: None,
                ec_level: None,
                errors_corrected: 0,
                inverted: found.inverted,
                mirrored: false,
                found_by: Try {
                    bars: true,
                    again,
                    ..BASE
                },
            });
        }
    }
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
    look: Try,
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
    let rows = if look.scale == Scale::Full {
        budget.rows
    } else {
        1
    };
    let eyes = finders(binary, scene.dark, rows);
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
            code.found_by = look;
            code.corners = code.corners.map(|p| p.times(pixels(look.scale)));
            codes.push(code);
        }
    }
}

fn read(scene: &Scene, eyes: [&Finder; 3], budget: &Budget) -> Option<Code> {
    scene.search(eyes, budget.care, |fit, depth| {
        let ways = match depth {
            Depth::Quick => QUICK_WAYS,
            Depth::Full => budget.ways,
        };
        let reading = scene.greys(&fit.warp).read(ways)?;
        Some(Code {
            symbology: Symbology::Qr,
            text: reading.payload.text(),
            eci: reading.payload.marks.iter().map(|m| m.1).collect(),
            gs1: reading.payload.gs1,
            part: reading.payload.part,
            bytes: reading.payload.bytes,
            corners: fit.warp.corners(),
            version: Some(reading.version),
            ec_level: Some(reading.ec_level),
            errors_corrected: reading.errors,
            inverted: false,
            mirrored: reading.mirrored,
            found_by: BASE,
        })
    })
}

fn inside(quad: &[Point; 4], p: Point) -> bool {
    (0..4).all(|i| quad[(i + 1) % 4].minus(quad[i]).cross(p.minus(quad[i])) > 0.0)
}
