//! Push: the key that the browser subscribes with, and who is told of the subscription. Both come
//! from the profile. Browsers end subscriptions without a word (iOS never says so), so what the
//! browser has is looked at whenever the app comes to the foreground; telling again is also the
//! sign of life by which a sender knows that this phone is at work.

use super::driver::{Driver, signed_out};
use super::error::{CoreError, CoreFault};
use super::host::Host;
use super::records;
use crate::domain::ids::AccountId;
use crate::domain::json::{FromJson, ToJson};
use crate::engine::change::{Change, EntityKey, PushRecord, Seen};
use crate::engine::session::{Session, SessionState};
use crate::profile::document::{Call, Verdict};
use crate::profile::http::Answer;
use crate::profile::judge::{Ruling, answer_value, judge};
use crate::profile::request::build;
use crate::profile::value::{Context, fill, plain_text};

/// The same subscription is told again after this.
const TOLD_FOR_MS: i64 = 10 * 60_000;
/// Whoever switches it off, or signs out, does not wait longer for the sender.
const END_MS_MAX: u32 = 4_000;

/// What a browser's `PushSubscription` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToJson, FromJson)]
pub struct Subscription {
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum PushState {
    /// the profile describes none
    Unsupported,
    /// nobody has asked for it on this phone
    Off,
    On,
    /// subscribed, and the sender could not be told yet: the next foreground tries again
    Untold,
    /// it was on, and the browser has ended it: a tap starts it again
    Lost,
}

impl<H: Host> Driver<H> {
    /// The sender's public key, in base64url, for `pushManager.subscribe`.
    ///
    /// # Errors
    /// `signed_out`, `push_unsupported`, `push_unreachable`, and the profile's.
    pub async fn push_key(&self) -> Result<String, CoreError> {
        let profile = self.profile();
        let Some(push) = &profile.push else {
            return Err(CoreFault::new(
                "push_unsupported",
                "the profile describes no push",
            ));
        };
        let session = self.present().await?;
        let mut context = self.moment(Some(&session));
        if let Some(call) = &push.read_key {
            let (yes, answer) = self.say(&session.account, call, &context).await?;
            let Some(answer) = answer.filter(|_| yes) else {
                let text = "the sender of push messages did not give its key";
                return Err(CoreFault::new("push_unreachable", text));
            };
            context.set("response", answer_value(&answer));
        }
        let key = fill(&push.key, &context)?.map(|key| plain_text(&key));
        key.filter(|key| !key.is_empty()).ok_or_else(|| {
            let text = "the sender's answer has no key where the profile says";
            CoreFault::new("push_unreachable", text)
        })
    }

    /// What the browser has now; tells the sender where it is new or was told long ago.
    ///
    /// # Errors
    /// `signed_out`, and the store's and the profile's.
    pub async fn push(&self, now: Option<Subscription>) -> Result<PushState, CoreError> {
        let profile = self.profile();
        let Some(push) = &profile.push else {
            return Ok(PushState::Unsupported);
        };
        let session = self.present().await?;
        let account = &session.account;
        let known = self.list(records::one(account, &EntityKey::Push)).await?;
        // Made again by the next telling, so an unreadable one is no loss.
        let known = known
            .first()
            .and_then(|r| records::open::<PushRecord>(r).ok());
        let Some(now) = now else {
            return Ok(if known.is_some() {
                PushState::Lost
            } else {
                PushState::Off
            });
        };
        let fresh = |record: &Seen<PushRecord>| {
            let age = self.now() - record.value.told_at;
            record.value.endpoint == now.endpoint && (0..TOLD_FOR_MS).contains(&age)
        };
        if known.as_ref().is_some_and(fresh) {
            return Ok(PushState::On);
        }
        let context = self.moment(Some(&session)).with("push", now.to_json());
        if !self.say(account, &push.subscribe, &context).await?.0 {
            return Ok(PushState::Untold);
        }
        let record = PushRecord {
            endpoint: now.endpoint,
            told_at: self.now(),
        };
        let mut change = Change::default();
        change.put(&record, known.and_then(|seen| seen.revision));
        self.write(account, change).await?;
        Ok(PushState::On)
    }

    /// The courier wants none any more; the sender is told if it can be.
    ///
    /// # Errors
    /// `signed_out`, and the store's and the profile's.
    pub async fn end_push(&self, was: Subscription) -> Result<PushState, CoreError> {
        let session = self.present().await?;
        let account = &session.account;
        let profile = self.profile();
        let end = profile
            .push
            .as_ref()
            .and_then(|push| push.unsubscribe.as_ref());
        if let Some(call) = end {
            let context = self.moment(Some(&session)).with("push", was.to_json());
            let mut request = build(&profile, &call.request, &context)?;
            request.deadline_ms = request.deadline_ms.min(END_MS_MAX);
            let _ = self.exchange(account, &request).await;
        }
        let mut change = Change::default();
        change.delete(EntityKey::Push);
        self.write(account, change).await?;
        Ok(PushState::Off)
    }

    /// Whoever is signed in; a sender is told nothing about anybody else.
    async fn present(&self) -> Result<Box<Session>, CoreError> {
        let session = self.account().await?.value;
        match session.state {
            SessionState::SignedIn => Ok(session),
            _ => Err(signed_out()),
        }
    }

    /// Whether it was said yes to, and the answer if there was one.
    async fn say(
        &self,
        account: &AccountId,
        call: &Call,
        context: &Context<'_>,
    ) -> Result<(bool, Option<Answer>), CoreError> {
        let profile = self.profile();
        let request = build(&profile, &call.request, context)?;
        let Ok(answer) = self.exchange(account, &request).await else {
            return Ok((false, None));
        };
        let verdict = judge(&call.outcomes, &profile, &answer, context)?.verdict;
        let yes = matches!(verdict, Ruling::Rule(Verdict::Applied | Verdict::Already));
        Ok((yes, Some(answer)))
    }
}
