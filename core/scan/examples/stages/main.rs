//! Draws what the scanner sees, step by step: `stages FILE.png`.
//!
//! A real run of the scanner's own modules, which are compiled in here because they tell the outside
//! nothing of their steps, on a frame of the bench's generator.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool of the workshop: what fails ends it; it uses a part of the modules"
)]

#[path = "../../src/bars.rs"]
mod bars;
#[path = "../../src/best.rs"]
mod best;
#[path = "../../src/binary.rs"]
mod binary;
#[path = "../../src/code128.rs"]
mod code128;
#[path = "../../src/decode.rs"]
mod decode;
#[path = "../../src/detect.rs"]
mod detect;
#[path = "../../src/finder.rs"]
mod finder;
#[path = "../../src/frame.rs"]
mod frame;
#[path = "../../src/layout.rs"]
mod layout;
#[path = "../../src/reed_solomon.rs"]
mod reed_solomon;
#[path = "../pictures/render.rs"]
mod render;
#[path = "../../src/segment.rs"]
mod segment;
#[path = "../../src/warp.rs"]
mod warp;

use std::cell::Cell;

use binary::{Binary, Reach};
use detect::{Care, Scene, triples};
use frame::{Luma, Point};
use image::{Rgb, RgbImage};
use warp::Warp;

/// Pixels of the frame that are shown, around the code.
const VIEW: usize = 240;
/// White between two pictures.
const GAP: usize = 10;
const RIGHT: [u8; 3] = [0, 150, 0];
const WRONG: [u8; 3] = [220, 0, 0];

fn main() {
    let file = std::env::args().nth(1).expect("stages FILE.png");
    let rendered = render::frame(1, "curved", 7, 8);
    let luma = Luma::new(
        &rendered.pixels,
        render::WIDTH,
        render::HEIGHT,
        render::WIDTH,
    )
    .unwrap();
    let binary = Binary::new(&luma, Reach::Near);
    let eyes = finder::finders(&binary, 1, 1);
    let work = Cell::new(40_000_000);
    let scene = Scene {
        luma,
        binary: &binary,
        dark: 1,
        work: &work,
    };
    let care = Care {
        sizes: 3,
        starts: 2,
        fits: 4,
    };
    let (chosen, last, greys, reading) = triples(&eyes, 30)
        .into_iter()
        .find_map(|triple| {
            let three = triple.eyes.map(|i| &eyes[i]);
            let (fit, greys, reading) = scene.search(three, care, |fit, _| {
                let greys = scene.greys(&fit.warp);
                greys.read(6).map(|reading| (fit.clone(), greys, reading))
            })?;
            Some((triple, fit, greys, reading))
        })
        .expect("the generator's frame is read");
    // As the label would lie without any tilt, by the eyes alone.
    let [corner, right, down] = chosen.eyes.map(|i| eyes[i].centre);
    let quad = [corner, right, right.plus(down).minus(corner), down];
    let first = Warp::new(last.warp.size, quad, [Point::default(); 4]).expect("an area");
    let corners = last.warp.corners();
    let middle = corners
        .iter()
        .fold(Point::default(), |s, p| s.plus(*p))
        .times(0.25);
    let from = |at: f32, side: usize| (at as usize).saturating_sub(VIEW / 2).min(side - VIEW);
    let (left, top) = (
        from(middle.x, render::WIDTH),
        from(middle.y, render::HEIGHT),
    );
    let place = |p: Point| (p.x - left as f32, p.y - top as f32);

    let mut out = RgbImage::from_pixel((4 * (VIEW + GAP) - GAP) as u32, VIEW as u32, Rgb([255; 3]));
    let mut dot = |panel: usize, (x, y): (f32, f32), size: i32, colour: [u8; 3]| {
        for (dx, dy) in (0..size).flat_map(|dy| (0..size).map(move |dx| (dx, dy))) {
            let (x, y) = (x as i32 + dx - size / 2, y as i32 + dy - size / 2);
            if (0..VIEW as i32).contains(&x) && (0..VIEW as i32).contains(&y) {
                let x = panel * (VIEW + GAP) + x as usize;
                out.put_pixel(x as u32, y as u32, Rgb(colour));
            }
        }
    };
    for (y, x) in (0..VIEW).flat_map(|y| (0..VIEW).map(move |x| (y, x))) {
        // Sixteen steps of grey pack better than all of them.
        let grey = [luma.row(top + y)[left + x] / 16 * 17; 3];
        let dark = binary.at((left + x) as i32, (top + y) as i32) == Some(1);
        let place = (x as f32, y as f32);
        dot(0, place, 1, grey);
        dot(1, place, 1, if dark { [60; 3] } else { [255; 3] });
        // Paler, so that the lines stand out.
        dot(2, place, 1, grey.map(|v| 128 + v / 2));
        let at = |v: usize| v * greys.size / VIEW;
        dot(
            3,
            place,
            1,
            [greys.values[at(y) * greys.size + at(x)] as u8; 3],
        );
    }
    for (i, eye) in eyes.iter().enumerate() {
        let colour = if chosen.eyes.contains(&i) {
            RIGHT
        } else {
            WRONG
        };
        for step in 0..400 {
            let (sin, cos) = (step as f32 * 0.0157).sin_cos();
            let around = Point { x: cos, y: sin }.times(eye.module * 4.5);
            dot(1, place(eye.centre.plus(around)), 3, colour);
        }
    }
    for (warp, colour) in [(&first, WRONG), (&last.warp, RIGHT)] {
        let n = warp.size as f32;
        for line in (0..=warp.size).step_by(4) {
            for step in 0..=1200 {
                let (s, t) = (n * step as f32 / 1200.0, line as f32);
                dot(2, place(warp.map(s, t)), 1, colour);
                dot(2, place(warp.map(t, s)), 1, colour);
            }
        }
    }
    out.save(&file).expect("a place to write to");
    let text = String::from_utf8_lossy(&reading.payload.bytes).into_owned();
    println!("{text}, {} codewords corrected", reading.errors);
}
