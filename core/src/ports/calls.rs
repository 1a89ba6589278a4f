//! The steps as calls, for a host in Rust: each runs to its end, over the store as it is then.

use super::driver::Driver;
use super::error::CoreError;
use super::handover::{Health, OtherAccount};
use super::host::Host;
use super::keeping::Keep;
use super::views::{OutboxPage, OutboxQuery};
use crate::domain::ids::{BlobHandle, OperationId, StopId};
use crate::engine::change::{Draft, Notice, WakeRecord};
use crate::engine::listing::Status;
use crate::engine::meaning::ScanMeaning;
use crate::engine::overdue::Thresholds;
use crate::engine::projection::{RouteView, StopView};
use serde_json::{Map, Value};

macro_rules! calls {
    (looks: $($name:ident $step:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        impl<H: Host> Driver<H> {$(
            /// # Errors
            /// The step's refusals; the store's failures.
            pub async fn $name(&self, $($arg: $type),*) -> Result<$out, CoreError> {
                self.look(|view| self.$step(view, $($arg),*)).await
            }
        )*}
    };
    (writes: $($name:ident $step:ident($($arg:ident: $type:ty),*);)*) => {
        impl<H: Host> Driver<H> {$(
            /// # Errors
            /// The step's refusals; the store's failures.
            pub async fn $name(&self, $($arg: $type),*) -> Result<(), CoreError> {
                self.take(&mut |view| self.$step(view, $($arg),*)).await?;
                Ok(())
            }
        )*}
    };
}

calls! { looks:
    route route_in() -> RouteView;
    stop stop_in(id: &StopId) -> Option<StopView>;
    meaning meaning_in(code: &str, at: Option<&StopId>) -> ScanMeaning;
    status status_in() -> Status;
    notices notices_in() -> Vec<Notice>;
    wakes wakes_in() -> Vec<WakeRecord>;
    others others_in() -> Vec<OtherAccount>;
    health health_in() -> Health;
    draft draft_in(stop: &StopId) -> Option<Box<Draft>>;
}

calls! { writes:
    put_away put_away_in(at: i64, seq: u64);
    keep keep_in(keep: &Keep);
    retry retry_in(id: &OperationId);
    discard discard_in(id: &OperationId, reason: &str);
}

impl<H: Host> Driver<H> {
    /// # Errors
    /// The store's failures.
    pub async fn outbox(&self, query: OutboxQuery) -> Result<OutboxPage, CoreError> {
        self.look(|view| self.outbox_in(view, &query)).await
    }

    /// # Errors
    /// `thresholds_invalid`; the store's failures.
    pub async fn thresholds(&self, new: Option<Vec<u32>>) -> Result<Thresholds, CoreError> {
        let (new, mut known) = (new.map(Thresholds), Thresholds::default());
        self.take(&mut |view| self.thresholds_in(view, new.as_ref(), &mut known))
            .await?;
        Ok(known)
    }

    /// # Errors
    /// `draft_too_large`, the store's failures.
    pub async fn save_draft(
        &self,
        stop: StopId,
        blobs: Vec<BlobHandle>,
        fields: Map<String, Value>,
    ) -> Result<(), CoreError> {
        self.take(&mut |view| self.save_draft_in(view, &stop, &blobs, &fields))
            .await?;
        Ok(())
    }

    /// # Errors
    /// The store's failures.
    pub async fn sweep(&self) -> Result<u32, CoreError> {
        let mut swept = 0;
        self.take(&mut |view| self.sweep_in(view, &mut swept))
            .await?;
        Ok(swept)
    }
}
