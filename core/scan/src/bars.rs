//! Where bars stand side by side: areas whose greys change in one direction only, and lines across them.
//!
//! No line of the frame is searched by itself. Each block of pixels says how strong its edges are and
//! which way they look; neighbours that agree make an area, and the area's direction is the way to read.

use std::cell::Cell;

use crate::best::keep;
use crate::code128::{self, Line};
use crate::frame::{Luma, Point};

/// Pixels a side of the blocks that have one direction.
const BLOCK: usize = 16;
/// Mean square of the differences below which a block is flat.
const STRENGTH_MIN: f32 = 90.0;
/// How much of a block's edges must look one way, and how far neighbours may differ (cosine of twice
/// the angle).
const COHERENCE_MIN: f32 = 0.45;
const AGREEMENT_MIN: f32 = 0.8;
/// Blocks of the smallest area worth reading.
const BLOCKS_MIN: usize = 4;
/// Samples a pixel along a line.
const DENSITY: f32 = 2.0;
/// Symbols in a row, from a start on, that make an area worth more lines.
const SYMBOLS_PROMISING: usize = 2;
/// Changes between dark and light in the shortest code.
const EDGES_MIN: usize = 24;
/// Lines that have to say the same: a check symbol alone is right by chance once in a hundred.
const LINES_AGREEING: usize = 2;

/// A code that at least two lines agree on.
pub(crate) struct Found {
    pub line: Line,
    /// clockwise, from where reading begins, above
    pub corners: [Point; 4],
    pub inverted: bool,
}

/// Lines tried in an area and ways to sharpen each.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub areas: usize,
    pub lines: usize,
    /// lines without anything like the beginning of a code, then the area is given up
    pub patience: usize,
    pub ways: usize,
}

/// Sums over a block: strength, and direction as a vector of twice the angle.
#[derive(Clone, Copy, Default)]
struct Tensor {
    strength: f32,
    cos: f32,
    sin: f32,
}

impl Tensor {
    fn plus(self, o: Self) -> Self {
        Self {
            strength: self.strength + o.strength,
            cos: self.cos + o.cos,
            sin: self.sin + o.sin,
        }
    }
    fn length(self) -> f32 {
        (self.cos * self.cos + self.sin * self.sin).sqrt()
    }
    fn agrees(self, o: Self) -> bool {
        self.cos * o.cos + self.sin * o.sin > AGREEMENT_MIN * self.length() * o.length()
    }
}

/// Every code in the frame.
pub(crate) fn bars(luma: &Luma, effort: Effort, work: &Cell<u32>) -> Vec<Found> {
    let mut out: Vec<Found> = Vec::new();
    for area in areas(luma, effort.areas) {
        if work.get() == 0 {
            break;
        }
        let known = out.iter().any(|f| area.covered_by(&f.corners));
        if !known && let Some(found) = area.read(luma, effort, work) {
            out.push(found);
        }
    }
    out
}

/// Differences across both diagonals: half a pixel off, the same for all, and no smoothing that thin
/// bars would not survive. Every second row is enough.
fn tensors(luma: &Luma) -> (Vec<Tensor>, usize, usize) {
    let (columns, rows) = (luma.width / BLOCK, luma.height / BLOCK);
    let mut out = Vec::with_capacity(columns * rows);
    let mut line = vec![[0_i32; 3]; columns];
    for by in 0..rows {
        line.fill([0; 3]);
        for y in (by * BLOCK..(by + 1) * BLOCK).step_by(2) {
            if y + 1 >= luma.height {
                continue;
            }
            let (upper, lower) = (luma.row(y), luma.row(y + 1));
            for (bx, sums) in line.iter_mut().enumerate() {
                let at = bx * BLOCK;
                // One more pixel to the right; the last block of a row does without.
                if let (Some(u), Some(l)) = (
                    upper.get(at..at + BLOCK + 1).and_then(|s| s.first_chunk()),
                    lower.get(at..at + BLOCK + 1).and_then(|s| s.first_chunk()),
                ) {
                    add(sums, u, l);
                }
            }
        }
        for [falling, rising, both] in &line {
            let count = (BLOCK * BLOCK / 2) as f32;
            out.push(Tensor {
                strength: (falling + rising) as f32 / count,
                cos: 2.0 * *both as f32 / count,
                sin: (falling - rising) as f32 / count,
            });
        }
    }
    (out, columns, rows)
}

