//! Camera-like frames from a seed: a label on a busy ground, then one kind of trouble in rising severity.
//!
//! The encoders are foreign (`qrcode`, `barcoders`), so that a mistake of our own reading cannot hide in
//! our own drawing. The same seed gives the same frames.

use qrcode::{EcLevel, QrCode};

pub const WIDTH: usize = 1280;
pub const HEIGHT: usize = 720;

/// Kinds of trouble; those that begin with `code128` carry a bar code, the others QR codes.
pub const FAMILIES: &[&str] = &[
    "clean",
    "perspective",
    "gblur",
    "mblur",
    "noise",
    "lowlight",
    "glare",
    "shadow",
    "damage",
    "small",
    "large",
    "inverted",
    "mirrored",
    "curved",
    "several",
    "mixed",
    "code128-clean",
    "code128-angled",
    "code128-gblur",
    "code128-mblur",
    "code128-noise",
    "code128-lowlight",
    "code128-glare",
    "code128-shadow",
    "code128-damage",
    "code128-small",
    "code128-curved",
    "code128-mixed",
    "empty",
];

/// A frame and what stands in it.
pub struct Rendered {
    pub pixels: Vec<u8>,
    pub texts: Vec<Vec<u8>>,
}

/// Splitmix64.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }
    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }
    /// About normal, deviation 1.
    fn bell(&mut self) -> f32 {
        (0..4).map(|_| self.unit()).sum::<f32>() * 1.732 - 3.464
    }
}

/// What is printed on a label: modules, and how it was made.
struct Print {
    columns: usize,
    rows: usize,
    dark: Vec<bool>,
    quiet: f32,
}

impl Print {
    fn qr(random: &mut Random, level: usize, longest: usize) -> (Self, Vec<u8>) {
        let text = payload(random, longest);
        let level = [EcLevel::L, EcLevel::M, EcLevel::Q, EcLevel::H][level % 4];
        let code = QrCode::with_error_correction_level(&text, level).expect("short enough");
        let size = code.width();
        let dark = code
            .to_colors()
            .iter()
            .map(|&c| c == qrcode::Color::Dark)
            .collect();
        (
            Self {
                columns: size,
                rows: size,
                dark,
                quiet: 4.0,
            },
            text,
        )
    }

    fn code128(random: &mut Random, tall: f32) -> (Self, Vec<u8>) {
        let (symbols, text) = waybill(random);
        let bars = barcoders::sym::code128::Code128::new(symbols)
            .expect("characters of the sets")
            .encode();
        let rows = (bars.len() as f32 * tall) as usize;
        let dark = (0..rows)
            .flat_map(|_| bars.iter().map(|&b| b == 1))
            .collect();
        (
            Self {
                columns: bars.len(),
                rows,
                dark,
                quiet: 10.0,
            },
            text,
        )
    }

