//! Time and chance, injected so that a test can turn them.

#[allow(async_fn_in_trait)]
pub trait Clock {
    /// wall clock, Unix milliseconds; may jump
    fn now_ms(&self) -> i64;
    /// never goes back; for durations
    fn monotonic_ms(&self) -> f64;
    async fn sleep(&self, ms: u32);
}

pub trait Ids {
    fn random(&self) -> [u8; 16];
}
