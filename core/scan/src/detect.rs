//! Three eyes in, a fitted geometry out.
//!
//! A first guess comes from the eyes' centres, the distances between them and the alignment pattern.
//! Then everything a code of that size must contain (eyes and their borders, timing rows, alignment
//! patterns) is laid over the greys, and the map is turned until it agrees best: sub-pixel, without
//! any binarised pixel in between.

use crate::best::keep;
use crate::binary::Binary;
use crate::decode::Greys;
use crate::finder::Finder;
use crate::frame::{Luma, Point};
use crate::layout::{alignment_places, under_eye};
use crate::warp::{EYE, Warp};
use std::cell::Cell;

/// Indices of three eyes: the corner one, then clockwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triple {
    pub eyes: [usize; 3],
    pub cost: f32,
}

/// Best first, at most `limit`.
pub(crate) fn triples(eyes: &[Finder], limit: usize) -> Vec<Triple> {
    let mut out = Vec::new();
    for a in 0..eyes.len() {
        for b in a + 1..eyes.len() {
            for c in b + 1..eyes.len() {
                for triple in triple(eyes, [a, b, c]).into_iter().flatten() {
                    keep(&mut out, triple, limit, |t: &Triple| -t.cost);
                }
            }
        }
    }
    out
}

/// The corner is opposite the longest side; seen from very far aside, opposite the second longest.
fn triple(eyes: &[Finder], ids: [usize; 3]) -> [Option<Triple>; 2] {
    let at = |i: usize| eyes[ids[i]].centre;
    let across: [f32; 3] = std::array::from_fn(|i| at((i + 1) % 3).minus(at((i + 2) % 3)).length());
    let mut order = [0, 1, 2];
    for pair in [0, 1, 0] {
        if across[order[pair]] < across[order[pair + 1]] {
            order.swap(pair, pair + 1);
        }
    }
    let second = across[order[1]] * SECOND_CORNER_RATIO_MAX > across[order[0]];
    let first = cornered(eyes, ids, order[0]);
    let other = if second {
        cornered(eyes, ids, order[1])
    } else {
        None
    };
    let costlier = |t: Triple| Triple {
        cost: t.cost + 0.5,
        ..t
    };
    [first, other.map(costlier)]
}

fn cornered(eyes: &[Finder], ids: [usize; 3], corner: usize) -> Option<Triple> {
    let at = |i: usize| eyes[ids[i]].centre;
    let modules = ids.map(|i| eyes[i].module);
    let (low, high) = (
        modules.iter().copied().fold(f32::MAX, f32::min),
        modules.iter().copied().fold(0.0, f32::max),
    );
    if high > low * 2.3 {
        return None;
    }
    let (mut p, mut q) = ((corner + 1) % 3, (corner + 2) % 3);
    if at(p).minus(at(corner)).cross(at(q).minus(at(corner))) < 0.0 {
        std::mem::swap(&mut p, &mut q);
    }
    let (right, down) = (at(p).minus(at(corner)), at(q).minus(at(corner)));
    let (a, b) = (right.length(), down.length());
    let module = (modules[0] + modules[1] + modules[2]) / 3.0;
    // 14 modules apart in the smallest code, 170 in the largest; the module may be 1.4 times too big.
    if a.min(b) < module * 8.5 || a.max(b) > module * 190.0 || a.max(b) > a.min(b) * 2.8 {
        return None;
    }
    let cosine = (right.dot(down) / (a * b)).abs();
    if cosine > 0.75 {
        return None;
    }
    let hits: f32 = ids.iter().map(|&i| 1.0 / (eyes[i].hits as f32 + 0.5)).sum();
    let uneven = (high / low).ln() * 1.5 + (a / b).ln().abs();
    let cost = uneven + cosine * 1.2 + hits * 0.5 + (a.max(b) / module).ln() * 0.15;
    Some(Triple {
        eyes: [ids[corner], ids[p], ids[q]],
        cost,
    })
}

