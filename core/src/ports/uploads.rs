//! Handing requests to the operating system and taking its answers at the next wake. What is handed
//! over, and what it means, is the engine's (`engine::handed`); how, the host's.
//!
//! An attempt is on record before its request is handed over. A process that ends between the two,
//! or between the system's answer and its verdict, leaves the store as it was: at the next wake the
//! system is asked, and an attempt that it does not know is in doubt.

use super::clock::Clock;
use super::drain::{DrainReport, Draining, Stopped, WakeReason};
use super::driver::{Boxed, Driver, STALE_MAX};
use super::error::CoreError;
use super::host::Host;
use super::lock::Lock;
use super::records;
use super::store::{Committed, Table};
use crate::domain::dictionary::ordered;
use crate::domain::ids::LaneId;
use crate::domain::json::FromJson;
use crate::domain::operation::Operation;
use crate::engine::attempt::Send;
use crate::engine::backoff::is_ahead;
use crate::engine::change::EntityKey;
use crate::engine::handed::{
    HANDED, LANE_UPLOADS_MAX, Upload, UploadReport, UploadState, given_back, hand_over, is_handed,
    upload_id,
};
use crate::engine::lane::{Head, HeadState, Lane};
use crate::engine::session::SessionState;
use crate::profile::http::{Answer, Body, Exchange, NetFailure, Request};
use std::cell::RefCell;

/// What is on its way when the app leaves the screen is waited for so long: 3 s.
const ENDING_PIECES: u32 = 30;
const ENDING_PIECE_MS: u32 = 100;

impl<H: Host> Driver<H> {
    /// Hands what can go without us to the operating system: when the app leaves the screen. What
    /// is on its way may end; whoever still sends then is overtaken, and that goes out again.
    ///
    /// # Errors
    /// The store's failures.
    pub async fn hand_over(&self) -> Result<DrainReport, CoreError> {
        const {
            assert!(H::HANDS_OVER, "nobody would take the answers");
        }
        let began = self.host.clock().monotonic_ms();
        let session = self.session().await?.map(|seen| seen.value);
        let Some(session) = session.filter(|s| s.state == SessionState::SignedIn) else {
            return self
                .report(WakeReason::Paused, Stopped::SignIn, began)
                .await;
        };
        // With nothing to hand over nobody has to be interrupted.
        let profile = self.profile();
        let mut steps = profile.operations.values().flat_map(|kind| &kind.steps);
        if !steps.any(|step| step.identity.resend_is_safe()) {
            return self.report(WakeReason::Paused, Stopped::Idle, began).await;
        }
        self.leaving.set(true);
        for _ in 0..ENDING_PIECES {
            if !self.draining.get() {
                break;
            }
            self.host.clock().sleep(ENDING_PIECE_MS).await;
        }
        self.leaving.set(false);
        let name = ["drain:", &*session.account.0].concat();
        let mut lock = self.host.lock().try_acquire(&name, false).await;
        if lock.is_none() {
            lock = self.host.lock().try_acquire(&name, true).await;
        }
        let Some(_lock) = lock else {
            return self.report(WakeReason::Paused, Stopped::Busy, began).await;
        };
        let mut d = self
            .begin(session, WakeReason::Paused, began, f64::INFINITY)
            .await?;
        self.judge_answers(&mut d).await?;
        let mut uploads = vec![];
        if !is_ahead(d.reach.paused_until, self.now()) {
            let lanes = self.lanes(&d.account).await?;
            for lane in self.due(&d, lanes) {
                self.hand_lane(&mut d, &lane, &mut uploads).await?;
            }
        }
        if !uploads.is_empty() {
            d.report.attempted += u32::try_from(uploads.len()).unwrap_or(u32::MAX);
            // Refused or cut off: the system does not know them then, which the next wake sees.
            self.found_lost.set(false);
            self.host.hand_over(&uploads).await;
        }
        self.close(d, began).await
    }

    async fn hand_lane(
        &self,
        d: &mut Draining,
        lane: &LaneId,
        uploads: &mut Vec<Upload>,
    ) -> Result<(), CoreError> {
        for _ in 0..STALE_MAX {
            let here = self.here_for(d);
            let Some(part) = self.load(&d.account, lane).await? else {
                return Ok(());
            };
            let behind = part.head.value.seq + 1;
            let behind = records::lane_from(&d.account, lane, behind, Some(LANE_UPLOADS_MAX - 1));
            let mut aside = vec![];
            let behind = records::read_all(&self.list(behind).await?, &mut aside);
            if !aside.is_empty() {
                // What cannot be read has a place in the order: nothing goes past it.
                return Ok(());
            }
            let profile = self.profile_for(&part.head.value).await?;
            let turn = self.turn_of(d, &here, None, false);
            let (change, handed) = hand_over(&turn, &profile, part, behind);
            let Some(change) = change else {
                return Ok(());
            };
            match self.write(&d.account, change).await? {
                Committed::Done(_) => {
                    for upload in handed {
                        // What is missing or spoilt parks when its turn comes, and holds its lane.
                        let whole = self.pictures_whole(&d.account, &upload.request).await;
                        if whole.is_err() {
                            break;
                        }
                        uploads.push(upload);
                    }
                    return Ok(());
                }
                Committed::Stale => {}
                Committed::Fenced => return Ok(()),
            }
        }
        Ok(())
    }

