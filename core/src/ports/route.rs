//! Reading the route: as many requests as the profile says, pages and lists within lists, and then
//! the one question whether a route that lost stops is to be believed.

use super::clock::Clock;
use super::driver::{Boxed, Driver, STALE_MAX, contended, unreadable};
use super::error::{CoreError, CoreFault};
use super::host::Host;
use super::records;
use super::session::{Known, Renewal};
use super::store::{Committed, Table};
use crate::domain::json::ToJson;
use crate::domain::route::{ROUTE_STOPS_MAX, check_route};
use crate::engine::change::{Change, EntityKey, RouteRecord, Seen, StopRecord};
use crate::engine::reconcile::{Reconciling, reconcile};
use crate::engine::session::Session;
use crate::profile::document::{Read, Shorter, Verdict};
use crate::profile::http::Answer;
use crate::profile::judge::{Ruling, answer_value, judge_knowing};
use crate::profile::request::build;
use crate::profile::route::{Pages, items_of, map, next_link};
use crate::profile::value::{Context, fill};
use serde_json::{Map, Value};

/// Requests for one route, pages and lists within lists counted together.
const REQUESTS_MAX: u32 = 200;

/// What came of asking for the route. Whatever it is, the stored route is still there.
#[derive(Clone, Debug, PartialEq, Eq, ToJson)]
pub struct RouteRefresh {
    pub outcome: RouteOutcome,
    /// for developers: what was refused, or what is wrong with the first stop that could not be read
    pub detail: Option<String>,
    /// stops that could not be read
    pub unreadable: usize,
    /// the route came empty, the backend could not prove it, and nothing was removed
    pub kept: bool,
    /// the store's change number
    pub revision: u64,
}

impl RouteRefresh {
    fn said(outcome: RouteOutcome, detail: Option<String>) -> Self {
        Self {
            outcome,
            detail,
            kept: false,
            unreadable: 0,
            revision: 0,
        }
    }
    fn sign_in() -> Self {
        Self::said(RouteOutcome::SignIn, None)
    }
    fn away() -> Self {
        Self::said(RouteOutcome::Unreachable, None)
    }
}

/// How the backend answered for the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToJson)]
#[json(rename_all = "snake_case")]
pub enum RouteOutcome {
    Updated,
    Unreachable,
    /// it asks for a new sign-in
    SignIn,
    /// it said no, or something that is no route
    Refused,
}

/// Reads while they are made.
struct Asking {
    session: Box<Session>,
    requests: u32,
    /// the sign-in was found to be good, or was renewed
    proven: bool,
    asked_at: i64,
}

/// Everything that was read, or why the route stays as it is.
type Got<T> = Result<Result<T, RouteRefresh>, CoreError>;

/// The value, or the reason to leave the route as it is.
macro_rules! or_say {
    ($got:expr) => {
        match $got? {
            Ok(value) => value,
            Err(said) => return Ok(Err(said)),
        }
    };
}

impl<H: Host> Driver<H> {
    /// Fetches the route and merges it with what was recorded since.
    ///
    /// # Errors
    /// `route_unreadable`, `route_too_large` and their kin; what is stored stays as it was.
    pub async fn refresh_route(&self) -> Result<RouteRefresh, CoreError> {
        let Some(session) = self.fresh_session().await? else {
            return Ok(RouteRefresh::sign_in());
        };
        let mut asking = Asking {
            session,
            requests: 0,
            proven: false,
            asked_at: self.now(),
        };
        loop {
            if let Some(said) = self.read_and_merge(&mut asking).await? {
                return Ok(said);
            }
            // What was read by a sign-in that has ended is read again, by the new one.
        }
    }

