//! Where things are in a code: the standard's tables, and which modules carry no data.

/// How much damage the code's maker planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EcLevel {
    L,
    M,
    Q,
    H,
}

impl EcLevel {
    /// From the two bits of the format word.
    pub(crate) fn from_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::M,
            1 => Self::L,
            2 => Self::H,
            _ => Self::Q,
        }
    }

    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::L => "L",
            Self::M => "M",
            Self::Q => "Q",
            Self::H => "H",
        }
    }
}

/// Check codewords a block, by level and version.
const CHECK: [[u8; 40]; 4] = [
    [
        7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30,
        30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
    [
        10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28,
        28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    ],
    [
        13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30, 28, 30, 30,
        30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
    [
        17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28, 30, 24, 30,
        30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
];

/// Blocks, by level and version.
const BLOCKS: [[u8; 40]; 4] = [
    [
        1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13,
        14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25,
    ],
    [
        1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23,
        25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
    ],
    [
        1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20, 23, 23, 25, 27, 29,
        34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68,
    ],
    [
        1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25, 25, 34, 30, 32, 35,
        37, 40, 42, 45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81,
    ],
];

/// How the codewords are dealt out to blocks.
pub(crate) struct Blocks {
    pub count: usize,
    pub check: usize,
    /// Check codewords that only detect: the smallest codes would otherwise be read from noise.
    pub reserved: usize,
}

pub(crate) fn blocks(version: usize, level: EcLevel) -> Option<Blocks> {
    let column = version.checked_sub(1)?;
    let count = usize::from(*BLOCKS[level as usize].get(column)?);
    let check = usize::from(*CHECK[level as usize].get(column)?);
    let reserved = match (version, level) {
        (1, EcLevel::L) => 3,
        (1, EcLevel::M) | (2, EcLevel::L) => 2,
        (1, _) | (3, EcLevel::L) => 1,
        _ => 0,
    };
    Some(Blocks {
        count,
        check,
        reserved,
    })
}

/// `None` for sizes that no code has.
pub(crate) fn version_of(size: usize) -> Option<usize> {
    let version = size.checked_sub(17)? / 4;
    ((1..=40).contains(&version) && version * 4 + 17 == size).then_some(version)
}

/// Centres of the alignment patterns of a size along one axis.
pub(crate) fn alignment_places(size: usize) -> Vec<usize> {
    let Some(version) = version_of(size).filter(|&v| v > 1) else {
        return Vec::new();
    };
    let count = version / 7 + 2;
    let (first, last) = (6, size - 7);
    // The steps are even numbers, counted back from the last; version 32 is the standard's exception.
    let step = if version == 32 {
        26
    } else {
        (last - first).div_ceil(count - 1).next_multiple_of(2)
    };
    let behind = (0..count - 1).rev().map(|i| last - i * step);
    [first].into_iter().chain(behind).collect()
}

/// True where an alignment pattern would lie on an eye.
pub(crate) fn under_eye(size: usize, cx: usize, cy: usize) -> bool {
    let far = size - 7;
    [(6, 6), (6, far), (far, 6)].contains(&(cx, cy))
}

/// One flag a module, row by row: true where no data is.
pub(crate) fn function_modules(size: usize) -> Vec<bool> {
    let mut taken = vec![false; size * size];
    let mut fill = |x: usize, y: usize, width: usize, height: usize| {
        for row in y..y + height {
            taken[row * size + x..row * size + x + width].fill(true);
        }
    };
    fill(0, 0, 9, 9);
    fill(size - 8, 0, 8, 9);
    fill(0, size - 8, 9, 8);
    fill(6, 0, 1, size);
    fill(0, 6, size, 1);
    let along = alignment_places(size);
    for &cy in &along {
        for &cx in along.iter().filter(|&&cx| !under_eye(size, cx, cy)) {
            fill(cx - 2, cy - 2, 5, 5);
        }
    }
    if size >= 45 {
        fill(size - 11, 0, 3, 6);
        fill(0, size - 11, 6, 3);
    }
    taken
}

/// Two bits of level and three of mask with their ten check bits, masked as they stand in the code.
pub(crate) fn format_word(level: u16, mask: u16) -> u16 {
    let data = (level & 3) << 3 | (mask & 7);
    let mut rest = data << 10;
    for bit in (10..15).rev() {
        if rest >> bit & 1 == 1 {
            rest ^= 0b101_0011_0111 << (bit - 10);
        }
    }
    (data << 10 | rest) ^ 0b101_0100_0001_0010
}

/// True where the mask turns a module round.
pub(crate) fn masked(mask: u16, x: usize, y: usize) -> bool {
    let zero = match mask & 7 {
        0 => (x + y) % 2,
        1 => y % 2,
        2 => x % 3,
        3 => (x + y) % 3,
        4 => (y / 2 + x / 3) % 2,
        5 => x * y % 2 + x * y % 3,
        6 => (x * y % 2 + x * y % 3) % 2,
        _ => ((x + y) % 2 + x * y % 3) % 2,
    };
    zero == 0
}