fn add(sums: &mut [i32; 3], upper: &[u8; BLOCK + 1], lower: &[u8; BLOCK + 1]) {
    for i in 0..BLOCK {
        let falling = i16::from(lower[i + 1]) - i16::from(upper[i]);
        let rising = i16::from(upper[i + 1]) - i16::from(lower[i]);
        sums[0] += i32::from(falling) * i32::from(falling);
        sums[1] += i32::from(rising) * i32::from(rising);
        sums[2] += i32::from(falling) * i32::from(rising);
    }
}

/// Blocks that agree on a direction.
struct Area {
    /// the way to read, length one
    along: Point,
    centre: Point,
    /// pixels from the centre, along the reading and across it
    reach: f32,
    half_height: f32,
    weight: f32,
}

/// The strongest areas first.
fn areas(luma: &Luma, limit: usize) -> Vec<Area> {
    let (raw, columns, rows) = tensors(luma);
    if columns < 2 || rows == 0 {
        return Vec::new();
    }
    let at = |x: usize, y: usize| raw[y * columns + x];
    // With the neighbours: one block of a code may lie in a gap.
    let mut smooth = Vec::with_capacity(raw.len());
    for y in 0..rows {
        for x in 0..columns {
            let mut sum = at(x, y);
            if x > 0 {
                sum = sum.plus(at(x - 1, y));
            }
            if x + 1 < columns {
                sum = sum.plus(at(x + 1, y));
            }
            smooth.push(sum);
        }
    }
    let mut open: Vec<bool> = raw
        .iter()
        .zip(&smooth)
        .map(|(own, around)| {
            own.strength + around.strength / 3.0 > STRENGTH_MIN * 2.0
                && around.length() > COHERENCE_MIN * around.strength
        })
        .collect();
    let mut out = Vec::new();
    let mut waiting = Vec::new();
    for start in 0..raw.len() {
        if !open[start] {
            continue;
        }
        open[start] = false;
        waiting.push(start);
        let mut members = Vec::new();
        let mut total = Tensor::default();
        while let Some(i) = waiting.pop() {
            members.push(i);
            total = total.plus(smooth[i]);
            let (x, y) = (i % columns, i / columns);
            for (dx, dy) in [
                (-1, 0),
                (1, 0),
                (0, -1),
                (0, 1),
                (-1, -1),
                (1, 1),
                (1, -1),
                (-1, 1),
                (-2, 0),
                (2, 0),
            ] {
                let (nx, ny) = (x as i32 + dx, y as i32 + dy);
                if nx < 0 || ny < 0 || nx >= columns as i32 || ny >= rows as i32 {
                    continue;
                }
                let n = ny as usize * columns + nx as usize;
                if open[n] && smooth[n].agrees(smooth[i]) && smooth[n].agrees(total) {
                    open[n] = false;
                    waiting.push(n);
                }
            }
        }
        if members.len() >= BLOCKS_MIN {
            let area = Area::new(&members, total, columns);
            if area.reach > BLOCK as f32 * 1.5 {
                keep(&mut out, area, limit, |a| a.weight);
            }
        }
    }
    out
}

impl Area {
    fn new(members: &[usize], total: Tensor, columns: usize) -> Self {
        // Half of the doubled angle, without asking for the angle.
        let length = total.length().max(1e-6);
        let x = ((1.0 + total.cos / length) / 2.0).max(0.0).sqrt();
        let along = if x < 1e-3 {
            Point { x: 0.0, y: 1.0 }
        } else {
            let y = total.sin / length / (2.0 * x);
            Point { x, y }
        };
        let middle = |i: usize| Point {
            x: ((i % columns) as f32 + 0.5) * BLOCK as f32,
            y: ((i / columns) as f32 + 0.5) * BLOCK as f32,
        };
        let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        for &i in members {
            let p = middle(i);
            let (u, v) = (p.dot(along), along.cross(p));
            low = (low.0.min(u), low.1.min(v));
            high = (high.0.max(u), high.1.max(v));
        }
        let (u, v) = ((low.0 + high.0) / 2.0, (low.1 + high.1) / 2.0);
        Self {
            along,
            centre: along.times(u).plus(across(along).times(v)),
            reach: (high.0 - low.0) / 2.0 + BLOCK as f32 * 0.5,
            half_height: (high.1 - low.1) / 2.0 + BLOCK as f32 * 0.35,
            weight: members.len() as f32 * total.length() / total.strength.max(1.0),
        }
    }