/// What a fit is made from.
pub(crate) struct Scene<'a> {
    pub luma: Luma<'a>,
    pub binary: &'a Binary,
    /// colour of a dark module in `binary`: 1, or 0 for an inverted code
    pub dark: u8,
    /// grey samples that may still be taken: the bound on a frame's cost, the same on every machine
    pub work: &'a Cell<u32>,
}

/// A geometry and how well it agrees, -1 to 1.
#[derive(Clone)]
pub(crate) struct Fit {
    pub warp: Warp,
    pub score: f32,
}

/// How hard to try.
#[derive(Clone, Copy)]
pub(crate) struct Care {
    /// code sizes tried around the estimate
    pub sizes: usize,
    /// starts kept for a size
    pub starts: usize,
    /// fits that are read with all means
    pub fits: usize,
}

/// How much is done to read a fit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    Quick,
    Full,
}

/// A start below this is not turned, and one that stays below the second after the coarse turn is dropped.
const START_MIN: f32 = 0.12;
const COARSE_MIN: f32 = 0.25;
/// A flat start above this is turned at once, and what is above the second is read at once.
const FLAT_MIN: f32 = 0.35;
const SURE_MIN: f32 = 0.62;
/// A fit below this is not read: it would only be luck.
const SCORE_MIN: f32 = 0.30;
/// A fit below this is not bent.
const BEND_MIN: f32 = 0.40;
/// Of the drawing's modules, how many are looked at while the steps are coarse: one in so many.
const COARSE_STRIDE: usize = 3;
/// How well each eye must fit its drawing before a triple is worth the search.
const EYE_MIN: f32 = 0.38;
/// The corner may be opposite the second longest side when the longest is not much longer.
const SECOND_CORNER_RATIO_MAX: f32 = 1.4;
/// How far the two legs may disagree about the number of modules.
const LEGS_RATIO_MAX: f32 = 1.45;

