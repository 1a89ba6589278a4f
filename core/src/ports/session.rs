//! Signing in, renewing a token once for all contexts, and reading the route.

use super::clock::Clock;
use super::driver::{Boxed, Driver, STALE_MAX, contended, unreadable};
use super::error::CoreError;
use super::host::Host;
use super::lock::Lock;
use super::records;
use super::store::{Committed, Table};
use crate::domain::ids::AccountId;
use crate::domain::json::ToJson;
use crate::domain::route::check_route;
use crate::domain::text::count;
use crate::engine::change::{Change, EntityKey, RouteRecord, Seen, StopRecord};
use crate::engine::context::for_session;
use crate::engine::lane::Lane;
use crate::engine::reconcile::{Reconciling, reconcile};
use crate::engine::session::{Reachability, Session, SessionState};
use crate::engine::verdict::captured;
use crate::profile::document::{SignIn, Verdict};
use crate::profile::http::{Exchange, NetFailure};
use crate::profile::judge::{Ruling, judge};
use crate::profile::request::build;
use crate::profile::route::map;
use crate::profile::value::plain_text;
use serde_json::{Map, Value};

const REFRESH_WAIT_MS: u32 = 35_000;
/// A token with less life than this is renewed before it is used.
const EXPIRY_MARGIN_MS: i64 = 5_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    Renewed,
    /// the backend said no: a person must sign in
    Refused,
    Unreachable,
}

#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct RouteRefresh {
    pub outcome: RouteOutcome,
    pub text: String,
    /// stops that could not be read; the text names the first
    pub unreadable: usize,
    pub revision: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum RouteOutcome {
    Updated,
    Unreachable,
    SignIn,
    Refused,
}

impl<H: Host> Driver<H> {
    /// # Errors
    /// `unreachable`, `sign_in_refused` with the backend's words, `sign_in_unreadable`.
    pub async fn sign_in(&self, credentials: Map<String, Value>) -> Result<Session, CoreError> {
        let profile = self.profile();
        let SignIn::Password {
            request,
            outcomes,
            outputs,
            ..
        } = &profile.sign_in;
        let context = for_session(None, self.now()).with("credentials", Value::Object(credentials));
        let request = build(&profile, request, &context)?;
        let asked_at = self.now();
        let nobody = AccountId::default();
        let answer = self.exchange(&nobody, &request).await.map_err(|_| {
            CoreError::new(
                "unreachable",
                "the backend could not be reached; sign in where there is signal",
            )
        })?;
        let judgement = judge(outcomes, &profile, &answer, &context)?;
        if judgement.verdict != Ruling::Rule(Verdict::Applied) {
            let words = judgement
                .message
                .unwrap_or_else(|| format!("answer {}", answer.status));
            return Err(match judgement.verdict {
                Ruling::Rule(Verdict::Auth | Verdict::Invalid) => CoreError::new(
                    "sign_in_refused",
                    format!("the backend did not let you in: {words}"),
                ),
                _ => CoreError::new(
                    "sign_in_failed",
                    format!("signing in did not work: {words}"),
                ),
            });
        }
        let got = captured(outputs, context, &answer)?;
        let text = |name: &str| got.get(name).map(plain_text).filter(|t| !t.is_empty());
        let (Some(account), Some(token)) = (text("account"), text("token")) else {
            return Err(CoreError::new(
                "sign_in_unreadable",
                "the backend's answer has no account or no token where the profile says",
            ));
        };
        let session = Session {
            account: AccountId(account),
            name: text("name").unwrap_or_default(),
            token,
            refresh_token: text("refreshToken"),
            expires_at: expiry(&got, self.now()),
            state: SessionState::SignedIn,
            offset_ms: offset(&got, asked_at, self.now()),
        };
        self.make_current(session.clone()).await?;
        self.tried(&session.account, true).await?;
        Ok(session)
    }

