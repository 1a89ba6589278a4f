//! Chance from a seed, in streams: what one purpose draws does not move what another one draws, so
//! that switching a fault off leaves the rest of the day as it was.

use pannier::testing::clock::SeededIds;

#[derive(Debug)]
pub struct Chance(SeededIds);

impl Chance {
    pub fn new(seed: u64, stream: &str) -> Self {
        // FNV-1a of the stream's name.
        let name = stream
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        Self(SeededIds::new(seed ^ name))
    }
    pub fn next(&self) -> u64 {
        self.0.next()
    }
    /// 0 to `n` - 1.
    pub fn below(&self, n: usize) -> usize {
        (self.0.next() % n.max(1) as u64) as usize
    }
    /// Both ends included.
    pub fn between(&self, from: i64, to: i64) -> i64 {
        from + (self.0.next() % (to - from + 1).max(1) as u64) as i64
    }
    pub fn in_thousand(&self, n: u64) -> bool {
        self.0.next() % 1_000 < n
    }
    pub fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