impl Scene<'_> {
    fn spend(&self, samples: usize) {
        self.work
            .set(self.work.get().saturating_sub(samples as u32));
    }

    pub fn exhausted(&self) -> bool {
        self.work.get() == 0
    }

    /// Light is positive whichever way round the code is printed.
    fn grey(&self, p: Point) -> f32 {
        let v = self.luma.sample(p);
        if self.dark == 1 { v } else { 255.0 - v }
    }

    /// Hands fits to `read`, the likeliest and cheapest first, until one is read. What is likely at once
    /// is not polished; what cannot be read is, and then bent.
    pub fn search<T>(
        &self,
        eyes: [&Finder; 3],
        care: Care,
        mut read: impl FnMut(&Fit, Depth) -> Option<T>,
    ) -> Option<T> {
        let [corner, right, down] = eyes.map(|e| e.centre);
        let estimate = self.estimate(eyes)?;
        let side = estimate - 2.0 * EYE;
        let (ex, ey) = (
            right.minus(corner).times(1.0 / side),
            down.minus(corner).times(1.0 / side),
        );
        if eyes
            .iter()
            .any(|e| self.eye_score(e, eyes, ex, ey) < EYE_MIN)
        {
            return None;
        }
        let mut fits: Vec<Fit> = Vec::new();
        for size in sizes_around(estimate, care.sizes) {
            let pattern = Pattern::new(size);
            let (flat, quick) = self.flat(&pattern, corner, right, down);
            if let Some(found) = quick.and_then(|fit| read(&fit, Depth::Quick)) {
                return Some(found);
            }
            let mut starts: Vec<Fit> = Vec::new();
            let tilted = self.starts(size, corner, right, down).into_iter();
            let scored = tilted.filter(Warp::plausible).map(|warp| Fit {
                score: pattern.score(self, &warp, Grain::Coarse),
                warp,
            });
            for start in scored.chain(flat) {
                keep(&mut starts, start, care.starts, |f| f.score);
            }
            for start in starts.into_iter().filter(|f| f.score > START_MIN) {
                let fit = pattern.fine(self, pattern.coarse(self, start, false), false);
                if fit.score > SURE_MIN
                    && let Some(found) = read(&fit, Depth::Quick)
                {
                    return Some(found);
                }
                keep(&mut fits, fit, care.fits, |f| f.score);
            }
        }
        for fit in &fits {
            if fit.score < SCORE_MIN {
                break;
            }
            if let Some(found) = read(fit, Depth::Full) {
                return Some(found);
            }
            if fit.score < BEND_MIN {
                break;
            }
            if let Some(found) = read(&self.bent(fit), Depth::Full) {
                return Some(found);
            }
        }
        None
    }

    /// The label as it would lie without any tilt, and the same turned a little if that is good already.
    fn flat(
        &self,
        pattern: &Pattern,
        corner: Point,
        right: Point,
        down: Point,
    ) -> (Option<Fit>, Option<Fit>) {
        let quad = [corner, right, right.plus(down).minus(corner), down];
        let start = Warp::new(pattern.size, quad, [Point::default(); 4]).map(|warp| Fit {
            score: pattern.score(self, &warp, Grain::Coarse),
            warp,
        });
        let turned = start
            .clone()
            .filter(|s| s.score > FLAT_MIN)
            .map(|s| pattern.coarse(self, s, false))
            .filter(|t| t.score > SURE_MIN);
        (start, turned)
    }

    /// The same fit with the bend let loose.
    fn bent(&self, fit: &Fit) -> Fit {
        let pattern = Pattern::new(fit.warp.size);
        pattern.fine(self, pattern.coarse(self, fit.clone(), true), true)
    }

    /// Correlation of an eye and its border with the drawing, turned and scaled as the triple says.
    fn eye_score(&self, eye: &Finder, eyes: [&Finder; 3], ex: Point, ey: Point) -> f32 {
        let mean = (eyes[0].module * eyes[1].module * eyes[2].module).cbrt();
        let scale = eye.module / mean;
        let (mut light, mut dark, mut squared) = (0.0_f32, 0.0_f32, 0.0_f32);
        for y in -4_i32..=4 {
            for x in -4_i32..=4 {
                let ring = x.abs().max(y.abs());
                let at = eye
                    .centre
                    .plus(ex.times(x as f32 * scale))
                    .plus(ey.times(y as f32 * scale));
                let grey = self.grey(at);
                squared += grey * grey;
                if ring == 2 || ring == 4 {
                    light += grey;
                } else {
                    dark += grey;
                }
            }
        }
        // 48 places are light and 33 are dark.
        let count = 81.0;
        self.spend(81);
        let (grey, sign) = ((light + dark) / count, 15.0 / count);
        let variance = (squared / count - grey * grey) * (1.0 - sign * sign);
        if variance < 1.0 {
            0.0
        } else {
            ((light - dark) / count - sign * grey) / variance.sqrt()
        }
    }

    /// Modules from border to border, not rounded.
    fn estimate(&self, eyes: [&Finder; 3]) -> Option<f32> {
        let leg = |a: &Finder, b: &Finder| {
            let way = b.centre.minus(a.centre);
            let distance = way.length();
            let unit = way.times(1.0 / distance.max(1e-3));
            // The row and column runs over-measure an eye that is turned.
            let turned = unit.x.abs().max(unit.y.abs());
            let module = |f: &Finder| self.extent(f, unit).unwrap_or(f.module * turned);
            let (ma, mb) = (module(a), module(b));
            // Under perspective modules shrink along the way; their logarithmic mean is close to this.
            distance / (ma * mb).sqrt().max(0.5) + 7.0
        };
        let (across, down) = (leg(eyes[0], eyes[1]), leg(eyes[0], eyes[2]));
        if across.max(down) > across.min(down) * LEGS_RATIO_MAX {
            return None;
        }
        let n = (across + down) / 2.0;
        (n.is_finite() && (15.0..190.0).contains(&n)).then_some(n)
    }

    /// Pixels a module of an eye, measured through it along `unit`.
    fn extent(&self, eye: &Finder, unit: Point) -> Option<f32> {
        let reach = |sign: f32| {
            let (mut changes, mut last) = (0, self.dark);
            let limit = (eye.module * 16.0) as usize + 6;
            for i in 0..limit {
                let d = i as f32 * 0.5;
                let p = eye.centre.plus(unit.times(sign * d));
                let v = self.binary.at(p.x.floor() as i32, p.y.floor() as i32)?;
                if v != last {
                    last = v;
                    changes += 1;
                    if changes == 3 {
                        return Some(d);
                    }
                }
            }
            None
        };
        let whole = reach(1.0)? + reach(-1.0)? - 0.5;
        let module = whole / 7.0;
        let ratio = module / eye.module;
        (0.5..1.35).contains(&ratio).then_some(module)
    }

    /// First guesses: where the alignment pattern seems to be, and where a few tilts would put the fourth corner.
    fn starts(&self, size: usize, corner: Point, right: Point, down: Point) -> Vec<Warp> {
        let n = size as f32;
        let far = n - EYE;
        let side = n - 2.0 * EYE;
        let (ex, ey) = (
            right.minus(corner).times(1.0 / side),
            down.minus(corner).times(1.0 / side),
        );
        let mut out = Vec::new();
        let square =
            |fourth: Point| Warp::new(size, [corner, right, fourth, down], [Point::default(); 4]);
        let flat = right.plus(down).minus(corner);
        if size > 21 {
            let place = n - 6.5;
            let guess = corner.plus(ex.plus(ey).times(place - EYE));
            for pixel in self.alignments(guess, ex, ey, 2.5 + n * 0.13) {
                let modules = [(EYE, EYE), (far, EYE), (place, place), (EYE, far)]
                    .map(|(x, y)| Point { x, y });
                out.extend(Warp::through(size, modules, [corner, right, pixel, down]));
            }
        }
        // The fourth corner of a tilted small code: along the diagonal and beside it.
        let diagonal = ex.plus(ey);
        let beside = ex.minus(ey);
        for along in [-0.16_f32, -0.08, 0.08, 0.18, 0.3] {
            for aside in [-0.12_f32, -0.05, 0.05, 0.12] {
                let shift = diagonal
                    .times(along * side)
                    .plus(beside.times(aside * side));
                out.extend(square(flat.plus(shift)));
            }
            out.extend(square(flat.plus(diagonal.times(along * side))));
        }
        out
    }

    /// The best few places of a dark dot in a light ring in a dark ring.
    fn alignments(&self, guess: Point, ex: Point, ey: Point, reach: f32) -> Vec<Point> {
        let mut best: Vec<(f32, Point)> = Vec::new();
        let steps = (reach * 2.0) as i32;
        self.spend(25 * (2 * steps as usize + 1).pow(2));
        for iy in -steps..=steps {
            for ix in -steps..=steps {
                let at = guess
                    .plus(ex.times(ix as f32 * 0.5))
                    .plus(ey.times(iy as f32 * 0.5));
                if !self.luma.contains(at, 0.0) {
                    continue;
                }
                let mut sum = 0.0;
                for dy in -2_i32..=2 {
                    for dx in -2_i32..=2 {
                        let ring = dx.abs().max(dy.abs());
                        let weight = [-4.0, 1.0, -0.5][ring as usize];
                        sum += weight
                            * self.grey(at.plus(ex.times(dx as f32)).plus(ey.times(dy as f32)));
                    }
                }
                // Of two equally good places the nearer one.
                let sum = sum - ((ix * ix + iy * iy) as f32).sqrt() * 3.0;
                let near = best
                    .iter()
                    .position(|(_, p)| p.minus(at).length() < ex.length() * 1.5);
                match near {
                    Some(i) if best[i].0 >= sum => continue,
                    Some(i) => {
                        best.remove(i);
                    }
                    None => {}
                }
                keep(&mut best, (sum, at), 5, |b| b.0);
            }
        }
        best.into_iter().map(|(_, p)| p).collect()
    }

    /// The grey of every module: a small cross around its centre, so that one noisy pixel does not decide.
    pub fn greys(&self, warp: &Warp) -> Greys {
        let n = warp.size;
        // Five samples a module, and about as much again for reading them.
        self.spend(10 * n * n);
        let mut values = Vec::with_capacity(n * n);
        for y in 0..n {
            for x in 0..n {
                let (u, v) = (x as f32 + 0.5, y as f32 + 0.5);
                let at = |du: f32, dv: f32| self.grey(warp.map(u + du, v + dv));
                const D: f32 = 0.22;
                values.push(
                    (2.0 * at(0.0, 0.0) + at(-D, -D) + at(D, -D) + at(D, D) + at(-D, D)) / 6.0,
                );
            }
        }
        Greys { size: n, values }
    }
}

