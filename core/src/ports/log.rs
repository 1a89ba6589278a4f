//! What a drain leaves for people to read later, bounded: the wake log and the notices.

use super::driver::Driver;
use super::error::CoreError;
use super::host::Host;
use super::records;
use super::store::{Key, KeyPart, Query, Table};
use super::views::NOTICES_KEPT;
use crate::domain::ids::AccountId;
use crate::engine::change::{Change, EntityKey, Notice};

const WAKES_KEPT: u32 = 200;
/// So many drains pass between two prunings: reading the whole log at the end of each would cost
/// more than most drains themselves.
pub(super) const LOG_PRUNED_EVERY: u64 = 16;
/// How far a log may have grown since; what is more than that goes the next time.
const PRUNED_MAX: u32 = 40;

impl<H: Host> Driver<H> {
    /// Takes out what is older than what is kept.
    pub(super) async fn prune_log(
        &self,
        account: &AccountId,
        change: &mut Change,
    ) -> Result<(), CoreError> {
        let wakes = Query::Under {
            table: Table::Wakes,
            prefix: Key::new(&account.0),
            limit: Some(WAKES_KEPT + PRUNED_MAX),
            newest_first: true,
        };
        let notices = records::notices(account, NOTICES_KEPT + PRUNED_MAX);
        let found = self.read(&[wakes, notices]).await?;
        for record in found[0].iter().skip(WAKES_KEPT as usize) {
            if let Some(KeyPart::Number(at)) = record.key.0.get(1) {
                change.delete(EntityKey::Wake(i64::try_from(*at).unwrap_or(0)));
            }
        }
        for record in found[1].iter().skip(NOTICES_KEPT as usize) {
            if let Ok(seen) = records::open::<Notice>(record) {
                change.delete(EntityKey::Notice(seen.value.at, seen.value.seq));
            }
        }
        Ok(())
    }
}
