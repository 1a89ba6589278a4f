//! The three eyes of a code: dark, light, dark, light, dark in the ratio 1:1:3:1:1, along every line
//! through the centre.

use crate::best::keep;
use crate::binary::Binary;
use crate::frame::Point;

/// Most candidates that are collected, and most that are handed on.
const COLLECTED_MAX: usize = 400;
pub(crate) const KEPT_MAX: usize = 26;

/// A place that looks like an eye.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finder {
    pub centre: Point,
    /// pixels a module along rows and columns; at 45 degrees it is up to 1.4 times the true one
    pub module: f32,
    /// lines that agreed
    pub hits: u32,
}

/// Looks along every `step`-th row. `dark` is 1 for ordinary codes and 0 for inverted ones.
pub(crate) fn finders(binary: &Binary, dark: u8, step: usize) -> Vec<Finder> {
    let mut found: Vec<Finder> = Vec::new();
    let mut edges: Vec<u32> = Vec::with_capacity(binary.width + 1);
    for y in (step / 2..binary.height).step_by(step) {
        let row = binary.row(y);
        list_edges(row, binary.width as u32, &mut edges);
        let first_dark = usize::from(binary.at(0, y as i32) != Some(dark));
        for start in (first_dark..).step_by(2) {
            let Some(run) = edges.get(start..start + 6) else {
                break;
            };
            // Most runs of five fail here.
            let stone = run[3] - run[2];
            if stone <= run[2] - run[1] || stone <= run[4] - run[3] {
                continue;
            }
            let runs = [
                run[1] - run[0],
                run[2] - run[1],
                stone,
                run[4] - run[3],
                run[5] - run[4],
            ];
            if !eye_like(&runs) {
                continue;
            }
            let x = (run[2] + run[3]) as f32 / 2.0;
            if let Some(finder) = confirmed(binary, dark, x, y as i32, (run[5] - run[0]) as f32) {
                collect(&mut found, finder);
            }
        }
    }
    let mut kept = Vec::with_capacity(KEPT_MAX + 1);
    for finder in found {
        keep(&mut kept, finder, KEPT_MAX, weight);
    }
    kept
}

/// Where the colour changes, with the row's own two ends; a word at a time where nothing does.
fn list_edges(row: &[u64], width: u32, edges: &mut Vec<u32>) {
    edges.clear();
    edges.push(0);
    // Left of the first pixel it is as the first pixel.
    let mut last = row.first().map_or(0, |w| w & 1);
    let mut x = 0;
    for &word in row {
        // The word moved up by one pixel stands beside its neighbours.
        let mut changes = word ^ (word << 1 | last);
        last = word >> 63;
        while changes != 0 {
            edges.push(x + changes.trailing_zeros());
            changes &= changes - 1;
        }
        x += u64::BITS;
    }
    // Behind the last pixel it is light: a dark one makes an edge there, or one in the words' rest.
    while edges.last().is_some_and(|&e| e >= width) {
        edges.pop();
    }
    edges.push(width);
}

/// Agreeing lines out of those that cross the centre stone.
fn weight(f: &Finder) -> f32 {
    (f.hits as f32 / (f.module * 2.0).max(1.0)).min(1.2)
        + (f.hits as f32).min(6.0) * 0.1
        + f.module.min(12.0) * 0.02
}

/// Distances between edges of the same kind do not change when blur or ink makes dark swell; they
/// are 2, 4, 4, 2 modules. The single runs only have to exist.
fn eye_like(runs: &[u32; 5]) -> bool {
    let total: u32 = runs.iter().sum();
    if total < 7 {
        return false;
    }
    let module = total as f32 / 7.0;
    let slack = module * 0.75 + 0.4;
    let near = |a: u32, b: u32, want: f32| ((a + b) as f32 - want * module).abs() <= slack;
    near(runs[0], runs[1], 2.0)
        && near(runs[1], runs[2], 4.0)
        && near(runs[2], runs[3], 4.0)
        && near(runs[3], runs[4], 2.0)
        && runs[2] as f32 > module * 1.5
        && runs[2] > runs[1]
        && runs[2] > runs[3]
        && (runs[0] as f32) < module * 2.0
        && (runs[4] as f32) < module * 2.0
}