    /// What a drain begins with where the operating system sends for us; elsewhere there is nothing
    /// to wait for. No `async fn`: that would compile what is behind the condition in any case.
    pub(super) fn take_answers<'a>(
        &'a self,
        d: &'a mut Draining,
    ) -> Option<Boxed<'a, Result<(), CoreError>>> {
        if H::HANDS_OVER {
            Some(Box::pin(self.judge_answers(d)))
        } else {
            None
        }
    }

    /// Asks the system what became of what it was given, and judges it lane by lane in its order.
    async fn judge_answers(&self, d: &mut Draining) -> Result<(), CoreError> {
        let Some(mut reports) = self.host.handed().await else {
            return Ok(());
        };
        reports.retain(|r| r.account == d.account.0);
        let reports = ordered(reports, |r| r.seq);
        let mut done = vec![];
        for report in &reports {
            if self.take_answer(d, report).await? {
                done.push(report.id.clone());
            }
        }
        if !self.found_lost.get() {
            let all = self.find_lost(d, &reports).await?;
            self.found_lost.set(all);
        }
        if !done.is_empty() {
            self.host.forget(done).await;
        }
        Ok(())
    }

    /// Whether the system need not keep it any longer.
    async fn take_answer(
        &self,
        d: &mut Draining,
        report: &UploadReport,
    ) -> Result<bool, CoreError> {
        let found = records::lane_from(&d.account, &report.lane, report.seq, Some(1));
        let found = records::read_all::<Operation>(&self.list(found).await?, &mut vec![]).pop();
        let Some(op) = found.filter(|op| op.value.seq == report.seq) else {
            // Settled, or set aside: an answer that was taken before.
            return Ok(true);
        };
        let ours = upload_id(&op.value, report.attempt) == report.id;
        let exchange: Exchange = match report.state {
            UploadState::Pending => {
                // Taken back meanwhile: by somebody's choice, or since it took too long.
                let live = is_handed(&op.value, report.attempt);
                return Ok(!ours || !live || Head::of(&op.value).is_due(self.now(), HANDED, false));
            }
            UploadState::Held => {
                let this = |op: &Operation, attempt| upload_id(op, attempt) == report.id;
                return self.give_back(d, &report.lane, true, &this).await;
            }
            UploadState::Failed => Err(NetFailure::Unreachable),
            UploadState::Answered => Ok(Answer {
                status: report.status,
                headers: FromJson::from_json(report.headers.clone()).unwrap_or_default(),
                body: report.body.clone(),
                ..Answer::default()
            }),
        };
        let part = self.load(&d.account, &report.lane).await?;
        if part.is_some_and(|part| part.head.value.seq < report.seq) {
            // Not its turn yet: what stands before it is not settled after all.
            return Ok(false);
        }
        self.judge_handed(d, &report.lane, report.seq, report.attempt, &exchange)
            .await?;
        Ok(true)
    }

    async fn judge_handed(
        &self,
        d: &mut Draining,
        lane: &LaneId,
        seq: u64,
        attempt: u32,
        exchange: &Exchange,
    ) -> Result<(), CoreError> {
        let send = Send {
            // Which token it went with nobody remembers; a refusal is tried with today's.
            token: String::new(),
            lane: lane.clone(),
            seq,
            attempt,
            long: false,
            request: Request {
                method: String::new(),
                url: String::new(),
                headers: vec![],
                body: Body::Empty,
                cookies: false,
                deadline_ms: 0,
                streamed: false,
            },
            host: None,
        };
        // Nothing new is begun before all answers are known.
        let stopping = std::mem::replace(&mut d.stopping, true);
        let turned = self.answered(&RefCell::new(&mut *d), &send, exchange).await;
        d.stopping = stopping;
        let turned = turned?;
        d.report.settled += turned.settled;
        d.report.parked += turned.parked;
        d.report.failed += turned.failed;
        Ok(())
    }

    /// One lane's operations that the system has no longer are ours again. False: try it later.
    async fn give_back(
        &self,
        d: &Draining,
        lane: &LaneId,
        held: bool,
        is_it: &dyn Fn(&Operation, u32) -> bool,
    ) -> Result<bool, CoreError> {
        for _ in 0..STALE_MAX {
            let queries = [
                records::one(&d.account, &EntityKey::Lane(lane.clone())),
                records::lane_from(&d.account, lane, 0, Some(2 * LANE_UPLOADS_MAX)),
            ];
            let found = self.read(&queries).await?;
            let Some(seen) = records::read_all::<Lane>(&found[0], &mut vec![]).pop() else {
                return Ok(true);
            };
            let ops = records::read_all(&found[1], &mut vec![]);
            let Some(mut change) = given_back(self.now(), held, seen, ops, is_it) else {
                return Ok(true);
            };
            change.generation = Some(d.generation);
            match self.write(&d.account, change).await? {
                Committed::Done(_) => return Ok(true),
                Committed::Stale => {}
                Committed::Fenced => return Ok(false),
            }
        }
        Ok(false)
    }

    /// What the system should have and does not know is in doubt. Looked for after a start and after
    /// each hand-over, since nothing else brings it about.
    async fn find_lost(&self, d: &Draining, reports: &[UploadReport]) -> Result<bool, CoreError> {
        let found = self.list(records::all(&d.account, Table::Lanes)).await?;
        let mut all = true;
        for lane in records::read_all::<Lane>(&found, &mut vec![]) {
            let Lane { id, head, .. } = *lane.value;
            if head.is == (HeadState::InFlight { generation: HANDED }) {
                let unknown = |op: &Operation, attempt| {
                    let id = upload_id(op, attempt);
                    !reports.iter().any(|r| r.id == id)
                };
                all &= self.give_back(d, &id, false, &unknown).await?;
            }
        }
        Ok(all)
    }
}