    fn at(&self, u: f32, v: f32) -> Option<bool> {
        if u < -self.quiet
            || v < -4.0
            || u > self.columns as f32 + self.quiet
            || v > self.rows as f32 + 4.0
        {
            return None;
        }
        let inside = u >= 0.0 && v >= 0.0 && u < self.columns as f32 && v < self.rows as f32;
        Some(inside && self.dark[v as usize * self.columns + u as usize])
    }
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn letters(random: &mut Random, count: usize, from: &[u8]) -> Vec<u8> {
    (0..count).map(|_| from[random.below(from.len())]).collect()
}

fn payload(random: &mut Random, longest: usize) -> Vec<u8> {
    let n = 4 + random.below(longest.max(5) - 4);
    match random.below(4) {
        0 => letters(random, n, b"0123456789"),
        1 => [b"PKG-".to_vec(), letters(random, n, LETTERS)].concat(),
        2 => [
            b"https://trk.example/p/".to_vec(),
            letters(random, n, b"abcdefghijkmnpqrstuvwxyz23456789"),
        ]
        .concat(),
        _ => [
            b"{\"id\":\"".to_vec(),
            letters(random, n, LETTERS),
            b"\"}".to_vec(),
        ]
        .concat(),
    }
}

/// In the encoder's own notation (see `barcoders`), and as text.
fn waybill(random: &mut Random) -> (String, Vec<u8>) {
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    match random.below(4) {
        0 => {
            let digits = letters(random, 12, b"0123456789");
            (format!("\u{106}{}", text(&digits)), digits)
        }
        1 => {
            let both = [b"PN-".to_vec(), letters(random, 9, LETTERS)].concat();
            (format!("\u{181}{}", text(&both)), both)
        }
        2 => {
            let (head, tail) = (
                letters(random, 3, LETTERS),
                letters(random, 10, b"0123456789"),
            );
            (
                format!("\u{c0}{}\u{106}{}", text(&head), text(&tail)),
                [head, tail].concat(),
            )
        }
        // GS1: the parcel's number behind FNC1.
        _ => {
            let digits = [b"00".to_vec(), letters(random, 18, b"0123456789")].concat();
            (format!("\u{106}\u{179}{}", text(&digits)), digits)
        }
    }
}

#[derive(Clone, Copy)]
struct Spot {
    x: f32,
    y: f32,
}

/// Where a label lies: module coordinates of a pixel.
struct Place {
    /// pixel to label plane, row-major
    back: [f32; 9],
    /// the label lies on a cylinder of this radius, in modules, its axis along v; 0 is flat
    radius: f32,
    half: (f32, f32),
    mirrored: bool,
}

impl Place {
    /// `tilt`: how much the label leans away, 0 to about 0.6, in the direction `lean`.
    #[allow(clippy::too_many_arguments, reason = "a drawing has many sides")]
    fn new(
        print: &Print,
        middle: Spot,
        module: f32,
        degrees: f32,
        tilt: f32,
        lean: f32,
        radius: f32,
        mirrored: bool,
    ) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (ls, lc) = lean.to_radians().sin_cos();
        // Rotate in the plane of the label, then lean about an axis, then look at it from two label widths.
        let distance = print.columns.max(print.rows) as f32 * 2.6;
        let (ts, tc) = (tilt * 1.5).sin_cos();
        let project = |u: f32, v: f32| {
            let (x, y) = (u * cos - v * sin, u * sin + v * cos);
            let along = x * lc + y * ls;
            let (px, py) = (x + along * (tc - 1.0) * lc, y + along * (tc - 1.0) * ls);
            let k = distance / (distance + along * ts);
            Spot {
                x: middle.x + px * k * module,
                y: middle.y + py * k * module,
            }
        };
        let a = 10.0;
        let from = [(-a, -a), (a, -a), (a, a), (-a, a)];
        let to = from.map(|(u, v)| project(u, v));
        let forth = through(&from.map(|(x, y)| Spot { x, y }), &to);
        Self {
            back: inverse(&forth),
            radius,
            half: (print.columns as f32 / 2.0, print.rows as f32 / 2.0),
            mirrored,
        }
    }

    fn module(&self, x: f32, y: f32) -> (f32, f32) {
        let m = &self.back;
        let w = m[6] * x + m[7] * y + m[8];
        let (mut u, v) = (
            (m[0] * x + m[1] * y + m[2]) / w,
            (m[3] * x + m[4] * y + m[5]) / w,
        );
        if self.radius > 0.0 {
            let s = u / self.radius;
            u = if s.abs() < 0.999 {
                s.asin() * self.radius
            } else {
                f32::MAX
            };
        }
        if self.mirrored {
            u = -u;
        }
        (u + self.half.0, v + self.half.1)
    }
}