/// Sizes of codes nearest to the estimate.
fn sizes_around(estimate: f32, count: usize) -> Vec<usize> {
    // The estimate's error grows with the size.
    let count = count + usize::from(estimate > 60.0) + usize::from(estimate > 100.0);
    let mut sizes = Vec::with_capacity(count + 1);
    for size in (1..=40).map(|v| 17 + 4 * v) {
        keep(&mut sizes, size, count, |&s| -(s as f32 - estimate).abs());
    }
    sizes
}

/// Which of the drawing's places are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grain {
    Coarse,
    Fine,
}

/// Places that are sampled together: where, how much they weigh, and that weight negative for dark.
#[derive(Default)]
struct Places {
    u: Vec<f32>,
    v: Vec<f32>,
    weight: Vec<f32>,
    signed: Vec<f32>,
}

/// Mapped at a time.
const BATCH: usize = 64;

impl Places {
    /// Two points a module, in opposite corners, alternating like a chessboard: a shift of a quarter
    /// module already costs.
    fn new(modules: impl Iterator<Item = (f32, f32, f32)>) -> Self {
        const D: f32 = 0.27;
        let mut out = Self::default();
        for (u, v, signed) in modules {
            let d = if (u as i32 + v as i32) % 2 == 0 {
                D
            } else {
                -D
            };
            for (du, dv) in [(-D, -d), (D, d)] {
                out.u.push(u + du);
                out.v.push(v + dv);
                out.weight.push(signed.abs());
                out.signed.push(signed);
            }
        }
        out
    }

