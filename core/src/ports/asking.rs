//! What a drain has to ask beside sending: whether the backend is there at all, whether it still
//! knows us where an answer may mean that it does not, and what a newer profile makes of answers
//! that an older one parked.

use super::blobs::Blobs;
use super::clock::Clock;
use super::drain::{Draining, Shared, Stopped, WakeReason};
use super::driver::{Boxed, Driver, STALE_MAX};
use super::error::CoreError;
use super::host::Host;
use super::records;
use super::session::Known;
use super::store::{Committed, Table};
use crate::domain::ids::AccountId;
use crate::domain::proof::BlobMeta;
use crate::engine::attempt::{Send, Turned};
use crate::engine::backoff::is_ahead;
use crate::engine::change::EntityKey;
use crate::engine::lane::{HeadState, Lane};
use crate::engine::rejudge::rejudge;
use crate::engine::session::{Origin, Reach, Reachability, told_apart};
use crate::profile::document::Verdict;
use crate::profile::http::{Exchange, NetFailure, Request};
use crate::profile::judge::{Ruling, judge};
use crate::profile::request::build;
use futures_util::future::{Either, select};
use std::pin::pin;

/// How often a lane looks whether another one has found out that the sign-in holds.
const OTHERS_ASK_MS: u32 = 100;

impl<H: Host> Driver<H> {
    pub(super) async fn reach(&self, account: &AccountId) -> Result<Reach, CoreError> {
        let found = self.list(records::one(account, &EntityKey::Reach)).await?;
        // Derived from what happens next in any case, so an unreadable one is no loss.
        Ok(*records::value(&found).unwrap_or_default())
    }

    /// When the backend was out of reach last time, a cheap request is asked first, so that no
    /// operation is put in doubt for nothing.
    pub(super) async fn reached(&self, d: &mut Draining) -> Result<bool, CoreError> {
        if self.profile().heartbeat.is_none() {
            return Ok(true);
        }
        let was = d.reach.state;
        let known = was == Reachability::Reachable;
        if known && !matches!(d.reason, WakeReason::Online | WakeReason::Manual) {
            return Ok(true);
        }
        if !d.reason.is_hopeful() && was.is_away() && is_ahead(d.reach.due_at, self.now()) {
            d.report.stopped = Stopped::Unreachable;
            return Ok(false);
        }
        let found = self.beat(d).await?;
        if !found {
            d.report.stopped = Stopped::Unreachable;
        } else if was.is_away() && !d.reason.is_hopeful() {
            // Why what waits was put off is over.
            d.reason = WakeReason::Back;
        }
        Ok(found)
    }

    /// A look for the bar's sake when nothing was sent that would have told.
    pub(super) async fn beat_if_idle(&self, d: &mut Draining) -> Result<(), CoreError> {
        let told = d.report.attempted > 0 || d.report.stopped != Stopped::Idle;
        // Nobody looks at a worker's bar, or at a hidden page's.
        let seen = self.host.context() == "page" && !self.hidden();
        if told || !seen || self.profile().heartbeat.is_none() {
            return Ok(());
        }
        if d.reach.beat_at(self.now()) <= self.now() {
            self.beat(d).await?;
        } else if !d.reach.origin_known {
            d.reach.origin_known = self.host.origin(&d.address).await == Origin::Ours;
        }
        Ok(())
    }

    /// Asks the backend, and our own origin beside it; false: it is out of reach or has trouble.
    fn beat<'a>(&'a self, d: &'a mut Draining) -> Boxed<'a, Result<bool, CoreError>> {
        Box::pin(async move {
            let profile = self.profile();
            let Some(heartbeat) = &profile.heartbeat else {
                return Ok(true);
            };
            let context = self.moment(Some(&d.session));
            let request = build(&profile, &heartbeat.request, &context)?;
            let asked = self.exchange(&d.account, &request);
            let address = d.address.clone();
            let beside = pin!(self.host.origin(&address));
            // An answer of the backend's own says all there is; its silence alone does not.
            let (exchange, origin) = match select(asked, beside).await {
                Either::Left((exchange, beside)) => (exchange, Err(beside)),
                Either::Right((origin, asked)) => (asked.await, Ok(origin)),
            };
            let verdict = match &exchange {
                Ok(answer) => Some(judge(&heartbeat.outcomes, &profile, answer, &context)?.verdict),
                Err(_) => None,
            };
            if let Some(Ruling::Rule(Verdict::Applied | Verdict::Auth)) = verdict {
                d.reach.origin_known |= matches!(origin, Ok(Origin::Ours));
                self.note_reach(d, Reachability::Reachable);
                return Ok(true);
            }
            let origin = match origin {
                Ok(origin) => origin,
                Err(beside) => beside.await,
            };
            d.reach.origin_known |= origin == Origin::Ours;
            let found = told_apart(verdict.is_some(), origin, d.reach.origin_known);
            self.note_reach(d, found);
            Ok(false)
        })
    }