    /// `None`: the sign-in was renewed before the route could be believed.
    async fn read_and_merge(&self, asking: &mut Asking) -> Result<Option<RouteRefresh>, CoreError> {
        let (items, first, reads) = match self.read_all(asking).await? {
            Ok(read) => read,
            Err(said) => return Ok(Some(said)),
        };
        let profile = self.profile();
        let context = self
            .moment(Some(&asking.session))
            .with("response", first)
            .with("reads", Value::Object(reads));
        let mapped = map(&profile, &items, context)?;
        check_route(&mapped.route)?;
        self.learn_offset(mapped.now_ms, asking.asked_at).await?;
        let fresh = mapped.route.stops.len();
        let unreadable_stops = mapped.unreadable;
        for _ in 0..STALE_MAX {
            let account = asking.session.account.clone();
            let found = self
                .read(&[
                    records::all(&account, Table::Stops),
                    records::all(&account, Table::Lanes),
                    records::one(&account, &EntityKey::Route),
                ])
                .await?;
            let mut aside = vec![];
            let stops: Vec<Seen<StopRecord>> = records::read_all(&found[0], &mut aside);
            let mut partial = !unreadable_stops.is_empty();
            let mut kept = false;
            if fresh < stops.len() && !partial && profile.route.shorter == Shorter::Proven {
                // An ended sign-in can look like a route with fewer stops, or with none.
                let by = asking.session.token.clone();
                match self.prove(asking).await? {
                    Some(true) if asking.session.token != by => return Ok(None),
                    Some(true) => {}
                    Some(false) => return Ok(Some(RouteRefresh::sign_in())),
                    None if fresh == 0 => {
                        partial = true;
                        kept = true;
                    }
                    None => {}
                }
            }
            self.set_aside(&account, Table::Stops, aside).await?;
            let change = reconcile(Reconciling {
                route: mapped.route.clone(),
                asked_at: asking.asked_at,
                stops,
                lanes: records::values(&found[1]),
                header: records::first_or(&found[2], RouteRecord::default()).map_err(unreadable)?,
                partial,
            });
            if let Committed::Done(revision) = self.write(&account, change).await? {
                let unreadable = unreadable_stops.len();
                let first = unreadable_stops.into_iter().next();
                return Ok(Some(RouteRefresh {
                    unreadable,
                    kept,
                    revision,
                    ..RouteRefresh::said(RouteOutcome::Updated, first)
                }));
            }
        }
        Err(contended())
    }

    /// Makes all reads; gives the list of stops, the first answer, and every list.
    async fn read_all(&self, asking: &mut Asking) -> Got<(Vec<Value>, Value, Map<String, Value>)> {
        let profile = self.profile();
        let mut reads = Map::new();
        let mut first = None;
        let mut last = vec![];
        for read in &profile.route.reads {
            let context = self
                .moment(Some(&asking.session))
                .with("reads", Value::Object(reads.clone()));
            let mut items = vec![];
            match &read.for_ {
                None => or_say!(
                    self.read_pages(asking, read, context, &mut items, &mut first)
                        .await
                ),
                Some(list) => {
                    let Some(Value::Array(each)) = fill(list, &context)? else {
                        continue;
                    };
                    let name = read.as_.as_deref().unwrap_or("item");
                    for one in each {
                        let from = items.len();
                        let context = context.clone().with(name, one.clone());
                        or_say!(
                            self.read_pages(asking, read, context, &mut items, &mut first)
                                .await
                        );
                        // What was read knows by what it was read.
                        for item in &mut items[from..] {
                            if let Value::Object(fields) = item {
                                fields.insert(name.to_owned(), one.clone());
                            }
                        }
                    }
                }
            }
            last.clone_from(&items);
            reads.insert(read.read_id.clone(), Value::Array(items));
        }
        if let Some(tree) = &profile.route.items {
            let context = self
                .moment(Some(&asking.session))
                .with("reads", Value::Object(reads.clone()));
            last = match fill(tree, &context)? {
                Some(Value::Array(items)) => items,
                _ => {
                    return Err(CoreFault::new(
                        "route_unreadable",
                        "what the profile takes for the list of stops is no list",
                    ));
                }
            };
        }
        Ok(Ok((last, first.unwrap_or_default(), reads)))
    }

