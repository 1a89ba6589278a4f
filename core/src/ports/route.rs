//! Reading the route: as many requests as the profile says, pages and lists within lists, and then
//! the one question whether a route that lost stops is to be believed.

use super::clock::Clock;
use super::driver::{Boxed, Driver, unreadable};
use super::error::{CoreError, CoreFault};
use super::host::Host;
use super::records;
use super::session::{Known, Renewal};
use super::step::{Decided, View, decided};
use super::store::Table;
use crate::domain::ids::AccountId;
use crate::domain::json::ToJson;
use crate::domain::route::{ROUTE_STOPS_MAX, check_route};
use crate::engine::change::{Change, EntityKey, RouteRecord, StopRecord};
use crate::engine::reconcile::{Reconciling, reconcile};
use crate::engine::session::Session;
use crate::profile::ProfileError;
use crate::profile::document::{Read, Shorter, Verdict};
use crate::profile::http::Answer;
use crate::profile::judge::{Ruling, answer_value, judge_knowing};
use crate::profile::request::build;
use crate::profile::route::{Mapped, Pages, items_of, map, next_link};
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

/// Why the route stays as it is: what the backend made of the question, or a failure.
enum Unread {
    Said(Box<RouteRefresh>),
    Failed(CoreError),
}

impl From<CoreError> for Unread {
    fn from(error: CoreError) -> Self {
        Self::Failed(error)
    }
}
impl From<ProfileError> for Unread {
    fn from(error: ProfileError) -> Self {
        Self::Failed(error.into())
    }
}

impl Unread {
    fn said(outcome: RouteOutcome, detail: Option<String>) -> Self {
        Self::Said(Box::new(RouteRefresh::said(outcome, detail)))
    }
    fn sign_in() -> Self {
        Self::said(RouteOutcome::SignIn, None)
    }
    fn away() -> Self {
        Self::said(RouteOutcome::Unreachable, None)
    }
}

impl<H: Host> Driver<H> {
    /// Fetches the route and merges it with what was recorded since.
    ///
    /// # Errors
    /// `route_unreadable`, `route_too_large` and their kin; what is stored stays as it was.
    pub async fn refresh_route(&self) -> Result<RouteRefresh, CoreError> {
        match self.fetch_route().await {
            Ok(refresh) => Ok(refresh),
            Err(Unread::Said(said)) => Ok(*said),
            Err(Unread::Failed(error)) => Err(error),
        }
    }

    async fn fetch_route(&self) -> Result<RouteRefresh, Unread> {
        let session = self.fresh_session().await?.ok_or_else(Unread::sign_in)?;
        let mut asking = Asking {
            session,
            requests: 0,
            proven: false,
            asked_at: self.now(),
        };
        loop {
            if let Some(refresh) = self.read_and_merge(&mut asking).await? {
                return Ok(refresh);
            }
            // What was read by a sign-in that has ended is read again, by the new one.
        }
    }

    /// `None`: the sign-in was renewed before the route could be believed.
    async fn read_and_merge(&self, asking: &mut Asking) -> Result<Option<RouteRefresh>, Unread> {
        let mapped = self.read_all(asking).await?;
        self.learn_offset(mapped.now_ms, asking.asked_at).await?;
        let unreadable = mapped.unreadable.len();
        let mut partial = unreadable > 0;
        // An ended sign-in can look like a route with fewer stops, or with none.
        let mut doubted = !partial && self.profile().route.shorter == Shorter::Proven;
        loop {
            let account = &asking.session.account;
            let mut step = |view: &View| merge(view, account, asking, &mapped, partial, doubted);
            if let Some(revision) = self.take(&mut step).await? {
                return Ok(Some(RouteRefresh {
                    unreadable,
                    kept: partial && unreadable == 0,
                    revision,
                    ..RouteRefresh::said(
                        RouteOutcome::Updated,
                        mapped.unreadable.into_iter().next(),
                    )
                }));
            }
            let by = asking.session.token.clone();
            if self.prove(asking).await? {
                if asking.session.token != by {
                    return Ok(None);
                }
            } else {
                partial = mapped.route.stops.is_empty();
            }
            doubted = false;
        }
    }

