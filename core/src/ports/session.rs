//! Signing in, and renewing a token once for all contexts.

use super::clock::Clock;
use super::driver::{Boxed, Driver};
use super::error::{CoreError, CoreFault};
use super::host::{Host, HostToken};
use super::lock::Lock;
use crate::domain::ids::AccountId;
use crate::domain::tree::remove;
use crate::engine::change::{Change, Seen};
use crate::engine::context::{Here, for_session};
use crate::engine::session::{Reachability, Session, SessionState};
use crate::engine::verdict::captured;
use crate::profile::document::{
    OutcomeRule, RefreshWith, SIGN_IN_OUTPUTS, SignIn, SignInKind, Verdict,
};
use crate::profile::http::{Answer, Request};
use crate::profile::judge::{Ruling, answer_value, judge};
use crate::profile::request::{build, outputs};
use crate::profile::value::{Context, plain_text};
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

/// What is known of a token whose use brought an ambiguous answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Good,
    /// it had ended, or may have: there is a new one
    Replaced,
    /// a person must sign in
    Ended,
    /// nobody could be asked
    Unsure,
}

/// What a renewal gave, and the token among it.
type Given = (Map<String, Value>, String);

fn can_renew(how: &SignIn, session: &Session) -> bool {
    match how.kind {
        SignInKind::Host | SignInKind::ClientCredentials => true,
        _ => how.refresh.as_ref().is_some_and(|r| {
            r.with == RefreshWith::Token || how.cookies || session.refresh_token.is_some()
        }),
    }
}

/// What a sign-in gave beyond what the core itself knows how to use.
fn further(mut got: Map<String, Value>) -> Map<String, Value> {
    for known in SIGN_IN_OUTPUTS {
        remove(&mut got, known);
    }
    got
}

