//! The network port: one exchange, within its deadline. It resolves blob handles itself.

use crate::domain::ids::AccountId;
use crate::profile::http::{Exchange, Request};

#[allow(async_fn_in_trait)]
pub trait Net {
    async fn exchange(&self, account: &AccountId, request: &Request) -> Exchange;
}