/// The homography through four pairs, by elimination.
fn through(from: &[Spot; 4], to: &[Spot; 4]) -> [f32; 9] {
    let mut rows = [[0.0_f64; 9]; 8];
    for i in 0..4 {
        let (x, y) = (f64::from(from[i].x), f64::from(from[i].y));
        let (u, v) = (f64::from(to[i].x), f64::from(to[i].y));
        rows[2 * i] = [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u];
        rows[2 * i + 1] = [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v];
    }
    for c in 0..8 {
        let best = (c..8)
            .max_by(|&a, &b| rows[a][c].abs().total_cmp(&rows[b][c].abs()))
            .unwrap_or(c);
        rows.swap(c, best);
        let lead = rows[c];
        for (r, row) in rows.iter_mut().enumerate() {
            if r != c {
                let k = row[c] / lead[c];
                for (cell, l) in row.iter_mut().zip(lead) {
                    *cell -= k * l;
                }
            }
        }
    }
    let mut out = [1.0; 9];
    for c in 0..8 {
        out[c] = (rows[c][8] / rows[c][c]) as f32;
    }
    out
}

fn inverse(m: &[f32; 9]) -> [f32; 9] {
    let m = m.map(f64::from);
    let adjugate = [
        m[4] * m[8] - m[5] * m[7],
        m[2] * m[7] - m[1] * m[8],
        m[1] * m[5] - m[2] * m[4],
        m[5] * m[6] - m[3] * m[8],
        m[0] * m[8] - m[2] * m[6],
        m[2] * m[3] - m[0] * m[5],
        m[3] * m[7] - m[4] * m[6],
        m[1] * m[6] - m[0] * m[7],
        m[0] * m[4] - m[1] * m[3],
    ];
    adjugate.map(|v| (v / adjugate[8]) as f32)
}

/// Smooth noise: random greys on a grid, between them linear.
struct Grain {
    cells: Vec<f32>,
}

const GRAIN: usize = 256;

impl Grain {
    fn new(random: &mut Random) -> Self {
        Self {
            cells: (0..GRAIN * GRAIN).map(|_| random.unit()).collect(),
        }
    }
    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x.rem_euclid(GRAIN as f32), y.rem_euclid(GRAIN as f32));
        let (x0, y0) = (x as usize % GRAIN, y as usize % GRAIN);
        let (fx, fy) = (x - x.floor(), y - y.floor());
        let cell = |x: usize, y: usize| self.cells[y % GRAIN * GRAIN + x % GRAIN];
        let upper = cell(x0, y0) + (cell(x0 + 1, y0) - cell(x0, y0)) * fx;
        let lower = cell(x0, y0 + 1) + (cell(x0 + 1, y0 + 1) - cell(x0, y0 + 1)) * fx;
        upper + (lower - upper) * fy
    }
}

/// Up to four kinds of ground side by side: carpet, dots, weave, print, blots, slats, wall.
fn ground(random: &mut Random) -> Vec<f32> {
    let grain = Grain::new(random);
    let (split_x, split_y) = (
        random.between(0.3, 0.9) * WIDTH as f32,
        random.between(0.3, 0.9) * HEIGHT as f32,
    );
    let kinds: [usize; 4] = std::array::from_fn(|_| random.below(7));
    let scales: [f32; 4] = std::array::from_fn(|_| random.between(0.7, 1.8));
    let levels: [(f32, f32); 4] = std::array::from_fn(|_| {
        let dark = random.between(15.0, 110.0);
        (dark, dark + random.between(40.0, 130.0))
    });
    let mut out = Vec::with_capacity(WIDTH * HEIGHT);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (fx, fy) = (x as f32, y as f32);
            let tile = usize::from(fx > split_x) + 2 * usize::from(fy > split_y);
            let k = scales[tile];
            let fine = grain.at(fx * 0.45 / k, fy * 0.45 / k);
            let wide = grain.at(fx * 0.07 / k + 31.0, fy * 0.07 / k + 7.0);
            let v = match kinds[tile] {
                0 => 0.3 * wide + 0.7 * fine,
                1 => {
                    let (dx, dy) = (
                        (fx / (11.0 * k)).fract() - 0.5,
                        (fy / (11.0 * k)).fract() - 0.5,
                    );
                    if dx * dx + dy * dy < 0.09 { 0.1 } else { 0.85 }
                }
                2 => 0.5 + 0.3 * (fx / (2.1 * k)).sin() * (fy / (2.7 * k)).sin() + 0.2 * fine,
                3 => {
                    // Lines of words.
                    let line = (fy / (17.0 * k)).fract();
                    let word = grain.at((fx / (38.0 * k)).floor(), (fy / (17.0 * k)).floor());
                    let stroke = grain.at((fx / (3.0 * k)).floor(), (fy / (4.0 * k)).floor());
                    if line < 0.55 && word > 0.25 && stroke > 0.5 {
                        0.1
                    } else {
                        0.95
                    }
                }
                4 => {
                    if wide > 0.5 {
                        0.95
                    } else {
                        0.05
                    }
                }
                5 => {
                    if (fx / (7.0 * k)).fract() < 0.3 + 0.3 * wide {
                        0.15
                    } else {
                        0.8
                    }
                }
                _ => 0.55 + 0.25 * (fx + fy) / (WIDTH + HEIGHT) as f32 + 0.05 * fine,
            };
            let (low, high) = levels[tile];
            out.push(low + (high - low) * v);
        }
    }
    out
}

