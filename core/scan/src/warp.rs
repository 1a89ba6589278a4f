//! From module coordinates to pixels: a perspective map, and a gentle bend for labels on round things.

use crate::frame::Point;

/// Row-major 3x3.
type Matrix = [f32; 9];

/// Where finder centres sit, in modules from the border.
pub(crate) const EYE: f32 = 3.5;

/// A map from modules to pixels. Four points and eight bend figures are all that can be turned.
#[derive(Clone)]
pub(crate) struct Warp {
    pub size: usize,
    /// pixels of (3.5, 3.5), (n-3.5, 3.5), (n-3.5, n-3.5), (3.5, n-3.5)
    pub quad: [Point; 4],
    /// pixels: bow and squeeze along the rows, then along the columns
    pub bend: [Point; 4],
    matrix: Matrix,
}

impl Warp {
    /// `None` when the four points span no area.
    pub fn new(size: usize, quad: [Point; 4], bend: [Point; 4]) -> Option<Self> {
        let side = size as f32 - 2.0 * EYE;
        let unit = unit_to_quad(&quad)?;
        // module -> unit square: (m - 3.5) / side
        let (k, o) = (1.0 / side, -EYE / side);
        let matrix = product(&unit, &[k, 0.0, o, 0.0, k, o, 0.0, 0.0, 1.0]);
        Some(Self {
            size,
            quad,
            bend,
            matrix,
        })
    }

    /// Through four pairs, no three in a line.
    pub fn through(size: usize, modules: [Point; 4], pixels: [Point; 4]) -> Option<Self> {
        let from = inverse(&unit_to_quad(&modules)?)?;
        let matrix = product(&unit_to_quad(&pixels)?, &from);
        let far = size as f32 - EYE;
        let corner = |x: f32, y: f32| project(&matrix, x, y);
        let quad = [
            corner(EYE, EYE)?,
            corner(far, EYE)?,
            corner(far, far)?,
            corner(EYE, far)?,
        ];
        Self::new(size, quad, [Point::default(); 4])
    }

    pub fn map(&self, u: f32, v: f32) -> Point {
        let m = &self.matrix;
        let w = m[6] * u + m[7] * v + m[8];
        // Behind the horizon: any far point will do, it scores badly.
        let k = if w > 1e-6 { 1.0 / w } else { 1e6 };
        Point {
            x: (m[0] * u + m[1] * v + m[2]) * k,
            y: (m[3] * u + m[4] * v + m[5]) * k,
        }
        .plus(self.bent(u, v))
    }

    /// Many places at once: flat maps go four at a time.
    pub fn map_all(&self, us: &[f32], vs: &[f32], xs: &mut [f32], ys: &mut [f32]) {
        let m = &self.matrix;
        for (((&u, &v), x), y) in us.iter().zip(vs).zip(xs.iter_mut()).zip(ys.iter_mut()) {
            let w = m[6] * u + m[7] * v + m[8];
            let k = if w > 1e-6 { 1.0 / w } else { 1e6 };
            *x = (m[0] * u + m[1] * v + m[2]) * k;
            *y = (m[3] * u + m[4] * v + m[5]) * k;
        }
        if self.bend == [Point::default(); 4] {
            return;
        }
        for (((&u, &v), x), y) in us.iter().zip(vs).zip(xs).zip(ys) {
            let by = self.bent(u, v);
            *x += by.x;
            *y += by.y;
        }
    }

    /// How far the bend moves a place, in pixels.
    fn bent(&self, u: f32, v: f32) -> Point {
        let n = self.size as f32;
        let (s, t) = (u / n, v / n);
        let (bow_s, bow_t) = (4.0 * s * (1.0 - s), 4.0 * t * (1.0 - t));
        let (squeeze_s, squeeze_t) = (2.6 * bow_s * (1.0 - 2.0 * s), 2.6 * bow_t * (1.0 - 2.0 * t));
        let b = &self.bend;
        Point {
            x: bow_s * b[0].x + squeeze_s * b[1].x + bow_t * b[2].x + squeeze_t * b[3].x,
            y: bow_s * b[0].y + squeeze_s * b[1].y + bow_t * b[2].y + squeeze_t * b[3].y,
        }
    }

    pub fn corners(&self) -> [Point; 4] {
        let n = self.size as f32;
        [
            self.map(0.0, 0.0),
            self.map(n, 0.0),
            self.map(n, n),
            self.map(0.0, n),
        ]
    }

    /// Mean pixels a module.
    pub fn module(&self) -> f32 {
        let around: f32 = (0..4)
            .map(|i| self.quad[(i + 1) % 4].minus(self.quad[i]).length())
            .sum();
        around / (4.0 * (self.size as f32 - 2.0 * EYE))
    }

    /// Convex and turning one way, and no side more than four times another.
    pub fn plausible(&self) -> bool {
        let q = &self.quad;
        let mut sides = [0.0_f32; 4];
        for i in 0..4 {
            let a = q[(i + 1) % 4].minus(q[i]);
            let b = q[(i + 2) % 4].minus(q[(i + 1) % 4]);
            let turn = a.cross(b);
            if turn.is_nan() || turn <= 0.0 {
                return false;
            }
            sides[i] = a.length();
        }
        let (low, high) = sides
            .iter()
            .fold((f32::MAX, 0.0_f32), |(l, h), &s| (l.min(s), h.max(s)));
        high < low * 4.0
    }
}

/// The unit square's corners (0,0), (1,0), (1,1), (0,1) to the quad's.
fn unit_to_quad(q: &[Point; 4]) -> Option<Matrix> {
    let d1 = q[1].minus(q[2]);
    let d2 = q[3].minus(q[2]);
    let s = q[0].minus(q[1]).plus(q[2]).minus(q[3]);
    let det = d1.cross(d2);
    if det.abs() < 1e-6 {
        return None;
    }
    let g = s.cross(d2) / det;
    let h = d1.cross(s) / det;
    Some([
        q[1].x - q[0].x + g * q[1].x,
        q[3].x - q[0].x + h * q[3].x,
        q[0].x,
        q[1].y - q[0].y + g * q[1].y,
        q[3].y - q[0].y + h * q[3].y,
        q[0].y,
        g,
        h,
        1.0,
    ])
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let mut out = [0.0; 9];
    for (i, cell) in out.iter_mut().enumerate() {
        let (r, c) = (i / 3, i % 3);
        *cell = a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c];
    }
    out
}

fn inverse(m: &Matrix) -> Option<Matrix> {
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
    let det = m[0] * adjugate[0] + m[1] * adjugate[3] + m[2] * adjugate[6];
    (det.abs() > 1e-12).then(|| adjugate.map(|v| v / det))
}

fn project(m: &Matrix, u: f32, v: f32) -> Option<Point> {
    let w = m[6] * u + m[7] * v + m[8];
    (w.abs() > 1e-9).then(|| Point {
        x: (m[0] * u + m[1] * v + m[2]) / w,
        y: (m[3] * u + m[4] * v + m[5]) / w,
    })
}