    /// Signing in and asking for the route tell about the backend's reach as well as a drain does.
    async fn tried(&self, account: &AccountId, answered: bool) -> Result<(), CoreError> {
        let mut reach = self.reach(account).await?;
        let (state, text) = match answered {
            true => (Reachability::Reachable, "the backend answered"),
            false => (Reachability::Unreachable, "no connection to the backend"),
        };
        reach.note(state, text, self.now(), self.jitter());
        let mut change = Change::default();
        change.put_blind(&reach);
        self.write(account, change).await?;
        Ok(())
    }

    /// Signs out; refused while work waits, unless forced. Forced or not, the work stays, under
    /// its account.
    ///
    /// # Errors
    /// `unsent_work`.
    pub async fn sign_out(&self, force: bool) -> Result<(), CoreError> {
        let Some(session) = self.session().await? else {
            return Ok(());
        };
        let account = session.value.account.clone();
        let lanes = self.list(records::all(&account, Table::Lanes)).await?;
        let lanes: Vec<Seen<Lane>> = records::read_all(&lanes, &mut vec![]);
        let waiting: u32 = lanes.iter().map(|l| l.value.count).sum();
        if waiting > 0 && !force {
            return Err(CoreError::new(
                "unsent_work",
                format!(
                    "{} not sent yet; they stay on this device if you sign out",
                    count(waiting as usize, "recording")
                ),
            ));
        }
        let gone = Session {
            token: String::new(),
            refresh_token: None,
            expires_at: None,
            state: SessionState::SignedOut,
            ..session.value
        };
        let mut change = Change::strict();
        change.put(&gone, session.revision);
        self.write(&account, change).await?;
        self.forget_current().await
    }