    /// One read, page after page.
    fn read_pages<'a>(
        &'a self,
        asking: &'a mut Asking,
        read: &'a Read,
        context: Context<'static>,
        items: &'a mut Vec<Value>,
        first: &'a mut Option<Value>,
    ) -> Boxed<'a, Got<()>> {
        Box::pin(async move {
            let mut pages = Pages::new(read.paging.as_ref());
            loop {
                let context = match pages.value() {
                    Some(page) => context.clone().with("page", page),
                    None => context.clone(),
                };
                let answer = or_say!(self.ask(asking, read, &context, &pages).await);
                let value = answer_value(&answer);
                let page = items_of(read, &value)?;
                if items.len() + page.len() > ROUTE_STOPS_MAX {
                    return Err(CoreFault::new(
                        "route_too_large",
                        format!(
                            "the backend's route has {} stops; at most {ROUTE_STOPS_MAX} are taken ({})",
                            items.len() + page.len(),
                            read.read_id
                        ),
                    ));
                }
                let link = next_link(&answer);
                let more =
                    pages.turn(&value, page.len(), items.len() + page.len(), link, &context)?;
                items.extend(page.iter().cloned());
                first.get_or_insert(value);
                if !more {
                    return Ok(Ok(()));
                }
            }
        })
    }

    /// One request; when the token has ended, renews it and asks once more.
    async fn ask(
        &self,
        asking: &mut Asking,
        read: &Read,
        context: &Context<'static>,
        pages: &Pages<'_>,
    ) -> Got<Answer> {
        let profile = self.profile();
        loop {
            asking.requests += 1;
            if asking.requests > REQUESTS_MAX {
                return Err(CoreFault::new(
                    "route_too_large",
                    format!("the route takes more than {REQUESTS_MAX} requests"),
                ));
            }
            let known = self.moment(Some(&asking.session));
            let context = context.clone().renewed(known);
            let mut request = build(&profile, &read.request, &context)?;
            pages.place(&mut request.url)?;
            let exchange = self.exchange(&asking.session.account, &request).await;
            self.tried(&asking.session.account, exchange.is_ok())
                .await?;
            let Ok(answer) = exchange else {
                return Ok(Err(RouteRefresh::away()));
            };
            let judgement =
                judge_knowing(&read.outcomes, &profile, &answer, &context, asking.proven)?;
            match judgement.verdict {
                Ruling::Rule(Verdict::Applied) => return Ok(Ok(answer)),
                Ruling::Rule(Verdict::Auth) if !asking.proven => {
                    match self.renew(&asking.session).await? {
                        Renewal::Renewed => asking.proven = true,
                        Renewal::Refused => return Ok(Err(RouteRefresh::sign_in())),
                        Renewal::Unreachable => return Ok(Err(RouteRefresh::away())),
                    }
                    or_say!(self.adopt_session(asking).await);
                }
                Ruling::Rule(Verdict::AuthUnsure) => match self.prove(asking).await? {
                    Some(true) => {}
                    Some(false) => return Ok(Err(RouteRefresh::sign_in())),
                    None => return Ok(Err(RouteRefresh::away())),
                },
                Ruling::Rule(Verdict::Auth) => return Ok(Err(RouteRefresh::sign_in())),
                Ruling::Rule(Verdict::Retry | Verdict::Throttled | Verdict::InDoubt) => {
                    return Ok(Err(RouteRefresh::away()));
                }
                _ => {
                    let words = judgement
                        .message
                        .unwrap_or_else(|| format!("answer {}", answer.status));
                    return Ok(Err(RouteRefresh::said(RouteOutcome::Refused, Some(words))));
                }
            }
        }
    }

    /// Whether the sign-in holds: `None` where the backend cannot be asked.
    async fn prove(&self, asking: &mut Asking) -> Result<Option<bool>, CoreError> {
        if asking.proven {
            return Ok(Some(true));
        }
        match self.is_known(&asking.session).await? {
            Known::Good => {}
            Known::Replaced => {
                if self.adopt_session(asking).await?.is_err() {
                    return Ok(Some(false));
                }
            }
            Known::Ended => return Ok(Some(false)),
            Known::Unsure => return Ok(None),
        }
        asking.proven = true;
        Ok(Some(true))
    }

    async fn adopt_session(&self, asking: &mut Asking) -> Got<()> {
        Ok(match self.session().await? {
            Some(now) => {
                asking.session = now.value;
                Ok(())
            }
            None => Err(RouteRefresh::sign_in()),
        })
    }

    async fn learn_offset(&self, now_ms: Option<i64>, asked_at: i64) -> Result<(), CoreError> {
        let now = self.host.clock().now_ms();
        // Taken at the middle of the exchange.
        let Some(offset) = now_ms.map(|theirs| theirs - (asked_at + (now - asked_at) / 2)) else {
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
                ..*seen.value
            };
            let mut change = Change::default();
            change.put(&session, seen.revision);
            self.write(&account, change).await?;
        }
        Ok(())
    }
}