    pub(super) fn note_reach(&self, d: &mut Draining, state: Reachability) {
        d.reach.note(state, self.now(), self.jitter());
    }

    /// Judges an answer; where it may mean that the sign-in has ended, the backend is asked first.
    pub(super) async fn answered(
        &self,
        d: &Shared<'_>,
        send: &Send,
        exchange: &Exchange,
    ) -> Result<Turned, CoreError> {
        let known = (d.borrow().known.as_ref() == Some(&send.token)).then_some(true);
        let turned = self
            .turn(d, &send.lane, Some((send, exchange)), known)
            .await?;
        if !turned.auth_unsure {
            return Ok(turned);
        }
        // Several lanes may hear it: one asks, the others go by what it found.
        while d.borrow().renewing {
            self.host.clock().sleep(OTHERS_ASK_MS).await;
        }
        let (session, known) = {
            let mut d = d.borrow_mut();
            let known = d.known.as_ref() == Some(&send.token);
            d.renewing = !known && send.token == d.session.token;
            (d.session.clone(), known)
        };
        let found = if known {
            Known::Good
        } else if send.token == session.token {
            let found = self.is_known(&session).await;
            d.borrow_mut().renewing = false;
            found?
        } else {
            Known::Replaced
        };
        let lost = Err(NetFailure::Unreachable);
        let (exchange, known) = match found {
            Known::Good => {
                d.borrow_mut().known = Some(send.token.clone());
                (exchange, true)
            }
            Known::Replaced => {
                self.take_session(d).await?;
                let mut d = d.borrow_mut();
                d.known = Some(d.session.token.clone());
                (exchange, false)
            }
            Known::Ended => {
                d.borrow_mut().end(Stopped::SignIn);
                (exchange, false)
            }
            // Nothing was decided, so nothing is: it is asked again.
            Known::Unsure => (&lost, false),
        };
        let mut turned = self
            .turn(d, &send.lane, Some((send, exchange)), Some(known))
            .await?;
        turned.auth = false;
        Ok(turned)
    }

    /// Whether every picture of a request is still the one that was recorded.
    pub(super) async fn pictures_whole(
        &self,
        account: &AccountId,
        request: &Request,
    ) -> Result<(), NetFailure> {
        let not_sent = |code: &str, text: &str| {
            Err(NetFailure::NotSent {
                code: code.into(),
                text: text.into(),
            })
        };
        for handle in request.pictures() {
            let query = records::one(account, &EntityKey::Blob(handle.clone()));
            // A store that does not answer is no fault of the picture: it is tried again.
            let known = self
                .list(query)
                .await
                .map_err(|_| NetFailure::Unreachable)?;
            let found = self.host.blobs().sha256(account, handle).await;
            let Some(found) = found.map_err(|_| NetFailure::Unreachable)? else {
                return not_sent("blob_missing", "the picture is no longer on this device");
            };
            let known = records::value::<BlobMeta>(&known);
            if known.is_none_or(|known| known.sha256 != found) {
                return not_sent(
                    "blob_changed",
                    "the picture on this device is not the one that was recorded",
                );
            }
        }
        Ok(())
    }

    pub(super) async fn take_session(&self, d: &Shared<'_>) -> Result<(), CoreError> {
        let now = self.session().await?;
        let mut d = d.borrow_mut();
        if let Some(seen) = now.filter(|s| s.value.account == d.account) {
            d.session = seen.value;
        }
        Ok(())
    }

    /// Once for each new revision of the profile, and once for each new route: what is parked is
    /// judged again.
    pub(super) async fn judge_parked_again(&self, d: &mut Draining) -> Result<(), CoreError> {
        let fetched_at = d.fetched_at;
        let revision = self.profile().revision.0.clone();
        let known = d.reach.judged_by.as_ref() == Some(&revision);
        if known && d.reach.judged_route == fetched_at {
            return Ok(());
        }
        let found = self.list(records::all(&d.account, Table::Lanes)).await?;
        for lane in records::readable::<Lane>(&found) {
            let Lane {
                id, count, head, ..
            } = *lane.value;
            if head.is != HeadState::Parked {
                continue;
            }
            // The next in the lane may have been parked, too, once it was a head.
            for _ in 0..count + STALE_MAX {
                let Some(part) = self.load(&d.account, &id).await? else {
                    break;
                };
                let here = self.here_for(d);
                let turn = self.turn_of(d, &here, None, true);
                let turned = rejudge(&turn, &self.profile(), part, fetched_at);
                let Some(change) = turned.change else {
                    break;
                };
                match self.write(&d.account, change).await? {
                    Committed::Done(_) => {}
                    Committed::Stale => continue,
                    Committed::Fenced => return Ok(()),
                }
                d.report.rejudged_settled += turned.settled;
                if turned.settled == 0 {
                    d.report.rejudged_again += u32::from(turned.reopened);
                    break;
                }
            }
        }
        d.reach.judged_by = Some(revision);
        d.reach.judged_route = fetched_at;
        Ok(())
    }
}