    fn covered_by(&self, corners: &[Point; 4]) -> bool {
        (0..4).all(|i| {
            corners[(i + 1) % 4]
                .minus(corners[i])
                .cross(self.centre.minus(corners[i]))
                > 0.0
        })
    }

    /// Lines from the middle outwards, until enough of them say the same.
    fn read(&self, luma: &Luma, effort: Effort, work: &Cell<u32>) -> Option<Found> {
        let mut heard: Vec<(Line, bool, usize, f32)> = Vec::new();
        let mut symbols = 0;
        for i in 0..effort.lines {
            let step = i.div_ceil(2);
            let side = if i % 2 == 0 { 1.0 } else { -1.0 };
            let offset = side * step as f32 * 2.0 * self.half_height / (effort.lines as f32 + 1.0);
            let profile = self.profile(luma, offset, work);
            // Where nothing has begun like a code, the plain way and one sharpened say enough.
            let ways = if symbols == 0 {
                effort.ways.min(2)
            } else {
                effort.ways
            };
            for way in 0..ways {
                match listen(&profile, way) {
                    Heard::Line(line, inverted) => {
                        let said = heard
                            .iter_mut()
                            .find(|(l, _, _, _)| l.bytes == line.bytes && l.gs1 == line.gs1);
                        match said {
                            Some((_, _, count, _)) => *count += 1,
                            None => heard.push((line, inverted, 1, offset)),
                        }
                        break;
                    }
                    // Nothing like bars: sharpening will not make any.
                    Heard::Nothing => break,
                    Heard::Symbols(count) => symbols = symbols.max(count),
                }
            }
            // One dissent and nothing is said.
            if let [(line, inverted, count, offset)] = &heard[..]
                && *count >= LINES_AGREEING
            {
                return Some(Found {
                    corners: self.corners(line, *offset),
                    line: line.clone(),
                    inverted: *inverted,
                });
            }
            let idle = heard.is_empty() && symbols < SYMBOLS_PROMISING && i + 1 >= effort.patience;
            if heard.len() > 1 || idle || work.get() == 0 {
                return None;
            }
        }
        None
    }

    fn start(&self) -> f32 {
        // The outermost blocks hold little of the code, and the quiet zone lies beyond them.
        -self.reach - 3.0 * BLOCK as f32
    }

    /// Greys along a line beside the middle, each the mean of three across.
    fn profile(&self, luma: &Luma, offset: f32, work: &Cell<u32>) -> Vec<f32> {
        let across = across(self.along);
        let count = (2.0 * -self.start() * DENSITY) as usize;
        work.set(work.get().saturating_sub(3 * count as u32));
        let origin = self.centre.plus(across.times(offset));
        (0..count)
            .map(|i| {
                let p = origin.plus(self.along.times(self.start() + i as f32 / DENSITY));
                (luma.sample(p)
                    + luma.sample(p.plus(across.times(1.2)))
                    + luma.sample(p.minus(across.times(1.2))))
                    / 3.0
            })
            .collect()
    }

    fn corners(&self, line: &Line, offset: f32) -> [Point; 4] {
        let across = across(self.along);
        let origin = self.centre.plus(across.times(offset));
        let place = |at: f32, v: f32| {
            origin
                .plus(self.along.times(self.start() + at / DENSITY))
                .plus(across.times(v))
        };
        let (up, down) = (-self.half_height - offset, self.half_height - offset);
        if line.from <= line.to {
            [
                place(line.from, up),
                place(line.to, up),
                place(line.to, down),
                place(line.from, down),
            ]
        } else {
            [
                place(line.from, down),
                place(line.to, down),
                place(line.to, up),
                place(line.from, up),
            ]
        }
    }
}

fn across(along: Point) -> Point {
    Point {
        x: -along.y,
        y: along.x,
    }
}

/// What a profile gave.
enum Heard {
    Line(Line, bool),
    /// so many symbols in a row
    Symbols(usize),
    /// too few changes for any code
    Nothing,
}