    /// Weighted correlation of what must be with what is.
    fn correlation(&self, scene: &Scene, warp: &Warp) -> f32 {
        scene.spend(self.u.len());
        let (mut xs, mut ys, mut greys) = ([0.0; BATCH], [0.0; BATCH], [0.0; BATCH]);
        let (mut grey, mut squared, mut both) = (0.0, 0.0, 0.0);
        for at in (0..self.u.len()).step_by(BATCH) {
            let to = (at + BATCH).min(self.u.len());
            let count = to - at;
            warp.map_all(
                &self.u[at..to],
                &self.v[at..to],
                &mut xs[..count],
                &mut ys[..count],
            );
            for ((g, &x), &y) in greys.iter_mut().zip(&xs).zip(&ys).take(count) {
                *g = scene.luma.sample(Point { x, y });
            }
            let weights = self.weight[at..to].iter().zip(&self.signed[at..to]);
            for (&g, (&w, &s)) in greys[..count].iter().zip(weights) {
                grey += w * g;
                squared += w * g * g;
                both += s * g;
            }
        }
        let weight: f32 = self.weight.iter().sum();
        let sign = self.signed.iter().sum::<f32>() / weight;
        let grey = grey / weight;
        let variance = (squared / weight - grey * grey) * (1.0 - sign * sign);
        if variance < 1.0 {
            return 0.0;
        }
        let positive = (both / weight - sign * grey) / variance.sqrt();
        if scene.dark == 1 { positive } else { -positive }
    }
}

