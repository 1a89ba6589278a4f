//! Time and chance, injected so that a test can turn them.

#[allow(async_fn_in_trait)]
pub trait Clock {
    /// wall clock, Unix milliseconds; may jump
    fn now_ms(&self) -> i64;
    /// never goes back; for durations
    fn monotonic_ms(&self) -> f64;
    /// minutes that the device's zone is east of Greenwich
    fn zone_min(&self) -> i64 {
        0
    }
    async fn sleep(&self, ms: u32);
}

pub trait Ids {
    fn random(&self) -> [u8; 16];
}