    /// A session fit for use, renewed first when its token is about to end.
    pub(super) fn fresh_session(&self) -> Boxed<'_, Result<Option<Session>, CoreError>> {
        Box::pin(async move {
            let Some(session) = self.session().await? else {
                return Ok(None);
            };
            if session.value.state != SessionState::SignedIn {
                return Ok(None);
            }
            let ends = session.value.expires_at.unwrap_or(i64::MAX);
            if ends - EXPIRY_MARGIN_MS > self.now() || session.value.refresh_token.is_none() {
                return Ok(Some(session.value));
            }
            match self.renew(&session.value.token).await? {
                Renewal::Renewed => Ok(self.session().await?.map(|s| s.value)),
                // The old token may still serve; the backend will say.
                Renewal::Unreachable => Ok(Some(session.value)),
                Renewal::Refused => Ok(None),
            }
        })
    }

    /// Renews the token once for all contexts: whoever waited finds it renewed. `stale` is the
    /// token that the backend refused.
    pub(super) fn renew<'a>(&'a self, stale: &'a str) -> Boxed<'a, Result<Renewal, CoreError>> {
        Box::pin(async move {
            let profile = self.profile();
            let SignIn::Password { refresh, .. } = &profile.sign_in;
            let Some(seen) = self.session().await? else {
                return Ok(Renewal::Refused);
            };
            let name = format!("renew:{}", seen.value.account);
            let Some(_turn) = self.host.lock().acquire(&name, REFRESH_WAIT_MS).await else {
                return Ok(Renewal::Unreachable);
            };
            let Some(seen) = self.session().await? else {
                return Ok(Renewal::Refused);
            };
            if seen.value.state == SessionState::SignedIn && seen.value.token != stale {
                return Ok(Renewal::Renewed);
            }
            let account = seen.value.account.clone();
            let Some(refresh) = refresh
                .as_ref()
                .filter(|_| seen.value.refresh_token.is_some())
            else {
                return self.sign_in_needed(seen).await;
            };
            let context = for_session(Some(&seen.value), self.now());
            let request = build(&profile, &refresh.request, &context)?;
            let asked_at = self.now();
            let Ok(answer) = self.exchange(&account, &request).await else {
                return Ok(Renewal::Unreachable);
            };
            match judge(&refresh.outcomes, &profile, &answer, &context)?.verdict {
                Ruling::Rule(Verdict::Applied) => {}
                Ruling::Rule(Verdict::Auth | Verdict::Invalid) => {
                    return self.sign_in_needed(seen).await;
                }
                _ => return Ok(Renewal::Unreachable),
            }
            let got = captured(&refresh.outputs, context, &answer)?;
            let Some(token) = got.get("token").map(plain_text).filter(|t| !t.is_empty()) else {
                return Ok(Renewal::Unreachable);
            };
            let renewed = Session {
                token,
                refresh_token: got
                    .get("refreshToken")
                    .map(plain_text)
                    .or(seen.value.refresh_token),
                expires_at: expiry(&got, self.now()),
                state: SessionState::SignedIn,
                offset_ms: offset(&got, asked_at, self.now()).or(seen.value.offset_ms),
                ..seen.value
            };
            let mut change = Change::strict();
            change.put(&renewed, seen.revision);
            self.write(&account, change).await?;
            Ok(Renewal::Renewed)
        })
    }

    pub(super) async fn sign_in_needed(&self, seen: Seen<Session>) -> Result<Renewal, CoreError> {
        let account = seen.value.account.clone();
        let mut change = Change::strict();
        let session = Session {
            state: SessionState::SignInNeeded,
            ..seen.value
        };
        change.put(&session, seen.revision);
        self.write(&account, change).await?;
        Ok(Renewal::Refused)
    }

    /// Fetches the route and merges it with what was recorded since.
    ///
    /// # Errors
    /// `route_unreadable`, `route_too_large` and their kin; what is stored stays as it was.
    pub async fn refresh_route(&self) -> Result<RouteRefresh, CoreError> {
        let said = |outcome, text: &str| RouteRefresh {
            outcome,
            text: text.to_owned(),
            unreadable: 0,
            revision: 0,
        };
        let sign_in = || said(RouteOutcome::SignIn, "sign in to fetch the route");
        let away = || {
            said(
                RouteOutcome::Unreachable,
                "the backend could not be reached; the route is as last fetched",
            )
        };
        let Some(session) = self.fresh_session().await? else {
            return Ok(sign_in());
        };
        let (session, asked_at, exchange) = self.ask_route(session).await?;
        let Some(session) = session else {
            return Ok(sign_in());
        };
        self.tried(&session.account, exchange.is_ok()).await?;
        let Ok(answer) = exchange else {
            return Ok(away());
        };
        let profile = self.profile();
        let context = for_session(Some(&session), self.now());
        let judgement = judge(&profile.route.outcomes, &profile, &answer, &context)?;
        match judgement.verdict {
            Ruling::Rule(Verdict::Applied) => {}
            Ruling::Rule(Verdict::Auth | Verdict::AuthUnsure) => return Ok(sign_in()),
            Ruling::Rule(Verdict::Retry | Verdict::Throttled | Verdict::InDoubt) => {
                return Ok(away());
            }
            _ => {
                let words = judgement
                    .message
                    .unwrap_or_else(|| format!("answer {}", answer.status));
                return Ok(said(
                    RouteOutcome::Refused,
                    &format!("the backend gave no route: {words}"),
                ));
            }
        }
        let mapped = map(&profile, &answer)?;
        check_route(&mapped.route)?;
        self.learn_offset(mapped.now_ms, asked_at).await?;
        let fresh = mapped.route.stops.len();
        let unreadable_stops = mapped.unreadable;
        for _ in 0..STALE_MAX {
            let account = &session.account;
            let found = self
                .read(&[
                    records::all(account, Table::Stops),
                    records::all(account, Table::Lanes),
                    records::one(account, &EntityKey::Route),
                ])
                .await?;
            let mut aside = vec![];
            let stops: Vec<Seen<StopRecord>> = records::read_all(&found[0], &mut aside);
            if fresh == 0
                && !stops.is_empty()
                && unreadable_stops.is_empty()
                && !self.token_is_good(&session).await?
            {
                // An expired token can look like an empty route.
                return Ok(sign_in());
            }
            self.set_aside(account, Table::Stops, aside).await?;
            let lanes = records::read_all::<Lane>(&found[1], &mut vec![]);
            let (change, news) = reconcile(Reconciling {
                route: mapped.route.clone(),
                asked_at,
                stops,
                lanes: lanes.into_iter().map(|l| l.value).collect(),
                header: records::first_or(&found[2], RouteRecord::default()).map_err(unreadable)?,
                partial: !unreadable_stops.is_empty(),
            });
            if let Committed::Done(revision) = self.write(account, change).await? {
                let mut text = format!("{} on the route", count(fresh, "stop"));
                if let Some(first) = unreadable_stops.first() {
                    text = format!(
                        "{text}; {} could not be read ({first})",
                        count(unreadable_stops.len(), "stop")
                    );
                }
                if !news.is_empty() {
                    text = format!("{text}; {}", news.join("; "));
                }
                return Ok(RouteRefresh {
                    outcome: RouteOutcome::Updated,
                    text,
                    unreadable: unreadable_stops.len(),
                    revision,
                });
            }
        }
        Err(contended())
    }

    /// Asks for the route; when the token has ended, renews it and asks once more.
    async fn ask_route(
        &self,
        mut session: Session,
    ) -> Result<(Option<Session>, i64, Exchange), CoreError> {
        let profile = self.profile();
        let mut renewed = false;
        loop {
            let context = for_session(Some(&session), self.now());
            let request = build(&profile, &profile.route.request, &context)?;
            let asked_at = self.now();
            let exchange = self.exchange(&session.account, &request).await;
            let verdict = match &exchange {
                Ok(answer) => {
                    Some(judge(&profile.route.outcomes, &profile, answer, &context)?.verdict)
                }
                Err(_) => None,
            };
            if verdict != Some(Ruling::Rule(Verdict::Auth)) || renewed {
                return Ok((Some(session), asked_at, exchange));
            }
            match self.renew(&session.token).await? {
                Renewal::Renewed => renewed = true,
                Renewal::Refused => return Ok((None, asked_at, exchange)),
                Renewal::Unreachable => {
                    return Ok((Some(session), asked_at, Err(NetFailure::Unreachable)));
                }
            }
            match self.session().await? {
                Some(now) => session = now.value,
                None => return Ok((None, asked_at, exchange)),
            }
        }
    }

    /// Only a renewal tells for sure that the backend still knows us.
    async fn token_is_good(&self, session: &Session) -> Result<bool, CoreError> {
        if session.refresh_token.is_none() {
            return Ok(true);
        }
        Ok(self.renew(&session.token).await? == Renewal::Renewed)
    }

    async fn learn_offset(&self, now_ms: Option<i64>, asked_at: i64) -> Result<(), CoreError> {
        let Some(offset) = clock_offset(now_ms, asked_at, self.host.clock().now_ms()) else {
            return Ok(());
        };
        let Some(seen) = self.session().await? else {
            return Ok(());
        };
        let moved = seen
            .value
            .offset_ms
            .is_none_or(|old| (old - offset).abs() > 2_000);
        if moved {
            let account = seen.value.account.clone();
            let session = Session {
                offset_ms: Some(offset),
                ..seen.value
            };
            let mut change = Change::default();
            change.put(&session, seen.revision);
            self.write(&account, change).await?;
        }
        Ok(())
    }
}

fn expiry(got: &Map<String, Value>, now: i64) -> Option<i64> {
    got.get("expiresInS")
        .and_then(Value::as_i64)
        .map(|s| now + s.saturating_mul(1_000))
}

/// Backend's clock minus ours, taken at the middle of the exchange.
fn offset(got: &Map<String, Value>, asked_at: i64, now: i64) -> Option<i64> {
    got.get("nowMs")
        .and_then(Value::as_i64)
        .map(|theirs| theirs - (asked_at + (now - asked_at) / 2))
}

fn clock_offset(theirs: Option<i64>, asked_at: i64, now: i64) -> Option<i64> {
    theirs.map(|theirs| theirs - (asked_at + (now - asked_at) / 2))
}