/// Runs outwards from a dark pixel: half the stone, the light ring, the dark ring; both ways.
/// Gives the runs and the place of the stone's middle along the line.
fn runs_through(
    binary: &Binary,
    dark: u8,
    x: i32,
    y: i32,
    dx: i32,
    dy: i32,
    limit: i32,
) -> Option<([u32; 5], f32)> {
    if binary.at(x, y)? != dark {
        return None;
    }
    let side = |sx: i32, sy: i32| -> Option<[i32; 3]> {
        let mut lengths = [0_i32; 3];
        let (mut px, mut py) = (x + sx, y + sy);
        for (i, length) in lengths.iter_mut().enumerate() {
            let want = if i == 1 { 1 - dark } else { dark };
            loop {
                match binary.at(px, py) {
                    Some(v) if v == want => {}
                    Some(_) => break,
                    // The dark ring may touch the border of the frame.
                    None if i == 2 => break,
                    None => return None,
                }
                *length += 1;
                if *length > limit {
                    return None;
                }
                px += sx;
                py += sy;
            }
        }
        Some(lengths)
    };
    let back = side(-dx, -dy)?;
    let forth = side(dx, dy)?;
    let runs = [
        back[2] as u32,
        back[1] as u32,
        (back[0] + 1 + forth[0]) as u32,
        forth[1] as u32,
        forth[2] as u32,
    ];
    Some((runs, (forth[0] - back[0]) as f32 / 2.0))
}

fn confirmed(binary: &Binary, dark: u8, x: f32, y: i32, across: f32) -> Option<Finder> {
    let limit = (across as i32) + 4;
    let (down, offset) = runs_through(binary, dark, x as i32, y, 0, 1, limit)?;
    if !eye_like(&down) {
        return None;
    }
    let cy = y as f32 + 0.5 + offset;
    let down_total: u32 = down.iter().sum();
    let (over, offset) = runs_through(binary, dark, x as i32, cy as i32, 1, 0, limit)?;
    if !eye_like(&over) {
        return None;
    }
    let cx = (x as i32) as f32 + 0.5 + offset;
    let over_total: u32 = over.iter().sum();
    let ratio = over_total as f32 / down_total as f32;
    if !(0.33..=3.0).contains(&ratio) {
        return None;
    }
    // One of the diagonals has to agree; at 45 degrees of rotation the other one cuts corners.
    let diagonal = |dx: i32| {
        runs_through(binary, dark, cx as i32, cy as i32, dx, 1, limit)
            .is_some_and(|(runs, _)| eye_like(&runs))
    };
    if !diagonal(1) && !diagonal(-1) {
        return None;
    }
    let module = ((over_total * down_total) as f32).sqrt() / 7.0;
    Some(Finder {
        centre: Point { x: cx, y: cy },
        module,
        hits: 1,
    })
}

/// Adds to the candidate it belongs to, or makes a new one.
fn collect(found: &mut Vec<Finder>, new: Finder) {
    for old in found.iter_mut() {
        let apart = old.centre.minus(new.centre);
        let reach = old.module.max(1.0) * 1.5;
        let ratio = old.module / new.module;
        if apart.x.abs() < reach && apart.y.abs() < reach && (0.6..1.7).contains(&ratio) {
            let n = old.hits as f32;
            old.centre = old.centre.times(n).plus(new.centre).times(1.0 / (n + 1.0));
            old.module = (old.module * n + new.module) / (n + 1.0);
            old.hits += 1;
            return;
        }
    }
    if found.len() < COLLECTED_MAX {
        found.push(new);
    }
}