    /// Makes all reads, and the route of what they gave.
    async fn read_all(&self, asking: &mut Asking) -> Result<Mapped, Unread> {
        let profile = self.profile();
        let mut reads = Map::new();
        let mut first = None;
        let mut last = vec![];
        for read in &profile.route.reads {
            let context = self.with_reads(asking, &reads);
            let mut items = vec![];
            match &read.for_ {
                None => {
                    self.read_pages(asking, read, context, &mut items, &mut first)
                        .await?;
                }
                Some(list) => {
                    let Some(Value::Array(each)) = fill(list, &context)? else {
                        continue;
                    };
                    let name = read.as_.as_deref().unwrap_or("item");
                    for one in each {
                        let from = items.len();
                        let context = context.clone().with(name, one.clone());
                        self.read_pages(asking, read, context, &mut items, &mut first)
                            .await?;
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
        let context = self.with_reads(asking, &reads);
        if let Some(tree) = &profile.route.items {
            last = match fill(tree, &context)? {
                Some(Value::Array(items)) => items,
                _ => {
                    return Err(CoreFault::new(
                        "route_unreadable",
                        "what the profile takes for the list of stops is no list",
                    )
                    .into());
                }
            };
        }
        let context = context.with("response", first.unwrap_or_default());
        let mapped = map(&profile, &last, context)?;
        check_route(&mapped.route).map_err(CoreError::from)?;
        Ok(mapped)
    }

    fn with_reads(&self, asking: &Asking, reads: &Map<String, Value>) -> Context<'static> {
        let context = self.moment(Some(&asking.session));
        context.with("reads", Value::Object(reads.clone()))
    }

    /// One read, page after page.
    fn read_pages<'a>(
        &'a self,
        asking: &'a mut Asking,
        read: &'a Read,
        context: Context<'static>,
        items: &'a mut Vec<Value>,
        first: &'a mut Option<Value>,
    ) -> Boxed<'a, Result<(), Unread>> {
        Box::pin(async move {
            let mut pages = Pages::new(read.paging.as_ref());
            loop {
                let context = match pages.value() {
                    Some(page) => context.clone().with("page", page),
                    None => context.clone(),
                };
                let answer = self.ask(asking, read, &context, &pages).await?;
                if !take_page(read, &mut pages, &answer, &context, items, first)? {
                    return Ok(());
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
    ) -> Result<Answer, Unread> {
        let profile = self.profile();
        loop {
            asking.requests += 1;
            if asking.requests > REQUESTS_MAX {
                return Err(CoreFault::new(
                    "route_too_large",
                    format!("the route takes more than {REQUESTS_MAX} requests"),
                )
                .into());
            }
            let known = self.moment(Some(&asking.session));
            let context = context.clone().renewed(known);
            let mut request = build(&profile, &read.request, &context)?;
            pages.place(&mut request.url)?;
            let exchange = self.exchange(&asking.session.account, &request).await;
            self.tried(&asking.session.account, exchange.is_ok())
                .await?;
            let answer = exchange.map_err(|_| Unread::away())?;
            let judgement =
                judge_knowing(&read.outcomes, &profile, &answer, &context, asking.proven)?;
            match judgement.verdict {
                Ruling::Rule(Verdict::Applied) => return Ok(answer),
                Ruling::Rule(Verdict::Auth) if !asking.proven => {
                    match self.renew(&asking.session).await? {
                        Renewal::Renewed => asking.proven = true,
                        Renewal::Refused => return Err(Unread::sign_in()),
                        Renewal::Unreachable => return Err(Unread::away()),
                    }
                    self.adopt_session(asking).await?;
                }
                Ruling::Rule(Verdict::AuthUnsure) => {
                    if !self.prove(asking).await? {
                        return Err(Unread::away());
                    }
                }
                Ruling::Rule(Verdict::Auth) => return Err(Unread::sign_in()),
                Ruling::Rule(Verdict::Retry | Verdict::Throttled | Verdict::InDoubt) => {
                    return Err(Unread::away());
                }
                _ => {
                    let words = judgement
                        .message
                        .unwrap_or_else(|| format!("answer {}", answer.status));
                    return Err(Unread::said(RouteOutcome::Refused, Some(words)));
                }
            }
        }
    }

    /// Whether the sign-in is known to hold; false where the backend cannot be asked.
    async fn prove(&self, asking: &mut Asking) -> Result<bool, Unread> {
        if asking.proven {
            return Ok(true);
        }
        match self.is_known(&asking.session).await? {
            Known::Good => {}
            Known::Replaced => self.adopt_session(asking).await?,
            Known::Ended => return Err(Unread::sign_in()),
            Known::Unsure => return Ok(false),
        }
        asking.proven = true;
        Ok(true)
    }

    async fn adopt_session(&self, asking: &mut Asking) -> Result<(), Unread> {
        let now = self.session().await?.ok_or_else(Unread::sign_in)?;
        asking.session = now.value;
        Ok(())
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

/// Takes the stops of one page. Whether there is another.
fn take_page(
    read: &Read,
    pages: &mut Pages<'_>,
    answer: &Answer,
    context: &Context<'_>,
    items: &mut Vec<Value>,
    first: &mut Option<Value>,
) -> Result<bool, CoreError> {
    let value = answer_value(answer);
    let page = items_of(read, &value)?;
    let so_far = items.len() + page.len();
    if so_far > ROUTE_STOPS_MAX {
        return Err(CoreFault::new(
            "route_too_large",
            format!(
                "the backend's route has {so_far} stops; at most {ROUTE_STOPS_MAX} are taken ({})",
                read.read_id
            ),
        ));
    }
    let more = pages.turn(&value, page.len(), so_far, next_link(answer), context)?;
    items.extend_from_slice(page);
    first.get_or_insert(value);
    Ok(more)
}

/// Merges what was read with what is stored. Nothing where a route with fewer stops is not to be
/// believed yet.
fn merge(
    view: &View,
    account: &AccountId,
    asking: &Asking,
    mapped: &Mapped,
    partial: bool,
    doubted: bool,
) -> Decided {
    let stops = view.all(account, Table::Stops);
    let lanes = view.all(account, Table::Lanes);
    let header = view.one(account, &EntityKey::Route);
    view.read()?;
    let mut aside = vec![];
    let stops = records::read_all::<StopRecord>(stops, &mut aside);
    if doubted && mapped.route.stops.len() < stops.len() {
        return Ok(None);
    }
    view.set_aside(account, Table::Stops, aside);
    let change = reconcile(Reconciling {
        route: &mapped.route,
        asked_at: asking.asked_at,
        stops,
        lanes: records::values(lanes),
        header: records::first_or(header, RouteRecord::default()).map_err(unreadable)?,
        partial,
    });
    decided(account, change)
}
