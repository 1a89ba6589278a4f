//! Who drains: a lock between all contexts of one origin.

#[allow(async_fn_in_trait)]
pub trait Lock {
    /// Held until dropped.
    type Guard;
    /// At once or not at all; `steal` takes it from a holder that is past its lease.
    async fn try_acquire(&self, name: &str, steal: bool) -> Option<Self::Guard>;
    /// Waits for its turn, at most `ms`.
    async fn acquire(&self, name: &str, ms: u32) -> Option<Self::Guard>;
}