/// What every code of a size contains.
struct Pattern {
    size: usize,
    fine: Places,
    coarse: Places,
}

impl Pattern {
    fn new(size: usize) -> Self {
        let n = size as i32;
        let mut places = Vec::with_capacity(1200);
        let mut put = |x: i32, y: i32, light: bool, weight: f32| {
            places.push((
                x as f32 + 0.5,
                y as f32 + 0.5,
                if light { weight } else { -weight },
            ));
        };
        for (ox, oy) in [(0, 0), (n - 7, 0), (0, n - 7)] {
            for y in -1..=7_i32 {
                for x in -1..=7_i32 {
                    let ring = (x - 3).abs().max((y - 3).abs());
                    put(ox + x, oy + y, ring == 2 || ring == 4, 1.0);
                }
            }
        }
        for i in 8..n - 8 {
            put(i, 6, i % 2 == 1, 1.3);
            put(6, i, i % 2 == 1, 1.3);
        }
        let along = alignment_places(size);
        for &cy in &along {
            for &cx in &along {
                if under_eye(size, cx, cy) {
                    continue;
                }
                for dy in -2..=2_i32 {
                    for dx in -2..=2_i32 {
                        put(
                            cx as i32 + dx,
                            cy as i32 + dy,
                            dx.abs().max(dy.abs()) == 1,
                            1.6,
                        );
                    }
                }
            }
        }
        Self {
            size,
            coarse: Places::new(places.iter().copied().step_by(COARSE_STRIDE)),
            fine: Places::new(places.into_iter()),
        }
    }

    /// How well the map agrees, -1 to 1.
    fn score(&self, scene: &Scene, warp: &Warp, grain: Grain) -> f32 {
        match grain {
            Grain::Coarse => self.coarse.correlation(scene, warp),
            Grain::Fine => self.fine.correlation(scene, warp),
        }
    }

    fn coarse(&self, scene: &Scene, start: Fit, bend: bool) -> Fit {
        self.turned(scene, start, bend, &[0.9, 0.45], Grain::Coarse)
    }

    /// Does not bother with what stayed bad after the coarse turn.
    fn fine(&self, scene: &Scene, start: Fit, bend: bool) -> Fit {
        if start.score < COARSE_MIN {
            return start;
        }
        self.turned(scene, start, bend, &[0.22, 0.11], Grain::Fine)
    }

    /// Turns one figure at a time, in ever finer steps, as long as the score rises.
    fn turned(&self, scene: &Scene, start: Fit, bend: bool, steps: &[f32], grain: Grain) -> Fit {
        let module = start.warp.module();
        let figures = if bend { 16 } else { 8 };
        let mut best = start;
        best.score = self.score(scene, &best.warp, grain);
        for step in steps {
            for _ in 0..3 {
                let before = best.score;
                for figure in 0..figures {
                    self.turn_one(scene, &mut best, figure, step * module, grain);
                }
                if best.score - before < 0.002 || scene.exhausted() {
                    break;
                }
            }
            if best.score < COARSE_MIN || scene.exhausted() {
                break;
            }
        }
        best
    }

    fn turn_one(&self, scene: &Scene, best: &mut Fit, figure: usize, step: f32, grain: Grain) {
        for sign in [1.0_f32, -1.0] {
            let mut risen = false;
            for _ in 0..4 {
                let (mut quad, mut bend) = (best.warp.quad, best.warp.bend);
                let point = if figure < 8 {
                    &mut quad[figure / 2]
                } else {
                    &mut bend[figure / 2 - 4]
                };
                let axis = if figure.is_multiple_of(2) {
                    &mut point.x
                } else {
                    &mut point.y
                };
                *axis += sign * step;
                let Some(warp) = Warp::new(best.warp.size, quad, bend) else {
                    break;
                };
                let score = self.score(scene, &warp, grain);
                if score <= best.score {
                    break;
                }
                *best = Fit { warp, score };
                risen = true;
            }
            if risen {
                return;
            }
        }
    }
}
