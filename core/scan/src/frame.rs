//! A checked view of 8-bit luma, and the half-size copy of it.

use std::fmt;

/// Longest side of a frame, in pixels.
pub const MAX_SIDE: usize = 8192;

/// A place in the frame, in pixels; the centre of the first pixel is (0.5, 0.5).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

impl Point {
    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            x: self.x - other.x,
            y: self.y - other.y,
        }
    }
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            x: self.x + other.x,
            y: self.y + other.y,
        }
    }
    pub(crate) fn times(self, k: f32) -> Self {
        Self {
            x: self.x * k,
            y: self.y * k,
        }
    }
    pub(crate) fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }
    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }
    pub(crate) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }
}

/// Why a frame was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanError {
    /// width or height is zero
    EmptyFrame,
    /// a row of the buffer is shorter than the frame is wide
    StrideTooShort,
    /// the buffer ends before the last pixel
    BufferTooShort,
    /// a side is longer than [`MAX_SIDE`]
    TooLarge,
}

impl ScanError {
    /// Stable name for JavaScript.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::EmptyFrame => "frame_empty",
            Self::StrideTooShort => "frame_stride",
            Self::BufferTooShort => "frame_short",
            Self::TooLarge => "frame_too_large",
        }
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyFrame => "the frame has no pixels",
            Self::StrideTooShort => "a row of the frame is shorter than its width",
            Self::BufferTooShort => "the buffer ends before the last pixel of the frame",
            Self::TooLarge => "a side of the frame is longer than 8192 pixels",
        })
    }
}

impl std::error::Error for ScanError {}

/// RGBA, four bytes a pixel, to grey: the mean of green and of the mean of red and blue, which needs no
/// products. As many pixels as both hold.
pub fn grey(rgba: &[u8], greys: &mut [u8]) {
    let mean = |a: u8, b: u8| ((u16::from(a) + u16::from(b) + 1) >> 1) as u8;
    for (&[r, g, b, _], grey) in rgba.as_chunks::<4>().0.iter().zip(greys) {
        *grey = mean(mean(r, b), g);
    }
}

/// A view whose sizes have been checked against its buffer.
#[derive(Clone, Copy)]
pub(crate) struct Luma<'a> {
    data: &'a [u8],
    pub width: usize,
    pub height: usize,
    stride: usize,
}

impl<'a> Luma<'a> {
    pub fn new(
        data: &'a [u8],
        width: usize,
        height: usize,
        stride: usize,
    ) -> Result<Self, ScanError> {
        if width == 0 || height == 0 {
            return Err(ScanError::EmptyFrame);
        }
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(ScanError::TooLarge);
        }
        if stride < width {
            return Err(ScanError::StrideTooShort);
        }
        let needed = stride
            .checked_mul(height - 1)
            .and_then(|rows| rows.checked_add(width))
            .ok_or(ScanError::BufferTooShort)?;
        if data.len() < needed {
            return Err(ScanError::BufferTooShort);
        }
        Ok(Self {
            data,
            width,
            height,
            stride,
        })
    }

    /// A window of it; `None` when it is too small to hold anything.
    pub fn part(&self, x: usize, y: usize, width: usize, height: usize) -> Option<Self> {
        if width < 24 || height < 24 || x + width > self.width || y + height > self.height {
            return None;
        }
        let data = self.data.get(y * self.stride + x..)?;
        Self::new(data, width, height, self.stride).ok()
    }

    pub fn row(&self, y: usize) -> &'a [u8] {
        let start = y * self.stride;
        &self.data[start..start + self.width]
    }

    /// Grey between pixels; outside the frame the nearest pixel's.
    #[inline]
    pub fn sample(&self, p: Point) -> f32 {
        let x = (p.x - 0.5).clamp(0.0, (self.width - 1) as f32);
        let y = (p.y - 0.5).clamp(0.0, (self.height - 1) as f32);
        let (x0, y0) = (x as i32, y as i32);
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let at = y0 as usize * self.stride + x0 as usize;
        let (right, below) = (
            usize::from(x0 as usize + 1 < self.width),
            if (y0 as usize) + 1 < self.height {
                self.stride
            } else {
                0
            },
        );
        let pair = |from: usize| match self.data.get(from..=from + right) {
            Some(&[a, b]) => (f32::from(a), f32::from(b)),
            Some(&[a]) => (f32::from(a), f32::from(a)),
            _ => (0.0, 0.0),
        };
        let ((a, b), (c, d)) = (pair(at), pair(at + below));
        let upper = a + (b - a) * fx;
        let lower = c + (d - c) * fx;
        upper + (lower - upper) * fy
    }

    pub fn contains(&self, p: Point, margin: f32) -> bool {
        p.x > -margin
            && p.y > -margin
            && p.x < self.width as f32 + margin
            && p.y < self.height as f32 + margin
    }
}

/// Pixels of our own.
pub(crate) struct Frame {
    data: Vec<u8>,
    width: usize,
    height: usize,
}

impl Frame {
    /// Half the size; each pixel the mean of four. `None` when nothing useful would be left.
    pub fn halved(luma: &Luma) -> Option<Self> {
        let (width, height) = (luma.width / 2, luma.height / 2);
        if width < 24 || height < 24 {
            return None;
        }
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            let upper = luma.row(2 * y).chunks_exact(2);
            let lower = luma.row(2 * y + 1).chunks_exact(2);
            data.extend(upper.zip(lower).map(|(a, b)| {
                ((u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]) + 2) / 4)
                    as u8
            }));
        }
        Some(Self {
            data,
            width,
            height,
        })
    }

    /// Twice the size, between pixels linear: a code of two pixels a module gets four.
    pub fn doubled(luma: &Luma) -> Self {
        let (width, height) = (luma.width * 2, luma.height * 2);
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let p = Point {
                    x: (x as f32 + 0.5) / 2.0,
                    y: (y as f32 + 0.5) / 2.0,
                };
                data.push((luma.sample(p) + 0.5) as u8);
            }
        }
        Self {
            data,
            width,
            height,
        }
    }

    pub fn luma(&self) -> Luma<'_> {
        Luma {
            data: &self.data,
            width: self.width,
            height: self.height,
            stride: self.width,
        }
    }
}