struct Ink {
    dark: f32,
    light: f32,
}

/// Puts a label on the ground, each pixel the mean of nine points.
fn stick(
    pixels: &mut [f32],
    print: &Print,
    place: &Place,
    ink: &Ink,
    scars: &[(f32, f32, f32, f32)],
) {
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (u, v) = place.module(x as f32 + 0.5, y as f32 + 0.5);
            let far = 3.0 + print.quiet;
            if u < -far || v < -far || u > print.columns as f32 + far || v > print.rows as f32 + far
            {
                continue;
            }
            let (mut sum, mut count) = (0.0, 0.0_f32);
            for i in 0..9 {
                let (dx, dy) = (
                    (i % 3) as f32 / 3.0 + 1.0 / 6.0,
                    (i / 3) as f32 / 3.0 + 1.0 / 6.0,
                );
                let (u, v) = place.module(x as f32 + dx, y as f32 + dy);
                if let Some(dark) = print.at(u, v) {
                    let scar = scars
                        .iter()
                        .find(|&&(cx, cy, r, _)| (u - cx).powi(2) + (v - cy).powi(2) < r * r);
                    sum += scar.map_or(if dark { ink.dark } else { ink.light }, |s| s.3);
                    count += 1.0;
                }
            }
            if count > 0.0 {
                let at = y * WIDTH + x;
                pixels[at] += (sum / count - pixels[at]) * (count / 9.0);
            }
        }
    }
}

fn blurred(pixels: &[f32], sigma: f32) -> Vec<f32> {
    let reach = (sigma * 3.0).ceil() as i32;
    let kernel: Vec<f32> = (-reach..=reach)
        .map(|i| (-(i * i) as f32 / (2.0 * sigma * sigma)).exp())
        .collect();
    let total: f32 = kernel.iter().sum();
    let pass = |from: &[f32], dx: usize, dy: usize| -> Vec<f32> {
        let mut out = Vec::with_capacity(from.len());
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let mut sum = 0.0;
                for (k, w) in kernel.iter().enumerate() {
                    let o = k as i32 - reach;
                    let px = (x as i32 + o * dx as i32).clamp(0, WIDTH as i32 - 1) as usize;
                    let py = (y as i32 + o * dy as i32).clamp(0, HEIGHT as i32 - 1) as usize;
                    sum += w * from[py * WIDTH + px];
                }
                out.push(sum / total);
            }
        }
        out
    };
    pass(&pass(pixels, 1, 0), 0, 1)
}