impl<H: Host> Driver<H> {
    /// Signs in with what the profile's kind of sign-in needs: `username` and `password`, `key`,
    /// `token` and `account`, or nothing. A sign-in in two requests answers `code_needed` to the
    /// first and wants the same again with `code`.
    ///
    /// # Errors
    /// `unreachable`, `code_needed`, `sign_in_refused` with the backend's words, `sign_in_unreadable`.
    pub async fn sign_in(&self, credentials: Map<String, Value>) -> Result<Session, CoreError> {
        let profile = self.profile();
        let how = &profile.sign_in;
        let has_code = credentials.contains_key("code");
        let context = self
            .moment(None)
            .with("credentials", Value::Object(credentials));
        let nobody = AccountId::default();
        if let Some(start) = how.start.as_ref().filter(|_| !has_code) {
            let request = build(&profile, &start.request, &context)?;
            self.let_in(&nobody, &request, &start.outcomes, &context)
                .await?;
            return Err(CoreFault::new(
                "code_needed",
                "enter the code that you were sent",
            ));
        }
        let asked_at = self.now();
        let context = match &how.request {
            Some(request) => {
                let request = build(&profile, request, &context)?;
                let answer = self
                    .let_in(&nobody, &request, &how.outcomes, &context)
                    .await?;
                context.with("response", answer_value(&answer))
            }
            None => context,
        };
        let got = outputs(&how.outputs, &context)?;
        let text = |name: &str| got.get(name).map(plain_text).filter(|t| !t.is_empty());
        let needless = how.kind == SignInKind::None || how.cookies;
        let token = text("token").or_else(|| needless.then(String::new));
        let (Some(account), Some(token)) = (text("account"), token) else {
            return Err(CoreFault::new(
                "sign_in_unreadable",
                "there is no account or no token where the profile says",
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
            outputs: further(got),
        };
        self.hand_over_to(&session.account).await?;
        self.make_current(&session).await?;
        self.tried(&session.account, true).await?;
        Ok(session)
    }

    /// One request of a sign-in, which the backend has to say yes to.
    async fn let_in(
        &self,
        account: &AccountId,
        request: &Request,
        outcomes: &[OutcomeRule],
        context: &Context<'_>,
    ) -> Result<Answer, CoreError> {
        let answer = self.exchange(account, request).await.map_err(|_| {
            CoreFault::new(
                "unreachable",
                "the backend could not be reached; sign in where there is signal",
            )
        })?;
        let judgement = judge(outcomes, &self.profile(), &answer, context)?;
        let words = judgement
            .message
            .unwrap_or_else(|| format!("answer {}", answer.status));
        match judgement.verdict {
            Ruling::Rule(Verdict::Applied) => Ok(answer),
            Ruling::Rule(Verdict::Auth | Verdict::Invalid) => Err(CoreFault::new(
                "sign_in_refused",
                "the backend did not let you in",
            )
            .with("words", &words)),
            _ => {
                Err(CoreFault::new("sign_in_failed", "signing in did not work")
                    .with("words", &words))
            }
        }
    }

    /// Signing in and asking for the route tell about the backend's reach as well as a drain does.
    pub(super) async fn tried(&self, account: &AccountId, answered: bool) -> Result<(), CoreError> {
        let mut reach = self.reach(account).await?;
        let state = match answered {
            true => Reachability::Reachable,
            false => Reachability::Unreachable,
        };
        reach.note(state, self.now(), self.jitter());
        let mut change = Change::default();
        change.put_blind(&reach);
        self.write(account, change).await?;
        Ok(())
    }

    /// A session fit for use, renewed first when its token is about to end.
    pub(super) fn fresh_session(&self) -> Boxed<'_, Result<Option<Box<Session>>, CoreError>> {
        Box::pin(async move {
            let Some(session) = self.session().await? else {
                return Ok(None);
            };
            if session.value.state != SessionState::SignedIn {
                return Ok(None);
            }
            let profile = self.profile();
            let margin = profile
                .sign_in
                .refresh
                .as_ref()
                .map_or(EXPIRY_MARGIN_MS, |r| i64::from(r.before_s) * 1_000);
            let ends = session.value.expires_at.unwrap_or(i64::MAX);
            if ends - margin > self.now() || !can_renew(&profile.sign_in, &session.value) {
                return Ok(Some(session.value));
            }
            match self.renew(&session.value).await? {
                Renewal::Renewed => Ok(self.session().await?.map(|s| s.value)),
                // The old token may still serve; the backend will say.
                Renewal::Unreachable => Ok(Some(session.value)),
                Renewal::Refused => Ok(None),
            }
        })
    }

    /// Renews the token once for all contexts: whoever waited finds it renewed. `stale` is the
    /// sign-in whose token the backend refused.
    pub(super) fn renew<'a>(&'a self, stale: &'a Session) -> Boxed<'a, Result<Renewal, CoreError>> {
        Box::pin(async move {
            let name = format!("renew:{}", stale.account);
            let mut turn = self.host.lock().acquire(&name, REFRESH_WAIT_MS).await;
            if turn.is_none() {
                // No renewal takes as long: whoever holds it is gone, and the browser forgot.
                turn = self.host.lock().try_acquire(&name, true).await;
            }
            let Some(_turn) = turn else {
                return Ok(Renewal::Unreachable);
            };
            // Whoever else is signed in by now is none of this one's business.
            let mine = |seen: &Seen<Session>| seen.value.account == stale.account;
            let Some(seen) = self.session().await?.filter(mine) else {
                return Ok(Renewal::Refused);
            };
            if seen.value.state == SessionState::SignedIn && seen.value.token != stale.token {
                return Ok(Renewal::Renewed);
            }
            let asked_at = self.now();
            let (got, token) = match self.ask_token(&seen.value).await? {
                Ok(given) => given,
                Err(Renewal::Refused) => return self.sign_in_needed(seen).await,
                Err(why) => return Ok(why),
            };
            let mut session = seen.value;
            session.token = token;
            if let Some(next) = got.get("refreshToken") {
                session.refresh_token = Some(plain_text(next));
            }
            session.expires_at = expiry(&got, self.now());
            session.state = SessionState::SignedIn;
            session.offset_ms = offset(&got, asked_at, self.now()).or(session.offset_ms);
            session.outputs.extend(further(got));
            // A refresh token may serve once: the new pair is on the disk before anything uses it.
            let mut change = Change::strict();
            change.put(&*session, seen.revision);
            self.write(&session.account, change).await?;
            Ok(Renewal::Renewed)
        })
    }

    /// A new token, with whatever else the profile takes from the answer; or why there is none.
    async fn ask_token(&self, session: &Session) -> Result<Result<Given, Renewal>, CoreError> {
        let profile = self.profile();
        let how = &profile.sign_in;
        if !can_renew(how, session) {
            return Ok(Err(Renewal::Refused));
        }
        let got = if how.kind == SignInKind::Host {
            let credentials = match self.host.token().await {
                HostToken::Given(credentials) => credentials,
                HostToken::Refused => return Ok(Err(Renewal::Refused)),
                HostToken::Absent => return Ok(Err(Renewal::Unreachable)),
            };
            let context = self.moment(None);
            let context = context.with("credentials", Value::Object(credentials));
            outputs(&how.outputs, &context)?
        } else {
            let (template, rules, gives) = match (&how.refresh, &how.request) {
                (Some(refresh), _) => (&refresh.request, &refresh.outcomes, &refresh.outputs),
                (None, Some(request)) => (request, &how.outcomes, &how.outputs),
                (None, None) => return Ok(Err(Renewal::Refused)),
            };
            let context = self.moment(Some(session));
            let request = build(&profile, template, &context)?;
            let Ok(answer) = self.exchange(&session.account, &request).await else {
                return Ok(Err(Renewal::Unreachable));
            };
            match judge(rules, &profile, &answer, &context)?.verdict {
                Ruling::Rule(Verdict::Applied) => {}
                Ruling::Rule(Verdict::Auth | Verdict::Invalid) => {
                    return Ok(Err(Renewal::Refused));
                }
                _ => return Ok(Err(Renewal::Unreachable)),
            }
            captured(gives, context, &answer)?
        };
        let token = got.get("token").map(plain_text).filter(|t| !t.is_empty());
        Ok(token.map(|token| (got, token)).ok_or(Renewal::Unreachable))
    }

    /// Whether the backend still knows this sign-in: asked where an answer may mean either.
    pub(super) fn is_known<'a>(
        &'a self,
        session: &'a Session,
    ) -> Boxed<'a, Result<Known, CoreError>> {
        Box::pin(async move {
            let profile = self.profile();
            let renewal = match &profile.sign_in.probe {
                None if !can_renew(&profile.sign_in, session) => return Ok(Known::Unsure),
                None => self.renew(session).await?,
                Some(probe) => {
                    let context = self.moment(Some(session));
                    let request = build(&profile, &probe.request, &context)?;
                    let Ok(answer) = self.exchange(&session.account, &request).await else {
                        return Ok(Known::Unsure);
                    };
                    match judge(&probe.outcomes, &profile, &answer, &context)?.verdict {
                        Ruling::Rule(Verdict::Applied) => return Ok(Known::Good),
                        Ruling::Rule(Verdict::Auth | Verdict::Invalid) => {
                            self.renew(session).await?
                        }
                        _ => Renewal::Unreachable,
                    }
                }
            };
            Ok(match renewal {
                Renewal::Renewed => Known::Replaced,
                Renewal::Refused => Known::Ended,
                Renewal::Unreachable => Known::Unsure,
            })
        })
    }

    /// What a profile's references see of this moment, and of a sign-in.
    pub(super) fn moment(&self, session: Option<&Session>) -> Context<'static> {
        for_session(session, &self.here())
    }

    pub(super) fn here(&self) -> Here {
        Here {
            now: self.now(),
            zone_min: self.host.clock().zone_min(),
            secrets: self.secrets(),
            kept: Value::Null,
            functions: self.host.functions(),
        }
    }

    pub(super) async fn sign_in_needed(&self, seen: Seen<Session>) -> Result<Renewal, CoreError> {
        let account = seen.value.account.clone();
        let mut change = Change::strict();
        let session = Session {
            state: SessionState::SignInNeeded,
            ..*seen.value
        };
        change.put(&session, seen.revision);
        self.write(&account, change).await?;
        Ok(Renewal::Refused)
    }
}

/// `expiresInS` from now, or `expiresAt` in Unix ms.
fn expiry(got: &Map<String, Value>, now: i64) -> Option<i64> {
    let number = |name: &str| got.get(name).and_then(Value::as_i64);
    number("expiresInS")
        .map(|s| now + s.saturating_mul(1_000))
        .or_else(|| number("expiresAt"))
}

/// Backend's clock minus ours, taken at the middle of the exchange.
fn offset(got: &Map<String, Value>, asked_at: i64, now: i64) -> Option<i64> {
    got.get("nowMs")
        .and_then(Value::as_i64)
        .map(|theirs| theirs - (asked_at + (now - asked_at) / 2))
}