/// A profile to bytes: forwards and backwards, dark on light and light on dark.
fn listen(profile: &[f32], way: usize) -> Heard {
    let Some((edges, first_dark)) = edges(profile, way) else {
        return Heard::Nothing;
    };
    let end = profile.len() as f32;
    let reversed: Vec<f32> = edges.iter().rev().map(|e| end - e).collect();
    // What lies behind the first edge seen backwards is what lay before the last.
    let last_dark = first_dark != edges.len().is_multiple_of(2);
    let mut symbols = 0;
    for inverted in [false, true] {
        if let Some(line) = code128::read(&edges, first_dark != inverted, &mut symbols) {
            return Heard::Line(line, inverted);
        }
        if let Some(mut line) = code128::read(&reversed, last_dark != inverted, &mut symbols) {
            (line.from, line.to) = (end - line.from, end - line.to);
            return Heard::Line(line, inverted);
        }
    }
    Heard::Symbols(symbols)
}

/// Places where the profile crosses the middle between the lightest and the darkest around, to a
/// fraction of a sample; and whether dark lies behind the first.
fn edges(profile: &[f32], way: usize) -> Option<(Vec<f32>, bool)> {
    const CONTRAST_MIN: f32 = 10.0;
    let (window, sharpen, soft) = [
        (28, 0.0, 0),
        (20, 1.5, 3),
        (14, 3.0, 2),
        (44, 0.8, 4),
        (16, 5.0, 3),
        (24, 0.0, 2),
    ][way % 6];
    let values: Vec<f32> = if sharpen > 0.0 || soft > 0 {
        let smooth = boxed(profile, soft);
        let wide = boxed(&smooth, soft);
        if sharpen > 0.0 {
            smooth
                .iter()
                .zip(&wide)
                .map(|(p, s)| p + sharpen * (p - s))
                .collect()
        } else {
            smooth
        }
    } else {
        profile.to_vec()
    };
    let n = values.len();
    let low = lowest(&values, window);
    let high: Vec<f32> = lowest(&values.iter().map(|v| -v).collect::<Vec<_>>(), window);
    let signed: Vec<f32> = (0..n)
        .map(|i| {
            let (l, h) = (low[i], -high[i]);
            // Where nothing changes it is light if it is as light as its wider surroundings.
            if h - l < CONTRAST_MIN {
                f32::NAN
            } else {
                values[i] - (l + h) / 2.0
            }
        })
        .collect();
    let mut out = Vec::new();
    let mut first_dark = None;
    let mut last: Option<(usize, f32)> = None;
    for (i, &v) in signed.iter().enumerate() {
        if v.is_nan() {
            continue;
        }
        if let Some((j, before)) = last
            && (before < 0.0) != (v < 0.0)
        {
            first_dark.get_or_insert(v < 0.0);
            out.push(j as f32 + (i - j) as f32 * before / (before - v));
        }
        last = Some((i, v));
    }
    (out.len() >= EDGES_MIN).then_some(())?;
    Some((out, first_dark?))
}

/// The lowest within `radius` of each: windows twice as long are made of two, until they are long enough.
fn lowest(values: &[f32], radius: usize) -> Vec<f32> {
    let n = values.len();
    let length = 2 * radius + 1;
    // In front of the first and behind the last there is nothing low.
    let mut held = vec![f32::MAX; radius];
    held.extend_from_slice(values);
    held.resize(n + 2 * radius, f32::MAX);
    let mut span = 1;
    while span < length {
        let step = span.min(length - span);
        for i in 0..held.len() - step {
            let (a, b) = (held[i], held[i + step]);
            held[i] = if b < a { b } else { a };
        }
        span += step;
    }
    held.truncate(n);
    held
}

/// The mean of `radius` samples to each side.
fn boxed(values: &[f32], radius: usize) -> Vec<f32> {
    let n = values.len();
    let mut sum: f32 = values.iter().take(radius).sum();
    let mut count = radius.min(n);
    (0..n)
        .map(|i| {
            if let Some(v) = values.get(i + radius) {
                sum += v;
                count += 1;
            }
            if i > radius {
                sum -= values[i - radius - 1];
                count -= 1;
            }
            sum / count as f32
        })
        .collect()
}