fn smeared(pixels: &[f32], length: f32, degrees: f32) -> Vec<f32> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let grid = |x: f32, y: f32| {
        let (x, y) = (
            x.clamp(0.0, WIDTH as f32 - 1.001),
            y.clamp(0.0, HEIGHT as f32 - 1.001),
        );
        let (x0, y0) = (x as usize, y as usize);
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let (right, below) = (
            usize::from(x0 + 1 < WIDTH),
            if y0 + 1 < HEIGHT { WIDTH } else { 0 },
        );
        let at = y0 * WIDTH + x0;
        let upper = pixels[at] + (pixels[at + right] - pixels[at]) * fx;
        let lower = pixels[at + below] + (pixels[at + below + right] - pixels[at + below]) * fx;
        upper + (lower - upper) * fy
    };
    let steps = (length * 2.0).ceil().max(1.0) as i32;
    (0..WIDTH * HEIGHT)
        .map(|i| {
            let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
            (0..=steps)
                .map(|k| {
                    let d = (k as f32 / steps as f32 - 0.5) * length;
                    grid(x + d * cos, y + d * sin)
                })
                .sum::<f32>()
                / (steps + 1) as f32
        })
        .collect()
}

/// The `index`-th of `count` frames of a family.
pub fn frame(seed: u64, family: &str, index: usize, count: usize) -> Rendered {
    let salt = family
        .bytes()
        .fold(seed, |s, b| s.wrapping_mul(0x100_0000_01b3) ^ u64::from(b));
    let mut random = Random(salt.wrapping_add((index as u64) << 32));
    let random = &mut random;
    let severity = (index as f32 + 0.5) / count as f32;
    let bars = family.starts_with("code128");
    let trouble = family.strip_prefix("code128-").unwrap_or(family);
    let mut pixels = ground(random);
    if trouble == "empty" {
        return Rendered {
            pixels: finished(&pixels, random, 2.0),
            texts: Vec::new(),
        };
    }
    let is = |name: &str| trouble == name;
    // Of what mixed frames are made: each a third to two thirds of its own family's worst.
    let amount = |name: &str, random: &mut Random| match trouble {
        "mixed" => random.between(0.1, 0.3 + 0.4 * severity),
        _ if trouble == name => severity,
        _ => 0.0,
    };
    let mut texts = Vec::new();
    let labels = if is("several") { 2 + index % 3 } else { 1 };
    for label in 0..labels {
        let tall = random.between(0.2, 0.5);
        let (print, text) = if bars {
            Print::code128(random, tall)
        } else if is("large") {
            Print::qr(random, 0, 60 + (severity * 500.0) as usize)
        } else {
            let level = random.below(4);
            Print::qr(random, level, if labels > 1 { 20 } else { 80 })
        };
        if texts.contains(&text) {
            continue;
        }
        texts.push(text);
        let across = print.columns.max(print.rows) as f32 + 2.0 * print.quiet;
        let room = if labels > 1 { 300.0 } else { 640.0 };
        let module = if bars && is("small") {
            2.4 - 1.2 * severity
        } else if bars {
            random.between(2.2, 3.6)
        } else if is("small") {
            3.2 - 1.5 * severity
        } else {
            random.between(3.2, 7.0)
        }
        .min(room / across);
        let tilt = match trouble {
            "perspective" => 0.15 + 0.5 * severity,
            "mixed" => random.between(0.0, 0.3),
            _ => random.between(0.0, 0.1),
        };
        let degrees = if bars {
            let most = if is("angled") { 30.0 * severity } else { 12.0 };
            if is("angled") && index.is_multiple_of(2) {
                most
            } else {
                random.between(-most, most)
            }
        } else if index % 3 == 2 {
            random.between(-180.0, 180.0)
        } else {
            random.between(-25.0, 25.0)
        };
        let bend = amount("curved", random);
        let radius = if bend > 0.0 {
            across * (1.6 - 0.95 * bend)
        } else {
            0.0
        };
        let reach = across * module * if bars { 0.52 } else { 0.6 };
        let middle = if labels > 1 {
            Spot {
                x: WIDTH as f32 * (label as f32 + 0.5) / labels as f32,
                y: HEIGHT as f32 * random.between(0.35, 0.65),
            }
        } else {
            Spot {
                x: random.between(reach, WIDTH as f32 - reach),
                y: random.between(
                    reach.min(HEIGHT as f32 * 0.45),
                    HEIGHT as f32 - reach.min(HEIGHT as f32 * 0.45),
                ),
            }
        };
        let lean = random.between(0.0, 360.0);
        let place = Place::new(
            &print,
            middle,
            module,
            degrees,
            tilt,
            lean,
            radius,
            is("mirrored"),
        );
        let (dark, light) = (random.between(20.0, 70.0), random.between(180.0, 235.0));
        let ink = if is("inverted") {
            Ink {
                dark: light,
                light: dark,
            }
        } else {
            Ink { dark, light }
        };
        let hurt = amount("damage", random);
        let scars: Vec<_> = (0..(hurt * 9.0).ceil() as usize)
            .map(|_| {
                let r = if bars {
                    random.between(1.0, 3.0 + 4.0 * hurt)
                } else {
                    random.between(0.03, 0.05 + 0.08 * hurt) * print.columns as f32
                };
                (
                    random.between(0.0, print.columns as f32),
                    random.between(0.0, print.rows as f32),
                    r,
                    random.between(20.0, 235.0),
                )
            })
            .collect();
        stick(&mut pixels, &print, &place, &ink, &scars);
        if is("glare") || is("mixed") && random.below(3) == 0 {
            let strength = amount("glare", random);
            let (gx, gy) = (
                middle.x + random.between(-0.4, 0.4) * across * module,
                middle.y + random.between(-0.4, 0.4) * print.rows as f32 * module,
            );
            let r = module * print.rows.max(print.columns / 2) as f32 * random.between(0.25, 0.5);
            for (i, p) in pixels.iter_mut().enumerate() {
                let (dx, dy) = ((i % WIDTH) as f32 - gx, (i / WIDTH) as f32 - gy);
                *p += (90.0 + 260.0 * strength) * (-(dx * dx + dy * dy) / (r * r)).exp();
            }
        }
        if is("shadow") || is("mixed") && random.below(3) == 0 {
            let strength = amount("shadow", random);
            let turn = random.between(0.0, std::f32::consts::TAU);
            for (i, p) in pixels.iter_mut().enumerate() {
                let side = ((i % WIDTH) as f32 - middle.x) * turn.cos()
                    + ((i / WIDTH) as f32 - middle.y) * turn.sin();
                let shade = 1.0 / (1.0 + (-side / 6.0).exp());
                *p *= 1.0 - (0.45 + 0.4 * strength) * shade;
            }
        }
    }
    // The lens saturates before it blurs what lies behind it, and noise comes last.
    pixels.iter_mut().for_each(|p| *p = p.clamp(0.0, 255.0));
    let soft = amount("gblur", random);
    let sigma = if bars {
        0.6 + 1.6 * soft
    } else {
        0.7 + 3.1 * soft
    };
    pixels = blurred(&pixels, if soft > 0.0 { sigma } else { 0.6 });
    let motion = amount("mblur", random);
    if motion > 0.0 && (is("mblur") || random.below(2) == 0) {
        let length = if bars {
            1.0 + 6.0 * motion
        } else {
            2.0 + 12.0 * motion
        };
        let along = random.between(0.0, 180.0);
        pixels = smeared(&pixels, length, along);
    }
    let dim = amount("lowlight", random);
    if dim > 0.0 && (is("lowlight") || random.below(2) == 0) {
        let gain = 0.5 - 0.42 * dim;
        pixels.iter_mut().for_each(|p| *p = 6.0 + *p * gain);
    }
    let mut grain = 2.0 + 38.0 * amount("noise", random);
    if is("lowlight") {
        grain += 2.0 + 3.0 * severity;
    }
    Rendered {
        pixels: finished(&pixels, random, grain),
        texts,
    }
}

fn finished(pixels: &[f32], random: &mut Random, noise: f32) -> Vec<u8> {
    pixels
        .iter()
        .map(|p| (p + random.bell() * noise).clamp(0.0, 255.0) as u8)
        .collect()
}
